"""Who watches the watchers: each promise is broken by hand, and the checks of promises.py say so."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from netbox_hedgehog.hedgehog.kinds import KINDS
from tests.e2e.stack import SCHEDULED, schedule_id

from .fabrics import Fabric
from .promises import Promises
from .rig import PATIENCE, Rig

# One row of a fabric's mirror.
ROW = """
    (SELECT id FROM netbox_hedgehog_fabricresource WHERE fabric_id = {fabric} AND kind = 'Server' ORDER BY name LIMIT 1)
"""
ONE = f'UPDATE netbox_hedgehog_fabricresource SET {{change}} WHERE id = {ROW}'
JOB = """
    INSERT INTO core_job (name, object_type_id, object_id, status, created, started, completed, job_id, data, error,
        queue_name, log_entries, notifications)
    SELECT name, object_type_id, object_id, '{status}', '{moment}', '{moment}', {completed}, gen_random_uuid(), '{{}}',
        'sabotage', queue_name, log_entries, notifications
    FROM core_job WHERE object_id = {fabric} AND name = 'Fabric sync' ORDER BY id LIMIT 1
"""


@pytest.fixture(scope='module')
def fabric(rig: Rig) -> Fabric:
    return next(fabric for fabric in rig.mirrored if fabric.name == 'small')


@pytest.fixture(scope='module')
def promises(rig: Rig) -> Iterator[Promises]:
    """Of a rig in which nobody mends what is broken by hand: workers and schedulers are stopped meanwhile."""
    promises = Promises(rig)
    began = datetime.now(UTC) - timedelta(seconds=1)
    for one in rig.enabled:
        rig.let_interval_pass(one)
    rig.await_true(lambda: not promises.recovering(began), PATIENCE, 'every fabric is read')
    rig.await_true(lambda: not rig.work_horses(), PATIENCE, 'nobody is at work')
    pids = [process.pid for kind in ('worker', 'scheduler') for process in rig.of(kind) if process.pid]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    promises.look()
    yield promises
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    rig.await_true(lambda: rig.complete, PATIENCE, 'all processes are at work again')


def complaints(promises: Promises) -> str:
    """All that the checks say of a rig in which nothing has happened for an hour."""
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    promises._next_look = 0
    promises.look()
    found = promises.taken() + promises.recovering(hour_ago) + promises.broken_after(hour_ago, judge_requests=True)
    return '\n'.join(found)


def test_a_sound_one_has_nothing_to_complain_of(promises: Promises) -> None:
    assert complaints(promises) == ''


@pytest.mark.parametrize(('change', 'back', 'said'), [
    ('labels = labels || \'{"by": "hand"}\'', "labels = labels - 'by'", 'is not what it was'),
    ("spec = spec || '{\"by\": \"hand\"}'", "spec = spec - 'by'", 'is not what it was'),
    ("resource_version = resource_version || '0'", 'resource_version = rtrim(resource_version, \'0\')', 'never was in'),
    ("uid = uid || '0'", "uid = left(uid, -1)", 'is held as it is not'),
    ('missing_since = now()', 'missing_since = NULL', 'is said to be missing'),
    ("kind = 'Switch'", "kind = 'Server'", 'is not as it is in the cluster'),
])
def test_a_row_that_is_not_as_it_should_be(
    rig: Rig, promises: Promises, fabric: Fabric, change: str, back: str, said: str,
) -> None:
    (row,) = rig.sql(f'{ONE.format(change=change, fabric=fabric.id)} RETURNING id')
    try:
        assert said in complaints(promises)
    finally:
        rig.sql(f'UPDATE netbox_hedgehog_fabricresource SET {back} WHERE id = %s', row['id'])


def test_what_the_search_knows(rig: Rig, promises: Promises, fabric: Fabric) -> None:
    rig.sql(f'UPDATE extras_cachedvalue SET object_id = object_id + 1000000000 WHERE object_id = {ROW.format(fabric=fabric.id)}')
    try:
        said = complaints(promises)
        assert 'the search knows 1 resources that are not there' in said
        assert 'the search does not know Server' in said
    finally:
        rig.sql('UPDATE extras_cachedvalue SET object_id = object_id - 1000000000 WHERE object_id > 1000000000')


@pytest.mark.parametrize(('ago', 'said'), [(-1, 'nobody has asked for all of it'), (3600, 'has gone back')])
def test_a_success_that_was_none(rig: Rig, promises: Promises, fabric: Fabric, ago: int, said: str) -> None:
    before = rig.row(fabric.id)['last_sync']
    rig.sql('UPDATE netbox_hedgehog_fabric SET last_sync = now() - make_interval(secs => %s) WHERE id = %s', ago, fabric.id)
    try:
        assert said in complaints(promises)
    finally:
        rig.sql('UPDATE netbox_hedgehog_fabric SET last_sync = %s WHERE id = %s', before, fabric.id)
        complaints(promises)


@pytest.mark.parametrize('status', ['failed', 'partial', 'never_synced'])
def test_a_fabric_that_has_not_recovered(rig: Rig, promises: Promises, fabric: Fabric, status: str) -> None:
    rig.sql('UPDATE netbox_hedgehog_fabric SET sync_status = %s WHERE id = %s', status, fabric.id)
    try:
        assert f'small is {status}' in complaints(promises)
    finally:
        rig.sql("UPDATE netbox_hedgehog_fabric SET sync_status = 'in_sync' WHERE id = %s", fabric.id)


def test_schedules(rig: Rig, promises: Promises, fabric: Fabric) -> None:
    name = schedule_id(fabric.id)
    before = rig.due(fabric.id)
    assert before is not None
    try:
        rig.redis.zrem(SCHEDULED, name)
        assert 'small has no schedule' in complaints(promises)
        rig.redis.zadd(SCHEDULED, {name: time.time() + 3600})
        assert 'its next run is further away than its interval' in complaints(promises)
    finally:
        rig.redis.zadd(SCHEDULED, {name: before})
    queue = f'rq:queue:{rig.queue}'
    rig.redis.rpush(queue, *[name] * 4)  # two workers wait for something, and Redis has it on its way to them
    try:
        assert 'it waits in the queue more than once' in complaints(promises)
    finally:
        rig.redis.lrem(queue, 0, name)


def test_syncs_that_never_end_or_overlap(rig: Rig, promises: Promises, fabric: Fabric) -> None:
    last = rig.jobs(fabric.id, 'completed')[-1]['started']
    try:
        long_ago = last - timedelta(days=1)
        rig.sql(JOB.format(status='running', moment=long_ago, completed='NULL', fabric=fabric.id))
        assert 'is still running' in complaints(promises)
        rig.sql("DELETE FROM core_job WHERE error = 'sabotage'")
        earlier = last - timedelta(milliseconds=1)
        rig.sql(JOB.format(status='completed', moment=earlier, completed="now()", fabric=fabric.id))
        assert 'overlap' in complaints(promises)
    finally:
        rig.sql("DELETE FROM core_job WHERE error = 'sabotage'")


def test_two_that_ask_at_the_same_time(promises: Promises, fabric: Fabric) -> None:
    fabric.seen.lists[:] = [(time.time(), kind) for kind in (*range(10), 0, 1, 10, 2, 11)]
    assert f'two runs asked at the same time: {KINDS[10].name} after {KINDS[1].name}' in complaints(promises)
    fabric.seen.lists[:] = [(time.time(), kind) for kind in (*range(10), 0, 1, 2, 1, 3)]
    assert complaints(promises) == ''
