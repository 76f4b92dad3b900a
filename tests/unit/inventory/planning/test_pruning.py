"""What is not wanted any more: marked, guarded, deleted after a grace, and never with anything of the operator's."""

from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import (
    Cable,
    CableTermination,
    Device,
    DeviceBay,
    FrontPort,
    Interface,
    PortMapping,
    Rack,
    RearPort,
    Site,
    VirtualChassis,
)
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import pre_delete
from django.test import override_settings
from django.utils import timezone
from extras.models import CachedValue, CustomField
from ipam.models import VLAN, VRF, IPAddress, IPRange, Prefix
from utilities.exceptions import AbortRequest
from utilities.serialization import serialize_object
from wireless.models import WirelessLink

from netbox_hedgehog.inventory.disable import disable_inventory, plan_removal, remove_created
from netbox_hedgehog.inventory.errors import PlanMoved
from netbox_hedgehog.inventory.planning.plan import DELETE, MARK_STALE
from netbox_hedgehog.inventory.reconcile import confirm_removal, plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink, KindSync

from ....support.inventory import grace_is_over, mirror, synced
from ....support.resources import make, small
from ..test_ownership import device_of_the_operator

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
    fabric = synced(inventory_removal='delete')
    return fabric


def test_a_device_that_has_gone_is_decommissioning_and_comes_back_as_it_was(fabric):
    Device.objects.filter(name='server-1').update(status='staged')
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    device = Device.objects.get(name='server-1')
    assert device.status == 'decommissioning'
    row = Discrepancy.objects.get(type='orphan', kind='Server')
    assert row.object == device
    mirror(fabric, small())
    report = reconcile(fabric)
    assert report.counts['restore'] > 0
    assert Device.objects.get(name='server-1').status == 'staged'
    assert not Discrepancy.objects.exists()
    assert not InventoryLink.objects.filter(stale_since__isnull=False).exists()
    assert reconcile(fabric).changes == 0


def test_nothing_is_deleted_before_syncs_and_hours_have_passed(fabric):
    mirror(fabric, without('server-1'))
    for _ in range(5):
        reconcile(fabric)
    link = InventoryLink.objects.get(key='device/server/server-1')
    assert link.stale_syncs >= 3
    InventoryLink.objects.filter(fabric=fabric, stale_since__isnull=False).update(
        stale_since=timezone.now() - timedelta(hours=25), stale_syncs=1,
    )
    reconcile(fabric)
    assert Device.objects.filter(name='server-1').exists()


def test_after_the_grace_what_was_made_is_deleted_with_all_that_hangs_on_it(fabric):
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    report = reconcile(fabric)
    assert report.counts['delete'] > 2
    assert not Device.objects.filter(name='server-1').exists()
    assert Interface.objects.get(device__name='leaf-1', name='E1/2').cable is None
    assert not InventoryLink.objects.filter(name__startswith='server-1', shared=False).exists()
    assert reconcile(fabric).changes == 0


def test_a_vpc_goes_in_the_right_order(fabric):
    fabric.inventory_scope = ['devices', 'cabling', 'addressing', 'vpcs']
    mirror(fabric, without('vpc-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    confirm_removal(fabric, plan(fabric).confirmation_digest) if plan(fabric).requires_confirmation else reconcile(fabric)
    assert not VRF.objects.filter(name__startswith='vpc-1').exists()
    assert not VLAN.objects.exists()


def test_policies_ignore_and_mark_delete_nothing():
    for policy in ('ignore', 'mark'):
        fabric = synced(name=policy, inventory_removal=policy, inventory_name_pattern='{fabric}-{name}')
        mirror(fabric, without('server-1'))
        reconcile(fabric)
        grace_is_over(fabric)
        assert reconcile(fabric).changes == 0
        device = Device.objects.get(name=f'{policy}-server-1')
        assert device.status == ('active' if policy == 'ignore' else 'decommissioning')
        assert Discrepancy.objects.filter(fabric=fabric, type='orphan').exists()


def test_an_adopted_device_is_never_deleted(fabric):
    InventoryLink.objects.filter(name='server-1', object_type__model='device').update(origin='adopted')
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    reconcile(fabric)
    assert Device.objects.filter(name='server-1').exists()


@pytest.mark.parametrize('attach', [
    lambda device: Interface.objects.create(device=device, name='theirs', type='1000base-t'),
    lambda device: device.journal_entries.create(comments='theirs', assigned_object=device),
    lambda device: IPAddress.objects.create(address='192.0.2.1/24', assigned_object=device.interfaces.first()),
])
def test_what_holds_things_of_the_operators_is_reported_instead(fabric, attach):
    theirs = attach(Device.objects.get(name='server-1'))
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    reconcile(fabric)
    assert Device.objects.filter(name='server-1').exists()
    assert type(theirs).objects.filter(pk=theirs.pk).exists()
    assert Discrepancy.objects.filter(type='protected', name='server-1').exists()


def test_a_protector_is_named(fabric):
    Prefix.objects.create(prefix='192.0.2.0/24', vrf=VRF.objects.get(name__startswith='vpc-1'))
    mirror(fabric, without('vpc-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    reconcile(fabric)
    assert VRF.objects.filter(name__startswith='vpc-1').exists()
    assert '192.0.2.0/24' in Discrepancy.objects.get(type='protected', object_type__model='vrf').sentence


def test_a_subject_that_is_switched_off_is_no_removal(fabric):
    Fabric.objects.filter(pk=fabric.pk).update(inventory_scope=['devices', 'cabling'])
    fabric.refresh_from_db()
    report = reconcile(fabric)
    assert report.counts[MARK_STALE] == report.counts[DELETE] == 0
    assert Discrepancy.objects.filter(code='scope-disabled').count() == 2


@pytest.mark.parametrize('scopes', [['cabling', 'addressing', 'vpcs'], ['addressing', 'vpcs'], ['vpcs'], ['cabling']])
def test_without_devices_nothing_that_hangs_on_them_is_a_removal(scopes):
    """Nobody says then which cables and addresses there are to be, and so nobody says that one has gone."""
    fabric = synced(with_external(), inventory_removal='delete')
    before = Cable.objects.count(), Interface.objects.count(), IPAddress.objects.count(), VRF.objects.count()
    assert before[0] > 2
    fabric.inventory_scope = scopes
    for _ in range(2):
        report = reconcile(fabric)
        assert report.counts[MARK_STALE] == report.counts[DELETE] == 0
        assert report.requires_confirmation == []
        grace_is_over(fabric)
    assert (Cable.objects.count(), Interface.objects.count(), IPAddress.objects.count(), VRF.objects.count()) == before
    assert not Discrepancy.objects.filter(sentence__contains='no longer defines').exists()
    assert Discrepancy.objects.filter(code='scope-disabled', name='devices').exists()


def test_a_kind_that_was_never_read_is_no_removal(fabric):
    KindSync.objects.filter(kind='Server').delete()
    mirror_without = without('server-1')
    mirror(fabric, mirror_without)
    KindSync.objects.filter(kind='Server').delete()
    reconcile(fabric)
    assert Device.objects.get(name='server-1').status == 'active'


# The guard


def many_servers(count):
    from ....support.resources import make

    return [*small(), *(make('Server', f'many-{number}') for number in range(count))]


def test_a_sync_that_would_remove_too_much_stops_and_asks():
    fabric = synced(many_servers(20))
    mirror(fabric, small())
    report = reconcile(fabric)
    assert report.counts[MARK_STALE] == 0
    assert report.requires_confirmation == [
        '20 NetBox objects would be marked stale (20 devices). This exceeds the limit of 20% (20 of 24 devices). '
        'Review and confirm.',
    ]
    fabric.refresh_from_db()
    held = fabric.inventory_unconfirmed
    assert held['count'] == 20
    assert not Device.objects.filter(status='decommissioning').exists()
    # It goes on asking about the same thing, and says since when.
    reconcile(fabric)
    fabric.refresh_from_db()
    assert fabric.inventory_unconfirmed == held
    with pytest.raises(PlanMoved):
        confirm_removal(fabric, 'another digest')
    # Whatever else moves meanwhile, what was seen is what is confirmed.
    Device.objects.filter(name='leaf-1').update(serial='')
    confirm_removal(fabric, held['digest'])
    assert Device.objects.filter(status='decommissioning').count() == 20
    fabric.refresh_from_db()
    assert fabric.inventory_unconfirmed is None


def test_what_waits_for_confirmation_goes_on_waiting_in_a_fabric_that_has_grown():
    fabric = synced(many_servers(20))
    renamed = [make('Server', f'renamed-{number}') for number in range(6)]
    mirror(fabric, [*many_servers(14), *renamed])
    # 6 of 24 devices would go; once the 6 new ones are there, they are 6 of 30.
    for _ in range(3):
        assert reconcile(fabric).requires_confirmation
    assert not Device.objects.filter(status='decommissioning').exists()
    confirm_removal(fabric, plan(fabric).confirmation_digest)
    assert Device.objects.filter(status='decommissioning').count() == 6
    assert reconcile(fabric).requires_confirmation == []


def test_a_few_objects_pass_the_guard():
    fabric = synced()
    mirror(fabric, without('server-1'))
    assert reconcile(fabric).counts[MARK_STALE] > 0


# Switched off


def test_disable_inventory(fabric):
    count = Device.objects.count()
    assert disable_inventory(fabric) > 0
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
    fabric = synced(with_external())
    assert Interface.objects.filter(name='E1/5.300', parent__name='E1/5').exists()
    seen = plan_removal(fabric)
    report = remove_created(fabric, expected_digest=seen.digest)
    assert report.counts[DELETE] == len(seen.actions)
    assert report.left == []
    assert not Interface.objects.exists()


def test_a_removal_that_is_not_the_one_seen_is_refused(fabric):
    seen = plan_removal(fabric)
    Interface.objects.create(device=Device.objects.get(name='server-1'), name='theirs', type='1000base-t')
    with pytest.raises(PlanMoved):
        remove_created(fabric, expected_digest=seen.digest)
    report = remove_created(fabric)
    assert 'theirs' in report.left[0]
    assert Device.objects.filter(name='server-1').exists()


def test_a_deleted_fabric_takes_its_managed_objects_along_without_a_word_in_the_change_log(fabric):
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    fabric.delete()
    assert not InventoryLink.objects.exists()
    assert not Discrepancy.objects.exists()
    assert Device.objects.exists()


# What the deletion would change or what NetBox refuses


def all_gone(fabric):
    """All resources have gone, and their grace is over."""
    mirror(fabric, [resource for resource in small() if resource.kind == 'SwitchProfile'])
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    seen = plan(fabric)
    report = reconcile(fabric, confirmed=True)
    assert report.counts[DELETE] == sum(1 for action in seen.actions + seen.unconfirmed_actions if action.type == DELETE)
    return sorted(finding.sentence for finding in seen.findings if finding.type == 'protected')


def turned_off(fabric):
    """The inventory is disabled, and what it has created is to be deleted."""
    seen = plan_removal(fabric)
    report = remove_created(fabric, expected_digest=seen.digest)
    assert report.counts[DELETE] == len(seen.actions)
    assert report.left == [finding.sentence for finding in seen.findings]
    return sorted(report.left)


BOTH_WAYS = pytest.mark.parametrize('remove', [all_gone, turned_off])


def untagged(device, vlan):
    return Interface.objects.create(device=device, name='a', type='other', mode='access', untagged_vlan=vlan)


def tagged(device, vlan):
    interface = Interface.objects.create(device=device, name='b', type='other', mode='tagged')
    interface.tagged_vlans.set([vlan])
    return interface


def in_a_vrf(device, vrf):
    return Interface.objects.create(device=device, name='c', type='other', vrf=vrf)


def in_a_lag(device, lag):
    return Interface.objects.create(device=lag.device, name='d', type='other', lag=lag)


def translated(device, address):
    return IPAddress.objects.create(address='198.51.100.1/24', nat_inside=address)


def in_a_bay(device, server):
    return DeviceBay.objects.create(device=device, name='bay', installed_device=server)


def on_the_air(device, port):
    mine = Interface.objects.create(device=device, name='radio', type='ieee802.11ac')
    return WirelessLink.objects.bulk_create([WirelessLink(interface_a=mine, interface_b=port, ssid='x')])[0]


def in_a_custom_field(device, prefix):
    field = CustomField.objects.create(
        name='one', type='object', related_object_type=ObjectType.objects.get_for_model(Prefix),
    )
    field.object_types.set([ObjectType.objects.get_for_model(Device)])
    Device.objects.filter(pk=device.pk).update(custom_field_data={'one': prefix.pk})
    return device


def in_a_custom_field_of_many(device, addresses):
    field = CustomField.objects.create(
        name='many', type='multiobject', related_object_type=ObjectType.objects.get_for_model(IPRange),
    )
    field.object_types.set([ObjectType.objects.get_for_model(Site)])
    device.site.custom_field_data = {'many': [0, addresses.pk]}
    device.site.save()
    return device.site


def in_a_default(model, default, **values):
    field = CustomField.objects.create(
        related_object_type=ObjectType.objects.get_for_model(model), default=default, **values,
    )
    field.object_types.set([ObjectType.objects.get_for_model(Rack)])
    return field


def as_a_default(device, address):
    return in_a_default(IPAddress, address.pk, name='preset', type='object')


def among_defaults(device, port):
    return in_a_default(Interface, [port.pk], name='presets', type='multiobject')


REFERENCES = [
    (untagged, VLAN, {}, 'interface a of mine refers to it (untagged VLAN)'),
    (tagged, VLAN, {}, 'interface b of mine refers to it (tagged VLANs)'),
    (in_a_vrf, VRF, {'name__startswith': 'vpc-1'}, 'interface c of mine refers to it (VRF)'),
    (in_a_lag, Interface, {'device__name': 'leaf-1', 'type': 'lag'}, 'interface d of leaf-1 refers to it (parent LAG)'),
    (translated, IPAddress, {'address': '172.30.8.0/32'}, 'IP address 198.51.100.1/24 refers to it (NAT (inside))'),
    (in_a_bay, Device, {'name': 'server-2'}, 'device bay bay of mine refers to it (installed device)'),
    (on_the_air, Interface, {'device__name': 'server-1', 'name': 'eth0'}, 'depends on it'),
    (in_a_custom_field, Prefix, {'prefix': '10.0.1.0/24'}, 'device mine refers to it (custom field one)'),
    (in_a_custom_field_of_many, IPRange, {}, 'site DC refers to it (custom field many)'),
    (as_a_default, IPAddress, {'address': '172.30.8.2/32'}, 'custom field preset refers to it (default)'),
    (
        among_defaults, Interface, {'device__name': 'leaf-1', 'name': 'E1/4'},
        'custom field presets refers to it (default)',
    ),
]


def as_it_is(instance):
    """What the database has of an object, but for what NetBox derives."""
    found = serialize_object(type(instance).objects.get(pk=instance.pk))
    return {name: value for name, value in found.items() if not name.startswith('_')}


@BOTH_WAYS
def test_what_objects_of_the_operators_refer_to_stays_and_they_are_unchanged(fabric, remove):
    device = device_of_the_operator('mine')
    attached = []
    for attach, model, where, why in REFERENCES:
        referred = model.objects.get(**where)
        attached.append((referred, attach(device, referred), why))
    before = [as_it_is(theirs) for _, theirs, _ in attached]
    sentences = remove(fabric)
    for (referred, theirs, why), was in zip(attached, before, strict=True):
        assert as_it_is(theirs) == was
        assert type(referred).objects.filter(pk=referred.pk).exists()
        row = Discrepancy.objects.get(type='protected', object_id=referred.pk, object_type__model=referred._meta.model_name)
        assert why in row.sentence
        assert row.sentence in sentences
        assert row.link.object == referred


def test_a_vlan_that_is_used_stays_and_the_rest_of_its_vpc_goes(fabric):
    theirs = untagged(device_of_the_operator('mine'), VLAN.objects.get())
    mirror(fabric, without('vpc-1'))
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)
    theirs.refresh_from_db()
    assert theirs.untagged_vlan == VLAN.objects.get()
    assert not VRF.objects.filter(name__startswith='vpc-1').exists()
    assert not Prefix.objects.filter(prefix='10.0.1.0/24').exists()
    # It goes as soon as nobody uses it any more.
    theirs.delete()
    reconcile(fabric, confirmed=True)
    assert not VLAN.objects.exists()
    assert not Discrepancy.objects.exists()


def vpc_2_instead_of_vpc_1():
    """The small fabric, of which the servers are attached to vpc-2, and vpc-1 is gone."""
    vpc_1 = next(resource for resource in small() if resource.kind == 'VPC')
    subnet = {**vpc_1.spec['subnets']['web'], 'vlan': 1002}
    attachments = [
        make('VPCAttachment', resource.name, **{**resource.spec, 'subnet': 'vpc-2/web'})
        for resource in small() if resource.kind == 'VPCAttachment'
    ]
    others = [resource for resource in small() if resource.kind not in ('VPC', 'VPCAttachment')]
    return [*others, make('VPC', 'vpc-2', **{**vpc_1.spec, 'subnets': {'web': subnet}}), *attachments]


def test_interfaces_get_their_new_vlan_in_the_sync_that_deletes_the_old_one(fabric):
    mirror(fabric, [resource for resource in small() if resource.kind != 'VPC'])
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)
    # The interfaces, of which the attachments say nothing that is known, still refer to it.
    old = VLAN.objects.get()
    assert old.interfaces_as_tagged.exists()
    assert old.interfaces_as_untagged.exists()
    mirror(fabric, vpc_2_instead_of_vpc_1())
    seen = plan(fabric)
    report = reconcile(fabric, expected_digest=seen.digest)
    new = VLAN.objects.get()
    assert new.name == 'vpc-2--web'
    assert {port.name for port in new.interfaces_as_tagged.all()} == {'eth0', 'E1/2'}
    assert {port.name for port in new.interfaces_as_untagged.all()} == {'bond-eth0', 'PortChannel1'}
    assert report.counts == seen.counts
    assert plan(fabric).actions == []


def on_leaf_1():
    """What belongs to the switch leaf-1, and how many links of the fabric that has."""
    ports = Interface.objects.filter(device__name='leaf-1')
    cables = Cable.objects.filter(terminations__interface__in=ports)
    found = {
        'dcim.interface': ports, 'dcim.cable': cables, 'ipam.ipaddress': IPAddress.objects.filter(interface__in=ports),
        'dcim.device': Device.objects.filter(name='leaf-1'),
    }
    pks = {label: sorted(set(queryset.values_list('pk', flat=True))) for label, queryset in found.items()}
    assert all(pks.values())
    links = [
        InventoryLink.objects.filter(object_type=ContentType.objects.get_for_model(queryset.model), object_id__in=pks[label])
        for label, queryset in found.items()
    ]
    return pks, [queryset.count() for queryset in links]


def protected_by_a_rule(device):
    return override_settings(PROTECTION_RULES={'DCIM.device': [{'name': {'neq': 'leaf-1'}}]})


def master_of_a_chassis(device):
    VirtualChassis.objects.create(name='chassis', master=device)
    return nullcontext()


@BOTH_WAYS
@pytest.mark.parametrize(('protect', 'why'), [
    (protected_by_a_rule, 'Device leaf-1 cannot be deleted: a protection rule prevents it'),
    (master_of_a_chassis, 'Device leaf-1 cannot be deleted: virtual chassis chassis depends on it'),
])
def test_a_device_that_stays_keeps_its_ports_addresses_cables_and_links(fabric, remove, protect, why):
    before = on_leaf_1()
    with protect(Device.objects.get(name='leaf-1')):
        sentences = remove(fabric)
    assert on_leaf_1() == before
    sentence, = (sentence for sentence in sentences if why in sentence)
    assert sentence.endswith('objects that are connected to it stay too.')
    assert Discrepancy.objects.get(sentence=sentence).object == Device.objects.get(name='leaf-1')
    # The devices at the other ends of its cables stay as well, and it is said of each.
    assert 'Device spine-1 cannot be deleted: ' in ' '.join(sentences)
    # What is not connected to it goes.
    assert not Prefix.objects.filter(prefix='10.0.1.0/24').exists()
    assert not VRF.objects.filter(name__startswith='vpc-1').exists()


@contextmanager
def refusing(name):
    """Another plugin that refuses the deletion of one device, and says so when it is tried."""
    def refuse(sender, instance, **kwargs):
        if instance.name == name:
            raise AbortRequest('It is in the books.')

    pre_delete.connect(refuse, sender=Device)
    try:
        yield
    finally:
        pre_delete.disconnect(refuse, sender=Device)


def test_a_device_whose_deletion_is_refused_when_it_is_tried_keeps_all_that_it_has(fabric):
    before, ports = on_leaf_1(), Interface.objects.count()
    with refusing('leaf-1'):
        report = remove_created(fabric)
    assert on_leaf_1() == before
    assert any('Device leaf-1 cannot be deleted: It is in the books.' in sentence for sentence in report.left)
    # What had been deleted until then is deleted no longer: neither the change log nor the report say it.
    logged = ObjectChange.objects.filter(request_id=report.request_id, action='delete')
    assert logged.count() == report.counts[DELETE]
    assert not logged.filter(changed_object_type__model='interface').exists()
    # Later it goes, by the same way, and that is in the change log.
    again = remove_created(fabric)
    assert again.left == []
    assert not Interface.objects.exists()
    assert not InventoryLink.objects.exists()
    assert not Discrepancy.objects.exists()
    logged = ObjectChange.objects.filter(request_id=again.request_id, action='delete')
    assert logged.filter(changed_object_type__model='interface').count() == ports


def test_a_server_whose_deletion_is_refused_does_not_keep_another_from_going(fabric):
    mirror(fabric, without('server-1', 'server-2'))
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    with refusing('server-1'):
        report = reconcile(fabric, confirmed=True)
    assert Interface.objects.get(device__name='server-1').cable is not None
    assert not Device.objects.filter(name='server-2').exists()
    assert report.findings['protected'] == 1


def test_ports_wait_for_their_device(fabric):
    """However long they have been stale: without them a device that is there would be no use."""
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    device = InventoryLink.objects.filter(key='device/server/server-1')
    device.update(stale_since=timezone.now())
    assert reconcile(fabric).counts[DELETE] == 0
    assert Interface.objects.get(device__name='server-1').cable is not None
    assert not Discrepancy.objects.filter(type='protected').exists()
    grace_is_over(fabric)
    reconcile(fabric)
    assert not Device.objects.filter(name='server-1').exists()


def reconnect(cable, end):
    """A person leads the B side of a cable to something else."""
    cable = Cable.objects.get(pk=cable.pk)
    cable.b_terminations = [end]
    cable.save()


def test_a_cable_that_a_person_has_connected_to_something_else_stays(fabric):
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    mine = device_of_the_operator('mine')
    reconnect(cable, Interface.objects.create(device=mine, name='a', type='1000base-t'))
    reconcile(fabric)
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    grace_is_over(fabric)
    reconcile(fabric)
    assert Cable.objects.get(pk=cable.pk).b_terminations[0].device == mine
    row = Discrepancy.objects.get(type='protected', object_type__model='cable')
    assert 'it was connected to something else in NetBox' in row.sentence


def test_a_cable_that_a_person_has_led_to_a_patch_panel_stays_when_the_inventory_is_turned_off(fabric):
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    mine = device_of_the_operator('mine')
    reconnect(cable, RearPort.objects.create(device=mine, name='a', type='lc', positions=1))
    sentences = turned_off(fabric)
    assert Cable.objects.get(pk=cable.pk).b_terminations[0].device == mine
    assert any('it was connected to something else in NetBox' in sentence for sentence in sentences)
    assert Device.objects.filter(name='server-1').exists()
    assert Interface.objects.get(device__name='server-1').cable == cable


def panel_of_the_operator():
    """A patch panel: a front port, the rear port that it leads to."""
    mine = device_of_the_operator('panel')
    front = FrontPort.objects.create(device=mine, name='F1', type='lc')
    rear = RearPort.objects.create(device=mine, name='R1', type='lc', positions=1)
    PortMapping.objects.create(
        device=mine, front_port=front, front_port_position=1, rear_port=rear, rear_port_position=1,
    )
    return front, rear


@pytest.mark.parametrize('side', ['its front port', 'its rear port'])
@pytest.mark.parametrize('name', ['server-1', pytest.param('leaf-1', marks=pytest.mark.system)])
def test_nothing_of_a_patch_panel_is_lost_when_the_device_at_the_other_end_is_removed(fabric, side, name):
    """The fabric's own cable leads from server-1 into the panel, and a cable of the operator's from there to leaf-1."""
    front, rear = panel_of_the_operator()
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    port = Interface.objects.get(device__name='leaf-1', name='E1/2')
    ends = (front, rear) if side == 'its front port' else (rear, front)
    reconnect(cable, ends[0])
    theirs = Cable(a_terminations=[ends[1]], b_terminations=[Interface.objects.get(pk=port.pk)], label='mine')
    theirs.full_clean()
    theirs.save()
    reconcile(fabric)
    before = [as_it_is(each) for each in (front, rear, cable, theirs)]
    mapping = list(PortMapping.objects.values())
    terminations = list(CableTermination.objects.filter(cable__in=(cable, theirs)).order_by('pk').values_list(
        'pk', 'cable', 'cable_end', 'termination_type', 'termination_id',
    ))
    mirror(fabric, without(name))
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    for _ in range(2):
        reconcile(fabric, confirmed=True)
    assert [as_it_is(each) for each in (front, rear, cable, theirs)] == before
    assert list(PortMapping.objects.values()) == mapping
    assert list(CableTermination.objects.filter(cable__in=(cable, theirs)).order_by('pk').values_list(
        'pk', 'cable', 'cable_end', 'termination_type', 'termination_id',
    )) == terminations
    assert Device.objects.filter(name=name).exists(), 'a cable that is not the fabric’s any more ends on it'
    assert Discrepancy.objects.filter(type='protected').exists()


@BOTH_WAYS
def test_an_address_that_a_person_has_moved_to_a_port_of_theirs_stays_there(fabric, remove):
    mine = Interface.objects.create(device=device_of_the_operator('mine'), name='a', type='other')
    address = IPAddress.objects.get(address='172.30.12.0/32')
    address.assigned_object = mine
    address.full_clean()
    address.save()
    reconcile(fabric)
    sentences = remove(fabric)
    assert list(mine.ip_addresses.all()) == [address]
    assert any('it was moved to another object in NetBox' in sentence for sentence in sentences)


def test_the_search_forgets_what_is_said_of_objects_that_go(fabric):
    rows = CachedValue.objects.filter(object_type__model='discrepancy')
    mirror(fabric, without('server-1'))
    reconcile(fabric)
    assert rows.exists()
    disable_inventory(fabric)
    assert not rows.exists()
