"""Decide which fields of existing objects the fabric may write: those with the last written value, or empty."""

from collections.abc import Collection
from typing import Any

from ...choices import InventoryOriginChoices
from ..mapping.types import DesiredObject
from .current import ManagedObject
from .fields import ENDS, FK, MANY, default_of, kind_of, related_label
from .model_specs import CABLE, ENDS_OF_CABLE
from .state import PlanState

__all__ = ('align_ends', 'is_as_written', 'may_write', 'nobody_has_set', 'with_changes')


def may_write(state: PlanState, obj: DesiredObject, link: ManagedObject | None, name: str, current: Any) -> bool:
    """Return whether the fabric may write a field: it has the last written value, is empty, or a person says so."""
    if (obj.key, name) in state.policy.forced:
        return True
    if link is not None and name in link.kept:
        return False
    return nobody_has_set(state, obj, link, name, current)


def nobody_has_set(state: PlanState, obj: DesiredObject, link: ManagedObject | None, name: str, current: Any) -> bool:
    """Return whether a field has the last written value, or is empty and was never written."""
    written = link.written if link else {}
    if name not in written:
        return current in (None, []) or _is_default(link, name, current)
    return current in (written[name], _without_deleted(state, obj.model, name, written[name]))


def _is_default(link: ManagedObject | None, name: str, current: Any) -> bool:
    """Return whether a field of an object that the plugin created has NetBox's default, so nobody has set it."""
    if link is None or link.origin != InventoryOriginChoices.CREATED:
        return False
    return bool(current == default_of(link.model, name))


def _without_deleted(state: PlanState, model: str, name: str, value: Any) -> Any:
    """Return a value that was written without the objects that have been deleted since.

    NetBox removes these from fields by itself: nobody has decided to change the field.
    """
    kind = kind_of(model, name)
    if value is None or kind not in (FK, MANY, ENDS):
        return value
    label = related_label(model, name)
    if label not in state.models:
        return value
    if isinstance(value, list):
        # A value that is not an ID is an end of a cable that is not an interface.
        return [item for item in value if not isinstance(item, int) or (label, item) in state.existing]
    return value if (label, value) in state.existing else None


def is_as_written(state: PlanState, link: ManagedObject, names: Collection[str] | None = None) -> bool:
    """Return whether an object has the last written values, in these fields or in all."""
    values = link.values or {}
    for name in names if names is not None else [name for name in link.written if name in values]:
        if name not in link.written:
            return False
        written = link.written[name]
        if values.get(name) not in (written, _without_deleted(state, link.model, name, written)):
            return False
    return True


def with_changes(
    state: PlanState, obj: DesiredObject, link: ManagedObject, values: dict[str, Any],
) -> dict[str, Any]:
    """Return an object's values after the fields that may be written are written."""
    after = dict(link.values or {})
    for name, value in align_ends(obj.model, after, values).items():
        chosen = not state.policy.forced or (obj.key, name) in state.policy.forced
        if chosen and may_write(state, obj, link, name, after.get(name)):
            after[name] = value
    return after


def align_ends(label: str, current: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return a cable's desired ends in the order of the existing ones: sides A and B mean nothing to a fabric."""
    if label != CABLE or not current or not values:
        return values
    a, b = (current.get(name) for name in ENDS_OF_CABLE)
    x, y = (values.get(name) for name in ENDS_OF_CABLE)
    if (a == y or b == x) and not (a == x or b == y):
        return {**values, 'a': y, 'b': x}
    return values
