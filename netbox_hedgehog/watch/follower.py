"""One kind of one fabric, followed: listed once, and from there on every change taken as it happens.

What a watch says goes the way of a run's reading: compare with what is held, apply. A run and a watch may both be at
work: apply() leaves alone what the other has written since, and the watch then looks again.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone
from urllib3 import BaseHTTPResponse

from ..cluster.client import Cluster, Page
from ..cluster.errors import NotInstalled, NotServed
from ..cluster.watch import Event, events
from ..hedgehog.kinds import Kind
from ..models import Fabric
from ..sync.apply import apply, count_present, last_seen_in_cluster, stored_rows
from ..sync.compare import MirrorPlan, StoredRow, compare
from ..sync.listing import Listing
from ..sync.report import KindReport, not_served
from ..sync.run import settled_seconds
from ..sync.sanitize import LONGEST_VERSION, BadObject, Key, key_of

__all__ = ('Database', 'Follower', 'MemoryBudget', 'WriteConflict')

logger = logging.getLogger(__name__)

# How often a change is tried that the mirror's other writer comes in between.
TRIES = 5

# Bytes of memory for the events of a fabric that wait to be written.
MEMORY = 64 * 1024 * 1024


class WriteConflict(Exception):
    """The mirror's other writer came in between on every try. The text is a sentence."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f'Saving {kind.plural} conflicted with a sync; they are listed again.')


class MemoryBudget:
    """Memory that followers share for what they have collected."""

    def __init__(self, size: int = MEMORY) -> None:
        self._lock = threading.Lock()
        self._left = size

    def reserve(self, size: int) -> bool:
        """Returns whether there was room. A negative size gives some back."""
        with self._lock:
            if size > max(0, self._left):
                return False
            self._left -= size
            return True


class Database(Protocol):
    """Runs a function that uses the database, in whatever thread has a connection, and returns what it returns."""

    def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any: ...


@dataclass
class Follower:
    """Keeps the mirror of one kind true to a watch. `database` is called for all that is stored or looked up.

    One thread calls list() and follow(), which collects what happens; another calls flush(), which writes it: so what
    comes in a burst is written together. `version` is the resource version up to which all was collected; empty before
    the first list, and where something was lost on the way: then it is time to list again. `gap` is why, a sentence,
    where nothing was raised. `room` limits the events that wait for flush().
    """

    cluster: Cluster
    fabric: Fabric
    kind: Kind
    database: Database
    version: str = ''
    gap: str = ''
    room: MemoryBudget = field(default_factory=MemoryBudget)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Key, Event] = {}
        self._sizes: dict[Key, int] = {}

    def list(self) -> None:
        """Bring the mirror in line with a whole list. Raises ClusterError, NotServed where the mirror holds resources
        of a kind that the cluster does not serve; WriteConflict; what the database raises.
        """
        self.gap = ''
        for _ in range(TRIES):
            now = timezone.now()
            held = self.database(stored_rows, self.fabric, self.kind)
            listing = self._listing(held, now)
            try:
                plan = compare(self.kind, held, listing, self.cluster.options.max_object_size, listing.namespace)
            except NotInstalled as error:
                raise self._absent(held, error) from None
            self._log(plan.errors)
            if not self.database(apply, self.fabric, self.kind, plan, now):
                with self._lock:
                    self.version = listing.version
                return
        raise WriteConflict(self.kind)

    def _absent(self, held: Mapping[Key, StoredRow], error: NotInstalled) -> NotInstalled:
        present = [row for row in held.values() if row.missing_since is None]
        if not present:
            return error
        seen = self.database(last_seen_in_cluster, self.fabric, self.kind, present)
        return NotServed(not_served(self.kind.name, len(present), seen))

    def follow(self, told: Callable[[], object], opened: Callable[[BaseHTTPResponse], object]) -> None:
        """Collect every change from `version` on, until the server ends the watch.

        `told` is called when there is something for flush(); `opened` is given the response. Raises ClusterError; after
        Expired it is time to list again. Of kinds whose objects move all the time by themselves only metadata comes.
        Returns at once where `version` is empty, and at the next event where flush() has emptied it meanwhile.
        """
        version = self.version
        if not version:
            return
        for some in events(
            self.cluster, self.kind, self.fabric.kubernetes_namespace, version,
            metadata_only=bool(self.kind.volatile), opened=opened,
        ):
            news = self._by_key(some)
            # Together, so that a version which flush() empties is not filled in again.
            with self._lock:
                if not self.version:
                    return
                if not self._collect(news):
                    self.version = ''
                    self.gap = (
                        f'Changes of {self.kind.plural} arrived faster than they could be saved; they are listed again.'
                    )
                    return
                self.version = some[-1].version
            if news:
                told()

    def _by_key(self, some: Iterable[Event]) -> dict[Key, Event]:
        """Return the last event of each of this fabric's objects.

        One without a usable name, or of another namespace, is skipped: it says nothing of the others.
        """
        news: dict[Key, Event] = {}
        errors = set()
        for event in some:
            if event.type == 'BOOKMARK':
                continue
            try:
                key = key_of(event.object)
            except BadObject as error:
                errors.add(f'{self.kind.name}: {error}.')
                continue
            if key[0] == self.fabric.kubernetes_namespace:
                news[key] = event
        self._log(sorted(errors))
        return news

    def _collect(self, news: Mapping[Key, Event]) -> bool:
        """Keep events for flush(). Returns False, and forgets all that was kept, where they need too much memory."""
        for key, event in news.items():
            size = _memory_of(event.object)
            if not self.room.reserve(size - self._sizes.get(key, 0)):
                self._forget()
                return False
            self._pending[key], self._sizes[key] = event, size
        return True

    def _forget(self) -> None:
        self.room.reserve(-sum(self._sizes.values()))
        self._pending, self._sizes = {}, {}

    def flush(self) -> None:
        """Write what was collected. Raises ClusterError, WriteConflict or a DatabaseError; then `version` is empty."""
        with self._lock:
            latest, sizes = self._pending, self._sizes
            self._pending, self._sizes = {}, {}
        try:
            self._flush(latest)
        except BaseException:
            with self._lock:
                self.version = ''
            raise
        finally:
            self.room.reserve(-sum(sizes.values()))

    def _flush(self, latest: dict[Key, Event]) -> None:
        for _ in range(TRIES):
            if not latest:
                return
            now = timezone.now()
            held = self.database(stored_rows, self.fabric, self.kind, names=[name for _, name in latest])
            latest = {key: event for key, event in latest.items() if not self._is_outdated(event, held.get(key))}
            held = {key: row for key, row in held.items() if key in latest}
            # What was deleted is missing, whatever is wrong with another object of the same moment.
            deleted = [held.pop(key) for key, event in latest.items() if event.type == 'DELETED']
            there = [event for event in latest.values() if event.type != 'DELETED']
            page = Page([event.object for event in there], 0, any(event.metadata_only for event in there))
            plan = compare(
                self.kind, held, self._listing(held, now).completed(page), self.cluster.options.max_object_size,
            )
            plan.missing += deleted
            self._limit(plan)
            self._log(plan.errors)
            if not self.database(apply, self.fabric, self.kind, plan, now, complete=False):
                return
        raise WriteConflict(self.kind)

    def _limit(self, plan: MirrorPlan) -> None:
        """Leave out new objects beyond max_objects. The next list says what is wrong, or is right again."""
        if not plan.created:
            return
        most = self.cluster.options.max_objects
        free = max(0, most - self.database(count_present, self.fabric, self.kind))
        if len(plan.created) <= free:
            return
        del plan.created[free:]
        with self._lock:
            self.version = ''
            self.gap = (
                f'{self.cluster.server} has more than {most} {self.kind.plural}; new ones are skipped. Check what '
                'creates them, or raise the plugin setting max_objects.'
            )
        plan.errors.append(self.gap)

    def _is_outdated(self, event: Event, row: StoredRow | None) -> bool:
        """Whether the mirror holds what an event says, or newer than that: resource versions grow."""
        if row is None:
            return event.type == 'DELETED'
        if row.missing_since is not None and event.type == 'DELETED':
            return True
        known, told = (_number(version) for version in (row.resource_version, event.version))
        return known is not None and told is not None and told < known and row.missing_since is None

    def _listing(self, held: Mapping[Key, StoredRow], now: datetime) -> Listing:
        return Listing(
            self.cluster, self.kind, self.fabric.kubernetes_namespace, held, KindReport(self.kind.name), now,
            settled_seconds(),
        )

    def _log(self, errors: Iterable[str]) -> None:
        for error in errors:
            logger.warning('%s: %s', self.fabric.name, error)


def _number(version: str) -> int | None:
    """A resource version as a number, where it is one of the length that versions have."""
    return int(version) if version.isdecimal() and len(version) <= LONGEST_VERSION else None


def _memory_of(value: Any) -> int:
    """Return the bytes of memory that decoded JSON takes."""
    size, unseen = 0, [value]
    while unseen:
        one = unseen.pop()
        size += sys.getsizeof(one)
        if isinstance(one, dict):
            unseen += one.values()
            size += sum(map(sys.getsizeof, one))
        elif isinstance(one, list):
            unseen += one
    return size
