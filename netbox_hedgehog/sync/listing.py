"""A kind's list, of which only that is read in full what the mirror does not hold already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..cluster.client import Cluster, Page
from ..cluster.errors import BadAnswer, Unreadable
from ..hedgehog.kinds import Kind
from .compare import Seen, StoredRow, Unread, is_up_to_date
from .report import KindReport
from .sanitize import BadObject, Key, identify, kind_digest

__all__ = ('Listing',)

# So many objects of a page (of the kind's size) are asked for one by one; of more than that the page is read again as a
# whole, where it can be. Measured: a request for one object costs as much as 20 objects of a page, or as one Agent.
FEW = 20

Manifest = dict[str, Any]


@dataclass(slots=True)
class Listing:
    """All objects of a kind, for a comparison with what the mirror holds.

    Where nothing is held the list is read as it is. Else only its metadata is listed, which costs a quarter, and then
    what differs. An object that moved after it was listed is taken as it is then; one that has gone by then is not in
    the list.

    `listed` counts the objects of the list so far; `expected` is how many there will be, as far as the server or the
    mirror can tell. `on_page` is called with the listing after each page, and each second for which one is waited for.

    `settled` are the seconds for which a status that moves by itself (Kind.volatile) is left as it was read, while
    nobody has changed the object. `report` is told what was read. `version` is the list's resource version, once it
    has begun.
    """

    cluster: Cluster
    kind: Kind
    namespace: str
    held: Mapping[Key, StoredRow]
    report: KindReport
    now: datetime
    settled: float = 0
    version: str = ''
    weight: int = 0
    listed: int = 0
    expected: int = 0
    on_page: Callable[['Listing'], object] | None = None
    _begun: Iterator[Page] | None = None

    def begin(self) -> None:
        """Ask for the first page already: it travels while something else is done. Raises nothing."""
        self._begun = self._pages()

    def _pages(self) -> Iterator[Page]:
        return self.cluster.pages(self.kind, self.namespace, metadata_only=bool(self.held), waiting=self._report_page)

    def _report_page(self) -> None:
        if self.on_page is not None:
            self.on_page(self)

    def __iter__(self) -> Iterator[Manifest | Seen | Unread]:
        """Raises ClusterError; Expired means that all that was given is void."""
        pages, self._begun, self.weight, self.listed = self._begun or self._pages(), None, 0, 0
        for page in self._counted(pages):
            self.version = self.version or page.version
            self.listed += len(page.items)
            self.expected = max(self.listed, len(self.held) if page.remaining is None else self.listed + page.remaining)
            self._report_page()
            yield from self.completed(page)

    def completed(self, page: Page) -> Iterator[Manifest | Seen | Unread]:
        """A page's objects, of which only that is read that differs. Raises ClusterError.

        The page may also be one that is in no list, such as a watch's events. An object counts as gone only where a
        request for it alone does not find it.
        """
        if not page.metadata_only:
            yield from page.items
            return
        unread: dict[str, Key] = {}
        digest = kind_digest(self.kind)
        for item in page.items:
            if (unchanged := self._unchanged_key(item, digest)) is not None:
                yield Seen(unchanged)
                continue
            try:
                key, uid, _ = identify(item)
            except BadObject:
                yield item  # the comparison says what is wrong with it
                continue
            if key[0] != self.namespace:
                yield item  # as well: its name may be that of another object, which is asked for by it
                continue
            known = self.held.get(key)
            if known is not None and self._is_only_volatile_change(known, uid, item, digest):
                yield Seen(key)
            else:
                unread[key[1]] = key
        if not unread:
            return
        if page.repeatable and len(unread) > FEW * -(-len(page.items) // self.kind.page_size):
            try:
                for whole in self._counted(self.cluster.full_pages(self.kind, self.namespace, page)):
                    yield from (item for item in whole.items if unread.pop(_name(item), None))
            except Unreadable:
                pass  # one object may be the reason, and shall cost only itself: what is left is asked for one by one
        pages = self.cluster.objects(self.kind, self.namespace, unread)
        for key, found in zip(unread.values(), self._counted(pages), strict=True):
            if found.unreadable:
                yield Unread(key, found.unreadable)
            yield from (item for item in found.items if _name(item) == key[1])

    def _unchanged_key(self, item: Any, digest: str) -> Key | None:
        """The key of an object that the mirror holds as it is, or None. Of most lists that is all, so it is quick: what
        is held has been checked before.
        """
        try:
            metadata = item['metadata']
            key = metadata['namespace'], metadata['name']
            known = self.held.get(key)
            held = known is not None and is_up_to_date(known, metadata['uid'], metadata['resourceVersion'], digest)
        except (KeyError, TypeError):
            return None
        return key if held else None

    def _is_only_volatile_change(self, known: StoredRow, uid: str, item: Manifest, digest: str) -> bool:
        """Whether of an object that moved nothing has but its status, by itself, and that was read lately."""
        return (
            bool(self.kind.volatile)
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
