"""check_worker_health(): is anybody at work?"""

import os
import socket
import subprocess
from unittest.mock import patch

import pytest
from redis.exceptions import ConnectionError as RedisDown

from netbox_hedgehog.events import dispatch, raise_state_events
from netbox_hedgehog.jobs.queue import connection, queue_name
from netbox_hedgehog.jobs.schedules import schedule_id
from netbox_hedgehog.jobs.worker import PID_NAMESPACE, pid_namespace
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.monitoring.service_health import check_worker_health

from ...support.jobs import ago, locked, make_fabric, make_fabrics, make_job

pytestmark = pytest.mark.django_db


def worker(name: str, queues: str = '', hostname: str = 'elsewhere', pid: int = 1, namespace: str = '') -> None:
    redis, key = connection(), f'rq:worker:{name}'
    queues = queues or queue_name()
    redis.hset(key, mapping={
        'birth': '2026-01-01T00:00:00.000000Z', 'queues': queues, 'hostname': hostname, 'pid': pid,
        PID_NAMESPACE: namespace or pid_namespace(),
    })
    redis.expire(key, 60)
    for keys in ('rq:workers', *(f'rq:workers:{queue}' for queue in queues.split(','))):
        redis.sadd(keys, key)


def scheduler(name: str = 's', **fields: str) -> None:
    connection().hset(f'rq:scheduler_instance:{name}', mapping={'birth': '1', **fields})


@pytest.fixture
def alive() -> None:
    worker('w')
    scheduler()


@pytest.mark.usefixtures('alive')
def test_all_is_well() -> None:
    make_fabric(last_sync=ago(seconds=10), last_attempt=ago(seconds=10), sync_status='in_sync')
    found = check_worker_health()
    assert (found['state'], found['problems'], found['queue']) == ('healthy', [], queue_name())
    assert (found['workers'], found['schedulers'], found['fabrics']) == (['w'], ['s'], 1)


def test_nobody_is_there() -> None:
    connection().rpush(f'rq:queue:{queue_name()}', schedule_id(1), schedule_id(2))
    found = check_worker_health()
    assert (found['state'], found['waiting']) == ('broken', 2)
    no_worker, no_scheduler = found['problems']
    assert no_worker == (
        f'No worker serves the queue {queue_name()}; no fabric is synced. 2 syncs are queued. '
        f'Start one: rqworker {queue_name()}'
    )
    assert no_scheduler == 'No scheduler is running; no fabric is synced on schedule. Start one: rqscheduler'


def test_a_sync_whose_job_was_deleted_is_running_all_the_same() -> None:
    fabric, dead = make_fabric('a', sync_status='syncing'), make_fabric('b', sync_status='syncing')
    make_job(make_fabric('c', sync_status='syncing'), 'running')
    with locked(fabric):
        assert check_worker_health()['running'] == 2
    assert (check_worker_health()['running'], dead.sync_status) == (1, 'syncing')


def test_a_worker_of_other_queues_serves_no_fabric() -> None:
    worker('w', 'high,default,low')
    scheduler()
    assert check_worker_health()['state'] == 'broken'


def test_the_dead_are_not_counted() -> None:
    child = subprocess.Popen(['true'])
    child.wait()
    worker('killed-here', hostname=socket.gethostname(), pid=child.pid)
    scheduler(death='2')
    found = check_worker_health()
    assert (found['workers'], found['schedulers'], found['state']) == ([], [], 'broken')
    worker('alive-here', hostname=socket.gethostname(), pid=os.getpid())
    worker('elsewhere', pid=child.pid)
    worker('other-container', hostname=socket.gethostname(), pid=child.pid, namespace='pid:[1]')
    assert sorted(check_worker_health()['workers']) == ['alive-here', 'elsewhere', 'other-container']


@pytest.mark.usefixtures('alive')
def test_the_overdue_and_the_failing_are_named() -> None:
    make_fabric('late', sync_interval=60, sync_status='in_sync', last_sync=ago(minutes=10), last_attempt=ago(minutes=10))
    make_fabric('later', sync_interval=60, sync_status='in_sync', last_sync=ago(hours=10), last_attempt=ago(hours=10))
    failing = make_fabric('failing', sync_status='failed', sync_error='401.', last_attempt=ago(seconds=1))
    make_job(failing, 'running')
    make_job(failing, 'failed')
    make_job(failing, 'errored', age=2 * 86400)
    found = check_worker_health()
    assert found['state'] == 'degraded'
    assert (found['overdue'], found['oldest_overdue']['fabric']) == (2, 'later')
    assert (found['running'], found['failed']) == (1, 1)
    assert found['problems'][0].startswith('later has been overdue since ')
    assert found['problems'][0].endswith('and 1 more.')
    assert found['problems'][1] == 'failing: Failed. 401.'
    type(failing).objects.filter(pk=failing.pk).update(sync_status='syncing')
    assert check_worker_health()['problems'][1] == 'failing: Syncing. Last sync: 401.'


@pytest.mark.usefixtures('alive')
def test_what_somebody_has_cancelled_has_not_failed() -> None:
    fabric = make_fabric('a')
    make_job(fabric, 'failed', data={'outcome': 'cancelled'})
    make_job(fabric, 'failed', data=None)
    make_job(fabric, 'failed', data={'outcome': 'failed'})
    assert check_worker_health()['failed'] == 2


@pytest.mark.usefixtures('alive')
def test_many_failing_fabrics_are_counted(django_assert_max_num_queries) -> None:
    make_fabrics(40, sync_status='failed', sync_error='no', last_attempt=ago(seconds=1))
    raise_state_events()  # what has become of them is told
    dispatch()
    with django_assert_max_num_queries(10):
        found = check_worker_health()
    assert found['problems'][-1] == '35 more fabrics failed or were only partially synced.'
    Fabric.objects.filter(pk__in=list(Fabric.objects.values_list('pk', flat=True)[6:])).delete()
    assert check_worker_health()['problems'][-1] == '1 more fabric failed or was only partially synced.'


def test_redis_away_is_an_answer_and_no_exception() -> None:
    with patch('redis.connection.ConnectionPool.get_connection', side_effect=RedisDown):
        found = check_worker_health()
    assert (found['state'], found['redis']) == ('broken', False)
    assert found['problems'][0].startswith('Cannot reach Redis; no fabric is synced.')
