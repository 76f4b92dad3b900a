"""Build a plan from the desired objects and NetBox's current state: two inputs, nothing read, nothing written."""

import logging

from rq.timeouts import JobTimeoutException

from ...choices import DiscrepancyTypeChoices, InventoryOriginChoices
from ...issue_codes import Code
from ..mapping.types import Desired, DesiredObject, Issue
from .current import CurrentState, ManagedObject
from .levels import levels
from .machines import report_other_settings
from .model_specs import DEVICE, object_name, spec_of
from .moves import assign_places
from .new_objects import find_shared, plan_new
from .object_values import optional_keys, resolve_values
from .plan import ADOPT, CREATE, SHARE, UNMARK_STALE, UPDATE, Action, FieldChange, Finding, Plan, Record
from .policy import Policy
from .primaries import free_primaries
from .pruning import plan_absence
from .room import plan_room
from .state import PlannedObject, PlanState, finding_on
from .updates import compare, plan_update

__all__ = ('make_plan',)

logger = logging.getLogger(__name__)


def make_plan(desired: Desired, current: CurrentState, policy: Policy) -> Plan:
    """Return the plan that brings NetBox from `current` to `desired` under this policy."""
    state = PlanState(desired, current, policy)
    assign_places(state)
    for obj in _in_order(state):
        _plan_object_safely(state, obj)
    for planned in state.planned.values():
        _plan_deferred(state, planned)
    free_primaries(state)
    report_other_settings(state)
    _rename_links(state)
    plan = Plan(records=state.records)
    for planned in state.planned.values():
        _emit(planned, plan)
    plan.findings = [*state.root_findings(), *state.findings]
    plan.findings += [_unmatched(issue) for issue in sorted(set(desired.issues))]
    plan_absence(plan, desired, state.current, policy, state.taken_over)
    plan_room(state, plan)
    return plan


def _in_order(state: PlanState) -> list[DesiredObject]:
    """Return the desired objects by level; within one, existing objects keep names and ports before new ones."""
    level_of = levels(state.desired)
    managed = state.current.managed
    return sorted(state.desired.objects.values(), key=lambda obj: (level_of[obj.key], obj.key not in managed))


def _plan_object_safely(state: PlanState, obj: DesiredObject) -> None:
    """Plan an object. One that cannot be compared with NetBox is skipped alone, with a finding."""
    try:
        _plan_object(state, obj)
    except JobTimeoutException:
        raise
    except Exception as error:
        logger.exception('%s cannot be planned', obj.key)
        state.planned.pop(obj.key, None)
        state.skip(obj, Code.OBJECT_NOT_PLANNABLE, error=type(error).__name__)


def _plan_object(state: PlanState, obj: DesiredObject) -> None:
    """Plan one desired object."""
    link = state.current.managed.get(obj.key)
    if link is None:
        _plan_unlinked(state, PlannedObject(obj))
    elif link.values is None:
        _report_deleted(state, obj, link)
    else:
        _plan_linked(state, obj, link)


def _plan_unlinked(state: PlanState, planned: PlannedObject) -> None:
    """Plan an object that is not managed yet."""
    values = resolve_values(state, planned.desired, _early_fields(planned.desired), exists=False)
    if values is None:
        return
    if planned.desired.shared:
        find_shared(state, planned, values)
    else:
        plan_new(state, planned, values)


def _plan_linked(state: PlanState, obj: DesiredObject, link: ManagedObject) -> None:
    """Plan an object that is managed already."""
    planned = PlannedObject(obj, pk=link.object_id, current_values=dict(link.values or {}), link=link)
    if link.model == DEVICE and link.origin == InventoryOriginChoices.ADOPTED:
        state.adopted.add(link.object_id)
    if link.shared:
        state.planned[obj.key] = planned
        state.claimed[link.place] = obj.key
        return
    values = resolve_values(state, obj, _early_fields(obj), exists=True)
    if values is None:
        # It is not changed: what belongs to it can still be identified.
        state.planned[obj.key] = planned
        return
    plan_update(state, planned, values)


def _early_fields(obj: DesiredObject) -> list[str]:
    """Return the fields of an object that do not refer to parts of it."""
    deferred = spec_of(obj.model).deferred
    return [name for name in obj.fields if name not in deferred]


def _report_deleted(state: PlanState, obj: DesiredObject, link: ManagedObject) -> None:
    """Report a deleted object. What belonged to it was deleted too, and is part of the same finding."""
    optional = optional_keys(obj)
    for ref in obj.refs():
        if ref.key in state.blocked and ref.key not in optional:
            state.skip_dependent(obj, ref.key)
            return
    state.block(obj, finding_on(
        obj, DiscrepancyTypeChoices.DELETED, Code.OBJECT_DELETED, model=obj.model, pk=link.object_id,
    ))


def _plan_deferred(state: PlanState, planned: PlannedObject) -> None:
    """Plan the fields that refer to parts of the object itself."""
    obj = planned.desired
    names = [name for name in spec_of(obj.model).deferred if name in obj.fields]
    is_shared = planned.type == SHARE or (planned.link is not None and planned.link.shared)
    if not names or is_shared or obj.key in state.blocked:
        return
    values = resolve_values(state, obj, names, exists=planned.link is not None) or {}
    for name, value in values.items():
        if planned.type == CREATE:
            if value not in (None, []):
                planned.changes.append(FieldChange(name, None, value))
        elif name in obj.managed_fields:
            compare(state, planned, name, value)


def _rename_links(state: PlanState) -> None:
    """Update each link's resource and key to those that its object belongs to now."""
    managed = state.current.managed
    for key, stored_key in state.stored_keys.items():
        if key != stored_key and key not in state.taken_over:
            link = managed[key]
            state.records.append(Record(key, link.model, link.object_id, previous_key=stored_key))
    for key, obj in state.desired.objects.items():
        named = managed.get(key)
        if named is None or state.stored_key(key) != key:
            continue
        if (named.source, named.scope) != (obj.source, obj.scope):
            state.records.append(Record(key, named.model, named.object_id, renamed=True))


def _emit(planned: PlannedObject, plan: Plan) -> None:
    """Add the action or record of an object to the plan."""
    obj, link = planned.desired, planned.link
    if link is not None and planned.changes and not planned.type:
        planned.type = UPDATE
    if planned.agreed and link is not None and planned.type in ('', UNMARK_STALE, UPDATE):
        plan.records.append(Record(obj.key, obj.model, link.object_id, tuple(planned.agreed.items())))
    if planned.agreed and planned.type == ADOPT:
        plan.agreed[obj.key] = planned.agreed
    if not planned.type:
        plan.unchanged += 1
        return
    plan.actions.append(Action(
        planned.type, obj.model, obj.key, obj.scope, obj.source, object_name(obj), planned.pk,
        tuple(planned.changes),
    ))


def _unmatched(issue: Issue) -> Finding:
    """Return the finding on an issue of a mapper, with parameters as JSON stores them."""
    parameters = {name: list(value) if isinstance(value, tuple) else value for name, value in issue.parameters}
    return Finding(DiscrepancyTypeChoices.UNMATCHED, '', issue.scope, issue.source, issue.code, parameters)
