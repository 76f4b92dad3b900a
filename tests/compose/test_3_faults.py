"""Parts are killed, stopped, restarted and emptied. Each time: what is said meanwhile, and that syncs go on."""

import itertools
import os
import signal
import time
from collections.abc import Callable

import pytest

from .deployment import SCHEDULER, WORKER, Deployment, moment
from .engine import run
from .gate import Gate

INTERVAL = 30

# Seconds within which a fabric must have been read again once the fault is over: one interval, the start of a
# process, a beat of the scheduler, and a run, on a machine of two cores that runs all of this.
GOES_ON = 120


@pytest.fixture(scope='module')
def fabric(deployment: Deployment, connection: dict[str, str]) -> int:
    return deployment.fabric('faulty', sync_interval=INTERVAL, **connection)


@pytest.fixture(autouse=True)
def _well_before_and_after(deployment: Deployment, fabric: int) -> object:
    """Each test begins and ends with everything healthy, nothing doubled and nothing left at work."""
    deployment.wait_until(deployment.all_healthy, 180, 'every service is healthy')
    deployment.wait_until(
        lambda: deployment.row(fabric)['sync_status']['value'] == 'in_sync', GOES_ON, 'the fabric is in sync',
    )
    yield
    deployment.wait_until(deployment.all_healthy, 180, 'every service is healthy again')
    deployment.wait_until(lambda: deployment.status()[0] == 0, GOES_ON, 'status says that all is well')
    jobs = deployment.runs(fabric)
    assert not doubled(jobs)
    assert sum(1 for job in jobs if job['status']['value'] == 'running') <= 1
    assert deployment.sql(
        "SELECT count(*) - count(DISTINCT uid) FROM netbox_hedgehog_fabricresource "
        f'WHERE fabric_id = {fabric}'
    ) == [['0']]


def doubled(jobs: list[dict]) -> list[tuple[int, int]]:
    """The pairs of a fabric's runs that were at work at the same time."""
    ran = sorted(
        (job for job in jobs if job['started'] and (job['data'] or {}).get('outcome') != 'skipped'),
        key=lambda job: job['started'],
    )
    return [
        (one['id'], other['id']) for one, other in itertools.pairwise(ran)
        if one['completed'] is None or moment(other['started']) < moment(one['completed'])
    ]


def last_sync(deployment: Deployment, fabric: int) -> str:
    return deployment.sql(f'SELECT last_sync FROM netbox_hedgehog_fabric WHERE id = {fabric}')[0][0]


def goes_on(deployment: Deployment, fabric: int, since: str, read: Callable[[Deployment, int], str] = last_sync) -> None:
    """Two more runs, by themselves."""
    for _ in range(2):
        before = since
        since = deployment.wait_until(
            lambda before=before: (now := read(deployment, fabric)) != before and now, GOES_ON,
            'the fabric is read again by itself',
        )


def test_a_worker_killed_during_a_sync(deployment: Deployment, fabric: int, open_gate: Gate) -> None:
    open_gate.hold()
    deployment.wait_until(
        lambda: deployment.row(fabric)['sync_status']['value'] == 'syncing', GOES_ON, 'the fabric is being read',
    )
    before = last_sync(deployment, fabric)
    worker = deployment.one(WORKER)

    deployment.kill(worker)

    # The restart policy brings it back; the scheduler's beat records what became of the run.
    deployment.wait_until(
        lambda: deployment.one(WORKER).restarts > worker.restarts and deployment.one(WORKER).running, 60,
        'the worker is restarted',
    )
    job = deployment.wait_until(
        lambda: next((j for j in deployment.runs(fabric) if 'its worker was killed' in (j['error'] or '')), None), 60,
        'the killed run is recorded',
    )
    assert job['status']['value'] == 'errored'
    assert last_sync(deployment, fabric) == before
    code, said = deployment.status()
    assert code != 0
    assert any('its worker was killed' in problem or 'No worker' in problem for problem in said['problems']), said
    open_gate.release()
    goes_on(deployment, fabric, before)


def test_a_worker_that_hangs_is_unhealthy(deployment: Deployment) -> None:
    worker = deployment.one('netbox-worker')
    processes = [line.split(maxsplit=1) for line in run('docker', 'top', worker.id, '-eo', 'pid,args').splitlines()[1:]]
    pids = [int(pid) for pid, command in processes if 'manage.py rqworker' in command]
    assert pids, processes
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        # Its life sign grows old, and three checks in a row say so.
        deployment.wait_until(
            lambda: deployment.one('netbox-worker').health == 'unhealthy', 240, 'the worker is unhealthy',
        )
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    deployment.wait_until(lambda: deployment.healthy('netbox-worker'), 120, 'the worker is healthy again')


def test_a_scheduler_stopped_for_three_intervals(deployment: Deployment, fabric: int) -> None:
    deployment.docker_compose('stop', SCHEDULER)
    stopped = time.monotonic()
    before = last_sync(deployment, fabric)
    runs = len(deployment.runs(fabric))
    said = deployment.wait_until(
        lambda: (state := deployment.status())[0] == 2 and state[1], 60, 'status says that no scheduler lives',
    )
    assert said['problems'][0].startswith('No scheduler is running; no fabric is synced on schedule.')
    deployment.wait_until(lambda: time.monotonic() - stopped > 3 * INTERVAL, 4 * INTERVAL, 'three intervals are over')
    assert deployment.status()[1]['overdue'] > 0
    assert len(deployment.runs(fabric)) - runs <= 1, 'nobody but the scheduler starts a run'

    deployment.docker_compose('start', SCHEDULER)

    deployment.wait_until(lambda: last_sync(deployment, fabric) != before, GOES_ON, 'the fabric is read again')
    # What was missed is made up for by one run.
    assert len(deployment.runs(fabric)) - runs <= 3


def test_redis_restarted(deployment: Deployment, fabric: int) -> None:
    before = last_sync(deployment, fabric)
    due = schedules(deployment)
    deployment.docker_compose('stop', 'redis')
    code, said = deployment.status()
    assert code == 2
    assert said['problems'][0].startswith('Cannot reach Redis'), said
    deployment.docker_compose('start', 'redis')
    assert schedules(deployment).keys() == due.keys(), 'the schedules were on disk'
    goes_on(deployment, fabric, before)


def test_redis_flushed(deployment: Deployment, fabric: int) -> None:
    before = last_sync(deployment, fabric)
    deployment.in_container('redis', 'sh', '-c', '$(command -v valkey-cli || command -v redis-cli) flushall')
    code, said = deployment.status()
    assert (code == 2) == (not said['workers'] or not said['schedulers']), said
    deployment.wait_until(lambda: len(schedules(deployment)) == 2, 45, 'the schedules are there again')
    goes_on(deployment, fabric, before)


def test_postgres_restarted(deployment: Deployment, fabric: int) -> None:
    before = last_sync(deployment, fabric)
    deployment.docker_compose('stop', 'postgres')
    said = deployment.in_container('netbox', 'python', 'manage.py', 'hedgehog_sync', 'status', check=False)
    assert said.code == 2
    assert 'Cannot use the database' in said.text
    deployment.docker_compose('start', 'postgres')
    goes_on(deployment, fabric, before)


def test_the_web_server_down_while_workers_run(deployment: Deployment, fabric: int) -> None:
    before = last_sync(deployment, fabric)
    deployment.docker_compose('stop', 'netbox')
    goes_on(deployment, fabric, before)
    code, said = deployment.status(SCHEDULER)
    assert (code, said['problems']) == (0, [])
    deployment.docker_compose('start', 'netbox')


def schedules(deployment: Deployment) -> dict[str, str]:
    """What rq-scheduler holds: when each schedule is due."""
    command = '$(command -v valkey-cli || command -v redis-cli) zrange rq:scheduler:scheduled_jobs 0 -1 withscores'
    deployment.wait_until(lambda: deployment.healthy('redis'), 60, 'Redis answers')
    lines = deployment.in_container('redis', 'sh', '-c', command).text.split()
    return {name: due for name, due in zip(lines[::2], lines[1::2], strict=False) if name.startswith('netbox_hedgehog')}
