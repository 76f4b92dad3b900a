"""Reconcile NetBox with a fabric: load, map, plan, apply, record.

reconcile() has all steps in order. build_plan() maps the mirror to desired NetBox objects, loads NetBox's current
state, and plans; the plan is applied in one transaction, and the outcome is recorded in it.
A scheduled sync begins with whether anything can have changed at all (checkpoints.py).
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ..accounts import AnyUser
from ..models import Fabric, InventoryLink
from . import discrepancies
from .applying.configuration import use_current_configuration
from .applying.dependents import read_obstacles
from .applying.transaction import apply_transaction, lock_fabric
from .checkpoints import Position, discard, find_unchanged, position_of, store
from .errors import PlanMoved, refuse_in_branch
from .handover import hand_over, kept_for_others, outside
from .loading.plan_labels import describe
from .loading.state import load_current_state
from .mapping.desired import desired
from .mapping.types import Desired, Options
from .options import check_enabled, options_of, policy_of
from .planning.context import PlanContext
from .planning.plan import Finding, Plan
from .planning.planner import make_plan
from .planning.pruning import as_done, due, removable, undesired
from .refusals import Refusals, exclude_refused, refusals_of
from .report import InventoryReport, measure
from .resources import resources_of, unread_kinds
from .roles import role_problems

__all__ = ('build_plan', 'confirm_removal', 'desired_of', 'plan', 'reconcile')


def plan(fabric: Fabric, apply_rules: bool = False) -> Plan:
    """Return what a reconcile of this fabric would do now: nothing is written.

    With `apply_rules` existing objects get what the fabric's rules say of new ones, too. Raises InventoryOff if the
    inventory is disabled.
    """
    context = build_plan(fabric, timezone.now(), apply_rules)
    exclude_refused(context.plan, fabric)
    return describe(context.plan, context.desired)


def reconcile(
    fabric: Fabric, user: AnyUser | None = None, expected_digest: str = '', confirmed: bool = False,
    apply_rules: bool = False, only_if_changed: bool = False,
) -> InventoryReport:
    """Bring NetBox's objects in line with the mirror. The plan is applied in one transaction.

    Takes the fabric; the user, None for a scheduled sync (the change log then names the user `hedgehog`); the digest of
    the plan that this user has reviewed, '' for any plan; whether to apply what needs confirmation, too; whether
    existing objects get what the fabric's rules say of new ones; and whether to return at once if nothing can have
    changed since the last full reconcile (see checkpoints.py). Returns the report. Raises PlanMoved if the plan differs
    from the reviewed one, NotPermitted if the user lacks a permission, InventoryOff if the inventory is disabled, and
    what the database raises. Nothing is written then.
    """
    report = InventoryReport(fabric=fabric.name, started=timezone.now())
    with measure(report):
        _prepare(fabric)
        if only_if_changed and (checkpoint := find_unchanged(fabric, report.started)):
            report.take_over(checkpoint.outcome, checkpoint.reconciled)
            return report
        # A plan that applies rules to existing objects is not the one that the next sync makes.
        position = None if apply_rules else position_of(fabric, report.started)
        context = build_plan(fabric, report.started, apply_rules)
        if expected_digest and context.plan.digest != expected_digest:
            raise PlanMoved('The fabric or NetBox has changed since you reviewed the plan. Review it again.')
        if confirmed:
            _confirm(context.plan)
        _apply_and_record(context, user, report, position)
    return report


def confirm_removal(fabric: Fabric, digest: str, user: AnyUser | None = None) -> InventoryReport:
    """Reconcile, and apply what needs confirmation. The digest is that of fabric.inventory_unconfirmed.

    Raises what reconcile() raises; PlanMoved if what needs confirmation has changed.
    """
    report = InventoryReport(fabric=fabric.name, started=timezone.now())
    with measure(report):
        context = build_plan(fabric, report.started)
        if not digest or context.plan.confirmation_digest != digest:
            raise PlanMoved('The pending removals changed since you reviewed them. Review them again.')
        _confirm(context.plan)
        _apply_and_record(context, user, report)
    return report


def build_plan(fabric: Fabric, now: datetime, apply_rules: bool = False) -> PlanContext:
    """Load both sides and plan. Raises InventoryOff, and InventoryRefused in a branch."""
    _prepare(fabric)
    policy = replace(
        policy_of(fabric, now), apply_rules=apply_rules,
        kept_for_others=kept_for_others(fabric), outside=outside(fabric),
    )
    options = options_of(fabric)
    desired = desired_of(fabric, options)
    desired.issues += role_problems(fabric, options)
    current = load_current_state(fabric, desired)
    stale = undesired(desired, current, policy.scopes)
    if due(stale, policy):
        read_obstacles(current, removable(stale))
    return PlanContext(fabric, now, desired, current, make_plan(desired, current, policy))


def _prepare(fabric: Fabric) -> None:
    """Load what NetBox is configured to do. Raises InventoryOff, and InventoryRefused in a branch."""
    refuse_in_branch()
    use_current_configuration()
    check_enabled(fabric)


def desired_of(fabric: Fabric, options: Options) -> Desired:
    """Load the mirror of a fabric, and map it to desired NetBox objects."""
    unread = unread_kinds(fabric)  # before the resources: a kind that is synced meanwhile counts as unread
    return desired(resources_of(fabric, options.scopes, options.needs_labels), options, unread)


def _confirm(plan: Plan) -> None:
    """Move the actions that need confirmation to those that are applied."""
    plan.actions += plan.unconfirmed_actions
    plan.unconfirmed_actions, plan.requires_confirmation = [], []
    plan.findings = [as_done(finding) for finding in plan.findings]


def _apply_and_record(
    context: PlanContext, user: AnyUser | None, report: InventoryReport, position: Position | None = None,
) -> None:
    """Apply a plan, and record its outcome in the same transaction; with a position, a checkpoint if it was empty."""
    plan = context.plan
    report.digest = plan.digest
    if not plan.actions and not plan.records:
        with transaction.atomic():
            lock_fabric(context.fabric)
            _record(context, plan.findings, {}, report)
            if position is None:
                discard(context.fabric)
            else:
                store(context, position, report)
        return
    with apply_transaction(context, user) as applying:
        applied = applying.apply_plan()
        report.add_writes(applying.request.id, applied.done)
        _record(context, [*plan.findings, *applied.findings], refusals_of(applied.refused_actions()), report)
        discard(context.fabric)
    report.event_failures = applying.event_failures


def _record(context: PlanContext, findings: list[Finding], refusals: Refusals, report: InventoryReport) -> None:
    """Store discrepancies, counts of stale syncs and the state of the fabric, and complete the report."""
    fabric, plan, now = context.fabric, context.plan, context.now
    _count_stale(context)
    discrepancies.record(fabric, findings, now, refusals, plan.remembered)
    hand_over(fabric, plan.remembered)
    report.findings = dict(Counter(finding.type for finding in findings))
    report.unchanged = plan.unchanged
    report.requires_confirmation = list(plan.requires_confirmation)
    unconfirmed = _unconfirmed(context) if plan.requires_confirmation else None
    Fabric.objects.filter(pk=fabric.pk).update(
        last_inventory=now, inventory_error='', inventory_unconfirmed=unconfirmed,
    )
    fabric.last_inventory, fabric.inventory_error, fabric.inventory_unconfirmed = now, '', unconfirmed


def _count_stale(context: PlanContext) -> None:
    """Increase the count of links that were stale before this sync, and still are."""
    renamed_keys, managed = context.plan.renamed_keys, context.current.managed
    links = [managed[renamed_keys.get(key, key)] for key in context.plan.stale]
    stale = [link.pk for link in links if link.stale_since is not None]
    if stale:
        InventoryLink.objects.filter(pk__in=stale, stale_since__isnull=False).update(stale_syncs=F('stale_syncs') + 1)


def _unconfirmed(context: PlanContext) -> dict[str, Any]:
    """Return what the fabric stores of the actions that need confirmation."""
    plan, before = context.plan, context.fabric.inventory_unconfirmed or {}
    is_same = before.get('digest') == plan.confirmation_digest
    return {
        'digest': plan.confirmation_digest,
        'sentences': plan.requires_confirmation,
        'count': len(plan.unconfirmed_actions),
        'counts': dict(sorted(Counter(action.model for action in plan.unconfirmed_actions).items())),
        'totals': plan.unconfirmed_totals,
        'since': before['since'] if is_same and 'since' in before else context.now.isoformat(),
    }
