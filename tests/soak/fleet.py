"""Fifty fabrics of mixed sizes, some behind a network that can be ill, and who looks after them for half an hour."""

import random
import time
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

from demo.kubernetes_api import KubernetesAPI, load_objects
from demo.processes import Process
from tests.e2e.stack import DATA, TOKEN
from tests.faults.fabrics import BURST, Fabric, Manifest, generated
from tests.faults.rig import Rig
from tests.faults.servers import KillableServices
from tests.network.proxy import Proxy

__all__ = ('BEAT_EVERY', 'Fleet', 'Member', 'fifty')

# The plugin's own defaults: how it behaves is what is asked, not how it can be made to behave.
DEFAULTS = {
    'scheduler_interval': 1, 'heartbeat_interval': 15, 'status_interval': 60, 'retries': 4, 'connect_timeout': 5,
    'read_timeout': 30,
}

# How many fabrics there are of so many objects each, beside those that are the sample.
SIZES = {20: 20, 100: 15, 300: 8, 1000: 2}
SAMPLES = 5

# Seconds: of every five fabrics two are read half as often.
INTERVALS = (60, 60, 60, 120, 120)

# Each so many-th fabric is watched; and each so many-th is reached through a proxy.
WATCHED, PROXIED = 6, 4

# Seconds between two reports of the agents of a fabric.
BEAT_EVERY = 15

# The processes that nobody kills: what they gather over time is to be seen.
SPARED = ('worker-0', 'scheduler-0', 'watcher-0', 'web-0')


class Member(Fabric):
    """A fabric of the fleet. What it was like once is forgotten: its mirror is held against it at the end."""

    def __init__(self, name: str, objects: Iterable[Manifest], **options: Any) -> None:
        super().__init__(name, objects, **options)
        self.proxy: Proxy | None = None
        self.inventory = False

    @property
    def server(self) -> KubernetesAPI:
        assert isinstance(self.api, KubernetesAPI)
        return self.api

    def change(self, chance: random.Random) -> None:
        """An object is edited, deleted or made anew, or many are edited. Agents report on their own."""
        self.changes += 1
        what = chance.random()
        if what < 0.6:
            self._edit(chance, 1)
        elif what < 0.68:
            self._edit(chance, BURST)
        elif what < 0.84:
            self._delete(chance)
        else:
            self._make_anew(chance)

    def _tell(self) -> None:
        self.seen.lists.clear()


def fifty(seed: int) -> list[Member]:
    """The fleet; `seed` decides which fabric has which size."""
    sizes: list[int] = [size for size, count in SIZES.items() for _ in range(count)] + [0] * SAMPLES
    random.Random(f'{seed} sizes').shuffle(sizes)
    members = []
    for number, (size, interval) in enumerate(zip(sizes, cycle(INTERVALS), strict=False)):
        member = Member(
            f'fabric-{number:02}', generated(size) if size else load_objects(DATA),
            watched=number % WATCHED == 0, interval=interval,
        )
        member.inventory = not size
        members.append(member)
    return members


class Fleet(Rig):
    """A rig of such fabrics, on the plugin's defaults, whose agents report as often as real ones do."""

    mirrored: list[Member]

    def __init__(self, services: KillableServices, folder: Path, members: list[Member], seed: int) -> None:
        super().__init__(services, folder, members, seed, watchers=2, **DEFAULTS)
        self.beating = False
        self._turns = cycle(members)
        self._next_beat = 0.0

    def of(self, kind: str) -> list[Process]:
        """As faults ask for it: those that may be killed."""
        return [process for process in super().of(kind) if process.name not in SPARED]

    @property
    def spared(self) -> list[Process]:
        return [process for process in self.processes if process.name in SPARED]

    def start(self, *, web: bool = True) -> 'Fleet':
        super().start(web=web)
        code, site = self.call('POST', 'dcim/sites/', {'name': 'Soak', 'slug': 'soak'})
        assert code == 201, site
        for number, member in enumerate(self.mirrored):
            if member.inventory:
                self.edit(
                    member.id, inventory_enabled=True, inventory_auto_apply=True, inventory_site=site['id'],
                    inventory_name_pattern='{fabric}-{name}',
                )
            if number % PROXIED == 1:
                member.proxy = Proxy(member.server.url, seed=number).__enter__()
                self.edit(member.id, kubernetes_server=member.proxy.url, kubernetes_token=TOKEN)
        return self

    def stop(self) -> None:
        for member in self.mirrored:
            if member.proxy is not None:
                member.proxy.__exit__(None, None, None)
        super().stop()

    def tick(self) -> None:
        super().tick()
        if self.beating and time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + BEAT_EVERY / len(self.mirrored)
            next(self._turns).server.beat(BEAT_EVERY)
