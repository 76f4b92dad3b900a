"""Serve a watch: the events of a resource, as they happen."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .errors import APIError
from .resources import Resource
from .selection import Selection
from .store import Change, Store, Stored, encode


@dataclass(eq=False, slots=True)
class Watch:
    """An open watch: events as lines of JSON until its time is up or the connection ends."""

    request: web.Request
    store: Store
    resource: Resource
    selection: Selection
    partial: bool
    bookmarks: bool
    bookmark_seconds: float
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    def break_off(self) -> None:
        """End the connection as it is."""
        self.broken = True
        self.changed.set()
        close(self.request, abruptly=True)

    async def run(self, since: int | None, seconds: float, initial_end: bool, cut: bool) -> web.StreamResponse:
        """Send events after revision `since`, or with None all objects first, for this many seconds."""
        response = web.StreamResponse(headers={'Content-Type': 'application/json'})
        response.headers['Cache-Control'] = 'no-cache, private'
        await response.prepare(self.request)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        next_bookmark = loop.time() + self.bookmark_seconds
        try:
            if since is None:
                page = self.store.page(self.resource, self.selection)
                since = page.revision
                await response.write(b''.join(self._event('ADDED', item) for item in page.items))
                if initial_end and self.bookmarks:
                    await response.write(self._bookmark(since, {'k8s.io/initial-events-end': 'true'}))
            while not self.broken:
                self.changed.clear()
                changes, known = self.store.changes(self.resource, since)
                since = max(since, known)
                if lines := b''.join(filter(None, map(self._line, changes))):
                    await response.write(lines)
                if cut:
                    self.break_off()
                    break
                now = loop.time()
                if self.bookmarks and now >= min(end, next_bookmark):
                    await response.write(self._bookmark(since, {}))
                    next_bookmark = now + self.bookmark_seconds
                if now >= end:
                    break
                until = min(end, next_bookmark) if self.bookmarks else end
                try:
                    await asyncio.wait_for(self.changed.wait(), until - now)
                except TimeoutError:
                    continue
            if not self.broken:
                await response.write_eof()
        except APIError as error:
            await response.write(encode({'type': 'ERROR', 'object': error.body}) + b'\n')
            await response.write_eof()
        except ConnectionError:
            pass  # the client has gone
        return response

    def _line(self, change: Change) -> bytes:
        """Return one change as this watch sees it: what starts to match is added, what no longer does is deleted."""
        before = change.old if self._sees(change.old) else None
        after = change.new if self._sees(change.new) else None
        if after is not None:
            return self._event('ADDED' if before is None else 'MODIFIED', after)
        return b'' if before is None else self._event('DELETED', before.at(change.revision))

    def _sees(self, stored: Stored | None) -> bool:
        return stored is not None and self.selection.matches(stored.namespace, stored.name, stored.labels)

    def _event(self, kind: str, stored: Stored) -> bytes:
        body = stored.partial if self.partial else stored.encoded
        return b'{"type":"%b","object":%b}\n' % (kind.encode(), body)

    def _bookmark(self, revision: int, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, Any] = {'resourceVersion': str(revision)}
        if annotations:
            metadata['annotations'] = annotations
        body = {'apiVersion': self.resource.api_version, 'kind': self.resource.kind, 'metadata': metadata}
        if self.partial:
            body |= {'apiVersion': 'meta.k8s.io/v1', 'kind': 'PartialObjectMetadata'}
        return encode({'type': 'BOOKMARK', 'object': body}) + b'\n'


def close(request: web.Request, *, abruptly: bool) -> None:
    """Close a connection: at once, or after what has been written is sent."""
    if request.transport is not None:
        if abruptly:
            request.transport.abort()
        else:
            request.transport.close()
