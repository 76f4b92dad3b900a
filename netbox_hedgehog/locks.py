"""Run one sync of a fabric at a time: a PostgreSQL advisory lock, which always ends with its session."""

from contextlib import AbstractContextManager

from django.db import connection
from django_pg_utils import advisory_lock

__all__ = ('fabric_lock', 'locked_fabrics')

# First number of the advisory lock: arbitrary, and searchable in pg_locks.
LOCK_SPACE = 470_220


def fabric_lock(fabric_id: int, wait: bool = False) -> AbstractContextManager[bool]:
    """Hold the fabric's lock while the context lasts, and yield True; yield False at once if it is taken.

    With `wait`, wait until it is free instead.
    """
    return advisory_lock((LOCK_SPACE, fabric_id % 2**31), wait=wait)


def locked_fabrics() -> set[int]:
    """Return the ids of the fabrics that any process is working on now."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT objid FROM pg_locks WHERE locktype = %s AND classid = %s AND granted '
            'AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
            ['advisory', LOCK_SPACE],
        )
        return {row[0] for row in cursor.fetchall()}
