"""What goes wrong in a soak: the faults of tests/faults that others survive, and illnesses of single fabrics."""

import random
from collections.abc import Callable

from tests.faults import injections
from tests.faults.injections import Fault
from tests.faults.rig import Rig

from .fleet import Fleet, Member

__all__ = ('ILLNESSES',)

# Of the fleet so many are struck at once.
STRUCK = 12

# Bytes of a connection that pass before something happens to it.
SOME = (0, 60_000)


class ServersIll(Fault):
    """API servers of a dozen fabrics killed, cutting, slow or overloaded"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        assert isinstance(rig, Fleet)
        inflict: tuple[Callable[[Member], object], ...] = (
            lambda member: member.go_away(),
            lambda member: member.server.faults.cut(times=None),
            lambda member: member.server.faults.delay(3, times=None),
            lambda member: member.server.faults.answer(429, times=None, retry_after=1),
            lambda member: member.server.faults.answer(503, times=None),
            lambda member: member.server.faults.html(times=None),
            lambda member: member.server.faults.answer(401, times=None),
        )
        for member in chance.sample(rig.mirrored, STRUCK):
            chance.choice(inflict)(member)

    def heal(self, rig: Rig) -> None:
        rig.hurry()


class NetworkIll(Fault):
    """network to a dozen fabrics slow, lossy, stalling, cutting, resetting or away"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        assert isinstance(rig, Fleet)
        for proxy in filter(None, (member.proxy for member in rig.mirrored)):
            chance.choice((
                lambda proxy: proxy.slow(20_000),
                lambda proxy: proxy.lossy(0.3, after=chance.randint(*SOME), times=3),
                lambda proxy: proxy.stall(chance.randint(*SOME)),
                lambda proxy: proxy.cut(chance.randint(*SOME)),
                lambda proxy: proxy.reset(chance.randint(*SOME)),
                lambda proxy: proxy.refuse(),
            ))(proxy)

    def heal(self, rig: Rig) -> None:
        assert isinstance(rig, Fleet)
        for proxy in filter(None, (member.proxy for member in rig.mirrored)):
            proxy.heal()


# Not those that kill everything at once: of what lives for half an hour it is asked what it gathers.
ILLNESSES: tuple[type[Fault], ...] = (
    injections.WorkerKilled, injections.WorkersKilled, injections.HorseKilled, injections.SchedulersKilled,
    injections.WatcherKilled, injections.PostgresKilled, injections.BackendKilled, injections.SessionsCut,
    injections.ConnectionsUsedUp, injections.DiskFull, injections.RedisKilled, injections.RedisLost,
    injections.RedisFlushed, injections.RedisFull, ServersIll, NetworkIll,
)
