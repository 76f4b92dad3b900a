"""Which watcher follows which fabric: leases in Redis that end by themselves.

Not advisory locks: those die with their process, but not with a machine or a network that has gone, for as long as
PostgreSQL believes in the connection. And nothing is harmed when two watchers follow a fabric for a moment, since what
they write is compared with what is there; a lease only saves doing the work twice.
"""

import time
import uuid
from collections.abc import Collection

from redis import Redis

from .queue import connection

__all__ = ('BEAT', 'LEASE', 'Leases', 'live_watchers', 'watched_fabrics')

# Seconds that a lease, and a watcher's sign of life, outlives its last renewal; and between two renewals.
LEASE = 15
BEAT = 4

WATCHERS = 'netbox_hedgehog:watchers'
PREFIX = 'netbox_hedgehog:watch:'


def _key(fabric_id: int) -> str:
    return f'{PREFIX}{fabric_id}'


def live_watchers() -> list[str]:
    """The names of the watcher processes that have shown a sign of life lately. Raises what Redis raises."""
    redis = connection()
    # By the clock of Redis, which all watchers share.
    now = redis.time()[0]
    return [name.decode() for name in redis.zrangebyscore(WATCHERS, now, '+inf')]


def watched_fabrics(fabric_ids: Collection[int]) -> set[int]:
    """Those of these fabrics that a watcher follows. Raises what Redis raises."""
    ids = list(fabric_ids)
    if not ids:
        return set()
    return {pk for pk, owner in zip(ids, connection().mget(map(_key, ids)), strict=True) if owner is not None}


class Leases:
    """One watcher's leases. Two round trips to Redis a beat, however many fabrics there are."""

    def __init__(self, name: str, redis: Redis | None = None) -> None:
        self.name = f'{name}.{uuid.uuid4().hex[:8]}'
        self.mine: set[int] = set()
        self._redis = redis or connection()
        self._renewed = time.monotonic()

    def beat(self, wanted: Collection[int]) -> set[int]:
        """Renew what is ours, take our share of what is free of `wanted`, give back what is more than our share.

        Returns the fabrics that are ours from here on. Raises what Redis raises; after LEASE seconds of that nothing
        is ours any more: see lost().
        """
        ids = sorted(wanted)
        now = self._redis.time()[0]
        with self._redis.pipeline() as pipe:
            pipe.zremrangebyscore(WATCHERS, '-inf', f'({now}')
            pipe.zadd(WATCHERS, {self.name: now + LEASE})
            pipe.zcard(WATCHERS)
            for pk in ids:
                pipe.get(_key(pk))
            _, _, watchers, *owners = pipe.execute()
        owned = {pk: owner.decode() if owner else '' for pk, owner in zip(ids, owners, strict=True)}
        share = -(-len(ids) // max(watchers, 1))
        ours = [pk for pk, owner in owned.items() if owner == self.name][:share]
        free = [pk for pk, owner in owned.items() if not owner][:max(0, share - len(ours))]
        gone = {pk for pk, owner in owned.items() if owner == self.name} - set(ours) | self.mine - set(ids)
        with self._redis.pipeline() as pipe:
            for pk in ours:
                pipe.expire(_key(pk), LEASE)
            for pk in gone:
                pipe.delete(_key(pk))
            for pk in free:
                pipe.set(_key(pk), self.name, nx=True, ex=LEASE)
            answers = pipe.execute() if ours or gone or free else []
        taken = {pk for pk, done in zip(free, answers[len(ours) + len(gone):], strict=True) if done}
        self.mine = set(ours) | taken
        self._renewed = time.monotonic()
        return self.mine

    def lost(self) -> bool:
        """Whether Redis has been away for so long that others may have taken what was ours."""
        return time.monotonic() - self._renewed > LEASE

    def give_back(self) -> None:
        """Let others go on at once. Raises what Redis raises."""
        with self._redis.pipeline() as pipe:
            pipe.zrem(WATCHERS, self.name)
            for pk in self.mine:
                pipe.delete(_key(pk))
            pipe.execute()
        self.mine = set()
