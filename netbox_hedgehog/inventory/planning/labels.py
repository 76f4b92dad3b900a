"""A plan as people read it: related objects by their names."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from ..mapping.types import Desired
from .fields import GENERIC, kind_of, model_of, object_name, related_label
from .plan import Action, FieldChange, Plan

__all__ = ('describe',)

Place = tuple[str, int]


def describe(plan: Plan, desired: Desired) -> Plan:
    """Fill in the texts of a plan's changes. Reads the names of related objects: a statement a model."""
    actions = [*plan.attempted, *plan.held_actions]
    wanted: dict[str, set[int]] = defaultdict(set)
    for action in actions:
        for change in action.changes:
            for value in (change.old, change.new):
                for label, pk in _places(action.model, change.field, value):
                    wanted[label].add(pk)
    names: dict[Place, str] = {}
    for label, pks in wanted.items():
        for instance in _named(label, pks):
            names[label, instance.pk] = str(instance)
        if label == 'dcim.interface':
            names.update(_interfaces(pks))
    plan.actions = [_described(action, names, desired) for action in plan.actions]
    plan.refused_actions = [_described(action, names, desired) for action in plan.refused_actions]
    plan.held_actions = [_described(action, names, desired) for action in plan.held_actions]
    return plan


def _named(label: str, pks: set[int]) -> Any:
    if label == 'dcim.interface':
        return ()
    queryset = model_of(label)._default_manager.filter(pk__in=pks)
    return queryset.select_related('manufacturer') if label == 'dcim.devicetype' else queryset


def _interfaces(pks: set[int]) -> dict[Place, str]:
    rows = model_of('dcim.interface')._default_manager.filter(pk__in=pks).order_by().values_list(
        'pk', 'device__name', 'name',
    )
    return {('dcim.interface', pk): f'{device} {name}' for pk, device, name in rows}


def _places(model: str, name: str, value: Any) -> list[Place]:
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
    def text(change: FieldChange, value: Any) -> str:
        if value is None:
            return ''
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
        want = desired.objects.get(item['key'])
        return object_name(want) if want else str(item['key'])
    if label and isinstance(item, int):
        return names.get((label, item), f'{label} {item}')
    return str(item)
