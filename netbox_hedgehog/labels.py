"""What NetBox calls models, fields, choices and objects. Part of the vocabulary."""

from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

__all__ = ('ENDS', 'INTERFACE', 'choice_label', 'field_label', 'field_of', 'model_of', 'model_title', 'object_label')

INTERFACE = 'dcim.interface'
ENDS = {('dcim.cable', 'a'): 'A end', ('dcim.cable', 'b'): 'B end'}

# Fields to which NetBox's models give no name of their own.
ACRONYMS = {'l2vpn': 'L2VPN', 'vlan': 'VLAN', 'vrf': 'VRF', 'asn': 'ASN', 'rir': 'RIR', 'lag': 'LAG', 'asns': 'ASNs'}


def object_label(instance: Any) -> str:
    """What a person calls an object: an interface with its device."""
    if instance._meta.label_lower == 'dcim.interface':
        return f'{instance.device} {instance.name}'
    return str(instance)


@cache
def model_of(label: str) -> type[models.Model] | None:
    """Return the model with this label, such as dcim.device; None where there is none."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


@cache
def field_of(label: str, name: str) -> Any:
    """Return a field of a model by the model's label; None where there is none."""
    model = model_of(label)
    if model is None:
        return None
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def model_title(label: str, count: int = 2) -> str:
    """What NetBox calls objects of a model."""
    try:
        options = apps.get_model(label)._meta
    except (LookupError, ValueError):
        return label
    return str(options.verbose_name if count == 1 else options.verbose_name_plural)


def field_label(label: str, name: str) -> str:
    """What NetBox calls a field of a model, by the model's label."""
    if (label, name) in ENDS:
        return ENDS[label, name]
    field = field_of(label, name)
    text = str(getattr(field, 'verbose_name', '') or name.replace('_', ' '))
    return ACRONYMS.get(text) or text[:1].upper() + text[1:]


def choice_label(label: str, name: str, value: Any) -> str:
    """What NetBox calls a value of a field with choices; '' where it is none of them."""
    field = field_of(label, name)
    if field is None or not getattr(field, 'choices', None) or not isinstance(value, str | int):
        return ''
    return str(dict(field.flatchoices).get(value, ''))
