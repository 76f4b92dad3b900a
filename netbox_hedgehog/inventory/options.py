"""Turn a fabric's settings into what the mappers and the planner read."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from dcim.choices import DeviceStatusChoices
from netbox.plugins.utils import get_plugin_config

from ..hedgehog.rules import PatternError
from ..models import Fabric, InventoryRule
from ..roles import roles_by_slug
from .errors import InventoryOff, InventoryRefused
from .mapping.rules import Rule
from .mapping.types import Options
from .planning.policy import Policy

__all__ = ('check_enabled', 'options_of', 'policy_of', 'rule_of', 'rules_of')


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
        rules=rules_of([fabric.pk]).get(fabric.pk, ()),
    )


def rules_of(fabrics: Collection[int]) -> dict[int, tuple[Rule, ...]]:
    """Return the enabled rules of these fabrics in their order, by the fabric's ID.

    Raises InventoryRefused for a rule that cannot be read: without it objects would be created that it is to prevent.
    """
    found: dict[int, list[Rule]] = defaultdict(list)
    rules = InventoryRule.objects.filter(fabric__in=fabrics, enabled=True).order_by('fabric', 'weight', 'name')
    for rule in rules.prefetch_related('object_tags'):
        try:
            found[rule.fabric_id].append(rule_of(rule))
        except PatternError as error:
            raise InventoryRefused(f'The inventory rule {rule.name} cannot be used: {error}') from None
    return {fabric: tuple(of_fabric) for fabric, of_fabric in found.items()}


def rule_of(rule: InventoryRule, tags: Iterable[int] | None = None) -> Rule:
    """Return a rule as the mappers read it; `tags` are those of one that is not saved yet. Raises PatternError."""
    return Rule(
        name=rule.name,
        conditions=rule.conditions,
        site=rule.site_id,
        location=rule.location_id,
        tenant=rule.tenant_id,
        role=rule.role_id,
        vrf_name=rule.vrf_name,
        tags=tuple(tag.pk for tag in rule.object_tags.all()) if tags is None else tuple(tags),
        exclude=rule.exclude,
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
