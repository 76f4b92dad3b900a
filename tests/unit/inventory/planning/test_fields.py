"""NetBox's own models take every value that is wanted: choices, lengths, ranges."""

import pytest
from django.apps import apps
from django.db import models
from utilities.data import string_to_ranges

from netbox_hedgehog.hedgehog.switch_ports import _LANES, _TYPES
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import DesiredObject, ExistingRef, Ref

from ....support.rendering import OPTIONS
from ....support.resources import load

CHECKED: set[tuple[str, str]] = set()


def check(obj: DesiredObject) -> None:
    model = apps.get_model(obj.model)
    for name, value in obj.fields.items():
        if obj.model == 'dcim.cable' and name in ('a', 'b'):
            assert isinstance(value, tuple)
            continue
        field = model._meta.get_field(name)
        items = value if isinstance(value, tuple) else (value,)
        if isinstance(value, Ref | ExistingRef | tuple):
            assert field.is_relation, (obj.key, name)
            assert isinstance(value, tuple) == bool(field.many_to_many), (obj.key, name)
            if isinstance(field, models.ForeignKey | models.ManyToManyField):
                assert {label(item) for item in items} <= {field.related_model._meta.label_lower}, (obj.key, name)
        elif field.is_relation:
            assert value is None
            column = getattr(field, 'fk_field', name)  # a generic relation is as empty as its column
            assert model._meta.get_field(column).null
        elif name == 'vid_ranges':
            assert string_to_ranges(value)
        else:
            field.clean(value, None)
        CHECKED.add((obj.model, name))


def label(item: Ref | ExistingRef) -> str:
    return item.model if isinstance(item, ExistingRef) else FOUND[item.key].model


FOUND: dict[str, DesiredObject] = {}


@pytest.mark.parametrize('fabric', OPTIONS)
def test_netbox_takes_every_value(fabric):
    FOUND.clear()
    FOUND.update(desired(load(fabric), OPTIONS[fabric]).objects)
    for obj in FOUND.values():
        check(obj)
    assert len(CHECKED) > 60


def test_every_interface_type_that_a_port_may_get_is_one_of_netboxs():
    field = apps.get_model('dcim.interface')._meta.get_field('type')
    for name in {*_TYPES.values(), *_LANES.values(), 'other', 'lag', 'virtual'}:
        field.clean(name, None)
