"""Add the names of objects to a plan, for people."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ...labels import SPEED, speed_label
from ..mapping.types import Desired
from ..planning.fields import GENERIC, kind_of, model_of, related_label
from ..planning.model_specs import object_name
from ..planning.plan import Action, FieldChange, Plan

__all__ = ('describe',)

# The model and the ID of an object.
Place = tuple[str, int]


def describe(plan: Plan, desired: Desired) -> Plan:
    """Fill in the texts of a plan's changes, and return it. One SQL statement per related model."""
    names = _load_names(_related((*plan.attempted, *plan.unconfirmed_actions)))
    plan.actions = [_described(action, names, desired) for action in plan.actions]
    plan.refused_actions = [_described(action, names, desired) for action in plan.refused_actions]
    plan.unconfirmed_actions = [_described(action, names, desired) for action in plan.unconfirmed_actions]
    return plan


def _related(actions: Iterable[Action]) -> dict[str, set[int]]:
    """Return the IDs of all objects that these actions refer to, by model."""
    found: dict[str, set[int]] = defaultdict(set)
    for action in actions:
        for change in action.changes:
            for value in (change.old, change.new):
                for label, pk in _places(action.model, change.field, value):
                    found[label].add(pk)
    return found


def _load_names(related: dict[str, set[int]]) -> dict[Place, str]:
    """Return the names of these objects."""
    names: dict[Place, str] = {}
    for label, pks in related.items():
        if label == 'dcim.interface':
            names.update(_load_interface_names(pks))
            continue
        queryset = model_of(label)._default_manager.filter(pk__in=pks)
        if label == 'dcim.devicetype':
            queryset = queryset.select_related('manufacturer')
        for instance in queryset:
            names[label, instance.pk] = str(instance)
    return names


def _load_interface_names(pks: set[int]) -> Iterator[tuple[Place, str]]:
    """Yield interfaces and their names, with that of their device."""
    rows = model_of('dcim.interface')._default_manager.filter(pk__in=pks).order_by().values_list(
        'pk', 'device__name', 'name',
    )
    for pk, device, name in rows:
        yield ('dcim.interface', pk), f'{device} {name}'


def _places(model: str, name: str, value: Any) -> list[Place]:
    """Return the objects that a field's value refers to."""
    if value is None:
        return []
    kind = kind_of(model, name)
    if kind == GENERIC and isinstance(value, list):
        return [(value[0], value[1])]
    label = related_label(model, name)
    if not label:
        return []
    items = value if isinstance(value, list) else [value]
    return [(label, item) for item in items if isinstance(item, int)]


def _described(action: Action, names: dict[Place, str], desired: Desired) -> Action:
    """Return an action with the texts of its changes."""
    def text(change: FieldChange, value: Any) -> str:
        if value is None:
            return ''
        if (action.model, change.field) == SPEED:
            return speed_label(value)
        kind = kind_of(action.model, change.field)
        if kind == GENERIC and isinstance(value, list):
            return names.get((value[0], value[1]), f'{value[0]} {value[1]}')
        label = related_label(action.model, change.field)
        items = value if isinstance(value, list) else [value]
        return ', '.join(_item(item, label, names, desired) for item in items)

    return replace(action, changes=tuple(
        replace(change, old_text=text(change, change.old), new_text=text(change, change.new))
        for change in action.changes
    ))


def _item(item: Any, label: str, names: dict[Place, str], desired: Desired) -> str:
    if isinstance(item, dict) and 'key' in item:
        obj = desired.objects.get(item['key'])
        return object_name(obj) if obj else str(item['key'])
    if label and isinstance(item, int):
        return names.get((label, item), f'{label} {item}')
    return str(item)
