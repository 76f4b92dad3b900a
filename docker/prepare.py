"""Prepare NetBox to serve: wait for the database, migrate it, and make sure that somebody can log in.

Only the web server's containers run this; several at once take turns. Exits 1, with a sentence, if this image must not
use the database.
"""

import os
import sys
import time

import django
from django.core.management import call_command
from django.db import connection

# Seconds between two tries to reach the database.
RETRY_EVERY = 2

# The key of the advisory lock that web containers take turns by: arbitrary, and searchable in pg_locks.
TURN = 470_221


def say(sentence: str) -> None:
    print(sentence, flush=True)


def main() -> int:
    """Prepare the database. Return the exit code."""
    django.setup()
    from netbox_hedgehog.jobs.migration_check import check_migrations

    said = ''
    while (state := check_migrations()).error:
        if state.sentence != said:
            say(state.sentence)
            said = state.sentence
        time.sleep(RETRY_EVERY)
    with connection.cursor() as cursor:
        cursor.execute('SELECT pg_advisory_lock(%s)', [TURN])
        state = check_migrations()
        if state.unknown:
            say(state.sentence)
            return 1
        if state.pending:
            say(f'{state.sentence} Migrating now; this takes minutes for an empty database.')
            started = time.monotonic()
            call_command('upgrade', no_input=True, skip_static=True)
            say(f'The database is up to date after {time.monotonic() - started:.0f} s.')
        _superuser()
    # The lock ends with the connection, and so with this process.
    return 0


def _superuser() -> None:
    """Create the superuser that SUPERUSER_NAME and SUPERUSER_PASSWORD describe, if there is none at all."""
    from users.models import User

    password = _secret('SUPERUSER_PASSWORD')
    if not password or User.objects.filter(is_superuser=True).exists():
        return
    name = os.environ.get('SUPERUSER_NAME') or 'admin'
    User.objects.create_superuser(name, os.environ.get('SUPERUSER_EMAIL') or '', password)
    say(f'Created the superuser {name}. The password is in SUPERUSER_PASSWORD.')


def _secret(name: str) -> str:
    if path := os.environ.get(f'{name}_FILE'):
        with open(path) as file:
            return file.read().strip()
    return os.environ.get(name, '')


if __name__ == '__main__':
    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'netbox.settings')
    sys.exit(main())
