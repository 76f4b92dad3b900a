"""Find the Hedgehog kinds that a cluster serves and this version of the plugin does not support.

Discovery needs no permission on the kinds: Kubernetes grants it to everybody who is authenticated. Nothing is stored of
their objects, they are only counted, by metadata.
"""

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from ..hedgehog.kinds import KINDS, Kind
from .client import Cluster
from .deadline import deadline
from .errors import BadAnswer, ClusterError, Forbidden, NotInstalled, quoted

__all__ = ('MOST_COUNTED', 'MOST_KINDS', 'MOST_VERSIONS', 'NOT_OF_THE_FABRIC', 'undetermined', 'unsupported_kinds')

SUFFIX = '.githedgehog.com'

# Groups that are left out on purpose: the installer's own configuration, which describes no fabric and holds secrets.
NOT_OF_THE_FABRIC = frozenset({'fabricator.githedgehog.com'})

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


def unsupported_kinds(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """Return the Hedgehog kinds of a cluster that are not in hedgehog/kinds.py, at most MOST_KINDS, by name.

    Each has its kind, group, version, plural, and count: how many objects are in the namespace, None if that is not
    known. The cluster's limits are lowered for all further requests. Raises ClusterError if the cluster does not say
    which kinds it serves.
    """
    cluster.lower_limits(**LIMITS)
    found: dict[tuple[str, str], tuple[Kind, bool]] = {}
    with deadline(LONGEST_IN_ALL):
        for group, version in _versions(cluster):
            for kind, countable in _kinds(cluster, group, version):
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


def _versions(cluster: Cluster) -> list[tuple[str, str]]:
    """Return the Hedgehog groups with their versions: the one that each group prefers comes first."""
    found = []
    for group in _listed(cluster, '/apis', 'groups'):
        name = group.get('name')
        if not _is_name(name, GROUP) or not name.endswith(SUFFIX) or name in NOT_OF_THE_FABRIC:
            continue  # also a name that Kubernetes does not accept: it would become part of a path
        versions = [version.get('version') for version in _mappings(group.get('versions'))]
        found += [(place, name, version) for place, version in enumerate(versions) if _is_name(version, LABEL)]
    return [(group, version) for _, group, version in sorted(found)[:MOST_VERSIONS]]


def _kinds(cluster: Cluster, group: str, version: str) -> Iterator[tuple[Kind, bool]]:
    """Yield the unknown kinds of a version of a group, and whether their objects can be counted."""
    try:
        resources = _listed(cluster, f'/apis/{group}/{version}', 'resources')
    except NotInstalled:
        return  # removed in the meantime
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


def _listed(cluster: Cluster, path: str, key: str) -> list[dict[str, Any]]:
    answer = cluster.decoded(cluster.get(path)[0])
    listed = answer.get(key)
    # Go writes an empty list as null.
    if not isinstance(listed, list) and (listed is not None or key not in answer):
        raise BadAnswer(f'{cluster.server} did not return a list of {key} at {path}.')
    return _mappings(listed)


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return the mappings in a list that a server has sent, whatever it has sent."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_name(value: Any, pattern: re.Pattern[str]) -> TypeGuard[str]:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
