"""Test connection, and what it says kept on the fabric."""

import logging
import math
import time
from typing import Any
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import transaction
from netbox.plugins.utils import get_plugin_config
from redis.exceptions import RedisError

from ..choices import ConnectionStatusChoices
from ..cluster.probe import Probe
from ..models import Fabric
from ..sync.run import test_connection
from .queue import connection

__all__ = ('TooManyTests', 'check_connection')

logger = logging.getLogger(__name__)

MINUTE = 60


class TooManyTests(Exception):
    """A user tests connections too often. Its text is a sentence; `wait` are the seconds until the next may follow."""

    def __init__(self, allowed: int, wait: int) -> None:
        super().__init__(
            f'{allowed} connection tests in a minute are enough: each calls the cluster, and holds a web worker '
            f'meanwhile. Try again in {wait} seconds.'
        )
        self.wait = wait


def check_connection(fabric: Fabric, user: Any = None) -> Probe:
    """Test a fabric's connection in this process and record whether it was reached.

    Raises TooManyTests where `user` asks too often (setting connection_tests_per_minute), and nothing of the cluster's.
    """
    if user is not None:
        _count(user)
    found = test_connection(fabric)
    status = ConnectionStatusChoices.CONNECTED if found.connected else ConnectionStatusChoices.FAILED
    _record(fabric, status)
    return found


def _record(fabric: Fabric, status: str) -> None:
    """Store whether a fabric was reached. The database may be read-only: the result is worth telling all the same."""
    try:
        with transaction.atomic():
            Fabric.objects.filter(pk=fabric.pk).update(connection_status=status)
    except DatabaseError as error:
        reason = (str(error).splitlines() or [''])[0]
        logger.warning('The connection status of %s cannot be stored: %s', fabric.name, reason)


def _count(user: Any) -> None:
    """Raises TooManyTests where this user began as many tests as are allowed within the last minute.

    While Redis is away nobody counts: a test is what one then looks with.
    """
    allowed = get_plugin_config('netbox_hedgehog', 'connection_tests_per_minute')
    if not allowed:
        return
    now, this = time.time(), uuid4().hex
    key = f'netbox_hedgehog.connection_tests.{user.pk}'
    try:
        redis = connection()
        with redis.pipeline() as pipe:
            pipe.zremrangebyscore(key, 0, now - MINUTE)
            pipe.zadd(key, {this: now})
            pipe.zrange(key, 0, 0, withscores=True)
            pipe.zcard(key)
            pipe.expire(key, 2 * MINUTE)
            _, _, ((_, oldest),), begun, _ = pipe.execute()
        if begun > allowed:
            # A test that is refused is none.
            redis.zrem(key, this)
    except (RedisError, OSError):
        return
    if begun > allowed:
        raise TooManyTests(allowed, max(1, math.ceil(oldest + MINUTE - now)))
