"""What is whose: edits of people, adoption, conflicts, two fabrics, decisions."""

import pytest
from dcim.models import Cable, Device, DeviceRole, DeviceType, Interface, Manufacturer, Site
from ipam.models import VLAN, VRF, IPAddress, Prefix
from tenancy.models import Tenant

from netbox_hedgehog.inventory.operations import (
    accept_fabric_value,
    ignore,
    keep_netbox_value,
    recreate,
    reopen,
)
from netbox_hedgehog.inventory.planning.plan import ADOPT
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ...support.inventory import fabric_of, mirror, synced
from ...support.resources import make, small

pytestmark = pytest.mark.django_db


@pytest.fixture
def fabric():
    fabric = synced()
    return fabric


def device_of_the_operator(name='leaf-1', **fields):
    site = Site.objects.get_or_create(name='DC', slug='dc')[0]
    manufacturer = Manufacturer.objects.get_or_create(name='Own', slug='own')[0]
    device_type = DeviceType.objects.get_or_create(manufacturer=manufacturer, model='Box', slug='box')[0]
    role = DeviceRole.objects.get_or_create(name='Mine', slug='mine')[0]
    return Device.objects.create(name=name, site=site, device_type=device_type, role=role, **fields)


# Edits of people


def test_a_field_that_a_person_changed_is_reported_and_left(fabric):
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    row = Discrepancy.objects.get()
    assert (row.type, row.field, row.netbox_value, row.object) == (
        'field', 'serial', 'MINE', Device.objects.get(name='leaf-1'),
    )
    assert Device.objects.get(name='leaf-1').serial == 'MINE'


def test_an_edit_back_to_the_fabrics_value_ends_the_discrepancy(fabric):
    device = Device.objects.get(name='leaf-1')
    Device.objects.filter(pk=device.pk).update(serial='MINE')
    reconcile(fabric)
    Device.objects.filter(pk=device.pk).update(serial=device.serial)
    reconcile(fabric)
    assert not Discrepancy.objects.exists()


def test_unowned_fields_are_the_operators(fabric):
    Device.objects.filter(name='leaf-1').update(comments='mine', asset_tag='A1', status='offline')
    report = reconcile(fabric)
    assert report.changes == 0
    assert not Discrepancy.objects.exists()


def test_take_the_fabrics_value(fabric):
    before = Device.objects.get(name='leaf-1').serial
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    assert accept_fabric_value(Discrepancy.objects.all()).resolved == 1
    assert Device.objects.get(name='leaf-1').serial == before
    assert not Discrepancy.objects.exists()
    assert reconcile(fabric).changes == 0
    assert not Discrepancy.objects.exists()


def test_a_value_that_cannot_be_written_is_not_resolved(fabric):
    """A cable that a person has moved cannot come back to a port that another cable has taken."""
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    port = cable.b_terminations[0]
    theirs = device_of_the_operator('theirs')
    first, second = (Interface.objects.create(device=theirs, name=name, type='1000base-t') for name in 'ab')
    cable = Cable.objects.get(pk=cable.pk)
    cable.b_terminations = [first]
    cable.save()
    reconcile(fabric)
    Cable(a_terminations=[Interface.objects.get(pk=port.pk)], b_terminations=[second]).save()
    acceptance = accept_fabric_value(Discrepancy.objects.all())
    assert acceptance.resolved == 0
    assert Cable.objects.get(pk=cable.pk).b_terminations == [first]
    row = Discrepancy.objects.get()
    assert (row.type, row.state) == ('field', 'open')
    assert len(acceptance.refusals) == 1
    assert 'cable' in acceptance.refusals[0]


def test_a_value_that_was_changed_back_meanwhile_is_resolved(fabric):
    device = Device.objects.get(name='leaf-1')
    Device.objects.filter(pk=device.pk).update(serial='MINE')
    reconcile(fabric)
    Device.objects.filter(pk=device.pk).update(serial=device.serial)
    assert accept_fabric_value(Discrepancy.objects.all()).resolved == 1
    assert not Discrepancy.objects.exists()


def test_the_fabrics_value_of_a_resource_that_has_gone_is_not_resolved(fabric):
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    mirror(fabric, [resource for resource in small() if 'leaf-1' not in resource.name])
    acceptance = accept_fabric_value(Discrepancy.objects.all())
    assert acceptance.resolved == 0
    assert acceptance.refusals == ['Switch leaf-1 no longer has this object.']
    assert Discrepancy.objects.exists()


def test_keep_netboxs_value_and_reopen(fabric):
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    assert keep_netbox_value(Discrepancy.objects.all()) == 1
    reconcile(fabric)
    row = Discrepancy.objects.get()
    assert row.state == 'kept'
    assert row.link.kept == ['serial']
    assert reopen([row]) == 1
    assert InventoryLink.objects.get(pk=row.link_id).kept == []
    reconcile(fabric)
    assert Discrepancy.objects.get().state == 'open'


def test_an_ignored_discrepancy_stays_ignored_whatever_value_it_shows(fabric):
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    ignore(Discrepancy.objects.all())
    Device.objects.filter(name='leaf-1').update(serial='OTHER')
    reconcile(fabric)
    row = Discrepancy.objects.get()
    assert (row.state, row.netbox_value) == ('ignored', 'OTHER')


def test_what_was_deleted_in_netbox_is_one_finding_and_is_not_made_again(fabric):
    Device.objects.get(name='leaf-1').delete()
    before = Device.objects.count(), Interface.objects.count(), Cable.objects.count()
    reconcile(fabric)
    rows = Discrepancy.objects.filter(type='deleted', scope='devices')
    assert [row.key for row in rows] == ['device/switch/leaf-1']
    assert 'skipped too' in rows[0].sentence
    assert (Device.objects.count(), Interface.objects.count(), Cable.objects.count()) == before


def test_what_was_deleted_is_made_again_when_a_person_says_so(fabric):
    before = Interface.objects.count(), Cable.objects.count(), IPAddress.objects.count()
    Device.objects.get(name='leaf-1').delete()
    reconcile(fabric)
    assert recreate(Discrepancy.objects.all()) >= 1
    reconcile(fabric)
    assert list(Discrepancy.objects.values_list('sentence', flat=True)) == []
    assert (Interface.objects.count(), Cable.objects.count(), IPAddress.objects.count()) == before
    assert reconcile(fabric).changes == 0


def test_what_was_deleted_may_stay_deleted(fabric):
    Device.objects.get(name='leaf-1').delete()
    reconcile(fabric)
    assert keep_netbox_value(Discrepancy.objects.all()) >= 1
    reconcile(fabric)
    assert set(Discrepancy.objects.values_list('state', flat=True)) == {'kept'}


# What stands already


def test_a_device_of_the_operators_is_a_conflict_and_what_hangs_on_it_is_left_out():
    theirs = device_of_the_operator()
    synced()
    conflicts = Discrepancy.objects.filter(type='conflict')
    assert [row.key for row in conflicts] == ['device/switch/leaf-1']
    assert conflicts[0].object == theirs
    assert not theirs.interfaces.exists()
    assert Device.objects.filter(name='spine-1').exists()


def test_adoption_by_name_is_shown_in_the_plan_and_overwrites_nothing():
    theirs = device_of_the_operator(serial='THEIRS', comments='mine')
    port = Interface.objects.create(device=theirs, name='E1/1', type='1000base-t', description='mine')
    fabric = fabric_of(inventory_adoption='name')
    adopted = {action.key: action for action in plan(fabric).actions if action.type == ADOPT}
    assert adopted['device/switch/leaf-1'].pk == theirs.pk
    reconcile(fabric)
    theirs.refresh_from_db()
    port.refresh_from_db()
    assert (theirs.serial, theirs.comments, theirs.role.name) == ('THEIRS', 'mine', 'Mine')
    assert (port.type, port.description) == ('1000base-t', 'mine')
    assert theirs.interfaces.count() > 1
    link = InventoryLink.objects.get(key='device/switch/leaf-1')
    assert link.origin == 'adopted'
    assert 'serial' not in link.written
    fields = set(Discrepancy.objects.filter(link__key__contains='leaf-1').values_list('field', flat=True))
    assert {'serial', 'type'} <= fields
    assert theirs.primary_ip4 is not None  # nothing of theirs stood there
    print(plan(fabric).actions)
    assert reconcile(fabric).changes == 0


@pytest.mark.parametrize('of_the_fabric', [False, True])
def test_a_device_of_another_tenant_is_the_same_device(of_the_fabric):
    """NetBox would let it stand beside one of the fabric's: then every device would be there twice."""
    acme, other = (Tenant.objects.create(name=name, slug=name) for name in ('acme', 'other'))
    theirs = device_of_the_operator(tenant=acme)
    interface = Interface.objects.create(device=theirs, name='E1/1', type='other')
    fabric = synced(inventory_tenant=other if of_the_fabric else None)
    assert list(Device.objects.filter(name='leaf-1')) == [theirs]
    row = Discrepancy.objects.get(type='conflict', key='device/switch/leaf-1')
    assert 'Adopt, rename or remove it' in row.sentence
    fabric.inventory_adoption = 'name'
    adopted = {action.key: action.pk for action in plan(fabric).actions if action.type == ADOPT}
    assert adopted['device/switch/leaf-1'] == theirs.pk
    assert adopted['interface/switch/leaf-1/E1/1'] == interface.pk
    reconcile(fabric)
    assert list(Device.objects.filter(name='leaf-1')) == [theirs]
    assert Device.objects.get(name='leaf-1').tenant == acme
    assert reconcile(fabric).changes == 0
    assert not Discrepancy.objects.filter(type='conflict').exists()


def test_of_devices_of_several_tenants_none_is_chosen():
    for name in ('acme', 'other'):
        device_of_the_operator(tenant=Tenant.objects.create(name=name, slug=name))
    fabric = synced(inventory_adoption='name')
    assert Device.objects.filter(name='leaf-1').count() == 2
    assert Discrepancy.objects.filter(type='conflict', key='device/switch/leaf-1').exists()
    # The one that is the fabric's own tenant's is no question.
    fabric.inventory_tenant = Tenant.objects.get(name='acme')
    reconcile(fabric)
    link = InventoryLink.objects.get(key='device/switch/leaf-1')
    assert (link.origin, link.object.tenant.name) == ('adopted', 'acme')


def test_two_fabrics_of_two_tenants_have_a_device_of_one_name_each():
    for name in ('acme', 'other'):
        fabric = synced(name=name, inventory_tenant=Tenant.objects.create(name=name, slug=name))
        assert InventoryLink.objects.get(fabric=fabric, key='device/switch/leaf-1').object.tenant.name == name
    assert Device.objects.filter(name='leaf-1').count() == 2


def test_adoption_by_serial():
    serial = next(
        change.new for action in plan(fabric_of(name='probe')).actions if action.key == 'device/switch/leaf-1'
        for change in action.changes if change.field == 'serial'
    )
    theirs = device_of_the_operator('another-name', serial=serial)
    fabric = fabric_of(inventory_adoption='serial')
    reconcile(fabric)
    assert InventoryLink.objects.get(fabric=fabric, key='device/switch/leaf-1').object == theirs
    theirs.refresh_from_db()
    assert theirs.name == 'another-name'


def test_a_cable_of_the_operators_on_a_port_is_a_conflict(fabric):
    cable = Cable.objects.first()
    ends = cable.a_terminations, cable.b_terminations
    link = InventoryLink.objects.get(object_type__model='cable', object_id=cable.pk)
    cable.delete()
    link.delete()
    other = Interface.objects.create(
        device=device_of_the_operator('theirs'), name='eth0', type='1000base-t',
    )
    theirs = Cable(a_terminations=ends[0], b_terminations=[other])
    theirs.save()
    reconcile(fabric)
    row = Discrepancy.objects.get()
    assert (row.type, row.key, row.object) == ('conflict', link.key, theirs)
    assert ends[1][0].__class__.objects.get(pk=ends[1][0].pk).cable is None


def test_taken_places_in_ipam(fabric):
    vlan = VLAN.objects.first()
    InventoryLink.objects.filter(object_type__model='vlan', object_id=vlan.pk).delete()
    prefix = Prefix.objects.filter(vlan=vlan).first()
    InventoryLink.objects.filter(object_type__model='prefix', object_id=prefix.pk).delete()
    reconcile(fabric)
    assert {row.object for row in Discrepancy.objects.filter(type='conflict')} >= {vlan, prefix}


def test_the_same_vrf_name_is_no_conflict():
    VRF.objects.create(name='vpc-1 (dc-1)')
    reconcile(fabric_of())
    assert VRF.objects.filter(name='vpc-1 (dc-1)').count() == 2


def test_two_fabrics_stand_side_by_side_and_share_what_is_shared():
    one, two = fabric_of(name='dc-1'), fabric_of(name='dc-2', inventory_name_pattern='{fabric}-{name}')
    first, second = reconcile(one), reconcile(two)
    assert first.counts['create'] > second.counts['create'] > 30
    assert not Discrepancy.objects.exists()
    assert reconcile(one).changes == reconcile(two).changes == 0


def test_two_fabrics_never_take_each_others_objects():
    one = fabric_of(name='dc-1')
    two = fabric_of(name='dc-2', inventory_adoption='name')
    reconcile(one)
    reconcile(two)
    held = InventoryLink.objects.filter(shared=False)
    assert not set(held.filter(fabric=one).values_list('object_type', 'object_id')) & set(
        held.filter(fabric=two).values_list('object_type', 'object_id')
    )
    assert 'is managed by another fabric' in Discrepancy.objects.filter(fabric=two, type='conflict')[0].sentence


def test_two_connections_of_the_same_ports_come_to_rest():
    """The ports belong to the first by name: what stands goes on for it, and stays the same object."""
    fabric = synced()
    bundle = next(resource for resource in small() if resource.name == 'server-2--bundled--leaf-1')
    bond = Interface.objects.get(device__name='server-2', type='lag')
    mirror(fabric, [*small(), make('Connection', 'a-copy', **bundle.spec)])
    reconcile(fabric)
    assert plan(fabric).actions == []
    assert reconcile(fabric).changes == 0
    assert Interface.objects.get(device__name='server-2', type='lag') == bond
    assert not Discrepancy.objects.filter(type='conflict')
    assert Discrepancy.objects.filter(type='unmatched', name=bundle.name)
    # Once the other has gone, the same objects go on for the newcomer.
    mirror(fabric, [
        *(resource for resource in small() if resource.name != bundle.name), make('Connection', 'a-copy', **bundle.spec),
    ])
    reconcile(fabric)
    assert Interface.objects.get(device__name='server-2', type='lag') == bond
    assert not Discrepancy.objects.filter(type='conflict')
    assert reconcile(fabric).changes == 0


# MTUs


def wired_with(member, **settings):
    """The small fabric with another Connection of server-1, on E1/2 of leaf-1."""
    name = 'server-1--unbundled--leaf-1'
    link = {'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/2'}}
    links = {'link': link} if member == 'unbundled' else {'links': [link]}
    channels = {'server-2--bundled--leaf-1': 1, name: 7}
    others = [item for item in small() if item.name not in (name, 'switch.leaf-1')]
    return [
        *others, make('Connection', name, **{member: {**links, **settings}}),
        make('Catalog', 'switch.leaf-1', portChannelIDs=channels),
    ]


def port_with_mtu():
    return Interface.objects.filter(device__name='leaf-1', name='E1/2')


def test_an_mtu_is_the_fabrics_only_where_it_says_one(fabric):
    port_with_mtu().update(mtu=9036)
    reconcile(fabric)
    assert port_with_mtu().get().mtu == 9036
    assert not Discrepancy.objects.exists()
    # What a person has entered is a discrepancy as soon as the fabric says another one.
    mirror(fabric, wired_with('unbundled', mtu=1500))
    reconcile(fabric)
    assert port_with_mtu().get().mtu == 9036
    assert Discrepancy.objects.get().field == 'mtu'


def test_an_mtu_that_the_fabric_takes_back_goes(fabric):
    """The Agent is there, and says none."""
    for said in (1500, None, 1400):
        mirror(fabric, [*wired_with('unbundled', mtu=said), make('Agent', 'leaf-1')])
        reconcile(fabric)
        assert port_with_mtu().get().mtu == said


@pytest.mark.parametrize('before', [None, 1500])
def test_a_persons_mtu_stays_that_the_fabric_said_for_a_while(fabric, before):
    """Whether the plugin has written another one before, or none."""
    mirror(fabric, wired_with('unbundled', mtu=before))
    reconcile(fabric)
    port_with_mtu().update(mtu=9036)
    for said in (before, 9036, None):
        mirror(fabric, wired_with('unbundled', mtu=said))
        reconcile(fabric)
        assert port_with_mtu().get().mtu == 9036
    assert not Discrepancy.objects.exists()
    assert reconcile(fabric).changes == 0


def test_an_adopted_mtu_stays_that_the_fabric_said_for_a_while():
    theirs = device_of_the_operator()
    port = Interface.objects.create(device=theirs, name='E1/2', type='25gbase-x-sfp28', mtu=9036)
    fabric = synced(wired_with('unbundled', mtu=9036), inventory_adoption='name')
    mirror(fabric, wired_with('unbundled'))
    reconcile(fabric)
    port.refresh_from_db()
    assert port.mtu == 9036
    assert not Discrepancy.objects.filter(field='mtu').exists()


def test_a_value_that_the_fabric_no_longer_has_cannot_be_used(fabric):
    port_with_mtu().update(mtu=9036)
    mirror(fabric, wired_with('unbundled', mtu=1500))
    reconcile(fabric)
    mirror(fabric, wired_with('unbundled'))
    acceptance = accept_fabric_value(Discrepancy.objects.filter(field='mtu'))
    assert acceptance.resolved == 0
    assert acceptance.refusals == [
        'Switch leaf-1 has no value for MTU now: the NetBox value is kept.',
    ]
    assert port_with_mtu().get().mtu == 9036
    reconcile(fabric)
    assert not Discrepancy.objects.exists()


def test_switches_ignore_the_mtu_of_a_bundle(fabric):
    mirror(fabric, wired_with('bundled', mtu=1500))
    reconcile(fabric)
    channel = Interface.objects.get(device__name='leaf-1', name='PortChannel7')
    assert channel.mtu is None
    Interface.objects.filter(pk=channel.pk).update(mtu=9036)
    reconcile(fabric)
    assert not Discrepancy.objects.filter(field='mtu').exists()
    assert plan(fabric).actions == []
