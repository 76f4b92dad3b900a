"""The commands as an operator uses them: what they print and how they exit. Here with QUEUE_MAPPINGS."""

import json
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
    code, out, _ = sync(stack, 'status')
    assert code == 2, 'no worker, no scheduler'
    assert out.startswith('There is no fabric yet.\nbroken: queue hedgehog_sync, 0 workers, 0 schedulers, 0 waiting')
    assert '\n  No worker serves the queue hedgehog_sync: no fabric is read. Start one: rqworker hedgehog_sync' in out

    fabric = stack.fabric('one', api)
    stack.redis.flushall()
    code, out, _ = sync(stack, 'bootstrap')
    assert (code, out) == (0, '1 fabrics are scheduled: 1 created, 0 updated, 0 removed, 0 unchanged.\n')
    code, out, _ = sync(stack, 'bootstrap', '--json')
    assert (code, json.loads(out)) == (0, {'fabrics': 1, 'created': 0, 'updated': 0, 'removed': 0, 'unchanged': 1})
    result = stack.run('start_periodic_sync', '--fabric', 'one')
    assert (result.returncode, result.stderr) == (0, '')
    assert 'one is due at ' in result.stdout
    for arguments in (['start_periodic_sync', '--fabric', 'two'], ['hedgehog_sync', 'trigger', 'two'],
                      ['hedgehog_sync', 'test', 'two'], ['hedgehog_sync', 'status', '--fabric', 'two']):
        result = stack.run(*arguments)
        assert result.returncode == 1
        assert "There is no fabric named 'two'. There are: one." in result.stderr

    # Nobody is there to run it: who waits is told at once, and who does not sees it in the status.
    code, _, err = sync(stack, 'trigger', 'one', '--wait')
    assert code == 1
    assert 'is queued, but No worker serves the queue hedgehog_sync' in err
    code, _, err = sync(stack, 'trigger', 'one')
    assert code == 1
    assert 'is waiting for a worker already' in err

    stack.worker()
    stack.scheduler()
    stack.runs(fabric, 1, 30)
    code, out, err = sync(stack, 'trigger', 'one', '--wait')
    assert (code, err) == (0, '')
    assert 'of one: in_sync. 64 read, 0 created, 0 updated, 0 missing' in out
    code, out, _ = sync(stack, 'trigger', 'one')
    assert (code, out.split('is ')[1]) == (0, 'queued on hedgehog_sync.\n')
    assert {job['queue_name'] for job in stack.jobs(fabric)} == {'hedgehog_sync'}
    code, out, _ = sync(stack, 'test', 'one')
    assert code == 0
    assert 'v1.' in out
    code, out, _ = sync(stack, 'status')
    assert code == 0, out
    assert out.startswith('one: ')
    assert 'every 30 seconds, next run 2' in out
    assert 'healthy: queue hedgehog_sync, 1 workers, 1 schedulers' in out
    assert sync(stack, 'health')[0] == 0

    stack.edit(fabric, kubernetes_token='wrong')
    code, out, _ = sync(stack, 'test', 'one')
    assert code == 2
    assert '401' in out
    code, _, err = sync(stack, 'trigger', 'one', '--wait')
    assert code == 1
    assert '401' in err
    code, out, _ = sync(stack, 'status')
    assert code == 1, 'degraded: it is tried, and it fails'
    assert 'one: Failed.' in out

    stack.edit(fabric, sync_enabled=False)
    code, _, err = sync(stack, 'trigger', 'one')
    assert code == 1
    assert 'one is not read' in err
    result = stack.run('start_periodic_sync', '--fabric', 'one')
    assert result.returncode == 1
    assert 'one is not scheduled' in result.stderr
    code, out, _ = sync(stack, 'status')
    assert (code, out.partition(',')[0]) == (0, 'one: disabled')


def test_without_redis_every_command_says_so(stack: Stack) -> None:
    stack.valkey.kill()
    try:
        for arguments in (['bootstrap'], ['status'], ['health']):
            code, out, err = sync(stack, *arguments)
            assert code == 2, arguments
            assert 'Redis cannot be reached' in out + err
        result = stack.run('start_periodic_sync')
        assert result.returncode == 2
        assert 'Redis cannot be reached' in result.stderr
    finally:
        stack.valkey.start()
