"""Which devices of several fabrics are one, which are not, and what a fabric says of those that it shares."""

from collections import Counter

import pytest
from dcim.models import Device, Interface, Site
from tenancy.models import Tenant

from netbox_hedgehog.inventory.disable import disable_inventory, remove_created
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.machines import plane
from ...support.resources import make
from .test_ownership import device_of_the_operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def east() -> Fabric:
    fabric = synced(plane('east', [1, 3]), name='east')
    return fabric


def west(resources: list[Resource] | None = None, **settings) -> Fabric:
    fabric = synced(plane('west', [1]) if resources is None else resources, name='west', **settings)
    return fabric


def tenant(name: str) -> Tenant:
    return Tenant.objects.get_or_create(name=name, slug=name)[0]


def site(name: str) -> Site:
    return Site.objects.get_or_create(name=name, slug=name.lower())[0]


def ports(device: Device) -> set[str]:
    return set(Interface.objects.filter(device=device).values_list('name', flat=True))


def links(device: Device) -> set[tuple[str, str, bool]]:
    """Which fabrics have a device, as what kind of resource, and whether they share it."""
    rows = InventoryLink.objects.filter(object_type__model='device', object_id=device.pk)
    return set(rows.values_list('fabric__name', 'kind', 'shared'))


def servers() -> Counter[str]:
    return Counter(Device.objects.exclude(name__endswith='leaf').values_list('name', flat=True))


def update(fabric: Fabric, **settings) -> None:
    for name, value in settings.items():
        setattr(fabric, name, value)
    fabric.save()


# Which are one


@pytest.mark.parametrize('edit', ['name', 'site', 'tenant'])
def test_what_a_person_has_changed_is_still_the_same_device(east, edit):
    device = Device.objects.get(name='node-1')
    values = {'name': 'db-7', 'site': site('B'), 'tenant': tenant('acme')}
    Device.objects.filter(pk=device.pk).update(**{edit: values[edit]})
    fabric = west()
    assert ports(device) == {'east0', 'west0'}
    assert sum(servers().values()) == 2
    assert not Discrepancy.objects.filter(fabric=fabric).exists()
    assert not plan(fabric).actions


def test_a_device_with_the_name_of_another_resource_is_that_of_its_own_resource(east):
    """A person has given the device of node-1 the name of another server of the second fabric."""
    device = Device.objects.get(name='node-1')
    Device.objects.filter(pk=device.pk).update(name='db-7')
    fabric = west([make('Server', 'db-7'), *plane('west', [1])])
    assert links(device) == {('east', 'Server', False), ('west', 'Server', True)}
    assert InventoryLink.objects.get(fabric=fabric, object_id=device.pk, shared=True, kind='Server').name == 'node-1'
    assert [(row.type, row.name) for row in Discrepancy.objects.filter(fabric=fabric)] == [('conflict', 'db-7')]
    mirror(fabric, [make('Server', 'db-7'), make('Server', 'db-8'), *plane('west', [1])])
    Device.objects.filter(pk=device.pk).update(name='db-8')
    reconcile(fabric)
    assert links(device) == {('east', 'Server', False), ('west', 'Server', True)}
    assert [(row.type, row.name) for row in Discrepancy.objects.filter(fabric=fabric)] == [('conflict', 'db-8')]


@pytest.mark.parametrize('names', [('a', 'b'), ('a', None), (None, 'a')])
def test_fabrics_of_different_tenants_have_devices_of_their_own(names):
    one, other = (tenant(name) if name else None for name in names)
    reconcile(fabric_of(plane('east', [1]), name='east', inventory_tenant=one))
    fabric = west(inventory_tenant=other)
    assert servers() == {'node-1': 2}
    assert not Discrepancy.objects.exists()
    assert not plan(fabric).actions


def test_fabrics_of_one_tenant_share():
    reconcile(fabric_of(plane('east', [1]), name='east', inventory_tenant=tenant('a')))
    west(inventory_tenant=tenant('a'))
    assert servers() == {'node-1': 1}


@pytest.mark.parametrize('one', ['Server', 'Gateway'])
def test_a_server_and_a_gateway_of_one_name_are_two_machines(one):
    """One of them is reported: a name is one device's at a site."""
    gateway = make('Gateway', 'border', asn=65500, protocolIP='172.30.8.9/32')
    kinds = {'Server': [make('Server', 'border')], 'Gateway': [gateway]}
    other = 'Gateway' if one == 'Server' else 'Server'
    reconcile(fabric_of(kinds[one], name='east'))
    fabric = west(kinds[other])
    assert links(Device.objects.get(name='border')) == {('east', one, False)}
    row = Discrepancy.objects.get(fabric=fabric)
    assert (row.type, row.kind, row.name) == ('conflict', other, 'border')
    assert row.sentence.startswith('Device border skipped: it already exists and is managed by another fabric.')
    assert not plan(fabric).actions


def test_a_device_that_others_need_is_not_taken_over(east):
    """The server has gone from the fabric that manages it, which has a switch of that name now."""
    fabric = west()
    device = Device.objects.get(name='node-1')
    switch = make('Switch', 'node-1', role='server-leaf', profile='x4')
    mirror(east, [*plane('east', [3]), switch])
    for _ in range(2):
        reconcile(east)
        reconcile(fabric)
        row = Discrepancy.objects.get(fabric=east, type='conflict')
        assert (row.kind, row.name) == ('Switch', 'node-1')
        assert row.sentence.startswith('Device node-1 skipped: it already exists and is managed by another fabric.')
    assert links(device) == {('west', 'Server', False)}
    assert 'E1/1' not in ports(device)


# A gateway's loopbacks


def test_a_loopback_goes_on_with_the_fabric_that_needs_it():
    """Each fabric has an address of its own on it, and the last one takes it away with the gateway."""
    gateway = [make('Gateway', 'border', asn=65500, protocolIP='172.30.8.9/32')]
    both = [fabric_of(gateway, name=name, inventory_removal='delete') for name in ('east', 'west')]
    for fabric in both:
        reconcile(fabric)
    device = Device.objects.get(name='border')
    loopback = device.interfaces.get(name='Loopback1')
    assert addresses(loopback) == {'Underlay (east)', 'Underlay (west)'}
    one, other = both
    mirror(one, [])
    leave(one)
    assert links(device) == {('west', 'Gateway', False)}
    assert addresses(loopback) == {'Underlay (west)'}
    assert InventoryLink.objects.get(object_type__model='interface', object_id=loopback.pk).origin == 'created'
    assert not Discrepancy.objects.exists()
    mirror(other, [])
    leave(other)
    assert not Device.objects.filter(name='border').exists()
    assert not InventoryLink.objects.filter(object_type__model__in=('device', 'interface')).exists()


def test_a_loopback_that_comes_later_is_shared_too():
    gateway = {'asn': 65500, 'protocolIP': '172.30.8.9/32'}
    both = [fabric_of([make('Gateway', 'border', **gateway)], name=name) for name in ('east', 'west')]
    for fabric in both:
        reconcile(fabric)
    for fabric in both:
        mirror(fabric, [make('Gateway', 'border', **gateway, vtepIP='172.30.12.1/32')])
        reconcile(fabric)
    loopback = Interface.objects.get(name='Loopback2')
    assert addresses(loopback) == {'Underlay (east)', 'Underlay (west)'}
    assert InventoryLink.objects.filter(object_type__model='interface', object_id=loopback.pk, shared=True).count() == 1
    assert not Discrepancy.objects.exists()
    assert not any(plan(fabric).actions for fabric in both)


def addresses(interface: Interface) -> set[str]:
    return set(interface.ip_addresses.values_list('vrf__name', flat=True))


def leave(fabric: Fabric) -> None:
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)


# What a fabric says of those that it shares


@pytest.mark.parametrize('setting', ['inventory_site', 'inventory_tenant', 'inventory_name_pattern'])
@pytest.mark.parametrize('whose', ['east', pytest.param('west', marks=pytest.mark.system)])
def test_settings_that_differ_later_are_reported_and_end_nothing(east, setting, whose):
    fabric = west()
    device = Device.objects.get(name='node-1')
    values = {'inventory_site': site('B'), 'inventory_tenant': tenant('a'), 'inventory_name_pattern': 'x-{name}'}
    changed = {'east': east, 'west': fabric}[whose]
    before = getattr(changed, setting)
    update(changed, **{setting: values[setting]})
    for one in (east, fabric, east, fabric):
        reconcile(one)
    assert links(device) == {('east', 'Server', False), ('west', 'Server', True)}
    assert ports(device) == {'east0', 'west0'}
    row = Discrepancy.objects.get()
    assert (row.fabric.name, row.type, row.code) == ('west', 'unmatched', 'shared-devices-differ')
    assert row.sentence.startswith('1 device is shared with a fabric that has another site, tenant or name pattern.')
    update(changed, **{setting: before})
    for one in (east, fabric):
        reconcile(one)
    assert not Discrepancy.objects.exists()


def test_devices_that_were_shared_by_mistake_can_be_separated(east):
    fabric = west()
    update(fabric, inventory_name_pattern='x-{name}')
    remove_created(fabric)
    update(fabric, inventory_enabled=True)
    reconcile(fabric)
    assert ports(Device.objects.get(name='node-1')) == {'east0'}
    assert ports(Device.objects.get(name='x-node-1')) == {'west0'}
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize('setting', ['inventory_site', 'inventory_name_pattern'])
def test_a_device_is_shared_where_it_is_though_the_settings_have_changed(east, setting):
    """Both fabrics have the server at this site by this name in NetBox: it is the same one."""
    values = {'inventory_site': site('B'), 'inventory_name_pattern': 'x-{name}'}
    update(east, **{setting: values[setting]})
    west()
    assert servers() == {'node-1': 1, 'node-3': 1}


def test_no_discrepancy_names_another_fabric(east):
    """Who may view the discrepancies of one fabric need not know of the other ones."""
    resources = plane('west', [1])
    next(item for item in resources if item.name == 'west--node-1').spec['unbundled']['link']['server']['port'] = (
        'node-1/east0'
    )
    switch = make('Switch', 'east-leaf', role='server-leaf', profile='x4')
    reconcile(fabric_of([*resources, switch], name='other'))
    rows = Discrepancy.objects.all()
    assert {(row.code, row.object.name) for row in rows} == {
        ('object-of-other-fabric', 'east0'), ('object-of-other-fabric', 'east-leaf'),
    }
    for row in rows:
        assert 'is managed by another fabric' in row.sentence
        assert 'east' not in {value for value in row.parameters.values() if isinstance(value, str)}


def test_a_fabric_without_adoption_adopts_nothing_of_a_device_that_it_was_handed():
    device = device_of_the_operator('node-1')
    theirs = Interface.objects.create(device=device, name='west0', type='25gbase-x-sfp28')
    first = synced(plane('east', [1]), name='east', inventory_adoption='name')
    second = west()
    disable_inventory(first)
    reconcile(second)
    assert links(device) == {('west', 'Server', False)}
    assert not InventoryLink.objects.filter(object_type__model='interface', object_id=theirs.pk).exists()
    assert Discrepancy.objects.get(key='interface/server/node-1/west0').code == 'object-unmanaged'
