"""Identify this NetBox, and others that use the same Redis database.

Redis knows nothing of NetBox installations: two in one Redis database share rq-scheduler's schedules, RQ's queues and
workers. A deployment is identified by its database, so a copy of the database is another deployment. While several are
alive, only the first of them (the primary) uses the short ids of schedules; see schedules.py. Each renews its sign of
life whenever it compares the schedules with the database.
"""

import hashlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection as database
from netbox.plugins.utils import get_plugin_config
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from .records import of_the_record, text

__all__ = ('Deployments', 'deployment_id', 'live_deployments', 'several', 'suffix')

DEPLOYMENTS = 'netbox_hedgehog:deployments'
PRIMARY = 'netbox_hedgehog:primary'

# Seconds that a sign of life is valid, and seconds ahead that no valid one can be.
LIFE = 60
FAR = 86400

# Renew the sign of life, and become the primary if none is alive. Keys of a wrong type are deleted.
JOIN = """
local function of_type(key, wanted)
  local found = redis.call('TYPE', key).ok
  if found ~= wanted and found ~= 'none' then redis.call('DEL', key) end
end
of_type(KEYS[1], 'zset')
of_type(KEYS[2], 'string')
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now + tonumber(ARGV[4]), '+inf')
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1] .. ' ' .. ARGV[2])
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
local primary = redis.call('GET', KEYS[2])
local lives = false
for _, member in ipairs(members) do
  if primary and string.sub(member, 1, string.len(primary) + 1) == primary .. ' ' then lives = true end
end
if not lives then
  primary = ARGV[1]
  redis.call('SET', KEYS[2], primary)
end
return {primary, members}
"""

# One id per database session: what a session is connected to does not change.
_ids: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def deployment_id() -> str:
    """Return the id of this NetBox's database: 12 hexadecimal digits. Raises what the database raises.

    Derived from PostgreSQL's system identifier, if it may be read, and the database's name and OID: a restored or
    copied database has another id, a standby that takes over has the same. Queried once per session.
    """
    database.ensure_connection()
    session = database.connection
    if session not in _ids:
        with database.wrap_database_errors, session.cursor() as cursor:
            cursor.execute(
                "SELECT oid, datname, has_function_privilege('pg_control_system()', 'execute') FROM pg_database "
                'WHERE datname = current_database()',
            )
            *parts, may_ask = cursor.fetchone()
            if may_ask:
                cursor.execute('SELECT system_identifier FROM pg_control_system()')
                parts += cursor.fetchone()
        _ids[session] = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    return _ids[session]


@dataclass(frozen=True, slots=True)
class Deployments:
    """The NetBox installations that use this Redis: `me`, the primary, and the hosts of all that are alive, by id."""

    me: str
    primary: str
    alive: dict[str, list[str]] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """Return the suffix of this NetBox's schedule ids: empty, or its own id while another one is the primary."""
        return '' if self.primary == self.me else self.me

    @staticmethod
    def join(pipe: Pipeline, me: str) -> None:
        """Renew the sign of life of this NetBox, as a command in a pipeline; of() takes its response."""
        life = max(LIFE, 4 * int(get_plugin_config('netbox_hedgehog', 'heartbeat_interval')))
        pipe.eval(JOIN, 2, DEPLOYMENTS, PRIMARY, me, _place(), life, FAR)

    @classmethod
    def of(cls, me: str, answer: tuple[bytes, list[bytes]]) -> Self:
        """Return the Deployments of a response to join()."""
        primary, members = answer
        return cls(me, text(primary), _by_id(members))


def suffix(redis: Redis) -> str:
    """Return the current suffix of this NetBox's schedule ids: see Deployments.

    Raises what Redis and the database raise.
    """
    try:
        primary = redis.get(PRIMARY)
    except ResponseError as error:
        of_the_record(error)
        return ''
    me = deployment_id()
    return '' if primary is None or text(primary) == me else me


def live_deployments(redis: Redis) -> dict[str, list[str]]:
    """Return the hosts of the NetBox installations that use this Redis database now, by id.

    Raises what Redis raises.
    """
    try:
        return _by_id(redis.zrangebyscore(DEPLOYMENTS, redis.time()[0], '+inf'))
    except ResponseError as error:
        of_the_record(error)
        return {}


def several(alive: dict[str, list[str]]) -> str:
    """Return a sentence on NetBox installations that share a Redis database, or '' if there is only one."""
    if len(alive) < 2:
        return ''
    places = '; '.join(sorted(' and '.join(places) for places in alive.values()))
    return (
        f"{len(alive)} NetBox installations use the same Redis database: {places}. Their workers take each other's "
        "jobs. Give each a Redis database of its own: REDIS['tasks']['DATABASE'] in its configuration."
    )


def _place() -> str:
    """Return host and database of this NetBox, for people."""
    return f'host {socket.gethostname()} with the database {settings.DATABASES["default"]["NAME"]}'


def _by_id(members: Iterable[Any]) -> dict[str, list[str]]:
    alive: dict[str, list[str]] = {}
    for member in sorted(map(text, members)):
        key, _, place = member.partition(' ')
        alive.setdefault(key, []).append(place)
    return alive
