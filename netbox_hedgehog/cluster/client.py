"""Raw JSON pages from a Kubernetes API, through the `kubernetes` package's transport and authentication.

Its model deserialisation is left out: it costs more than the request, and would drop unknown fields.
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

# Seconds. No wait between two tries is longer, whatever Retry-After says; and all waits for a sick server together
# are not either, as every kind would have its own: then it is reported, and the next run comes anyway.
LONGEST_WAIT = 20
RETRY_BUDGET = 60
TRANSIENT = frozenset({429, 500, 502, 503, 504})

# Seconds. No request takes longer, its connection and its headers included, however steadily bytes arrive.
LONGEST_ANSWER = 300

# Bytes and characters of what tells a server's version.
VERSION_SIZE = 64 * 1024
LONGEST_VERSION = 100

# Objects still to come that a server may speak of. It may say anything, and a number of any length.
MOST_REMAINING = 10**9

# Bytes that are read, and inflated, at a time.
CHUNK = 1024 * 1024

# Bytes of memory that JSON takes when it is decoded, beside its own: for each of these characters, about. An answer
# may take so many times max_answer_size; what API servers send takes six times its own size.
MEMORY_PER = {b',': 56, b':': 40, b'[': 80, b'{': 128}
DECODED = 10

# Levels of lists and mappings in an answer. What API servers send has twenty. Whatever walks through more of them ends
# in a RecursionError, and Python's decoder ends the process where the stack of its thread is a small one.
DEEPEST = 64
ONE_PAIR = bytes.maketrans(b'{}', b'[]')
NOT_NESTING = bytes(set(range(256)) - set(b'[]{}"'))
QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')

# Pages of metadata hold so many times as many objects, as each weighs less and every page has its price. Measured:
# still longer ones save no more time, and cost memory.
LONGER = 2

# As so many objects counts a page without any, so that a list of such pages ends as well.
EMPTY_PAGE = 100

# How many single objects are asked for side by side: across a network each request is mostly waiting.
SIDE_BY_SIDE = 4

# Seconds after which a page is said to be still waited for.
TELL_EVERY = 1.0

# What the system's resolver says, in words that name the cause.
REASONS = {
    'Name or service not known': 'host name not found',
    'No address associated with hostname': 'host name not found',
    'Temporary failure in name resolution': 'the name server does not respond',
}

JSON = 'application/json'
# A server, or a proxy before it, that knows nothing of metadata alone gives whole objects.
METADATA = f'{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}'


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Seconds to wait for a connection, for the next bytes of an answer, for the whole of one, and for a server that is
    sick; how often a request is repeated; where a server may be; and what is taken from one: bytes of an answer
    (inflated), of all that is read of a kind, and of what is kept of an object, and how many objects a kind may have.
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
    """One page of a list: its objects as the server sent them, and what they weighed on the wire (bytes).

    `metadata_only` says that the objects have no spec and no status. `query` asks for this very page again. `version`
    is the resource version of the list: what happens after it, a watch tells. `weight` are its bytes, inflated.
    `unreadable` says why an object that was asked for by itself is not in it. `remaining` is how many objects are still
    to come, where the server says so.
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
        """Whether `query` gives the same objects again. Else it would list whatever is first."""
        return 'resourceVersion' in self.query or 'continue' in self.query


# A page, and the list's own metadata.
Listed = tuple[Page, dict[str, Any]]

# The body of an answer, inflated, and its bytes on the wire.
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
        """Begin anew to wait for a server that is sick, as each run does."""
        self._retry_budget = self.options.retry_budget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and ask for nothing more. Who waits for an answer in another thread gets an error."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._sockets.close()
        self._pool.clear()

    def version(self) -> str:
        """The server's version, such as v1.36.4. Raises ClusterError."""
        answer = self.decoded(self._get('/version', most=VERSION_SIZE)[0])
        version = answer.get('gitVersion')
        if not isinstance(version, str) or len(version) > LONGEST_VERSION or not version.isprintable():
            raise BadAnswer(f'{self.server} does not respond like a Kubernetes API. Check the address.')
        return version

    def pages(
        self, kind: Kind, namespace: str, page_size: int | None = None, *, metadata_only: bool = False,
        waiting: Callable[[], object] = lambda: None,
    ) -> Iterator[Page]:
        """All objects of a kind in a namespace, page by page; with `metadata_only` neither spec nor status of them, and
        neither on a page that could not be read as it is: one object of it may be the reason.

        The first page is asked for at once; `waiting` is called each second for which one is waited for. The list is
        complete only when the iterator has ended by itself. Raises ClusterError as it goes; Expired means that whatever
        has been yielded so far is void and the list must be read again from its start.
        """
        query: dict[str, Any] = {'limit': page_size or kind.page_size * (LONGER if metadata_only else 1)}
        accept = METADATA if metadata_only else JSON
        return self._following(kind, namespace, query, accept, self._asked(kind, namespace, query, accept), waiting)

    def _asked(self, kind: Kind, namespace: str, query: dict[str, Any], accept: str) -> Future[Answer]:
        try:
            return self._threads.submit(self._get, path_of(kind, namespace), query, accept)
        except RuntimeError as error:
            # The connections were closed meanwhile: as for requests that waited at that moment.
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
            # The next page travels while this one is looked at. It stays bytes till then: objects weigh ten times that.
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
        """A page of a list. One that cannot be read as it is comes without what its objects are made of."""
        try:
            return self._listed(kind, query, *_waited_for(asked, waiting))
        except Unreadable:
            if accept == METADATA:
                raise
            return self._page(kind, namespace, query, METADATA)

    def full_pages(self, kind: Kind, namespace: str, page: Page) -> Iterator[Page]:
        """The objects of a page of metadata again, at the same moment in the cluster's life, with spec and status: in
        pages of the kind's size. Raises as pages, and Unreadable where one of them cannot be read as it is.
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
        """Single objects as they are now, each a page of one object, or of none where it has gone or cannot be read.

        Raises as pages.
        """
        def one(name: str) -> Page:
            # As a list of one, which needs no other right than lists, and answers an empty list where others say 404.
            try:
                return self._page(kind, namespace, {'fieldSelector': f'metadata.name={name}'}, JSON)[0]
            except Unreadable as error:
                return Page([], 0, unreadable=str(error))

        # Few ahead of who takes them: each may be large.
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
        """Returns when this kind is installed and may be listed; raises NotInstalled, Forbidden or another error.

        All in this thread, whose deadline holds.
        """
        try:
            self._page(kind, namespace, {'limit': 1}, JSON)
        except Unreadable:
            self._page(kind, namespace, {'limit': 1}, METADATA)

    def _get(
        self, path: str, query: dict[str, Any] | None = None, accept: str = JSON, most: int | None = None,
    ) -> Answer:
        """What a GET answers with, inflated, and its bytes on the wire. Repeats what may pass.

        `most` are the bytes of its body that are taken, where that is less than usual.
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
        """The answer to one GET, and its body. Raises as request() and _body(), and Unreachable where all of that takes
        too long.
        """
        with deadline(self.options.longest_answer):
            try:
                # urllib3's own repetition is off: it would not repeat a body that broke off, and follow redirects.
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
        """The body of an answer, inflated as it arrives: one that becomes too large is left where it is.

        Raises Unreadable, but for a refusal, whose body nobody needs; HTTPError.
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
        """The answer to one GET, whatever its status, its body still to be read. Raises urllib3's HTTPError, but
        TLSFailed and DestinationDenied where another try would be in vain.
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
            retry.sleep()  # a Retry-After that cannot be read
        self._retry_budget -= time.monotonic() - start

    def unreachable(self, error: HTTPError, silence: float | None = None) -> Unreachable:
        """What an error of the transport means, for the person who must act.

        `silence` is the time-out between bytes that was used, in seconds, where it was not `read_timeout`.
        """
        return Unreachable(self._unreachable_sentence(error, self.options.read_timeout if silence is None else silence))

    def _unreachable_sentence(self, error: HTTPError, silence: float) -> str:
        # Before time-outs, which a refused connection counts among in urllib3's family of exceptions.
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
        """What an answer with a status other than 200 means, for the person who must act; `verb` is what was asked, and
        `body` is what came with it, as far as it is known.
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
        """The JSON object that a body is. Raises BadAnswer; before decoding where that takes much memory or stack.
        """
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
            # Text that is none, numbers without an end, or nesting without one.
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
    # Python holds a text with an emoji in it in four bytes a character.
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
    # What is left of a text without brackets are its two quotes.
    nesting = body.translate(ONE_PAIR, NOT_NESTING).replace(b'""', b'')
    if b'"' in nesting:
        nesting = QUOTED.sub(b'', nesting)
    for _ in range(DEEPEST):
        if not nesting:
            return False
        nesting = nesting.replace(b'[]', b'')
    return bool(nesting)


def _is_status(body: bytes) -> bool:
    """Whether a refusal is one of Kubernetes, whoever passed it on."""
    try:
        answer = json.loads(body[:VERSION_SIZE])
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get('kind') == 'Status'


def _waited_for(asked: Future[Answer], waiting: Callable[[], object]) -> Answer:
    """What was asked for in another thread. `waiting` is called each TELL_EVERY seconds. Raises CancelledError where
    the connections were closed meanwhile.
    """
    while True:
        try:
            return asked.result(TELL_EVERY)
        except TimeoutError:
            if asked.done():
                return asked.result()
        waiting()


def inflated(response: BaseHTTPResponse, size: int = CHUNK) -> Iterator[bytes]:
    """A body in pieces, each as it arrives, inflated: also empty ones, so that who takes them can look at the clock.

    urllib3 would wait until a piece of the size asked for is full, or until there is something inflated to give, which
    of a trickle may take for ever. Raises HTTPError.
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
                yield b''  # what follows is no part of the body, and the inflater would keep all of it
        except zlib.error as error:
            raise DecodeError(str(error)) from error


def path_of(kind: Kind, namespace: str) -> str:
    """Where an API server has the objects of a kind."""
    return f'/apis/{kind.group}/{kind.version}/namespaces/{quote(namespace, safe="")}/{kind.plural}'


def _hung_up(error: SSLError) -> bool:
    """Whether a TLS error is only a connection that ended in mid-handshake, as when a server restarts."""
    return bool(error.args) and isinstance(error.args[0], ssl.SSLEOFError)
