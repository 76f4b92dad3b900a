"""Answer what a client can ask about the API itself: its version, and its resources."""

from collections.abc import Sequence
from typing import Any

from .errors import PageNotFoundError
from .resources import Resource

AGGREGATED = 'APIGroupDiscoveryList'
VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']
REVIEWS = ('authorization.k8s.io', 'v1', 'selfsubjectaccessreviews')
# Complete: clients that validate responses reject a version without one of these.
VERSION = {
    'major': '1',
    'minor': '36',
    'gitVersion': 'v1.36.4+hedgehog-demo',
    'gitCommit': 'none',
    'gitTreeState': 'clean',
    'buildDate': '2026-01-01T00:00:00Z',
    'goVersion': 'none',
    'compiler': 'python',
    'platform': 'linux/amd64',
}


def discover(parts: Sequence[str], served: Sequence[Resource]) -> dict[str, Any] | str:
    """Return the response for a path, given as its parts, of a server with these resources.

    Raises PageNotFoundError.
    """
    versions = dict.fromkeys((resource.group, resource.version) for resource in served)
    versions[REVIEWS[:2]] = None
    match parts:
        case ['version']:
            return VERSION
        case ['healthz' | 'livez' | 'readyz']:
            return 'ok'
        case ['api']:
            return {'kind': 'APIVersions', 'versions': ['v1'], 'serverAddressByClientCIDRs': []}
        case ['api', 'v1']:
            return _resource_list('v1', [])
        case ['apis']:
            groups = [_group(group, version) for group, version in versions]
            return {'kind': 'APIGroupList', 'apiVersion': 'v1', 'groups': groups}
        case ['apis', group]:
            for known, version in versions:
                if known == group:
                    return {'kind': 'APIGroup', 'apiVersion': 'v1', **_group(group, version)}
        case ['apis', group, version] if (group, version) == REVIEWS[:2]:
            review = {'name': REVIEWS[2], 'singularName': '', 'namespaced': False}
            review |= {'kind': 'SelfSubjectAccessReview', 'verbs': ['create']}
            return _resource_list(f'{group}/{version}', [review])
        case ['apis', group, version] if (group, version) in versions:
            found = [r for r in served if (r.group, r.version) == (group, version)]
            return _resource_list(f'{group}/{version}', [e for r in found for e in _entries(r)])
    raise PageNotFoundError


def wants_aggregated(accept: str) -> bool:
    """Return whether a client prefers aggregated discovery, by its Accept header."""
    first = accept.partition(',')[0].replace(' ', '').split(';')
    return {'g=apidiscovery.k8s.io', 'v=v2', f'as={AGGREGATED}'} <= set(first[1:])


def discover_all(served: Sequence[Resource]) -> dict[str, Any]:
    """Return the response to aggregated discovery: all groups with their versions and resources."""
    versions = dict.fromkeys((resource.group, resource.version) for resource in served)
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, version in versions:
        found = [_aggregated(resource) for resource in served if (resource.group, resource.version) == (group, version)]
        groups.setdefault(group, []).append({'version': version, 'resources': found, 'freshness': 'Current'})
    items = [
        {'metadata': {'name': group, 'creationTimestamp': None}, 'versions': found} for group, found in groups.items()
    ]
    return {'kind': AGGREGATED, 'apiVersion': 'apidiscovery.k8s.io/v2', 'metadata': {}, 'items': items}


def _aggregated(resource: Resource) -> dict[str, Any]:
    kind = {'group': resource.group, 'version': resource.version, 'kind': resource.kind}
    return {
        'resource': resource.plural, 'responseKind': kind, 'scope': 'Namespaced',
        'singularResource': resource.kind.lower(), 'verbs': VERBS,
        'subresources': [{'subresource': 'status', 'responseKind': kind, 'verbs': ['get', 'patch', 'update']}],
    }


def _resource_list(group_version: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {'kind': 'APIResourceList', 'apiVersion': 'v1', 'groupVersion': group_version, 'resources': entries}


def _group(group: str, version: str) -> dict[str, Any]:
    only = {'groupVersion': f'{group}/{version}', 'version': version}
    return {'name': group, 'versions': [only], 'preferredVersion': only}


def _entries(resource: Resource) -> list[dict[str, Any]]:
    entry = {'name': resource.plural, 'singularName': resource.kind.lower(), 'namespaced': True}
    entry |= {'kind': resource.kind, 'verbs': VERBS}
    status = {**entry, 'name': f'{resource.plural}/status', 'singularName': '', 'verbs': ['get', 'patch', 'update']}
    return [entry, status]
