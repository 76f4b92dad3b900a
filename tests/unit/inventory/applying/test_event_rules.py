"""Event rules fire for what an inventory writes as for a change on NetBox's pages. The jobs in Redis are RQ's own."""

import json

import pytest
from core.choices import ObjectChangeActionChoices
from core.models import ObjectChange, ObjectType
from dcim.models import Cable, CableTermination, Device, Interface, MACAddress
from django.urls import reverse
from django_rq import get_queue
from extras.events import serialize_for_event
from extras.models import EventRule, Notification, NotificationGroup, Webhook
from ipam.models import ASN, VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from rest_framework.test import APIClient
from rq.job import Job
from users.models import User
from utilities.api import get_serializer_for_model

from netbox_hedgehog.inventory.disable import plan_removal, remove_created
from netbox_hedgehog.inventory.operations import accept_fabric_value
from netbox_hedgehog.inventory.planning.plan import CREATE
from netbox_hedgehog.inventory.reconcile import confirm_removal, plan, reconcile
from netbox_hedgehog.jobs.inventory import reconcile_and_report
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ....support.inventory import fabric_of, grace_is_over, mirror, synced
from ....support.resources import small

pytestmark = pytest.mark.django_db

CREATED, UPDATED, DELETED = 'object_created', 'object_updated', 'object_deleted'

# All that the inventory writes and that NetBox has event rules for.
MODELS = (Device, Interface, MACAddress, Cable, CableTermination, VRF, VLANGroup, VLAN, Prefix, IPRange, IPAddress, ASN)


@pytest.fixture
def queue():
    """The queue of NetBox's own worker, empty before and after."""
    waiting = get_queue('default')
    waiting.empty()
    yield waiting
    waiting.empty()


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Calls a function and does what waits for its commit: RQ's jobs are queued then."""
    def call(function, *arguments):
        with django_capture_on_commit_callbacks(execute=True):
            return function(*arguments)

    return call


@pytest.fixture
def person():
    return User.objects.create_superuser('carla')


def rule(model, *event_types, action=None, name=''):
    action = action or Webhook.objects.get_or_create(name='w', payload_url='http://localhost/')[0]
    made = EventRule.objects.create(
        name=name or f'{model._meta.label_lower} {" ".join(event_types)}', event_types=list(event_types),
        action_type='webhook' if isinstance(action, Webhook) else 'notification',
        action_object_type=ObjectType.objects.get_for_model(action), action_object_id=action.pk,
    )
    made.object_types.set([ObjectType.objects.get_for_model(model)])
    return made


def webhooks(queue):
    """What NetBox's worker would send: the arguments of its jobs, as it unpickles them."""
    jobs = Job.fetch_many(queue.job_ids, connection=queue.connection)
    return [job.kwargs for job in jobs if job.func_name == 'extras.webhooks.send_webhook']


def told(queue):
    return sorted((call['object_type'].model, call['event_type'], call['data']['display']) for call in webhooks(queue))


def change_of(instance, action):
    return ObjectChange.objects.get(
        changed_object_type=ObjectType.objects.get_for_model(instance), changed_object_id=instance.pk, action=action,
    )


def normal(data):
    return json.loads(json.dumps(data, default=str))


def test_a_webhook_is_queued_once_for_each_new_object(committed, queue):
    for model in MODELS:
        rule(model, CREATED)
    report = committed(reconcile, fabric_of())
    assert report.event_failures == []
    calls = webhooks(queue)
    for model in MODELS:
        found = [call['data']['id'] for call in calls if call['object_type'].model_class() is model]
        assert sorted(found) == sorted(model.objects.values_list('pk', flat=True)), model
    assert {call['event_type'] for call in calls} == {CREATED}


def test_a_webhook_has_what_that_of_a_change_on_a_page_has(committed, queue, person):
    for model in MODELS:
        rule(model, CREATED, UPDATED)
    committed(reconcile, fabric_of())
    hedgehog = User.objects.get(username='hedgehog')
    for call in webhooks(queue):
        model = call['object_type'].model_class()
        instance = model.objects.get(pk=call['data']['id'])
        assert normal(call['data']) == normal(serialize_for_event(instance)), instance
        assert call['snapshots']['prechange'] is None
        changes = ObjectChange.objects.filter(changed_object_type=call['object_type'], changed_object_id=instance.pk)
        assert call['snapshots']['postchange'] == changes.order_by('pk').last().postchange_data
        assert {change.request_id for change in changes} == {call['request'].id}
        assert (call['request'].user, changes[0].user_name) == (hedgehog, 'hedgehog')
    ours = next(call for call in webhooks(queue) if call['object_type'].model == 'device')
    queue.empty()
    client = APIClient()
    client.force_authenticate(person)
    device = Device.objects.get(name='server-1')
    path = reverse('dcim-api:device-detail', args=[device.pk])
    answer = committed(lambda: client.patch(path, {'serial': 'X'}, format='json'))
    assert answer.status_code == 200, answer.content
    (theirs,) = webhooks(queue)
    assert theirs.keys() == ours.keys()
    assert theirs['data'].keys() == ours['data'].keys()
    assert theirs['snapshots']['postchange'].keys() == ours['snapshots']['postchange'].keys()
    assert vars(theirs['request']).keys() == vars(ours['request']).keys()


def test_a_new_object_is_told_with_what_was_set_later_in_the_same_sync(committed, queue):
    rule(Device, CREATED)
    committed(reconcile, fabric_of())
    leaf = next(call for call in webhooks(queue) if call['data']['name'] == 'leaf-1')
    # A primary address can be set only once the device has it.
    assert leaf['data']['primary_ip4']['address'] == '172.30.0.9/21'
    assert leaf['snapshots']['postchange']['primary_ip4'] == leaf['data']['primary_ip4']['id']


def test_what_was_created_in_the_same_sync_is_not_told_as_updated(committed, queue):
    for model in MODELS:
        rule(model, UPDATED)
    committed(reconcile, fabric_of())
    assert told(queue) == []


def test_an_update_has_both_snapshots(committed, queue):
    fabric = synced()
    rule(Device, CREATED, UPDATED)
    mirror(fabric, [item for item in small() if item.name != 'leaf-1' or item.kind != 'Switch'] + [
        type(item)(item.kind, item.name, {**item.spec, 'boot': {'serial': 'NEW'}})
        for item in small() if (item.kind, item.name) == ('Switch', 'leaf-1')
    ])
    committed(reconcile, fabric)
    (call,) = webhooks(queue)
    assert (call['event_type'], call['data']['serial']) == (UPDATED, 'NEW')
    assert (call['snapshots']['prechange']['serial'], call['snapshots']['postchange']['serial']) == ('S-LEAF-1', 'NEW')


def test_an_applied_plan_is_told_in_the_name_of_who_applied_it(committed, queue, person):
    fabric = fabric_of()
    rule(VLAN, CREATED)
    committed(reconcile, fabric, person, plan(fabric).digest)
    (call,) = webhooks(queue)
    assert call['request'].user == person
    change = change_of(VLAN.objects.get(), ObjectChangeActionChoices.ACTION_CREATE)
    assert (change.user, change.request_id) == (person, call['request'].id)


def test_a_decision_is_told(committed, queue, person):
    fabric = synced()
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    rule(Device, UPDATED)
    assert committed(accept_fabric_value, Discrepancy.objects.filter(type='field'), person).resolved == 1
    (call,) = webhooks(queue)
    assert (call['data']['name'], call['data']['serial'], call['request'].user) == ('leaf-1', 'S-LEAF-1', person)


def test_a_confirmed_removal_is_told(committed, queue, person):
    fabric = synced()
    rule(Device, UPDATED)
    mirror(fabric, [item for item in small() if item.name != 'leaf-1'])
    committed(reconcile, fabric)
    assert webhooks(queue) == []
    committed(confirm_removal, fabric, fabric.inventory_unconfirmed['digest'], person)
    (call,) = webhooks(queue)
    assert (call['data']['name'], call['data']['status']['value']) == ('leaf-1', 'decommissioning')
    assert call['request'].user == person


def test_what_a_sync_deletes_is_told(committed, queue):
    fabric = synced(inventory_removal='delete')
    rule(Device, DELETED)
    mirror(fabric, [item for item in small() if not item.name.startswith('server-2')])
    reconcile(fabric)
    grace_is_over(fabric)
    committed(reconcile, fabric)
    (call,) = webhooks(queue)
    assert (call['event_type'], call['data']['name']) == (DELETED, 'server-2')
    assert call['request'].user.username == 'hedgehog'


def test_what_is_removed_with_the_inventory_is_told_as_deleted(committed, queue, person):
    fabric = synced()
    gone = {model: sorted(model.objects.values_list('pk', flat=True)) for model in (Device, Interface, Cable, VLAN)}
    for model in gone:
        rule(model, CREATED, UPDATED, DELETED)
    committed(remove_created, fabric, person, plan_removal(fabric).digest)
    calls = webhooks(queue)
    for model, pks in gone.items():
        found = [call for call in calls if call['object_type'].model_class() is model]
        assert sorted(call['data']['id'] for call in found) == pks, model
        assert {call['event_type'] for call in found} == {DELETED}
        assert all(call['snapshots']['prechange'] and not call['snapshots']['postchange'] for call in found)


def test_a_notification_group_is_notified_of_each_object(committed, person):
    group = NotificationGroup.objects.create(name='g')
    group.users.set([person])
    rule(Device, CREATED, action=group)
    committed(reconcile, fabric_of())
    assert sorted(Notification.objects.values_list('object_repr', flat=True)) == [
        'leaf-1', 'server-1', 'server-2', 'spine-1',
    ]


def test_a_rule_that_fails_is_reported_and_costs_no_other_its_events(committed, queue, person):
    broken = rule(Device, CREATED, name='broken')
    # Deleted behind NetBox's back: the rule has nothing to send with.
    EventRule.objects.filter(pk=broken.pk).update(action_type='script')
    group = NotificationGroup.objects.create(name='g')
    group.users.set([person])
    rule(Device, CREATED, action=group, name='people')
    rule(Device, CREATED, name='working')
    fabric = fabric_of()
    report, failed = committed(reconcile_and_report, fabric)
    assert not failed
    assert Fabric.objects.get().inventory_error == ''
    assert [call['event_rule'].name for call in webhooks(queue)] == ['working'] * 4
    assert Notification.objects.count() == 4
    (failure,) = report['event_failures']
    assert failure.startswith('Event rule broken failed: ')
    assert failure.endswith('(4 events)')
    assert failure in report['sentence']
    assert report['counts'][CREATE] == len(plan_removal(fabric).actions) + Shared.count()


class Shared:
    """Objects that a removal leaves, as others may use them too."""

    @staticmethod
    def count():
        return InventoryLink.objects.filter(shared=True, origin='created').count()


def test_a_consumer_of_events_that_fails_costs_no_other_its_events(committed, queue, settings):
    settings.EVENTS_PIPELINE = ['tests.unit.inventory.applying.test_event_rules.fail', *settings.EVENTS_PIPELINE]
    rule(VLAN, CREATED)
    report, failed = committed(reconcile_and_report, fabric_of())
    assert not failed
    assert len(webhooks(queue)) == 1
    assert report['event_failures'][0].startswith('Events pipeline tests.unit.inventory.applying.test_event_rules.fail failed: ')


def test_one_event_is_not_called_many(committed):
    broken = rule(VLAN, CREATED, name='broken')
    # Deleted behind NetBox's back: the rule has nothing to send with.
    EventRule.objects.filter(pk=broken.pk).update(action_type='script')
    report, _ = committed(reconcile_and_report, fabric_of())
    (failure,) = report['event_failures']
    assert failure.endswith('(1 event)')


def fail(events):
    raise ValueError('no')


def test_every_model_of_an_inventory_can_be_serialized(committed):
    committed(reconcile, fabric_of())
    for label in InventoryLink.objects.values_list('object_type__app_label', 'object_type__model').distinct():
        model = ObjectType.objects.get_by_natural_key(*label).model_class()
        assert get_serializer_for_model(model)
