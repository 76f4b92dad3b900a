"""What is not wanted any more: marked, guarded, deleted after a grace, and never with anything of the operator's."""

from datetime import timedelta

import pytest
from dcim.models import Cable, Device, Interface
from django.utils import timezone
from ipam.models import VLAN, VRF, IPAddress, Prefix

from netbox_hedgehog.inventory.errors import PlanMoved
from netbox_hedgehog.inventory.leave import leave_everything, plan_removal, remove_created
from netbox_hedgehog.inventory.plan import DELETE, MARK
from netbox_hedgehog.inventory.settle import confirm_removal, plan, settle
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink, KindReading

from .fabrics import make, small
from .mirror import fabric_of, grace_is_over, mirror

pytestmark = pytest.mark.django_db


def without(*names):
    """The small fabric without these resources, and without what names them."""
    return [
        resource for resource in small()
        if not any(name == resource.name or name in resource.name.split('--') for name in names)
    ]


def with_external():
    """The small fabric, of which a port leads out, on a VLAN."""
    resources = small()
    profile = next(resource for resource in resources if resource.kind == 'SwitchProfile')
    profile.spec['ports']['E1/5'] = {'nos': 'Ethernet5', 'profile': 'p'}
    return [
        *resources,
        make('External', 'isp', ipv4Namespace='default'),
        make('Connection', 'leaf-1--external--isp', external={'link': {'switch': {'port': 'leaf-1/E1/5'}}}),
        make('ExternalAttachment', 'isp--leaf-1', external='isp', connection='leaf-1--external--isp',
             switch={'vlan': 300, 'ip': '192.0.2.6/24'}),
    ]


@pytest.fixture
def fabric():
    fabric = fabric_of(inventory_removal='delete')
    settle(fabric)
    return fabric


def test_a_device_that_has_gone_is_decommissioning_and_comes_back_as_it_was(fabric):
    Device.objects.filter(name='server-1').update(status='staged')
    mirror(fabric, without('server-1'))
    settle(fabric)
    device = Device.objects.get(name='server-1')
    assert device.status == 'decommissioning'
    row = Discrepancy.objects.get(type='orphan', kind='Server')
    assert row.object == device
    mirror(fabric, small())
    report = settle(fabric)
    assert report.counts['restore'] > 0
    assert Device.objects.get(name='server-1').status == 'staged'
    assert not Discrepancy.objects.exists()
    assert not InventoryLink.objects.filter(stale_since__isnull=False).exists()
    assert settle(fabric).changes == 0


def test_nothing_is_deleted_before_runs_and_hours_have_passed(fabric):
    mirror(fabric, without('server-1'))
    for _ in range(5):
        settle(fabric)
    link = InventoryLink.objects.get(key='device/server/server-1')
    assert link.stale_runs >= 3
    InventoryLink.objects.filter(fabric=fabric, stale_since__isnull=False).update(
        stale_since=timezone.now() - timedelta(hours=25), stale_runs=1,
    )
    settle(fabric)
    assert Device.objects.filter(name='server-1').exists()


def test_after_the_grace_what_was_made_is_deleted_with_all_that_hangs_on_it(fabric):
    mirror(fabric, without('server-1'))
    settle(fabric)
    grace_is_over(fabric)
    report = settle(fabric)
    assert report.counts['delete'] > 2
    assert not Device.objects.filter(name='server-1').exists()
    assert Interface.objects.get(device__name='leaf-1', name='E1/2').cable is None
    assert not InventoryLink.objects.filter(name__startswith='server-1', shared=False).exists()
    assert settle(fabric).changes == 0


def test_a_vpc_goes_in_the_right_order(fabric):
    fabric.inventory_subjects = ['devices', 'cabling', 'addressing', 'vpcs']
    mirror(fabric, without('vpc-1'))
    settle(fabric)
    grace_is_over(fabric)
    confirm_removal(fabric, plan(fabric).held_digest) if plan(fabric).held else settle(fabric)
    assert not VRF.objects.filter(name__startswith='vpc-1').exists()
    assert not VLAN.objects.exists()


def test_policies_ignore_and_mark_delete_nothing():
    for policy in ('ignore', 'mark'):
        fabric = fabric_of(name=policy, inventory_removal=policy, inventory_name_pattern='{fabric}-{name}')
        settle(fabric)
        mirror(fabric, without('server-1'))
        settle(fabric)
        grace_is_over(fabric)
        assert settle(fabric).changes == 0
        device = Device.objects.get(name=f'{policy}-server-1')
        assert device.status == ('active' if policy == 'ignore' else 'decommissioning')
        assert Discrepancy.objects.filter(fabric=fabric, type='orphan').exists()


def test_an_adopted_device_is_never_deleted(fabric):
    InventoryLink.objects.filter(name='server-1', object_type__model='device').update(origin='adopted')
    mirror(fabric, without('server-1'))
    settle(fabric)
    grace_is_over(fabric)
    settle(fabric)
    assert Device.objects.filter(name='server-1').exists()


@pytest.mark.parametrize('attach', [
    lambda device: Interface.objects.create(device=device, name='theirs', type='1000base-t'),
    lambda device: device.journal_entries.create(comments='theirs', assigned_object=device),
    lambda device: IPAddress.objects.create(address='192.0.2.1/24', assigned_object=device.interfaces.first()),
])
def test_what_holds_things_of_the_operators_is_reported_instead(fabric, attach):
    theirs = attach(Device.objects.get(name='server-1'))
    mirror(fabric, without('server-1'))
    settle(fabric)
    grace_is_over(fabric)
    settle(fabric)
    assert Device.objects.filter(name='server-1').exists()
    assert type(theirs).objects.filter(pk=theirs.pk).exists()
    assert Discrepancy.objects.filter(type='protected', name='server-1').exists()


def test_a_protector_is_named(fabric):
    Prefix.objects.create(prefix='192.0.2.0/24', vrf=VRF.objects.get(name__startswith='vpc-1'))
    mirror(fabric, without('vpc-1'))
    settle(fabric)
    grace_is_over(fabric)
    settle(fabric)
    assert VRF.objects.filter(name__startswith='vpc-1').exists()
    assert '192.0.2.0/24' in Discrepancy.objects.get(type='protected', object_type__model='vrf').sentence


def test_a_subject_that_is_switched_off_is_no_removal(fabric):
    Fabric.objects.filter(pk=fabric.pk).update(inventory_subjects=['devices', 'cabling'])
    fabric.refresh_from_db()
    report = settle(fabric)
    assert report.counts[MARK] == report.counts[DELETE] == 0
    assert Discrepancy.objects.filter(sentence__contains='switched off').count() == 2


@pytest.mark.parametrize('subjects', [['cabling', 'addressing', 'vpcs'], ['addressing', 'vpcs'], ['vpcs'], ['cabling']])
def test_without_devices_nothing_that_hangs_on_them_is_a_removal(subjects):
    """Nobody says then which cables and addresses there are to be, and so nobody says that one has gone."""
    fabric = fabric_of(with_external(), inventory_removal='delete')
    settle(fabric)
    before = Cable.objects.count(), Interface.objects.count(), IPAddress.objects.count(), VRF.objects.count()
    assert before[0] > 2
    fabric.inventory_subjects = subjects
    for _ in range(2):
        report = settle(fabric)
        assert report.counts[MARK] == report.counts[DELETE] == 0
        assert report.held == []
        grace_is_over(fabric)
    assert (Cable.objects.count(), Interface.objects.count(), IPAddress.objects.count(), VRF.objects.count()) == before
    assert not Discrepancy.objects.filter(sentence__contains='no longer defines').exists()
    assert Discrepancy.objects.filter(sentence__contains='The subject devices is switched off').exists()


def test_a_kind_that_was_never_read_is_no_removal(fabric):
    KindReading.objects.filter(kind='Server').delete()
    mirror_without = without('server-1')
    mirror(fabric, mirror_without)
    KindReading.objects.filter(kind='Server').delete()
    settle(fabric)
    assert Device.objects.get(name='server-1').status == 'active'


# The guard


def many_servers(count):
    from .fabrics import make

    return [*small(), *(make('Server', f'many-{number}') for number in range(count))]


def test_a_run_that_would_remove_too_much_stops_and_asks():
    fabric = fabric_of(many_servers(20))
    settle(fabric)
    mirror(fabric, small())
    report = settle(fabric)
    assert report.counts[MARK] == 0
    assert report.held == [
        '20 NetBox objects would be marked stale: waiting for confirmation (20 devices). '
        'More than the limit of 20%: 20 of 24 devices.',
    ]
    fabric.refresh_from_db()
    held = fabric.inventory_held
    assert held['count'] == 20
    assert not Device.objects.filter(status='decommissioning').exists()
    # It goes on asking about the same thing, and says since when.
    settle(fabric)
    fabric.refresh_from_db()
    assert fabric.inventory_held == held
    with pytest.raises(PlanMoved):
        confirm_removal(fabric, 'another digest')
    # Whatever else moves meanwhile, what was seen is what is confirmed.
    Device.objects.filter(name='leaf-1').update(serial='')
    confirm_removal(fabric, held['digest'])
    assert Device.objects.filter(status='decommissioning').count() == 20
    fabric.refresh_from_db()
    assert fabric.inventory_held is None


def test_a_few_objects_pass_the_guard():
    fabric = fabric_of()
    settle(fabric)
    mirror(fabric, without('server-1'))
    assert settle(fabric).counts[MARK] > 0


# Switched off


def test_leave_everything(fabric):
    count = Device.objects.count()
    assert leave_everything(fabric) > 0
    assert Device.objects.count() == count
    assert not InventoryLink.objects.exists()
    assert not Fabric.objects.get(pk=fabric.pk).inventory_enabled


def test_remove_exactly_what_was_created(fabric):
    theirs = Device.objects.create(
        name='theirs', site=fabric.inventory_site, device_type=Device.objects.first().device_type,
        role=Device.objects.first().role,
    )
    seen = plan_removal(fabric)
    report = remove_created(fabric, expected_digest=seen.digest)
    assert report.counts[DELETE] == len(seen.actions)
    assert list(Device.objects.all()) == [theirs]
    assert not any(model.objects.exists() for model in (VRF, Prefix, IPAddress, VLAN))
    assert report.left == []
    assert not Fabric.objects.get(pk=fabric.pk).inventory_enabled


def test_a_subinterface_goes_before_its_port():
    fabric = fabric_of(with_external())
    settle(fabric)
    assert Interface.objects.filter(name='E1/5.300', parent__name='E1/5').exists()
    # What is somebody's keeps the device, and nothing else.
    Device.objects.get(name='leaf-1').journal_entries.create(comments='theirs')
    seen = plan_removal(fabric)
    report = remove_created(fabric, expected_digest=seen.digest)
    assert report.counts[DELETE] == len(seen.actions)
    assert not any('E1/5' in sentence for sentence in report.left)
    assert not Interface.objects.filter(name__startswith='E1/5').exists()


def test_a_removal_that_is_not_the_one_seen_is_refused(fabric):
    seen = plan_removal(fabric)
    Interface.objects.create(device=Device.objects.get(name='server-1'), name='theirs', type='1000base-t')
    with pytest.raises(PlanMoved):
        remove_created(fabric, expected_digest=seen.digest)
    report = remove_created(fabric)
    assert 'theirs' in report.left[0]
    assert Device.objects.filter(name='server-1').exists()


def test_a_deleted_fabric_takes_its_links_along_without_a_word_in_the_change_log(fabric):
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    settle(fabric)
    fabric.delete()
    assert not InventoryLink.objects.exists()
    assert not Discrepancy.objects.exists()
    assert Device.objects.exists()
