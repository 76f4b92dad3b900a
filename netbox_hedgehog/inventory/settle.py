"""The inventory's story, top to bottom: what is wanted, what is there, the plan, and the plan carried out."""

from typing import Any

from ..models import Fabric
from .plan import Plan
from .report import InventoryReport

__all__ = ('confirm_removal', 'plan', 'settle')


def plan(fabric: Fabric) -> Plan:
    """What a run of this fabric's inventory would do now: nothing is written.

    Raises InventoryOff where the fabric has no inventory.
    """
    raise NotImplementedError


def settle(
    fabric: Fabric, user: Any = None, expected_digest: str = '', confirmed: bool = False,
) -> InventoryReport:
    """Bring NetBox's objects in line with what the mirror says: the plan, carried out in one transaction.

    Takes the fabric; the person who asks for it, None for a scheduled run (the change log then names the user
    `hedgehog`); the digest of the plan that this person has seen, '' for whatever it is now; and whether what the plan
    holds back is to be done too. Returns the report. Raises PlanMoved where the plan is not that one any more,
    NotPermitted where the person may not do all of it, InventoryOff where the fabric has no inventory; what the
    database raises passes through. Nothing is written then but the fabric's `inventory_error`.
    """
    raise NotImplementedError


def confirm_removal(fabric: Fabric, digest: str, user: Any = None) -> InventoryReport:
    """Do what a run has held back: fabric.inventory_held['digest'] says what was seen.

    Raises as settle() does; PlanMoved where what is held now is not that any more.
    """
    raise NotImplementedError
