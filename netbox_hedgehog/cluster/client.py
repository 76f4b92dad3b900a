"""Get raw JSON pages of a kind's objects from a Kubernetes API.

The deserialization of the `kubernetes` package into models is not used: it costs more than the request, and would drop
unknown fields.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..hedgehog.kinds import Kind
from .errors import BadAnswer, ClusterError, Forbidden, NotInstalled, Unreadable, quoted
from .kubeconfig import Credentials
from .messages import not_installed
from .transport import JSON, Answer, ClientOptions, Transport

__all__ = ('Cluster', 'Page', 'path_of', 'total')

# Limits of a server's version: bytes of the response, characters of the version.
VERSION_SIZE = 64 * 1024
LONGEST_VERSION = 100

# The largest accepted number of remaining objects: a server may send any number.
MOST_REMAINING = 10**9

# Pages of metadata have this many times as many objects, because each is smaller and every page has a fixed cost.
# Measured: even longer pages save no more time, and cost memory.
LONGER = 2

# An empty page counts as this many objects, so that an endless list of them ends too.
EMPTY_PAGE = 100

# How many single objects are requested in parallel: across a network a request is mostly waiting.
SIDE_BY_SIDE = 4

# Seconds between two reports that a page is still awaited.
REPORT_EVERY = 1.0

# A server, or a proxy before it, that does not support metadata only sends whole objects.
METADATA = f'{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}'


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its objects as the server sent them, and their bytes on the wire.

    `metadata_only` says that the objects have no spec and no status. `query` requests this very page again. `version`
    is the list's resource version: a watch from there returns all later events. `weight` is its bytes, decompressed.
    `unreadable` says why a single object could not be read. `remaining` is how many objects follow, if the server says
    so.
    """

    items: list[dict[str, Any]]
    size: int
    metadata_only: bool = False
    query: dict[str, Any] = field(default_factory=dict)
    version: str = ''
    weight: int = 0
    unreadable: str = ''
    remaining: int | None = None

    @property
    def repeatable(self) -> bool:
        """Return whether `query` returns the same objects again.

        Otherwise it would return the first ones of the list.
        """
        return 'resourceVersion' in self.query or 'continue' in self.query


# A page, and the list's own metadata.
Listed = tuple[Page, dict[str, Any]]


def total(page: Page, metadata: dict[str, Any]) -> int | None:
    """Return how many objects a list has, by its first page and its own metadata; None if the server does not say."""
    if metadata.get('continue') and page.remaining is None:
        return None
    return len(page.items) + (page.remaining or 0)


class Cluster(Transport):
    """A connection to one API server, which lists kinds. Use it as a context manager."""

    def __init__(self, credentials: Credentials, options: ClientOptions | None = None) -> None:
        super().__init__(credentials, options)
        self._threads = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix='cluster')

    def close(self) -> None:
        """Close all connections, and send no more requests. Threads that wait for a response get an error."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        super().close()

    def version(self) -> str:
        """Return the server's version, such as v1.36.4. Raises ClusterError."""
        answer = self.decoded(self.get('/version', most=VERSION_SIZE)[0])
        version = answer.get('gitVersion')
        if not isinstance(version, str) or len(version) > LONGEST_VERSION or not version.isprintable():
            raise BadAnswer(f'{self.server} does not respond like a Kubernetes API. Check the address.')
        return version

    def pages(
        self, kind: Kind, namespace: str, page_size: int | None = None, *, metadata_only: bool = False,
        waiting: Callable[[], object] = lambda: None,
    ) -> Iterator[Page]:
        """Yield all objects of a kind in a namespace, page by page.

        With `metadata_only` they have neither spec nor status; nor have those of a page that cannot be read in full,
        because one object of it may be the cause. The first page is requested at once; `waiting` is called each second
        while waiting for a page. The list is complete only if the iterator ends by itself. Raises ClusterError while
        iterating; after Expired everything that was yielded is void, and the list must be started again.
        """
        query: dict[str, Any] = {'limit': page_size or kind.page_size * (LONGER if metadata_only else 1)}
        accept = METADATA if metadata_only else JSON
        return self._following(kind, namespace, query, accept, self._asked(kind, namespace, query, accept), waiting)

    def _asked(self, kind: Kind, namespace: str, query: dict[str, Any], accept: str) -> Future[Answer]:
        try:
            return self._threads.submit(self.get, path_of(kind, namespace), query, accept)
        except RuntimeError as error:
            # The connections were closed in the meantime: the same error as for requests that were waiting then.
            raise CancelledError from error

    def _following(
        self, kind: Kind, namespace: str, query: dict[str, Any], accept: str, asked: Future[Answer],
        waiting: Callable[[], object],
    ) -> Iterator[Page]:
        page, metadata = self._received(kind, namespace, query, accept, asked, waiting)
        count = len(page.items) or EMPTY_PAGE
        while token := metadata.get('continue'):
            if not isinstance(token, str) or token == query.get('continue'):
                raise BadAnswer(f'{self.server} sent an invalid continue token in the list of {kind.plural}.')
            if count > self.options.max_objects:
                break
            query = {'limit': query['limit'], 'continue': token}
            # The next page is fetched while this one is processed. It stays bytes until then: objects take ten times
            # the memory.
            asked = self._asked(kind, namespace, query, accept)
            yield page
            page, metadata = self._received(kind, namespace, query, accept, asked, waiting)
            count += len(page.items) or EMPTY_PAGE
        if count > self.options.max_objects:
            raise BadAnswer(
                f'{self.server} lists more than {self.options.max_objects} {kind.plural}; they were not synced. Check '
                'what creates them, or raise the plugin setting max_objects.'
            )
        yield page

    def _received(
        self, kind: Kind, namespace: str, query: dict[str, Any], accept: str, asked: Future[Answer],
        waiting: Callable[[], object],
    ) -> Listed:
        """Return a page of a list. If it cannot be read in full, return it with metadata only."""
        with self._refused_if_served(kind):
            try:
                return self._listed(kind, query, *_waited_for(asked, waiting))
            except Unreadable:
                if accept == METADATA:
                    raise
                return self._page(kind, namespace, query, METADATA)

    def full_pages(self, kind: Kind, namespace: str, page: Page) -> Iterator[Page]:
        """Yield the objects of a page of metadata again, as of the same moment, with spec and status.

        They come in pages of the kind's size. Raises as pages(), and Unreadable if one of them cannot be read in full.
        """
        query, left = page.query, len(page.items)
        while left > 0:
            query = {**query, 'limit': min(kind.page_size, left)}
            whole, metadata = self._page(kind, namespace, query, JSON)
            yield whole
            left -= len(whole.items) or EMPTY_PAGE
            token = metadata.get('continue')
            if not token or not isinstance(token, str):
                return
            query = {'continue': token}

    def objects(self, kind: Kind, namespace: str, names: Iterable[str]) -> Iterator[Page]:
        """Yield single objects as they are now: pages of one object, or of none if it is deleted or unreadable.

        Raises as pages().
        """
        def one(name: str) -> Page:
            # As a list with one object: needs no permission beyond list, and is empty instead of a 404 if there is
            # none.
            with self._refused_if_served(kind):
                try:
                    return self._page(kind, namespace, {'fieldSelector': f'metadata.name={name}'}, JSON)[0]
                except Unreadable as error:
                    return Page([], 0, unreadable=str(error))

        # Only a few ahead of the consumer: each may be large.
        asked: deque[Future[Page]] = deque()
        for name in names:
            asked.append(self._threads.submit(one, name))
            if len(asked) > SIDE_BY_SIDE:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()

    def _page(self, kind: Kind, namespace: str, query: dict[str, Any], accept: str) -> Listed:
        return self._listed(kind, query, *self.get(path_of(kind, namespace), query, accept))

    def _listed(self, kind: Kind, query: dict[str, Any], body: bytes, size: int) -> Listed:
        answer = self.decoded(body)
        items, metadata = answer.get('items'), answer.get('metadata')
        # Go writes an empty list as null.
        items = [] if items is None else items
        if not isinstance(items, list) or not isinstance(metadata, dict):
            raise BadAnswer(f'{self.server} did not return a list of {kind.plural}.')
        version = metadata.get('resourceVersion')
        version = version if isinstance(version, str) else ''
        if 'continue' not in query and version:
            query = {**query, 'resourceVersion': version, 'resourceVersionMatch': 'Exact'}
        alone = answer.get('kind') == 'PartialObjectMetadataList'
        if not alone and (api_version := answer.get('apiVersion', kind.api_version)) != kind.api_version:
            raise BadAnswer(
                f'{self.server} returned {kind.plural} as {quoted(api_version)} instead of {kind.api_version}. Check '
                'for proxies between NetBox and the API server.'
            )
        remaining = metadata.get('remainingItemCount')
        if type(remaining) is not int or not 0 <= remaining < MOST_REMAINING:
            remaining = None
        return Page(items, size, alone, query, version, len(body), remaining=remaining), metadata

    def check_access(self, kind: Kind, namespace: str) -> Listed:
        """List one object of a kind. Return its page, and the list's own metadata.

        Raises NotInstalled, Forbidden or another ClusterError. All in this thread, so that its deadline applies.
        """
        with self._refused_if_served(kind):
            try:
                return self._page(kind, namespace, {'limit': 1}, JSON)
            except Unreadable:
                return self._page(kind, namespace, {'limit': 1}, METADATA)

    @contextmanager
    def _refused_if_served(self, kind: Kind) -> Iterator[None]:
        """Raise NotInstalled in place of Forbidden if the cluster does not serve a kind.

        Kubernetes asks who may before it asks what there is: a role of before does not grant a kind of newer releases.
        """
        try:
            yield
        except Forbidden as error:
            if self._serves(kind):
                raise
            raise not_installed(kind.plural) from error

    def _serves(self, kind: Kind) -> bool:
        """Return whether the cluster serves a kind; True as well if it does not say so."""
        try:
            answer = self.decoded(self.get(f'/apis/{kind.group}/{kind.version}')[0])
        except NotInstalled:
            return False
        except ClusterError:
            return True
        resources = answer.get('resources')
        if not isinstance(resources, list):
            return True
        return any(isinstance(item, dict) and item.get('name') == kind.plural for item in resources)

    def count(self, kind: Kind, namespace: str) -> int | None:
        """Return how many objects of a kind are in a namespace, by a list of one; None if the server does not say.

        Raises ClusterError.
        """
        return total(*self._page(kind, namespace, {'limit': 1}, METADATA))


def _waited_for(asked: Future[Answer], waiting: Callable[[], object]) -> Answer:
    """Return the response to a request that another thread makes.

    `waiting` is called every REPORT_EVERY seconds. Raises CancelledError if the connections were closed meanwhile.
    """
    while True:
        try:
            return asked.result(REPORT_EVERY)
        except TimeoutError:
            if asked.done():
                return asked.result()
        waiting()


def path_of(kind: Kind, namespace: str) -> str:
    """Return the path of a kind's objects on an API server."""
    return f'/apis/{kind.group}/{kind.version}/namespaces/{quote(namespace, safe="")}/{kind.plural}'
