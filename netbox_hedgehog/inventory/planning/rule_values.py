"""Plan what rules give to objects that exist already: only on request, and only what the plan shows before.

A sync never does this: what a rule gives is set when an object is created, and then belongs to people.
"""

from typing import Any

from ...choices import InventoryOriginChoices
from ..mapping.types import DesiredObject
from .conflicts import find_conflict
from .current import ManagedObject
from .fields import BadValue, Unresolved, desired_value
from .plan import FieldChange
from .state import PlannedObject, PlanState

__all__ = ('plan_rule_values',)


def plan_rule_values(state: PlanState, planned: PlannedObject, link: ManagedObject) -> None:
    """Plan the values of rules for an existing object.

    Fields for which NetBox's value is kept stay as they are. An adopted object is somebody's: only its empty fields are
    filled in. Tags are added, none is removed.
    """
    obj = planned.desired
    changes = []
    for name in sorted(obj.rule_fields - set(link.kept)):
        change = _change(state, planned, link, name)
        if change is not None:
            changes.append(change)
    changes = _without_lone_location(obj, planned, changes)
    if not changes:
        return
    after = {**planned.current_values, **{change.field: change.new for change in changes}}
    places = [change.field for change in changes if change.field in ('site', 'tenant', 'scope', 'name')]
    if places and (conflict := find_conflict(state, obj, after, link.object_id, places)):
        state.findings.append(conflict)
        blocked = {*places, 'location'}
        changes = [change for change in changes if change.field not in blocked]
    planned.changes += changes


def _change(state: PlanState, planned: PlannedObject, link: ManagedObject, name: str) -> FieldChange | None:
    obj = planned.desired
    try:
        value: Any = desired_value(obj.model, name, obj.create_only_fields[name], state)
    except (BadValue, Unresolved):
        return None
    current = planned.current_values.get(name)
    if name == 'tags':
        value = sorted({*(current or ()), *value})
    is_theirs = link.origin != InventoryOriginChoices.CREATED and current not in (None, [])
    if current == value or (is_theirs and name != 'tags'):
        return None
    return FieldChange(name, current, value)


def _without_lone_location(
    obj: DesiredObject, planned: PlannedObject, changes: list[FieldChange],
) -> list[FieldChange]:
    """Drop a change of location that does not fit the site, or would only remove the location within the same site."""
    changed = {change.field: change.new for change in changes}
    if 'location' not in changed:
        return changes
    moves = 'site' in changed
    site = changed.get('site', planned.current_values.get('site'))
    wanted: Any = obj.create_only_fields.get('site')
    fits = wanted is not None and site == wanted.pk
    if fits and (moves or changed['location'] is not None):
        return changes
    return [change for change in changes if change.field != 'location']
