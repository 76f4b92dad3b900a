"""Events and notifications: each once a transition, whoever sees it, and none lost while Redis is away."""

import pickle
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import django_rq
import pytest
from core.models import ObjectType
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from extras.models import EventRule, Notification, NotificationGroup, Subscription, Webhook
from netbox.registry import registry
from redis.exceptions import ConnectionError as RedisDown
from users.models import Group, User

from netbox_hedgehog import events
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, execute_fabric_sync, execute_requested_run
from netbox_hedgehog.jobs.scheduler import HedgehogScheduler
from netbox_hedgehog.models import Fabric, FabricCondition, FabricEvent, FabricResource, SwitchHealth
from netbox_hedgehog.monitoring.service_health import worker_health
from netbox_hedgehog.sync.report import FORBIDDEN, READ, KindReport, Report
from netbox_hedgehog.sync.switch_health import record_health

from ..support.empty_redis import _empty_redis, _time_for_events  # noqa: F401  # fixtures of every test here
from ..support.jobs import ago, make_fabric, make_fabrics, report, sync_answer

pytestmark = pytest.mark.django_db


def raised(fabric: Fabric | None = None) -> list[str]:
    found = FabricEvent.objects.filter(fabric=fabric) if fabric else FabricEvent.objects.all()
    return [event.event_type.removeprefix('hedgehog_') for event in found.order_by('pk')]


def make_rule(name: str = 'rule', *types: events.EventType, **values: Any) -> EventRule:
    """An event rule that calls a webhook."""
    hook = Webhook.objects.create(name=name, payload_url='http://127.0.0.1:1/')
    rule = EventRule.objects.create(
        name=name, event_types=[event.name for event in types or events.EVENT_TYPES], action_type='webhook',
        action_object=hook, **values,
    )
    rule.object_types.add(ObjectType.objects.get_for_model(Fabric))
    return rule


def hooks() -> list[dict[str, Any]]:
    """What waits in NetBox's default queue for its worker: the arguments of each call of a webhook."""
    return [job.kwargs for job in django_rq.get_queue('default').jobs]


def put(fabric: Fabric, status: str, **values: Any) -> None:
    Fabric.objects.filter(pk=fabric.pk).update(**{
        'sync_status': status, 'last_attempt': timezone.now(), 'sync_error': 'The API server refused the token: 401.'
        if status in ('failed', 'partial') else '', **values,
    })


def make_agent(fabric: Fabric, name: str, heartbeat: Any) -> None:
    now = timezone.now()
    for kind, status in (('Switch', {}), ('Agent', {} if heartbeat is None else {'lastHeartbeat': heartbeat})):
        FabricResource.objects.create(
            fabric=fabric, kind=kind, namespace='default', name=name, uid=name, resource_version='1', fingerprint='f',
            first_seen=now, last_read=now, changed=now, status=status,
        )


def silent_agents(fabric: Fabric) -> list[str]:
    record_health(fabric)
    return SwitchHealth.objects.filter(fabric=fabric).unresponsive_names()


@pytest.fixture
def stale() -> Fabric:
    fabric = make_fabric(last_sync=ago(hours=3), last_attempt=ago(hours=3), sync_status='in_sync')
    FabricEvent.objects.all().delete()
    return fabric


class TestTypes:
    def test_each_can_be_chosen_in_event_rules(self) -> None:
        for event in events.EVENT_TYPES:
            assert registry['event_types'][event.name] is event
            assert len(event.name) <= 50
        make_rule().full_clean()


class TestSync:
    def test_each_transition_once(self) -> None:
        fabric = make_fabric()
        for status in ('failed', 'failed', 'in_sync', 'in_sync', 'partial', 'partial', 'failed', 'in_sync'):
            put(fabric, status, **({'last_sync': timezone.now()} if status == 'in_sync' else {}))
            events.raise_state_events()
            events.raise_state_events()
        assert raised() == ['sync_failed', 'sync_recovered', 'sync_partial', 'sync_failed', 'sync_recovered']

    def test_a_fabric_that_is_well_from_the_start_is_not_told_of(self) -> None:
        put(make_fabric(), 'in_sync', last_sync=timezone.now())
        assert events.raise_state_events() == 0
        assert not raised()

    def test_waiting_and_running_tell_nothing(self) -> None:
        fabric = make_fabric()
        put(fabric, 'failed')
        events.raise_state_events()
        for status in ('queued', 'syncing', 'failed'):
            put(fabric, status)
            assert events.raise_state_events() == 0, status

    def test_a_sync_tells_at_its_end(self) -> None:
        fabric = make_fabric()
        with sync_answer(lambda fabric: report(fabric, error='No route to 10.0.0.1.')):
            execute_fabric_sync(fabric.pk)
        with sync_answer(RuntimeError('x')):
            execute_fabric_sync(fabric.pk)
        with sync_answer():
            execute_fabric_sync(fabric.pk)
        assert raised() == ['sync_failed', 'sync_recovered']
        event = FabricEvent.objects.order_by('pk')[0]
        assert event.message == 'a: No route to 10.0.0.1.'
        assert event.dispatched

    def test_one_that_was_killed_is_told_of_by_the_beat(self) -> None:
        fabric = make_fabric()
        put(fabric, 'syncing')
        HedgehogScheduler(connection=django_rq.get_connection('default')).heartbeat_tick()
        assert raised(fabric) == ['sync_failed']
        assert 'its worker was killed' in FabricEvent.objects.get().message


class TestStale:
    @pytest.mark.parametrize('look', [
        events.raise_state_events, worker_health,
        lambda: HedgehogScheduler(connection=django_rq.get_connection('default')).heartbeat_tick(),
    ])
    def test_whoever_lives_notices(self, stale: Fabric, look: Any) -> None:
        look()
        look()
        assert raised() == ['stale']
        message = FabricEvent.objects.get().message
        assert message.startswith('Sync of a has been overdue since ')
        assert f'{stale.last_sync:%Y-%m-%d %H:%M:%S} UTC' in message

    def test_and_that_it_has_ended(self, stale: Fabric) -> None:
        events.raise_state_events()
        put(stale, 'in_sync', last_sync=timezone.now())
        events.raise_state_events()
        assert raised() == ['stale', 'stale_ended']
        assert FabricEvent.objects.first().message == 'Syncs of a are on schedule again.'

    def test_one_that_was_never_read(self) -> None:
        fabric = make_fabric()
        Fabric.objects.update(created=ago(hours=1))
        events.raise_state_events()
        assert raised(fabric) == ['stale']
        assert 'last success: never' in FabricEvent.objects.get().message

    def test_one_that_fails_again_and_again_is_told_of_once(self, stale: Fabric) -> None:
        """Each of its runs waits, is at work and fails: none of that is news, whoever looks meanwhile."""
        Fabric.objects.update(created=ago(days=1), last_sync=ago(days=1))

        def look() -> None:
            events.raise_state_events()
            seen.append((Fabric.objects.get().sync_state, bool(worker_health().problems)))

        def fail(fabric: Fabric) -> Report:
            look()
            return report(fabric, error='No route to 10.0.0.1.')

        put(stale, 'failed', last_attempt=ago(seconds=300))
        events.raise_state_events()
        for _ in range(3):
            seen: list[tuple[str, bool]] = []
            job = FabricSyncJob.request(stale)
            look()
            with sync_answer(fail):
                execute_requested_run(job.pk)
            look()
            assert seen == [('queued', True), ('syncing', True), ('failed', True)]
        assert raised() == ['sync_failed']
        assert Fabric.objects.get().last_sync < ago(hours=23)

    def test_one_that_is_switched_off_is_not_told_to_be_fresh(self, stale: Fabric) -> None:
        events.raise_state_events()
        Fabric.objects.update(sync_enabled=False)
        events.raise_state_events()
        event = FabricEvent.objects.first()
        assert event.event_type == 'hedgehog_stale_ended'
        assert 'no longer synced on schedule' in event.message
        assert event.data['sync_state']['value'] == 'disabled'

    def test_a_form_that_saves_what_it_loaded_before_tells_nothing_twice(self, stale: Fabric) -> None:
        loaded = Fabric.objects.get()
        events.raise_state_events()
        loaded.description = 'edited'
        loaded.save()
        assert events.raise_state_events() == 0


class TestNames:
    def test_those_that_are_new_and_those_that_have_gone(self) -> None:
        fabric = make_fabric()
        for names in ([], ['leaf-1'], ['leaf-1'], ['leaf-1', 'leaf-2'], ['leaf-2'], ['leaf-3'], []):
            events.notify_agents(fabric.pk, names)
        found = [
            (event.event_type.removeprefix('hedgehog_agents_'), event.data['event']['names'], event.data['event']['all'])
            for event in FabricEvent.objects.order_by('pk')
        ]
        assert found == [
            ('unresponsive', ['leaf-1'], ['leaf-1']),
            ('unresponsive', ['leaf-2'], ['leaf-1', 'leaf-2']),
            ('back', ['leaf-1'], ['leaf-2']),
            ('unresponsive', ['leaf-3'], ['leaf-3']),
            ('back', ['leaf-2'], ['leaf-3']),
            ('back', ['leaf-3'], []),
        ]

    def test_many_make_a_short_sentence_and_a_whole_payload(self) -> None:
        fabric = make_fabric()
        events.notify_agents(fabric.pk, [f'leaf-{number:03}' for number in range(200)])
        event = FabricEvent.objects.get()
        assert event.message.endswith('leaf-009 and 190 more.')
        assert len(event.data['event']['names']) == 200

    def test_what_the_inventory_tells(self) -> None:
        fabric = make_fabric()
        events.notify_drift(fabric.pk, ['leaf-1: serial'])
        events.notify_drift(fabric.pk, ['leaf-1: serial', 'leaf-2: serial'], job=7)
        events.notify_drift(fabric.pk, [])
        for _ in range(2):
            events.notify_pending_removals(fabric.pk, {'dcim.device': 1, 'dcim.interface': 60})
        assert raised() == ['drift_found', 'drift_found', 'bulk_removal_pending']
        held = FabricEvent.objects.order_by('pk')[2]
        assert held.message == 'Bulk removal in a awaiting confirmation: 1 device, 60 interfaces.'
        assert held.data['event']['names'] == ['dcim.device', 'dcim.interface']
        assert FabricEvent.objects.order_by('pk')[1].data['event'] | {'time': ''} == {
            'type': 'hedgehog_drift_found', 'kind': 'warning', 'time': '', 'names': ['leaf-2: serial'],
            'message': 'Discrepancies in a: leaf-2: serial.', 'job': 7,
            'all': ['leaf-1: serial', 'leaf-2: serial'],
        }

    def test_of_a_fabric_that_has_gone_nothing_is_told(self) -> None:
        events.notify_drift(4711, ['x'])
        assert not events.notify_transition(4711, 'x', 'y', events.STALE, 'z')
        assert not FabricCondition.objects.exists()


class TestAgents:
    def test_silence_is_measured_at_the_time_of_the_sync(self) -> None:
        fabric = make_fabric()
        for name, heartbeat in {
            'fresh': ago(seconds=20).isoformat(), 'late': ago(seconds=90).isoformat(), 'never': None, 'odd': 'soon',
            'gone': ago(seconds=90).isoformat(), 'very late': ago(days=9).isoformat(),
            'utc': f'{ago(seconds=20):%Y-%m-%dT%H:%M:%SZ}', 'number': 7,
        }.items():
            make_agent(fabric, name, heartbeat)
        assert silent_agents(fabric) == ['gone', 'late', 'very late']
        FabricResource.objects.filter(name='late').update(last_read=ago(seconds=60))
        FabricResource.objects.filter(name='gone').update(missing_since=timezone.now())
        assert silent_agents(fabric) == ['very late']

    def test_an_agent_that_outlived_its_switch_is_nobodys_alarm(self) -> None:
        fabric = make_fabric()
        make_agent(fabric, 'scrapped', ago(hours=1).isoformat())
        FabricResource.objects.filter(kind='Switch').delete()
        assert silent_agents(fabric) == []

    @pytest.mark.parametrize(('outcome', 'told'), [(READ, ['agents_unresponsive']), (FORBIDDEN, ['sync_partial'])])
    def test_a_sync_tells_of_them_where_it_has_read_them(self, outcome: str, told: list[str]) -> None:
        fabric = make_fabric()
        make_agent(fabric, 'leaf-1', ago(hours=1).isoformat())

        def answer(fabric: Fabric) -> Report:
            made = report(fabric)
            record_health(fabric)
            made.kinds.append(KindReport('Agent', outcome=outcome, errors=['no'] if outcome == FORBIDDEN else []))
            made.conclude(timezone.now())
            return made

        with sync_answer(answer):
            execute_fabric_sync(fabric.pk)
        assert raised() == told


class TestNotifications:
    def test_subscribers_and_the_group_have_one_each(self, stale: Fabric) -> None:
        people = {name: User.objects.create_user(name) for name in ('sub', 'both', 'member', 'other')}
        group = Group.objects.create(name='night shift')
        group.users.add(people['member'])
        notified = NotificationGroup.objects.create(name='network')
        notified.users.add(people['both'])
        notified.groups.add(group)
        Fabric.objects.update(notification_group=notified)
        for name in ('sub', 'both'):
            Subscription.objects.create(user=people[name], object=stale)
        events.raise_state_events()
        found = {notification.user.username: notification for notification in Notification.objects.all()}
        assert sorted(found) == ['both', 'member', 'sub']
        assert {str(one.event) for one in found.values()} == {'Hedgehog: fabric stale'}
        assert {one.object_repr for one in found.values()} == {'a'}
        Notification.objects.update(read=timezone.now(), created=ago(hours=1))
        put(stale, 'in_sync', last_sync=timezone.now())
        events.raise_state_events()
        for one in Notification.objects.all():
            assert one.event_type == 'hedgehog_stale_ended'
            assert one.read is None
            assert one.created > ago(minutes=5)
        assert Notification.objects.count() == 3

    def test_a_group_that_is_deleted_leaves_the_fabric(self) -> None:
        fabric = make_fabric(notification_group=NotificationGroup.objects.create(name='network'))
        NotificationGroup.objects.all().delete()
        fabric.refresh_from_db()
        assert fabric.notification_group is None

    def test_through_an_event_rule(self, stale: Fabric) -> None:
        group, user = NotificationGroup.objects.create(name='network'), User.objects.create_user('x')
        group.users.add(user)
        rule = make_rule()
        rule.action_type, rule.action_object = 'notification', group
        rule.save()
        events.raise_state_events_safely()
        assert Notification.objects.get(user=user).object == stale


class TestDispatch:
    def test_a_rule_has_the_payload(self, stale: Fabric) -> None:
        Fabric.objects.update(kubernetes_token='CANARY-token', kubeconfig='CANARY-kubeconfig', last_report={'kinds': []})
        make_rule()
        events.raise_state_events_safely()
        events.raise_state_events_safely()
        (hook,) = hooks()
        assert hook['event_type'] == 'hedgehog_stale'
        data = hook['data']
        assert (data['id'], data['display'], data['name']) == (stale.pk, 'a', 'a')
        assert data['sync_state']['value'] == 'stale'
        assert data['event']['type'] == 'hedgehog_stale'
        assert data['event']['kind'] == 'danger'
        assert data['event']['message'] == FabricEvent.objects.get().message
        assert not {'kubernetes_token', 'kubeconfig', 'kubernetes_ca_cert', 'last_report'} & data.keys()
        assert b'CANARY' not in pickle.dumps(data)

    def test_rules_choose_by_type_and_by_condition(self, stale: Fabric) -> None:
        make_rule('other type', events.SYNC_FAILED)
        make_rule('other fabric', conditions={'attr': 'name', 'value': 'b'})
        make_rule('off', enabled=False)
        make_rule('this one', conditions={'attr': 'event.kind', 'value': 'danger'})
        events.raise_state_events_safely()
        assert [hook['event_rule'].name for hook in hooks()] == ['this one']

    def test_what_redis_did_not_take_is_given_later_and_once(self, stale: Fabric) -> None:
        make_rule('one')
        make_rule('two')
        enqueue, calls = django_rq.queues.DjangoRQ.enqueue, []

        def first_only(queue: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(kwargs['event_rule'].name)
            if len(calls) == 2:
                raise RedisDown('refused')
            return enqueue(queue, *args, **kwargs)

        with patch('django_rq.queues.DjangoRQ.enqueue', first_only):
            events.raise_state_events_safely()
        assert FabricEvent.objects.get().dispatched is None
        events.raise_state_events_safely()
        events.raise_state_events_safely()
        assert [hook['event_rule'].name for hook in hooks()] == ['one', 'two']
        assert FabricEvent.objects.get().dispatched

    def test_people_are_notified_while_redis_is_away(self, stale: Fabric) -> None:
        Subscription.objects.create(user=User.objects.create_user('sub'), object=stale)
        make_rule()
        with patch('netbox_hedgehog.events.dispatch') as dispatched:
            events.raise_state_events_safely(redis=False)
        dispatched.assert_not_called()
        assert Notification.objects.exists()
        assert not hooks()
        events.raise_state_events_safely()
        assert len(hooks()) == 1

    def test_a_rule_that_cannot_be_carried_out_keeps_no_other_from_it(self, stale: Fabric) -> None:
        broken = make_rule('broken')
        broken.action_type = 'notification'
        broken.save()
        EventRule.objects.filter(pk=broken.pk).update(action_object_id=None)
        make_rule('works')
        events.raise_state_events_safely()
        assert [hook['event_rule'].name for hook in hooks()] == ['works']
        event = FabricEvent.objects.get()
        assert event.error.startswith('broken: AttributeError')
        assert event.dispatched

    def test_what_a_killed_process_took_is_given_by_another(self, stale: Fabric) -> None:
        make_rule()
        events.raise_state_events()
        FabricEvent.objects.update(taken=timezone.now())
        assert events.dispatch() == 0
        FabricEvent.objects.update(taken=timezone.now() - timedelta(seconds=61))
        assert events.dispatch() == 1
        assert len(hooks()) == 1


    def test_nor_twice_where_that_was_killed_between_two_rules(self, stale: Fabric) -> None:
        make_rule('first', events.STALE)
        make_rule('second', events.STALE)
        events.raise_state_events()
        process = events.process_event_rules

        def killed(rules: list[EventRule], *args: Any) -> None:
            if rules[0].name == 'second':
                raise SystemExit
            process(rules, *args)

        with patch('netbox_hedgehog.events.process_event_rules', killed), pytest.raises(SystemExit):
            events.dispatch()
        FabricEvent.objects.update(taken=timezone.now() - timedelta(seconds=events.TAKEOVER_AFTER + 1))
        assert events.dispatch() == 1
        assert len(hooks()) == 2

    @pytest.mark.parametrize('redis', [True, False])
    def test_one_that_is_deleted_meanwhile_is_left_alone(self, redis: bool, stale: Fabric) -> None:
        make_rule('rule', events.STALE)
        events.raise_state_events()
        select = FabricEvent.objects.select_related

        def gone(*args: str) -> Any:
            FabricEvent.objects.all().delete()
            return select(*args)

        with patch.object(FabricEvent.objects, 'select_related', gone, create=True):
            events.raise_state_events_safely([stale.pk], redis=redis)
            assert events.dispatch() == 0
        assert hooks() == []


class TestCost:
    def test_a_look_that_finds_nothing(self) -> None:
        make_fabrics(200, sync_status='in_sync', last_sync=timezone.now(), last_attempt=timezone.now())
        with CaptureQueriesContext(database) as queries:
            events.raise_state_events_safely()
        assert len(queries) == 2

    def test_a_page_tells_of_some_and_the_beat_of_all(self) -> None:
        make_fabrics(40, sync_status='failed', sync_error='No route.', last_attempt=timezone.now())
        events.raise_state_events_safely()
        assert len(raised()) == events.AT_ONCE
        HedgehogScheduler(connection=django_rq.get_connection('default')).heartbeat_tick()
        assert len(raised()) == 40

    def test_old_events_are_dropped(self) -> None:
        fabric = make_fabric()
        with patch.object(events, 'KEPT', 3):
            for number in range(6):
                events.notify_transition(fabric.pk, 'x', str(number), events.STALE, f'message {number}')
        assert [event.message for event in FabricEvent.objects.all()] == ['message 5', 'message 4', 'message 3']

    def test_a_deleted_fabric_takes_them_along(self, stale: Fabric) -> None:
        events.raise_state_events()
        stale.delete()
        assert not FabricEvent.objects.exists()
        assert not FabricCondition.objects.exists()
