"""How NetBox's models are read and compared: what their fields look like as JSON, and by what an object is recognised.

Values are JSON throughout: a related object is its ID, a generic one [model, ID], a many-to-many field and the end of a
cable a sorted list of IDs, an address or a prefix its text; empty text counts as None. What is wanted and does not
stand yet is {'key': KEY}.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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

__all__ = (
    'BadValue', 'ENDS', 'ENDS_OF_CABLE', 'FK', 'GENERIC', 'MANY', 'PLAIN', 'RANK', 'Refer', 'Shape', 'Unresolved',
    'choices_of', 'decode', 'default_of', 'encode', 'kind_of', 'model_of', 'natural_fields', 'naturals', 'object_name',
    'related_label', 'shape', 'wanted',
)

PLAIN, FK, GENERIC, MANY, ENDS, RANGES = 'plain', 'fk', 'generic', 'many', 'ends', 'ranges'

# The fields of a wanted cable that name the interfaces at its two ends.
ENDS_OF_CABLE = ('a', 'b')

JSON = Any


class BadValue(Exception):
    """A value that its field cannot hold: the text says which and why."""


class Unresolved(Exception):
    """A reference to something that is not there and will not be."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Refer(Protocol):
    """What stands under a key of the fabric."""

    def __call__(self, key: str) -> JSON:
        """The object's ID, or {'key': KEY} while it is to be made. Raises Unresolved for what will not be there."""

    def label_of(self, key: str) -> str:
        """Its model's label."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the planner knows of a model.

    `naturals` are the fields, set by set, by which NetBox tells its objects apart; with `loose` they do not keep two
    from standing side by side. `deferred` fields refer to what stands on the object itself, and are written last.
    `soft` fields are left out where what they refer to is not to be had, rather than the whole object. `few` says that
    a fabric has a handful of these: each is saved as NetBox saves it.
    """

    naturals: tuple[tuple[str, ...], ...] = ()
    loose: bool = False
    deferred: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()
    few: bool = True


# In the order in which they are made; removed in the opposite one. `name~` is compared without regard to case, and
# `host` is the address without its mask.
SHAPES: dict[str, Shape] = {
    'extras.tag': Shape((('slug',), ('name',))),
    'tenancy.tenant': Shape((('slug',), ('name',))),
    'dcim.manufacturer': Shape((('slug',), ('name',))),
    'dcim.platform': Shape((('slug',), ('name',))),
    'dcim.devicerole': Shape((('slug',), ('name',))),
    'dcim.devicetype': Shape((('manufacturer', 'slug'), ('manufacturer', 'model')), soft=('default_platform',)),
    'ipam.rir': Shape((('slug',), ('name',))),
    'ipam.role': Shape((('slug',), ('name',))),
    'ipam.routetarget': Shape((('name',),), few=False),
    'ipam.asn': Shape((('asn',),), few=False),
    'ipam.aggregate': Shape((('prefix',),)),
    'ipam.vrf': Shape((('name',),), loose=True, few=False),
    'ipam.vlangroup': Shape((('scope', 'slug'), ('scope', 'name'))),
    'ipam.vlan': Shape((('group', 'vid'), ('group', 'name')), few=False),
    'dcim.device': Shape(
        (('name~', 'site', 'tenant'),), deferred=('primary_ip4', 'primary_ip6', 'oob_ip'),
        soft=('primary_ip4', 'primary_ip6', 'oob_ip', 'platform'), few=False,
    ),
    'dcim.interface': Shape(
        (('device', 'name'),), deferred=('primary_mac_address', 'bridge'),
        soft=('lag', 'untagged_vlan', 'tagged_vlans', 'primary_mac_address', 'bridge', 'vrf'), few=False,
    ),
    'dcim.macaddress': Shape((('mac_address', 'assigned_object'),), few=False),
    'ipam.prefix': Shape((('vrf', 'prefix'),), soft=('vlan', 'role'), few=False),
    'ipam.iprange': Shape((('vrf', 'start_address', 'end_address'),), soft=('role',), few=False),
    'ipam.ipaddress': Shape((('vrf', 'host'),), few=False),
    'dcim.cable': Shape(few=False),
    'vpn.l2vpn': Shape((('slug',), ('name',)), few=False),
    'vpn.l2vpntermination': Shape((('assigned_object',),), few=False),
}
RANK = {label: number for number, label in enumerate(SHAPES)}


def shape(label: str) -> Shape:
    return SHAPES.get(label, Shape())


@cache
def model_of(label: str) -> type[models.Model]:
    return apps.get_model(label)


@cache
def kind_of(label: str, name: str) -> str:
    """Which kind of field that is. Raises BadValue for one that the model does not have."""
    if label == 'dcim.cable' and name in ENDS_OF_CABLE:
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


@cache
def related_label(label: str, name: str) -> str:
    """The model that a field of one kind of object refers to; '' for fields that refer to none, or to any."""
    kind = kind_of(label, name)
    if kind == ENDS:
        return 'dcim.interface'
    if kind not in (FK, MANY):
        return ''
    related: Any = model_of(label)._meta.get_field(name).related_model
    return str(related._meta.label_lower)


def encode(label: str, name: str, value: Any) -> JSON:
    """A plain field's value out of the database, as JSON."""
    if value is None or value == '':
        return None
    if isinstance(value, bool | int | str):
        return value
    if kind_of(label, name) == RANGES:
        return ranges_to_string(value)
    if isinstance(value, float | list | dict):
        return value
    if isinstance(value, Decimal | date | netaddr.IPNetwork | netaddr.IPAddress | netaddr.EUI):
        return str(value)
    return str(value)


def choices_of(label: str, name: str) -> list[JSON]:
    """Return the values that NetBox offers for a field; none where it takes any."""
    if kind_of(label, name) != PLAIN:
        return []
    field: Any = model_of(label)._meta.get_field(name)
    return [value for value, _title in field.flatchoices]


@cache
def default_of(label: str, name: str) -> JSON:
    """Return what NetBox makes a plain field of a new object, as JSON; None for any other field."""
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


def wanted(label: str, name: str, value: Value, refer: Refer) -> JSON:
    """What a want's field is to hold, as JSON.

    Raises BadValue for what the field cannot hold, and what `refer` raises.
    """
    kind = kind_of(label, name)

    def one(item: Any) -> JSON:
        if isinstance(item, Ref):
            return refer(item.key)
        return item.pk if isinstance(item, ExistingRef) else item

    if kind in (MANY, ENDS):
        items = value if isinstance(value, tuple) else () if value is None else (value,)
        return sorted((one(item) for item in items), key=_order)
    if kind == FK:
        return one(value)
    if kind == GENERIC:
        if value is None:
            return None
        if isinstance(value, ExistingRef):
            return [value.model, value.pk]
        found = one(value)
        return found if isinstance(found, dict) or not isinstance(value, Ref) else [refer.label_of(value.key), found]
    if kind == RANGES:
        try:
            return ranges_to_string(string_to_ranges(str(value)) or [])
        except (ValueError, TypeError):
            raise BadValue(f'{name}: {value} are no ranges of VLAN IDs.') from None
    return None if value is None or value == '' else _cleaner(label, name)(value)


def _order(item: JSON) -> tuple[int, str]:
    return (item, '') if isinstance(item, int) else (0, str(item))


def decode(label: str, name: str, value: JSON) -> dict[str, Any]:
    """The attributes of an instance that hold a JSON value; nothing of it may be a {'key': KEY} any more.

    Many-to-many fields and the ends of cables are none of an instance's attributes: they give {}.
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


def naturals(label: str, values: Mapping[str, JSON]) -> list[tuple[Any, ...]]:
    """By what an object with these values is recognised: one entry a set of fields, without those not settled yet."""
    found = []
    for number, names in enumerate(shape(label).naturals):
        parts = [_part(name, values) for name in names]
        if not any(isinstance(part, dict) for part in parts) and any(part is not None for part in parts):
            found.append((number, *(tuple(part) if isinstance(part, list) else part for part in parts)))
    return found


def _part(name: str, values: Mapping[str, JSON]) -> JSON:
    if name == 'name~':
        return (values.get('name') or '').lower() or None
    if name == 'host':
        return (values.get('address') or '').split('/')[0] or None
    return values.get(name)


def natural_fields(label: str) -> set[str]:
    """The fields that naturals() looks at."""
    real = {'name~': 'name', 'host': 'address'}
    return {real.get(name, name) for names in shape(label).naturals for name in names}


NAMES = ('name', 'model', 'prefix', 'address', 'start_address', 'mac_address', 'asn', 'label')


def object_name(want: DesiredObject) -> str:
    """What people call a wanted object."""
    fields = want.fields
    for name in NAMES:
        if value := fields.get(name):
            text = str(value)
            return f'{text}-{fields["end_address"]}' if name == 'start_address' and 'end_address' in fields else text
    return want.key
