"""Read, compare and write values of NetBox's fields: one codec per kind of field.

Values are JSON throughout: a related object is its ID, a generic one [model, ID], a many-to-many field and the end of a
cable a sorted list of IDs, an address or a prefix its text; empty text counts as None. A desired object that does not
exist yet is {'key': KEY}.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Protocol

import netaddr
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from netaddr.core import AddrFormatError
from utilities.data import ranges_to_string, string_to_ranges

from ..mapping.types import DesiredObject, ExistingRef, Ref, Value
from .model_specs import CABLE, ENDS_OF_CABLE

__all__ = (
    'ENDS', 'FK', 'GENERIC', 'MANY', 'PLAIN', 'BadValue', 'Refer', 'Unresolved', 'choices_of', 'decode', 'default_of',
    'desired_value', 'desired_values', 'encode', 'has_field', 'kind_of', 'model_of', 'related_label',
)

PLAIN, FK, GENERIC, MANY, ENDS, RANGES = 'plain', 'fk', 'generic', 'many', 'ends', 'ranges'

JSON = Any


class BadValue(Exception):
    """A value that its field cannot hold; the text says which and why."""


class Unresolved(Exception):
    """A reference to an object that does not exist and is not created."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Refer(Protocol):
    """Resolve the keys of a fabric's objects."""

    def __call__(self, key: str) -> JSON:
        """Return the object's ID, or {'key': KEY} before it is created. Raises Unresolved if it does not exist."""

    def label_of(self, key: str) -> str:
        """Return the label of the object's model."""


@cache
def model_of(label: str) -> type[models.Model]:
    return apps.get_model(label)


@cache
def kind_of(label: str, name: str) -> str:
    """Return the kind of this field. Raises BadValue for one that the model does not have."""
    if label == CABLE and name in ENDS_OF_CABLE:
        return ENDS
    try:
        field = model_of(label)._meta.get_field(name)
    except FieldDoesNotExist:
        raise BadValue(f'{label} has no field {name}.') from None
    if isinstance(field, GenericForeignKey):
        return GENERIC
    if field.many_to_many:
        return MANY
    if isinstance(field, models.ForeignKey):
        return FK
    if isinstance(field, ArrayField) and name == 'vid_ranges':
        return RANGES
    return PLAIN


def has_field(label: str, name: str) -> bool:
    """Return whether a model has this field: a discrepancy may be of an older release."""
    try:
        kind_of(label, name)
    except BadValue:
        return False
    return True


@cache
def related_label(label: str, name: str) -> str:
    """Return the model that a field refers to; '' for fields that refer to none, or to any."""
    kind = kind_of(label, name)
    if kind == ENDS:
        return 'dcim.interface'
    if kind not in (FK, MANY):
        return ''
    related: Any = model_of(label)._meta.get_field(name).related_model
    return str(related._meta.label_lower)


def encode(label: str, name: str, value: Any) -> JSON:
    """Return a plain field's value out of the database, as JSON."""
    if value is None or value == '':
        return None
    if isinstance(value, bool | int | str):
        return value
    if kind_of(label, name) == RANGES:
        return ranges_to_string(value)
    if isinstance(value, float | list | dict):
        return value
    return str(value)


def choices_of(label: str, name: str) -> list[JSON]:
    """Return the choices that NetBox offers for a field; none if the field has no choices."""
    if kind_of(label, name) != PLAIN:
        return []
    field: Any = model_of(label)._meta.get_field(name)
    return [value for value, _title in field.flatchoices]


@cache
def default_of(label: str, name: str) -> JSON:
    """Return the default of a plain field, as JSON; None for any other field."""
    if kind_of(label, name) != PLAIN:
        return None
    field: Any = model_of(label)._meta.get_field(name)
    return encode(label, name, field.get_default())


@cache
def _cleaner(label: str, name: str) -> Callable[[Any], Any]:
    field = model_of(label)._meta.get_field(name)

    def clean(value: Any) -> Any:
        try:
            value = field.to_python(value)
        except (ValidationError, AddrFormatError, ValueError, TypeError) as error:
            text = ' '.join(error.messages) if isinstance(error, ValidationError) else str(error)
            raise BadValue(f'{field.verbose_name}: {text}') from None
        if name == 'prefix' and isinstance(value, netaddr.IPNetwork):
            value = value.cidr
        if name == 'dns_name' and value:
            value = value.lower()
        return encode(label, name, value)

    return clean


def desired_value(label: str, name: str, value: Value, refer: Refer) -> JSON:
    """Return the desired value of a field, as JSON.

    Raises BadValue for what the field cannot hold, and what `refer` raises.
    """
    kind = kind_of(label, name)
    if kind in (MANY, ENDS):
        items = value if isinstance(value, tuple) else (value,)
        return sorted((_resolve(item, refer) for item in items if item is not None), key=_order)
    if kind == FK:
        return _resolve(value, refer)
    if kind == GENERIC:
        return _generic_value(value, refer)
    if kind == RANGES:
        return _ranges_value(name, value)
    return None if value is None or value == '' else _cleaner(label, name)(value)


def _resolve(item: Any, refer: Refer) -> JSON:
    """Return the ID of an object that a desired one refers to."""
    if isinstance(item, Ref):
        return refer(item.key)
    return item.pk if isinstance(item, ExistingRef) else item


def _generic_value(value: Value, refer: Refer) -> JSON:
    if isinstance(value, ExistingRef):
        return [value.model, value.pk]
    found = _resolve(value, refer)
    if isinstance(found, dict) or not isinstance(value, Ref):
        return found
    return [refer.label_of(value.key), found]


def _ranges_value(name: str, value: Value) -> JSON:
    try:
        return ranges_to_string(string_to_ranges(str(value)) or [])
    except (ValueError, TypeError):
        raise BadValue(f'{name}: {value} are no ranges of VLAN IDs.') from None


def desired_values(obj: DesiredObject, refer: Refer, names: Iterable[str]) -> dict[str, JSON]:
    """Return the desired values of these fields, without those that are unknown."""
    values = {}
    fields = obj.fields
    for name in names:
        if name in fields:
            try:
                values[name] = desired_value(obj.model, name, fields[name], refer)
            except (BadValue, Unresolved):
                continue
    return values


def _order(item: JSON) -> tuple[int, str]:
    return (item, '') if isinstance(item, int) else (0, str(item))


def decode(label: str, name: str, value: JSON) -> dict[str, Any]:
    """Return the attributes of an instance that hold a JSON value, in which no {'key': KEY} is left.

    Many-to-many fields and ends of cables are not attributes of an instance: the result is {}.
    """
    kind = kind_of(label, name)
    if kind in (MANY, ENDS):
        return {}
    model = model_of(label)
    if kind == FK:
        return {model._meta.get_field(name).attname: value}
    if kind == GENERIC:
        field: Any = model._meta.get_field(name)
        if value is None:
            return {f'{field.ct_field}_id': None, field.fk_field: None}
        content_type = ContentType.objects.get_for_model(model_of(value[0]))
        return {f'{field.ct_field}_id': content_type.pk, field.fk_field: value[1]}
    if kind == RANGES:
        return {name: string_to_ranges(value) or []}
    field = model._meta.get_field(name)
    if value is None:
        return {name: None if field.null else '' if field.empty_strings_allowed else field.get_default()}
    return {name: field.to_python(value)}
