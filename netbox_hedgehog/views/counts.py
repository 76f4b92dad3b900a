"""Counts on pages: of what the user may view, queried once a page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from netbox.context import current_request

from ..choices import DiscrepancyStateChoices, InventoryOriginChoices
from ..models import (
    CablingCheck,
    Discrepancy,
    Fabric,
    InventoryLink,
    InventoryRule,
    SwitchHealth,
    counted_resources,
)

__all__ = ('CountedResources', 'inventory_counts', 'rule_count', 'switch_count')


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of managed objects of a fabric by origin, and of open discrepancies."""

    shown: bool
    links: int = 0
    created: int = 0
    adopted: int = 0
    found: int = 0
    stale: int = 0
    open: int = 0


def _viewer() -> Any:
    """Return the user of the current request: NetBox passes only the object to the badge of a tab."""
    return current_request.get().user


def inventory_counts(fabric: Fabric) -> Counts:
    """Return the counts that the user may view, queried once a page. Two SQL statements."""
    if not hasattr(fabric, '_inventory_counts'):
        user = _viewer()
        found = InventoryLink.objects.restrict(user, 'view').filter(fabric=fabric).aggregate(
            links=Count('pk'),
            created=Count('pk', filter=Q(origin=InventoryOriginChoices.CREATED)),
            adopted=Count('pk', filter=Q(origin=InventoryOriginChoices.ADOPTED)),
            found=Count('pk', filter=Q(origin=InventoryOriginChoices.FOUND)),
            stale=Count('pk', filter=Q(stale_since__isnull=False)),
        )
        fabric._inventory_counts = Counts(
            shown=fabric.inventory_enabled or bool(found['links']), **found,
            open=Discrepancy.objects.restrict(user, 'view').filter(
                fabric=fabric, state=DiscrepancyStateChoices.OPEN,
            ).count(),
        )
    return fabric._inventory_counts


def rule_count(fabric: Fabric) -> int:
    """Return how many inventory rules of a fabric the user may view, queried once a page."""
    if not hasattr(fabric, '_rule_count'):
        fabric._rule_count = InventoryRule.objects.restrict(_viewer(), 'view').filter(fabric=fabric).count()
    return fabric._rule_count


def switch_count(fabric: Fabric) -> int:
    """Return how many switches and gateways of a fabric the user may view."""
    return SwitchHealth.objects.restrict(_viewer(), 'view').filter(fabric=fabric).count()


def miscabled_count(fabric: Fabric) -> int:
    """Return how many links of a fabric with the wrong neighbor the user may view."""
    return CablingCheck.objects.restrict(_viewer(), 'view').filter(fabric=fabric).miscabled().count()


class CountedResources:
    """A view that annotates fabrics with the number of resources that the user may view."""

    def has_permission(self) -> bool:
        permitted: bool = super().has_permission()  # type: ignore[misc]  # of a view
        if permitted:
            viewer = self.request.user  # type: ignore[attr-defined]
            self.queryset: Any = self.queryset.annotate(resource_count=counted_resources(viewer))
        return permitted
