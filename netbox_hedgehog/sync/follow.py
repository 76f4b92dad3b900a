"""One kind of one fabric, followed: listed once, and from there on every change taken as it happens.

What a watch says goes the way of a run's reading: compare with what is held, apply. A run and a watch may both be at
work: apply() leaves alone what the other has written since, and the watch then looks again.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone
from urllib3 import BaseHTTPResponse

from ..cluster import Cluster, Page
from ..cluster.watch import Event, events
from ..kinds import Kind
from ..models import Fabric
from .apply import apply, held_rows
from .compare import Held, Plan, compare
from .listing import Listing
from .observe import LONGEST_VERSION, Key
from .report import KindReport
from .run import settled_seconds

__all__ = ('Database', 'Follower', 'Overtaken')

logger = logging.getLogger(__name__)

# How often a change is tried that the mirror's other writer comes in between.
TRIES = 5


class Overtaken(Exception):
    """The mirror's other writer came in between on every try. The text is a sentence."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f'Others wrote {kind.plural} each time that the watch was about to: they are listed anew.')


class Database(Protocol):
    """Runs a function that uses the database, in whatever thread has a connection, and returns what it returns."""

    def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any: ...


@dataclass
class Follower:
    """Keeps the mirror of one kind true to a watch. `database` is called for all that is stored or looked up.

    One thread calls list() and follow(), which collects what happens; another calls take(), which writes it: so what
    comes in a burst is written together. `version` is the resource version up to which all was collected; empty before
    the first list, and where something was lost on the way: then it is time to list again.
    """

    cluster: Cluster
    fabric: Fabric
    kind: Kind
    database: Database
    version: str = ''

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, Event] = {}

    def list(self) -> None:
        """Bring the mirror in line with a whole list. Raises ClusterError; Overtaken; what the database raises."""
        for _ in range(TRIES):
            now = timezone.now()
            held = self.database(held_rows, self.fabric, self.kind)
            listing = self._listing(held, now)
            plan = compare(self.kind, held, listing, self.cluster.options.max_object_size)
            self._say(plan)
            if not self.database(apply, self.fabric, self.kind, plan, now):
                with self._lock:
                    self.version = listing.version
                return
        raise Overtaken(self.kind)

    def follow(self, told: Callable[[], object], opened: Callable[[BaseHTTPResponse], object]) -> None:
        """Collect every change from `version` on, until the server ends the watch.

        `told` is called when there is something for take(); `opened` is given the response. Raises ClusterError; after
        Expired it is time to list again. Of kinds whose objects move all the time by themselves only metadata comes.
        Returns at once where `version` is empty, and at the next event where take() has emptied it meanwhile.
        """
        version = self.version
        if not version:
            return
        for some in events(
            self.cluster, self.kind, self.fabric.kubernetes_namespace, version,
            metadata_only=bool(self.kind.volatile), opened=opened,
        ):
            news = {
                name: event for event in some
                if event.type != 'BOOKMARK' and isinstance(name := event.object['metadata'].get('name'), str)
            }
            # Together, so that a version which take() empties is not filled in again.
            with self._lock:
                if not self.version:
                    return
                self._told |= news
                self.version = some[-1].version
            if news:
                told()

    def take(self) -> None:
        """Write what was collected. Where it raises ClusterError, Overtaken or a DatabaseError, `version` is empty."""
        with self._lock:
            latest, self._told = self._told, {}
        try:
            self._take(latest)
        except BaseException:
            with self._lock:
                self.version = ''
            raise

    def _take(self, latest: dict[str, Event]) -> None:
        for _ in range(TRIES):
            if not latest:
                return
            now = timezone.now()
            held = self.database(held_rows, self.fabric, self.kind, names=[*latest])
            latest = {name: event for name, event in latest.items() if not self._is_old(event, held)}
            held = {key: row for key, row in held.items() if key[1] in latest}
            there = [event for event in latest.values() if event.type != 'DELETED']
            page = Page([event.object for event in there], 0, any(event.metadata_only for event in there))
            plan = compare(
                self.kind, held, self._listing(held, now).completed(page), self.cluster.options.max_object_size,
            )
            self._say(plan)
            if not self.database(apply, self.fabric, self.kind, plan, now, complete=False):
                return
        raise Overtaken(self.kind)

    def _is_old(self, event: Event, held: Mapping[Key, Held]) -> bool:
        """Whether the mirror holds what an event says, or newer than that: resource versions grow."""
        row = held.get((event.object['metadata'].get('namespace', ''), event.object['metadata']['name']))
        if row is None:
            return event.type == 'DELETED'
        if row.missing_since is not None and event.type == 'DELETED':
            return True
        known, told = (_number(version) for version in (row.resource_version, event.version))
        return known is not None and told is not None and told < known and row.missing_since is None

    def _listing(self, held: Mapping[Key, Held], now: datetime) -> Listing:
        return Listing(
            self.cluster, self.kind, self.fabric.kubernetes_namespace, held, KindReport(self.kind.name), now,
            settled_seconds(),
        )

    def _say(self, plan: Plan) -> None:
        for error in plan.errors:
            logger.warning('%s: %s', self.fabric.name, error)


def _number(version: str) -> int | None:
    """A resource version as a number, where it is one of the length that versions have."""
    return int(version) if version.isdecimal() and len(version) <= LONGEST_VERSION else None
