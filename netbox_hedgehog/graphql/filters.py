from typing import TYPE_CHECKING, Annotated

import strawberry
import strawberry_django
from netbox.graphql.filters import BaseModelFilter, PrimaryModelFilter, register_filter
from strawberry.scalars import ID
from strawberry_django import DatetimeFilterLookup, FilterLookup, StrFilterLookup

from .. import models

if TYPE_CHECKING:
    from core.graphql.filters import ContentTypeFilter
    from netbox.graphql.filter_lookups import IntegerLookup, JSONFilter

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
    sync_interval: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    last_attempt: DatetimeFilterLookup | None = strawberry_django.filter_field()
    last_sync: DatetimeFilterLookup | None = strawberry_django.filter_field()
    inventory_enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    inventory_auto_apply: FilterLookup[bool] | None = strawberry_django.filter_field()
    inventory_site_id: ID | None = strawberry_django.filter_field()
    inventory_tenant_id: ID | None = strawberry_django.filter_field()
    last_inventory: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.FabricResource, lookups=True)
class FabricResourceFilter(BaseModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    namespace: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    uid: StrFilterLookup | None = strawberry_django.filter_field()
    labels: Annotated['JSONFilter', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    spec: Annotated['JSONFilter', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    changed: DatetimeFilterLookup | None = strawberry_django.filter_field()
    missing_since: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.InventoryLink, lookups=True)
class InventoryLinkFilter(BaseModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
    key: StrFilterLookup | None = strawberry_django.filter_field()
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    scope: StrFilterLookup | None = strawberry_django.filter_field()
    object_type: Annotated['ContentTypeFilter', strawberry.lazy('core.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    object_id: ID | None = strawberry_django.filter_field()
    origin: StrFilterLookup | None = strawberry_django.filter_field()
    shared: FilterLookup[bool] | None = strawberry_django.filter_field()
    stale_since: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.InventoryRule, lookups=True)
class InventoryRuleFilter(PrimaryModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    weight: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    enabled: FilterLookup[bool] | None = strawberry_django.filter_field()
    names: StrFilterLookup | None = strawberry_django.filter_field()
    label_selector: StrFilterLookup | None = strawberry_django.filter_field()
    site_id: ID | None = strawberry_django.filter_field()
    tenant_id: ID | None = strawberry_django.filter_field()
    role_id: ID | None = strawberry_django.filter_field()
    exclude: FilterLookup[bool] | None = strawberry_django.filter_field()


@register_filter(models.Discrepancy, lookups=True)
class DiscrepancyFilter(BaseModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
    link_id: ID | None = strawberry_django.filter_field()
    type: StrFilterLookup | None = strawberry_django.filter_field()
    code: StrFilterLookup | None = strawberry_django.filter_field()
    scope: StrFilterLookup | None = strawberry_django.filter_field()
    kind: StrFilterLookup | None = strawberry_django.filter_field()
    name: StrFilterLookup | None = strawberry_django.filter_field()
    object_type: Annotated['ContentTypeFilter', strawberry.lazy('core.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    object_id: ID | None = strawberry_django.filter_field()
    field: StrFilterLookup | None = strawberry_django.filter_field()
    state: StrFilterLookup | None = strawberry_django.filter_field()
    since: DatetimeFilterLookup | None = strawberry_django.filter_field()
    last_seen: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.SwitchHealth, lookups=True)
class SwitchHealthFilter(BaseModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
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
    interfaces_down: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    bgp_down: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    bfd_down: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    cabling_issues: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    temperatures: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    psus: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )
    fans: Annotated['IntegerLookup', strawberry.lazy('netbox.graphql.filter_lookups')] | None = (
        strawberry_django.filter_field()
    )


@register_filter(models.FabricEvent, lookups=True)
class FabricEventFilter(BaseModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
    event_type: StrFilterLookup | None = strawberry_django.filter_field()
    created: DatetimeFilterLookup | None = strawberry_django.filter_field()
    message: StrFilterLookup | None = strawberry_django.filter_field()
    dispatched: DatetimeFilterLookup | None = strawberry_django.filter_field()


@register_filter(models.CablingCheck, lookups=True)
class CablingCheckFilter(BaseModelFilter):
    fabric: Annotated['FabricFilter', strawberry.lazy('netbox_hedgehog.graphql.filters')] | None = (
        strawberry_django.filter_field()
    )
    fabric_id: ID | None = strawberry_django.filter_field()
    connection: StrFilterLookup | None = strawberry_django.filter_field()
    switch: StrFilterLookup | None = strawberry_django.filter_field()
    port: StrFilterLookup | None = strawberry_django.filter_field()
    peer: StrFilterLookup | None = strawberry_django.filter_field()
    peer_port: StrFilterLookup | None = strawberry_django.filter_field()
    reported_state: StrFilterLookup | None = strawberry_django.filter_field()
    is_issue: FilterLookup[bool] | None = strawberry_django.filter_field()
    since: DatetimeFilterLookup | None = strawberry_django.filter_field()
    read_at: DatetimeFilterLookup | None = strawberry_django.filter_field()
