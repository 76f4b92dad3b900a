"""What bulk writes leave behind is what NetBox leaves behind: change log, paths, counters, search, events."""

from contextlib import contextmanager
from uuid import uuid4

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import (
    Cable,
    CableTermination,
    Device,
    DeviceType,
    Interface,
    InterfaceTemplate,
    MACAddress,
    Module,
    ModuleBay,
)
from django.db import connection
from django.utils import timezone
from extras.models import CachedValue, CustomField
from ipam.models import VLAN, VRF, IPAddress, Prefix
from netbox.context_managers import event_tracking
from users.models import ObjectPermission, User
from utilities.request import NetBoxFakeRequest

from netbox_hedgehog.choices import InventoryScopeChoices
from netbox_hedgehog.inventory.applying.transaction import apply_transaction
from netbox_hedgehog.inventory.errors import NotPermitted, PlanMoved
from netbox_hedgehog.inventory.reconcile import build_plan, plan, reconcile
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ....support.hardware import agent, optic, port
from ....support.inventory import fabric_of, mirror, synced
from ....support.resources import make, small
from ..test_ownership import device_of_the_operator

pytestmark = pytest.mark.django_db


@contextmanager
def as_netbox(user):
    with event_tracking(NetBoxFakeRequest({'id': uuid4(), 'user': user})):
        yield


def test_cables_lead_where_the_wiring_says():
    reconcile(fabric_of('sample'))
    wired = {
        frozenset(f'{end.device} {end.name}' for end in (cable.a_terminations[0], cable.b_terminations[0]))
        for cable in Cable.objects.all()
    }
    assert len(wired) == Cable.objects.count() > 20
    for interface in Interface.objects.filter(cable__isnull=False):
        far = interface.connected_endpoints[0]
        assert frozenset((f'{interface.device} {interface.name}', f'{far.device} {far.name}')) in wired
        near, cables, end = interface.trace()[0]
        assert (near, cables, end) == ([interface], [interface.cable], [far])
        assert interface.path.is_complete
        assert interface.path.is_active


def same(ours, theirs):
    """Two change records of like objects, but for what tells any two objects apart."""
    # NetBox logs an interface before its path is traced, and so do we; PKs and names differ.
    loose = {'name', '_name', 'device', 'cable', 'address', 'assigned_object_id', 'created', 'label', 'description',
             'termination_id', 'a_terminations', 'b_terminations', 'interface_count', 'site', 'prefix', 'vid', 'group',
             'slug', 'identifier', 'vlan', 'vrf', '_path', 'serial', 'primary_ip4', '_device', 'path', 'sort_path', 'module_bay'}
    assert (ours.action, ours.object_repr is None) == (theirs.action, theirs.object_repr is None)
    assert (ours.related_object_type, bool(ours.related_object_id)) == (
        theirs.related_object_type, bool(theirs.related_object_id),
    )
    for name in ('prechange_data', 'postchange_data'):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert one.keys() == other.keys(), name
            assert {key: one[key] for key in one if key not in loose} == {
                key: other[key] for key in other if key not in loose
            }, name


def test_the_change_log_is_what_netbox_writes():
    cages, ports = {'E1/1': optic('S1'), 'E1/2': {}}, {'E1/1': port('02:00:00:00:00:01')}
    reconcile(fabric_of([*small(), agent('leaf-1', cages, ports)], inventory_scope=list(InventoryScopeChoices.values())))
    user = User.objects.get(username='hedgehog')
    for model, filters in (
        (Device, {'name': 'server-1'}), (Interface, {'name': 'bond-eth0'}), (VRF, {'name__startswith': 'vpc-1'}),
        (Prefix, {'prefix': '10.0.1.0/24'}), (VLAN, {}), (IPAddress, {'role': 'anycast'}),
        (ModuleBay, {'name': 'E1/2'}), (Module, {}), (MACAddress, {}),
    ):
        ours = model.objects.filter(**filters).first()
        entry = ObjectChange.objects.filter(
            changed_object_type=ObjectType.objects.get_for_model(model), changed_object_id=ours.pk,
        ).order_by('pk').first()
        many = {field.name: list(getattr(ours, field.name).all()) for field in model._meta.many_to_many}
        twin = model.objects.get(pk=ours.pk)
        twin.pk, twin._state.adding = None, True
        for name, value in (('name', 'twin'), ('prefix', '10.0.77.0/24'), ('address', '10.0.77.1/24'), ('vid', 1500)):
            if any(field.name == name for field in model._meta.concrete_fields):
                setattr(twin, name, model._meta.get_field(name).to_python(value))
        if model is Module:
            twin.module_bay = ModuleBay.objects.get(name='E1/2')
        with as_netbox(user):
            twin.full_clean()
            twin.save()
            for name, value in many.items():
                if name != 'tags':
                    getattr(twin, name).set(value)
        theirs = ObjectChange.objects.filter(
            changed_object_type=ObjectType.objects.get_for_model(model), changed_object_id=twin.pk,
        ).order_by('pk').first()
        same(entry, theirs)
        assert (entry.user, entry.user_name) == (user, 'hedgehog')
        twin.delete()


def test_the_change_log_of_a_cable_is_what_netbox_writes():
    synced()
    ours = Cable.objects.filter(label__contains='unbundled').first()
    ends = [Interface.objects.get(device__name='spine-1', name=name) for name in ('E1/3', 'E1/4')]
    with as_netbox(User.objects.get(username='hedgehog')):
        theirs = Cable(
            a_terminations=ends[:1], b_terminations=ends[1:], status=ours.status, label=ours.label, tenant=ours.tenant,
        )
        theirs.full_clean()
        theirs.save()

    def entries(model, pk, action):
        return ObjectChange.objects.filter(
            changed_object_type=ObjectType.objects.get_for_model(model), changed_object_id=pk, action=action,
        ).order_by('-pk')

    same(entries(Cable, ours.pk, 'create')[0], entries(Cable, theirs.pk, 'create')[0])
    for one, other in zip(ours.terminations.all(), theirs.terminations.all(), strict=True):
        same(entries(CableTermination, one.pk, 'create')[0], entries(CableTermination, other.pk, 'create')[0])
    update = entries(Interface, ours.a_terminations[0].pk, 'update')[0]
    assert update.postchange_data['cable'] == ours.pk
    assert update.prechange_data['cable'] is None
    assert update.postchange_data.keys() == entries(Interface, ends[0].pk, 'update')[0].postchange_data.keys()


def test_one_request_id_a_sync_and_the_person_who_asked():
    person = User.objects.create(username='person', is_superuser=True)
    fabric = fabric_of()
    report = reconcile(fabric, user=person)
    ids = set(ObjectChange.objects.values_list('request_id', 'user_name'))
    assert {(str(request), name) for request, name in ids} == {(report.request_id, 'person')}


@pytest.mark.system
def test_derived_columns_are_as_netbox_would_have_them():
    reconcile(fabric_of('sample'))
    for device in Device.objects.all():
        assert device.interface_count == device.interfaces.count()
    for interface in Interface.objects.select_related('device'):
        assert interface._site_id == interface.device.site_id
        name = interface._name
        interface.save()
        assert interface._name == name
    for device_type in DeviceType.objects.all():
        assert device_type.device_count == device_type.instances.count()
    hierarchy = Prefix.objects.annotate_hierarchy()
    assert {(row.pk, row._depth, row._children) for row in hierarchy} == {
        (row.pk, row.hierarchy_depth, row.hierarchy_children) for row in hierarchy
    }
    assert IPAddress.objects.filter(assigned_object_id__isnull=False).exists()


def test_the_search_finds_it_at_once(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        reconcile(fabric_of())
    found = set(CachedValue.objects.values_list('object_type__model', 'value'))
    assert {('device', 'leaf-1'), ('vlan', 'vpc-1--web')} <= found
    from netbox.search.backends import search_backend

    before = set(CachedValue.objects.values_list('object_type', 'object_id', 'field', 'value', 'weight'))
    CachedValue.objects.all().delete()
    for model in (Device, Interface, VRF, Prefix, VLAN, IPAddress, Cable):
        search_backend.cache(list(model.objects.all()))
    again = set(CachedValue.objects.values_list('object_type', 'object_id', 'field', 'value', 'weight'))
    assert again <= before


def test_custom_fields_get_their_defaults():
    field = CustomField.objects.create(name='colour', type='text', default='red')
    field.object_types.set([ObjectType.objects.get_for_model(Device)])
    reconcile(fabric_of())
    assert {device.custom_field_data['colour'] for device in Device.objects.all()} == {'red'}


def test_templates_of_an_operators_device_type_add_nothing():
    reconcile(fabric_of(name='first'))
    for device_type in DeviceType.objects.all():
        InterfaceTemplate.objects.create(device_type=device_type, name='from-template', type='1000base-t')
    reconcile(fabric_of(name='second', inventory_name_pattern='{fabric}-{name}'))
    assert not Interface.objects.filter(name='from-template').exists()


def test_a_cable_that_moves_is_moved():
    fabric = synced()
    cable = Interface.objects.get(device__name='server-1', name='eth0').cable
    moved = [resource for resource in small() if resource.name != 'server-1--unbundled--leaf-1']
    moved.append(make('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': {
        'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'spine-1/E1/2'},
    }}))
    mirror(fabric, moved)
    report = reconcile(fabric)
    assert report.models['dcim.cable'] == {'update': 1}
    far = Interface.objects.get(device__name='server-1', name='eth0').connected_endpoints[0]
    assert (far.device.name, far.name) == ('spine-1', 'E1/2')
    assert Interface.objects.get(device__name='leaf-1', name='E1/2').path is None
    assert Cable.objects.filter(pk=cable.pk).exists()
    assert not Discrepancy.objects.exists()
    assert reconcile(fabric).changes == 0


def test_a_single_change_is_all_that_is_written():
    fabric = synced()
    changed = [resource for resource in small() if resource.name != 'leaf-1' or resource.kind != 'Switch']
    leaf = next(resource for resource in small() if resource.name == 'leaf-1' and resource.kind == 'Switch')
    mirror(fabric, [*changed, make('Switch', 'leaf-1', **{**leaf.spec, 'boot': {'serial': 'NEW'}})])
    seen = plan(fabric)
    assert [[(change.field, change.old, change.new) for change in action.changes] for action in seen.actions] == [
        [('serial', 'S-LEAF-1', 'NEW')],
    ]
    reconcile(fabric, expected_digest=seen.digest)
    assert Device.objects.get(name='leaf-1').serial == 'NEW'


def test_one_bad_object_costs_only_itself():
    from django.test import override_settings

    with override_settings(CUSTOM_VALIDATORS={'dcim.device': [{'name': {'neq': 'server-1'}}]}):
        reconcile(fabric_of())
    assert set(Device.objects.values_list('name', flat=True)) == {'leaf-1', 'spine-1', 'server-2'}
    assert Discrepancy.objects.filter(type='conflict', key='device/server/server-1').exists()


def test_each_object_that_is_refused_is_named_also_where_the_reason_is_the_same():
    from django.test import override_settings

    with override_settings(CUSTOM_VALIDATORS={'dcim.device': [{'tenant': {'required': True}}]}):
        reconcile(fabric_of())
    assert not Device.objects.exists()
    refused = Discrepancy.objects.filter(type='conflict', object_type=None, key__startswith='device/')
    assert sorted(refused.values_list('key', flat=True)) == [
        'device/server/server-1', 'device/server/server-2', 'device/switch/leaf-1', 'device/switch/spine-1',
    ]
    assert all(row.name in row.sentence for row in refused)
    # What hangs on them is left out with them, and is no trouble of its own.
    assert not Discrepancy.objects.filter(type='conflict', key__startswith='interface/').exists()


# Deleted between the plan and its writing


def written_after(fabric, change):
    """Return what came of a plan that is applied after this change in NetBox."""
    context = build_plan(fabric, timezone.now())
    change()
    with apply_transaction(context, None) as applying:
        return applying.apply_plan()


def with_another_port():
    resources = small()
    profile = next(resource for resource in resources if resource.kind == 'SwitchProfile')
    profile.spec['ports']['E1/5'] = {'nos': 'Ethernet5', 'profile': 'p'}
    return resources


def test_what_is_deleted_before_it_is_written_costs_only_what_refers_to_it():
    fabric = synced()
    mirror(fabric, with_another_port())
    applied = written_after(fabric, Device.objects.get(name='leaf-1').delete)
    assert [finding.sentence for finding in applied.findings] == [
        'Interface E1/5: Refers to an object that was deleted during the sync. The next sync retries.',
    ]
    assert [port.device.name for port in Interface.objects.filter(name='E1/5')] == ['spine-1']


@pytest.mark.parametrize('native', [False, True])
def test_a_vlan_that_is_deleted_before_it_is_written_to_an_interface_is_named(native):
    attachment = next(resource for resource in small() if resource.name == 'vpc-1--server-1')
    fabric = synced([resource for resource in small() if resource.kind != 'VPCAttachment'])
    mirror(fabric, [
        *(resource for resource in small() if resource.kind != 'VPCAttachment'),
        make('VPCAttachment', attachment.name, **{**attachment.spec, 'nativeVLAN': native}),
    ])
    port = Interface.objects.get(device__name='leaf-1', name='E1/2')

    def change():
        Prefix.objects.update(vlan=None)
        VLAN.objects.get().delete()

    applied = written_after(fabric, change)
    assert {finding.sentence for finding in applied.findings} == {
        f'Interface {name}: Refers to an object that was deleted during the sync. The next sync retries.'
        for name in ('E1/2', 'eth0')
    }
    connection.check_constraints()
    port.refresh_from_db()
    assert not port.mode


@pytest.mark.parametrize('name', ['leaf-1', 'server-2'])
def test_a_device_that_is_deleted_before_its_adoption_is_refused(name):
    fabric = fabric_of(inventory_adoption='name')
    theirs = Device.objects.get(pk=device_of_the_operator(name).pk)
    applied = written_after(fabric, theirs.delete)
    assert [finding.sentence for finding in applied.findings] == [
        f'Device {name}: Deleted in NetBox during the sync.',
    ]
    assert not InventoryLink.objects.filter(key__startswith='device/', key__endswith=f'/{name}').exists()
    assert Device.objects.count() == 3
    # The next sync creates it.
    reconcile(fabric)
    assert Device.objects.filter(name=name).exists()
    assert reconcile(fabric).changes == 0


def test_a_stale_device_that_is_deleted_before_it_comes_back_is_refused():
    fabric = synced()
    mirror(fabric, [resource for resource in small() if 'server-1' not in resource.name])
    reconcile(fabric)
    mirror(fabric, small())
    applied = written_after(fabric, Device.objects.get(name='server-1').delete)
    assert 'Device server-1: Deleted in NetBox during the sync.' in [
        finding.sentence for finding in applied.findings
    ]
    assert not [action for action in applied.done if action.key == 'device/server/server-1']


def test_a_cable_is_not_moved_to_a_port_that_was_deleted_meanwhile():
    fabric = synced()
    resources = with_another_port()
    mirror(fabric, resources)
    reconcile(fabric)
    link = {'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/5'}}
    mirror(fabric, [
        *(resource for resource in resources if resource.name != 'server-1--unbundled--leaf-1'),
        make('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': link}),
    ])
    cable = Interface.objects.get(device__name='server-1', name='eth0').cable
    applied = written_after(fabric, Interface.objects.get(device__name='leaf-1', name='E1/5').delete)
    assert any('One of its interfaces has been deleted.' in finding.sentence for finding in applied.findings)
    cable.refresh_from_db()
    assert (len(cable.a_terminations), len(cable.b_terminations)) == (1, 1)



# Exactly this plan, and by whom


def test_a_plan_that_has_moved_is_refused():
    fabric = fabric_of()
    seen = plan(fabric)
    reconcile(fabric)
    Device.objects.all()[0].interfaces.first().delete()
    with pytest.raises(PlanMoved):
        reconcile(fabric, expected_digest=seen.digest)


def test_a_user_without_the_permission_makes_nothing_appear():
    person = User.objects.create(username='person')
    fabric = fabric_of()
    with pytest.raises(NotPermitted, match='permission'):
        reconcile(fabric, user=person)
    assert not Device.objects.exists()
    assert not InventoryLink.objects.exists()


def test_conditions_of_a_permission_hold():
    person = User.objects.create(username='person')
    everything = ObjectPermission.objects.create(name='all', actions=['add', 'change', 'delete'])
    everything.object_types.set(ObjectType.objects.exclude(app_label='dcim', model='device'))
    everything.users.add(person)
    some = ObjectPermission.objects.create(name='some', actions=['add', 'change'], constraints={'name': 'leaf-1'})
    some.object_types.set(ObjectType.objects.filter(app_label='dcim', model='device'))
    some.users.add(person)
    with pytest.raises(NotPermitted, match='conditions'):
        reconcile(fabric_of(), user=person)
    assert not Device.objects.exists()


def test_statements_do_not_grow_with_the_fabric():
    def grown(count):
        return [*small(), *(make('Server', f'many-{number}') for number in range(count))]

    few = reconcile(fabric_of(grown(5), name='few', inventory_name_pattern='{fabric}-{name}')).statements
    many = reconcile(fabric_of(grown(100), name='many', inventory_name_pattern='{fabric}-{name}')).statements
    assert many <= few
    assert connection.in_atomic_block
