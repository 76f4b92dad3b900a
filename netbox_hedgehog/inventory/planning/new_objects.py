"""Plan a desired object that has no object yet: take over, adopt or share an existing one, or create one."""

from typing import Any

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from ..mapping.types import DesiredObject, Source
from .adoption import choices_to_adopt, find_existing, may_adopt
from .conflicts import ambiguous_adoption, find_conflict
from .current import ManagedObject, UnmanagedObject
from .machines import find_machine
from .model_specs import DEVICE, identities
from .ownership import align_ends, with_changes
from .plan import ADOPT, CREATE, SHARE, FieldChange, Finding, Record
from .room import clear
from .state import PlannedObject, PlanState
from .updates import compare, compare_adopted, keep_vlans, plan_update

__all__ = ('find_shared', 'plan_new')

# The setting that new devices are skipped for, where NetBox does not offer their status.
STATUS_SETTING = 'inventory_device_status'


def find_shared(state: PlanState, planned: PlannedObject, values: dict[str, Any]) -> None:
    """Use the existing shared object unchanged, or plan to create it."""
    obj = planned.desired
    state.planned[obj.key] = planned
    for identity in identities(obj.model, values):
        candidate = state.current.candidates.get((obj.model, identity))
        if candidate is not None:
            planned.pk = candidate.pk
            state.records.append(Record(obj.key, obj.model, candidate.pk, new=True))
            return
    _create(state, planned, values)


def plan_new(state: PlanState, planned: PlannedObject, values: dict[str, Any]) -> None:
    """Plan an object that is not managed yet: adopt or share the existing one, report it, or create a new one."""
    obj = planned.desired
    if predecessor := _find_predecessor(state, obj, values):
        _take_over(state, planned, values, predecessor)
        return
    machine = find_machine(obj, values, state.current)
    if machine is not None and (machine.model, machine.pk) not in state.claimed:
        _share(state, planned, machine)
        return
    choices = choices_to_adopt(state, obj, values)
    if len(choices) > 1:
        state.block(obj, ambiguous_adoption(state, obj, choices))
        return
    candidate = choices[0] if choices else find_existing(state, obj, values)
    if candidate is not None and may_adopt(state, obj, values, candidate):
        _adopt(state, planned, values, candidate)
        return
    if conflict := find_conflict(state, obj, values, None):
        state.block(obj, conflict)
        return
    if obj.model == DEVICE and not state.policy.offers(state.policy.device_status):
        _block_new_device(state, obj)
        return
    state.planned[obj.key] = planned
    _create(state, planned, values)


# Stale objects that are reused


def _find_predecessor(state: PlanState, obj: DesiredObject, values: dict[str, Any]) -> ManagedObject | None:
    """Return the stale object that has the place of a new one."""
    keys = (*state.board.at(obj.model, values), *state.board.holders(obj.model, values))
    for key in dict.fromkeys(keys):
        link = state.replaceable.get(key)
        if link is not None and link.model == obj.model:
            return link
    return None


def _take_over(
    state: PlanState, planned: PlannedObject, values: dict[str, Any], predecessor: ManagedObject,
) -> None:
    """Plan to reuse a stale object as the desired one."""
    obj = planned.desired
    values = {name: value for name, value in values.items() if name in obj.managed_fields}
    after = with_changes(state, obj, predecessor, values)
    state.board.remove(predecessor.key)
    if conflict := find_conflict(state, obj, after, predecessor.object_id):
        state.board.put(predecessor.key, predecessor.model, predecessor.values or {})
        state.block(obj, conflict)
        return
    state.taken_over.add(predecessor.key)
    state.leaving.pop(predecessor.key, None)
    del state.replaceable[predecessor.key]
    state.board.put(obj.key, obj.model, after)
    clear(state, obj, after)
    planned.link, planned.pk = predecessor, predecessor.object_id
    planned.current_values = dict(predecessor.values or {})
    previous_key = state.stored_key(predecessor.key)
    state.records.append(Record(obj.key, obj.model, predecessor.object_id, previous_key=previous_key))
    plan_update(state, planned, values)


# Objects that are created or adopted


def _block_new_device(state: PlanState, obj: DesiredObject) -> None:
    """Skip a new device whose status NetBox does not offer, under one finding for all such devices."""
    root = f'settings/{STATUS_SETTING}'
    finding = Finding(
        DiscrepancyTypeChoices.UNMATCHED, root, obj.scope, Source('', STATUS_SETTING),
        Code.DEVICE_STATUS_NOT_OFFERED, {'status': state.policy.device_status},
    )
    state.block_under(root, finding, obj)


def _create(state: PlanState, planned: PlannedObject, values: dict[str, Any]) -> None:
    planned.type = CREATE
    planned.changes = [FieldChange(name, None, value) for name, value in values.items() if value not in (None, [])]
    if not planned.desired.shared:
        state.board.put(planned.desired.key, planned.desired.model, values)
        clear(state, planned.desired, values)


def _share(state: PlanState, planned: PlannedObject, machine: UnmanagedObject) -> None:
    """Plan to use the device of another fabric as it is."""
    planned.type, planned.pk = SHARE, machine.pk
    state.planned[planned.desired.key] = planned
    state.claimed[machine.model, machine.pk] = planned.desired.key


def _adopt(state: PlanState, planned: PlannedObject, values: dict[str, Any], candidate: UnmanagedObject) -> None:
    obj = planned.desired
    state.planned[obj.key] = planned
    planned.type, planned.pk, planned.current_values = ADOPT, candidate.pk, candidate.values
    state.claimed[obj.model, candidate.pk] = obj.key
    if obj.model == DEVICE:
        state.adopted.add(candidate.pk)
    for name, value in align_ends(obj.model, candidate.values, values).items():
        if name in obj.managed_fields:
            compare(state, planned, name, value)
    compare_adopted(state, planned)
    state.board.put(obj.key, obj.model, candidate.values)
    keep_vlans(state, planned)
