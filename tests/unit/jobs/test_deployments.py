"""Two NetBoxes on one Redis database: both go on, and everybody is told."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from core.models import Job
from django.conf import settings
from django.core.management import call_command
from django.db import connection as database
from django_rq import get_scheduler
from rq.job import Job as RQJob

from netbox_hedgehog.jobs import deployment
from netbox_hedgehog.jobs.deployment import DEPLOYMENTS, LIFE, deployment_id
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, execute_fabric_sync, execute_requested_run
from netbox_hedgehog.jobs.queue import MOST_HANDED_OVER, connection
from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, due_times, reconcile, schedule_id
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.monitoring.service_health import check_worker_health

from ...support.jobs import ago, make_fabric, make_job, sync_answer, waiting

pytestmark = pytest.mark.django_db

OTHER = '0123456789ab'
NAME = 'netbox_hedgehog-fabric'


@contextmanager
def as_the_other() -> Iterator[None]:
    """What follows is done by another NetBox, whose database has the same fabrics."""
    with (
        patch.dict(deployment._ids, {database.connection: OTHER}),
        patch('netbox_hedgehog.jobs.deployment._place', lambda: 'host b with the database copy'),
    ):
        yield


def scheduled() -> set[str]:
    return {raw.decode() for raw in connection().zrange(SCHEDULED_JOBS, 0, -1)}


def the_other_dies(who: str = OTHER) -> None:
    for member in connection().zrange(DEPLOYMENTS, 0, -1):
        if member.decode().startswith(who):
            connection().zadd(DEPLOYMENTS, {member: time.time() - 1})


def test_neither_takes_the_others_schedules_away() -> None:
    ours = make_fabric('ours', last_attempt=ago(seconds=10))
    both = make_fabric('both', last_attempt=ago(seconds=10))
    assert reconcile()['created'] == 2
    Fabric.objects.filter(pk=ours.pk).update(scheduler_enabled=False)
    with as_the_other():
        assert reconcile() == {'created': 1, 'updated': 0, 'removed': 0, 'unchanged': 0}
        assert due_times([ours.pk, both.pk]).keys() == {both.pk}
        assert reconcile() == {'created': 0, 'updated': 0, 'removed': 0, 'unchanged': 1}
    Fabric.objects.filter(pk=ours.pk).update(scheduler_enabled=True)
    assert reconcile() == {'created': 0, 'updated': 0, 'removed': 0, 'unchanged': 2}
    assert due_times([ours.pk, both.pk]).keys() == {ours.pk, both.pk}
    assert scheduled() == {f'{NAME}-{ours.pk}', f'{NAME}-{both.pk}', f'{NAME}-{both.pk}-{OTHER}'}


def test_each_queues_its_own() -> None:
    fabric = make_fabric()
    with patch('netbox_hedgehog.jobs.scheduler.close_old_connections'):
        get_scheduler().enqueue_jobs()
        with as_the_other():
            get_scheduler().enqueue_jobs()
            connection().zadd(SCHEDULED_JOBS, dict.fromkeys(scheduled(), 1))
            connection().delete(f'rq:queue:{RQJob.fetch(schedule_id(fabric.pk), connection=connection()).origin}')
            theirs = get_scheduler()
            theirs._next_heartbeat = time.monotonic() + 60
            theirs.enqueue_jobs()
    assert waiting() == [f'{NAME}-{fabric.pk}-{OTHER}']


def test_everybody_is_told(caplog: pytest.LogCaptureFixture, client: Any, admin_user: Any) -> None:
    make_fabric()
    reconcile()
    assert not any('NetBox installations' in problem for problem in check_worker_health()['problems'])
    with as_the_other():
        reconcile()
    reconcile()
    assert caplog.text.count('2 NetBox installations use the same Redis database') == 1, 'once a process'
    (problem,) = [problem for problem in check_worker_health()['problems'] if 'NetBox installations' in problem]
    assert 'host b with the database copy' in problem
    assert f'with the database {database.settings_dict["NAME"]}' in problem
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command('hedgehog_sync', 'status', stdout=out)
    assert problem in out.getvalue()
    client.force_login(admin_user)
    for page in ('overview/', 'overview/?widget'):
        assert '2 NetBox installations use the same Redis database' in client.get(f'/plugins/hedgehog/{page}').content.decode()
    assert problem in client.get('/api/plugins/hedgehog/health/').json()['problems']
    the_other_dies()
    assert not any('NetBox installations' in problem for problem in check_worker_health()['problems'])


def test_what_one_has_left_behind_goes_once_it_is_gone() -> None:
    """Two become one again; or a restored database is another one, and finds what it was."""
    fabric = make_fabric()
    reconcile()
    with as_the_other():
        reconcile()
    the_other_dies()
    assert reconcile()['removed'] == 1
    assert scheduled() == {f'{NAME}-{fabric.pk}'}
    the_other_dies(deployment_id())
    with as_the_other():
        assert reconcile()['updated'] == 1, 'the short id is theirs now'
        assert scheduled() == {f'{NAME}-{fabric.pk}'}
    assert reconcile()['created'] == 1, 'who comes back does not take it away'
    assert scheduled() == {f'{NAME}-{fabric.pk}', f'{NAME}-{fabric.pk}-{deployment_id()}'}


def test_schedules_of_an_earlier_release_are_taken_over() -> None:
    fabric = make_fabric(last_attempt=ago(seconds=10))
    reconcile()
    job = RQJob.fetch(schedule_id(fabric.pk), connection=connection())
    job.meta = {'interval': 300}
    job.save()
    connection().delete(DEPLOYMENTS, deployment.PRIMARY)
    assert reconcile() == {'created': 0, 'updated': 1, 'removed': 0, 'unchanged': 0}
    assert scheduled() == {schedule_id(fabric.pk)}


@pytest.mark.parametrize('beat', [15, 120])
def test_a_sign_of_life_outlasts_some_beats(beat: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.PLUGINS_CONFIG['netbox_hedgehog'], 'heartbeat_interval', beat)
    began = connection().time()[0]
    reconcile()
    ((_, until),) = connection().zrange(DEPLOYMENTS, 0, -1, withscores=True)
    life = max(LIFE, 4 * beat)
    assert began + life <= until <= connection().time()[0] + 1 + life


@contextmanager
def entry(job: RQJob) -> Iterator[None]:
    """A worker has taken this entry."""
    with patch('netbox_hedgehog.jobs.fabric_sync.get_current_job', lambda: job):
        yield


def test_a_worker_leaves_the_others_periodic_sync_to_a_worker_of_the_other() -> None:
    fabric = make_fabric()
    with as_the_other():
        reconcile()
        job = RQJob.fetch(schedule_id(fabric.pk), connection=connection())
    with entry(job), sync_answer(AssertionError('this must not be read')):
        for _ in range(MOST_HANDED_OVER + 3):
            assert execute_fabric_sync(fabric.pk)['outcome'] == 'skipped'
    assert waiting() == [job.id] * MOST_HANDED_OVER, 'not for ever, where there is no such worker'
    assert not Job.objects.exists()
    with as_the_other(), entry(job), sync_answer():
        assert execute_fabric_sync(fabric.pk)['outcome'] == 'in_sync'


def test_a_worker_takes_no_job_of_ours_for_one_of_the_other_that_has_the_same_number() -> None:
    fabric = make_fabric()
    ours = make_job(fabric, 'pending')
    theirs = RQJob.create('x', id='another-uuid', connection=connection(), meta={})
    with entry(theirs), sync_answer(AssertionError('this must not be read')):
        execute_requested_run(ours.pk)
    ours.refresh_from_db()
    assert ours.status == 'pending'
    report = Job.objects.create(name='A report', job_id='00000000-0000-0000-0000-000000000001')
    execute_requested_run(report.pk)
    assert Job.objects.filter(pk=report.pk).exists(), "it is no job of the plugin's"


def test_a_copy_of_the_database_is_another_deployment() -> None:
    """As is any database, and its own at each new session."""
    parameters = database.get_connection_params() | {'cursor_factory': psycopg.Cursor}
    with psycopg.connect(**{**parameters, 'dbname': 'postgres'}) as other, patch.object(database, 'connection', other):
        assert deployment_id() != OTHER
        elsewhere = deployment_id()
    with psycopg.connect(**parameters) as again, patch.object(database, 'connection', again):
        here = deployment_id()
    assert here == deployment_id() != elsewhere


def test_where_postgresql_does_not_tell_its_number() -> None:
    """Some providers keep it for themselves."""
    with database.cursor() as cursor:
        cursor.execute('CREATE ROLE nobody_special')
        cursor.execute('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC')
        cursor.execute('SET LOCAL ROLE nobody_special')
    deployment._ids.pop(database.connection, None)
    try:
        assert len(deployment_id()) == 12
    finally:
        deployment._ids.pop(database.connection, None)
        with database.cursor() as cursor:
            cursor.execute('RESET ROLE')


def test_a_sync_that_somebody_asked_for_says_whose_it_is(django_capture_on_commit_callbacks: Callable) -> None:
    fabric = make_fabric()
    with django_capture_on_commit_callbacks(execute=True):
        job = FabricSyncJob.request(fabric)
    meta = RQJob.fetch(str(job.job_id), connection=connection()).meta
    assert meta == {'deployment': deployment_id(), 'fabric': fabric.pk}
