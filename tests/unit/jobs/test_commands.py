"""hedgehog_sync and start_periodic_sync: what they print, and how they exit."""

import errno
import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from core.models import Job
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError
from redis.exceptions import ConnectionError as RedisDown

from netbox_hedgehog.cluster.probe import Probe
from netbox_hedgehog.jobs.fabric_sync import execute_requested_run
from netbox_hedgehog.jobs.queue import connection, queue_name
from netbox_hedgehog.models import Fabric

from ...support.jobs import ago, due, make_fabric, report, sync_answer, waiting

pytestmark = pytest.mark.django_db


def call(*arguments: str) -> tuple[int, str]:
    """The exit code and the output; an error's sentence counts as output."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def all_alive() -> None:
    redis, key = connection(), 'rq:worker:elsewhere'
    redis.hset(key, mapping={'birth': '2026-01-01T00:00:00.000000Z', 'queues': queue_name(), 'hostname': 'elsewhere'})
    for name in ('rq:workers', f'rq:workers:{queue_name()}'):
        redis.sadd(name, key)
    redis.hset('rq:scheduler_instance:elsewhere', mapping={'birth': '1'})


def fresh(**values: Any) -> Fabric:
    return make_fabric(**{
        'name': 'one', 'sync_status': 'in_sync', 'last_sync': ago(seconds=9), 'last_attempt': ago(seconds=9), **values,
    })


class TestBootstrap:
    def test_it_says_what_it_did(self) -> None:
        fabric = fresh()
        line = '1 fabric scheduled: {} created, 0 updated, 0 removed, {} unchanged.\n'
        assert call('hedgehog_sync', 'bootstrap') == (0, line.format(1, 0))
        assert call('hedgehog_sync', 'bootstrap') == (0, line.format(0, 1))
        code, out = call('hedgehog_sync', 'bootstrap', '--json')
        assert (code, json.loads(out)['unchanged']) == (0, 1)
        assert due(fabric)

    def test_start_periodic_sync_is_the_same(self) -> None:
        fresh()
        code, out = call('start_periodic_sync', '--fabric', 'one')
        assert code == 0
        assert out.startswith('1 fabric scheduled: 1 created')
        assert 'Next sync of one: 20' in out
        assert call('start_periodic_sync')[0] == 0

    def test_a_fabric_that_is_not_scheduled_is_a_failure(self) -> None:
        fresh(scheduler_enabled=False)
        code, out = call('start_periodic_sync', '--fabric', 'one')
        assert code == 1
        assert 'one is not scheduled. Enable its sync and scheduler' in out

    @pytest.mark.parametrize(('error', 'sentence'), [
        (RedisDown('refused'), 'Cannot reach Redis: refused'),
        (OperationalError('gone\nfar away'), 'Cannot use the database: gone'),
        (InterfaceError(), 'Cannot use the database: '),
    ])
    @pytest.mark.parametrize('command', [['hedgehog_sync', 'bootstrap'], ['start_periodic_sync']])
    def test_one_that_failed_does_not_exit_0(self, error: Exception, sentence: str, command: list[str]) -> None:
        with patch('netbox_hedgehog.jobs.schedules.reconcile', side_effect=error):
            assert call(*command) == (2, sentence)


class TestStatus:
    def test_nobody_is_there(self) -> None:
        code, out = call('hedgehog_sync', 'status')
        assert code == 2
        first, second, *problems = out.splitlines()
        assert first == 'No fabrics yet.'
        assert second == (
            f'broken: queue {queue_name()}, 0 workers, 0 schedulers, 0 active schedules; syncs: 0 queued, 0 running, 0 completed and 0 failed in the last day'
        )
        assert problems[0] == (
            f'  No worker serves the queue {queue_name()}; no fabric is synced. Start one: rqworker {queue_name()}'
        )
        assert call('hedgehog_sync', 'health')[0] == 2

    @pytest.mark.usefixtures('all_alive')
    def test_all_is_well(self) -> None:
        fresh(sync_interval=5400)
        call('hedgehog_sync', 'bootstrap')
        code, out = call('hedgehog_sync', 'status')
        assert code == 0
        assert out.startswith('one: In sync, last success 20')
        assert 's ago)' in out
        assert 'every 1 hour 30 minutes, next sync 20' in out
        code, out = call('hedgehog_sync', 'health', '--json')
        assert (code, json.loads(out)['state']) == (0, 'healthy')

    @pytest.mark.usefixtures('all_alive')
    def test_something_fails(self) -> None:
        fresh(sync_status='failed', sync_error='401.')
        fresh(name='two')
        code, out = call('hedgehog_sync', 'status')
        assert code == 1
        assert '\n  401.\n' in out
        assert '\n  one: Failed. 401.' in out
        code, out = call('hedgehog_sync', 'status', '--fabric', 'two', '--json')
        assert code == 0, 'a probe of one fabric asks for that one'
        assert [row['fabric'] for row in json.loads(out)['status']] == ['two']

    @pytest.mark.usefixtures('all_alive')
    def test_a_lost_schedule_is_seen(self) -> None:
        fresh()
        fresh(name='two', scheduler_enabled=False)
        out = call('hedgehog_sync', 'status')[1]
        assert 'next sync NOT SCHEDULED' in out
        assert 'next sync manual only' in out

    def test_redis_is_away(self) -> None:
        fresh()
        with patch('redis.connection.ConnectionPool.get_connection', side_effect=RedisDown('refused')):
            code, out = call('hedgehog_sync', 'status')
            assert code == 2
            assert 'Cannot reach Redis; no fabric is synced.' in out
            assert out.startswith('one: In sync'), 'what the database knows is told all the same'


class TestTrigger:
    def test_a_queued_sync(self) -> None:
        fresh()
        code, out = call('hedgehog_sync', 'trigger', 'one')
        assert (code, out.split(' ', 2)[2]) == (0, f'queued on {queue_name()}.\n')

    def test_one_that_is_refused_is_a_failure(self) -> None:
        fresh(sync_enabled=False)
        code, out = call('hedgehog_sync', 'trigger', 'one')
        assert code == 1
        assert out.startswith('one is not synced')
        assert not waiting()

    def test_redis_is_away(self) -> None:
        fresh()
        with patch('redis.connection.ConnectionPool.get_connection', side_effect=RedisDown('refused')):
            assert call('hedgehog_sync', 'trigger', 'one') == (2, 'Cannot reach Redis: refused')
        assert not Job.objects.exists()

    def waited_for(self, answer: Any = None) -> tuple[int, str]:
        """Somebody waits for a run, and a worker takes it."""
        def work(seconds: float) -> None:
            with sync_answer(answer):
                execute_requested_run(Job.objects.latest('pk').pk)

        with patch('netbox_hedgehog.management.commands.hedgehog_sync.time.sleep', work):
            return call('hedgehog_sync', 'trigger', 'one', '--wait')

    @pytest.mark.usefixtures('all_alive')
    def test_who_waits_sees_what_came_of_it(self) -> None:
        fresh()
        code, out = self.waited_for()
        assert code == 0
        assert 'of one: In sync. 2 read, 0 created, 0 updated, 0 deleted, ' in out

    @pytest.mark.usefixtures('all_alive')
    def test_who_waits_for_a_sync_that_fails_fails(self) -> None:
        fresh()
        code, out = self.waited_for(lambda fabric: report(fabric, error='The API server refused the token: 401.'))
        assert code == 1
        assert out.endswith('of one: Failed. The API server refused the token: 401.')

    @pytest.mark.usefixtures('all_alive')
    def test_who_waits_for_a_job_that_is_deleted_is_told(self) -> None:
        fresh()
        with patch(
            'netbox_hedgehog.management.commands.hedgehog_sync.time.sleep', lambda seconds: Job.objects.all().delete(),
        ):
            code, out = call('hedgehog_sync', 'trigger', 'one', '--wait')
        assert code == 1
        assert out.endswith('was deleted.')

    @pytest.mark.usefixtures('all_alive')
    def test_who_waits_waits_as_long_as_a_sync_may_take(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fresh()
        monkeypatch.setitem(settings.PLUGINS_CONFIG['netbox_hedgehog'], 'job_timeout', 3300)
        clock = iter(range(0, 10**6, 600))
        with (
            patch('netbox_hedgehog.management.commands.hedgehog_sync.time.monotonic', lambda: next(clock)),
            patch('netbox_hedgehog.management.commands.hedgehog_sync.time.sleep'),
        ):
            code, out = call('hedgehog_sync', 'trigger', 'one', '--wait')
        assert (code, out.split(' ', 2)[2]) == (1, 'did not end within 1 hour. It continues in the background.')

    def test_a_job_whose_worker_is_gone_is_not_called_queued(self) -> None:
        fresh()
        with patch.object(Job, 'refresh_from_db', lambda job: setattr(job, 'status', 'running')):
            code, out = call('hedgehog_sync', 'trigger', 'one', '--wait')
        assert code == 1
        assert 'is running, but: No worker serves the queue' in out

    def test_nobody_waits_for_ever_where_nobody_works(self) -> None:
        fresh()
        code, out = call('hedgehog_sync', 'trigger', 'one', '--wait')
        assert code == 1
        assert f'is queued, but: No worker serves the queue {queue_name()}' in out


def test_a_full_disk_is_not_taken_for_redis() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(CommandError, match=r'^Operating system error: .*No space left on device') as raised:
        call_command('hedgehog_sync', 'metrics', stdout=Full())
    assert raised.value.returncode == 2


@pytest.mark.parametrize(('found', 'code'), [
    (Probe(version='v1', readable=['VPC'], sentences=['All is well.']), 0),
    (Probe(version='v1', readable=['VPC'], forbidden=['Switch'], sentences=['Switch is forbidden.']), 1),
    (Probe(errors=['Refused.'], sentences=['Refused.']), 2),
])
def test_a_connection_test_says_what_it_found(found: Probe, code: int) -> None:
    fabric = fresh()
    with patch('netbox_hedgehog.jobs.probe.test_connection', lambda fabric: found):
        assert call('hedgehog_sync', 'test', 'one') == (code, found.sentences[0] + '\n')
    fabric.refresh_from_db()
    assert fabric.connection_status == ('connected' if code < 2 else 'failed')


@pytest.mark.parametrize('command', [
    ['hedgehog_sync', 'trigger', 'two'], ['hedgehog_sync', 'test', 'two'], ['hedgehog_sync', 'status', '--fabric', 'two'],
    ['start_periodic_sync', '--fabric', 'two'],
])
def test_a_name_that_nobody_has_is_a_failure_that_lists_names(command: list[str]) -> None:
    fresh()
    assert call(*command) == (1, 'No fabric is named “two”. Known fabrics: one.')
    Fabric.objects.all().delete()
    assert call(*command) == (1, 'No fabric is named “two”. Known fabrics: none.')


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


class TestOnATerminal:
    def status(self, *options: str) -> str:
        out = Terminal()
        with pytest.raises(SystemExit):
            call_command('hedgehog_sync', *options, 'status', stdout=out)
        return out.getvalue()

    @pytest.mark.usefixtures('all_alive')
    def test_status_is_a_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('COLUMNS', '120')
        monkeypatch.setenv('TERM', 'xterm-256color')
        make_fabric('[bold]odd', sync_status='in_sync', last_sync=ago(seconds=20), last_attempt=ago(seconds=20))
        make_fabric('b', sync_status='failed', sync_error='No route to 10.0.0.1.', last_attempt=ago(seconds=5))
        kind = {'kind': 'Rack', 'group': 'wiring.githedgehog.com', 'version': 'v1', 'plural': 'racks', 'count': None}
        make_fabric('c', sync_status='in_sync', last_sync=ago(seconds=20), unsupported_kinds=[kind])
        text = self.status()
        assert 'Rack is not supported by this version of the plugin.' in text
        assert '\x1b[' in text
        for words in ('Last success', 'In sync', 'Failed', 'NOT SCHEDULED', 'No route to 10.0.0.1.', '5 minutes'):
            assert words in text, text
        assert '[bold]odd' in text, 'a name is text, not markup'

    @pytest.mark.usefixtures('all_alive')
    def test_without_colour(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('TERM', 'xterm-256color')
        make_fabric('a', sync_status='failed', sync_error='No route.', last_attempt=ago(seconds=5))
        text = self.status('--no-color')
        assert '\x1b[31m' not in text
        assert '\x1b[1;31m' not in text


def test_cancel() -> None:
    fabric = make_fabric()
    assert call('hedgehog_sync', 'cancel', 'a') == (1, 'No sync of a is queued or running.')
    assert call('hedgehog_sync', 'trigger', 'a')[0] == 0
    code, text = call('hedgehog_sync', 'cancel', 'a')
    assert (code, 'The queued sync of a (job ' in text) == (0, True)
    assert Job.objects.get(object_id=fabric.pk).error.startswith('Cancelled by ')


def test_metrics() -> None:
    make_fabric()
    code, text = call('hedgehog_sync', 'metrics')
    assert (code, 'netbox_hedgehog_fabric_stale{fabric="a"} 0.0' in text) == (0, True)
