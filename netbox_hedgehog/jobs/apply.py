"""What people ask of an inventory: small changes are made at once, large ones by a worker."""

from typing import Any

from core.models import Job

from ..inventory.errors import InventoryRefused
from ..inventory.leave import plan_removal, remove_created
from ..inventory.plan import Plan
from ..inventory.report import InventoryReport
from ..inventory.settle import confirm_removal, plan, settle
from ..models import Fabric
from .inventory import CONFIRM, REMOVE, InventoryJob
from .locks import fabric_lock

__all__ = ('AT_ONCE', 'actions_of', 'apply', 'apply_now')

# Up to how many objects a change is made while somebody waits for the page: a second or two.
AT_ONCE = 500


def actions_of(fabric: Fabric, action: str) -> Plan:
    """The plan of what is asked for: what a run would do, or for REMOVE what the plugin has created here."""
    return plan_removal(fabric) if action == REMOVE else plan(fabric)


def apply(fabric: Fabric, action: str, digest: str, user: Any, size: int | None = None) -> InventoryReport | Job:
    """Do what somebody asks for, exactly as they have seen it.

    Takes the fabric, one of APPLY, CONFIRM and REMOVE, the digest of what was seen, who asks, and how many objects
    that was where it is known. Returns the report, or the waiting job where it is too much for now. Raises PlanMoved,
    NotPermitted, InventoryOff, or InventoryRefused while a run of the fabric is at work; then nothing was done.
    """
    if size is None:
        seen = actions_of(fabric, action)
        size = len(seen.held_actions if action == CONFIRM else seen.actions)
    if size > AT_ONCE:
        return InventoryJob.request(fabric, user, action, digest)
    return apply_now(fabric, action, digest, user)


def apply_now(fabric: Fabric, action: str, digest: str, user: Any = None) -> InventoryReport:
    """The same in this process, however much it is; without a user as the plugin's own. Raises as apply() does."""
    with fabric_lock(fabric.pk) as free:
        if not free:
            raise InventoryRefused(f'A run of {fabric.name} is at work. Look again when it has ended.')
        if action == CONFIRM:
            return confirm_removal(fabric, digest, user=user)
        if action == REMOVE:
            return remove_created(fabric, user=user, expected_digest=digest)
        return settle(fabric, user=user, expected_digest=digest)
