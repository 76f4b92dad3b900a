"""Get raw JSON pages from a Kubernetes API, with the `kubernetes` package's transport and authentication.

Its deserialization into models is not used: it costs more than the request, and would drop unknown fields.
"""

import json
import re
import ssl
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError, HTTPError, InvalidHeader, MaxRetryError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TransportTimeout
from urllib3.util import Retry, Timeout

from ..hedgehog.kinds import Kind
from .credentials import api_client
from .deadline import OpenSockets, deadline, seconds_left
from .egress import ANYWHERE, EgressPolicy
from .errors import (
    BadAnswer,
    ClusterError,
    Expired,
    Forbidden,
    NotInstalled,
    NotTheAPI,
    ServerFault,
    TLSFailed,
    Unauthorized,
    Unreachable,
    Unreadable,
    quoted,
)
from .kubeconfig import Credentials

__all__ = ('ClientOptions', 'Cluster', 'Page')

# Seconds. The limit of each wait between two tries, whatever Retry-After says; and of all waits for a failing server
# together, because otherwise every kind would wait as long: then it is reported, and the next sync tries again.
LONGEST_WAIT = 20
RETRY_BUDGET = 60
TRANSIENT = frozenset({429, 500, 502, 503, 504})

# Seconds. The limit of a request, including connection and headers, however steadily bytes arrive.
LONGEST_ANSWER = 300

# Limits of a server's version: bytes of the response, characters of the version.
VERSION_SIZE = 64 * 1024
LONGEST_VERSION = 100

# The largest accepted number of remaining objects: a server may send any number.
MOST_REMAINING = 10**9

# Bytes that are read and decompressed at a time.
CHUNK = 1024 * 1024

# Bytes of memory that decoded JSON takes in addition to its own size: about this many for each of these characters. A
# response may take this many times max_answer_size; what API servers send takes six times its own size.
MEMORY_PER = {b',': 56, b':': 40, b'[': 80, b'{': 128}
DECODED = 10

# Levels of lists and mappings in a response. API servers send up to twenty. Deeper nesting causes a RecursionError in
# recursive code, and Python's decoder crashes the process if the stack of its thread is small.
DEEPEST = 64
ONE_PAIR = bytes.maketrans(b'{}', b'[]')
NOT_NESTING = bytes(set(range(256)) - set(b'[]{}"'))
QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')

# Pages of metadata have this many times as many objects, because each is smaller and every page has a fixed cost.
# Measured: even longer pages save no more time, and cost memory.
LONGER = 2

# An empty page counts as this many objects, so that an endless list of them ends too.
EMPTY_PAGE = 100

# How many single objects are requested in parallel: across a network a request is mostly waiting.
SIDE_BY_SIDE = 4

# Seconds between two reports that a page is still awaited.
TELL_EVERY = 1.0

# Messages of the system's resolver, and words that name the cause.
REASONS = {
    'Name or service not known': 'host name not found',
    'No address associated with hostname': 'host name not found',
    'Temporary failure in name resolution': 'the name server does not respond',
}

JSON = 'application/json'
# A server, or a proxy before it, that does not support metadata only sends whole objects.
METADATA = f'{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}'


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Limits for requests to an API server. Times in seconds, sizes in bytes.

    Time-outs for a connection, for the next bytes of a response, and for a whole response; the time to wait for a
    failing server, and the number of retries; allowed destinations; and the largest response (decompressed), total of a
    kind, object as stored, and number of objects of a kind.
    """

    connect_timeout: float = 5
    read_timeout: float = 30
    longest_answer: float = LONGEST_ANSWER
    retry_budget: float = RETRY_BUDGET
    retries: int = 4
    destinations: EgressPolicy = ANYWHERE
    max_answer_size: int = 32 * 1024 * 1024
    max_kind_size: int = 512 * 1024 * 1024
    max_object_size: int = 2 * 1024 * 1024
    max_objects: int = 100_000


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

# The decompressed body of a response, and its bytes on the wire.
Answer = tuple[bytes, int]


class Cluster:
    """A connection to one API server. Use it as a context manager."""

    def __init__(self, credentials: Credentials, options: ClientOptions | None = None) -> None:
        self.options = options or ClientOptions()
        self._sockets = OpenSockets()
        self._client = api_client(credentials, self.options.destinations, self._sockets)
        self.server: str = self._client.configuration.host
        self._pool = self._client.rest_client.pool_manager
        self._threads = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix='cluster')
        self.renew_retry_budget()

    def renew_retry_budget(self) -> None:
        """Reset the time to wait for a failing server, as for each sync."""
        self._retry_budget = self.options.retry_budget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and send no more requests. Threads that wait for a response get an error."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._sockets.close()
        self._pool.clear()

    def version(self) -> str:
        """Return the server's version, such as v1.36.4. Raises ClusterError."""
        answer = self.decoded(self._get('/version', most=VERSION_SIZE)[0])
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
            return self._threads.submit(self._get, path_of(kind, namespace), query, accept)
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
        return self._listed(kind, query, *self._get(path_of(kind, namespace), query, accept))

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
        if not alone and (told := answer.get('apiVersion', kind.api_version)) != kind.api_version:
            raise BadAnswer(
                f'{self.server} returned {kind.plural} as {quoted(told)} instead of {kind.api_version}. Check for '
                'proxies between NetBox and the API server.'
            )
        remaining = metadata.get('remainingItemCount')
        if type(remaining) is not int or not 0 <= remaining < MOST_REMAINING:
            remaining = None
        return Page(items, size, alone, query, version, len(body), remaining=remaining), metadata

    def check_access(self, kind: Kind, namespace: str) -> None:
        """Return if this kind is installed and may be listed; raise NotInstalled, Forbidden or another error.

        All in this thread, so that its deadline applies.
        """
        try:
            self._page(kind, namespace, {'limit': 1}, JSON)
        except Unreadable:
            self._page(kind, namespace, {'limit': 1}, METADATA)

    def _get(
        self, path: str, query: dict[str, Any] | None = None, accept: str = JSON, most: int | None = None,
    ) -> Answer:
        """Return the decompressed body of a GET, and its bytes on the wire. Repeats requests after transient errors.

        `most` is the largest body in bytes, if that is less than usual.
        """
        most = min(most or self.options.max_answer_size, self.options.max_answer_size)
        longest_wait = min(LONGEST_WAIT, self.options.retry_budget)
        url = self.server + path + (f'?{urlencode(query)}' if query else '')
        timeout = Timeout(connect=self.options.connect_timeout, read=self.options.read_timeout)
        retry = Retry(
            total=self.options.retries,
            backoff_factor=0.3,
            backoff_jitter=0.3,
            backoff_max=longest_wait,
            retry_after_max=int(longest_wait),
        )
        while True:
            try:
                response, body = self._answered(url, accept, timeout, most)
            except HTTPError as error:
                retry = self._again(retry, url, error)
                self._wait(retry)
                continue
            if response.status in TRANSIENT and retry.total and self._retry_budget > 0:
                retry = retry.increment('GET', url, response=response)
                self._wait(retry, response)
                continue
            if response.status != 200:
                raise self.refusal(response.status, path, body=body)
            return body, response.tell()

    def _answered(self, url: str, accept: str, timeout: Timeout, most: int) -> tuple[BaseHTTPResponse, bytes]:
        """Return the response to one GET, and its body.

        Raises as request() and _body(), and Unreachable if all of that takes too long.
        """
        with deadline(self.options.longest_answer):
            try:
                # urllib3's own retries are disabled: they would not repeat a truncated body, and would follow
                # redirects.
                response = self.request(url, accept, timeout)
                return response, self._body(response, most)
            except HTTPError:
                if seconds_left() > 0:
                    raise
                raise Unreachable(
                    f'{self.server} took more than {self.options.longest_answer:g} s to send a response. Check the '
                    'network path to it.'
                ) from None

    def _body(self, response: BaseHTTPResponse, most: int) -> bytes:
        """Return the body of a response, decompressed as it arrives; stop reading one that becomes too large.

        Raises HTTPError, and Unreadable for a body that is too large, except for a refusal, whose body is not needed.
        """
        parts, weight = [], 0
        try:
            for chunk in inflated(response):
                weight += len(chunk)
                if max(weight, response.tell()) > most:
                    if response.status != 200:
                        response.close()
                        return b''
                    raise Unreadable(
                        f'{self.server} sent a response of more than {most} bytes; it was skipped '
                        '(setting max_answer_size).'
                    )
                parts.append(chunk)
        except BaseException:
            response.close()
            raise
        return b''.join(parts)

    def request(self, url: str, accept: str, timeout: Timeout) -> BaseHTTPResponse:
        """Return the response to one GET, whatever its status, before its body is read.

        Raises urllib3's HTTPError, and TLSFailed and DestinationDenied, for which a retry is pointless.
        """
        headers = {'Accept': accept, 'Accept-Encoding': 'gzip', 'User-Agent': 'netbox-hedgehog'}
        headers |= {auth['key']: auth['value'] for auth in self._client.configuration.auth_settings().values()}
        try:
            return self._pool.request(
                'GET', url, headers=headers, timeout=timeout, retries=False, redirect=False,
                preload_content=False,
            )
        except SSLError as error:
            if _hung_up(error):
                raise
            raise TLSFailed(self._tls_sentence(str(error))) from None

    def _again(self, retry: Retry, url: str, error: HTTPError) -> Retry:
        try:
            return retry.increment('GET', url, error=error)
        except (MaxRetryError, HTTPError):
            raise self.unreachable(error) from None

    def _wait(self, retry: Retry, response: BaseHTTPResponse | None = None) -> None:
        start = time.monotonic()
        try:
            retry.sleep(response)
        except (InvalidHeader, ValueError, OverflowError):
            retry.sleep()  # an unreadable Retry-After
        self._retry_budget -= time.monotonic() - start

    def unreachable(self, error: HTTPError, silence: float | None = None) -> Unreachable:
        """Return the Unreachable for an error of the transport, with a sentence for the person who must act.

        `silence` is the time-out between bytes that was used, in seconds, if it was not `read_timeout`.
        """
        return Unreachable(self._unreachable_sentence(error, self.options.read_timeout if silence is None else silence))

    def _unreachable_sentence(self, error: HTTPError, silence: float) -> str:
        # Before time-outs: in urllib3 a refused connection is a subclass of those.
        if isinstance(error, NewConnectionError):
            return f'Cannot reach {self.server}: {_reason(error)}. Check the address and that the API server runs.'
        if isinstance(error, TransportTimeout):
            return (
                f'{self.server} did not respond in time ({self.options.connect_timeout:g} s to connect, '
                f'{silence:g} s between bytes). Check the address, the firewall and the control node.'
            )
        return f'The connection to {self.server} was interrupted. Check the network path to it.'

    def _tls_sentence(self, reason: str) -> str:
        if 'CERTIFICATE_VERIFY_FAILED' in reason:
            why = reason.split('certificate verify failed:')[-1].split('(_ssl')[0].strip()
            return (
                f'The certificate of {self.server} was not accepted: {why}. Provide the signing CA certificate, '
                'or correct the address.'
            )
        return f'TLS handshake with {self.server} failed. Check scheme, port and certificates.'

    def refusal(self, status: int, path: str, verb: str = 'list', body: bytes = b'') -> ClusterError:
        """Return the error for a response with a status other than 200, with a sentence for the person who must act.

        `verb` is what was requested, and `body` is the response's body, if known.
        """
        what = path.rsplit('/', 1)[-1]
        if status == 401:
            return Unauthorized(
                'The API server rejected the credentials (401). The token is wrong, expired or revoked. '
                "Enter a new token on the fabric's page."
            )
        if status == 403 and body and not _is_status(body):
            return NotTheAPI(
                f'{self.server} refused access (403) and does not respond like a Kubernetes API. If a sign-in page or '
                "a proxy responds at this address, enter the API server's own address."
            )
        if status == 403:
            return Forbidden(
                f'The credentials may not {verb} {what} (403). Grant the ServiceAccount get, list and watch on '
                f'{what}.'
            )
        if status == 404:
            return NotInstalled(f'{what} is not installed in this cluster (404).')
        if status == 410 and verb == 'watch':
            return Expired(f'The watch of {what} expired (410).')
        if status == 410:
            return Expired(f'The list of {what} expired during the sync (410).')
        if 300 <= status < 400:
            return BadAnswer(
                f'{self.server} sent a redirect ({status}). Redirects are not followed, to protect the token. '
                "Enter the API server's own address."
            )
        if status in TRANSIENT:
            return ServerFault(
                f'The API server failed to list {what} ({status}), also after retries. Check its health.'
            )
        return BadAnswer(f'{self.server} responded with status {status} to a list of {what}.')

    def decoded(self, body: bytes) -> dict[str, Any]:
        """Return a body as a JSON object. Raises BadAnswer; before decoding if that would take much memory or stack."""
        most = DECODED * self.options.max_answer_size
        if memory_of(body) > most:
            raise Unreadable(
                f'{self.server} sent a response of {len(body)} bytes that needs more than {most} bytes of memory; it '
                'was skipped (setting max_answer_size).'
            )
        if is_deep(body):
            raise Unreadable(
                f'{self.server} sent a response with more than {DEEPEST} levels of nesting; it was skipped.'
            )
        try:
            answer = json.loads(body)
        except json.JSONDecodeError:
            answer = None
        except (ValueError, RecursionError):
            # Invalid text, numbers without an end, or nesting without one.
            raise Unreadable(f'{self.server} sent a response that cannot be decoded as JSON.') from None
        if not isinstance(answer, dict):
            raise BadAnswer(f"{self.server} did not respond with JSON. Check that the address is the API server's.")
        return answer


def _reason(error: NewConnectionError) -> str:
    """Return in a few words why no connection could be opened."""
    cause = error.__cause__ or error
    reason = getattr(cause, 'strerror', None) or str(cause).rsplit(': ', 1)[-1]
    return REASONS.get(reason, reason[:1].lower() + reason[1:])


def memory_of(body: bytes) -> int:
    """Return how many bytes of memory JSON takes when it is decoded, at most."""
    # Python stores a text that has an emoji with four bytes per character.
    wide = 0 if body.isascii() else 4 * len(body)
    return len(body) + wide + sum(body.count(character) * each for character, each in MEMORY_PER.items())


def is_deep(body: bytes) -> bool:
    """Return whether JSON has more than DEEPEST levels of lists and mappings, or ends before they do.

    Nothing is decoded, and nothing is done character by character: it costs a fraction of decoding.
    """
    if body.count(b'[') + body.count(b'{') <= DEEPEST:
        return False
    if b'\\' in body:
        body = body.replace(b'\\\\', b'').replace(b'\\"', b'')
    # Two quotes are left of a string without brackets.
    nesting = body.translate(ONE_PAIR, NOT_NESTING).replace(b'""', b'')
    if b'"' in nesting:
        nesting = QUOTED.sub(b'', nesting)
    for _ in range(DEEPEST):
        if not nesting:
            return False
        nesting = nesting.replace(b'[]', b'')
    return bool(nesting)


def _is_status(body: bytes) -> bool:
    """Return whether a refusal comes from Kubernetes, even through a proxy."""
    try:
        answer = json.loads(body[:VERSION_SIZE])
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get('kind') == 'Status'


def _waited_for(asked: Future[Answer], waiting: Callable[[], object]) -> Answer:
    """Return the response to a request that another thread makes.

    `waiting` is called every TELL_EVERY seconds. Raises CancelledError if the connections were closed in the meantime.
    """
    while True:
        try:
            return asked.result(TELL_EVERY)
        except TimeoutError:
            if asked.done():
                return asked.result()
        waiting()


def inflated(response: BaseHTTPResponse, size: int = CHUNK) -> Iterator[bytes]:
    """Yield a body in pieces as they arrive, decompressed; also empty ones, so that the caller can check the time.

    urllib3 would wait until a piece of the requested size is full, or until there is decompressed data, which may take
    for ever if the server sends a trickle. Raises HTTPError.
    """
    gzip = response.headers.get('Content-Encoding', '').lower() == 'gzip'
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None
    while data := response.read1(size, decode_content=False):
        if inflate is None:
            yield data
            continue
        try:
            while data and not inflate.eof:
                yield inflate.decompress(data, size)
                data = inflate.unconsumed_tail
            if inflate.eof:
                yield b''  # what follows is not part of the body, and the decompressor would keep all of it
        except zlib.error as error:
            raise DecodeError(str(error)) from error


def path_of(kind: Kind, namespace: str) -> str:
    """Return the path of a kind's objects on an API server."""
    return f'/apis/{kind.group}/{kind.version}/namespaces/{quote(namespace, safe="")}/{kind.plural}'


def _hung_up(error: SSLError) -> bool:
    """Return whether a TLS error is only a connection that ended during the handshake, as when a server restarts."""
    return bool(error.args) and isinstance(error.args[0], ssl.SSLEOFError)
