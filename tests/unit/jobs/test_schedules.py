"""reconcile(): rq-scheduler holds what the database wants, whatever it held before."""

import time
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import OperationalError
from django.db import connection as database
from django.test import override_settings
from django_rq import get_scheduler
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisDown
from rq.job import Job as RQJob
from rq.job import validate_job_id

from netbox_hedgehog.jobs.deployment import deployment_id
from netbox_hedgehog.jobs.queue import PLUGIN_QUEUE, connection, queue_name
from netbox_hedgehog.jobs.schedules import (
    RUN_FABRIC,
    SCHEDULED_JOBS,
    FabricSyncScheduler,
    desired_schedules,
    due_times,
    fabric_of,
    next_due,
    reconcile,
    schedule_id,
)
from netbox_hedgehog.models import Fabric

from ...support.jobs import ago, due, make_due, make_fabric, make_fabrics, round_trips, waiting

pytestmark = pytest.mark.django_db


def counts(**values: int) -> dict[str, int]:
    return {'created': 0, 'updated': 0, 'removed': 0, 'unchanged': 0, **values}


def entry(fabric: Fabric) -> RQJob:
    return RQJob.fetch(schedule_id(fabric.pk), connection=connection())


def test_it_schedules_what_the_database_wants_and_nothing_else() -> None:
    wanted = make_fabric('wanted', last_attempt=ago(seconds=100))
    make_fabric('off', sync_enabled=False)
    make_fabric('by-hand', scheduler_enabled=False)
    make_fabric('planned', status='planned')
    make_fabric('retired', status='decommissioned')

    began = time.time()
    assert reconcile() == counts(created=1)
    assert [raw.decode() for raw in connection().zrange(SCHEDULED_JOBS, 0, -1)] == [schedule_id(wanted.pk)]
    job = entry(wanted)
    assert (job.func_name, tuple(job.args), job.origin, job.timeout) == (RUN_FABRIC, (wanted.pk,), queue_name(), 600)
    assert job.meta == {'interval': 300, 'deployment': deployment_id()}
    assert began + 48 < due(wanted) <= time.time() + 200, 'an interval after its last attempt at the latest, and half of one at least'
    assert connection().ttl(job.key) == -1
    assert reconcile() == counts(unchanged=1), 'and a second time there is nothing to do'


def test_it_corrects_what_has_changed() -> None:
    fabric = make_fabric(last_attempt=ago(seconds=10))
    reconcile()
    Fabric.objects.update(sync_interval=60)
    began = time.time()
    assert reconcile() == counts(updated=1)
    assert began + 18 < due(fabric) <= time.time() + 50
    assert entry(fabric).meta['interval'] == 60
    with override_settings(QUEUE_MAPPINGS={'fabric': 'default'}):
        assert reconcile() == counts(updated=1)
        assert entry(fabric).origin == 'default'


def test_it_makes_a_schedule_whole_whose_job_is_lost_or_spoilt() -> None:
    fabric = make_fabric(last_attempt=ago(seconds=10))
    reconcile()
    connection().delete(RQJob.key_for(schedule_id(fabric.pk)))
    assert reconcile() == counts(updated=1)
    connection().hset(RQJob.key_for(schedule_id(fabric.pk)), 'data', b'not a pickle')
    assert reconcile() == counts(updated=1)
    assert tuple(entry(fabric).args) == (fabric.pk,)


def test_it_removes_orphans_with_all_that_belongs_to_them() -> None:
    fabric = make_fabric()
    reconcile()
    name = schedule_id(fabric.pk)
    redis = connection()
    redis.rpush(f'rq:queue:{queue_name()}', name, 'somebody-elses')
    redis.xadd(f'rq:results:{name}', {'type': 1})
    for registry in ('finished', 'failed'):
        redis.zadd(f'rq:{registry}:{queue_name()}', {name: 1, 'somebody-elses': 1})
    Fabric.objects.filter(pk=fabric.pk).update(scheduler_enabled=False)

    assert reconcile() == counts(removed=1)
    assert waiting() == ['somebody-elses']
    assert not redis.keys(f'*{name}*')
    for registry in ('finished', 'failed'):
        assert redis.zrange(f'rq:{registry}:{queue_name()}', 0, -1) == [b'somebody-elses']


def test_it_leaves_the_schedules_of_others_alone() -> None:
    foreign = get_scheduler().schedule(ago(days=-1), 'math.sqrt', args=[4], interval=60, id='somebody-elses')
    lookalike = get_scheduler().schedule(ago(days=-1), 'math.sqrt', args=[4], id='netbox_hedgehog-fabric-x')
    assert reconcile() == counts()
    assert connection().zcard(SCHEDULED_JOBS) == 2
    for job in (foreign, lookalike):
        assert RQJob.exists(job.id, connection=connection())


def test_one_statement_and_a_fixed_number_of_round_trips(django_assert_num_queries) -> None:
    sent = {}
    for count in (3, 300):
        Fabric.objects.all().delete()
        connection().flushdb()
        make_fabrics(count)
        for what in ('created', 'unchanged'):
            with round_trips() as trips, django_assert_num_queries(1):
                assert reconcile() == counts(**{what: count})
            sent[count, what] = len(trips)
    assert sent[3, 'created'] == sent[300, 'created'] == 5
    assert sent[3, 'unchanged'] == sent[300, 'unchanged'] <= 5


def test_overdue_fabrics_do_not_start_all_at_once() -> None:
    fabrics = make_fabrics(100, sync_interval=300)
    began = time.time()
    reconcile()
    now = time.time()
    times = sorted(score for score in due_times(fabric.pk for fabric in fabrics).values())
    assert began <= times[0]
    assert times[-1] <= now + 100
    busiest = max(sum(1 for other in times if one <= other < one + 10) for one in times)
    assert busiest < 30, 'about one a second'
    assert len({round(score, 3) for score in times}) > 90


def test_more_overdue_fabrics_than_an_interval_has_seconds_come_at_their_places() -> None:
    """They are read once in the first interval and not twice, as often as ever."""
    now, interval = time.time(), 30
    make_fabrics(100, sync_interval=interval)
    schedules = desired_schedules(now).values()
    assert all(now < schedule.due <= now + interval for schedule in schedules)
    for schedule in schedules:
        following = next_due(schedule.fabric_id, interval, schedule.due + 0.4)
        assert following == pytest.approx(schedule.due + interval, abs=1e-3)


def test_one_overdue_fabric_starts_at_once() -> None:
    fabric = make_fabric()
    began = time.time()
    reconcile()
    assert began <= due(fabric) <= time.time() + 1


@given(st.integers(1, 2**40), st.integers(30, 604800), st.floats(0, 2e9))
def test_a_fabric_comes_to_its_own_place_in_the_interval_and_stays_there(pk: int, interval: int, now: float) -> None:
    slack = 1e-3
    first = next_due(pk, interval, now)
    assert interval / 2 - slack <= first - now <= interval + slack
    place = next_due(pk, interval, first)
    assert interval / 2 - slack <= place - first <= interval + slack
    # Whoever looks does so a moment after it was due, or much later: the place stays.
    for late in (0.4, 0.4 * interval, 20.3 * interval):
        following = next_due(pk, interval, place + late)
        assert (following - place) / interval == pytest.approx(round((following - place) / interval), abs=1e-3)


def test_fabrics_that_were_made_at_the_same_moment_do_not_stay_together() -> None:
    """Or a short outage would take the runs of all of them, and each would wait for the others at every interval."""
    now = 2e9
    fabrics = dict.fromkeys(range(1, 301), now)
    for _ in range(2):
        fabrics = {pk: next_due(pk, 60, due) for pk, due in fabrics.items()}
    places = sorted(due % 60 for due in fabrics.values())
    assert max(sum(1 for place in places if at <= place < at + 6) for at in range(0, 60, 6)) < 50, 'a tenth are 30'


def test_an_emptied_redis_moves_no_fabric() -> None:
    """What is made anew is due when it would have been."""
    interval, now = 300, time.time()
    fabrics = make_fabrics(20, sync_interval=interval)
    turns = {}
    for fabric in fabrics:
        pk = fabric.pk
        place = next_due(pk, interval, next_due(pk, interval, now))
        turn = now + (place - now) % interval
        if turn < now + 60:  # a busy machine may see it pass
            fabric.delete()
            continue
        turns[pk] = turn
        Fabric.objects.filter(pk=pk).update(last_attempt=ago(seconds=now - (turn - interval) - 0.7))
    reconcile()
    assert due_times(turns) == pytest.approx(turns, abs=1)


def test_a_wrong_clock_delays_a_fabric_by_no_more_than_an_interval() -> None:
    """A machine whose clock was a year ahead has written both the schedule and the last attempt."""
    fabric = make_fabric(sync_interval=60, last_attempt=ago(days=-365))
    reconcile()
    make_due(fabric, time.time() + 365 * 86400)
    assert reconcile() == counts(updated=1)
    assert due(fabric) <= time.time() + 60
    assert reconcile() == counts(unchanged=1), 'and it does not move on from beat to beat'


def test_a_running_schedule_keeps_its_time() -> None:
    fabric = make_fabric(last_attempt=ago(seconds=1000))
    reconcile()
    make_due(fabric, time.time() - 5000)
    before = due(fabric)
    assert reconcile() == counts(unchanged=1)
    assert due(fabric) == before


def test_rq_accepts_the_ids() -> None:
    for pk in (1, 2**31, 2**63 - 1):
        validate_job_id(schedule_id(pk))
        assert fabric_of(schedule_id(pk)) == pk
    for name in ('', 'netbox_hedgehog-fabric-', 'netbox_hedgehog-fabric-x', 'netbox_hedgehog-fabric-1-2', '7'):
        assert fabric_of(name) is None


def test_bootstrap_says_how_many_stand_and_hides_no_failure() -> None:
    make_fabrics(2)
    assert FabricSyncScheduler().bootstrap_all_fabric_schedules() == {'fabrics': 2, **counts(created=2)}
    assert FabricSyncScheduler().bootstrap_all_fabric_schedules() == {'fabrics': 2, **counts(unchanged=2)}
    with patch('netbox_hedgehog.jobs.schedules.connection', side_effect=RedisDown), pytest.raises(RedisDown):
        FabricSyncScheduler().bootstrap_all_fabric_schedules()
    with patch.object(Fabric.objects, 'scheduled', side_effect=OperationalError), pytest.raises(OperationalError):
        FabricSyncScheduler().bootstrap_all_fabric_schedules()


def test_the_queue_is_the_plugins_or_the_one_of_queue_mappings() -> None:
    assert queue_name() == PLUGIN_QUEUE == 'netbox_hedgehog.hedgehog_sync'
    assert PLUGIN_QUEUE in settings.RQ_QUEUES
    with override_settings(QUEUE_MAPPINGS={'fabric': 'hedgehog_sync'}):
        assert queue_name() == 'hedgehog_sync'
    with override_settings(QUEUE_MAPPINGS={'datasource': 'high'}):
        assert queue_name() == PLUGIN_QUEUE


class TestWhenPeopleSave:
    def test_a_saved_fabric_is_scheduled_after_its_commit(self, django_capture_on_commit_callbacks) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            fabric = make_fabric()
            assert due(fabric) is None, 'not before: a rollback must leave no schedule'
        assert due(fabric)
        database.run_on_commit.clear()  # a real commit does
        with django_capture_on_commit_callbacks(execute=True):
            pk = fabric.pk
            fabric.delete()
        assert not due_times([pk])

    def test_a_bulk_edit_reconciles_once(self, django_capture_on_commit_callbacks) -> None:
        fabrics = make_fabrics(50)
        with patch('netbox_hedgehog.signals.reconcile') as spy:
            with django_capture_on_commit_callbacks(execute=True):
                for fabric in fabrics:
                    fabric.sync_interval = 60
                    fabric.save()
            assert spy.call_count == 1

    @pytest.mark.parametrize('error', [RedisDown('refused'), OSError('no route'), OperationalError('gone')])
    def test_it_can_be_saved_while_redis_is_down(
        self, error: Exception, django_capture_on_commit_callbacks, caplog: pytest.LogCaptureFixture,
    ) -> None:
        with (
            patch('netbox_hedgehog.signals.reconcile', side_effect=error),
            django_capture_on_commit_callbacks(execute=True),
        ):
            fabric = make_fabric()
        assert Fabric.objects.filter(pk=fabric.pk).exists()
        assert 'the scheduler will do it' in caplog.text
