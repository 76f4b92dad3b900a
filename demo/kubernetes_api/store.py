"""Store the objects, their history and the one revision counter, as etcd does for a Kubernetes API server.

Every object is stored as the JSON that is sent: a page of a list is a join, and nobody can change an object by mistake.
The last minutes of changes are kept, which gives watches their events and lists their consistent pages.
"""

import base64
import binascii
import bisect
import datetime
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .errors import APIError, bad_request, gone
from .resources import Manifest, Resource
from .selection import Selection

HISTORY_SECONDS = 300  # as long as etcd keeps revisions under an API server
NAME = re.compile(r'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
# Fields that only the server writes.
SERVER_FIELDS = ('uid', 'resourceVersion', 'generation', 'creationTimestamp', 'selfLink')

CONTINUE_EXPIRED = (
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without '
    'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. '
    'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or '
    'deleted between the time the first chunk was returned and now may show up in the list.'
)


def encode(value: Any) -> bytes:
    """Return compact JSON with sorted keys, as the API server sends it."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def timestamp(moment: datetime.datetime | None = None) -> str:
    """Return a time, or the current one, in Kubernetes' format."""
    return (moment or datetime.datetime.now(datetime.UTC)).strftime('%Y-%m-%dT%H:%M:%SZ')


@dataclass(frozen=True, slots=True)
class Stored:
    """One object at one revision."""

    key: str  # namespace/name: lists come in this order
    namespace: str
    name: str
    uid: str
    revision: int
    labels: dict[str, str]
    encoded: bytes
    partial: bytes  # the same as PartialObjectMetadata

    def manifest(self) -> Manifest:
        """Return a copy of the object that the caller may change."""
        manifest: Manifest = json.loads(self.encoded)
        return manifest

    def at(self, revision: int) -> 'Stored':
        """Return the same object with another resourceVersion: a deletion has its own."""
        manifest = self.manifest()
        manifest['metadata']['resourceVersion'] = str(revision)
        return _stored(manifest, revision)


@dataclass(frozen=True, slots=True)
class Change:
    """A change at a revision: `old` is None for a creation, `new` for a deletion."""

    revision: int
    at: float
    resource: Resource
    old: Stored | None
    new: Stored | None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. `remaining` is None where Kubernetes does not count."""

    items: list[Stored]
    revision: int
    token: str = ''
    remaining: int | None = None


@dataclass(slots=True)
class _Table:
    """All objects of one resource, and their sorted keys until the next change."""

    rows: dict[str, Stored] = field(default_factory=dict)
    sorted: list[Stored] | None = None

    def in_order(self) -> list[Stored]:
        if self.sorted is None:
            self.sorted = [self.rows[key] for key in sorted(self.rows)]
        return self.sorted


def _stored(manifest: Manifest, revision: int) -> Stored:
    metadata = manifest['metadata']
    partial = {'apiVersion': 'meta.k8s.io/v1', 'kind': 'PartialObjectMetadata', 'metadata': metadata}
    return Stored(
        f'{metadata["namespace"]}/{metadata["name"]}',
        metadata['namespace'],
        metadata['name'],
        metadata['uid'],
        revision,
        metadata.get('labels') or {},
        encode(manifest),
        encode(partial),
    )


def _intent(manifest: Manifest) -> Manifest:
    """Return the part of an object whose change increases the generation."""
    return {key: value for key, value in manifest.items() if key not in ('metadata', 'status')}


class Store:
    """Thread-safe: the server's event loop, a heartbeat and a test may use it at the same time."""

    def __init__(self, resources: Iterable[Resource], revision: int = 0) -> None:
        """Start the counter at `revision`, which must not decrease between two processes that share clients."""
        self._lock = threading.RLock()
        self._revision = revision
        self._tables = {resource: _Table() for resource in resources}
        self._by_kind = {(resource.api_version, resource.kind): resource for resource in self._tables}
        self._history: list[Change] = []
        self._deleted_uids: set[str] = set()
        # Revisions up to these are no longer stored: for a watch that resumes, and for a list that continues.
        self._watch_floor = revision
        self._list_floor = revision
        self._listeners: list[Callable[[], None]] = []

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Return all resources that can be stored."""
        return tuple(self._tables)

    @property
    def revision(self) -> int:
        """Return the resourceVersion of the latest change."""
        return self._revision

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, in the thread that made it; it must be quick and not raise."""
        self._listeners.append(listener)

    def resource_of(self, manifest: Manifest) -> Resource:
        """Return the resource of an object. Raises APIError (400) if there is none."""
        try:
            return self._by_kind[manifest['apiVersion'], manifest['kind']]
        except KeyError:
            raise bad_request(f'no kind {manifest.get("kind")!r} in {manifest.get("apiVersion")!r}') from None

    # Reading

    def get(self, resource: Resource, namespace: str, name: str) -> Stored:
        """Return an object. Raises APIError (404)."""
        found = self._tables[resource].rows.get(f'{namespace}/{name}')
        if found is None:
            raise not_found(resource, name)
        return found

    def all(self, resource: Resource) -> list[Stored]:
        """Return all objects of a resource, ordered by namespace and name."""
        with self._lock:
            return list(self._tables[resource].in_order())

    def page(self, resource: Resource, selection: Selection, limit: int = 0, token: str = '') -> Page:
        """Return the next `limit` objects (0: all) from a continue token on, as of its revision.

        Raises APIError: 400 for an invalid token, 410 for one that is too old to be consistent.
        """
        with self._lock:
            revision, start = _read_token(token) if token else (self._revision, '')
            if revision < 0:  # a client chose to go on after 410, with what there is now
                revision = self._revision
            elif token and revision < self._list_floor:
                raise gone(CONTINUE_EXPIRED, {'continue': _write_token(-1, start)})
            items = self._snapshot(resource, revision)
        if not selection.everything:
            items = [item for item in items if selection.matches(item.namespace, item.name, item.labels)]
        first = bisect.bisect_left(items, start, key=lambda item: item.key)
        last = first + limit if limit else len(items)
        page, remaining = items[first:last], max(0, len(items) - last)
        if not remaining:
            return Page(page, revision)
        # The key after the last one sent: nothing sorts between a key and itself with a NUL.
        following = _write_token(revision, page[-1].key + '\0')
        return Page(page, revision, following, None if selection.selective else remaining)

    def page_at(self, resource: Resource, selection: Selection, limit: int, revision: int) -> Page:
        """Return the first page as of an exact revision. Raises APIError (410) if that is no longer stored."""
        if revision < self._list_floor:
            raise gone('The resourceVersion for the provided list is too old.')
        return self.page(resource, selection, limit, _write_token(revision, ''))

    def changes(self, resource: Resource, since: int) -> tuple[list[Change], int]:
        """Return the changes of a resource after revision `since`, and the revision up to which they are complete.

        Raises APIError (410) if they are no longer all stored.
        """
        with self._lock:
            if since < self._watch_floor:
                raise gone(f'too old resource version: {since} ({self._watch_floor})')
            return [change for change in self._since(since) if change.resource is resource], self._revision

    def _since(self, revision: int) -> list[Change]:
        return self._history[bisect.bisect_right(self._history, revision, key=lambda change: change.revision) :]

    def _snapshot(self, resource: Resource, revision: int) -> list[Stored]:
        table = self._tables[resource]
        undone = [change for change in self._since(revision) if change.resource is resource]
        if not undone:
            return table.in_order()
        rows = dict(table.rows)
        for change in reversed(undone):
            if change.old is not None:
                rows[change.old.key] = change.old
            elif change.new is not None:
                del rows[change.new.key]
        return [rows[key] for key in sorted(rows)]

    # Writing

    def put(self, manifest: Manifest) -> Stored:
        """Create or replace an object, status included.

        A new object keeps its uid, generation and creationTimestamp, so that a fabric loaded again is the same; but a
        deleted uid does not come back. Of an existing one only the fields that people and controllers write are
        replaced.
        """
        with self._lock:
            resource = self.resource_of(manifest)
            metadata = {'namespace': 'default', **manifest['metadata']}
            old = self._tables[resource].rows.get(f'{metadata["namespace"]}/{metadata["name"]}')
            if old is not None:
                return self._write(resource, old, {**manifest, 'metadata': metadata})
            if metadata.get('uid') in self._deleted_uids:
                metadata = {key: value for key, value in metadata.items() if key not in SERVER_FIELDS}
            return self._insert(resource, {**manifest, 'metadata': metadata})

    def create(self, resource: Resource, namespace: str, manifest: Manifest) -> Stored:
        """Create an object as the API does: without status. Raises APIError (400, 409, 422)."""
        with self._lock:
            self._check_body(resource, namespace, manifest)
            given = manifest.get('metadata') or {}
            name = given.get('name')
            if not name:
                message = 'Required value: name or generateName is required'
                raise _invalid(resource, '', 'FieldValueRequired', 'metadata.name', message)
            if not NAME.fullmatch(name):
                message = f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of lower case '
                message += "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
                raise _invalid(resource, name, 'FieldValueInvalid', 'metadata.name', message)
            if f'{namespace}/{name}' in self._tables[resource].rows:
                message = f'{resource.qualified} "{name}" already exists'
                raise APIError(409, 'AlreadyExists', message, _details(resource, name))
            metadata = {key: value for key, value in given.items() if key not in SERVER_FIELDS}
            body = {key: value for key, value in manifest.items() if key != 'status'}
            return self._insert(resource, {**body, 'metadata': {**metadata, 'namespace': namespace}})

    def modify(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Manifest], Manifest],
        subresource: str | None = None,
        must_match: bool = False,
    ) -> Stored:
        """Replace an object with the result of `change` for a copy of it.

        With `subresource` 'status' only the status is replaced, with '' everything but the status, with None both. The
        resourceVersion in the result must be the current one, or, unless `must_match`, absent. Raises APIError (400,
        404, 409, 422); what `change` raises passes through and nothing is written.
        """
        with self._lock:
            old = self.get(resource, namespace, name)
            new = change(old.manifest())
            self._check_body(resource, namespace, new)
            metadata = new.get('metadata') or {}
            if metadata.get('name', name) != name:
                raise bad_request(
                    f'the name of the object ({metadata["name"]}) does not match the name on the URL ({name})'
                )
            version = metadata.get('resourceVersion')
            if must_match and not version:
                message = 'Invalid value: 0: must be specified for an update'
                raise _invalid(resource, name, 'FieldValueInvalid', 'metadata.resourceVersion', message)
            if version and version != str(old.revision):
                raise _conflict(
                    resource,
                    name,
                    'the object has been modified; please apply your changes to the latest version and try again',
                )
            if metadata.get('uid', old.uid) != old.uid:
                message = f'Precondition failed: UID in precondition: {metadata["uid"]}, UID in object meta: {old.uid}'
                raise _conflict(resource, name, message)
            before = old.manifest()
            if subresource == 'status':
                new = {**before, 'status': new.get('status')}
            elif subresource == '':
                new = {**new, 'status': before.get('status')}
            return self._write(resource, old, {'metadata': metadata, **new})

    def delete(
        self, resource: Resource, namespace: str, name: str, preconditions: dict[str, str] | None = None
    ) -> Stored:
        """Delete an object and return its last state. Raises APIError (404, 409)."""
        with self._lock:
            old = self.get(resource, namespace, name)
            for title, key, actual in (
                ('UID', 'uid', old.uid),
                ('ResourceVersion', 'resourceVersion', str(old.revision)),
            ):
                wanted = (preconditions or {}).get(key)
                if wanted is not None and wanted != actual:
                    message = f'the {title} in the precondition ({wanted}) does not match the {title} in record'
                    raise _conflict(resource, name, f'{message} ({actual})')
            table = self._tables[resource]
            del table.rows[old.key]
            self._deleted_uids.add(old.uid)
            self._record(resource, old, None)
            return old

    def expire_lists(self) -> None:
        """Make every continue token so far return 410."""
        with self._lock:
            self._revision += 1  # a list that starts from now on has a revision that is kept
            self._list_floor = self._revision

    def compact(self) -> None:
        """Delete the history, as etcd's compaction does: old watches and continue tokens return 410."""
        with self._lock:
            self.expire_lists()
            self._watch_floor = self._revision
            self._history.clear()

    def _insert(self, resource: Resource, manifest: Manifest) -> Stored:
        given = manifest['metadata']
        server = {
            'uid': given.get('uid') or str(uuid.uuid4()),
            'generation': given.get('generation') or 1,
            'creationTimestamp': given.get('creationTimestamp') or timestamp(),
        }
        return self._save(resource, None, {**manifest, 'metadata': {**given, **server}})

    def _write(self, resource: Resource, old: Stored, manifest: Manifest) -> Stored:
        before = old.manifest()
        kept = {key: before['metadata'][key] for key in SERVER_FIELDS if key in before['metadata']}
        given = {key: value for key, value in manifest['metadata'].items() if key not in SERVER_FIELDS}
        new = {**manifest, 'metadata': {**given, **kept, 'namespace': old.namespace, 'name': old.name}}
        if new.get('status') is None:
            new.pop('status', None)
        if _intent(new) != _intent(before):
            new['metadata']['generation'] = before['metadata']['generation'] + 1
        # A write without a change does nothing: no new resourceVersion, no event.
        return old if new == before else self._save(resource, old, new)

    def _save(self, resource: Resource, old: Stored | None, manifest: Manifest) -> Stored:
        manifest['metadata']['resourceVersion'] = str(self._revision + 1)
        new = _stored(manifest, self._revision + 1)
        self._tables[resource].rows[new.key] = new
        self._record(resource, old, new)
        return new

    def _record(self, resource: Resource, old: Stored | None, new: Stored | None) -> None:
        now = time.monotonic()
        self._revision += 1
        self._tables[resource].sorted = None
        self._history.append(Change(self._revision, now, resource, old, new))
        outdated = bisect.bisect_left(self._history, now - HISTORY_SECONDS, key=lambda change: change.at)
        if outdated:
            floor = self._history[outdated - 1].revision
            self._watch_floor, self._list_floor = max(self._watch_floor, floor), max(self._list_floor, floor)
            del self._history[:outdated]
        for listener in self._listeners:
            listener()

    def _check_body(self, resource: Resource, namespace: str, manifest: Any) -> None:
        if not isinstance(manifest, dict):
            raise bad_request('the object provided is unrecognized: it is not an object')
        if manifest.get('apiVersion') != resource.api_version:
            raise bad_request(
                f'the API version in the data ({manifest.get("apiVersion")}) does not match the expected API version '
                f'({resource.api_version})'
            )
        if manifest.get('kind') != resource.kind:
            why = f'Invalid value: "{manifest.get("kind")}": must be {resource.kind}'
            raise _invalid(resource, '', 'FieldValueInvalid', 'kind', why)
        if not isinstance(manifest.get('metadata') or {}, dict):
            raise bad_request('metadata is not an object')
        if (manifest.get('metadata') or {}).get('namespace', namespace) != namespace:
            raise bad_request('the namespace of the provided object does not match the namespace sent on the request')


def not_found(resource: Resource, name: str) -> APIError:
    """Return the error for an object that does not exist."""
    return APIError(404, 'NotFound', f'{resource.qualified} "{name}" not found', _details(resource, name))


def _details(resource: Resource, name: str) -> dict[str, Any]:
    return {'name': name, 'group': resource.group, 'kind': resource.plural}


def _conflict(resource: Resource, name: str, why: str) -> APIError:
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return APIError(409, 'Conflict', message, _details(resource, name))


def _invalid(resource: Resource, name: str, reason: str, where: str, why: str) -> APIError:
    causes = [{'reason': reason, 'message': why, 'field': where}]
    details = {**({'name': name} if name else {}), 'group': resource.group, 'kind': resource.kind, 'causes': causes}
    message = f'{resource.kind}.{resource.group} "{name}" is invalid: {where}: {why}'
    return APIError(422, 'Invalid', message, details)


def _write_token(revision: int, start: str) -> str:
    token = encode({'v': 'meta.k8s.io/v1', 'rv': revision, 'start': start})
    return base64.urlsafe_b64encode(token).rstrip(b'=').decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        value = json.loads(base64.urlsafe_b64decode(token + '=' * (-len(token) % 4)))
        return int(value['rv']), str(value['start'])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request(f'invalid continue token: continue key is not valid: {error}') from None
