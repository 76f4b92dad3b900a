"""Rules for the tests of their pages and API."""

from netbox_hedgehog.models import InventoryRule

from ..inventory.base import inventory_fabric


def make_rule(fabric, name='rule', **values) -> InventoryRule:
    return InventoryRule.objects.create(fabric=fabric, name=name, **{'names': 'leaf-*', **values})


def make_rules():
    """A fabric with three rules, each of which does something."""
    fabric = inventory_fabric()
    return fabric, [make_rule(fabric, name, exclude=True, kinds=['Server']) for name in ('one', 'two', 'three')]
