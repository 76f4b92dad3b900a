"""The contract of bulk deletion: what it leaves behind is what NetBox's own delete() would have left."""

import json
from collections import defaultdict

import pytest
from core.models import ObjectChange
from core.signals import _signals_received
from dcim.models import Cable, Device, Interface, MACAddress, Module
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import CaptureQueriesContext
from extras.models import Bookmark, CachedValue, JournalEntry, Notification, Subscription
from ipam.models import VLAN, VRF, IPAddress, Prefix
from netbox.context import events_queue
from users.models import User
from utilities.exceptions import AbortRequest

from netbox_hedgehog.choices import InventoryOriginChoices, InventoryScopeChoices
from netbox_hedgehog.inventory.applying import bulk_delete, deletion
from netbox_hedgehog.inventory.applying import transaction as applying
from netbox_hedgehog.inventory.disable import remove_created
from netbox_hedgehog.inventory.planning.model_specs import MODEL_SPECS
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ....support.hardware import agent, optic, port
from ....support.inventory import fabric_of
from ....support.resources import make, small

pytestmark = pytest.mark.django_db

# What no two deletions have in common, and what changes with each object that is deleted of a batch.
TIMES = {'last_updated', 'time', 'created', 'request_id', 'since', 'first_seen', 'last_seen'}
COUNTS = {'_children', '_depth', 'children', 'depth', 'device_count'}
# Their rows come and go while tests run.
PASSING = {'core.job', 'core.objectchange', 'sessions.session', 'contenttypes.contenttype'}


@pytest.fixture
def events(monkeypatch, settings):
    """The events of the last request, by object: as if a plugin listened to all of them."""
    settings.EVENTS_PIPELINE = ['extras.events.process_event_queue', 'builtins.print']
    found = {}

    def keep():
        found.clear()
        for key, event in events_queue.get().items():
            found[key] = (event['event_type'], plain(event['data']), plain(event['snapshots']))
        events_queue.set({})
        return []

    monkeypatch.setattr(applying, 'process_queued_events', keep)
    return found


def plain(value):
    """A value without what differs from one deletion to the next."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in TIMES | COUNTS}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return json.loads(json.dumps(value, cls=DjangoJSONEncoder, default=str)) if value is not None else None


def tables():
    """All rows of all models, but for what differs from one deletion to the next."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label_lower
        if not model._meta.managed or model._meta.proxy or label in PASSING:
            continue
        # Rows that a removal adds have other IDs each time.
        added = label.startswith('netbox_hedgehog.') or model in (CachedValue, Notification)
        loose = {*TIMES, 'id', 'timestamp'} if added else TIMES
        rows = model._base_manager.values()
        if model is CachedValue:
            rows = rows.exclude(object_type__app_label='netbox_hedgehog')  # of discrepancies that the removal adds
        found[label] = sorted(str({name: row[name] for name in row if name not in loose}) for row in rows)
    return found


def change_log(after):
    """What was logged of each object, in its order."""
    found = defaultdict(list)
    for row in ObjectChange.objects.filter(pk__gt=after).order_by('pk').values():
        place = (row['changed_object_type_id'], row['changed_object_id'])
        found[place].append({name: plain(row[name]) for name in row if name not in (*TIMES, 'id')})
    return dict(found)


def removed(fabric, events, capture):
    """Remove what was created, take it back, and return what it has left."""
    last = ObjectChange.objects.order_by('-pk').values_list('pk', flat=True).first()
    with transaction.atomic():
        with capture(execute=True) as jobs, CaptureQueriesContext(connection) as queries:
            report = remove_created(fabric)
        outcome = {
            'counts': dict(report.counts), 'log': change_log(last), 'events': dict(events), 'tables': tables(),
            'findings': sorted(Discrepancy.objects.filter(type='protected').values_list('key', flat=True)),
        }
        transaction.set_rollback(True)
    # NetBox notes what was deleted until the request ends: it would log nothing of the same objects again.
    _signals_received.pre_delete = set()
    return outcome, len(jobs), len(queries)


def populated():
    """A fabric with all kinds of objects, and with what people add to them."""
    cages, ports = {'E1/1': optic('S1'), 'E1/2': {}}, {'E1/1': port('02:00:00:00:00:01')}
    fabric = fabric_of(
        [*small(), agent('leaf-1', cages, ports)], inventory_scope=list(InventoryScopeChoices.values()),
    )
    reconcile(fabric)
    user = User.objects.create(username='reader')
    leaf = Device.objects.get(name='leaf-1')
    for instance in (leaf, leaf.interfaces.first(), Cable.objects.first(), Prefix.objects.first()):
        subject = {'object_type': ContentType.objects.get_for_model(instance), 'object_id': instance.pk, 'user': user}
        Subscription.objects.create(**subject)
        Bookmark.objects.create(**subject)
    # It stays, and with it all that it refers to.
    JournalEntry.objects.create(assigned_object=Prefix.objects.get(prefix='10.0.1.0/24'), comments='Mine.')
    # A device that was adopted stays, without what was created on it.
    InventoryLink.objects.filter(
        object_type=ContentType.objects.get_for_model(Device), object_id=Device.objects.get(name='spine-1').pk,
    ).update(origin=InventoryOriginChoices.ADOPTED)
    Prefix.objects.create(prefix='10.0.0.0/8')
    # A port that somebody has split into channels, and its cable, are deleted by NetBox itself.
    split = Interface.objects.filter(device=leaf, cable__isnull=False).first()
    Interface.objects.filter(pk=split.pk).update(channels=2)
    return fabric


def differences(ours, theirs):
    found = [what for what in ('counts', 'findings') if ours[what] != theirs[what]]
    for what in ('tables', 'log', 'events'):
        for key in ours[what].keys() | theirs[what].keys():
            one, other = ours[what].get(key), theirs[what].get(key)
            if one != other:
                found.append((what, key, one, other))
    return found


def test_a_bulk_deletion_leaves_what_netbox_would_leave(monkeypatch, events, django_capture_on_commit_callbacks):
    fabric = populated()
    for model in (Device, Interface, Cable, IPAddress, Prefix, VLAN, MACAddress, Module):
        assert model.objects.exists()
    ours, jobs, statements = removed(fabric, events, django_capture_on_commit_callbacks)
    monkeypatch.setattr(bulk_delete, 'deletes_in_bulk', lambda label: False)
    theirs, _, more = removed(fabric, events, django_capture_on_commit_callbacks)
    assert differences(ours, theirs) == []
    assert ours['counts']['delete'] > 30
    assert ours['events']
    # NetBox queues a job of its search index for each savepoint in which it deletes or saves an object itself.
    assert jobs <= 2
    assert statements < more / 2


def test_netbox_has_no_receiver_that_is_not_known():
    assert [
        label for label, spec in MODEL_SPECS.items()
        if not spec.save_individually and not bulk_delete.deletes_in_bulk(label)
    ] == []


@pytest.mark.parametrize('signal', [pre_delete, post_delete])
def test_what_a_plugin_listens_to_is_deleted_one_by_one(signal):
    fabric = fabric_of([*small(), make('Server', 'alone')])
    reconcile(fabric)
    heard = []

    def listen(instance, **kwargs):
        if instance.name == 'alone':
            raise AbortRequest('Not today.')
        heard.append(instance.name)

    signal.connect(listen, sender=Device)
    try:
        remove_created(fabric)
    finally:
        signal.disconnect(listen, sender=Device)
    assert list(Device.objects.values_list('name', flat=True)) == ['alone']
    assert set(heard) == {'leaf-1', 'server-1', 'server-2', 'spine-1'}
    assert 'Not today.' in Discrepancy.objects.get(type='protected').sentence


def test_what_somebody_begins_to_use_meanwhile_stays_alone(monkeypatch):
    """It is found when the batch is deleted: the plan was made before."""
    fabric = fabric_of(inventory_scope=list(InventoryScopeChoices.values()))
    reconcile(fabric)
    vrf, groups = VRF.objects.first(), deletion.connected_groups

    def use(*arguments):
        IPAddress.objects.create(address='192.0.2.1/32', vrf=vrf)
        return groups(*arguments)

    monkeypatch.setattr(deletion, 'connected_groups', use)
    remove_created(fabric)
    assert list(VRF.objects.all()) == [vrf]
    assert not Device.objects.exists()
    assert 'depends on it' in Discrepancy.objects.get(type='protected').sentence


def test_statements_do_not_grow_with_the_number_of_objects():
    def statements(count):
        servers = [make('Server', f'many-{number}') for number in range(count)]
        fabric = fabric_of([*small(), *servers], name=f'of-{count}')
        reconcile(fabric)
        return remove_created(fabric).statements

    few = statements(4)
    assert statements(40) <= few
