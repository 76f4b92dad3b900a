"""A run at work in a real worker is cancelled: by the command, by the REST API, whoever started it."""

import pytest

from demo.kubernetes_api import KubernetesAPI

from .stack import QUICK, Stack, schedule_id

SETTINGS = QUICK

# So many requests are answered, and the others are held: a run is at work until it is cancelled.
ANSWERED = 8


@pytest.fixture(scope='module', autouse=True)
def _served(module_stack: Stack) -> None:
    module_stack.worker()
    module_stack.scheduler()


def read_once(stack: Stack, api: KubernetesAPI, name: str) -> int:
    """Create a fabric that was read, and that no schedule reads again while a test looks."""
    fabric = stack.fabric(name, api, sync_interval=86400)
    stack.make_due(fabric)
    stack.runs(fabric, 1, 60)
    return fabric


def cancel(stack: Stack, fabric: int) -> tuple[int, str]:
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/cancel/')
    return status, answer['detail']


def wait_until_running(stack: Stack, api: KubernetesAPI, fabric: int) -> None:
    """A periodic run of a fabric is at work, and stays so."""
    api.faults.hold(after=ANSWERED)
    stack.make_due(fabric)
    stack.wait_until(lambda: stack.row(fabric)['sync_status'] == 'syncing', 120, 'a scheduled sync is running')


def free(stack: Stack) -> None:
    stack.wait_until(lambda: not stack.sql('SELECT 1 FROM pg_locks WHERE classid = 470220'), 120, 'the run has ended')
    stack.wait_until(
        lambda: all(stack.redis.hget(key, 'state') == b'idle' for key in stack.redis.smembers('rq:workers')), 120,
        "RQ's worker has said its last words, too",
    )


def test_a_running_sync_is_cancelled_and_the_next_one_runs(stack: Stack, api: KubernetesAPI) -> None:
    fabric = read_once(stack, api, 'berlin')
    assert stack.state(fabric) == 'in_sync'

    api.faults.hold(after=ANSWERED)
    status, job = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')
    assert status == 202, job
    stack.wait_until(lambda: stack.jobs(fabric, 'running'), 120, 'the sync is running')
    result = stack.run('hedgehog_sync', 'cancel', 'berlin')
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('The sync of berlin (job '), result.stdout
    (cancelled,) = [row for row in stack.jobs(fabric) if row['data'].get('outcome') == 'cancelled']
    assert cancelled['status'] == 'failed'
    assert cancelled['error'].startswith('Cancelled by ')
    assert stack.state(fabric) == 'in_sync', 'what was read before still holds'

    stack.make_due(fabric)
    stack.wait_until(lambda: stack.jobs(fabric, 'running'), 120, 'a scheduled sync is running')
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/cancel/')
    assert status == 200, answer
    assert 'is cancelled' in answer['detail']
    assert len([row for row in stack.jobs(fabric) if (row['data'] or {}).get('outcome') == 'cancelled']) == 2
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/cancel/')
    assert status == 409, answer

    api.faults.clear()
    before = len(stack.jobs(fabric, 'completed'))
    stack.make_due(fabric)
    stack.runs(fabric, before + 1, 60)
    assert stack.state(fabric) == 'in_sync'
    told = stack.sql('SELECT event_type, message FROM netbox_hedgehog_fabricevent WHERE fabric_id = %s', fabric)
    assert [row for row in told if 'agents' not in row['event_type']] == [], 'a run called off is no news of the fabric'


@pytest.mark.parametrize('change', [{'sync_enabled': False}, {'scheduler_enabled': False}])
def test_a_sync_of_a_fabric_that_was_disabled_meanwhile(
    stack: Stack, api: KubernetesAPI, change: dict[str, bool],
) -> None:
    fabric = read_once(stack, api, f'disabled-{len(stack.fabrics)}')
    wait_until_running(stack, api, fabric)
    stack.edit(fabric, **change)
    assert stack.due(fabric) is None
    status, answer = cancel(stack, fabric)
    assert (status, 'is cancelled' in answer) == (200, True), answer
    free(stack)
    assert not stack.redis.keys(f'rq:job:{schedule_id(fabric)}')
    assert cancel(stack, fabric)[0] == 409
    api.faults.clear()


def test_a_sync_whose_job_was_deleted_meanwhile(stack: Stack, api: KubernetesAPI) -> None:
    fabric = read_once(stack, api, 'deleted-job')
    wait_until_running(stack, api, fabric)
    (job,) = stack.jobs(fabric, 'running')
    stack.sql('DELETE FROM core_job WHERE id = %s', job['id'])
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')
    # The running sync may have saved its job once more meanwhile: then its number is there.
    assert status == 409
    assert answer['detail'].startswith('A sync of deleted-job is already running')
    status, answer = stack.call('GET', 'plugins/hedgehog/health/')
    assert (status, answer['running']) == (200, 1)
    status, answer = cancel(stack, fabric)
    assert (status, 'its job had been deleted' in answer) == (200, True), answer
    free(stack)
    assert stack.state(fabric) == 'in_sync', 'what was read before still holds'
    assert cancel(stack, fabric) == (409, 'No sync of deleted-job is queued or running.')

    # The same for one that somebody asked for.
    status, job = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')
    assert status == 202, job
    stack.wait_until(lambda: stack.row(fabric)['sync_status'] == 'syncing', 120, 'the sync is running')
    stack.sql('DELETE FROM core_job WHERE id = %s', job['id'])
    status, answer = cancel(stack, fabric)
    assert (status, 'its job had been deleted' in answer) == (200, True), answer
    free(stack)
    api.faults.clear()


def test_a_sync_of_a_fabric_that_is_deleted_ends(stack: Stack, api: KubernetesAPI) -> None:
    fabric = read_once(stack, api, 'deleted')
    wait_until_running(stack, api, fabric)
    stack.delete(fabric)
    free(stack)
    left = stack.redis.keys(f'rq:job:{schedule_id(fabric)}')
    assert all(0 < stack.redis.ttl(key) <= 60 for key in left)
    assert not stack.sql("SELECT 1 FROM core_job WHERE name = 'Fabric sync' AND object_id = %s", fabric)
    api.faults.clear()
