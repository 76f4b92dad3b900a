"""What happens in a cluster, as it happens: the events of one kind, from a resource version on."""

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
from .client import JSON, Cluster, inflated, path_of
from .deadline import deadline
from .errors import BadAnswer, Expired, ServerFault, quoted

__all__ = ('Event', 'events')

METADATA = f'{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}'

# Seconds. A watch ends by itself after this time, each at another moment, and is begun anew where it ended; and one
# that has brought not even a bookmark, which servers send every minute, is taken for dead, as is one that does not end.
LONGEST = (240, 480)
SILENCE = 90

# Bytes. An object is 1.5 MB at most, as etcd takes no larger one. Each kind of each fabric may hold such a line.
LONGEST_LINE = 3 * 1024 * 1024

# Bytes that are inflated at a time.
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: ADDED, MODIFIED, DELETED, or BOOKMARK, which says that all up to its version was told.

    `object` is the object after it, or for a deletion the last there was; without spec and status if `metadata_only`.
    """

    type: str
    object: dict[str, Any]
    version: str

    @property
    def metadata_only(self) -> bool:
        return self.object.get('kind') == 'PartialObjectMetadata'


def events(
    cluster: Cluster, kind: Kind, namespace: str, version: str, *, metadata_only: bool = False,
    opened: Callable[[BaseHTTPResponse], object] = lambda response: None,
) -> Iterator[list[Event]]:
    """The events of a kind after a resource version, as they arrive, until the server ends the watch.

    `opened` is told the response, whose shutdown() ends a watch from another thread. Raises ClusterError; Expired where
    the server does not know any more what happened after that version: the kind must be listed anew.
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
            response.close()  # not to be used for anything else
    except HTTPError as error:
        raise cluster.unreachable(error, SILENCE) from None


def _chunks(response: BaseHTTPResponse, ends: float) -> Iterator[bytes]:
    """What arrives until a moment of the monotonic clock. Raises HTTPError."""
    chunks = inflated(response, CHUNK)
    while True:
        with deadline(ends - time.monotonic()):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _lines(chunks: Iterator[bytes], cluster: Cluster) -> Iterator[list[bytes]]:
    """Whole lines, those that arrived together together."""
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
    told = cluster.decoded(line)
    type_, item = told.get('type'), told.get('object')
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
