"""One run of one fabric at a time: a PostgreSQL advisory lock, which ends with its session whatever happens."""

from contextlib import AbstractContextManager

from django.db import connection
from django_pg_utils import advisory_lock

__all__ = ('fabric_lock', 'locked_fabrics')

# The first of the two numbers of an advisory lock: arbitrary, and searchable in pg_locks.
LOCK_SPACE = 470_220


def fabric_lock(fabric_id: int, wait: bool = False) -> AbstractContextManager[bool]:
    """Holds the fabric's lock while the context lasts, and gives True; gives False at once where another holds it.

    With `wait`, waits for the other to end instead.
    """
    return advisory_lock((LOCK_SPACE, fabric_id % 2**31), wait=wait)


def locked_fabrics() -> set[int]:
    """The fabrics that are being read at this moment, by whichever process."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT objid FROM pg_locks WHERE locktype = %s AND classid = %s AND granted '
            'AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
            ['advisory', LOCK_SPACE],
        )
        return {row[0] for row in cursor.fetchall()}
