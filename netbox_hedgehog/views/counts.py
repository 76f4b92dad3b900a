"""How much of NetBox a fabric has under its care, counted once a page."""

from dataclasses import dataclass

from django.db.models import Count, Q

from ..choices import DiscrepancyStateChoices, InventoryOriginChoices
from ..models import Fabric

__all__ = ('inventory_counts',)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of NetBox a fabric has under its care, and what does not agree."""

    shown: bool
    links: int = 0
    created: int = 0
    adopted: int = 0
    stale: int = 0
    open: int = 0


def inventory_counts(fabric: Fabric) -> Counts:
    """The counts of a fabric, asked for once a page: two statements."""
    if not hasattr(fabric, '_inventory_counts'):
        found = fabric.inventory_links.aggregate(
            links=Count('pk'),
            created=Count('pk', filter=Q(origin=InventoryOriginChoices.CREATED)),
            adopted=Count('pk', filter=Q(origin=InventoryOriginChoices.ADOPTED)),
            stale=Count('pk', filter=Q(stale_since__isnull=False)),
        )
        fabric._inventory_counts = Counts(
            shown=fabric.inventory_enabled or bool(found['links']), **found,
            open=fabric.discrepancies.filter(state=DiscrepancyStateChoices.OPEN).count(),
        )
    return fabric._inventory_counts
