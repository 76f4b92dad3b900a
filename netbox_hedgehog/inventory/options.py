"""A fabric's settings, as the mappers and the planner read them."""

from datetime import datetime, timedelta

from dcim.choices import DeviceStatusChoices
from netbox.plugins.utils import get_plugin_config

from ..models import Fabric
from ..roles import roles_by_slug
from .errors import InventoryOff
from .mapping.types import Options
from .planning.policy import Rules

__all__ = ('check_enabled', 'options_of', 'rules_of')


def check_enabled(fabric: Fabric) -> None:
    """Raise InventoryOff where the fabric has no inventory, or not all that one needs."""
    if not fabric.inventory_enabled:
        raise InventoryOff(f'Inventory sync is not enabled for {fabric.name}. Enable it in the fabric’s settings.')
    if fabric.inventory_site_id is None:
        raise InventoryOff(f'Inventory sync of {fabric.name} has no site. Choose one in the fabric’s settings.')


def options_of(fabric: Fabric) -> Options:
    """Return what the fabric's settings say to the mappers."""
    roles = fabric.inventory_roles or {}
    by_slug = roles_by_slug(roles.values()) if roles else {}
    return Options(
        fabric=fabric.name,
        site=fabric.inventory_site_id,
        location=fabric.inventory_location_id,
        tenant=fabric.inventory_tenant_id,
        roles={name: by_slug[slug][0] for name, slug in roles.items() if len(by_slug.get(slug, ())) == 1},
        name_pattern=fabric.inventory_name_pattern,
        device_status=fabric.inventory_device_status,
        subjects=frozenset(fabric.inventory_subjects),
    )


def rules_of(fabric: Fabric, now: datetime) -> Rules:
    """Return what the fabric's and the plugin's settings say to the planner."""
    return Rules(
        now=now,
        adoption=fabric.inventory_adoption,
        removal=fabric.inventory_removal,
        subjects=frozenset(fabric.inventory_subjects),
        grace_runs=get_plugin_config('netbox_hedgehog', 'removal_grace_runs'),
        grace=timedelta(hours=get_plugin_config('netbox_hedgehog', 'removal_grace_hours')),
        guard_percent=get_plugin_config('netbox_hedgehog', 'removal_guard_percent'),
        held_totals=(fabric.inventory_held or {}).get('totals', {}),
        device_status=fabric.inventory_device_status,
        stale_status=fabric.inventory_stale_status,
        device_statuses=frozenset(DeviceStatusChoices.values()),
    )
