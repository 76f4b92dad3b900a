"""Check whether this code fits the database, by names of migrations alone: none is loaded."""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from django.apps import apps
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from .. import migrations

__all__ = ('DatabaseIsNewer', 'Schema', 'database_is_newer', 'look', 'refuse_newer_database')

# How many migrations a sentence names.
SHOWN = 3

APP = 'netbox_hedgehog'

# The plugin's migrations when this process started, whatever is installed over it later.
KNOWN = frozenset(name for _, name, package in iter_modules(migrations.__path__) if not package and name[0] not in '_~')


class DatabaseIsNewer(Exception):
    """The database was migrated for a newer release of the plugin while this process ran."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Differences between the database and this code. `pending` and `unknown` are names of migrations, as app.name."""

    error: str = ''
    # In this code, but not applied to the database.
    pending: tuple[str, ...] = ()
    # Applied to the database by a newer release, and unknown to this code.
    unknown: tuple[str, ...] = ()

    @property
    def unreachable(self) -> bool:
        """Return whether the database could not be read."""
        return bool(self.error)

    @property
    def ahead(self) -> bool:
        """Return whether a newer release has migrated the database."""
        return bool(self.unknown)

    @property
    def behind(self) -> bool:
        """Return whether migrations must be applied, by this release."""
        return bool(self.pending) and not self.unknown

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
                f'The database was migrated by a newer release ({_some(self.unknown)}); this release must not use it. '
                'Run the same release or image everywhere, or restore the backup made before the upgrade.'
            )
        if self.pending:
            return f'The database lacks migrations ({_some(self.pending)}). Run netbox migrate.'
        return 'The database has all migrations of this release.'


def look() -> Schema:
    """Return the difference between this code's migrations and the database's. Raises nothing of the database's."""
    here = _on_disk()
    try:
        there = _applied()
    except DatabaseError as error:
        connection.close()
        return Schema(error=(str(error).splitlines() or [''])[0])
    pending = [f'{app}.{name}' for app, names in here.items() for name in sorted(names - there.get(app, set()))]
    unknown = [f'{app}.{name}' for app, names in here.items() for name in _newer(there.get(app, set()), names)]
    return Schema(pending=tuple(pending), unknown=tuple(unknown))


def database_is_newer() -> str:
    """Return why this process must no longer use the database, or ''. One small query, made before every sync."""
    try:
        with connection.cursor() as cursor:
            cursor.execute('SELECT name FROM django_migrations WHERE app = %s', [APP])
            newer = _newer({row[0] for row in cursor.fetchall()}, KNOWN)
    except DatabaseError:
        return ''  # reported by whatever uses the database next
    return Schema(unknown=tuple(f'{APP}.{name}' for name in newer)).sentence if newer else ''


def refuse_newer_database() -> None:
    """Raise DatabaseIsNewer, with the sentence of database_is_newer(), if there is one."""
    if sentence := database_is_newer():
        raise DatabaseIsNewer(sentence)


def _newer(applied: Set[str], known: Set[str]) -> list[str]:
    """Return the applied migrations that only a newer release can have. Lower ones were squashed long ago."""
    last = max(map(_number, known), default=0)
    return sorted(name for name in applied - known if _number(name) > last)


def _on_disk() -> dict[str, set[str]]:
    """Return the migrations of every app that has any, by file name."""
    found = {}
    for app in apps.get_app_configs():
        module, _ = MigrationLoader.migrations_module(app.label)
        try:
            paths = getattr(import_module(module), '__path__', None) if module else None
        except ModuleNotFoundError:
            continue
        if paths:
            found[app.label] = {name for _, name, package in iter_modules(paths) if not package and name[0] not in '_~'}
    return found


def _applied() -> dict[str, set[str]]:
    applied: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        if 'django_migrations' not in connection.introspection.table_names(cursor):
            return applied
        cursor.execute('SELECT app, name FROM django_migrations')
        for app, name in cursor.fetchall():
            applied.setdefault(app, set()).add(name)
    return applied


def _number(name: str) -> int:
    """Return the number that a migration's name begins with."""
    found = re.match(r'\d+', name)
    return int(found[0]) if found else 0


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
