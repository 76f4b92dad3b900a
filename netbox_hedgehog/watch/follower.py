"""Follow one kind of one fabric: list it once, then apply every change from a watch.

A watch's changes are handled like a sync's list: compared with the mirror and applied. A sync and a watch may run at
the same time: apply() skips what the other has written since, and the watch then compares again.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
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
from ..sync.topology import check_topology, filter_of, followed_names

__all__ = ('Database', 'Follower', 'MemoryBudget', 'WriteConflict')

logger = logging.getLogger(__name__)

# How often a change is tried that conflicts with the mirror's other writer.
TRIES = 5

# Bytes of memory for the events of a fabric that await writing.
MEMORY = 64 * 1024 * 1024


class WriteConflict(Exception):
    """The mirror's other writer interfered on every try. The text is a sentence."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f'Saving {kind.plural} conflicted with a sync; they are listed again.')


class MemoryBudget:
    """Memory in bytes that the followers of a fabric share for collected events."""

    def __init__(self, size: int = MEMORY) -> None:
        self._lock = threading.Lock()
        self._left = size

    def reserve(self, size: int) -> bool:
        """Reserve `size` bytes, or release them if it is negative. Return whether there was room."""
        with self._lock:
            if size > max(0, self._left):
                return False
            self._left -= size
            return True


class Database(Protocol):
    """Run a function that uses the database, in a thread that has a connection, and return its result."""

    def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any: ...


@dataclass
class Follower:
    """Update the mirror of one kind from a watch.

    One thread calls list() and follow(), which collects events; another calls flush(), which writes them: events of a
    burst are written together. `database` is called for everything that reads or writes the database. `version` is the
    resource version up to which all events were collected; empty before the first list, and after events were lost:
    then the kind must be listed again. `gap` is why, a sentence, if nothing was raised. `room` limits the events that
    await flush().
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
        """Bring the mirror in line with a complete list.

        Raises ClusterError, NotServed if the mirror has resources of a kind that the cluster does not serve,
        WriteConflict, and what the database raises.
        """
        self.gap = ''
        check_topology(self.cluster, self.fabric)
        for _ in range(TRIES):
            now = timezone.now()
            stored = self.database(stored_rows, self.fabric, self.kind)
            listing = self._listing(stored, now)
            try:
                plan = compare(self.kind, stored, listing, self.cluster.options.max_object_size, listing.namespace)
            except NotInstalled as error:
                raise self._absent(stored, error) from None
            self._log(plan.errors)
            if not self.database(apply, self.fabric, self.kind, plan, now):
                with self._lock:
                    self.version = listing.version
                return
        raise WriteConflict(self.kind)

    def _absent(self, stored: Mapping[Key, StoredRow], error: NotInstalled) -> NotInstalled:
        present = [row for row in stored.values() if row.missing_since is None]
        if not present:
            return error
        seen = self.database(last_seen_in_cluster, self.fabric, self.kind, present)
        return NotServed(not_served(self.kind.name, len(present), seen))

    def follow(self, on_change: Callable[[], object], opened: Callable[[BaseHTTPResponse], object]) -> None:
        """Collect every change from `version` on, until the server ends the watch.

        `on_change` is called when there is something for flush(); `opened` receives the response. Raises ClusterError;
        after Expired the kind must be listed again. For kinds with a volatile status only metadata is streamed. Returns
        at once if `version` is empty, and at the next event if flush() has emptied it in the meantime.
        """
        version = self.version
        if not version:
            return
        for some in events(
            self.cluster, self.kind, self.fabric.kubernetes_namespace, version,
            metadata_only=bool(self.kind.volatile), opened=opened,
        ):
            news = self._by_key(some)
            # In one step, so that a version which flush() has emptied is not set again.
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
                on_change()

    def _by_key(self, some: Iterable[Event]) -> dict[Key, Event]:
        """Return the last event of each of this fabric's objects.

        An object without a usable name, or in another namespace, is skipped: it must not affect the others.
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
        """Keep events for flush(). Return False, and drop all that were kept, if they need too much memory."""
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
        """Write the collected events.

        Raises ClusterError, WriteConflict or a DatabaseError; then `version` is empty.
        """
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
            stored = self.database(stored_rows, self.fabric, self.kind, names=[name for _, name in latest])
            latest = {key: event for key, event in latest.items() if not self._is_outdated(event, stored.get(key))}
            stored = {key: row for key, row in stored.items() if key in latest}
            # A deleted object is missing, whatever is wrong with another one in the same batch.
            deleted = [stored.pop(key) for key, event in latest.items() if event.type == 'DELETED']
            there = [event for event in latest.values() if event.type != 'DELETED']
            page = Page([event.object for event in there], 0, any(event.metadata_only for event in there))
            plan = compare(
                self.kind, stored, self._listing(stored, now).completed(page), self.cluster.options.max_object_size,
            )
            plan.missing += deleted
            self._limit(plan)
            self._log(plan.errors)
            if not self.database(apply, self.fabric, self.kind, plan, now, complete=False):
                return
        raise WriteConflict(self.kind)

    def _limit(self, plan: MirrorPlan) -> None:
        """Skip new objects beyond max_objects. The next list reports them, or is within the limit again."""
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
        """Return whether the mirror has the object of an event, or a newer one: resource versions increase."""
        if row is None:
            return event.type == 'DELETED'
        if row.missing_since is not None and event.type == 'DELETED':
            return True
        known, announced = (_number(version) for version in (row.resource_version, event.version))
        return known is not None and announced is not None and announced < known and row.missing_since is None

    def _listing(self, stored: Mapping[Key, StoredRow], now: datetime) -> Listing:
        return Listing(
            self.cluster, self.kind, self.fabric.kubernetes_namespace, stored, KindReport(self.kind.name), now,
            settled_seconds(), filter_of(self.fabric),
            partial(self.database, followed_names, self.fabric, self.kind),
        )

    def _log(self, errors: Iterable[str]) -> None:
        for error in errors:
            logger.warning('%s: %s', self.fabric.name, error)


def _number(version: str) -> int | None:
    """Return a resource version as a number, or None if it is not a number of plausible length."""
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
