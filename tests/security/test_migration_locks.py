"""What the kinds of migrations that releases may have lock, on a table of 100,000 resources; locks are looked at, not clocks."""

from collections.abc import Iterator
from threading import Thread

import psycopg
import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, models
from django.db.migrations import AddField
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from psycopg import sql

from netbox_hedgehog.models import FabricResource
from tests.plugin import Services

ROWS = 100_000
TABLE = FabricResource._meta.db_table
VALUES = {
    'jsonb': "'{}'", 'timestamp with time zone': 'now()', 'bigint': '1', 'integer': '1', 'boolean': 'false',
    'character varying': "''", 'text': "''",
}
COLUMN = AddField('fabricresource', 'rack_hint', models.CharField(max_length=50, null=True))
INDEX = AddIndexConcurrently('fabricresource', models.Index(fields=['uid', 'kind'], name='of_the_next_release'))

Connection = psycopg.Connection


@pytest.fixture(scope='module')
def database(services: Services) -> Iterator[str]:
    url = services.new_database('hedgehog_large')
    with psycopg.connect(url) as filled:
        columns = filled.execute(
            'SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s '
            "AND is_nullable = 'NO' AND is_identity = 'NO' AND column_name <> 'name'", [TABLE],
        ).fetchall()
        filled.execute('SET session_replication_role = replica')  # without the rows that are referred to
        # Autovacuum's locks are not what is looked at.
        filled.execute(f'ALTER TABLE {TABLE} SET (autovacuum_enabled = false)')
        filled.execute(sql.SQL("INSERT INTO {} (name, {}) SELECT 'r-' || n, {} FROM generate_series(1, {}) n").format(
            sql.Identifier(TABLE), sql.SQL(', ').join(sql.Identifier(name) for name, _ in columns),
            sql.SQL(', ').join(sql.SQL(VALUES[type_]) for _, type_ in columns), ROWS,
        ))
    yield url
    services.drop_database(url)


def statements(operation: Operation) -> list[str]:
    """What Django would send to PostgreSQL."""
    before = ProjectState.from_apps(FabricResource._meta.apps)
    after = before.clone()
    operation.state_forwards('netbox_hedgehog', after)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        operation.database_forwards('netbox_hedgehog', editor, before, after)
        return list(editor.collected_sql)


def file_of(database: str) -> int:
    with psycopg.connect(database) as asked:
        return asked.execute('SELECT pg_relation_filenode(%s::regclass), count(*) FROM ' + TABLE, [TABLE]).fetchone()


def test_a_column_that_may_be_null_rewrites_nothing(database: str) -> None:
    """It needs the table alone for a moment; that moment does not grow with the rows, as their file stays what it was."""
    (statement,) = statements(COLUMN)
    before = file_of(database)
    assert before[1] == ROWS
    with psycopg.connect(database) as migrating:
        migrating.execute("SET LOCAL lock_timeout = '30s'")
        migrating.execute(statement)
    assert file_of(database) == before


def test_who_waits_for_a_lock_gives_up_before_others_wait_behind_it(database: str) -> None:
    """lock_timeout, as docs/upgrade.md has it, where a run is at work that was not stopped."""
    with psycopg.connect(database) as syncing, psycopg.connect(database) as migrating, psycopg.connect(database) as reader:
        syncing.execute(f"UPDATE {TABLE} SET namespace = 'x' WHERE name = 'r-1'")
        migrating.execute("SET LOCAL lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrating.execute(f'ALTER TABLE {TABLE} ADD COLUMN never integer NULL')
        migrating.rollback()
        assert reader.execute(f"SELECT name FROM {TABLE} WHERE name = 'r-1'").fetchone() == ('r-1',)
        syncing.rollback()


def test_an_index_is_built_beside_readers_and_writers(database: str) -> None:
    """It waits for a writer who was there before, so that what it holds meanwhile can be looked at."""
    (statement,) = statements(INDEX)
    with (
        psycopg.connect(database) as syncing, psycopg.connect(database, autocommit=True) as migrating,
        psycopg.connect(database, autocommit=True) as other,
    ):
        syncing.execute(f"UPDATE {TABLE} SET namespace = 'x' WHERE name = 'r-1'")
        building = Thread(target=migrating.execute, args=[statement])
        building.start()
        try:
            while not other.execute(
                "SELECT 1 FROM pg_locks WHERE pid = %s AND locktype = 'virtualxid' AND NOT granted",
                [migrating.info.backend_pid],
            ).fetchone():
                assert building.is_alive()
            held = {mode for (mode,) in other.execute(
                'SELECT mode FROM pg_locks WHERE pid = %s AND relation = %s::regclass AND granted',
                [migrating.info.backend_pid, TABLE],
            )}
            other.execute("SET lock_timeout = '30s'")
            other.execute(f"UPDATE {TABLE} SET namespace = 'y' WHERE name = 'r-2'")
            assert other.execute(f'SELECT count(*) FROM {TABLE}').fetchone() == (ROWS,)
            assert building.is_alive(), 'both while it was being built'
        finally:
            syncing.rollback()
            building.join()
        assert held == {'ShareUpdateExclusiveLock'}
        valid = other.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'of_the_next_release'::regclass")
        assert valid.fetchone() == (True,)
