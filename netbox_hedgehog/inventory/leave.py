"""An inventory is switched off: its objects stay, or exactly those that it has created go."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from ..choices import InventoryOriginChoices
from ..models import Discrepancy, Fabric, InventoryLink
from .dependents import read_dependents
from .errors import PlanMoved
from .plan import Plan
from .present import Present, read
from .removal import plan_deletion
from .report import InventoryReport
from .settle import Picture, carry_out, counted, hold, tell
from .wants import Desired
from .writing import Writer

__all__ = ('leave_everything', 'plan_removal', 'remove_created')


def leave_everything(fabric: Fabric) -> int:
    """Objects stay as they are and belong to the operator from here on. Returns how many were let go.

    Links and discrepancies of the fabric are removed, and its inventory is switched off.
    """
    with transaction.atomic():
        hold(fabric)
        return _let_go(fabric)


def plan_removal(fabric: Fabric) -> Plan:
    """What remove_created() would delete; what keeps an object from it is among the findings. Nothing is written.

    Objects that others may use too, such as device types, AS numbers and roles, are not among them.
    """
    return _look(fabric).plan


def remove_created(fabric: Fabric, user: Any = None, expected_digest: str = '') -> InventoryReport:
    """Delete what the plugin has created for this fabric, let go of the rest, and switch its inventory off.

    What holds things of the operator's is left: `left` of the report says what, and why. Raises PlanMoved and
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
            report.left = [finding.sentence for finding in (*picture.plan.findings, *writer.findings)]
            _let_go(fabric)

        report.event_failures = carry_out(fabric, picture, user, now, conclude).event_failures
    report.finished = timezone.now()
    return report


def _look(fabric: Fabric) -> Picture:
    desired = Desired()
    present: Present = read(fabric, desired)
    created = [
        link for link in present.held.values()
        if link.origin == InventoryOriginChoices.CREATED and not link.shared and link.values is not None
    ]
    present.attached = read_dependents(created)
    plan = Plan()
    plan.actions = plan_deletion(plan, created, present)
    return Picture(desired, present, plan)


def _let_go(fabric: Fabric) -> int:
    Discrepancy.objects.filter(fabric=fabric)._raw_delete(Discrepancy.objects.db)
    count = InventoryLink.objects.filter(fabric=fabric)._raw_delete(InventoryLink.objects.db)
    current = Fabric.objects.get(pk=fabric.pk)
    current.snapshot()
    current.inventory_enabled, current.inventory_held, current.inventory_error = False, None, ''
    current.save(update_fields=('inventory_enabled', 'inventory_held', 'inventory_error', 'last_updated'))
    fabric.inventory_enabled, fabric.inventory_held, fabric.inventory_error = False, None, ''
    return count
