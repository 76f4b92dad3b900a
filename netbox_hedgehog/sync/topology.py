"""Limit a fabric to one Hedgehog fabric of its controller: its topology filter."""

from django.db.models import Q

from ..cluster.client import Cluster
from ..cluster.errors import ClusterError, NotInstalled
from ..hedgehog.kinds import KIND_BY_NAME, KINDS, Kind
from ..hedgehog.topology import DEFAULT, TopologyFilter, is_in_spec
from ..models import Fabric, FabricResource

__all__ = ('UnknownTopology', 'check_topology', 'filter_of', 'followed_names', 'outside_filter')

# The kind of Hedgehog fabrics.
TOPOLOGIES = KIND_BY_NAME['Fabric']


class UnknownTopology(ClusterError):
    """The cluster has no Hedgehog fabric of the name in the topology filter: to sync nothing is not what is meant."""

    ends_sync = True


def filter_of(fabric: Fabric) -> TopologyFilter:
    """Return a fabric's topology filter."""
    return TopologyFilter(fabric.topology_filter)


def followed_names(fabric: Fabric, kind: Kind) -> frozenset[str]:
    """Return the names of the fabric's resources that those of this kind belong to: of Agents, of its switches."""
    if kind.follows is None:
        return frozenset()
    rows = FabricResource.objects.filter(fabric=fabric, kind=kind.follows.kind, missing_since=None)
    return frozenset(rows.values_list('name', flat=True))


def check_topology(cluster: Cluster, fabric: Fabric) -> None:
    """Raise UnknownTopology if the cluster does not have the Hedgehog fabric of the topology filter.

    A release without Hedgehog fabrics has the default one. One request, if there is a filter. Raises ClusterError.
    """
    wanted = fabric.topology_filter
    if not wanted:
        return
    try:
        pages = list(cluster.objects(TOPOLOGIES, fabric.kubernetes_namespace, [wanted]))
        found = any(page.items or page.unreadable for page in pages)
    except NotInstalled:
        found = wanted == DEFAULT
    if not found:
        raise UnknownTopology(
            f'{cluster.server} has no Hedgehog fabric {wanted}. Nothing was synced. Correct the topology filter, or '
            'leave it blank to sync everything.'
        )


def outside_filter(fabric: Fabric) -> Q:
    """Return a condition for stored resources that another Hedgehog fabric than that of the filter has, by their spec.

    An empty filter has none outside.
    """
    placed = [kind.name for kind in KINDS if is_in_spec(kind)]
    if not fabric.topology_filter:
        return Q(pk__in=())
    named = Q(spec__topology__fabric=fabric.topology_filter)
    # What names none belongs to the default one. A path that is not there is neither equal to anything nor unequal.
    unnamed = Q(spec__topology__fabric__isnull=True) | Q(spec__topology__fabric='') | Q(spec__topology__fabric=None)
    outside = ~named & ~unnamed
    return Q(kind__in=placed) & (outside if fabric.topology_filter == DEFAULT else outside | unnamed)
