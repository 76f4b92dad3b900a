"""Find fabrics that sync the same cluster, whose resources NetBox then has twice.

They are recognized by UIDs, which Kubernetes gives each resource. Two fabrics with different topology filters share
only what belongs to no Hedgehog fabric: that is how one controller is meant to be synced.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q

from ..accounts import AnyUser
from ..models import Fabric, FabricResource
from ..naming import first_names

__all__ = (
    'fabrics_by_cluster', 'fabrics_of_same_cluster', 'fabrics_with_resources', 'in_words', 'same_cluster_sentence',
)

# How many fabrics a sentence names.
SHOWN = 5

# Every Hedgehog installation has resources of these kinds, and no more than a few hundred.
SHARED = 'VLANNamespace'
PROBED = (SHARED, 'IPv4Namespace', 'SwitchGroup', 'Switch', 'Gateway')


def fabrics_by_cluster(fabrics: Any) -> list[list[str]]:
    """Return the names of those of these fabrics that sync the same cluster, a list for each such cluster."""
    probes = _probes().filter(fabric__in=fabrics.readable().values('pk'))
    twice = probes.values('uid').annotate(count=Count('fabric', distinct=True)).filter(count__gt=1).values('uid')
    rows = probes.filter(uid__in=twice).values_list('uid', 'fabric__name')
    names: dict[str, set[str]] = defaultdict(set)
    for uid, name in rows:
        names[uid].add(name)
    groups = {tuple(sorted(found)) for found in names.values() if len(found) > 1}
    return [list(group) for group in sorted(groups)]


def fabrics_of_same_cluster(fabric: Fabric, user: AnyUser | None = None) -> list[str]:
    """Return the names of the other fabrics that sync this fabric's cluster; with a user, of those they may view."""
    own = _probes().filter(fabric=fabric).values('uid')
    return _names_of_fabrics(_probes().filter(uid__in=own).exclude(fabric=fabric), user)


def fabrics_with_resources(uids: Iterable[str], fabric: Fabric, user: AnyUser) -> list[str]:
    """Return the names of other fabrics that sync resources with these UIDs, of those that the user may view.

    With a topology filter there is none: several fabrics of one controller are meant to share what is common to all.
    """
    if fabric.topology_filter:
        return []
    rows = _probes().filter(uid__in=list(uids), fabric__topology_filter='').exclude(fabric=fabric.pk)
    return _names_of_fabrics(rows, user)


def _names_of_fabrics(rows: Any, user: AnyUser | None) -> list[str]:
    """Return the names of the fabrics that these resources belong to; with a user, of those they may view."""
    visible = Fabric.objects.all() if user is None else Fabric.objects.restrict(user, 'view')
    return list(visible.readable().filter(pk__in=rows.values('fabric')).order_by('name').values_list('name', flat=True))


def in_words(names: list[str]) -> str:
    """Return the first few of these names, and how many more there are."""
    return first_names(names, SHOWN)


def same_cluster_sentence(names: list[str]) -> str:
    """Return a sentence on fabrics that sync the same cluster, the first few by name."""
    return (
        f'These fabrics sync the same cluster: {in_words(names)}. NetBox shows its resources more than once. '
        'Disable or delete all but one of them, or give each a topology filter of its own.'
    )


def _probes() -> Any:
    rows = FabricResource._base_manager.filter(kind__in=PROBED, missing_since=None).exclude(uid='')
    # What is shared says something only of fabrics that sync everything.
    return rows.exclude(~Q(fabric__topology_filter=''), kind=SHARED).order_by()
