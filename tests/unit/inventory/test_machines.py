"""One machine in several fabrics of a site: one device, and each fabric manages what is its own on it."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import Cable, Device, Interface, Site
from users.models import ObjectPermission, User

from netbox_hedgehog.inventory.applying import transaction as applying
from netbox_hedgehog.inventory.disable import disable_inventory, remove_created
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.operations import recreate
from netbox_hedgehog.inventory.planning.plan import CREATE, SHARE
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.examples import LONG
from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.machines import plane
from ...support.resources import make
from ...support.snapshots import prepared

pytestmark = pytest.mark.django_db


@pytest.fixture
def east() -> Fabric:
    return fabric_of(plane('east', range(1, 5)), name='east')


@pytest.fixture
def west() -> Fabric:
    return fabric_of(plane('west', range(1, 5)), name='west')


@pytest.fixture
def both() -> tuple[Fabric, Fabric]:
    """East and west after their first inventory syncs, in this order."""
    return prepared(_both)


def _both() -> tuple[Fabric, Fabric]:
    east, west = (fabric_of(plane(name, range(1, 5)), name=name) for name in ('east', 'west'))
    reconcile(east)
    reconcile(west)
    return east, west


def without(resources: list[Resource], number: int) -> list[Resource]:
    """These resources without a server and what connects it."""
    return [item for item in resources if not item.name.endswith(f'node-{number}')]


def manager(name: str) -> tuple[str, str]:
    """Which fabric manages a device, and where that comes from."""
    device = Device.objects.get(name=name)
    link = InventoryLink.objects.get(object_type__model='device', object_id=device.pk, shared=False)
    return link.fabric.name, link.origin


def ports(name: str) -> set[str]:
    return set(Interface.objects.filter(device__name=name).values_list('name', flat=True))


def settled(*fabrics: Fabric) -> bool:
    return not any(reconcile(fabric).changes for fabric in fabrics)


@pytest.mark.parametrize('order', [('east', 'west'), ('west', 'east')])
def test_a_server_of_two_fabrics_is_one_device(order):
    fabrics = [fabric_of(plane(name, range(1, 5)), name=name) for name in order]
    for fabric in fabrics:
        reconcile(fabric)
    assert not Discrepancy.objects.exists()
    assert Counter(Device.objects.values_list('name', flat=True)) == Counter(
        ('east-leaf', 'west-leaf', *(f'node-{number}' for number in range(1, 5))),
    )
    assert ports('node-1') == {'east0', 'west0'}
    assert ports('node-2') == {'east0', 'east1', 'bond-east0', 'west0', 'west1', 'bond-west0'}
    assert Cable.objects.count() == 12
    assert {manager(f'node-{number}')[0] for number in range(1, 5)} == {order[0]}
    assert settled(*fabrics, *fabrics)


def test_the_plan_says_which_devices_are_shared(east, west):
    reconcile(east)
    found = plan(west)
    assert found.counts[SHARE] == 4
    assert {action.name for action in found.actions if action.type == SHARE} == {f'node-{n}' for n in range(1, 5)}
    assert [action.name for action in found.actions if (action.type, action.model) == (CREATE, 'dcim.device')] == [
        'west-leaf',
    ]
    report = reconcile(west)
    assert report.counts == found.counts
    assert '4 shared' in report.sentence


def test_names_differ_in_case_only(east):
    reconcile(east)
    west = fabric_of([
        replace(item, name='NODE-1') if item.name == 'node-1' else item for item in without(plane('west', [1]), 1)
    ] + [make('Server', 'NODE-1')], name='west')
    reconcile(west)
    assert Device.objects.filter(name__iexact='node-1').count() == 1


def test_a_gateway_of_two_fabrics_is_one_device():
    fabrics = [fabric_of(plane(name, (), gateway=True), name=name) for name in ('east', 'west')]
    for fabric in fabrics:
        reconcile(fabric)
    assert Device.objects.filter(name='border').count() == 1
    assert not Discrepancy.objects.exists()
    assert settled(*fabrics)
    assert not Discrepancy.objects.exists()


def test_a_switch_is_never_shared(east):
    reconcile(east)
    west = fabric_of(
        [replace(item, name='east-leaf') if item.kind == 'Switch' else item for item in plane('west', ())], name='west',
    )
    reconcile(west)
    row = Discrepancy.objects.get()
    assert (row.type, row.object) == ('conflict', Device.objects.get(name='east-leaf'))


def test_a_device_of_the_operator_is_no_shared_one(west):
    """Only what another fabric manages is shared: anything else is adopted, or a conflict."""
    synced(plane('other', [9]), name='other')
    device = Device.objects.get(name='node-9')
    Device.objects.create(name='node-1', site=device.site, role=device.role, device_type=device.device_type)
    reconcile(west)
    assert {row.name for row in Discrepancy.objects.filter(type='conflict')} == {'node-1'}


def test_sites_have_machines_of_their_own(east):
    west = fabric_of(plane('west', [1]), name='west', inventory_site=Site.objects.create(name='B', slug='b'))
    reconcile(east)
    reconcile(west)
    assert Device.objects.filter(name='node-1').count() == 2


# What ends


def test_what_one_fabric_does_not_need_any_more_goes_on_with_the_other(both):
    east, west = both
    east.inventory_removal = 'delete'
    east.save()
    mirror(east, without(plane('east', range(1, 5)), 1))
    reconcile(east)
    assert manager('node-1') == ('west', 'created')
    assert Device.objects.get(name='node-1').status == 'active'
    grace_is_over(east)
    reconcile(east)
    assert ports('node-1') == {'west0'}
    assert Cable.objects.filter(label='west--node-1').exists()
    assert settled(east, west)
    assert not Discrepancy.objects.exists()
    # The last one that needs it takes it away.
    west.inventory_removal = 'delete'
    west.save()
    mirror(west, without(plane('west', range(1, 5)), 1))
    reconcile(west)
    grace_is_over(west)
    reconcile(west)
    assert not Device.objects.filter(name='node-1').exists()
    assert settled(east, west)


def test_the_one_that_shares_leaves_first(both):
    east, west = both
    mirror(west, without(plane('west', range(1, 5)), 1))
    reconcile(west)
    assert manager('node-1') == ('east', 'created')
    assert not InventoryLink.objects.filter(fabric=west, object_type__model='device', name='node-1').exists()
    assert settled(east, west)


@pytest.mark.parametrize('leave', [
    disable_inventory, remove_created, pytest.param(Fabric.delete, marks=pytest.mark.system),
])
def test_an_inventory_that_is_disabled_leaves_the_rest(both, leave):
    east, west = both
    before = ports('node-2') - {'east0', 'east1', 'bond-east0'}
    leave(east)
    assert {manager(f'node-{number}') for number in range(1, 5)} == {('west', 'created')}
    assert before <= ports('node-2')
    assert settled(west)
    assert not Discrepancy.objects.filter(fabric=west).exists()


def test_a_stale_device_that_another_fabric_needs_is_in_service_again(east):
    reconcile(east)
    mirror(east, without(plane('east', range(1, 5)), 1))
    reconcile(east)
    assert Device.objects.get(name='node-1').status == 'decommissioning'
    west = synced(plane('west', [1]), name='west')
    reconcile(east)
    reconcile(west)
    assert Device.objects.get(name='node-1').status == 'active'
    assert manager('node-1') == ('west', 'created')
    assert settled(east, west)


def test_what_another_fabric_has_begun_to_share_is_not_deleted(east, west, monkeypatch):
    """Its plan was made before: NetBox is asked again at the moment of the deletion."""
    reconcile(east)
    east.inventory_removal = 'delete'
    east.save()
    mirror(east, without(plane('east', range(1, 5)), 1))
    reconcile(east)
    grace_is_over(east)
    lock = applying.lock_fabric

    def share_first(fabric):
        monkeypatch.setattr(applying, 'lock_fabric', lock)
        reconcile(west)
        lock(fabric)

    monkeypatch.setattr(applying, 'lock_fabric', share_first)
    reconcile(east)
    assert 'west0' in ports('node-1')
    for _ in range(2):
        reconcile(east)
        reconcile(west)
    assert manager('node-1')[0] == 'west'
    assert settled(east, west)


# What people do


def test_a_shared_device_that_a_person_deletes_comes_back_when_they_say_so(both):
    east, west = both
    Device.objects.get(name='node-1').delete()
    for fabric in (west, east, west):
        reconcile(fabric)
    rows = Discrepancy.objects.filter(type='deleted', name='node-1')
    assert {row.fabric.name for row in rows} == {'east', 'west'}
    for name in ('west', 'east'):
        recreate(Discrepancy.objects.filter(type='deleted', fabric__name=name))
        reconcile(west)
        reconcile(east)
    assert settled(east, west)
    assert not Discrepancy.objects.exists()
    assert ports('node-1') == {'east0', 'west0'}
    assert Device.objects.filter(name='node-1').count() == 1


def test_one_port_of_two_fabrics_is_a_conflict_of_that_port_alone(east):
    """Two fabrics say that they have the same port: who was first keeps it, and everything else is as ever."""
    reconcile(east)
    resources = plane('west', [1, 3])
    for item in resources:
        if item.name == 'west--node-1':
            item.spec['unbundled']['link']['server']['port'] = 'node-1/east0'
    west = synced(resources, name='west')
    assert ports('node-1') == {'east0'}
    assert ports('node-3') == {'east0', 'west0'}
    rows = Discrepancy.objects.filter(fabric=west)
    assert {row.type for row in rows} == {'conflict'}
    assert {row.name for row in rows} == {'west--node-1'}
    assert settled(east, west)


def test_a_shared_device_that_a_person_renames_or_moves_stays_shared(both):
    east, west = both
    Device.objects.filter(name='node-1').update(name='db-7', site=Site.objects.create(name='B', slug='b'))
    reconcile(west)
    reconcile(east)
    assert ports('db-7') == {'east0', 'west0'}
    assert not Device.objects.filter(name='node-1').exists()
    assert {row.fabric.name for row in Discrepancy.objects.filter(type='field')} == {'east'}
    assert settled(east, west)


def test_a_person_needs_no_permission_for_what_does_not_change(east, west):
    """Sharing changes nothing about a device: nobody needs to be allowed to change it."""
    reconcile(east)
    user = User.objects.create_user('operator')
    for model in ('device', 'interface', 'cable', 'devicetype', 'devicerole', 'manufacturer'):
        permission = ObjectPermission.objects.create(name=model, actions=['view', 'add'])
        permission.object_types.add(ObjectType.objects.get(model=model))
        permission.users.add(user)
    report = reconcile(west, user=User.objects.get(pk=user.pk))
    assert report.counts[SHARE] == 4
    before = ObjectChange.objects.filter(changed_object_type__model='device', user=user)
    assert {change.object_repr for change in before} == {'west-leaf'}


@pytest.mark.property
@pytest.mark.parametrize('seed', range(6 if LONG else 1))
def test_whatever_happens_each_machine_is_one_device(seed):
    """Three fabrics that servers and a gateway come to and go from, that are disabled and enabled, in any order."""
    chance, of_gateways = random.Random(seed), random.Random(seed)
    names = ('north', 'east', 'west')
    fabrics = {name: fabric_of([], name=name, inventory_removal='delete') for name in names}
    servers = {name: set(chance.sample(range(1, 6), 3)) for name in names}
    gateways: set[str] = set()
    for _ in range(12 if LONG else 6):
        name = chance.choice(names)
        fabric = fabrics[name]
        servers[name] ^= {chance.randint(1, 5)}
        gateways ^= {name} if of_gateways.random() < 0.4 else set()
        mirror(fabric, plane(name, servers[name], name in gateways))
        if chance.random() < 0.2 and fabric.inventory_enabled:
            chance.choice((disable_inventory, remove_created))(fabric)
            fabric.inventory_enabled = chance.random() < 0.7
            fabric.save()
        for other in chance.sample(names, chance.randint(1, 3)):
            _sync(fabrics[other])
            if chance.random() < 0.5:
                grace_is_over(fabrics[other])
    for name, fabric in fabrics.items():
        mirror(fabric, plane(name, servers[name], name in gateways))
        fabric.inventory_enabled, fabric.inventory_adoption = True, 'name'
        fabric.save()
    for _ in range(4):
        for fabric in fabrics.values():
            _sync(fabric)
            grace_is_over(fabric)
    assert not Discrepancy.objects.exclude(type='orphan').exists(), [str(row) for row in Discrepancy.objects.all()]
    assert not any(plan(fabric).actions for fabric in fabrics.values())
    if gateways:
        assert Device.objects.filter(name='border').count() == 1
        assert manager('border')[0] in gateways
        assert ports('border') == {'Loopback1'}
    for number in range(1, 6):
        wanted = {name for name in names if number in servers[name]}
        devices = Device.objects.filter(name=f'node-{number}')
        if wanted:
            assert devices.count() == 1
            assert {f'{name}0' for name in wanted} <= ports(f'node-{number}')
            assert manager(f'node-{number}')[0] in wanted


def _sync(fabric: Fabric) -> None:
    if fabric.inventory_enabled:
        reconcile(fabric, confirmed=True)
