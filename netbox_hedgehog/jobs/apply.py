"""Apply a reviewed plan of a fabric's inventory in the process of a command."""

from ..accounts import AnyUser
from ..inventory.errors import InventoryRefused
from ..inventory.reconcile import confirm_removal, reconcile
from ..inventory.report import InventoryReport
from ..locks import fabric_lock
from ..models import Fabric
from .inventory import APPLY_RULES, CONFIRM

__all__ = ('apply_now',)


def apply_now(fabric: Fabric, action: str, digest: str, user: AnyUser | None = None) -> InventoryReport:
    """Apply exactly the reviewed plan in this process: for commands, never for a web request.

    Takes the fabric, APPLY, APPLY_RULES or CONFIRM, the digest of the reviewed plan, and the user; None stands for the
    plugin itself. Returns the report. Raises PlanMoved, NotPermitted, InventoryOff, or InventoryRefused while a sync of
    the fabric is running; nothing is changed then.
    """
    with fabric_lock(fabric.pk) as free:
        if not free:
            raise InventoryRefused(f'A sync of {fabric.name} is running. Try again when it has finished.')
        if action == CONFIRM:
            return confirm_removal(fabric, digest, user=user)
        return reconcile(fabric, user=user, expected_digest=digest, apply_rules=action == APPLY_RULES)
