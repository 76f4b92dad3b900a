"""Find existing objects that match a desired object, and decide whether the fabric adopts them."""

from typing import Any

from ...choices import InventoryAdoptionChoices, InventoryOriginChoices
from ..mapping.types import DesiredObject
from .current import UnmanagedObject
from .model_specs import (
    ADDRESS,
    CABLE,
    DEVICE,
    INTERFACE,
    MAC_ADDRESS,
    MODULE,
    MODULE_BAY,
    identities,
    spec_of,
)
from .places import ends_of
from .plan import ADOPT
from .state import PlanState

__all__ = ('choices_to_adopt', 'find_existing', 'may_adopt')


def choices_to_adopt(state: PlanState, obj: DesiredObject, values: dict[str, Any]) -> list[UnmanagedObject]:
    """Return the objects that match this one by fields that may have duplicates, without those already in use."""
    adoption = state.policy.adoption
    if adoption == InventoryAdoptionChoices.OFF:
        return []
    found: list[UnmanagedObject] = []
    if obj.model == DEVICE:
        found = state.current.devices_for(values, adoption, state.policy.stale_status)
    elif adoption == InventoryAdoptionChoices.NAME and spec_of(obj.model).identity_not_unique:
        for identity in identities(obj.model, values):
            rivals = state.current.rivals.get((obj.model, identity), {})
            found += [candidate for candidate in rivals.values() if not candidate.is_owned]
    return [candidate for candidate in found if (obj.model, candidate.pk) not in state.claimed]


def find_existing(state: PlanState, obj: DesiredObject, values: dict[str, Any]) -> UnmanagedObject | None:
    """Return the object that matches this one; for devices see choices_to_adopt()."""
    if obj.model == CABLE:
        return _find_cable(state, values)
    if obj.model == DEVICE:
        return None
    for identity in identities(obj.model, values):
        if candidate := state.current.candidates.get((obj.model, identity)):
            return candidate
    return None


def _find_cable(state: PlanState, values: dict[str, Any]) -> UnmanagedObject | None:
    """Return the cable that connects the same interfaces."""
    ends = ends_of(values)
    cabled = state.current.cabled
    found = [cabled[end] for end in ends if isinstance(end, int) and end in cabled]
    if len(found) != len(ends) or len({candidate.pk for candidate in found}) != 1:
        return None
    pair = sorted((values['a'], values['b']), key=str)
    candidate = found[0]
    is_same = sorted((candidate.values['a'], candidate.values['b']), key=str) == pair
    return candidate if is_same else None


def may_adopt(state: PlanState, obj: DesiredObject, values: dict[str, Any], candidate: UnmanagedObject) -> bool:
    """Return whether the fabric adopts this object."""
    if state.policy.adoption == InventoryAdoptionChoices.OFF or candidate.is_owned:
        return False
    if (obj.model, candidate.pk) in state.claimed:
        return False
    if state.policy.adoption == InventoryAdoptionChoices.NAME:
        return True
    if obj.model == DEVICE:
        return state.policy.adoption == InventoryAdoptionChoices.SERIAL
    return _is_of_adopted_device(state, obj, values, candidate)


def _is_of_adopted_device(
    state: PlanState, obj: DesiredObject, values: dict[str, Any], candidate: UnmanagedObject,
) -> bool:
    """Return whether an object belongs to an adopted device, with which it is adopted."""
    if obj.model in (INTERFACE, MODULE_BAY, MODULE):
        return values.get('device') in state.adopted
    if obj.model in (ADDRESS, MAC_ADDRESS):
        place = values.get('assigned_object')
        if place is None or candidate.values.get('assigned_object') != place:
            return False
        return _is_adopted_interface(state, place[1])
    if obj.model == CABLE:
        return any(_is_adopted_interface(state, end) for end in ends_of(values))
    return False


def _is_adopted_interface(state: PlanState, pk: Any) -> bool:
    planned = state.planned.get(state.claimed.get((INTERFACE, pk), ''))
    if planned is None:
        return False
    if planned.type == ADOPT:
        return True
    return planned.link is not None and planned.link.origin == InventoryOriginChoices.ADOPTED
