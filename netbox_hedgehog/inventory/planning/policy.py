"""The settings that decide how a plan is built."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...choices import InventoryAdoptionChoices, InventoryRemovalChoices
from ..mapping.types import Source

__all__ = ('Policy',)


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of the fabric and the plugin. `grace_syncs` and `grace` both pass before a deletion."""

    now: datetime
    adoption: str = InventoryAdoptionChoices.OFF
    removal: str = InventoryRemovalChoices.MARK
    scopes: frozenset[str] = frozenset()
    grace_syncs: int = 3
    grace: timedelta = timedelta(hours=24)
    guard_percent: int = 20
    guard_least: int = 5
    # The number of objects of each model when removals began to wait for confirmation.
    unconfirmed_totals: Mapping[str, int] = field(default_factory=dict)
    # The statuses of new and stale devices, and the statuses that NetBox offers.
    device_status: str = 'active'
    stale_status: str = 'decommissioning'
    device_statuses: frozenset[str] = frozenset()
    # Fields of objects, by key, in which a person has decided for the fabric's value.
    forced: frozenset[tuple[str, str]] = frozenset()
    # Objects, by key, that another fabric may take over, as a topology filter excludes their resources here: they are
    # not deleted.
    kept_for_others: frozenset[str] = frozenset()
    # Resources that the fabric's topology filter excludes: what people have deleted of their objects is remembered, for
    # the fabric that they are handed over to.
    outside: frozenset[Source] = frozenset()
    # Whether existing objects get what rules say of new ones: on request.
    apply_rules: bool = False

    def offers(self, status: str) -> bool:
        """Return whether NetBox offers this status for devices."""
        return status in self.device_statuses
