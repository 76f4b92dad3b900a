"""Find conflicts: another object has the place of a desired object, or needs it too."""

from collections.abc import Collection
from typing import Any

from ...choices import DiscrepancyTypeChoices, InventoryAdoptionChoices
from ...issue_codes import Code
from ...labels import model_title
from ..mapping.types import DesiredObject
from .current import ManagedObject, UnmanagedObject
from .model_specs import CABLE, DEVICE, RANGE, VRF, identities, spec_of
from .places import coexist, ends_of, overlap
from .plan import Finding
from .room import can_make_room, way_out
from .state import PlanState, finding_on

__all__ = ('ambiguous_adoption', 'find_conflict')

CONFLICT = DiscrepancyTypeChoices.CONFLICT

# How many candidates a conflict names.
MOST_NAMED = 5


def find_conflict(
    state: PlanState, obj: DesiredObject, values: dict[str, Any], pk: int | None, fields: Collection[str] = (),
) -> Finding | None:
    """Return the finding on what prevents an object from taking the place of these values; None if nothing does.

    `fields` are those that an existing object keeps; a new object is skipped.
    """
    candidate = _find_unmanaged(state, obj, values, pk)
    if candidate is not None:
        return _conflict_with_unmanaged(state, obj, candidate, fields)
    if (other := _same_rule_name(state, obj, values)) is not None:
        return _conflict_with_key(state, obj, other, fields)
    for key in state.board.holders(obj.model, values):
        makes_room = key in state.replaceable and way_out(state, key, values) is not None
        if key != obj.key and not makes_room:
            return _conflict_with_key(state, obj, key, fields)
    return None


def _find_unmanaged(
    state: PlanState, obj: DesiredObject, values: dict[str, Any], pk: int | None,
) -> UnmanagedObject | None:
    """Return an object in the place of this one that the fabric does not manage."""
    current = state.current
    found = [current.cabled.get(end) for end in ends_of(values) if isinstance(end, int)]
    # NetBox allows several VRFs of one name: the name that a rule gives is meant for one of them.
    if not spec_of(obj.model).identity_not_unique or 'name' in obj.rule_fields:
        found += [current.candidates.get((obj.model, identity)) for identity in identities(obj.model, values)]
    if obj.model == DEVICE and pk is None:
        found += current.namesakes_of(values)
    if obj.model == RANGE and not isinstance(values.get('vrf'), dict):
        ranges = current.ranges.get(values.get('vrf'), ())
        found += [other for other in ranges if overlap(values, other.values)]
    for candidate in found:
        if candidate is not None and candidate.pk != pk and not coexist(obj.model, values, candidate.values):
            return candidate
    return None


def _same_rule_name(state: PlanState, obj: DesiredObject, values: dict[str, Any]) -> str | None:
    """Return the key of another VRF of the fabric that has the name which a rule gives to this one."""
    if obj.model != VRF or 'name' not in obj.rule_fields:
        return None
    for link in state.current.managed.values():
        is_other = link.model == VRF and link.key != obj.key and link.key not in state.replaceable
        if is_other and (link.values or {}).get('name') == values.get('name'):
            return link.key
    return None


# Findings


def _conflict_with_unmanaged(
    state: PlanState, obj: DesiredObject, candidate: UnmanagedObject, fields: Collection[str],
) -> Finding:
    code, parameters = _why_it_keeps_its_place(candidate) if fields else _why_it_is_not_created(obj, candidate)
    return finding_on(
        obj, CONFLICT, code, {**_details(state, obj, fields), **parameters}, model=obj.model, pk=candidate.pk,
    )


def _details(state: PlanState, obj: DesiredObject, fields: Collection[str]) -> dict[str, Any]:
    """Return the parameters that all conflicts have: the fields that are kept, and the object's name in NetBox."""
    link = state.current.managed.get(obj.key)
    name = {'name': link.title} if link is not None and obj.model != CABLE else {}
    return {**name, 'fields': list(fields)}


def _why_it_keeps_its_place(candidate: UnmanagedObject) -> tuple[Code, dict[str, Any]]:
    if candidate.is_owned:
        return Code.PLACE_OF_OTHER_FABRIC, {'other': _described(candidate)}
    return Code.PLACE_OF_UNMANAGED_OBJECT, {'other': _described(candidate)}


def _why_it_is_not_created(obj: DesiredObject, candidate: UnmanagedObject) -> tuple[Code, dict[str, Any]]:
    if candidate.is_owned:
        return Code.CABLE_OF_OTHER_FABRIC if obj.model == CABLE else Code.OBJECT_OF_OTHER_FABRIC, {}
    code = Code.CABLE_UNMANAGED if obj.model == CABLE else Code.OBJECT_UNMANAGED
    return code, {'id': candidate.pk}


def ambiguous_adoption(state: PlanState, obj: DesiredObject, choices: list[UnmanagedObject]) -> Finding:
    """Return the finding on an object that matches several existing ones."""
    names = [_described(candidate) for candidate in choices[:MOST_NAMED]]
    if len(choices) > MOST_NAMED:
        names.append('…')
    by_serial = obj.model == DEVICE and state.policy.adoption == InventoryAdoptionChoices.SERIAL
    return finding_on(
        obj, CONFLICT, Code.ADOPTION_AMBIGUOUS,
        {'total': len(choices), 'names': names, 'field': 'serial' if by_serial else 'name'},
        model=obj.model, pk=choices[0].pk,
    )


def _described(candidate: UnmanagedObject) -> str:
    """Return what distinguishes a candidate from others of its name or serial number."""
    values = candidate.values
    name = values.get('name') or model_title(candidate.model, 1)
    status = f', {values["status"]}' if values.get('status') else ''
    return f'{name} (#{candidate.pk}{status})'


def _conflict_with_key(state: PlanState, obj: DesiredObject, other: str, fields: Collection[str]) -> Finding:
    """Return the finding on an object whose place another object of the fabric has, or gets."""
    details = _details(state, obj, fields)
    link = state.current.managed.get(other)
    is_desired = other in state.desired.objects
    if link is not None and link.used_by_others and not is_desired:
        # It is managed by one of these from now on.
        taken = UnmanagedObject(link.model, link.object_id, link.values or {}, is_owned=True)
        return _conflict_with_unmanaged(state, obj, taken, fields)
    if link is not None and (other in state.replaceable or is_desired):
        holder = {'holder_model': link.model, 'holder': link.title, 'kind': link.kind, 'resource': link.name}
        return finding_on(
            obj, CONFLICT, _why_it_stays(state, other, link), {**details, **holder},
            model=link.model, pk=link.object_id,
        )
    if not is_desired:
        link = state.current.managed[other]
        return finding_on(
            obj, CONFLICT, Code.PLACE_OF_SKIPPED_RESOURCE, {**details, 'kind': link.kind, 'resource': link.name},
            model=obj.model, pk=link.object_id,
        )
    source = state.desired.objects[other].source
    return finding_on(
        obj, CONFLICT, Code.PORT_NEEDED_TWICE if obj.model == CABLE else Code.PLACE_NEEDED_TWICE,
        {**details, 'kind': source.kind, 'resource': source.name}, model=obj.model,
    )


def _why_it_stays(state: PlanState, key: str, link: ManagedObject) -> Code:
    """Return why an object of this fabric keeps its place."""
    if key not in state.replaceable:
        return Code.PLACE_OF_MANAGED_OBJECT
    has_issue = key in state.with_issues
    if not can_make_room(link.model):
        return Code.PLACE_OF_SKIPPED_OBJECT if has_issue else Code.PLACE_OF_STALE_OBJECT
    return Code.PLACE_OF_CHANGED_OBJECT if has_issue else Code.PLACE_OF_STALE_CHANGED_OBJECT
