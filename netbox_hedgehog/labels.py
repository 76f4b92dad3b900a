"""Labels of models, fields, choices and objects, as NetBox shows them. Part of the vocabulary."""

from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

__all__ = (
    'ENDS', 'INTERFACE', 'SPEED', 'choice_label', 'field_label', 'field_of', 'model_of', 'model_title', 'object_label',
    'speed_label',
)

INTERFACE = 'dcim.interface'
# The field that NetBox has in kbit/s.
SPEED = (INTERFACE, 'speed')
ENDS = {('dcim.cable', 'a'): 'A end', ('dcim.cable', 'b'): 'B end'}

# Fields without a verbose name in NetBox's models.
ACRONYMS = {'l2vpn': 'L2VPN', 'vlan': 'VLAN', 'vrf': 'VRF', 'asn': 'ASN', 'rir': 'RIR', 'lag': 'LAG', 'asns': 'ASNs'}


def object_label(instance: Any) -> str:
    """Return the name of an object; of an interface, with its device."""
    if instance._meta.label_lower == 'dcim.interface':
        return f'{instance.device} {instance.name}'
    return str(instance)


@cache
def model_of(label: str) -> type[models.Model] | None:
    """Return the model with this label, such as dcim.device, or None."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


@cache
def field_of(label: str, name: str) -> Any:
    """Return a field of a model by the model's label, or None."""
    model = model_of(label)
    if model is None:
        return None
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def model_title(label: str, count: int = 2) -> str:
    """Return the name of a model, singular or plural by count."""
    try:
        options = apps.get_model(label)._meta
    except (LookupError, ValueError):
        return label
    return str(options.verbose_name if count == 1 else options.verbose_name_plural)


def field_label(label: str, name: str) -> str:
    """Return the label of a field of a model, by the model's label."""
    if (label, name) in ENDS:
        return ENDS[label, name]
    field = field_of(label, name)
    text = str(getattr(field, 'verbose_name', '') or name.replace('_', ' '))
    return ACRONYMS.get(text) or text[:1].upper() + text[1:]


def speed_label(kbits: Any) -> str:
    """Return a speed in kbit/s with the unit that suits it, such as 25 Gbit/s; '' if it is no number."""
    if not isinstance(kbits, int) or isinstance(kbits, bool):
        return ''
    for size, unit in ((1_000_000, 'Gbit/s'), (1_000, 'Mbit/s')):
        if kbits >= size:
            return f'{kbits / size:g} {unit}'
    return f'{kbits} kbit/s'


def choice_label(label: str, name: str, value: Any) -> str:
    """Return the label of a value of a field with choices, and a speed with its unit; '' for any other."""
    if (label, name) == SPEED:
        return speed_label(value)
    field = field_of(label, name)
    if field is None or not getattr(field, 'choices', None) or not isinstance(value, str | int):
        return ''
    return str(dict(field.flatchoices).get(value, ''))
