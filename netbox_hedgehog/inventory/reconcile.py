"""Reconcile NetBox with a fabric: load, map, plan, apply, record.

reconcile() is the story, top to bottom. build_plan() loads both sides, maps the mirror to the NetBox objects that the
fabric wants, and plans; the plan is applied in one transaction, and the outcome is recorded in it.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ..models import Fabric, InventoryLink
from . import discrepancies
from .applying.configuration import use_current_configuration
from .applying.dependents import read_obstacles
from .applying.transaction import apply_transaction, lock_fabric
from .errors import PlanMoved, refuse_in_branch
from .mapping.desired import desired
from .mapping.types import Desired, Options
from .options import check_enabled, options_of, rules_of
from .planning.context import PlanContext
from .planning.current import read
from .planning.labels import describe
from .planning.plan import Finding, Plan
from .planning.planner import make_plan
from .planning.pruning import as_done, due, removable, unwanted
from .refusals import Refusals, exclude_refused, refusals_of
from .report import InventoryReport, measure
from .resources import resources_of, unread_kinds
from .roles import role_problems

__all__ = ('build_plan', 'confirm_removal', 'desired_of', 'plan', 'reconcile')


def plan(fabric: Fabric) -> Plan:
    """Return what a reconcile of this fabric would do now: nothing is written.

    Raises InventoryOff where the fabric has no inventory.
    """
    context = build_plan(fabric, timezone.now())
    exclude_refused(context.plan, fabric)
    return describe(context.plan, context.desired)


def reconcile(
    fabric: Fabric, user: Any = None, expected_digest: str = '', confirmed: bool = False,
) -> InventoryReport:
    """Bring NetBox's objects in line with what the mirror says: the plan is applied in one transaction.

    Takes the fabric; the person who asks for it, None for a scheduled sync (the change log then names the user
    `hedgehog`); the digest of the plan that this person has reviewed, '' for whatever it is now; and whether what needs
    confirmation is to be done too. Returns the report. Raises PlanMoved where the plan is not that one any more,
    NotPermitted where the person may not do all of it, InventoryOff where the fabric has no inventory; what the
    database raises passes through. Nothing is written then.
    """
    report = InventoryReport(fabric=fabric.name, started=timezone.now())
    with measure(report):
        context = build_plan(fabric, report.started)
        if expected_digest and context.plan.digest != expected_digest:
            raise PlanMoved('The fabric or NetBox has changed since you reviewed the plan. Review it again.')
        if confirmed:
            _confirm(context.plan)
        _apply_and_record(context, user, report)
    return report


def confirm_removal(fabric: Fabric, digest: str, user: Any = None) -> InventoryReport:
    """Reconcile, and do what needs confirmation: fabric.inventory_held['digest'] says what was reviewed.

    Raises as reconcile() does; PlanMoved where what needs confirmation now is not that any more.
    """
    report = InventoryReport(fabric=fabric.name, started=timezone.now())
    with measure(report):
        context = build_plan(fabric, report.started)
        if not digest or context.plan.held_digest != digest:
            raise PlanMoved('The pending removals changed since you reviewed them. Review them again.')
        _confirm(context.plan)
        _apply_and_record(context, user, report)
    return report


def build_plan(fabric: Fabric, now: datetime) -> PlanContext:
    """Load both sides and plan. Raises InventoryOff, and InventoryRefused in a branch."""
    refuse_in_branch()
    use_current_configuration()
    check_enabled(fabric)
    rules = rules_of(fabric, now)
    options = options_of(fabric)
    wanted = desired_of(fabric, options)
    wanted.issues += role_problems(fabric, options)
    present = read(fabric, wanted)
    stale = unwanted(wanted, present, rules.subjects)
    if due(stale, rules):
        read_obstacles(present, removable(stale))
    return PlanContext(fabric, now, wanted, present, make_plan(wanted, present, rules))


def desired_of(fabric: Fabric, options: Options) -> Desired:
    """Load the mirror of a fabric, and map it to the NetBox objects that the fabric wants."""
    unread = unread_kinds(fabric)  # before the resources: a kind that is read meanwhile counts as unread
    return desired(resources_of(fabric), options, unread)


def _confirm(plan: Plan) -> None:
    """Move what needs confirmation to what is done."""
    plan.actions += plan.held_actions
    plan.held_actions, plan.held = [], []
    plan.findings = [as_done(finding) for finding in plan.findings]


def _apply_and_record(context: PlanContext, user: Any, report: InventoryReport) -> None:
    """Apply a plan, and record its outcome in the same transaction."""
    plan = context.plan
    report.digest = plan.digest
    if not plan.actions and not plan.records:
        with transaction.atomic():
            lock_fabric(context.fabric)
            _record(context, plan.findings, {}, report)
        return
    with apply_transaction(context, user) as applying:
        applied = applying.apply_plan()
        report.add_writes(applying.request.id, applied.done)
        _record(context, [*plan.findings, *applied.findings], refusals_of(applied.refused_actions()), report)
    report.event_failures = applying.event_failures


def _record(context: PlanContext, findings: list[Finding], refusals: Refusals, report: InventoryReport) -> None:
    """Store the discrepancies, how often objects were stale, and the state of the fabric; complete the report."""
    fabric, plan, now = context.fabric, context.plan, context.now
    _count_stale(context)
    discrepancies.record(fabric, findings, now, refusals)
    report.findings = dict(Counter(finding.type for finding in findings))
    report.unchanged = plan.unchanged
    report.held = list(plan.held)
    held = _held(context) if plan.held else None
    Fabric.objects.filter(pk=fabric.pk).update(last_inventory=now, inventory_error='', inventory_held=held)
    fabric.last_inventory, fabric.inventory_error, fabric.inventory_held = now, '', held


def _count_stale(context: PlanContext) -> None:
    """Count one more sync for links that were stale before it, and still are."""
    renamed_keys, held = context.plan.heirs, context.present.held
    links = [held[renamed_keys.get(key, key)] for key in context.plan.stale]
    stale = [link.pk for link in links if link.stale_since is not None]
    if stale:
        InventoryLink.objects.filter(pk__in=stale, stale_since__isnull=False).update(stale_runs=F('stale_runs') + 1)


def _held(context: PlanContext) -> dict[str, Any]:
    """Return what the fabric stores of the actions that need confirmation."""
    plan, before = context.plan, context.fabric.inventory_held or {}
    is_same = before.get('digest') == plan.held_digest
    return {
        'digest': plan.held_digest,
        'sentences': plan.held,
        'count': len(plan.held_actions),
        'counts': dict(sorted(Counter(action.model for action in plan.held_actions).items())),
        'totals': plan.held_totals,
        'since': before['since'] if is_same and 'since' in before else context.now.isoformat(),
    }
