"""Serve the API: an HTTP server in its own thread, with a Store."""

import asyncio
import base64
import contextlib
import datetime
import functools
import logging
import socket
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import yaml
from aiohttp import web

from . import patches
from .access import ADMIN, NOBODY, VIEWER, VPC_EDITOR, Access, Rule, User, as_user
from .discovery import REVIEWS, discover, discover_all, wants_aggregated
from .errors import APIError, PageNotFoundError, bad_request
from .faults import Fault, Faults
from .heartbeat import WRITERS, beat
from .messages import (
    Target,
    accept,
    bad_option,
    cut,
    encode_page,
    flag,
    integer,
    json_response,
    planned,
    read_body,
    read_object,
    review,
    send,
    target_of,
    unsupported,
    verb_of,
)
from .resources import Manifest, Resource, load_resources
from .selection import selection
from .store import Store, not_found
from .tls import Authority
from .watch import Watch, close

log = logging.getLogger(__name__)

TOKENS: Mapping[str, User | Rule | str] = {
    'admin-token': ADMIN,
    'viewer-token': VIEWER,
    'vpc-editor-token': VPC_EDITOR,
    'nobody-token': NOBODY,
}
ANONYMOUS = 'system:anonymous'
PUBLIC = ('/version', '/healthz', '/livez', '/readyz')  # open to everybody, as in a real cluster
WATCH_SECONDS = 1800
BOOKMARK_SECONDS = 60
MAX_BODY = 16 * 1024 * 1024
REQUESTS_KEPT = 10_000
GATE_SECONDS = 0.02  # between two checks of what holds a request
PATCHES: dict[str, Callable[[Any, Any], Any]] = {
    'application/merge-patch+json': patches.merge,
    'application/json-patch+json': patches.json_patch,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; `headers` have lower-case names."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class KubernetesAPI:
    """A Kubernetes API server for custom resources, in a thread of this process.

    `tokens` maps each bearer token to a User, the name of a role (admin, viewer, nobody) or a rule. By default these
    are admin-token, viewer-token, vpc-editor-token and nobody-token. `heartbeat` is the interval in seconds at which
    agents write their status, None for never. `missing_kinds` are the kinds whose CRD is not installed; the set may be
    changed while the server runs. `authority` signs the server's certificate, by default a new one, with `names` as
    further host names. `revision` is where resourceVersions start.

    Objects keep their uid, generation and creationTimestamp. They are in memory, and survive stop and start. Nothing is
    served before `start` or the `with` statement. Raises ValueError for an unknown role, APIError (400) for an object
    of an unknown kind.
    """

    def __init__(
        self,
        objects: Iterable[Manifest] = (),
        *,
        tokens: Mapping[str, User | Rule | str] = TOKENS,
        tls: bool = True,
        host: str = '127.0.0.1',
        port: int = 0,
        heartbeat: float | None = None,
        missing_kinds: Iterable[str] = (),
        resources: Iterable[Resource] | None = None,
        authority: Authority | None = None,
        names: Iterable[str] = (),
        revision: int = 0,
    ) -> None:
        self.store = Store(load_resources() if resources is None else resources, revision)
        self.faults = Faults()
        self.requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self.missing_kinds = set(missing_kinds)
        self.silent: set[str] = set()  # names of agents that do not write a heartbeat
        self.bookmark_seconds: float = BOOKMARK_SECONDS
        self.aggregated_discovery = True  # False as before Kubernetes 1.30
        self.tokens: dict[str, User] = {token: as_user(role) for token, role in tokens.items()}
        self._resources = {(r.group, r.version, r.plural): r for r in self.store.resources}
        self._kinds = {r.kind: r for r in self.store.resources}
        self._authority = (authority or Authority.create()) if tls else None
        self._host, self._port, self._names = host, port, tuple(names)
        self._heartbeat = heartbeat
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._watches: set[Watch] = set()
        for manifest in objects:
            self.store.put(manifest)
        self.store.subscribe(self._wake)
        if heartbeat is not None:
            self.beat(heartbeat)  # the loaded status is old

    # Running

    def start(self) -> Self:
        """Start to serve, and return once it does; again on the same port. Raises OSError if the port is in use."""
        if self._thread is not None:
            return self
        ready = _Outcome()
        self._thread = threading.Thread(target=self._run, args=(ready,), name='kubernetes-api', daemon=True)
        self._thread.start()
        try:
            ready.wait()
        except BaseException:
            self._thread.join()
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """End all connections and free the port, but keep the objects. Does nothing if it is not running."""
        thread, loop, end = self._thread, self._loop, self._end
        if thread is None or loop is None or end is None:
            return
        loop.call_soon_threadsafe(end.set)
        thread.join()
        self._thread = self._loop = self._end = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the address for clients. Raises RuntimeError before the first start, when no port is known yet."""
        if not self._port:
            raise RuntimeError('the server has no port before it is started')
        host = {'0.0.0.0': '127.0.0.1', '::': '::1'}.get(self._host, self._host)
        return f'{"https" if self._authority else "http"}://{f"[{host}]" if ":" in host else host}:{self._port}'

    @property
    def ca_pem(self) -> str:
        """Return the certificate that clients must trust, as PEM; empty without TLS."""
        return self._authority.certificate_pem if self._authority else ''

    def kubeconfig(self, token: str) -> str:
        """Return a kubeconfig for this server and a token, with everything embedded."""
        cluster = {'server': self.url}
        if self.ca_pem:
            cluster['certificate-authority-data'] = base64.b64encode(self.ca_pem.encode()).decode()
        user = self.tokens[token].name if token in self.tokens else 'unknown'
        config = {
            'apiVersion': 'v1',
            'kind': 'Config',
            'clusters': [{'name': 'hedgehog-demo', 'cluster': cluster}],
            'users': [{'name': user, 'user': {'token': token}}],
            'contexts': [{'name': user, 'context': {'cluster': 'hedgehog-demo', 'user': user, 'namespace': 'default'}}],
            'current-context': user,
        }
        return str(yaml.safe_dump(config, sort_keys=False))

    # Operations for tests and the demo, from any thread, also while it is stopped

    def put(self, manifest: Manifest) -> Manifest:
        """Create or replace an object, its status too, and return it. Raises APIError (400) for an unknown kind."""
        return self.store.put(manifest).manifest()

    def get(self, kind: str, name: str, namespace: str = 'default') -> Manifest:
        """Return an object. Raises APIError (404) if it does not exist, LookupError for an unknown kind."""
        return self.store.get(self._kinds[kind], namespace, name).manifest()

    def patch(self, kind: str, name: str, change: Manifest, namespace: str = 'default') -> Manifest:
        """Apply a merge patch to spec, status and metadata alike and return the object. Raises as `get`."""
        merge = functools.partial(patches.merge, patch=change)
        return self.store.modify(self._kinds[kind], namespace, name, merge).manifest()

    def delete(self, kind: str, name: str, namespace: str = 'default') -> None:
        """Delete an object. Raises as `get`."""
        self.store.delete(self._kinds[kind], namespace, name)

    def objects(self, kind: str | None = None) -> list[Manifest]:
        """Return all objects, or those of a kind."""
        resources = self.store.resources if kind is None else (self._kinds[kind],)
        return [stored.manifest() for resource in resources for stored in self.store.all(resource)]

    def expire_continue_tokens(self) -> None:
        """Make current lists return 410 Gone on their next page."""
        self.store.expire_lists()

    def compact(self) -> None:
        """Delete all history: watches and lists that refer to it return 410 Gone."""
        self.store.compact()

    def revoke(self, token: str) -> None:
        """Make a token unknown. Open watches continue, as in a real cluster."""
        self.tokens.pop(token, None)

    def grant(self, token: str, role: User | Rule | str) -> None:
        """Make a token known, or give it another role."""
        self.tokens[token] = as_user(role)

    def close_watches(self) -> None:
        """Break all open watches, as an impatient load balancer does."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._break_watches)

    def beat(self, seconds: float) -> None:
        """Make all agents write their current status, `seconds` after their last one, except those in `silent`."""
        now = datetime.datetime.now(datetime.UTC)
        change = functools.partial(beat, now=now, seconds=seconds)
        for resource in self.store.resources:
            if resource.kind not in WRITERS:
                continue
            for stored in self.store.all(resource):
                if stored.name not in self.silent:
                    try:
                        self.store.modify(resource, stored.namespace, stored.name, change, 'status')
                    except APIError:
                        continue  # deleted in the meantime

    # The thread

    def _run(self, ready: '_Outcome') -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            try:
                runner.run(self._serve(ready))
            except BaseException as error:  # raised in the thread that waits
                ready.fail(error)

    async def _serve(self, ready: '_Outcome') -> None:
        self._end = asyncio.Event()
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route('*', '/{path:.*}', self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        tasks: list[asyncio.Task[None]] = []
        try:
            names = dict.fromkeys([self._host, 'localhost', '127.0.0.1', '::1', socket.gethostname(), *self._names])
            context = self._authority.server_context(names) if self._authority else None
            await web.TCPSite(runner, self._host, self._port, ssl_context=context).start()
            self._port = runner.addresses[0][1]
            if self._heartbeat:
                tasks.append(asyncio.create_task(self._keep_beating(self._heartbeat)))
            ready.succeed()
            await self._end.wait()
        finally:
            for task in tasks:
                task.cancel()
            self._break_watches()
            # As when a server loses power: a client with a keep-alive connection cannot prevent it.
            for connection in runner.server.connections if runner.server else ():
                if connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(0)  # lets the transports close
            await runner.cleanup()

    async def _keep_beating(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await asyncio.to_thread(self.beat, seconds)
            except Exception:
                log.exception('The heartbeat failed')

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and self._watches:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: no watch is left
                loop.call_soon_threadsafe(self._tell_watches)

    def _tell_watches(self) -> None:
        for watch in self._watches:
            watch.changed.set()

    def _break_watches(self) -> None:
        for watch in self._watches:
            watch.break_off()

    # A request

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Request(request.method, request.path, dict(request.query), headers))
        met = self.faults.meet(request.path_qs)
        if delay := sum(fault.seconds for fault in met):
            await asyncio.sleep(delay)
        for gate in (fault.gate for fault in met if fault.gate is not None):
            while not gate.is_set():  # a thread that waited for it would outlive a server that is stopped meanwhile
                await asyncio.sleep(GATE_SECONDS)
        fault = next((fault for fault in met if fault.final), None)
        if fault is not None and fault.drop:
            close(request, abruptly=True)
            return web.Response()
        try:
            response = planned(fault) if fault and fault.status else await self._answer(request, fault)
        except APIError as error:
            response = json_response(error.body, error.code)
            if seconds := error.body.get('details', {}).get('retryAfterSeconds'):
                response.headers['Retry-After'] = str(seconds)
        except PageNotFoundError:
            response = web.Response(status=404, text='404 page not found\n')
        except Exception as error:
            log.exception('%s %s', request.method, request.path)
            response = json_response(APIError(500, 'InternalError', f'Internal error occurred: {error}').body, 500)
        if response.prepared:
            return response
        response.headers['Audit-Id'] = str(uuid.uuid4())
        response.headers['Cache-Control'] = 'no-cache, private'
        if fault is not None and fault.cut and isinstance(response, web.Response):
            return await cut(request, response)
        return response

    async def _answer(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        user = self._user(request)
        parts = request.path.strip('/').split('/')
        if parts[0] == 'apis' and tuple(parts[1:]) == REVIEWS and request.method == 'POST':
            return json_response(review(user, await read_object(request)), 201)
        target = target_of(parts)
        if target is None:
            return self._discover(request, user, parts)
        verb = verb_of(request, target)
        self._authorize(user, verb, target)
        resource = self._resources.get((target.group, target.version, target.plural))
        if resource is None or resource.kind in self.missing_kinds:
            raise PageNotFoundError
        if target.name and not target.namespace:
            raise PageNotFoundError
        if target.subresource not in ('', 'status'):
            raise not_found(resource, target.name)
        match verb:
            case 'list':
                return await self._list(request, resource, target)
            case 'watch':
                return await self._watch(request, resource, target, fault)
            case 'get':
                found = self.store.get(resource, target.namespace, target.name)
                return await send(request, found.partial if accept(request, single=True) else found.encoded)
            case 'create' | 'update' | 'patch' | 'delete':
                if not target.namespace:
                    raise PageNotFoundError
                if request.query.get('dryRun'):
                    raise bad_request('this server cannot do a dry run')
                return await self._write(request, resource, target, verb)
        raise APIError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

    def _user(self, request: web.Request) -> User | None:
        """Return the user of a request, None for anonymous. Raises APIError (401) for an unknown token."""
        scheme, _, token = request.headers.get('Authorization', '').partition(' ')
        if scheme.lower() != 'bearer':
            return None
        user = self.tokens.get(token.strip())
        if user is None:
            raise APIError(401, 'Unauthorized', 'Unauthorized')
        return user

    def _authorize(self, user: User | None, verb: str, target: Target) -> None:
        resource = f'{target.plural}/{target.subresource}' if target.subresource else target.plural
        access = Access(verb, target.group, resource, target.namespace, target.name)
        if user is not None and user.allows(access):
            return
        qualified = f'{target.plural}.{target.group}' + (f' "{target.name}"' if target.name else '')
        where = f'in the namespace "{target.namespace}"' if target.namespace else 'at the cluster scope'
        message = (
            f'{qualified} is forbidden: User "{user.name if user else ANONYMOUS}" cannot {verb} resource "{resource}" '
            f'in API group "{target.group}" {where}'
        )
        details = {'group': target.group, 'kind': target.plural}
        raise APIError(403, 'Forbidden', message, {'name': target.name, **details} if target.name else details)

    def _discover(self, request: web.Request, user: User | None, parts: list[str]) -> web.Response:
        """Return version and resources, for everybody with a token."""
        if user is None and request.path not in PUBLIC:
            message = f'forbidden: User "{ANONYMOUS}" cannot get path "{request.path}"'
            raise APIError(403, 'Forbidden', message, {})
        if request.method != 'GET':
            raise PageNotFoundError
        served = [resource for resource in self.store.resources if resource.kind not in self.missing_kinds]
        if parts == ['apis'] and self.aggregated_discovery and wants_aggregated(request.headers.get('Accept', '')):
            return json_response(discover_all(served))
        return json_response(body) if isinstance(body := discover(parts, served), dict) else web.Response(text=body)

    # The verbs

    async def _list(self, request: web.Request, resource: Resource, target: Target) -> web.StreamResponse:
        partial = accept(request, single=False)
        query = request.query
        wanted = selection(target.namespace or None, query.get('labelSelector', ''), query.get('fieldSelector', ''))
        limit, token = integer(query.get('limit', '')), query.get('continue', '')
        given, match = query.get('resourceVersion', ''), query.get('resourceVersionMatch', '')
        if match and not given:
            raise bad_option(
                'resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'
            )
        revision = self._revision(given)
        if token and revision:
            raise bad_request('specifying resource version is not allowed when using continue')
        if given == '0' and not token:
            limit = 0  # "any version" is answered from a cache that does not page
        if revision and (match == 'Exact' or (limit and not match)):
            page = self.store.page_at(resource, wanted, limit, revision)
        else:
            page = self.store.page(resource, wanted, limit, token)
        return await send(request, encode_page(resource, page, partial))

    def _revision(self, text: str) -> int:
        """Return the resourceVersion that a list requests. Raises APIError: 400, and 504 for a future one."""
        if not text:
            return 0
        if not text.isdigit():
            raise bad_request(f'invalid resource version: resourceVersion: Invalid value: "{text}"')
        revision = int(text)
        if revision > self.store.revision:
            message = f'Timeout: Too large resource version: {revision}, current: {self.store.revision}'
            causes = [{'reason': 'ResourceVersionTooLarge', 'message': 'Too large resource version'}]
            raise APIError(504, 'Timeout', message, {'causes': causes, 'retryAfterSeconds': 1})
        return revision

    async def _write(self, request: web.Request, resource: Resource, target: Target, verb: str) -> web.StreamResponse:
        accept(request, single=True)
        where = (resource, target.namespace, target.name)
        if verb == 'create':
            if target.name:
                raise APIError(405, 'MethodNotAllowed', 'the server does not allow this method on the resource', {})
            return await send(request, self.store.create(*where[:2], await read_object(request)).encoded, 201)
        if verb == 'delete':
            options = await read_body(request) if request.can_read_body else {}
            deleted = self.store.delete(*where, options.get('preconditions'))
            details = {'name': target.name, 'group': resource.group, 'kind': resource.plural, 'uid': deleted.uid}
            return json_response(
                {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Success', 'details': details}
            )
        if verb == 'update':
            body = await read_object(request)
            saved = self.store.modify(*where, lambda old: body, target.subresource, must_match=True)
        else:
            patch = PATCHES.get(request.content_type)
            if patch is None:
                raise unsupported(*PATCHES)
            changes = await read_body(request)
            try:
                saved = self.store.modify(*where, lambda old: patch(old, changes), target.subresource)
            except patches.PatchError as error:
                raise APIError(422, 'Invalid', str(error), {}) from error
        return await send(request, saved.encoded)

    async def _watch(
        self, request: web.Request, resource: Resource, target: Target, fault: Fault | None
    ) -> web.StreamResponse:
        query = request.query
        initial = flag(request, 'sendInitialEvents')
        if initial and query.get('resourceVersionMatch') != 'NotOlderThan':
            message = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
            raise bad_option('resourceVersionMatch', message)
        since = query.get('resourceVersion', '')
        if since and not since.isdigit():
            raise bad_request(f'resourceVersion: Invalid value: "{since}"')
        watch = Watch(
            request,
            self.store,
            resource,
            selection(target.namespace or None, query.get('labelSelector', ''), query.get('fieldSelector', '')),
            partial=accept(request, single=True),
            bookmarks=flag(request, 'allowWatchBookmarks'),
            bookmark_seconds=self.bookmark_seconds,
        )
        self._watches.add(watch)
        try:
            seconds = integer(query.get('timeoutSeconds', '')) or WATCH_SECONDS
            from_now = None if since in ('', '0') or initial else int(since)
            return await watch.run(from_now, seconds, initial_end=initial, cut=fault is not None and fault.cut)
        finally:
            self._watches.discard(watch)


class _Outcome:
    """Tell a waiting thread that the server runs, or why it does not."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._error: BaseException | None = None

    def succeed(self) -> None:
        self._done.set()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._done.set()

    def wait(self) -> None:
        self._done.wait()
        if self._error is not None:
            raise self._error
