"""Plan how stale objects make room for desired ones: they leave their VLAN group, release ports, or are renamed."""

from typing import Any

from ..mapping.types import DesiredObject
from .current import ManagedObject
from .model_specs import CABLE, ENDS_OF_CABLE
from .ownership import is_as_written
from .places import ends_of
from .plan import DELETE, UPDATE, Action, FieldChange, Plan
from .state import PlanState

__all__ = ('can_make_room', 'clear', 'plan_room', 'way_out')

# The models whose stale objects make room, by the fields that decide: what a person has changed is not moved away.
MAKE_ROOM = {
    'ipam.vlan': ('group', 'vid', 'name'), 'ipam.vlangroup': ('name', 'slug'), 'vpn.l2vpn': ('name', 'slug'),
    'dcim.interface': ('name',), 'dcim.device': ('name',), 'dcim.cable': ENDS_OF_CABLE,
}

# How many characters names have at most, where that is not 100.
LONGEST = {'dcim.interface': 64, 'dcim.device': 64}


def can_make_room(model: str) -> bool:
    """Return whether stale objects of a model make room at all."""
    return model in MAKE_ROOM


def way_out(state: PlanState, key: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """Return new values of a stale object that make room for one with these values; None if it has to stay."""
    link = state.replaceable[key]
    names = MAKE_ROOM.get(link.model)
    if state.policy.forced or names is None or not is_as_written(state, link, names):
        return None
    now = state.board.values_of(key)
    if link.model == CABLE:
        ports = ends_of(values)
        ends = {name: [end for end in now[name] if end not in ports] for name in names}
        return {name: end for name, end in ends.items() if end != now[name]}
    if link.model == 'ipam.vlan':
        return {'group': None}
    return {name: _stale_name(link, name, now[name]) for name in names}


def _stale_name(link: ManagedObject, name: str, value: Any) -> str:
    """Return a name that makes room for another object of that name, and that nothing else has."""
    mark = f'-stale-{link.object_id}' if name == 'slug' else f' (stale #{link.object_id})'
    return f'{str(value)[:LONGEST.get(link.model, 100) - len(mark)]}{mark}'


def clear(state: PlanState, obj: DesiredObject, values: dict[str, Any]) -> None:
    """Move stale objects out of the places that a desired object with these values gets."""
    for key in state.board.holders(obj.model, values):
        if key == obj.key or key not in state.replaceable:
            continue
        new = way_out(state, key, values) or {}
        link = state.replaceable[key]
        assert link.values is not None
        for name, value in new.items():
            state.leaving.setdefault(key, {})[name] = FieldChange(name, link.values.get(name), value)
        state.board.put(key, link.model, {**state.board.values_of(key), **new})


def plan_room(state: PlanState, plan: Plan) -> None:
    """Add to a plan how stale objects make room for desired ones."""
    deleted = {action.key for action in plan.actions if action.type == DELETE}
    for key, changes in sorted(state.leaving.items()):
        link = state.current.managed[key]
        if key not in deleted:
            plan.actions.append(Action(
                UPDATE, link.model, key, link.scope, link.source, link.title, link.object_id,
                tuple(changes.values()),
            ))
