"""Find the Hedgehog kinds that a cluster serves and this version of the plugin does not support.

One request tells them (aggregated discovery, since Kubernetes 1.30); of an older server each group is requested.
Discovery needs no permission on the kinds: Kubernetes grants it to everybody who is authenticated. Nothing is stored of
their objects, they are only counted, by metadata.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

from ..hedgehog.kinds import KINDS, Kind
from .client import Cluster
from .deadline import deadline
from .errors import BadAnswer, ClusterError, Forbidden, NotInstalled, Unreadable, quoted
from .transport import JSON

__all__ = (
    'MOST_COUNTED', 'MOST_KINDS', 'MOST_VERSIONS', 'NOT_OF_THE_FABRIC', 'undetermined', 'unsupported_kinds',
)

SUFFIX = '.githedgehog.com'

# A server that does not have aggregated discovery sends the list of groups.
AGGREGATED = 'APIGroupDiscoveryList'
DISCOVERY = f'{JSON};g=apidiscovery.k8s.io;v=v2;as={AGGREGATED},{JSON}'

# Groups that are left out on purpose: the installer's own configuration, which describes no fabric and holds secrets,
# and the state of the controller itself (FabricController, after 26.03), which describes none either.
NOT_OF_THE_FABRIC = frozenset({'fabricator.githedgehog.com', 'fcint.githedgehog.com'})

# The most versions of groups that are requested, kinds that are returned, and kinds whose objects are counted.
MOST_VERSIONS = 12
MOST_KINDS = 100
MOST_COUNTED = 5

# Limits of these requests, in seconds and bytes. None is repeated: the next sync tries again.
LIMITS = {'retries': 0, 'read_timeout': 5, 'longest_answer': 5, 'max_answer_size': 1024 * 1024}
LONGEST_IN_ALL = 20

# Names that Kubernetes accepts for groups (RFC 1123 subdomains), and for versions and plurals (RFC 1123 labels).
GROUP = re.compile(r'[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?')
LABEL = re.compile(r'[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?')

KNOWN = frozenset((kind.group, kind.plural) for kind in KINDS)

# A group, a version of it, and its resources as in an APIResourceList, or None if they are not known yet.
Served = tuple[str, str, list[dict[str, Any]] | None]


def unsupported_kinds(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """Return the Hedgehog kinds of a cluster that are not in hedgehog/kinds.py, at most MOST_KINDS, by name.

    Each has its kind, group, version, plural, and count: how many objects are in the namespace, None if that is not
    known. The cluster's limits are lowered for all further requests. Raises ClusterError if the cluster does not say
    which kinds it serves.
    """
    cluster.lower_limits(**LIMITS)
    found: dict[tuple[str, str], tuple[Kind, bool]] = {}
    with deadline(LONGEST_IN_ALL):
        for group, version, resources in _served(cluster):
            for kind, countable in _kinds(group, version, _resources(cluster, group, version, resources)):
                found.setdefault((kind.name, kind.group), (kind, countable))
        first = [found[key] for key in sorted(found)[:MOST_KINDS]]
        return [
            {
                'kind': kind.name, 'group': kind.group, 'version': kind.version, 'plural': kind.plural,
                'count': _count(cluster, kind, namespace) if countable and place < MOST_COUNTED else None,
            }
            for place, (kind, countable) in enumerate(first)
        ]


def undetermined(error: ClusterError) -> str:
    """Return a sentence for a cluster that did not say which kinds it serves."""
    if isinstance(error, Forbidden):
        return (
            'The credentials may not see which kinds the cluster serves (403), so unsupported kinds are not named. '
            'Bind the ClusterRole system:discovery to the ServiceAccount.'
        )
    return f'Whether the cluster has unsupported kinds could not be determined; the next sync tries again. {error}'


def _served(cluster: Cluster) -> list[Served]:
    """Return the Hedgehog groups with their versions: the one that each group prefers comes first."""
    try:
        answer = cluster.decoded(cluster.get('/apis', accept=DISCOVERY)[0])
    except Unreadable:  # too large, with the resources of all other groups in it
        answer = cluster.decoded(cluster.get('/apis')[0])
    if answer.get('kind') == AGGREGATED:
        groups = [
            (_mapping(item.get('metadata')).get('name'), item.get('versions'))
            for item in _listed(cluster, answer, '/apis', 'items')
        ]
    else:
        groups = [(item.get('name'), item.get('versions')) for item in _listed(cluster, answer, '/apis', 'groups')]
    return _preferred_first(groups)


def _preferred_first(groups: Iterable[tuple[Any, Any]]) -> list[Served]:
    """Return at most MOST_VERSIONS versions of the Hedgehog groups among these (name, versions)."""
    found: list[tuple[int, str, str, list[dict[str, Any]] | None]] = []
    for name, versions in groups:
        if not _is_name(name, GROUP) or not name.endswith(SUFFIX) or name in NOT_OF_THE_FABRIC:
            continue  # also a name that Kubernetes does not accept: it would become part of a path
        for place, version in enumerate(_mappings(versions)):
            if _is_name(label := version.get('version'), LABEL):
                found.append((place, name, label, _aggregated(version)))
    found.sort(key=lambda served: served[:3])
    return [(name, version, resources) for _, name, version, resources in found[:MOST_VERSIONS]]


def _aggregated(version: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the resources of a version in aggregated discovery, as in an APIResourceList; None if it has none."""
    if not isinstance(version.get('resources'), list):
        return None
    return [
        {
            'name': item.get('resource'), 'kind': _mapping(item.get('responseKind')).get('kind'),
            'namespaced': item.get('scope') == 'Namespaced', 'verbs': item.get('verbs'),
        }
        for item in _mappings(version['resources'])
    ]


def _resources(
    cluster: Cluster, group: str, version: str, known: list[dict[str, Any]] | None,
) -> list[dict[str, Any]]:
    """Return the resources of a version of a group: those that are known already, or else requested."""
    if known is not None:
        return known
    path = f'/apis/{group}/{version}'
    try:
        return _listed(cluster, cluster.decoded(cluster.get(path)[0]), path, 'resources')
    except NotInstalled:
        return []  # removed in the meantime


def _kinds(group: str, version: str, resources: Iterable[dict[str, Any]]) -> Iterator[tuple[Kind, bool]]:
    """Yield the unknown kinds of a version of a group, and whether their objects can be counted."""
    for resource in resources:
        plural, name = resource.get('name'), resource.get('kind')
        if not (isinstance(plural, str) and isinstance(name, str) and plural and name):
            continue
        if '/' in plural or (group, plural) in KNOWN:
            continue  # a subresource, such as switches/status, or a kind that is mirrored
        verbs = resource.get('verbs')
        countable = (
            _is_name(plural, LABEL) and resource.get('namespaced') is True and isinstance(verbs, list)
            and 'list' in verbs
        )
        name = quoted(name)
        yield Kind(name, quoted(plural), group, version, title=name, title_plural=name), countable


def _count(cluster: Cluster, kind: Kind, namespace: str) -> int | None:
    try:
        return cluster.count(kind, namespace)
    except ClusterError:
        return None  # the role that NetBox has by default lists supported kinds only


def _listed(cluster: Cluster, answer: dict[str, Any], path: str, key: str) -> list[dict[str, Any]]:
    """Return a list in an answer. Raises BadAnswer if there is none."""
    listed = answer.get(key)
    # Go writes an empty list as null.
    if not isinstance(listed, list) and (listed is not None or key not in answer):
        raise BadAnswer(f'{cluster.server} did not return a list of {key} at {path}.')
    return _mappings(listed)


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return the mappings in a list that a server has sent, whatever it has sent."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_name(value: Any, pattern: re.Pattern[str]) -> TypeGuard[str]:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
