"""An inventory is switched off: its objects stay, or exactly those that it has created go."""

from typing import Any

from ..models import Fabric
from .plan import Plan
from .report import InventoryReport

__all__ = ('leave_everything', 'plan_removal', 'remove_created')


def leave_everything(fabric: Fabric) -> int:
    """Objects stay as they are and belong to the operator from here on. Returns how many were let go.

    Links and discrepancies of the fabric are removed, and its inventory is switched off.
    """
    raise NotImplementedError


def plan_removal(fabric: Fabric) -> Plan:
    """What remove_created() would delete; what keeps an object from it is among the findings. Nothing is written."""
    raise NotImplementedError


def remove_created(fabric: Fabric, user: Any = None, expected_digest: str = '') -> InventoryReport:
    """Delete what the plugin has created for this fabric, let go of the rest, and switch its inventory off.

    What holds things of the operator's is left, and reported. Raises PlanMoved and NotPermitted as settle() does.
    """
    raise NotImplementedError
