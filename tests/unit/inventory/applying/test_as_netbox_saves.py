"""The contract of inventory/applying/bulk_save.py: what is written is what NetBox's own save() would have left.

Whoever opens an object in a form can save it.
"""

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import Cable, Device, Interface
from extras.models import CustomField
from ipam.models import VLAN, VLANGroup
from vpn.models import L2VPNTermination

from netbox_hedgehog.inventory.operations import keep_netbox_value
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy

from ....support.inventory import fabric_of, mirror
from ....support.resources import make, small

pytestmark = pytest.mark.django_db


def custom_field(model: str, **fields) -> CustomField:
    field = CustomField.objects.create(name='inv_no', type='text', **fields)
    field.object_types.set(ObjectType.objects.filter(model=model))
    return field


def replaced(kind: str, name: str, **spec):
    return [make(kind, name, **spec) if (item.kind, item.name) == (kind, name) else item for item in small()]


def test_a_required_custom_field_refuses_cables_too():
    custom_field('cable', required=True)
    reconcile(fabric_of())
    assert not Cable.objects.exists()
    rows = Discrepancy.objects.filter(type='conflict', key__startswith='cable/')
    assert [row for row in rows if 'inv_no' not in row.sentence] == []
    assert len(rows) == 4


def test_and_the_terminations_of_l2vpns():
    custom_field('l2vpntermination', required=True)
    reconcile(fabric_of())
    assert not L2VPNTermination.objects.exists()
    assert 'inv_no' in Discrepancy.objects.get(type='conflict').sentence


@pytest.mark.parametrize('model', [Device, Cable])
def test_a_unique_custom_field_with_a_default_is_given_once(model):
    custom_field(model._meta.model_name, unique=True, default='unset')
    reconcile(fabric_of())
    (only,) = model.objects.all()
    only.full_clean()
    rows = Discrepancy.objects.filter(type='conflict', object_type=None)
    assert len([row for row in rows if 'The custom field inv_no must be unique' in row.sentence]) == 3


def test_the_size_of_a_vlan_group_follows_its_ranges():
    fabric = fabric_of()
    reconcile(fabric)
    mirror(fabric, replaced('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 1049}, {'from': 1100, 'to': 1149}]))
    report = reconcile(fabric)
    group = VLANGroup.objects.get()
    assert (group.total_vlan_ids, report.counts['update']) == (100, 1)
    change = ObjectChange.objects.get(request_id=report.request_id, changed_object_type__model='vlangroup')
    assert (change.prechange_data['total_vlan_ids'], change.postchange_data['total_vlan_ids']) == (1000, 100)
    before = VLANGroup.objects.values().get()
    group.save()
    after = VLANGroup.objects.values().get()
    assert {**before, 'last_updated': None} == {**after, 'last_updated': None}


def test_custom_fields_that_an_object_lacks_are_filled_in():
    fabric = fabric_of()
    reconcile(fabric)
    custom_field('interface', default='none')
    Interface.objects.update(custom_field_data={})
    profile = next(resource for resource in small() if resource.kind == 'SwitchProfile')
    profile.spec['ports']['E1/4']['nos'] = 'Ethernet99'
    mirror(fabric, [*(resource for resource in small() if resource.kind != 'SwitchProfile'), profile])
    reconcile(fabric)
    written = Interface.objects.filter(label='Ethernet99')
    assert set(written.values_list('custom_field_data__inv_no', flat=True)) == {'none'}


def server_port() -> Interface:
    return Interface.objects.get(device__name='server-1', name='eth0')


def attached(**more):
    return replaced(
        'VPCAttachment', 'vpc-1--server-1', subnet='vpc-1/web', connection='server-1--unbundled--leaf-1', **more,
    )


@pytest.mark.parametrize('decide', [lambda rows: None, keep_netbox_value], ids=['undecided', 'kept'])
def test_an_interface_with_vlans_of_a_person_keeps_its_mode(decide):
    """NetBox would take them away with the mode."""
    fabric = fabric_of()
    reconcile(fabric)
    theirs = VLAN.objects.create(name='mine', vid=7)
    server_port().tagged_vlans.add(theirs)
    reconcile(fabric)
    decide(Discrepancy.objects.all())
    mirror(fabric, attached(nativeVLAN=True))
    reconcile(fabric)
    assert server_port().mode == 'tagged'
    assert theirs in server_port().tagged_vlans.all()
    assert 'mode' in Discrepancy.objects.filter(object_id=server_port().pk).values_list('field', flat=True)
    assert plan(fabric).actions == []
    # Once they are gone, the interface is as the fabric wants it.
    server_port().tagged_vlans.clear()
    reconcile(fabric)
    port = server_port()
    assert (port.mode, port.untagged_vlan.vid, list(port.tagged_vlans.all())) == ('access', 1001, [])


def test_no_vlan_is_tagged_on_an_interface_whose_mode_a_person_keeps():
    fabric = fabric_of(attached(nativeVLAN=True))
    reconcile(fabric)
    Interface.objects.filter(pk=server_port().pk).update(mode='access', untagged_vlan=None)
    reconcile(fabric)
    keep_netbox_value(Discrepancy.objects.all())
    mirror(fabric, attached())
    Interface.objects.filter(pk=server_port().pk).update(mode='tagged-all')
    for _ in range(2):
        report = reconcile(fabric)
    assert list(server_port().tagged_vlans.all()) == []
    assert (report.changes, plan(fabric).actions) == (0, [])


def test_a_run_that_wrote_nothing_says_so(settings):
    """What refers to an object that was refused is not written either: it counts as nothing, each time."""
    settings.CUSTOM_VALIDATORS = {'ipam.ipaddress': [{'dns_name': {'required': True}}]}
    fabric = fabric_of()
    reconcile(fabric)
    before = ObjectChange.objects.count()
    report = reconcile(fabric)
    assert (report.changes, ObjectChange.objects.count() - before) == (0, 0)
    assert report.findings['conflict'] == Discrepancy.objects.filter(type='conflict').count() > 0
    assert 'updated' not in report.sentence


def test_an_object_that_is_written_in_two_steps_counts_once():
    report = reconcile(fabric_of())
    assert Device.objects.exclude(primary_ip4=None).count() == 2  # written after their addresses
    assert report.models['dcim.device'] == {'create': 4}
