"""Test a fabric's connection, and store the result on the fabric."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import transaction
from netbox.plugins.utils import get_plugin_config
from redis import Redis
from redis.exceptions import RedisError

from ..accounts import AnyUser
from ..choices import ConnectionStatusChoices
from ..cluster.probe import Probe
from ..models import Fabric
from ..sync.run import test_connection
from .queue import connection
from .records import remove_wrong_types

__all__ = ('TooManyTests', 'check_connection', 'check_settings')

logger = logging.getLogger(__name__)

MINUTE = 60

# How many tests may run at the same time, for one user and in total: each holds a thread of a web worker, and a server
# may keep them all waiting. And the seconds after which a test that never recorded its end no longer counts.
AT_ONCE_OF_A_USER, AT_ONCE = 2, 4
LONGEST_TEST = 75
WAIT_FOR_PLACE = 10

# Redis keys of the counts: tests that a user started, and running tests.
BEGUN = 'netbox_hedgehog.connection_tests.'
RUNNING = 'netbox_hedgehog.running_connection_tests'

# Count a test as running. Returns 1, or 0 if there are too many. Keys: the running tests. Arguments: this test, its
# user, the time, the limits per user and in total, and the seconds that a test counts.
TAKE_PLACE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. (ARGV[3] + 2 * ARGV[6]), '+inf')
local running, mine = redis.call('ZRANGE', KEYS[1], 0, -1), 0
for _, member in ipairs(running) do
  if string.sub(member, 1, #ARGV[2] + 1) == ARGV[2] .. ' ' then mine = mine + 1 end
end
if mine >= tonumber(ARGV[4]) or #running >= tonumber(ARGV[5]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3] + ARGV[6], ARGV[2] .. ' ' .. ARGV[1])
redis.call('EXPIRE', KEYS[1], 2 * ARGV[6])
return 1
"""


class TooManyTests(Exception):
    """A user tests connections too often.

    The text is a sentence; `wait` is the seconds until the next test may start.
    """

    def __init__(self, sentence: str, wait: int) -> None:
        super().__init__(sentence)
        self.wait = wait


def check_connection(fabric: Fabric, user: AnyUser | None = None) -> Probe:
    """Test a fabric's connection in this process and record whether it was reached.

    Takes the fabric and the user, or None for a command. Returns the Probe. Raises TooManyTests if the user tests too
    often (setting connection_tests_per_minute) or too many tests are running; raises nothing of the cluster's.
    """
    with nullcontext() if user is None else _limited(user):
        found = test_connection(fabric)
    status = ConnectionStatusChoices.CONNECTED if found.connected else ConnectionStatusChoices.FAILED
    _record(fabric, status)
    return found


def check_settings(fabric: Fabric, user: AnyUser) -> Probe:
    """Test a connection as it is entered in a form. Nothing is stored.

    Takes a fabric with these settings, which need not be saved. Returns the Probe. Raises TooManyTests.
    """
    with _limited(user):
        return test_connection(fabric)


def _record(fabric: Fabric, status: str) -> None:
    """Store whether a fabric was reached. If the database is read-only the result is still returned to the user."""
    try:
        with transaction.atomic():
            Fabric.objects.filter(pk=fabric.pk).update(connection_status=status)
    except DatabaseError as error:
        reason = (str(error).splitlines() or [''])[0]
        logger.warning('The connection status of %s cannot be stored: %s', fabric.name, reason)


@contextmanager
def _limited(user: AnyUser) -> Iterator[None]:
    """Count a test of this user while it runs. Raises TooManyTests.

    Without Redis nothing is counted: a connection test is most useful during an outage.
    """
    allowed = get_plugin_config('netbox_hedgehog', 'connection_tests_per_minute')
    this = uuid4().hex
    with suppress(RedisError, OSError):
        _take_place(connection(), this, user.pk)
    try:
        with suppress(RedisError, OSError):
            if allowed:  # 0: as many a minute as fit into the limits of running tests
                _count(connection(), this, user.pk, allowed)
        yield
    finally:
        with suppress(RedisError, OSError):
            connection().zrem(RUNNING, f'{user.pk} {this}')


def _take_place(redis: Redis, this: str, user_id: int) -> None:
    """Count this test as running. Raises TooManyTests if too many are."""
    remove_wrong_types(redis, {RUNNING: 'zset'})
    limits = (AT_ONCE_OF_A_USER, AT_ONCE, LONGEST_TEST)
    if not redis.eval(TAKE_PLACE, 1, RUNNING, this, user_id, time.time(), *limits):
        raise TooManyTests(
            f'Too many connection tests are running. Try again in {WAIT_FOR_PLACE} seconds.',
            WAIT_FOR_PLACE,
        )


def _count(redis: Redis, this: str, user_id: int, allowed: int) -> None:
    """Count this test for its user. Raises TooManyTests if `allowed` tests began within the last minute."""
    now, key = time.time(), f'{BEGUN}{user_id}'
    remove_wrong_types(redis, {key: 'zset'})
    with redis.pipeline() as pipe:
        pipe.zremrangebyscore(key, '-inf', now - MINUTE)
        pipe.zremrangebyscore(key, now + MINUTE, '+inf')  # written while a clock was ahead
        pipe.zadd(key, {this: now})
        pipe.zrange(key, 0, 0, withscores=True)
        pipe.zcard(key)
        pipe.expire(key, 2 * MINUTE)
        _, _, _, ((_, oldest),), begun, _ = pipe.execute()
    if begun > allowed:
        # A refused test does not count.
        redis.zrem(key, this)
        wait = min(MINUTE, max(1, math.ceil(oldest + MINUTE - now)))
        raise TooManyTests(f'Too many connection tests. Try again in {wait} seconds.', wait)
