"""Which watcher follows which fabric: leases in Redis that end by themselves.

Not advisory locks: those die with their process, but not with a machine or a network that has gone, for as long as
PostgreSQL believes in the connection. And nothing is harmed when two watchers follow a fabric for a moment, since what
they write is compared with what is there; a lease only saves doing the work twice.
"""

import time
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from redis import Redis

from ..jobs.queue import connection
from ..jobs.records import execute, text

__all__ = ('BEAT', 'LEASE', 'Leases', 'live_watchers', 'watch_troubles', 'watched_fabrics')

# Seconds that a lease, and a watcher's sign of life, outlives its last renewal; and between two renewals.
LEASE = 15
BEAT = 4

# Seconds by which the clock of Redis may go back: signs of life from later than that are of nobody.
SKEW = 60

# What Redis says of the time to live of a key that stays for ever.
NO_EXPIRY = -1

WATCHERS = 'netbox_hedgehog:watchers'
PREFIX = 'netbox_hedgehog:watch:'
# Beside a lease, and as long as it: why its owner does not follow the fabric as it should.
TROUBLE = 'netbox_hedgehog:watch-trouble:'


def _key(fabric_id: int) -> str:
    return f'{PREFIX}{fabric_id}'


def _trouble_key(fabric_id: int) -> str:
    return f'{TROUBLE}{fabric_id}'


def live_watchers() -> list[str]:
    """The names of the watcher processes that have shown a sign of life lately. Raises what Redis raises."""
    redis = connection()
    # By the clock of Redis, which all watchers share.
    now = redis.time()[0]
    return [text(name) for name in redis.zrangebyscore(WATCHERS, now, now + LEASE + SKEW)]


def watched_fabrics(fabric_ids: Collection[int]) -> set[int]:
    """Those of these fabrics that a watcher follows. Raises what Redis raises."""
    ids = list(fabric_ids)
    if not ids:
        return set()
    return {pk for pk, owner in zip(ids, connection().mget(map(_key, ids)), strict=True) if owner is not None}


def watch_troubles(fabric_ids: Collection[int]) -> dict[int, str]:
    """What keeps these fabrics' watchers from following them, a sentence each. Raises what Redis raises."""
    ids = list(fabric_ids)
    if not ids:
        return {}
    told = connection().mget(map(_trouble_key, ids))
    return {pk: text(sentence) for pk, sentence in zip(ids, told, strict=True) if sentence is not None}


class Leases:
    """One watcher's leases. Two round trips to Redis a beat, however many fabrics there are."""

    def __init__(self, name: str, redis: Redis | None = None) -> None:
        self.name = f'{name}.{uuid.uuid4().hex[:8]}'
        self.mine: set[int] = set()
        self._redis = redis or connection()
        self._renewed = time.monotonic()

    def renew(self, wanted: Collection[int], troubles: Mapping[int, str] | None = None) -> set[int]:
        """Renew what is ours, take our share of what is free of `wanted`, give back what is more than our share.

        `troubles` says of fabrics that are ours why they are not followed as they should be: it stands for as long as
        the lease, and until the next beat. Returns the fabrics that are ours from here on. Raises what Redis raises;
        after LEASE seconds of that nothing is ours any more: see lost().
        """
        ids, troubles = sorted(wanted), troubles or {}
        with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.zrange(WATCHERS, 0, -1, withscores=True)
            for pk in ids:
                pipe.get(_key(pk))
            (now, _), signs, *owners = execute(pipe)
        found = {WATCHERS: signs, **{_key(pk): owner for pk, owner in zip(ids, owners, strict=True)}}
        if wrong := [key for key, answer in found.items() if isinstance(answer, Exception)]:
            # Of another type than they must be: nobody can hold a lease there.
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
                if pk in troubles:
                    pipe.set(_trouble_key(pk), troubles[pk].encode(errors='replace'), ex=LEASE)
                else:
                    pipe.delete(_trouble_key(pk))
            for pk in gone:
                pipe.delete(_key(pk), _trouble_key(pk))
            answers = pipe.execute()
        taken = {pk for pk, done in zip(free, answers, strict=False) if done}
        self.mine = set(ours) | taken
        self._renewed = time.monotonic()
        return self.mine

    def _free_orphans(self, found: dict[str, Any], watchers: set[str]) -> None:
        """Free leases of watchers that do not live, where they would never end and keep everybody away."""
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
        """Whether Redis has been away for so long that others may have taken what was ours."""
        return time.monotonic() - self._renewed > LEASE

    def give_back(self) -> None:
        """Let others go on at once. Raises what Redis raises."""
        with self._redis.pipeline() as pipe:
            pipe.zrem(WATCHERS, self.name)
            for pk in self.mine:
                pipe.delete(_key(pk), _trouble_key(pk))
            pipe.execute()
        self.mine = set()
