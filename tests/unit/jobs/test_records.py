"""Whatever stands in Redis, whoever wrote it: the fabrics are scheduled and read, and everybody gets an answer."""

import json
import time
from collections.abc import Callable, Iterator
from io import StringIO
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection as database
from django_rq import get_scheduler
from redis import Redis
from rq.job import Job as RQJob

from netbox_hedgehog.jobs.cancel import CancelRefused, cancel_sync
from netbox_hedgehog.jobs.deployment import DEPLOYMENTS, PRIMARY
from netbox_hedgehog.jobs.queue import connection, put_in_queue, queue_name
from netbox_hedgehog.jobs.recovery import recover
from netbox_hedgehog.jobs.scheduler import HedgehogScheduler
from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, reconcile, schedule_id
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.monitoring.service_health import check_worker_health
from netbox_hedgehog.watch.leases import WATCHERS, Leases

from ...support.jobs import ago, due, make_due, make_fabric, make_job, waiting

pytestmark = pytest.mark.django_db

GARBAGE = b'\xff\xfe\x00garbage'


@pytest.fixture
def scheduler() -> Iterator[HedgehogScheduler]:
    # A connection in the middle of a test's transaction looks spoilt.
    with patch('netbox_hedgehog.jobs.scheduler.close_old_connections'):
        yield get_scheduler(interval=60)


@pytest.fixture
def fabrics() -> tuple[Fabric, Fabric]:
    """Two fabrics that are scheduled: one whose record is spoilt, and an innocent one."""
    made = make_fabric('spoilt', last_attempt=ago(seconds=10)), make_fabric('innocent', last_attempt=ago(seconds=10))
    reconcile()
    return made


def set_field(name: str, value: bytes) -> Callable[[Redis, str], object]:
    return lambda redis, key: redis.hset(key, name, value)


# What may be made of the record of a schedule's job.
RECORDS: dict[str, Callable[[Redis, str], object]] = {
    'another type': lambda redis, key: (redis.delete(key), redis.set(key, 'x')),
    'a heartbeat alone': lambda redis, key: (redis.delete(key), redis.hset(key, 'last_heartbeat', 'x')),
    'a status alone': lambda redis, key: (redis.delete(key), redis.hset(key, 'status', 'failed')),
    'no such status': set_field('status', b'asleep'),
    'no date': set_field('created_at', b'yesterday'),
    'no number': set_field('timeout', b'soon'),
    'no text': set_field('origin', GARBAGE),
    'no pickle': set_field('data', GARBAGE),
    'no dictionary': set_field('meta', b'\x80\x04]\x94.'),
    'a field that is never written': set_field('retry_intervals', b'{'),
}

# What may stand where the scheduler and RQ expect something else.
KEYS = [
    SCHEDULED_JOBS, 'rq:queues', f'rq:queue:{queue_name()}', f'rq:failed:{queue_name()}', f'rq:finished:{queue_name()}',
    f'rq:workers:{queue_name()}', 'rq:scheduler_lock', 'rq:scheduler_instance:x', WATCHERS, DEPLOYMENTS, PRIMARY,
]


def look(scheduler: HedgehogScheduler) -> None:
    """What the process does each time it looks, with a beat."""
    scheduler._next_heartbeat = 0
    scheduler.enqueue_jobs()


@pytest.mark.parametrize('spoil', RECORDS.values(), ids=RECORDS)
def test_a_schedule_that_was_spoilt_is_made_whole_and_the_others_run(
    spoil: Callable[[Redis, str], object], scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric],
) -> None:
    spoilt, innocent = fabrics
    spoil(connection(), RQJob.key_for(schedule_id(spoilt.pk)))
    for fabric in fabrics:
        make_due(fabric, time.time() - 1)
    scheduler._enqueue_due(time.time())
    assert schedule_id(innocent.pk) in waiting()
    assert reconcile()['updated'] == 1
    assert reconcile() == {'created': 0, 'updated': 0, 'removed': 0, 'unchanged': 2}
    job = RQJob.fetch(schedule_id(spoilt.pk), connection=connection())
    assert tuple(job.args) == (spoilt.pk,)
    make_due(spoilt, time.time() - 1)
    scheduler._enqueue_due(time.time())
    assert waiting().count(schedule_id(spoilt.pk)) == 1


@pytest.mark.parametrize('spoil', RECORDS.values(), ids=RECORDS)
def test_a_schedule_of_somebody_else_that_cannot_be_read_is_left_and_named_once(
    spoil: Callable[[Redis, str], object], scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric],
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest,
) -> None:
    name = f'theirs-{request.node.callspec.id}'.replace(' ', '-')
    theirs = get_scheduler().schedule(ago(days=1), 'math.sqrt', args=[4], id=name)
    spoil(connection(), theirs.key)
    innocent = fabrics[1]
    for _ in range(3):
        make_due(innocent, time.time() - 1)
        look(scheduler)
    assert waiting() == [schedule_id(innocent.pk)]
    if connection().zscore(SCHEDULED_JOBS, name) is not None:
        assert caplog.text.count(f'The schedule {name}') == 1
    assert connection().exists(theirs.key), 'it is not ours to remove'


def test_a_schedule_whose_id_rq_would_not_take_stops_nobody(
    scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric], caplog: pytest.LogCaptureFixture,
) -> None:
    """Another tool wrote it, or an RQ that looked at no id."""
    connection().zadd(SCHEDULED_JOBS, {'a:b': 0})
    connection().hset('rq:job:a:b', 'data', 'x')
    look(scheduler)
    make_due(fabrics[1], time.time() - 1)
    look(scheduler)
    assert schedule_id(fabrics[1].pk) in waiting()
    assert caplog.text.count('The schedule a:b') == 1


@pytest.mark.parametrize('key', KEYS)
def test_a_key_of_another_type_stops_nobody(
    key: str, scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric],
    django_capture_on_commit_callbacks: Callable,
) -> None:
    redis = connection()
    redis.delete(key)
    redis.hset(key, 'what', 'is this')
    assert check_worker_health()['redis'] is True
    for command in (['hedgehog_sync', 'status'], ['hedgehog_sync', 'health']):
        with pytest.raises(SystemExit):
            call_command(*command, stdout=StringIO())
    Leases('w').renew([fabrics[0].pk])
    with pytest.raises(CancelRefused):
        cancel_sync(fabrics[0], 'alice')
    database.run_on_commit.clear()  # a real commit does
    with django_capture_on_commit_callbacks(execute=True):
        third = make_fabric('third')
    assert due(third)
    call_command('start_periodic_sync', fabric='third', stdout=StringIO())
    assert Leases('w2').renew([third.pk]) == {third.pk}
    make_due(third, time.time() - 1)
    look(scheduler)
    assert schedule_id(third.pk) in waiting()
    assert json.loads(bootstrap())['unchanged'] == 3


def bootstrap() -> str:
    out = StringIO()
    call_command('hedgehog_sync', 'bootstrap', '--json', stdout=out)
    return out.getvalue()


def test_names_that_are_no_text_are_left_and_named_once(
    scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric], caplog: pytest.LogCaptureFixture,
) -> None:
    redis = connection()
    redis.zadd(SCHEDULED_JOBS, {GARBAGE: 1})
    redis.rpush(f'rq:queue:{queue_name()}', GARBAGE)
    redis.sadd(f'rq:workers:{queue_name()}', GARBAGE, 'no worker', 'rq:worker:broken')
    redis.hset('rq:worker:broken', mapping={'birth': 'yesterday', 'pid': 'x'})
    redis.zadd(WATCHERS, {GARBAGE: time.time() + 100})
    redis.zadd(DEPLOYMENTS, {GARBAGE: 'inf'})
    make_job(fabrics[0], 'pending')
    for _ in range(3):
        make_due(fabrics[1], time.time() - 1)
        look(scheduler)
    assert schedule_id(fabrics[1].pk) in connection().lrange(f'rq:queue:{queue_name()}', 0, -1)[-1].decode()
    assert redis.zscore(SCHEDULED_JOBS, GARBAGE) == 1
    assert caplog.text.count('its name is not text') == 1
    assert check_worker_health()['workers'] == []


@pytest.mark.parametrize('score', ['inf', '-inf', 1e300, -5])
def test_a_schedule_at_no_time_that_there_is(
    score: float, scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric],
) -> None:
    make_due(fabrics[0], score)
    with pytest.raises(SystemExit):
        call_command('hedgehog_sync', 'status', stdout=StringIO())
    look(scheduler)
    assert 0 < due(fabrics[0]) - time.time() <= 300


def test_a_waiting_job_whose_record_cannot_be_read_is_queued_again() -> None:
    job = make_job(make_fabric(), 'pending')
    key = RQJob.key_for(str(job.job_id))
    put_in_queue(job)
    connection().delete(key)
    connection().hset(key, 'status', 'asleep')
    assert recover() == {'killed': 0, 'requeued': 1, 'orphaned': 0}
    assert RQJob.fetch(str(job.job_id), connection=connection()).args == (job.pk,)


def test_a_lock_that_nobody_would_ever_release(scheduler: HedgehogScheduler) -> None:
    connection().set(scheduler.scheduler_lock_key, 'x')
    assert not scheduler.acquire_lock()
    assert 0 < connection().ttl(scheduler.scheduler_lock_key) <= 20


def test_an_error_that_nobody_knows_of_ends_no_scheduler(
    scheduler: HedgehogScheduler, fabrics: tuple[Fabric, Fabric], caplog: pytest.LogCaptureFixture,
) -> None:
    make_due(fabrics[0], time.time() - 1)
    with patch('netbox_hedgehog.jobs.scheduler.reconcile', side_effect=LookupError('who knows')):
        look(scheduler)
        look(scheduler)
    assert waiting() == [schedule_id(fabrics[0].pk)]
    assert caplog.text.count('The scheduler failed; retrying: LookupError: who knows') == 1


def test_an_error_that_nobody_knows_of_keeps_no_fabric_from_being_saved(
    django_capture_on_commit_callbacks: Callable, caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        patch('netbox_hedgehog.signals.reconcile', side_effect=LookupError('who knows')),
        django_capture_on_commit_callbacks(execute=True),
    ):
        make_fabric()
    assert 'LookupError: who knows' in caplog.text
