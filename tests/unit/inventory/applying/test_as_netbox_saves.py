"""The contract of inventory/applying: what is written is what NetBox's own save() would have left.

Whoever opens an object in a form can save it.
"""

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import Cable, Device, Interface
from django.db.models.signals import post_save
from extras.models import CustomField
from extras.validators import CustomValidator
from ipam.models import VLAN, VLANGroup
from utilities.exceptions import AbortRequest
from vpn.models import L2VPNTermination

from netbox_hedgehog.choices import InventoryScopeChoices
from netbox_hedgehog.inventory.operations import keep_netbox_value
from netbox_hedgehog.inventory.planning.fields import model_of
from netbox_hedgehog.inventory.planning.model_specs import MODEL_SPECS
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy

from ....support.inventory import fabric_of, mirror, synced
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
    fabric = synced()
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
    fabric = synced()
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
    fabric = synced()
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
    fabric = synced(attached(nativeVLAN=True))
    Interface.objects.filter(pk=server_port().pk).update(mode='access', untagged_vlan=None)
    reconcile(fabric)
    keep_netbox_value(Discrepancy.objects.all())
    mirror(fabric, attached())
    Interface.objects.filter(pk=server_port().pk).update(mode='tagged-all')
    for _ in range(2):
        report = reconcile(fabric)
    assert list(server_port().tagged_vlans.all()) == []
    assert (report.changes, plan(fabric).actions) == (0, [])


def test_a_sync_that_wrote_nothing_says_so(settings):
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


# Created in bulk


# What each save() writes, whatever changes.
COUNT_SAVES = ('last_updated', '_config_context_generation')


def columns(model):
    return {
        row['id']: {name: value for name, value in row.items() if name not in COUNT_SAVES}
        for row in model.objects.values()
    }


@pytest.mark.system
def test_saving_what_was_created_in_bulk_changes_nothing():
    """NetBox's own save() finds each column as it would have filled it in."""
    synced('sample', inventory_scope=list(InventoryScopeChoices.values()))
    covered = set()
    for label in (label for label, spec in MODEL_SPECS.items() if not spec.save_individually):
        model = model_of(label)
        before = columns(model)
        for instance in model.objects.all():
            instance.full_clean()
            instance.save()
        after = columns(model)
        changed = {
            (name, value, after[pk][name])
            for pk, row in before.items() for name, value in row.items() if after[pk][name] != value
        }
        assert not changed, label
        covered |= {label} if before else set()
    assert {'dcim.device', 'dcim.interface', 'dcim.cable', 'dcim.modulebay', 'dcim.module', 'dcim.macaddress',
            'ipam.prefix', 'ipam.iprange', 'ipam.ipaddress', 'ipam.vlan',
            'ipam.vrf', 'vpn.l2vpn', 'vpn.l2vpntermination'} <= covered


# Updated by NetBox's own save()


def test_an_updated_object_has_one_entry_in_the_change_log():
    """The mode and the VLANs of an interface are one change, and the entry shows both."""
    fabric = synced(attached(nativeVLAN=True))
    mirror(fabric, attached())
    report = reconcile(fabric)
    changes = ObjectChange.objects.filter(request_id=report.request_id)
    assert changes.count() == changes.values('changed_object_type', 'changed_object_id').distinct().count()
    change = changes.get(changed_object_type__model='interface', changed_object_id=server_port().pk)
    vlan = VLAN.objects.get()
    before, after = change.prechange_data, change.postchange_data
    assert (before['mode'], before['untagged_vlan'], before['tagged_vlans']) == ('access', vlan.pk, [])
    assert (after['mode'], after['untagged_vlan'], after['tagged_vlans']) == ('tagged', None, [vlan.pk])


def test_a_save_that_is_refused_costs_no_other_object_its_update():
    fabric = synced()

    def refuse(instance, **kwargs):
        """Refuse an object after its row was written."""
        if instance.name == 'leaf-1':
            raise AbortRequest('Not today.')

    def renumbered(name):
        spec = next(item.spec for item in small() if (item.kind, item.name) == ('Switch', name))
        return make('Switch', name, **{**spec, 'boot': {'serial': f'NEW-{name}'}})

    mirror(fabric, [renumbered(item.name) if item.kind == 'Switch' else item for item in small()])
    post_save.connect(refuse, sender=Device)
    try:
        report = reconcile(fabric)
    finally:
        post_save.disconnect(refuse, sender=Device)
    assert dict(Device.objects.exclude(serial='').values_list('name', 'serial')) == {
        'leaf-1': 'S-LEAF-1', 'spine-1': 'NEW-spine-1',
    }
    changes = ObjectChange.objects.filter(request_id=report.request_id)
    assert [change.changed_object.name for change in changes] == ['spine-1']
    assert 'Not today.' in Discrepancy.objects.get(type='conflict').sentence
    reconcile(fabric)
    assert Device.objects.get(name='leaf-1').serial == 'NEW-leaf-1'


class UniqueSerial(CustomValidator):
    """Take no device with the serial number of another one."""

    def validate(self, instance, request):
        if Device.objects.filter(serial=instance.serial).exclude(serial='').exclude(pk=instance.pk).exists():
            self.fail('Another device has this serial number.', field='serial')


def test_what_a_validator_refuses_once_others_are_saved_costs_no_other_object_its_update(settings):
    """Each passes by itself; after a rollback, and a first part that was saved, the next one does not any more."""
    settings.CUSTOM_VALIDATORS = {'dcim.device': [UniqueSerial()]}
    leaf_2 = make('Switch', 'leaf-2', role='server-leaf', profile='x4', ip='172.30.0.10/21', boot={'serial': 'S-LEAF-2'})
    resources = [*small(), leaf_2]
    fabric = fabric_of(resources)
    reconcile(fabric)

    def same_serial(item):
        return make('Switch', item.name, **{**item.spec, 'boot': {'serial': 'SAME'}}) if item.kind == 'Switch' else item

    mirror(fabric, [same_serial(item) for item in resources])
    last = plan(fabric).actions[-1].name

    def refuse(instance, **kwargs):
        if instance.name == last:
            raise AbortRequest('Not today.')

    post_save.connect(refuse, sender=Device)
    try:
        reconcile(fabric)
    finally:
        post_save.disconnect(refuse, sender=Device)
    assert Device.objects.filter(serial='SAME').count() == 1
    refused = {finding.sentence for finding in Discrepancy.objects.filter(type='conflict')}
    assert any('Another device has this serial number.' in sentence for sentence in refused)
