from dataclasses import dataclass

import strawberry_django
from core.graphql.filters import ContentTypeFilter
from netbox.graphql.filter_lookups import IntegerLookup, JSONFilter
from netbox.graphql.filters import BaseModelFilter, PrimaryModelFilter, register_filter
from strawberry.scalars import ID
from strawberry_django import DatetimeFilterLookup, FilterLookup, StrFilterLookup

from .. import models

__all__ = (
    'CablingCheckFilter', 'DiscrepancyFilter', 'FabricEventFilter', 'FabricFilter', 'FabricResourceFilter',
    'InventoryLinkFilter', 'InventoryRuleFilter', 'SwitchHealthFilter',
)


@register_filter(models.Fabric, lookups=True)
class FabricFilter(PrimaryModelFilter):
    name: StrFilterLookup | None = strawberry_django.filter_field()
    status: StrFilterLookup | None = strawberry_django.filter_field()
    sync_status: StrFilterLookup | None = strawberry_django.filter_field()
    connection_status: StrFilterLookup | None = strawberry_django.filter_field()
    topology_filter: StrFilterLookup | None = strawberry_django.filter_field()
    sync_enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    scheduler_enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    watch_enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    sync_interval: IntegerLookup | None = strawberry_django.filter_field()
    last_attempt: DatetimeFilterLookup | None = strawberry_django.filter_field()
    last_sync: DatetimeFilterLookup | None = strawberry_django.filter_field()
    inventory_enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    inventory_auto_apply: FilterLookup[bool] | None = strawberry_django.filter_field()
    inventory_site_id: ID | None = strawberry_django.filter_field()
    inventory_tenant_id: ID | None = strawberry_django.filter_field()
    last_inventory: DatetimeFilterLookup | None = strawberry_django.filter_field()


@dataclass
class OfFabricFilter:
    """Filters of models that belong to a fabric."""

    fabric: FabricFilter | None = strawberry_django.filter_field()  # noqa: RUF009  as in NetBox's mixins
    fabric_id: ID | None = strawberry_django.filter_field()  # noqa: RUF009


@register_filter(models.FabricResource, lookups=True)
class FabricResourceFilter(OfFabricFilter, BaseModelFilter):
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    namespace: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    uid: StrFilterLookup | None = strawberry_django.filter_field()
    labels: JSONFilter | None = strawberry_django.filter_field()
    spec: JSONFilter | None = strawberry_django.filter_field()
    changed: DatetimeFilterLookup | None = strawberry_django.filter_field()
    missing_since: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.InventoryLink, lookups=True)
class InventoryLinkFilter(OfFabricFilter, BaseModelFilter):
    key: StrFilterLookup | None = strawberry_django.filter_field()
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    scope: StrFilterLookup | None = strawberry_django.filter_field()
    object_type: ContentTypeFilter | None = strawberry_django.filter_field()
    object_id: ID | None = strawberry_django.filter_field()
    origin: StrFilterLookup | None = strawberry_django.filter_field()
    shared: FilterLookup[bool] | None = strawberry_django.filter_field()
    stale_since: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.InventoryRule, lookups=True)
class InventoryRuleFilter(OfFabricFilter, PrimaryModelFilter):
    name: StrFilterLookup | None = strawberry_django.filter_field()
    weight: IntegerLookup | None = strawberry_django.filter_field()
    enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    names: StrFilterLookup | None = strawberry_django.filter_field()
    label_selector: StrFilterLookup | None = strawberry_django.filter_field()
    site_id: ID | None = strawberry_django.filter_field()
    tenant_id: ID | None = strawberry_django.filter_field()
    role_id: ID | None = strawberry_django.filter_field()
    exclude: FilterLookup[bool] | None = strawberry_django.filter_field()


@register_filter(models.Discrepancy, lookups=True)
class DiscrepancyFilter(OfFabricFilter, BaseModelFilter):
    link_id: ID | None = strawberry_django.filter_field()
    type: StrFilterLookup | None = strawberry_django.filter_field()
    code: StrFilterLookup | None = strawberry_django.filter_field()
    scope: StrFilterLookup | None = strawberry_django.filter_field()
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    object_type: ContentTypeFilter | None = strawberry_django.filter_field()
    object_id: ID | None = strawberry_django.filter_field()
    field: StrFilterLookup | None = strawberry_django.filter_field()
    state: StrFilterLookup | None = strawberry_django.filter_field()
    since: DatetimeFilterLookup | None = strawberry_django.filter_field()
    last_seen: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.SwitchHealth, lookups=True)
class SwitchHealthFilter(OfFabricFilter, BaseModelFilter):
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    role: StrFilterLookup | None = strawberry_django.filter_field()
    group: StrFilterLookup | None = strawberry_django.filter_field()
    level: StrFilterLookup | None = strawberry_django.filter_field()
    read_at: DatetimeFilterLookup | None = strawberry_django.filter_field()
    heartbeat: DatetimeFilterLookup | None = strawberry_django.filter_field()
    heartbeat_stale: FilterLookup[bool] | None = strawberry_django.filter_field()
    no_agent: FilterLookup[bool] | None = strawberry_django.filter_field()
    pending: FilterLookup[bool] | None = strawberry_django.filter_field()
    reboot_required: FilterLookup[bool] | None = strawberry_django.filter_field()
    interfaces_down: IntegerLookup | None = strawberry_django.filter_field()
    bgp_down: IntegerLookup | None = strawberry_django.filter_field()
    bfd_down: IntegerLookup | None = strawberry_django.filter_field()
    cabling_issues: IntegerLookup | None = strawberry_django.filter_field()
    temperatures: IntegerLookup | None = strawberry_django.filter_field()
    psus: IntegerLookup | None = strawberry_django.filter_field()
    fans: IntegerLookup | None = strawberry_django.filter_field()


@register_filter(models.FabricEvent, lookups=True)
class FabricEventFilter(OfFabricFilter, BaseModelFilter):
    event_type: StrFilterLookup | None = strawberry_django.filter_field()
    created: DatetimeFilterLookup | None = strawberry_django.filter_field()
    message: StrFilterLookup | None = strawberry_django.filter_field()
    dispatched: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.CablingCheck, lookups=True)
class CablingCheckFilter(OfFabricFilter, BaseModelFilter):
    connection: StrFilterLookup | None = strawberry_django.filter_field()
    switch: StrFilterLookup | None = strawberry_django.filter_field()
    port: StrFilterLookup | None = strawberry_django.filter_field()
    peer: StrFilterLookup | None = strawberry_django.filter_field()
    peer_port: StrFilterLookup | None = strawberry_django.filter_field()
    reported_state: StrFilterLookup | None = strawberry_django.filter_field()
    is_issue: FilterLookup[bool] | None = strawberry_django.filter_field()
    since: DatetimeFilterLookup | None = strawberry_django.filter_field()
    read_at: DatetimeFilterLookup | None = strawberry_django.filter_field()
