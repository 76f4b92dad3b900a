"""Which NetBox this is, and which others use the same Redis database.

Redis knows nothing of NetBoxes: two on one of its databases share rq-scheduler's schedules, RQ's queues and workers.
A deployment is told by its database, so that a copy of the database is another one. While another one lives, only the
first of them (the primary) uses the short ids of schedules; see schedules.py. Each shows a sign of life with every
comparison of the schedules with the database.
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

# Seconds that a sign of life counts, and a time so far ahead that nobody has written it for that.
LIFE = 60
FAR = 86400

# Show the sign of life, and become the primary where there is none that lives. Keys of a wrong type are made anew.
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

# One id for each session of the database: what it is connected to does not change.
_ids: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def deployment_id() -> str:
    """The id of this NetBox's database: 12 hexadecimal digits. Asked once a session; raises what the database raises.

    It comes from PostgreSQL's own number of its data directory, where that may be read, and of the database in it. So a
    restored or copied database has another one, and a standby that takes over has the same.
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
    """What Redis says of the NetBoxes that use it: this one, the primary, and where each that lives is, by id."""

    me: str
    primary: str
    alive: dict[str, list[str]] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """What ends the ids of this NetBox's schedules: nothing, or its own id while another one is the primary."""
        return '' if self.primary == self.me else self.me

    @staticmethod
    def join(pipe: Pipeline, me: str) -> None:
        """Show the sign of life of this NetBox, as a command in a pipeline: of() takes its answer."""
        life = max(LIFE, 4 * int(get_plugin_config('netbox_hedgehog', 'beat_interval')))
        pipe.eval(JOIN, 2, DEPLOYMENTS, PRIMARY, me, _place(), life, FAR)

    @classmethod
    def of(cls, me: str, answer: tuple[bytes, list[bytes]]) -> Self:
        primary, members = answer
        return cls(me, text(primary), _by_id(members))


def suffix(redis: Redis) -> str:
    """What ends the ids of this NetBox's schedules now: see Deployments. Raises what Redis and the database raise."""
    try:
        primary = redis.get(PRIMARY)
    except ResponseError as error:
        of_the_record(error)
        return ''
    me = deployment_id()
    return '' if primary is None or text(primary) == me else me


def live_deployments(redis: Redis) -> dict[str, list[str]]:
    """Where the NetBoxes are that use this Redis database now, by their ids. Raises what Redis raises."""
    try:
        return _by_id(redis.zrangebyscore(DEPLOYMENTS, redis.time()[0], '+inf'))
    except ResponseError as error:
        of_the_record(error)
        return {}


def several(alive: dict[str, list[str]]) -> str:
    """A sentence on NetBoxes that share a Redis database, or '' where it is one, as it should be."""
    if len(alive) < 2:
        return ''
    places = '; '.join(sorted(' and '.join(places) for places in alive.values()))
    return (
        f"{len(alive)} NetBox installations use the same Redis database: {places}. Their workers take each other's "
        "jobs. Give each a Redis database of its own: REDIS['tasks']['DATABASE'] in its configuration."
    )


def _place() -> str:
    """Where this NetBox is, for people."""
    return f'host {socket.gethostname()} with the database {settings.DATABASES["default"]["NAME"]}'


def _by_id(members: Iterable[Any]) -> dict[str, list[str]]:
    alive: dict[str, list[str]] = {}
    for member in sorted(map(text, members)):
        key, _, place = member.partition(' ')
        alive.setdefault(key, []).append(place)
    return alive
