"""Disable an inventory. Its objects are kept, or those that the plugin created are deleted."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from dcim.models import Device
from django.db import transaction
from django.utils import timezone

from ..accounts import AnyUser
from ..models import Discrepancy, Fabric, InventoryLink, lock_objects, release
from . import discrepancies
from .applying.configuration import use_current_configuration
from .applying.context import ApplyContext
from .applying.dependents import read_obstacles
from .applying.transaction import apply_transaction, lock_fabric
from .errors import PlanMoved, refuse_in_branch
from .loading.state import load_current_state
from .mapping.types import Desired
from .planning.context import PlanContext
from .planning.model_specs import DEVICE
from .planning.plan import Plan
from .planning.pruning import plan_deletion, removable
from .report import InventoryReport, measure

__all__ = ('disable_inventory', 'plan_removal', 'remove_created')


def disable_inventory(fabric: Fabric) -> int:
    """Disable the inventory and keep all objects. Return how many objects are no longer managed.

    Links and discrepancies of the fabric are removed. Raises InventoryRefused in a branch.
    """
    refuse_in_branch()
    with transaction.atomic():
        lock_fabric(fabric)
        return _release_objects(fabric)


def plan_removal(fabric: Fabric) -> Plan:
    """Return what remove_created() would delete, with findings on what cannot be deleted. Nothing is written.

    Shared objects, such as device types, AS numbers and roles, are not deleted.
    """
    return _build_plan(fabric, timezone.now()).plan


def remove_created(fabric: Fabric, user: AnyUser | None = None, expected_digest: str = '') -> InventoryReport:
    """Delete the objects that the plugin created for this fabric, and disable its inventory.

    What cannot be deleted stays a managed object: its link stays, a discrepancy and `left` of the report say why, and
    the removal can be repeated. All other objects of the fabric are no longer managed. Raises PlanMoved and
    NotPermitted as reconcile() does.
    """
    report = InventoryReport(fabric=fabric.name, started=timezone.now())
    with measure(report):
        context = _build_plan(fabric, report.started)
        report.digest = context.plan.digest
        if expected_digest and context.plan.digest != expected_digest:
            raise PlanMoved('NetBox has changed since you reviewed what would be removed. Review it again.')
        with apply_transaction(context, user) as applying:
            # All at once: release() locks them too, after some have been deleted.
            lock_objects(Device, {link.object_id for link in context.current.managed.values() if link.model == DEVICE})
            applied = applying.apply_plan()
            report.add_writes(applying.request.id, applied.done)
            _record(context, applied, report)
        report.event_failures = applying.event_failures
    return report


def _build_plan(fabric: Fabric, now: datetime) -> PlanContext:
    """Load the fabric's objects, and plan the deletion of those that the plugin has created."""
    refuse_in_branch()
    use_current_configuration()
    nothing = Desired()
    current = load_current_state(fabric, nothing)
    created = removable(current.managed.values())
    read_obstacles(current, created)
    plan = Plan()
    plan.actions = plan_deletion(plan, created, current)
    plan.unchanged = len(created) - len(plan.actions)
    return PlanContext(fabric, now, nothing, current, plan)


def _record(context: PlanContext, applied: ApplyContext, report: InventoryReport) -> None:
    """Disable the inventory, and store why objects were not deleted; complete the report."""
    fabric, findings = context.fabric, [*context.plan.findings, *applied.findings]
    deleted = {action.key for action in applied.done}
    left = [link.pk for link in removable(context.current.managed.values()) if link.key not in deleted]
    _release_objects(fabric, left)
    discrepancies.record(fabric, findings, context.now)
    report.left = [finding.sentence for finding in findings]
    report.findings = dict(Counter(finding.type for finding in findings))
    report.unchanged = len(left)


def _release_objects(fabric: Fabric, kept: Collection[int] = ()) -> int:
    """Remove all links of a fabric except `kept`, and disable its inventory. Return how many were removed.

    If no link is kept, its discrepancies are removed too.
    """
    if not kept:
        discrepancies.remove(Discrepancy.objects.filter(fabric=fabric))
    count = release(InventoryLink.objects.filter(fabric=fabric).exclude(pk__in=kept))
    current = Fabric.objects.get(pk=fabric.pk)
    current.snapshot()
    state = {'inventory_enabled': False, 'inventory_unconfirmed': None, 'inventory_error': ''}
    if not kept:
        # Whoever enables it again reviews the first plan again.
        state['last_inventory'] = None
    for name, value in state.items():
        setattr(current, name, value)
        setattr(fabric, name, value)
    current.save(update_fields=(*state, 'last_updated'))
    return count
