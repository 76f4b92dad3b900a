"""List a kind for comparison with the mirror, and fetch in full only what the mirror does not have."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..cluster.client import Cluster, Page
from ..cluster.errors import BadAnswer, Unreadable
from ..hedgehog.kinds import Kind
from ..hedgehog.topology import EVERYTHING, TopologyFilter, is_in_spec
from .compare import Seen, StoredRow, Unread, is_up_to_date
from .report import KindReport
from .sanitize import BadObject, Key, identify, kind_digest

__all__ = ('Listing',)

# Up to this many objects of a page (of the kind's size) are fetched one by one. If more differ, the whole page is
# fetched again where possible. Measured: a request for one object costs as much as 20 objects of a page, or as one
# Agent.
FEW = 20

Manifest = dict[str, Any]


@dataclass(slots=True)
class Listing:
    """All objects of a kind, for comparison with the mirror.

    If the mirror has no rows of the kind, full objects are listed. Otherwise only metadata is listed (a quarter of the
    cost), and full objects are fetched where resourceVersion differs. An object that changed after it was listed is
    taken in its newer version; one that was deleted by then is not in the list.

    `listed` counts the objects of the list so far; `expected` is how many there will be, as far as the server or the
    mirror can tell. `on_page` is called with the listing after each page, and each second while waiting for one.

    `settled` is for how many seconds a stored status that changes by itself (Kind.volatile) is kept, unless somebody
    has changed the object. Objects that `topology` does not include are not in the list; `followed` returns the names
    that it may ask for. `report` receives the counts. `version` is the list's resource version, once it has begun.
    """

    cluster: Cluster
    kind: Kind
    namespace: str
    stored: Mapping[Key, StoredRow]
    report: KindReport
    now: datetime
    settled: float = 0
    topology: TopologyFilter = EVERYTHING
    followed: Callable[[], Collection[str]] = frozenset
    version: str = ''
    weight: int = 0
    listed: int = 0
    expected: int = 0
    on_page: Callable[['Listing'], object] | None = None
    _begun: Iterator[Page] | None = None
    _followed: Collection[str] | None = None

    def begin(self) -> None:
        """Request the first page already, so that it travels while other work is done. Raises nothing."""
        self._begun = self._pages()

    def _pages(self) -> Iterator[Page]:
        return self.cluster.pages(self.kind, self.namespace, metadata_only=bool(self.stored), waiting=self._report_page)

    def _report_page(self) -> None:
        if self.on_page is not None:
            self.on_page(self)

    def __iter__(self) -> Iterator[Manifest | Seen | Unread]:
        """Yield the objects. Raises ClusterError; after Expired everything that was yielded is void."""
        pages, self._begun, self.weight, self.listed = self._begun or self._pages(), None, 0, 0
        for page in self._counted(pages):
            self.version = self.version or page.version
            self.listed += len(page.items)
            total = len(self.stored) if page.remaining is None else self.listed + page.remaining
            self.expected = max(self.listed, total)
            self._report_page()
            yield from self.completed(page)

    def completed(self, page: Page) -> Iterator[Manifest | Seen | Unread]:
        """Yield a page's objects, and fetch those that differ from the mirror. Raises ClusterError.

        The page may also be one that is in no list, such as a watch's events. An object counts as deleted only if a
        request for it alone does not find it.
        """
        if not page.metadata_only:
            yield from self._included(page.items)
            return
        unread: dict[str, Key] = {}
        digest = kind_digest(self.kind)
        for item in page.items:
            if (unchanged := self._unchanged_key(item, digest)) is not None:
                if self._includes_stored(unchanged, item):
                    yield Seen(unchanged)
                continue
            key, uid = self._identified(item)
            if key is None:
                yield item  # compare() reports what is wrong with it
            elif self.topology.includes(self.kind, item, self._names_followed, has_spec=False) is False:
                continue
            elif self._is_only_volatile_change(key, uid, item, digest):
                yield Seen(key)
            else:
                unread[key[1]] = key
        if unread:
            yield from self._fetched(page, unread)

    def _included(self, items: Iterable[Manifest]) -> Iterator[Manifest]:
        """Yield those of these whole objects that the topology filter includes."""
        if not self.topology:
            yield from items
            return
        yield from (
            item for item in items if self.topology.includes(self.kind, item, self._names_followed) is not False
        )

    def _includes_stored(self, key: Key, item: Manifest) -> bool:
        """Return whether the topology filter includes an object that the mirror has unchanged."""
        if not self.topology:
            return True
        if is_in_spec(self.kind):
            return self.topology.includes_named(self.stored[key].topology)
        return self.topology.includes(self.kind, item, self._names_followed, has_spec=False) is not False

    def _names_followed(self) -> Collection[str]:
        if self._followed is None:
            self._followed = self.followed()
        return self._followed

    def _identified(self, item: Any) -> tuple[Key | None, str]:
        """Return key and uid of an object; None and '' if its metadata is invalid, or of another namespace.

        The name of one of another namespace may be that of another object in this one, which would be fetched by it.
        """
        try:
            key, uid, _ = identify(item)
        except BadObject:
            return None, ''
        return (key, uid) if key[0] == self.namespace else (None, '')

    def _fetched(self, page: Page, unread: dict[str, Key]) -> Iterator[Manifest | Unread]:
        """Yield in full the objects of a page with these names: a whole page again, or one by one if they are few."""
        if page.repeatable and len(unread) > FEW * -(-len(page.items) // self.kind.page_size):
            try:
                for whole in self._counted(self.cluster.full_pages(self.kind, self.namespace, page)):
                    yield from self._included(item for item in whole.items if unread.pop(_name(item), None))
            except Unreadable:
                pass  # one object may be the cause, and must affect only itself: fetch the rest one by one
        pages = self.cluster.objects(self.kind, self.namespace, unread)
        for key, found in zip(unread.values(), self._counted(pages), strict=True):
            if found.unreadable:
                yield Unread(key, found.unreadable)
            yield from self._included(item for item in found.items if _name(item) == key[1])

    def _unchanged_key(self, item: Any, digest: str) -> Key | None:
        """Return the key of an object that the mirror has unchanged, or None.

        Most objects of most lists are unchanged, so this is quick: what is stored has been validated before.
        """
        try:
            metadata = item['metadata']
            key = metadata['namespace'], metadata['name']
            known = self.stored.get(key)
            stored = known is not None and is_up_to_date(known, metadata['uid'], metadata['resourceVersion'], digest)
        except (KeyError, TypeError):
            return None
        return key if stored else None

    def _is_only_volatile_change(self, key: Key, uid: str, item: Manifest, digest: str) -> bool:
        """Return whether only the volatile status of a changed object changed, and it was fetched recently."""
        known = self.stored.get(key)
        return (
            known is not None
            and bool(self.kind.volatile)
            and self.now - known.last_read < timedelta(seconds=self.settled)
            and known.generation == item['metadata'].get('generation')
            and is_up_to_date(known, uid, known.resource_version, digest)
        )

    def _counted(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            self.report.pages += 1
            self.report.bytes += page.size
            self.weight += page.weight
            if self.weight > self.cluster.options.max_kind_size:
                raise BadAnswer(
                    f'{self.cluster.server} sent more than {self.cluster.options.max_kind_size} bytes of '
                    f'{self.kind.plural}; they were not synced. Raise the plugin setting max_kind_size to allow more.'
                )
            yield page


def _name(item: Any) -> str:
    metadata = item.get('metadata') if isinstance(item, dict) else None
    name = metadata.get('name') if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ''
