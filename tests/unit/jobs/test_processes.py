"""What a process does when NetBox starts in it: whether it serves, and which classes it runs."""

import re
import sys
import threading
from importlib import metadata
from unittest.mock import patch

import django_rq
import pytest
import rq_scheduler
from django.conf import settings
from django.db import ProgrammingError
from redis.exceptions import ConnectionError as RedisDown

from netbox_hedgehog.jobs import startup
from netbox_hedgehog.jobs.queue import queue_name
from netbox_hedgehog.jobs.scheduler import HedgehogScheduler
from netbox_hedgehog.jobs.startup import bootstrap_if_serving, serves
from netbox_hedgehog.jobs.worker import WORKER_TTL, HedgehogWorker
from netbox_hedgehog.monitoring.service_health import live_workers


@pytest.mark.parametrize('argv', [
    ['manage.py', 'runserver'], ['/opt/netbox/venv/bin/netbox', 'runserver', '--noreload'],
    ['/usr/lib/python3/django/__main__.py', 'runserver', '0:8000'],
])
def test_runserver_serves(argv: list[str]) -> None:
    assert serves(argv, {})


@pytest.mark.parametrize('argv', [
    ['/opt/netbox/venv/bin/gunicorn', 'netbox.wsgi'], ['granian', '--interface', 'wsgi', 'netbox.wsgi:application'],
    ['/venv/lib/python3/site-packages/gunicorn/__main__.py', 'netbox.wsgi'], ['uwsgi'], ['mod_wsgi'], [''], [],
])
def test_a_wsgi_server_serves(argv: list[str]) -> None:
    assert serves(argv, {'netbox.wsgi': object()})


@pytest.mark.parametrize('argv', [
    *(['manage.py', command] for command in (
        'migrate', 'makemigrations', 'check', 'collectstatic', 'test', 'rqworker', 'rqscheduler', 'hedgehog_sync',
        'shell', 'upgrade',
    )),
    ['netbox', 'migrate'], ['/usr/lib/python3/django/__main__.py', 'migrate', '--check'], ['manage.py'],
    ['/srv/.venv/bin/pytest', 'tests'], ['-c'], [''], [], ['/srv/demo/seed.py'], ['/venv/bin/celery', 'worker'],
])
def test_nothing_else_does(argv: list[str]) -> None:
    assert not serves(argv, {})


def test_a_process_that_does_not_serve_starts_nothing() -> None:
    before = threading.active_count()
    with patch.object(sys, 'argv', ['manage.py', 'migrate']):
        assert bootstrap_if_serving() is None
    assert threading.active_count() == before


@pytest.mark.parametrize('error', [RedisDown('refused'), ProgrammingError('relation does not exist'), OSError('no route')])
def test_the_bootstrap_waits_for_what_is_not_ready_and_says_so_once(
    error: Exception, caplog: pytest.LogCaptureFixture,
) -> None:
    answers = [error, error, error, {'fabrics': 2, 'created': 2}]
    caplog.set_level('INFO')
    with (
        patch('netbox_hedgehog.jobs.schedules.FabricSyncScheduler.bootstrap_all_fabric_schedules', side_effect=answers) as tried,
        patch.object(startup, 'RETRY_EVERY', 0), patch.object(startup.connections, 'close_all'),
    ):
        startup._bootstrap()
    assert tried.call_count == 4
    assert [record.message.split(';')[0] for record in caplog.records] == [
        'The schedules of the fabrics cannot be set up yet', 'Schedules of 2 fabrics are in place (2 new).',
    ]


def test_netbox_runs_our_worker_and_scheduler() -> None:
    assert settings.RQ['WORKER_CLASS'] == 'netbox_hedgehog.jobs.worker.HedgehogWorker'
    assert settings.RQ['SCHEDULER_CLASS'] == 'netbox_hedgehog.jobs.scheduler.HedgehogScheduler'
    assert type(django_rq.get_worker(queue_name())) is HedgehogWorker


def test_the_rqscheduler_command_finds_the_package_that_it_needs() -> None:
    """django-rq-scheduler is another package, and there is one system for periodic work, not two."""
    required = {re.split(r'[^\w-]', line)[0].lower() for line in metadata.requires('netbox-hedgehog') or []}
    assert 'rq-scheduler' in required
    assert not required & {'django-rq-scheduler', 'celery', 'django-celery-beat'}
    assert issubclass(HedgehogScheduler, rq_scheduler.Scheduler)


def test_a_worker_of_ours_shows_life_more_often_and_others_as_ever() -> None:
    assert django_rq.get_worker(queue_name(), worker_ttl=420).worker_ttl == WORKER_TTL
    assert django_rq.get_worker('high', queue_name(), worker_ttl=420).worker_ttl == WORKER_TTL
    assert django_rq.get_worker(queue_name(), worker_ttl=20).worker_ttl == 20
    assert django_rq.get_worker('default', worker_ttl=420).worker_ttl == 420


def test_a_worker_that_redis_has_lost_says_again_who_it_is() -> None:
    """Else nobody could tell, when it dies, that it has: it would count as alive until RQ forgets it."""
    worker = django_rq.get_worker(queue_name())
    worker.register_birth()
    try:
        worker.connection.flushdb()
        worker.set_state('idle')  # as RQ does before it shows its life sign: then NetBox finds a record, and adds nothing
        worker.heartbeat()
        assert worker.name in live_workers()
        with patch('netbox_hedgehog.monitoring.service_health._alive', return_value=False):
            assert worker.name not in live_workers()
    finally:
        worker.register_death()
