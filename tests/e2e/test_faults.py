"""Processes are killed, Redis and the database go away, runs take too long: what a user sees, and that it goes on."""

import time

import psycopg
import pytest
from psycopg import sql

from demo.kubernetes_api import KubernetesAPI
from demo.processes import Process

from .stack import (
    CANARY,
    PLUGIN_QUEUE,
    QUICK,
    SCHEDULED,
    Stack,
    everything_in_database,
    everything_in_redis,
    overlaps,
    schedule_id,
    skipped,
)

# So many requests are answered, and the others are held: a run is at work for as long as a test looks.
ANSWERED = 8

# Longer than any run here that is meant to end.
JOB_TIMEOUT = 20

SETTINGS = {**QUICK, 'job_timeout': JOB_TIMEOUT}


@pytest.fixture(autouse=True)
def _one_of_each(stack: Stack) -> None:
    """Each test begins with one worker and one scheduler, whatever the last one has killed."""
    for kind, start in (('worker', stack.worker), ('scheduler', stack.scheduler)):
        alive = [process for process in stack.processes if process.name.startswith(kind)]
        stack.end(*alive[1:])
        if not alive:
            start()


def of(stack: Stack, kind: str) -> Process:
    return next(process for process in stack.processes if process.name.startswith(kind))


def look_again(stack: Stack, witness: int, times: int = 2) -> None:
    """The scheduler looks so many times more, and what it finds due is read: so is another fabric."""
    for _ in range(times):
        ran = len(stack.jobs(witness, 'completed'))
        stack.make_due(witness)
        stack.runs(witness, ran + 1, 30)
    stack.wait_until(stack.idle, 30, 'all runs have ended')


def in_mid_run(stack: Stack, fabric: int) -> None:
    stack.wait_until(
        lambda: stack.jobs(fabric, 'running') and stack.row(fabric)['sync_status'] == 'syncing', 30,
        f'fabric {fabric} is being read',
    )


def test_a_killed_worker_is_recognised_and_the_fabric_goes_on(stack: Stack, api: KubernetesAPI) -> None:
    fabric = stack.fabric('victim', api)
    stack.runs(fabric, 1, 30)
    before = stack.row(fabric)['last_sync']
    api.faults.hold(after=ANSWERED)
    stack.make_due(fabric)
    in_mid_run(stack, fabric)

    stack.kill(of(stack, 'worker'))

    stack.wait_until(lambda: stack.row(fabric)['sync_status'] == 'failed', 15, 'the next beat has recorded it')
    row, job = stack.row(fabric), stack.jobs(fabric)[-1]
    assert 'its worker was killed' in row['sync_error']
    assert row['last_sync'] == before
    assert row['last_attempt'] > before
    assert (job['status'], job['completed'] is not None) == ('errored', True)
    assert 'its worker was killed' in job['error']
    code, said = stack.status()
    assert code == 2
    assert said['problems'][0].startswith(f'No worker serves the queue {PLUGIN_QUEUE}; no fabric is synced.')
    assert any('its worker was killed' in problem for problem in said['problems'])

    # Nobody is locked out: a person may ask for a run, but only for one.
    stack.redis.lrem(f'rq:queue:{PLUGIN_QUEUE}', 0, schedule_id(fabric))
    stack.redis.zadd(SCHEDULED, {schedule_id(fabric): time.time() + 25})
    assert stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')[0] == 202
    assert stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')[0] == 409

    api.faults.clear()
    stack.worker()
    stack.runs(fabric, 2, 30)
    stack.make_due(fabric)
    stack.runs(fabric, 3, 30)
    assert stack.row(fabric)['sync_status'] == 'in_sync'
    assert stack.row(fabric)['last_sync'] > before
    assert not overlaps(stack.jobs(fabric, 'completed'))


def test_a_sync_killed_while_no_scheduler_lives_blocks_nobody(stack: Stack, api: KubernetesAPI) -> None:
    """Without a beat, whoever asks for the next run finds out what became of the last one."""
    fabric = stack.fabric('forsaken', api)
    stack.runs(fabric, 1, 30)
    api.faults.hold(after=ANSWERED)
    stack.make_due(fabric)
    in_mid_run(stack, fabric)
    stack.kill(of(stack, 'scheduler'))
    stack.kill(of(stack, 'worker'))
    stack.wait_until(
        lambda: not stack.sql('SELECT 1 FROM pg_locks WHERE classid = 470220'), 30, 'PostgreSQL has ended its session',
    )

    code, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')

    assert code == 202, answer
    assert [job['status'] for job in stack.jobs(fabric)] == ['completed', 'errored', 'pending']
    stack.wait_until(lambda: not stack.redis.keys('rq:scheduler_instance:*'), 30, "the scheduler's life sign has gone")
    code, said = stack.status()
    assert code == 2
    assert any(line.startswith('No scheduler is running; no fabric is synced on schedule.') for line in said['problems'])
    api.faults.clear()
    stack.worker()
    stack.runs(fabric, 2, 30)


def test_a_scheduler_that_was_away_catches_up_with_one_sync(stack: Stack, api: KubernetesAPI) -> None:
    interval = 600  # so long that the next run in its rhythm is not due while this test looks
    fabric, witness = (stack.fabric(name, api, sync_interval=interval) for name in ('late', 'witness'))
    for each in (fabric, witness):
        stack.runs(each, 1, 30)
    stack.kill(of(stack, 'scheduler'))
    ran = len(stack.jobs(fabric))
    stack.make_due(fabric, seconds_ago=6 * interval + 10)

    stack.scheduler()
    stack.runs(fabric, ran + 1, 45)  # the lock of a killed one lives for some seconds
    stack.wait_until(lambda: (stack.due(fabric) or 0) > time.time(), 15, 'the next run is due in the future')
    look_again(stack, witness)  # one that makes up for more would do so now

    assert len(stack.jobs(fabric)) == ran + 1
    due = stack.due(fabric)
    assert due is not None
    assert 0 < due - time.time() <= interval


def test_two_of_each_do_not_get_in_each_others_way(stack: Stack, api: KubernetesAPI) -> None:
    extra = stack.worker()
    stack.scheduler()
    api.faults.delay(0.1, times=None)  # a run takes more than two seconds
    fabrics = [stack.fabric(f'many-{number}', api) for number in range(4)]
    most = 0

    def read_twice() -> bool:
        nonlocal most
        for fabric in fabrics:
            stack.make_due(fabric)  # much more often than any interval allows
            most = max(most, stack.waiting(fabric))
        return all(len(stack.jobs(fabric, 'completed')) >= 2 for fabric in fabrics)

    stack.wait_until(read_twice, 120, 'every fabric has been read twice')
    stack.end(*(process for process in stack.processes if process.name.startswith('scheduler')))
    stack.wait_until(stack.idle, 90, 'all runs have ended')

    assert most == 1, 'a fabric waits once, or not at all'
    for fabric in fabrics:
        jobs = stack.jobs(fabric)
        assert len([job for job in jobs if not skipped(job)]) >= 2
        assert not overlaps(jobs)
        assert {job['status'] for job in jobs} == {'completed'}
    stack.end(extra)


def test_without_a_worker_one_sync_waits_and_it_is_said(stack: Stack, api: KubernetesAPI) -> None:
    # An interval so long that no run but those made due here comes while this test looks.
    fabrics = [stack.fabric(f'waits-{number}', api, sync_interval=600) for number in range(3)]
    for fabric in fabrics:
        stack.runs(fabric, 1, 30)
    stack.end(of(stack, 'worker'))
    ran = {fabric: len(stack.jobs(fabric)) for fabric in fabrics}
    for _ in range(6):  # as after six intervals
        for fabric in fabrics:
            stack.make_due(fabric, seconds_ago=1)
        stack.wait_until(
            lambda: all((stack.due(fabric) or 0) > time.time() for fabric in fabrics), 15, 'the scheduler has looked',
        )

    assert [stack.waiting(fabric) for fabric in fabrics] == [1, 1, 1]
    code, said = stack.status()
    assert (code, said['state'], said['workers'], said['waiting']) == (2, 'broken', [], 3)
    assert said['problems'][0] == (
        f'No worker serves the queue {PLUGIN_QUEUE}; no fabric is synced. 3 syncs are queued. '
        f'Start one: rqworker {PLUGIN_QUEUE}'
    )
    # The API says the same.
    assert stack.state() == 'broken'
    # The fabrics do not look fresh for ever: a periodic run waits, nobody reads.
    stack.sql("UPDATE netbox_hedgehog_fabric SET last_sync = now() - interval '1 hour' WHERE id = %s", fabrics[0])
    assert stack.state(fabrics[0]) == 'stale'

    stack.worker()
    for fabric in fabrics:
        stack.runs(fabric, ran[fabric] + 1, 30)
    stack.wait_until(stack.idle, 30, 'all runs have ended')
    assert {fabric: len(stack.jobs(fabric)) for fabric in fabrics} == {fabric: ran[fabric] + 1 for fabric in fabrics}


def test_a_sync_longer_than_its_interval_never_overlaps_itself(stack: Stack, api: KubernetesAPI) -> None:
    extra = stack.worker()
    fabric = stack.fabric('long', api)
    stack.runs(fabric, 1, 30)
    api.faults.hold(after=ANSWERED)
    stack.make_due(fabric)
    in_mid_run(stack, fabric)
    stack.make_due(fabric)
    stack.wait_until(lambda: (stack.due(fabric) or 0) > time.time(), 10, 'the scheduler has looked')
    assert not stack.waiting(fabric), 'what is being read is not queued'
    # Somebody queues it all the same: the run that finds another at work ends as a skip, and says so.
    stack.redis.rpush(f'rq:queue:{PLUGIN_QUEUE}', schedule_id(fabric))
    stack.wait_until(lambda: [job for job in stack.jobs(fabric) if skipped(job)], 15, 'a run was skipped')

    assert stack.jobs(fabric, 'running'), 'the first one goes on'
    (skip,) = [job for job in stack.jobs(fabric) if skipped(job)]
    assert 'another sync of this fabric is running' in skip['error']
    api.faults.clear()
    stack.runs(fabric, 3, 30)
    assert not overlaps(stack.jobs(fabric))
    assert stack.row(fabric)['sync_status'] == 'in_sync'
    stack.end(extra)


def test_a_sync_that_takes_too_long_ends_with_its_reason(stack: Stack, api: KubernetesAPI) -> None:
    """The alarm rings in the middle of a statement, after which that connection is of no use any more."""
    fabric = stack.fabric('stuck', api)
    stack.runs(fabric, 1, 30)
    before = stack.row(fabric)['last_sync']
    with psycopg.connect(stack.database) as other:
        other.execute('LOCK TABLE netbox_hedgehog_fabricresource IN ACCESS EXCLUSIVE MODE')
        stack.make_due(fabric)
        stack.wait_until(lambda: stack.jobs(fabric, 'errored'), JOB_TIMEOUT + 20, 'the run was ended')
        row, job = stack.row(fabric), stack.jobs(fabric, 'errored')[0]
        assert row['sync_status'] == 'failed'
        assert row['sync_error'].startswith('The sync took longer than ')
        assert 'JobTimeoutException' in job['error']
        assert row['last_sync'] == before
    stack.make_due(fabric)
    stack.runs(fabric, 2, 30)
    assert stack.row(fabric)['sync_status'] == 'in_sync'


def test_redis_goes_and_comes_back_empty(stack: Stack, api: KubernetesAPI) -> None:
    fabric = stack.fabric('redis-away', api)
    stack.runs(fabric, 1, 30)
    # RQ's worker outlives Redis while it waits for work; one that has a run's end to tell just then does not.
    stack.wait_until(
        lambda: any('b' in client['flags'] for client in stack.redis.client_list()), 30, 'the worker waits for work',
    )
    stack.valkey.kill()
    assert stack.call('PATCH', f'plugins/hedgehog/fabrics/{fabric}/', {'sync_interval': 60})[0] in (200, 500)
    result = stack.run('hedgehog_sync', 'status')
    assert result.returncode == 2
    assert 'Cannot reach Redis' in result.stdout + result.stderr
    stack.valkey.start()

    # The worker waits longer and longer between its tries.
    stack.wait_until(lambda: stack.due(fabric), 30, 'the schedule is back')
    stack.make_due(fabric)
    stack.runs(fabric, 2, 120)
    for process in stack.processes:
        process.check()
    assert stack.state() == 'healthy'


def test_the_database_goes_and_comes_back(stack: Stack, api: KubernetesAPI) -> None:
    fabric = stack.fabric('database-away', api)
    stack.runs(fabric, 1, 30)
    name = sql.Identifier(stack.database.rsplit('/', 1)[-1])
    server = stack.services.postgres
    server.execute(sql.SQL('ALTER DATABASE {} ALLOW_CONNECTIONS false').format(name))
    scheduler = of(stack, 'scheduler')
    said = len(scheduler.log.read_text())
    try:
        server.execute(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s',
            [stack.database.rsplit('/', 1)[-1]],
        )
        with pytest.raises(psycopg.OperationalError):
            stack.row(fabric)
        result = stack.run('hedgehog_sync', 'health')
        assert result.returncode == 2
        assert 'Cannot use the database' in result.stderr
        stack.wait_until(
            lambda: 'cannot reach the database' in scheduler.log.read_text()[said:], 30, 'the scheduler has noticed',
        )
    finally:
        server.execute(sql.SQL('ALTER DATABASE {} ALLOW_CONNECTIONS true').format(name))

    for process in stack.processes:
        process.check()
    ran = len(stack.jobs(fabric))
    stack.make_due(fabric)
    stack.runs(fabric, ran + 1, 30)


def test_no_secret_in_database_redis_or_logs(stack: Stack, api: KubernetesAPI) -> None:
    """After all of the above: neither the token nor anything else that has CANARY in it."""
    fabric = stack.fabric('secret', api)
    stack.runs(fabric, 1, 30)
    stack.edit(fabric, description='edited')
    api.revoke(f'{CANARY}-viewer')
    assert stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')[0] == 202
    stack.runs(fabric, 1, 30, 'failed')

    for where, text in (
        ('the database', everything_in_database(stack)), ('Redis', everything_in_redis(stack.redis)), ('a log', stack.log()),
        ('the API', str(stack.call('GET', f'plugins/hedgehog/fabrics/{fabric}/'))),
    ):
        assert len(text) > 500, where
        assert 'CANARY' not in text, f'{where}: {text[text.index("CANARY") - 200:][:400]}'
