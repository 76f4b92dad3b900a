"""An inventory is disabled: its objects stay, or those that it has created are deleted."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..models import Discrepancy, Fabric, InventoryLink
from . import discrepancies
from .applying.configuration import use_current_configuration
from .applying.dependents import read_obstacles
from .applying.writer import Writer
from .errors import PlanMoved, refuse_in_branch
from .mapping.types import Desired
from .planning.current import Present, read
from .planning.plan import Plan
from .planning.pruning import plan_deletion, removable
from .reconcile import Picture, carry_out, counted, hold, tell
from .report import InventoryReport

__all__ = ('leave_everything', 'plan_removal', 'remove_created')


def leave_everything(fabric: Fabric) -> int:
    """Objects stay as they are and belong to the operator from here on. Returns how many were let go.

    Links and discrepancies of the fabric are removed, and its inventory is switched off.
    """
    with transaction.atomic():
        hold(fabric)
        return _let_go(fabric)


def plan_removal(fabric: Fabric) -> Plan:
    """Return what remove_created() would delete, with findings on what cannot be deleted. Nothing is written.

    Objects that others may use too, such as device types, AS numbers and roles, are not among them.
    """
    return _look(fabric).plan


def remove_created(fabric: Fabric, user: Any = None, expected_digest: str = '') -> InventoryReport:
    """Delete what the plugin has created for this fabric, and disable its inventory.

    What cannot be deleted stays a managed object: its link stays, a discrepancy and `left` of the report say why, and
    the same can be asked for again. All other objects of the fabric are managed no longer. Raises PlanMoved and
    NotPermitted as settle() does.
    """
    now = timezone.now()
    report = InventoryReport(fabric=fabric.name, started=now)
    with counted(report):
        picture = _look(fabric)
        report.digest = picture.plan.digest
        if expected_digest and picture.plan.digest != expected_digest:
            raise PlanMoved(
                'What would be removed is not what it was when you looked at it: NetBox has changed since. '
                'Look at it again.'
            )

        def conclude(writer: Writer) -> None:
            tell(report, writer)
            findings = [*picture.plan.findings, *writer.findings]
            report.left = [finding.sentence for finding in findings]
            deleted = {action.key for action in writer.done}
            left = [link.pk for link in removable(picture.present.held.values()) if link.key not in deleted]
            _let_go(fabric, left)
            discrepancies.record(fabric, findings, now)
            report.findings = dict(Counter(finding.type for finding in findings))
            report.unchanged = len(left)

        report.event_failures = carry_out(fabric, picture, user, now, conclude).event_failures
    report.finished = timezone.now()
    return report


def _look(fabric: Fabric) -> Picture:
    refuse_in_branch()
    use_current_configuration()
    desired = Desired()
    present: Present = read(fabric, desired)
    created = removable(present.held.values())
    read_obstacles(present, created)
    plan = Plan()
    plan.actions = plan_deletion(plan, created, present)
    plan.unchanged = len(created) - len(plan.actions)
    return Picture(desired, present, plan)


def _let_go(fabric: Fabric, but: Collection[int] = ()) -> int:
    """Remove the links of a fabric, but for these, and disable its inventory. Return how many were removed.

    Without links that stay, its discrepancies are removed too.
    """
    if not but:
        discrepancies.remove(Discrepancy.objects.filter(fabric=fabric))
    count = InventoryLink.objects.filter(fabric=fabric).exclude(pk__in=but)._raw_delete(InventoryLink.objects.db)
    current = Fabric.objects.get(pk=fabric.pk)
    current.snapshot()
    current.inventory_enabled, current.inventory_held, current.inventory_error = False, None, ''
    current.save(update_fields=('inventory_enabled', 'inventory_held', 'inventory_error', 'last_updated'))
    fabric.inventory_enabled, fabric.inventory_held, fabric.inventory_error = False, None, ''
    return count
