"""Turn a fabric's settings into what the mappers and the planner read."""

from datetime import datetime, timedelta

from dcim.choices import DeviceStatusChoices
from netbox.plugins.utils import get_plugin_config

from ..models import Fabric
from ..roles import roles_by_slug
from .errors import InventoryOff
from .mapping.types import Options
from .planning.policy import Policy

__all__ = ('check_enabled', 'options_of', 'policy_of')


def check_enabled(fabric: Fabric) -> None:
    """Raise InventoryOff if the inventory is disabled, or its settings are incomplete."""
    if not fabric.inventory_enabled:
        raise InventoryOff(f'Inventory sync is not enabled for {fabric.name}. Enable it in the fabric’s settings.')
    if fabric.inventory_site_id is None:
        raise InventoryOff(f'Inventory sync of {fabric.name} has no site. Choose one in the fabric’s settings.')


def options_of(fabric: Fabric) -> Options:
    """Return the mappers' options from the fabric's settings."""
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
        scopes=frozenset(fabric.inventory_scope),
        only_connected_servers=bool(fabric.topology_filter),
    )


def policy_of(fabric: Fabric, now: datetime) -> Policy:
    """Return the planner's policy from the settings of the fabric and the plugin."""
    return Policy(
        now=now,
        adoption=fabric.inventory_adoption,
        removal=fabric.inventory_removal,
        scopes=frozenset(fabric.inventory_scope),
        grace_syncs=get_plugin_config('netbox_hedgehog', 'removal_grace_syncs'),
        grace=timedelta(hours=get_plugin_config('netbox_hedgehog', 'removal_grace_hours')),
        guard_percent=get_plugin_config('netbox_hedgehog', 'removal_guard_percent'),
        unconfirmed_totals=(fabric.inventory_unconfirmed or {}).get('totals', {}),
        device_status=fabric.inventory_device_status,
        stale_status=fabric.inventory_stale_status,
        device_statuses=frozenset(DeviceStatusChoices.values()),
    )
