"""Build NetBox's schema in seconds instead of minutes, as a template database that tests and the demo copy.

Migrating an empty database takes NetBox six minutes, mostly for rendering the state of models in between. Here its
tables are created from the models, at once; what only migrations have (triggers, a collation, an extension, a few
rows) is taken from those migrations. The plugin's own migrations are then applied. A deployment always migrates, and
`python -m demo.schema compare` (run by CI) proves that both ways lead to the same database.

    python -m demo.schema template   print the name of the template database, and build it if it is missing
    python -m demo.schema compare    migrate an empty database, compare, exit with 1 on a difference
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from psycopg import sql

from demo import postgres
from demo.machine import ROOT
from demo.postgres import Server
from demo.postgres_binaries import Progress

PLUGIN = 'netbox_hedgehog'
Result = subprocess.CompletedProcess[str]
# Migrations that add rows to an empty database. `compare` detects new ones in NetBox.
MIGRATIONS_WITH_ROWS = {('dcim', '0206_load_module_type_profiles')}


class SchemaError(Exception):
    """A schema could not be built; the message has the last output."""


# --- Template databases ---


def template(server: Server, cache: Path | None = None, progress: Progress = print) -> str:
    """Return the name of a database on this server that has NetBox's schema and the plugin's, without connections.

    It is built if the server has none for this NetBox, these dependencies and these migrations and models; older ones
    of ours are dropped. `cache` keeps the output of a failed build. Raises SchemaError if building fails.
    """
    base = f'hedgehog_base_{_base_fingerprint()}'
    name = f'hedgehog_template_{_fingerprint()}'
    with _lock(server, 'pg_advisory_lock'):
        existing = server.databases()
        if name in existing:
            return name
        if base not in existing:
            progress("Building NetBox's schema (takes about 10 seconds, once for each version of NetBox) …")
            _build(server, base, None, cache, lambda url: _run('build', url, plugins=''))
        progress("Adding the plugin's tables to NetBox's schema …")
        _build(server, name, base, cache, lambda url: _run('migrate', url))
        for old in existing:
            if re.fullmatch(r'hedgehog_(base|template)_[0-9a-f]{12}(_new)?', old) and old not in (base, name):
                server.drop_database(old)
    return name


def clone(server: Server, template: str, name: str) -> None:
    """Create the database `name` as a copy of the template. Raises psycopg's DuplicateDatabase if it exists."""
    # Shared: many may copy at once, but nobody may drop the template meanwhile.
    with _lock(server, 'pg_advisory_lock_shared'):
        server.create_database(name, template)


def migrate(server: Server, name: str, progress: Progress = print) -> None:
    """Migrate the (empty or older) database `name`; minutes for an empty one. Raises SchemaError."""
    began = time.monotonic()
    progress(f'Migrating {name} …')
    _check(_run('migrate', server.url(name)))
    progress(f'Migrated in {time.monotonic() - began:.0f} s.')


@contextmanager
def _lock(server: Server, function: str) -> Iterator[None]:
    """Hold a lock among all processes that build or copy templates on this server."""
    with server.connect() as connection:
        connection.execute(f"SELECT {function}(hashtext('hedgehog templates'))")
        yield


def _build(server: Server, name: str, source: str | None, cache: Path | None, run: Callable[[str], Result]) -> None:
    """Create a database and let `run` fill it; it gets its name only when it is complete."""
    scratch = f'{name}_new'
    server.drop_database(scratch)
    server.create_database(scratch, source)
    result = run(server.url(scratch))
    try:
        _check(result)
    except SchemaError:
        if cache:
            cache.mkdir(parents=True, exist_ok=True)
            (cache / 'schema.log').write_text(result.stdout)
        raise
    server.execute(sql.SQL('ALTER DATABASE {} RENAME TO {}').format(sql.Identifier(scratch), sql.Identifier(name)))


def _run(command: str, url: str, plugins: str | None = None) -> Result:
    """Run one of the two commands that need Django in its own process, on the database of this URL."""
    environment = {
        **os.environ,
        'NETBOX_CONFIGURATION': 'demo.configuration',
        'DJANGO_SETTINGS_MODULE': 'netbox.settings',
        'PYTHONPATH': os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH')))),
        'HEDGEHOG_DATABASE_URL': url,
        # The cache is replaced below, and no job is queued.
        'HEDGEHOG_REDIS_URL': 'redis://127.0.0.1:1',
    }
    if plugins is not None:
        environment['HEDGEHOG_PLUGINS'] = plugins
    return subprocess.run(
        [sys.executable, '-m', 'demo.schema', command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _check(result: Result) -> None:
    if result.returncode:
        last_words = '\n'.join(result.stdout.strip().splitlines()[-15:])
        raise SchemaError(f'{" ".join(result.args[1:])} failed:\n{last_words}')


def _base_fingerprint() -> str:
    """Return a fingerprint of what determines NetBox's schema: its version, its dependencies' and this file."""
    requirements = [line for line in metadata.requires('netbox') or [] if ';' not in line]
    names = ['netbox', *(re.split(r'[^\w.-]', line)[0] for line in requirements)]
    versions = sorted(f'{name}=={metadata.version(name)}' for name in names if _is_installed(name))
    return _hash('\n'.join(versions).encode(), Path(__file__).read_bytes())


def _fingerprint() -> str:
    """Return a fingerprint of what determines the whole schema: NetBox's and the plugin's migrations and models."""
    package = ROOT / PLUGIN
    files = sorted([*package.glob('migrations/**/*.py'), *package.glob('models/**/*.py'), *package.glob('models.py')])
    parts = [part for path in files for part in (str(path.relative_to(package)).encode(), path.read_bytes())]
    plugins = os.environ.get('HEDGEHOG_PLUGINS', PLUGIN)
    return _hash(_base_fingerprint().encode(), plugins.encode(), *parts)


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, 'big') + part)
    return digest.hexdigest()[:12]


# --- Inside Django, in a process of its own ---


def _set_up_django() -> None:
    from django.conf import settings

    # Creating tables needs no Redis.
    settings.CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}

    import django

    django.setup()


def _migrate_in_django() -> None:
    """Run NetBox's own `migrate`."""
    from django.core.management import call_command

    _set_up_django()
    call_command('migrate', interactive=False, verbosity=1)


def _build_in_django() -> None:
    """Fill an empty database with the tables of all models and with what only migrations have."""
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.operations import RunPython

    _set_up_django()
    from django.contrib.contenttypes.models import ContentType
    from utilities.ltree import InstallLtreeTriggers
    from utilities.migration import InstallDenormalizationTrigger

    with connection.cursor() as cursor:
        cursor.execute("CREATE COLLATION natural_sort (provider = icu, locale = 'und-u-kn-true')")
        cursor.execute('CREATE EXTENSION IF NOT EXISTS ltree')

    # An app without migrations has its tables created from its models.
    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    call_command('migrate', run_syncdb=True, interactive=False, verbosity=0)
    settings.MIGRATION_MODULES = {}

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    with connection.schema_editor() as editor:
        for migration, _backwards in plan:
            for operation in migration.operations:
                if isinstance(operation, InstallDenormalizationTrigger | InstallLtreeTriggers):
                    operation.database_forwards(migration.app_label, editor, None, None)
                elif isinstance(operation, RunPython) and (migration.app_label, migration.name) in MIGRATIONS_WITH_ROWS:
                    operation.code(apps, editor)
    for migration, _backwards in plan:
        executor.record_migration(migration.app_label, migration.name)
    executor.check_replacements()

    # What history leaves in a database that was migrated.
    with connection.cursor() as cursor:
        cursor.execute('ALTER TABLE auth_group_permissions ALTER COLUMN id TYPE bigint')
    ContentType.objects.get_or_create(app_label='extras', model='reportmodule')


# --- Comparing two databases ---

# Each query returns rows of (what, description). Descriptions have no names of constraints and indexes, because Django
# derives them from history: a renamed table keeps its constraints' names.
CATALOG = {
    'table': """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    """,
    'column': """
        SELECT format('%s.%s %s%s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' NOT NULL' END,
            CASE WHEN a.attidentity <> '' THEN ' IDENTITY ' || a.attidentity::text END,
            ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
            CASE WHEN o.collname <> 'default' THEN ' COLLATE ' || o.collname END)
        FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            LEFT JOIN pg_collation o ON o.oid = a.attcollation
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
            AND a.attnum > 0 AND NOT a.attisdropped
    """,
    'constraint': """
        SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c', 'x')
    """,
    'index': """
        SELECT regexp_replace(pg_get_indexdef(indexrelid), ' INDEX \\S+ ON', ' INDEX ON')
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    """,
    'trigger': 'SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal',
    'function': """
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE pronamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
    """,
    'extension': "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'",
    # The column with the locale has one name in PostgreSQL 15 and 16 and another from 17 on.
    'collation': """
        SELECT format('%s %s %s %s', collname, collprovider, collisdeterministic,
            coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'))
        FROM pg_collation c WHERE collnamespace = 'public'::regnamespace
    """,
    'applied migration': "SELECT app || '.' || name FROM django_migrations",
    'object type': """
        SELECT format('%s.%s public=%s features=%s', app_label, model, public, features)
        FROM django_content_type LEFT JOIN core_objecttype ON contenttype_ptr_id = id
    """,
    'permission': """
        SELECT format('%s.%s %s', app_label, model, codename)
        FROM auth_permission JOIN django_content_type c ON c.id = content_type_id
    """,
}


def compare(server: Server, a: str, b: str) -> list[str]:
    """Compare two databases of this server and return their differences, a sentence each; empty without any.

    Compares tables, columns, constraints, indexes, triggers, functions, collations, extensions, applied migrations,
    object types, permissions and the number of rows of each table. Ignores names of constraints, indexes and sequences,
    the order of columns in a table and in a unique constraint, and ids.
    """
    differences = []
    first, second = _describe(server, a), _describe(server, b)
    for what in first:
        for missing, there, elsewhere in ((b, first, second), (a, second, first)):
            for description, count in sorted((there[what] - elsewhere[what]).items()):
                times = f' ({count} times)' if count > 1 else ''
                differences.append(f'{missing} lacks the {what} {" ".join(description.split())}{times}.')
    return differences


def _describe(server: Server, name: str) -> dict[str, Counter[str]]:
    """Return everything that is compared of a database: per subject the descriptions of its items."""
    found: dict[str, Counter[str]] = {}
    with server.connect(name) as connection:
        for what, query in CATALOG.items():
            rows: list[Any] = connection.execute(query).fetchall()
            found[what] = Counter(_normalise(text) if what == 'constraint' else text for (text,) in rows)
        counts: Counter[str] = Counter()
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            row = connection.execute(sql.SQL('SELECT count(*) FROM {}').format(sql.Identifier(table))).fetchone()
            counts[f'of {table}: {row[0] if row else 0}'] += 1
        found['row count'] = counts
    return found


def _normalise(constraint: str) -> str:
    """Sort the columns of a unique constraint: their order depends on how a migration created it."""

    def in_order(match: re.Match[str]) -> str:
        return f'{match[1]}({", ".join(sorted(match[2].split(", ")))})'

    return re.sub(r'(UNIQUE (?:NULLS NOT DISTINCT )?)\(([^)]*)\)', in_order, constraint)


def _compare_for_real(server: Server, cache: Path) -> list[str]:
    """Migrate an empty database, compare it with a copy of the template and drop both."""
    real, short = 'hedgehog_compare_real', 'hedgehog_compare_short'
    try:
        for name in (real, short):
            server.drop_database(name)
        clone(server, template(server, cache), short)
        server.create_database(real)
        migrate(server, real)
        return compare(server, real, short)
    finally:
        for name in (real, short):
            server.drop_database(name)


def main() -> int:
    """Run a command of the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog='python -m demo.schema', description=(__doc__ or '').split('\n')[0])
    parser.add_argument('command', choices=('template', 'compare', 'build', 'migrate'))
    # `template` starts build and migrate as processes: they use the database of HEDGEHOG_DATABASE_URL.
    command = parser.parse_args().command
    if command == 'build':
        _build_in_django()
    elif command == 'migrate':
        _migrate_in_django()
    else:
        cache = ROOT / '.cache'
        with postgres.server(cache / 'postgres', cache) as server:
            try:
                if command == 'template':
                    print(template(server, cache, progress=lambda line: print(line, file=sys.stderr)))
                    return 0
                differences = _compare_for_real(server, cache)
            except SchemaError as error:
                print(error, file=sys.stderr)
                return 1
        for difference in differences:
            print(difference)
        print('The same database both ways.' if not differences else f'{len(differences)} differences.')
        return 1 if differences else 0
    return 0


if __name__ == '__main__':
    sys.exit(main())
