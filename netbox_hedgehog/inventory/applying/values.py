"""Read values of fields as JSON, and find the objects that a value refers to."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models

from ..planning.fields import ENDS, FK, GENERIC, MANY, encode, kind_of, model_of, related_label
from ..planning.model_specs import spec_of

__all__ = ('current_value', 'empty_value', 'find_same', 'references', 'with_related')

# What clean(), str() and the denormalized columns read.
RELATED: dict[str, tuple[str, ...]] = {
    'dcim.device': ('site', 'location', 'rack', 'device_type__manufacturer', 'virtual_chassis', 'platform', 'cluster'),
    'dcim.devicetype': ('manufacturer', 'default_platform'),
    'dcim.interface': ('device__site', 'device__location', 'device__rack', 'device__virtual_chassis'),
    'dcim.macaddress': ('assigned_object_type',),
    'dcim.module': ('device', 'module_bay__device', 'module_type__manufacturer'),
    'dcim.modulebay': ('device__site', 'device__location', 'device__rack', 'device__virtual_chassis'),
    'dcim.moduletype': ('manufacturer',),
    'dcim.site': ('region', 'group'),
    'dcim.location': ('site',),
    'ipam.vlan': ('site', 'group'),
    'ipam.prefix': ('vrf',),
    'ipam.ipaddress': ('vrf',),
}


def with_related(queryset: Any, label: str) -> Any:
    """Return a queryset that loads with each object what NetBox reads when the object is written."""
    return queryset.select_related(*RELATED[label]) if label in RELATED else queryset


def references(label: str, name: str, value: Any) -> list[tuple[str, int]]:
    """Return the model and the ID of each object that a value refers to."""
    kind = kind_of(label, name)
    if value is None or kind not in (FK, GENERIC, MANY):
        return []
    if kind == GENERIC:
        return [(value[0], value[1])]
    related = related_label(label, name)
    return [(related, pk) for pk in (value if kind == MANY else [value])]


def empty_value(label: str, name: str) -> Any:
    """Return the empty value of a field."""
    return [] if kind_of(label, name) in (MANY, ENDS) else None


def current_value(label: str, name: str, instance: Any) -> Any:
    """Return the current value of an instance's field."""
    kind = kind_of(label, name)
    field: Any = type(instance)._meta.get_field(name)
    if kind == FK:
        return getattr(instance, field.attname)
    if kind == GENERIC:
        pk = getattr(instance, field.fk_field)
        if pk is None:
            return None
        content_type = ContentType.objects.get_for_id(getattr(instance, f'{field.ct_field}_id'))
        return [f'{content_type.app_label}.{content_type.model}', pk]
    if kind == MANY:
        return sorted(item.pk for item in getattr(instance, name).all())
    return encode(label, name, getattr(instance, name))


def find_same(label: str, values: dict[str, Any]) -> int | None:
    """Return the ID of the object with one of these identities that somebody else has just created."""
    model: type[models.Model] = model_of(label)
    for names in spec_of(label).identity_keys:
        if not all(name in values for name in names):
            continue
        key = {name: values[name] for name in names}
        if pk := model._default_manager.filter(**key).values_list('pk', flat=True).first():
            return pk
    return None
