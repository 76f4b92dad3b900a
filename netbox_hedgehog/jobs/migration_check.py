"""Check whether this code fits the database: what `migrate --check` finds, and whether the database is newer."""

import re
from collections.abc import Set
from dataclasses import dataclass
from pkgutil import iter_modules

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from .. import migrations
from ..naming import first_names

__all__ = ('DatabaseIsNewer', 'MigrationState', 'check_migrations', 'database_is_newer', 'refuse_newer_database')

# How many migrations a sentence names.
SHOWN = 3

APP = 'netbox_hedgehog'

# The plugin's migrations when this process started, whatever is installed over it later.
KNOWN = frozenset(name for _, name, package in iter_modules(migrations.__path__) if not package and name[0] not in '_~')


class DatabaseIsNewer(Exception):
    """The database was migrated for a newer release of the plugin while this process ran."""


@dataclass(frozen=True, slots=True)
class MigrationState:
    """Differences between the database and this code. `pending` and `unknown` are names of migrations, as app.name."""

    # Why the database could not be read; '' if it could.
    error: str = ''
    # In this code, but not applied to the database.
    pending: tuple[str, ...] = ()
    # Applied to the database by a newer release, and unknown to this code.
    unknown: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Return whether this release may use the database."""
        return not (self.error or self.unknown or self.pending)

    @property
    def sentence(self) -> str:
        """Return what differs and what to do about it."""
        if self.error:
            return f'The database cannot be reached yet: {self.error}'
        if self.unknown:
            return (
                f'The database was migrated by a newer release ({first_names(self.unknown, SHOWN)}); this release '
                'must not use it. Run the same release or image everywhere, or restore the backup made before the '
                'upgrade.'
            )
        if self.pending:
            return f'The database lacks migrations ({first_names(self.pending, SHOWN)}). Run netbox migrate.'
        return 'The database has all migrations of this release.'


def check_migrations() -> MigrationState:
    """Return the difference between this code's migrations and the database's. Raises nothing of the database's."""
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        connection.close()
        return MigrationState(error=(str(error).splitlines() or [''])[0])
    loader = executor.loader
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    pending = tuple(f'{migration.app_label}.{migration.name}' for migration, _ in plan)
    unknown: list[str] = []
    for app in sorted(loader.migrated_apps):
        applied = {name for label, name in loader.applied_migrations if label == app}
        known = {name for label, name in loader.disk_migrations if label == app}
        unknown += [f'{app}.{name}' for name in _newer(applied, known)]
    return MigrationState(pending=pending, unknown=tuple(unknown))


def database_is_newer() -> str:
    """Return why this process must no longer use the database, or ''. One small query, made before every sync."""
    try:
        with connection.cursor() as cursor:
            cursor.execute('SELECT name FROM django_migrations WHERE app = %s', [APP])
            newer = _newer({row[0] for row in cursor.fetchall()}, KNOWN)
    except DatabaseError:
        return ''  # reported by whatever uses the database next
    return MigrationState(unknown=tuple(f'{APP}.{name}' for name in newer)).sentence if newer else ''


def refuse_newer_database() -> None:
    """Raise DatabaseIsNewer, with the sentence of database_is_newer(), if there is one."""
    if sentence := database_is_newer():
        raise DatabaseIsNewer(sentence)


def _newer(applied: Set[str], known: Set[str]) -> list[str]:
    """Return the applied migrations that only a newer release can have. Lower ones were squashed long ago."""
    last = max(map(_number, known), default=0)
    return sorted(name for name in applied - known if _number(name) > last)


def _number(name: str) -> int:
    """Return the number that a migration's name begins with."""
    found = re.match(r'\d+', name)
    return int(found[0]) if found else 0
