"""With the plugin's own settings: the schedule follows whatever people do."""

import os
import signal
import time

import pytest

from demo.kubernetes_api import KubernetesAPI

from .stack import OWN_SETTINGS, PLUGIN_QUEUE, Stack, schedule_id, skipped

SETTINGS = OWN_SETTINGS


@pytest.fixture(scope='module', autouse=True)
def _served(module_stack: Stack) -> None:
    module_stack.worker()
    module_stack.scheduler()


def test_the_schedule_follows_what_people_edit(stack: Stack, api: KubernetesAPI) -> None:
    """Right after the commit, and not only by the scheduler's next beat."""
    names = ('slower', 'by-hand', 'off', 'retired', 'deleted')
    fabrics = {name: stack.fabric(name, api) for name in names}
    for fabric in fabrics.values():
        assert stack.due(fabric), 'a new fabric is scheduled at once'
    for fabric in fabrics.values():
        stack.runs(fabric, 1, 60)

    slower = fabrics['slower']
    before = stack.row(slower)['last_attempt'].timestamp()
    stack.edit(slower, sync_interval=600)
    assert before + 299 < stack.due(slower) <= before + 600
    assert stack.redis.hget(f'rq:job:{schedule_id(slower)}', 'description').endswith(b'every 600 s')

    by_hand = fabrics['by-hand']
    stack.edit(by_hand, scheduler_enabled=False)
    assert stack.due(by_hand) is None
    ran = len(stack.jobs(by_hand))
    code, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{by_hand}/sync/')
    assert code == 202, answer
    assert len(stack.runs(by_hand, ran + 1, 30)) == ran + 1
    assert stack.jobs(by_hand)[-1]['user_id'], 'the run carries who asked for it'
    stack.edit(by_hand, scheduler_enabled=True)
    assert stack.due(by_hand)

    for name, change in (('off', {'sync_enabled': False}), ('retired', {'status': 'decommissioned'})):
        stack.edit(fabrics[name], **change)
        assert stack.due(fabrics[name]) is None
        code, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabrics[name]}/sync/')
        assert code == 409, answer
        assert 'is not synced' in answer['detail']

    deleted = fabrics['deleted']
    assert stack.resources(deleted)
    stack.delete(deleted)
    assert stack.due(deleted) is None
    assert not stack.waiting(deleted)
    assert not stack.resources(deleted)
    assert not stack.redis.keys(f'*{schedule_id(deleted)}*')
    assert not stack.sql("SELECT 1 FROM core_job WHERE name = 'Fabric sync' AND object_id = %s", deleted)

    code, answer = stack.call('PATCH', f'plugins/hedgehog/fabrics/{slower}/', {'sync_interval': 0})
    assert code == 400
    assert 'Must be at least 30 seconds' in str(answer)
    assert stack.row(slower)['sync_interval'] == 600
    assert stack.state(fabrics['off']) == 'disabled'


def test_a_fabric_deleted_during_a_sync_leaves_nothing(stack: Stack, api: KubernetesAPI) -> None:
    api.faults.delay(0.3, times=None)
    fabric = stack.fabric('short-lived', api)
    stack.wait_until(lambda: stack.resources(fabric), 30, 'a part of the fabric has been read')
    stack.delete(fabric)
    assert stack.due(fabric) is None
    stack.wait_until(lambda: not stack.sql('SELECT 1 FROM pg_locks WHERE classid = 470220'), 30, 'the run has ended')
    stack.wait_until(
        lambda: all(stack.redis.hget(key, 'state') == b'idle' for key in stack.redis.smembers('rq:workers')), 30,
        "RQ's worker has said its last words, too",
    )
    assert not stack.resources(fabric)
    stack.wait_until(
        lambda: not stack.sql("SELECT 1 FROM core_job WHERE name = 'Fabric sync' AND object_id = %s", fabric), 30,
        'its job has gone, also where the run saved it once more before it was stopped',
    )
    left = stack.redis.keys(f'*{schedule_id(fabric)}*')
    assert all(0 < stack.redis.ttl(key) <= 60 for key in left), 'what RQ writes at the end of a run goes soon'


def test_an_emptied_redis_mends_itself_within_a_minute(stack: Stack, api: KubernetesAPI) -> None:
    """FLUSHALL: schedules, life signs and a waiting run of a person are back, and nobody restarted anything."""
    periodic, manual = stack.fabric('periodic', api), stack.fabric('manual', api, scheduler_enabled=False)
    stack.runs(periodic, 1, 30)
    worker = next(process for process in stack.processes if process.name.startswith('worker'))
    assert worker.pid
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        code, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{manual}/sync/')
        assert code == 202, answer
        stack.redis.flushall()
        flushed = time.monotonic()
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    ran = len(stack.jobs(periodic))

    def left() -> float:
        return max(0, 60 - (time.monotonic() - flushed))

    stack.wait_until(lambda: stack.due(periodic), left(), 'the schedule is back')
    stack.wait_until(lambda: stack.redis.keys('rq:scheduler_instance:*'), left(), "the scheduler's life sign is back")
    stack.wait_until(lambda: stack.redis.smembers(f'rq:workers:{PLUGIN_QUEUE}'), left(), 'the worker is known again')
    stack.wait_until(
        lambda: stack.jobs(manual, 'completed'), left(), 'the run that a person had asked for was queued again and ran',
    )
    assert len(stack.jobs(manual)) == 1
    stack.runs(periodic, ran + 1, left())
    assert stack.state() == 'healthy'
    assert not [job for job in stack.jobs(periodic) if skipped(job)]
