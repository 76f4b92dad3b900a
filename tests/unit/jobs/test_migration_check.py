"""Does this code fit the database? What is behind, ahead or away is said before anybody works on it."""

from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper

from netbox_hedgehog.jobs import migration_check
from netbox_hedgehog.jobs import worker as worker_module
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync, execute_requested_run
from netbox_hedgehog.jobs.queue import connection as queue_connection
from netbox_hedgehog.jobs.queue import queue
from netbox_hedgehog.jobs.scheduler import HedgehogScheduler
from netbox_hedgehog.jobs.worker import HedgehogWorker
from netbox_hedgehog.management.commands import hedgehog_sync

pytestmark = pytest.mark.django_db


def record(app: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute('INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())', [app, name])


def forget(app: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM django_migrations WHERE app = %s AND name = %s', [app, name])
        assert cursor.rowcount == 1


def test_a_migrated_database_is_ready() -> None:
    found = migration_check.check_migrations()
    assert found.ready
    assert (found.pending, found.unknown, found.error) == ((), (), '')


def test_a_missing_migration_is_named() -> None:
    forget('netbox_hedgehog', '0001_initial')
    found = migration_check.check_migrations()
    assert (found.ready, found.pending) == (False, ('netbox_hedgehog.0001_initial',))
    assert found.sentence == 'The database lacks migrations (netbox_hedgehog.0001_initial). Run netbox migrate.'


def test_a_database_of_a_newer_release_is_refused() -> None:
    record('netbox_hedgehog', '0999_of_tomorrow')
    found = migration_check.check_migrations()
    assert (found.ready, found.unknown, found.pending) == (False, ('netbox_hedgehog.0999_of_tomorrow',), ())
    assert 'newer release (netbox_hedgehog.0999_of_tomorrow)' in found.sentence


def test_what_was_squashed_long_ago_or_belongs_to_nobody_here_is_no_sign_of_a_newer_release() -> None:
    record('dcim', '0002_an_old_one_whose_file_is_gone')
    record('a_plugin_that_was_removed', '0999_last')
    assert migration_check.check_migrations().ready


def test_an_empty_database_needs_everything() -> None:
    with connection.cursor() as cursor:
        cursor.execute('ALTER TABLE django_migrations RENAME TO elsewhere')
    found = migration_check.check_migrations()
    assert not found.ready
    assert len(found.pending) > 100
    assert ' more). Run netbox migrate.' in found.sentence


def test_a_database_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError('connection refused\nfurther details')

    monkeypatch.setattr(migration_check, 'MigrationExecutor', refuse)
    monkeypatch.setattr(DatabaseWrapper, 'close', lambda self: None)
    found = migration_check.check_migrations()
    assert not found.ready
    assert found.sentence == 'The database cannot be reached yet: connection refused'


def test_ready_says_how_it_is_and_exits_so() -> None:
    out = StringIO()
    call_command('hedgehog_sync', 'ready', stdout=out)
    assert out.getvalue() == 'The database has all migrations of this release.\n'
    forget('netbox_hedgehog', '0001_initial')
    with pytest.raises(SystemExit) as stop:
        call_command('hedgehog_sync', 'ready', stdout=out)
    assert stop.value.code == 2


def test_ready_waits_and_says_each_thing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    away = migration_check.MigrationState(error='refused')
    states = iter([away, away, migration_check.MigrationState(pending=('a.0001',)), migration_check.MigrationState()])
    monkeypatch.setattr(hedgehog_sync, 'check_migrations', lambda: next(states))
    monkeypatch.setattr(hedgehog_sync, 'RECHECK', 0)
    out = StringIO()
    call_command('hedgehog_sync', 'ready', '--wait', stdout=out)
    assert out.getvalue().splitlines() == [
        'The database cannot be reached yet: refused',
        'The database lacks migrations (a.0001). Run netbox migrate.',
        'The database has all migrations of this release.',
    ]


def test_a_process_that_the_database_has_outgrown_works_no_more() -> None:
    migration_check.refuse_newer_database()
    record('netbox_hedgehog', '0999_of_tomorrow')
    assert 'newer release (netbox_hedgehog.0999_of_tomorrow)' in migration_check.database_is_newer()
    with pytest.raises(migration_check.DatabaseIsNewer, match='newer release'):
        execute_fabric_sync(1)
    with pytest.raises(migration_check.DatabaseIsNewer, match='newer release'):
        execute_requested_run(1)
    with pytest.raises(SystemExit):
        HedgehogScheduler(connection=queue_connection()).heartbeat_tick()


def test_an_idle_worker_notices_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scheduler has noticed first, and gives it no job to notice by."""
    monkeypatch.setattr(worker_module, 'connections', SimpleNamespace(close_all=lambda: None))
    answers = iter(['', '', 'The database was migrated by a newer release.'])
    monkeypatch.setattr(worker_module, 'database_is_newer', lambda: next(answers))
    worker = HedgehogWorker([queue()], connection=queue_connection())
    worker.register_birth()
    assert worker.dequeue_job_and_maintain_ttl(1) is None
    assert list(answers) == []

    job = queue().enqueue('builtins.print', job_id='one')
    found = worker.dequeue_job_and_maintain_ttl(1)
    assert found is not None
    assert found[0].id == job.id, 'what waits is never left behind'
    assert worker.dequeue_job_and_maintain_ttl(None) is None, 'a burst ends at an empty queue'
    worker.register_death()
