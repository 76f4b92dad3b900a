"""Hand over what a topology filter excludes to the fabric that has it now: absence by a filter is not deletion.

A controller's Hedgehog fabrics that were one fabric in NetBox become several; nothing is deleted and created again.
"""

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from ..choices import DiscrepancyTypeChoices, InventoryRemovalChoices
from ..models import Discrepancy, Fabric, FabricResource, InventoryLink
from ..sync.topology import outside_filter
from .mapping.types import Source

__all__ = ('hand_over', 'kept_for_others', 'may_hand_over', 'outside')

# A resource in a fabric: its kind and name.
Named = tuple[str, str]


def hand_over(fabric: Fabric, remembered: Collection[str] = ()) -> int:
    """Give the stale objects of resources that the topology filter excludes to fabrics that sync these resources.

    The links of `remembered`, by key, go along: people have deleted their objects, which are not created again. A
    resource is the same by its UID. What the receiving fabric has an object for already, and what is shared, stays.
    Returns how many objects were handed over. To be called inside of a transaction that holds the fabric's lock; after
    what is stale has been marked, so that many at once were confirmed.
    """
    receivers = _receivers(fabric)
    if not receivers:
        return 0
    links = InventoryLink.objects.filter(fabric=fabric, shared=False, kind__in={kind for kind, _ in receivers})
    if fabric.inventory_removal != InventoryRemovalChoices.IGNORE:
        links = links.filter(Q(stale_since__isnull=False) | Q(key__in=remembered))
    found: dict[int, dict[str, int]] = {}
    for pk, key, kind, name in links.order_by('pk').values_list('pk', 'key', 'kind', 'name'):
        if (receiver := receivers.get((kind, name))) is not None:
            found.setdefault(receiver, {})[key] = pk
    return sum(_give(receiver, keys) for receiver, keys in sorted(found.items()))


def kept_for_others(fabric: Fabric) -> frozenset[str]:
    """Return the objects, by key, of resources that this fabric's filter excludes and that another fabric syncs.

    They are not deleted, whatever the other inventory is just now: that fabric may take them over, with what people
    entered. Not among them is what it has an object of its own for.
    """
    uids = _excluded(fabric)
    if not uids:
        return frozenset()
    elsewhere: dict[Named, set[int]] = {}
    for uid, other in _rows_elsewhere(fabric, uids).values_list('uid', 'fabric'):
        elsewhere.setdefault(uids[uid], set()).add(other)
    links = InventoryLink.objects.filter(fabric=fabric, stale_since__isnull=False).order_by()
    keys = {
        key: elsewhere[kind, name] for key, kind, name in links.values_list('key', 'kind', 'name')
        if (kind, name) in elsewhere
    }
    own = InventoryLink.objects.filter(key__in=keys).exclude(fabric=fabric).order_by().values_list('key', 'fabric')
    return frozenset(keys).difference(key for key, other in own if other in keys[key])


def outside(fabric: Fabric) -> frozenset[Source]:
    """Return the resources that this fabric's filter excludes, but for those that another fabric has objects of."""
    uids = _excluded(fabric)
    if not uids:
        return frozenset()
    elsewhere: dict[int, set[Named]] = {}
    for uid, other in _rows_elsewhere(fabric, uids).values_list('uid', 'fabric'):
        elsewhere.setdefault(other, set()).add(uids[uid])
    found = set(uids.values())
    links = InventoryLink.objects.filter(fabric__in=elsewhere, shared=False).order_by().distinct()
    for other, kind, name in links.values_list('fabric', 'kind', 'name'):
        if (kind, name) in elsewhere[other]:
            found.discard((kind, name))
    return frozenset(Source(kind, name) for kind, name in found)


def may_hand_over(fabric: Fabric) -> bool:
    """Return whether the fabric has objects that it hands over as soon as another fabric syncs their resources."""
    excluded = set(_excluded(fabric).values())
    if not excluded:
        return False
    links = InventoryLink.objects.filter(fabric=fabric, kind__in={kind for kind, _name in excluded}).order_by()
    return any(named in excluded for named in links.values_list('kind', 'name').iterator(chunk_size=5000))


def _receivers(fabric: Fabric) -> dict[Named, int]:
    """Return by which fabric each resource that this fabric's filter excludes is synced into an inventory."""
    uids = _excluded(fabric)
    if not uids:
        return {}
    rows = _rows_elsewhere(fabric, uids).filter(fabric__inventory_enabled=True).order_by('-fabric')
    return {uids[uid]: pk for uid, pk in rows.values_list('uid', 'fabric')}


def _excluded(fabric: Fabric) -> dict[str, Named]:
    """Return the resources that this fabric's filter excludes, by UID."""
    if not fabric.topology_filter:
        return {}
    excluded = FabricResource.objects.filter(outside_filter(fabric), fabric=fabric, missing_since__isnull=False)
    return {uid: (kind, name) for kind, name, uid in excluded.order_by().values_list('kind', 'name', 'uid') if uid}


def _rows_elsewhere(fabric: Fabric, uids: Collection[str]) -> QuerySet[FabricResource]:
    return FabricResource.objects.filter(uid__in=uids, missing_since=None).exclude(fabric=fabric).order_by()


def _give(receiver: int, keys: dict[str, int]) -> int:
    """Make these links, by key, those of another fabric. Return how many; 0 if that fabric is writing just now."""
    own = InventoryLink.objects.filter(fabric=receiver, key__in=keys).values_list('key', flat=True)
    pks = {keys[key] for key in keys.keys() - set(own)}
    try:
        with transaction.atomic():
            given = InventoryLink.objects.filter(pk__in=pks).update(fabric=receiver)
            # What people have decided about a deleted object holds.
            Discrepancy.objects.filter(link__in=pks, type=DiscrepancyTypeChoices.DELETED).update(fabric=receiver)
    except IntegrityError:
        return 0  # the next inventory sync tries again
    Discrepancy.objects.filter(link__in=pks).exclude(type=DiscrepancyTypeChoices.DELETED).delete()
    return given
