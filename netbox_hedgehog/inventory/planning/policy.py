"""What decides how a plan is made, beside the two sides themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...choices import InventoryAdoptionChoices, InventoryRemovalChoices

__all__ = ('Rules',)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the fabric's and the plugin's settings say. `grace_runs` and `grace` both pass before a deletion."""

    now: datetime
    adoption: str = InventoryAdoptionChoices.OFF
    removal: str = InventoryRemovalChoices.MARK
    subjects: frozenset[str] = frozenset()
    grace_runs: int = 3
    grace: timedelta = timedelta(hours=24)
    guard_percent: int = 20
    guard_least: int = 5
    # Of how many objects of each model removals were too many, while they wait for confirmation.
    held_totals: Mapping[str, int] = field(default_factory=dict)
    # The statuses of new and of stale devices, and those that NetBox offers.
    device_status: str = 'active'
    stale_status: str = 'decommissioning'
    device_statuses: frozenset[str] = frozenset()

    def offers(self, status: str) -> bool:
        """Return whether NetBox offers this status for devices."""
        return status in self.device_statuses
    # Fields of objects, by key, in which a person has decided for the fabric's value.
    forced: frozenset[tuple[str, str]] = frozenset()
