"""Assign existing objects their new places, before new objects are planned."""

import logging
from collections import deque
from dataclasses import replace
from typing import Any

from rq.timeouts import JobTimeoutException

from ..mapping.types import DesiredObject
from .conflicts import find_conflict
from .current import ManagedObject
from .fields import BadValue, Unresolved, desired_value
from .model_specs import identity_fields
from .ownership import is_as_written, with_changes
from .places import Board, place_fields
from .room import clear
from .state import PlanState

__all__ = ('assign_places',)

logger = logging.getLogger(__name__)

# Objects that are their place: an address that moves to another interface is the same address. Where the place of a
# stale one is desired, the two objects change owners.
CHANGE_OWNERS = frozenset(('ipam.ipaddress', 'ipam.prefix', 'ipam.iprange', 'vpn.l2vpntermination'))

# New values of objects that get another place, by key.
Movers = dict[str, dict[str, Any]]


def assign_places(state: PlanState) -> None:
    """Decide which existing objects get their new place, before new objects are planned.

    Objects may exchange places. An object that does not get its new place keeps its current one; the object that was to
    get that is decided again.
    """
    movers = _find_movers(state)
    if not state.policy.forced:
        _change_owners(state, movers)
    for key, after in movers.items():
        state.board.put(key, state.desired.objects[key].model, after)
    _deny_places(state, movers)
    for key, after in movers.items():
        if key not in state.denied:
            clear(state, state.desired.objects[key], after)


def _find_movers(state: PlanState) -> Movers:
    """Store the places that objects have, and return which of them get another one."""
    movers: Movers = {}
    for key, link in state.current.managed.items():
        if link.shared or link.values is None:
            continue
        state.board.put(key, link.model, link.values)
        obj = state.desired.objects.get(key)
        after = _after(state, obj, link) if obj is not None and obj.model == link.model else link.values
        if after != link.values:
            movers[key] = after
    return movers


def _deny_places(state: PlanState, movers: Movers) -> None:
    """Store which objects cannot get their new place; they keep their current one."""
    pending = deque(movers)
    while pending:
        key = pending.popleft()
        link = state.current.managed[key]
        if key in state.denied:
            continue
        obj = state.desired.objects[key]
        conflict = find_conflict(state, obj, movers[key], link.object_id, _changed(link, movers[key]))
        if conflict is not None:
            assert link.values is not None
            state.denied[key] = conflict
            state.board.put(key, link.model, link.values)
            pending += [other for other in state.board.holders(link.model, link.values) if other in movers]


def _changed(link: ManagedObject, after: dict[str, Any]) -> list[str]:
    """Return the fields that an object keeps if it cannot get these values."""
    before = link.values or {}
    return sorted(name for name, value in after.items() if value != before.get(name))


def _after(state: PlanState, obj: DesiredObject, link: ManagedObject) -> dict[str, Any]:
    """Return the new values of an existing object's fields that define its place."""
    values: dict[str, Any] = {}
    fields = obj.fields
    names = place_fields(obj.model, identity_fields(obj.model))
    for name in sorted(names & set(obj.managed_fields)):
        try:
            values[name] = desired_value(obj.model, name, fields[name], _Existing(state))
        except (BadValue, Unresolved):
            return dict(link.values or {})
        except JobTimeoutException:
            raise
        except Exception:
            # The finding on it comes once the object itself is planned.
            logger.exception('The place of %s is unknown', obj.key)
            return dict(link.values or {})
    return with_changes(state, obj, link, values)


class _Existing:
    """Resolve keys before anything is planned, for the codec of fields."""

    def __init__(self, state: PlanState) -> None:
        self._state = state

    def __call__(self, key: str) -> Any:
        """Return the ID of the object under a key, or {'key': KEY} if it has no link yet."""
        link = self._state.current.managed.get(key)
        if link is None and key in self._state.desired.objects:
            return {'key': key}
        if link is None or link.values is None:
            raise Unresolved(key)
        return link.object_id

    def label_of(self, key: str) -> str:
        return self._state.label_of(key)


# Objects that change owners


def _change_owners(state: PlanState, movers: Movers) -> None:
    """Exchange the NetBox objects of objects that get the place of a stale one, and of that stale one."""
    wishes = Board()
    for key, after in movers.items():
        wishes.put(key, state.desired.objects[key].model, after)
    pending = deque(key for key in movers if state.desired.objects[key].model in CHANGE_OWNERS)
    while pending:
        key = pending.popleft()
        if key not in movers:
            continue
        obj = state.desired.objects[key]
        holders = state.board.holders(obj.model, movers[key])
        stale = [other for other in holders if _is_untouched_stale(state, other)]
        if not stale or key in holders:
            continue
        _swap_links(state, key, stale[0])
        after = _after(state, obj, state.current.managed[key])
        if after == state.current.managed[key].values:
            del movers[key]
            wishes.remove(key)
        else:
            movers[key] = after
        pending += wishes.holders(obj.model, state.board.values_of(stale[0]))


def _is_untouched_stale(state: PlanState, key: str) -> bool:
    """Return whether the object under a key may be replaced, and nobody has changed it."""
    return key in state.replaceable and is_as_written(state, state.replaceable[key])


def _swap_links(state: PlanState, one: str, other: str) -> None:
    """Exchange the objects under two keys."""
    managed = dict(state.current.managed)
    mine, theirs = managed[one], managed[other]
    managed[one] = replace(theirs, key=one, kind=mine.kind, name=mine.name, scope=mine.scope)
    managed[other] = replace(mine, key=other, kind=theirs.kind, name=theirs.name, scope=theirs.scope)
    state.replaceable[other] = managed[other]
    state.stored_keys[one], state.stored_keys[other] = state.stored_key(other), state.stored_key(one)
    state.current = replace(state.current, managed=managed)
    for key in (one, other):
        values = managed[key].values
        assert values is not None
        state.board.put(key, managed[key].model, values)
