"""Decide which watcher follows which fabric, by leases in Redis that expire.

Not by advisory locks: those end with their process, but not with a machine or network that has failed, as long as
PostgreSQL believes in the connection. Two watchers may follow a fabric for a moment without harm, because what they
write is compared with the mirror; a lease only avoids doing the work twice.
"""

import time
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from redis import Redis

from ..jobs.queue import connection
from ..jobs.records import execute, text

__all__ = ('HEARTBEAT', 'LEASE', 'Leases', 'live_watchers', 'watch_errors', 'watched_fabrics')

# Seconds that a lease, and a watcher's sign of life, lasts after its last renewal; and between two renewals.
LEASE = 15
HEARTBEAT = 4

# Seconds by which the clock of Redis may go back: signs of life from later than that are ignored.
SKEW = 60

# What Redis returns as time to live of a key that never expires.
NO_EXPIRY = -1

WATCHERS = 'netbox_hedgehog:watchers'
PREFIX = 'netbox_hedgehog:watch:'
# Stored as long as a lease: why its owner cannot follow the fabric.
ERRORS = 'netbox_hedgehog:watch-error:'


def _key(fabric_id: int) -> str:
    return f'{PREFIX}{fabric_id}'


def _error_key(fabric_id: int) -> str:
    return f'{ERRORS}{fabric_id}'


def live_watchers() -> list[str]:
    """Return the names of the watcher processes with a recent sign of life. Raises what Redis raises."""
    redis = connection()
    # By the clock of Redis, which all watchers share.
    now = redis.time()[0]
    return [text(name) for name in redis.zrangebyscore(WATCHERS, now, now + LEASE + SKEW)]


def watched_fabrics(fabric_ids: Collection[int]) -> set[int]:
    """Return those of these fabrics that a watcher follows. Raises what Redis raises."""
    ids = list(fabric_ids)
    if not ids:
        return set()
    return {pk for pk, owner in zip(ids, connection().mget(map(_key, ids)), strict=True) if owner is not None}


def watch_errors(fabric_ids: Collection[int]) -> dict[int, str]:
    """Return why watchers cannot follow these fabrics, one sentence each, by id. Raises what Redis raises."""
    ids = list(fabric_ids)
    if not ids:
        return {}
    found = connection().mget(map(_error_key, ids))
    return {pk: text(sentence) for pk, sentence in zip(ids, found, strict=True) if sentence is not None}


class Leases:
    """The leases of one watcher. Two round trips to Redis per heartbeat, however many fabrics there are."""

    def __init__(self, name: str, redis: Redis | None = None) -> None:
        self.name = f'{name}.{uuid.uuid4().hex[:8]}'
        self.mine: set[int] = set()
        self._redis = redis or connection()
        self._renewed = time.monotonic()

    def renew(self, wanted: Collection[int], errors: Mapping[int, str] | None = None) -> set[int]:
        """Renew our leases, take our share of the free fabrics in `wanted`, return what exceeds our share.

        `errors` says for our fabrics why they are not followed; it is stored as long as the lease, until the next
        heartbeat. Returns the fabrics that are ours from now on. Raises what Redis raises; after LEASE seconds of that
        no lease is ours any more: see lost().
        """
        ids, errors = sorted(wanted), errors or {}
        with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.zrange(WATCHERS, 0, -1, withscores=True)
            for pk in ids:
                pipe.get(_key(pk))
            (now, _), signs, *owners = execute(pipe)
        found = {WATCHERS: signs, **{_key(pk): owner for pk, owner in zip(ids, owners, strict=True)}}
        if wrong := [key for key, answer in found.items() if isinstance(answer, Exception)]:
            # Keys of another type than they must be: no lease can be taken there.
            self._redis.delete(*wrong)
            found |= {key: [] if key == WATCHERS else None for key in wrong}
        watchers = {text(name) for name, until in found[WATCHERS] if now <= until <= now + LEASE + SKEW} | {self.name}
        self._free_orphans(found, watchers)
        owned = {pk: text(found[_key(pk)] or b'') for pk in ids}
        share = -(-len(ids) // len(watchers))
        ours = [pk for pk, owner in owned.items() if owner == self.name][:share]
        free = [pk for pk, owner in owned.items() if not owner][:max(0, share - len(ours))]
        gone = {pk for pk, owner in owned.items() if owner == self.name} - set(ours) | self.mine - set(ids)
        with self._redis.pipeline() as pipe:
            for pk in free:
                pipe.set(_key(pk), self.name, nx=True, ex=LEASE)
            pipe.zremrangebyscore(WATCHERS, '-inf', f'({now}')
            pipe.zremrangebyscore(WATCHERS, f'({now + LEASE + SKEW}', '+inf')
            pipe.zadd(WATCHERS, {self.name: now + LEASE})
            for pk in ours:
                pipe.expire(_key(pk), LEASE)
                if pk in errors:
                    pipe.set(_error_key(pk), errors[pk].encode(errors='replace'), ex=LEASE)
                else:
                    pipe.delete(_error_key(pk))
            for pk in gone:
                pipe.delete(_key(pk), _error_key(pk))
            answers = pipe.execute()
        taken = {pk for pk, done in zip(free, answers, strict=False) if done}
        self.mine = set(ours) | taken
        self._renewed = time.monotonic()
        return self.mine

    def _free_orphans(self, found: dict[str, Any], watchers: set[str]) -> None:
        """Delete leases of dead watchers that would never expire and would keep all others away."""
        orphans = [
            key for key, owner in found.items()
            if key != WATCHERS and owner is not None and text(owner) not in watchers
        ]
        if not orphans:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for key in orphans:
                pipe.ttl(key)
            lives = pipe.execute()
        if endless := [key for key, life in zip(orphans, lives, strict=True) if life == NO_EXPIRY]:
            self._redis.delete(*endless)
            found.update(dict.fromkeys(endless))

    def lost(self) -> bool:
        """Return whether Redis could not be reached for so long that others may have taken our leases."""
        return time.monotonic() - self._renewed > LEASE

    def give_back(self) -> None:
        """Release all leases, so that other watchers continue at once. Raises what Redis raises."""
        with self._redis.pipeline() as pipe:
            pipe.zrem(WATCHERS, self.name)
            for pk in self.mine:
                pipe.delete(_key(pk), _error_key(pk))
            pipe.execute()
        self.mine = set()
