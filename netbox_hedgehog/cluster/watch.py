"""Stream the events of one kind in a cluster, from a resource version on."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from ..hedgehog.kinds import Kind
from .bodies import inflated
from .client import Cluster, path_of
from .deadline import deadline
from .errors import BadAnswer, Expired, ServerFault, quoted
from .transport import JSON

__all__ = ('Event', 'events')

METADATA = f'{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}'

# Seconds. A watch ends after a random time in this range, and is restarted where it ended. One without even a bookmark,
# which servers send every minute, counts as dead, as does one that does not end.
LONGEST = (240, 480)
SILENCE = 90

# Bytes. An object has 1.5 MB at most, the limit of etcd. Each kind of each fabric may hold such a line in memory.
LONGEST_LINE = 3 * 1024 * 1024

# Bytes that are decompressed at a time.
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One event: ADDED, MODIFIED, DELETED, or BOOKMARK, which says that all events up to its version were sent.

    `object` is the object after it, or its last state for a deletion; without spec and status if `metadata_only`.
    """

    type: str
    object: dict[str, Any]
    version: str

    @property
    def metadata_only(self) -> bool:
        """Return whether the object has neither spec nor status."""
        return self.object.get('kind') == 'PartialObjectMetadata'


def events(
    cluster: Cluster, kind: Kind, namespace: str, version: str, *, metadata_only: bool = False,
    opened: Callable[[BaseHTTPResponse], object] = lambda response: None,
) -> Iterator[list[Event]]:
    """Yield the events of a kind after a resource version, as they arrive, until the server ends the watch.

    Events that arrive together are yielded as one list. `opened` receives the response, whose shutdown() ends a watch
    from another thread. Raises ClusterError; Expired if the server no longer has the events after that version: the
    kind must be listed again.
    """
    path, seconds = path_of(kind, namespace), random.randint(*LONGEST)
    query = urlencode({
        'watch': 1, 'allowWatchBookmarks': 'true', 'resourceVersion': version, 'timeoutSeconds': seconds,
    })
    timeout = Timeout(connect=cluster.options.connect_timeout, read=SILENCE)
    ends = time.monotonic() + seconds + SILENCE
    try:
        with deadline(SILENCE):
            response = cluster.request(
                f'{cluster.server}{path}?{query}', METADATA if metadata_only else JSON, timeout,
            )
        try:
            if response.status != 200:
                raise cluster.refusal(response.status, path, 'watch')
            opened(response)
            for lines in _lines(_chunks(response, ends), cluster):
                yield [_event(cluster, kind, line) for line in lines]
        finally:
            response.close()  # the connection must not be reused
    except HTTPError as error:
        raise cluster.unreachable(error, SILENCE) from None


def _chunks(response: BaseHTTPResponse, ends: float) -> Iterator[bytes]:
    """Yield what arrives until `ends`, a time of the monotonic clock. Raises HTTPError."""
    chunks = inflated(response, CHUNK)
    while True:
        with deadline(ends - time.monotonic()):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _lines(chunks: Iterator[bytes], cluster: Cluster) -> Iterator[list[bytes]]:
    """Yield whole lines, those that arrive together as one list."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        if b'\n' in chunk:
            *lines, last = bytes(rest).split(b'\n')
            rest = bytearray(last)
            if lines := [line for line in lines if line.strip()]:
                yield lines
        if len(rest) > LONGEST_LINE:
            raise BadAnswer(f'{cluster.server} sent an event that is too large.')


def _event(cluster: Cluster, kind: Kind, line: bytes) -> Event:
    event = cluster.decoded(line)
    type_, item = event.get('type'), event.get('object')
    if type_ == 'ERROR':
        status = item if isinstance(item, dict) else {}
        if status.get('code') == 410:
            raise Expired(f'The watch of {kind.plural} expired (410).')
        raise ServerFault(f'The API server ended the watch of {kind.plural} ({quoted(status.get("code"))}).')
    metadata = item.get('metadata') if isinstance(item, dict) else None
    version = metadata.get('resourceVersion') if isinstance(metadata, dict) else None
    known = type_ in ('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK')
    if not known or not isinstance(item, dict) or not isinstance(version, str):
        raise BadAnswer(f'{cluster.server} sent an invalid event for {kind.plural}.')
    return Event(str(type_), item, version)
