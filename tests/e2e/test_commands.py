"""The commands as an operator uses them: what they print and how they exit. Here with QUEUE_MAPPINGS."""

from collections.abc import Iterator

import pytest

from demo.kubernetes_api import KubernetesAPI
from tests.plugin import Services

from .stack import QUICK, Stack


@pytest.fixture(scope='module')
def module_stack(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """QUEUE_MAPPINGS = {'fabric': 'hedgehog_sync'}: the literal `rqworker hedgehog_sync` serves fabrics."""
    with Stack(services, 'commands', tmp_path_factory.mktemp('commands'), mapping=True, **QUICK) as stack:
        yield stack


def sync(stack: Stack, *arguments: str) -> tuple[int, str, str]:
    result = stack.run('hedgehog_sync', *arguments)
    assert 'Traceback' not in result.stderr, result.stderr
    return result.returncode, result.stdout, result.stderr


def test_the_life_of_a_fabric_on_the_command_line(stack: Stack, api: KubernetesAPI) -> None:
    fabric = stack.fabric('one', api)
    stack.redis.flushall()
    code, out, _ = sync(stack, 'bootstrap')
    assert (code, out) == (0, '1 fabric scheduled: 1 created, 0 updated, 0 removed, 0 unchanged.\n')
    result = stack.run('start_periodic_sync', '--fabric', 'one')
    assert (result.returncode, result.stderr) == (0, '')
    assert 'Next sync of one: ' in result.stdout
    code, out, _ = sync(stack, 'status')
    assert code == 2
    assert '\n  No worker serves the queue hedgehog_sync; no fabric is synced. Start one: rqworker hedgehog_sync' in out
    code, _, err = sync(stack, 'trigger', 'two')
    assert (code, err) == (1, 'CommandError: No fabric is named “two”. Known fabrics: one.\n')

    stack.worker()
    stack.scheduler()
    stack.runs(fabric, 1, 30)
    code, out, err = sync(stack, 'trigger', 'one', '--wait')
    assert (code, err) == (0, '')
    assert 'of one: In sync. 64 read, 0 created, 0 updated, 0 deleted' in out
    assert {job['queue_name'] for job in stack.jobs(fabric)} == {'hedgehog_sync'}
    code, out, _ = sync(stack, 'test', 'one')
    assert code == 0
    assert 'v1.' in out
    code, out, _ = sync(stack, 'status')
    assert code == 0, out
    assert 'every 30 seconds, next sync 2' in out
    assert 'healthy: queue hedgehog_sync, 1 worker, 1 scheduler' in out

    stack.edit(fabric, kubernetes_token='wrong')
    code, _, err = sync(stack, 'trigger', 'one', '--wait')
    assert code == 1
    assert '401' in err
    code, out, _ = sync(stack, 'health')
    assert code == 1, 'degraded: it is tried, and it fails'
    assert 'one: Failed.' in out


def test_without_redis_a_command_fails_and_says_so(stack: Stack) -> None:
    stack.valkey.kill()
    try:
        code, out, _ = sync(stack, 'status')
        assert (code, 'Cannot reach Redis' in out) == (2, True)
        result = stack.run('start_periodic_sync')
        assert (result.returncode, 'Cannot reach Redis' in result.stderr) == (2, True)
    finally:
        stack.valkey.start()
