"""Parse requests and write responses: the HTTP part of the API's server."""

import asyncio
import contextlib
import gzip
import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .access import Access, User
from .errors import APIError, bad_request
from .faults import REASONS, Fault
from .resources import Manifest, Resource
from .store import Page, encode
from .watch import close

GZIP_BYTES = 128 * 1024  # smaller responses are not compressed, as in the real one


@dataclass(frozen=True, slots=True)
class Target:
    """The object or list that a path under /apis/{group}/{version} names. An empty namespace means all of them."""

    group: str
    version: str
    plural: str
    namespace: str = ''
    name: str = ''
    subresource: str = ''


# Requests


def target_of(parts: list[str]) -> Target | None:
    match parts:
        case ['apis', group, version, 'namespaces', namespace, plural, *rest] if len(rest) <= 2:
            return Target(group, version, plural, namespace, *rest)
        case ['apis', group, version, plural, *rest] if len(rest) <= 2 and plural != 'namespaces':
            return Target(group, version, plural, '', *rest)
    return None


def verb_of(request: web.Request, target: Target) -> str:
    if request.method == 'GET':
        if target.name:
            return 'get'
        return 'watch' if flag(request, 'watch') else 'list'
    verbs = {'POST': 'create'} if not target.name else {'PUT': 'update', 'PATCH': 'patch', 'DELETE': 'delete'}
    if target.subresource:
        verbs.pop('DELETE', None)
    return verbs.get(request.method, request.method.lower())


def accept(request: web.Request, *, single: bool) -> bool:
    """Return whether the client wants metadata only. Raises APIError (406) if it accepts no available format."""
    wanted = 'PartialObjectMetadata' if single else 'PartialObjectMetadataList'
    for part in request.headers.get('Accept', '*/*').split(','):
        media, *parameters = (piece.strip() for piece in part.split(';'))
        values = dict(parameter.partition('=')[::2] for parameter in parameters)
        if media not in ('application/json', 'application/*', '*/*'):
            continue
        if 'as' not in values:
            return False
        if values['as'] == wanted and values.get('g') == 'meta.k8s.io' and values.get('v') == 'v1':
            return True
    raise APIError(406, 'NotAcceptable', 'only the following media types are accepted: application/json')


def flag(request: web.Request, name: str) -> bool:
    """Return a boolean parameter: Kubernetes takes everything as true except absence, `false` and `0`."""
    return request.query.get(name, '0').lower() not in ('0', 'false')


def integer(text: str) -> int:
    """Return a number, 0 if it is absent or negative. Raises APIError (400) for an invalid one."""
    if not re.fullmatch(r'-?\d+|', text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return max(0, int(text or 0))


async def read_body(request: web.Request) -> Any:
    text = await request.text()
    try:
        return json.loads(text)
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


async def read_object(request: web.Request) -> Manifest:
    if request.content_type not in ('application/json', 'application/octet-stream'):
        raise unsupported('application/json')
    body: Manifest = await read_body(request)
    return body


def bad_option(name: str, why: str) -> APIError:
    causes = [{'reason': 'FieldValueForbidden', 'message': f'Forbidden: {why}', 'field': name}]
    details = {'group': 'meta.k8s.io', 'kind': 'ListOptions', 'causes': causes}
    return APIError(422, 'Invalid', f'ListOptions.meta.k8s.io "" is invalid: {name}: Forbidden: {why}', details)


def unsupported(*accepted: str) -> APIError:
    message = 'the body of the request was in an unknown format - accepted media types include: '
    return APIError(415, 'UnsupportedMediaType', message + ', '.join(accepted))


def review(user: User | None, body: Any) -> Manifest:
    """Return a SelfSubjectAccessReview with its result."""
    spec = body.get('spec') or {}
    asked = spec.get('resourceAttributes')
    if asked is not None:
        resource = '/'.join(filter(None, (asked.get('resource', ''), asked.get('subresource', ''))))
        access = Access(
            asked.get('verb', ''), asked.get('group', ''), resource, asked.get('namespace', ''), asked.get('name', '')
        )
        allowed = user is not None and user.allows(access)
    else:
        allowed = user is not None and (spec.get('nonResourceAttributes') or {}).get('verb') == 'get'
    kind = {'kind': 'SelfSubjectAccessReview', 'apiVersion': 'authorization.k8s.io/v1'}
    return {**kind, 'metadata': {}, 'spec': spec, 'status': {'allowed': allowed}}


# Responses


def json_response(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type='application/json')


async def send(request: web.Request, body: bytes, status: int = 200) -> web.Response:
    headers = {'Content-Type': 'application/json'}
    if len(body) >= GZIP_BYTES and 'gzip' in request.headers.get('Accept-Encoding', ''):
        body = await asyncio.to_thread(gzip.compress, body, 1)
        headers |= {'Content-Encoding': 'gzip', 'Vary': 'Accept-Encoding'}
    return web.Response(body=body, status=status, headers=headers)


def encode_page(resource: Resource, page: Page, partial: bool) -> bytes:
    metadata: dict[str, Any] = {'resourceVersion': str(page.revision), 'continue': page.token}
    if page.remaining is not None:
        metadata['remainingItemCount'] = page.remaining
    version, kind = resource.api_version, f'{resource.kind}List'
    if partial:
        version, kind = 'meta.k8s.io/v1', 'PartialObjectMetadataList'
    items = b','.join([item.partial if partial else item.encoded for item in page.items])
    head = encode({'apiVersion': version, 'kind': kind, 'metadata': metadata})
    return b'%b,"items":[%b]}' % (head[:-1], items)


def planned(fault: Fault) -> web.Response:
    """Return the response that a fault defines."""
    if fault.body is not None:
        return web.Response(body=fault.body, status=fault.status, headers=fault.headers)
    reason = REASONS.get(fault.status, 'InternalError')
    messages = {429: 'Too many requests, please try again later.', 401: 'Unauthorized'}
    message = messages.get(fault.status, 'the server is currently unable to handle the request')
    details = {'retryAfterSeconds': int(fault.headers['Retry-After'])} if 'Retry-After' in fault.headers else None
    body = encode(APIError(fault.status, reason, message, details).body)
    return web.Response(body=body, status=fault.status, headers=fault.headers)


async def cut(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Send the first half of a body with the length of all of it, and close the connection."""
    body = response.body if isinstance(response.body, bytes) else b''
    half = web.StreamResponse(status=response.status, headers=response.headers)
    half.content_length = len(body)
    await half.prepare(request)
    with contextlib.suppress(ConnectionError):
        await half.write(body[: len(body) // 2])
    close(request, abruptly=False)
    return half
