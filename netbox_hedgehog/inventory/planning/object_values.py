"""Resolve the desired values of an object, as JSON, with references and with choices that NetBox offers."""

from collections.abc import Iterable
from typing import Any

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from ...labels import field_label
from ..mapping.types import DesiredObject, Ref, Source
from .fields import BadValue, Unresolved, choices_of, default_of, desired_value
from .model_specs import DEVICE, spec_of
from .plan import Finding
from .state import PlanState

__all__ = ('optional_keys', 'resolve_values')


def resolve_values(
    state: PlanState, obj: DesiredObject, names: Iterable[str], exists: bool,
) -> dict[str, Any] | None:
    """Return the desired values of these fields; skip the object and return None if one cannot be resolved.

    For an object that exists already, only managed fields are returned.
    """
    values: dict[str, Any] = {}
    optional = spec_of(obj.model).optional_fields
    fields = obj.fields
    for name in names:
        if exists and name not in obj.managed_fields:
            continue
        value = _available(state, fields[name]) if name in optional else fields[name]
        try:
            resolved = desired_value(obj.model, name, value, state)
        except Unresolved as error:
            if name in optional:
                continue
            state.skip_dependent(obj, error.key)
            return None
        except BadValue as error:
            state.skip(obj, Code.VALUE_INVALID, reason=str(error))
            return None
        values[name] = _offered(state, obj, name, resolved) if name in obj.create_only_fields else resolved
    return values


def _available(state: PlanState, value: Any) -> Any:
    """Return the references of a list that can be resolved; any other value unchanged."""
    if not isinstance(value, tuple):
        return value
    return tuple(item for item in value if not isinstance(item, Ref) or state.is_available(item.key))


def optional_keys(obj: DesiredObject) -> set[str]:
    """Return the keys that the optional fields of an object refer to."""
    found: set[str] = set()
    for name in spec_of(obj.model).optional_fields:
        value = obj.fields.get(name)
        items = value if isinstance(value, tuple) else (value,)
        found.update(item.key for item in items if isinstance(item, Ref))
    return found


# Choices


def _offered(state: PlanState, obj: DesiredObject, name: str, value: Any) -> Any:
    """Return a choice that NetBox offers: FIELD_CHOICES may have removed the one that a new object would get."""
    if obj.model == DEVICE or not isinstance(value, str):
        return value
    choice = (obj.model, name, value)
    if choice not in state.choices:
        state.choices[choice] = _choose(state, obj, name, value)
    return state.choices[choice]


def _choose(state: PlanState, obj: DesiredObject, name: str, value: Any) -> Any:
    """Return this choice; if NetBox does not offer it, another one, with a finding."""
    offered = choices_of(obj.model, name)
    if not offered or value in offered:
        return value
    default = default_of(obj.model, name)
    chosen = default if default in offered else offered[0]
    state.findings.append(Finding(
        DiscrepancyTypeChoices.UNMATCHED, f'choices/{obj.model}/{name}/{value}', obj.scope,
        Source('', field_label(obj.model, name)),
        Code.CHOICE_NOT_OFFERED, {'model': obj.model, 'field': name, 'value': value, 'chosen': chosen},
        model=obj.model,
    ))
    return chosen
