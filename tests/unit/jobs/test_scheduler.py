"""The scheduler process: what it queues, what it leaves, and what it outlives."""

import time
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django_rq import get_queue, get_scheduler
from redis.exceptions import ConnectionError as RedisDown
from rq.job import Job as RQJob

from netbox_hedgehog.events import raise_state_events
from netbox_hedgehog.jobs.queue import connection, queue_name
from netbox_hedgehog.jobs.scheduler import HedgehogScheduler
from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, reconcile, schedule_id
from netbox_hedgehog.models import Fabric, FabricEvent

from ...support.jobs import ago, due, locked, make_due, make_fabric, make_fabrics, round_trips, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def scheduler() -> Iterator[HedgehogScheduler]:
    """As `rqscheduler` makes it."""
    # A connection in the middle of a test's transaction looks spoilt.
    with patch('netbox_hedgehog.jobs.scheduler.close_old_connections'):
        yield get_scheduler(interval=60)


def test_netbox_runs_this_class(scheduler: HedgehogScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(scheduler) is HedgehogScheduler
    assert scheduler._interval == 1, 'a run is late by no more than a second because nobody looked'
    monkeypatch.setitem(settings.PLUGINS_CONFIG['netbox_hedgehog'], 'scheduler_interval', 20)
    assert get_scheduler(interval=60)._interval == 20
    assert get_scheduler(interval=2)._interval == 2


def test_a_due_fabric_waits_once_however_often_it_is_due(scheduler: HedgehogScheduler) -> None:
    fabric = make_fabric()
    for _ in range(5):
        scheduler.enqueue_jobs()
        make_due(fabric, time.time() - 1)
    assert waiting() == [schedule_id(fabric.pk)]
    assert RQJob.fetch(schedule_id(fabric.pk), connection=connection()).get_status() == 'queued'


def test_missed_syncs_are_made_up_for_by_one(scheduler: HedgehogScheduler) -> None:
    fabric = make_fabric(sync_interval=60)
    reconcile()
    make_due(fabric, time.time() - 10 * 60 - 7)
    began = time.time()
    scheduler.enqueue_jobs()
    assert len(waiting()) == 1
    assert began + 25 < due(fabric) <= time.time() + 60


def test_a_fabric_that_is_being_read_is_not_queued(scheduler: HedgehogScheduler) -> None:
    busy, idle = make_fabric('busy'), make_fabric('idle')
    reconcile()
    for fabric in (busy, idle):
        make_due(fabric, time.time() - 1)
    with locked(busy):
        scheduler.enqueue_jobs()
    assert waiting() == [schedule_id(idle.pk)]
    assert due(busy) > time.time(), 'its next turn comes an interval later'


def test_a_fabric_that_is_not_due_is_not_queued(scheduler: HedgehogScheduler) -> None:
    make_fabric(last_attempt=ago(seconds=10))
    scheduler.enqueue_jobs()
    assert not waiting()


def test_a_schedule_without_a_job_goes(scheduler: HedgehogScheduler) -> None:
    connection().zadd(SCHEDULED_JOBS, {'nobodys': 1})
    scheduler.enqueue_jobs()
    assert connection().zscore(SCHEDULED_JOBS, 'nobodys') is None


def test_many_due_fabrics_are_all_queued(scheduler: HedgehogScheduler) -> None:
    fabrics = make_fabrics(50)
    reconcile()
    for fabric in fabrics:
        make_due(fabric, time.time() - 1)
    scheduler.enqueue_jobs()
    assert sorted(waiting()) == sorted(schedule_id(fabric.pk) for fabric in fabrics)


def test_round_trips_do_not_grow_with_the_due_fabrics(scheduler: HedgehogScheduler) -> None:
    counts = []
    for fabrics in (make_fabrics(3), make_fabrics(200, name_prefix='more')):
        reconcile()
        for fabric in fabrics:
            make_due(fabric, time.time() - 1)
        with round_trips() as sent:
            scheduler._enqueue_due(time.time())
        counts.append(len(sent))
    assert len(waiting()) == 203
    assert counts[1] <= counts[0] <= 8  # the first also asks Redis for its version


def test_rqs_late_word_about_a_killed_sync_does_no_harm(scheduler: HedgehogScheduler) -> None:
    """RQ finds an abandoned execution minutes later, when the same id waits or runs again, and calls it failed."""
    fabric = make_fabric()
    scheduler.enqueue_jobs()
    job = RQJob.fetch(schedule_id(fabric.pk), connection=connection())
    registry = job.started_job_registry
    connection().zadd(registry.key, {f'{job.id}:an-execution': 1})
    registry.cleanup()
    if job.get_status() == 'queued':
        pytest.skip('RQ 3 leaves a job alone that is queued again')
    assert job.get_status() == 'failed'
    assert job.id in job.failed_job_registry

    assert reconcile() == {'created': 0, 'updated': 0, 'removed': 0, 'unchanged': 1}
    connection().delete(f'rq:queue:{job.origin}')
    make_due(fabric, time.time() - 1)
    scheduler.enqueue_jobs()
    assert waiting() == [job.id]
    assert job.get_status() == 'queued'
    assert job.id not in job.failed_job_registry, 'nobody is to look for a failure that is long over'


class TestTwoAtOnce:
    """A standby takes over where the first one's beat takes longer than the lock lasts, and the first one goes on."""

    def test_each_due_sync_is_queued_once(self, scheduler: HedgehogScheduler) -> None:
        fabric, other = make_fabric(), get_scheduler(interval=60)
        reconcile()
        make_due(fabric, time.time() - 1)
        now = time.time()

        def the_other_is_quicker() -> set[int]:
            other._enqueue_due(now)
            return set()

        with patch.object(scheduler, '_running', the_other_is_quicker):
            scheduler._enqueue_due(now)
        assert waiting() == [schedule_id(fabric.pk)]
        assert 0 < due(fabric) - now <= 300

    def test_nor_again_once_a_worker_has_taken_it(self, scheduler: HedgehogScheduler) -> None:
        fabric, other = make_fabric(), get_scheduler(interval=60)
        reconcile()
        make_due(fabric, time.time() - 1)
        now = time.time()

        def the_other_is_quicker_and_a_worker_too() -> set[int]:
            other._enqueue_due(now)
            connection().lpop(f'rq:queue:{queue_name()}')
            return set()

        with patch.object(scheduler, '_running', the_other_is_quicker_and_a_worker_too):
            scheduler._enqueue_due(now)
        assert waiting() == []

    def test_a_lock_that_another_one_holds_by_now_is_left_to_it(self, scheduler: HedgehogScheduler) -> None:
        other = get_scheduler(interval=60)
        assert scheduler.acquire_lock()
        assert not other.acquire_lock()
        connection().delete(scheduler.scheduler_lock_key)
        assert other.acquire_lock()
        assert not scheduler._renew()
        scheduler.remove_lock()
        assert connection().get(scheduler.scheduler_lock_key) == other.name.encode()
        other.remove_lock()
        assert not connection().exists(scheduler.scheduler_lock_key)

    def test_a_schedule_of_others_is_left_to_who_has_the_lock(self, scheduler: HedgehogScheduler) -> None:
        scheduler.schedule(ago(seconds=5), 'math.sqrt', args=[4], interval=60, id='every-minute')
        assert scheduler.acquire_lock()
        connection().set(scheduler.scheduler_lock_key, 'another one')
        scheduler.enqueue_jobs()
        assert not get_queue('default').job_ids
        assert connection().zscore(SCHEDULED_JOBS, 'every-minute')


class TestOthers:
    """rq-scheduler's other users: one Redis, one set of schedules."""

    def test_they_run_as_ever(self, scheduler: HedgehogScheduler) -> None:
        repeated = scheduler.schedule(ago(seconds=5), 'math.sqrt', args=[4], interval=60, id='every-minute')
        scheduler.schedule(ago(seconds=5), 'math.sqrt', args=[4], id='once', queue_name='low')
        scheduler.cron('0 0 * * *', 'math.sqrt', args=[4], id='nightly')
        began = time.time()
        scheduler.enqueue_jobs()
        assert get_queue('default').job_ids == [repeated.id]
        assert get_queue('low').job_ids == ['once']
        assert {raw.decode() for raw in connection().zrange(SCHEDULED_JOBS, 0, -1)} == {'every-minute', 'nightly'}
        assert int(began) + 60 <= connection().zscore(SCHEDULED_JOBS, 'every-minute') <= time.time() + 60

    def test_one_that_cannot_be_read_keeps_no_fabric_from_running(
        self, scheduler: HedgehogScheduler, caplog: pytest.LogCaptureFixture,
    ) -> None:
        broken = scheduler.schedule(ago(days=1), 'math.sqrt', args=[4], interval=60, id='broken')
        connection().hset(broken.key, 'data', b'not a pickle')
        fabric = make_fabric()
        for _ in range(3):
            scheduler.enqueue_jobs()
        assert waiting() == [schedule_id(fabric.pk)]
        assert caplog.text.count('The schedule broken') == 1, 'said, and said once'


class TestBeat:
    def test_it_mends_the_schedules(self, scheduler: HedgehogScheduler) -> None:
        fabric = make_fabric(last_attempt=ago(seconds=10))
        scheduler.enqueue_jobs()
        assert due(fabric)
        connection().flushdb()
        scheduler._next_heartbeat = 0
        scheduler.enqueue_jobs()
        assert due(fabric)

    @patch('netbox_hedgehog.jobs.scheduler.ALIVE_FOR', 3000)
    @patch('netbox_hedgehog.jobs.scheduler.LOCKED_FOR', 3000)
    def test_it_keeps_lock_and_life_sign_however_long_it_takes(self, scheduler: HedgehogScheduler) -> None:
        """Many fabrics that become stale at once take seconds to be told."""
        make_fabrics(25, last_sync=ago(days=1), last_attempt=ago(days=1), sync_status='in_sync')
        Fabric.objects.update(created=ago(days=2))
        scheduler.register_birth()
        assert scheduler.acquire_lock()
        signs = []

        def watched(**options: int) -> int:
            signs.append((connection().ttl(scheduler.key), connection().ttl(scheduler.scheduler_lock_key)))
            connection().expire(scheduler.key, 1000)
            connection().expire(scheduler.scheduler_lock_key, 1000)
            return raise_state_events(**options)

        with patch('netbox_hedgehog.jobs.scheduler.raise_state_events', watched):
            scheduler.heartbeat_tick()
        assert FabricEvent.objects.count() == 25
        assert len(signs) == 4
        assert all(alive > 1000 and locked > 1000 for alive, locked in signs)

    def test_syncs_are_queued_before_all_is_told(self, scheduler: HedgehogScheduler) -> None:
        make_fabrics(25, last_sync=ago(days=1), last_attempt=ago(days=1), sync_status='in_sync')
        Fabric.objects.update(created=ago(days=2))
        reconcile()
        make_due(Fabric.objects.first(), time.time() - 1)
        with patch('netbox_hedgehog.jobs.scheduler.RAISING_EVENTS', 0):
            scheduler.enqueue_jobs()
            assert FabricEvent.objects.count() == 10
            assert waiting()
            for _ in range(3):
                scheduler.enqueue_jobs()
        assert FabricEvent.objects.count() == 25, 'the next heartbeats continue at once'

    def test_it_comes_every_so_often(self, scheduler: HedgehogScheduler) -> None:
        with patch.object(scheduler, 'heartbeat_tick') as beat:
            for _ in range(5):
                scheduler.enqueue_jobs()
        assert beat.call_count == 1

    @patch('netbox_hedgehog.jobs.scheduler.ALIVE_FOR', 3000)
    def test_an_emptied_redis_gets_the_life_sign_back(self, scheduler: HedgehogScheduler) -> None:
        scheduler.register_birth()
        connection().flushdb()
        scheduler.heartbeat()
        assert 2000 < connection().ttl(scheduler.key) <= 3000

    @pytest.mark.parametrize('error', [OperationalError('gone'), InterfaceError('closed'), RedisDown('refused')])
    def test_it_outlives_what_is_away_and_says_so_once(
        self, error: Exception, scheduler: HedgehogScheduler, caplog: pytest.LogCaptureFixture,
    ) -> None:
        fabric = make_fabric()
        with patch.object(Fabric.objects, 'scheduled', side_effect=error):
            for _ in range(3):
                scheduler._next_heartbeat = 0
                scheduler.enqueue_jobs()
        assert caplog.text.count('The scheduler cannot reach') == 1
        scheduler._next_heartbeat = 0
        scheduler.enqueue_jobs()
        assert waiting() == [schedule_id(fabric.pk)]

    def test_redis_away_ends_nothing_and_does_not_hold_up_a_shutdown(self, scheduler: HedgehogScheduler) -> None:
        with patch.object(type(scheduler.connection), 'execute_command', side_effect=RedisDown):
            scheduler.heartbeat()
            assert scheduler.acquire_lock() is False
            scheduler._lock_acquired = True
            scheduler.remove_lock()
            assert scheduler.enqueue_jobs() == []
            scheduler.register_death()

    def test_a_database_away_queues_all_the_same(self, scheduler: HedgehogScheduler) -> None:
        """Two runs cannot overlap for it: the second finds the lock."""
        fabric = make_fabric()
        reconcile()
        make_due(fabric, time.time() - 1)
        scheduler._next_heartbeat = time.monotonic() + 60
        with patch('netbox_hedgehog.jobs.scheduler.locked_fabrics', side_effect=OperationalError):
            scheduler.enqueue_jobs()
        assert waiting() == [schedule_id(fabric.pk)]
