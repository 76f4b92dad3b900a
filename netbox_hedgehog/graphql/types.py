from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
import strawberry_django
from netbox.graphql.scalars import BigInt
from netbox.graphql.types import BaseObjectType, PrimaryObjectType, register_type
from strawberry.scalars import JSON
from strawberry.types import Info

from .. import models
from ..models.fabric import SECRET_FIELDS
from ..presentation.visible import may_view_fabric
from .filters import (
    CablingCheckFilter,
    DiscrepancyFilter,
    FabricEventFilter,
    FabricFilter,
    FabricResourceFilter,
    InventoryLinkFilter,
    InventoryRuleFilter,
    SwitchHealthFilter,
)

if TYPE_CHECKING:
    from dcim.graphql.types import DeviceRoleType, LocationType, SiteType
    from extras.graphql.types import TagType
    from netbox.graphql.types import ContentTypeType
    from tenancy.graphql.types import TenantType

__all__ = (
    'CablingCheckType', 'DiscrepancyType', 'FabricEventType', 'FabricResourceType', 'FabricType',
    'InventoryLinkType', 'InventoryRuleType', 'SwitchHealthType',
)


def display_of(*columns: str) -> Any:
    """Return NetBox's field `display` for a model whose name is made of these columns.

    NetBox's own field does not declare the columns that it needs; unless another field loads
    them, each row costs a query.
    """
    def display(self: Any) -> str:
        return str(self)

    return strawberry_django.field(display, only=[*columns])


# NetBox has no type for notification groups; the rest is internal to the plugin.
@register_type(
    models.Fabric, filters=FabricFilter, pagination=True,
    exclude=[*SECRET_FIELDS, 'notification_group', 'conditions'],
)
class FabricType(PrimaryObjectType):
    display = display_of('name')
    inventory_site: Annotated['SiteType', strawberry.lazy('dcim.graphql.types')] | None
    inventory_location: Annotated['LocationType', strawberry.lazy('dcim.graphql.types')] | None
    inventory_tenant: Annotated['TenantType', strawberry.lazy('tenancy.graphql.types')] | None
    events: list[Annotated['FabricEventType', strawberry.lazy('netbox_hedgehog.graphql.types')]]
    switch_health: list[Annotated['SwitchHealthType', strawberry.lazy('netbox_hedgehog.graphql.types')]]
    cabling_checks: list[Annotated['CablingCheckType', strawberry.lazy('netbox_hedgehog.graphql.types')]]
    resources: list[Annotated['FabricResourceType', strawberry.lazy('netbox_hedgehog.graphql.types')]]
    inventory_links: list[Annotated['InventoryLinkType', strawberry.lazy('netbox_hedgehog.graphql.types')]]
    inventory_rules: list[Annotated['InventoryRuleType', strawberry.lazy('netbox_hedgehog.graphql.types')]]
    discrepancies: list[Annotated['DiscrepancyType', strawberry.lazy('netbox_hedgehog.graphql.types')]]


@register_type(
    models.FabricResource, exclude=['fingerprint', 'seen_until'], filters=FabricResourceFilter, pagination=True,
)
class FabricResourceType(BaseObjectType):
    display = display_of('name')
    # Empty for users who may view the resource but not its fabric.
    fabric: FabricType | None

    @strawberry_django.field
    def last_seen(self) -> datetime | None:
        return self.last_seen  # type: ignore[return-value]  # of the model


@register_type(models.SwitchHealth, fields='__all__', filters=SwitchHealthFilter, pagination=True)
class SwitchHealthType(BaseObjectType):
    display = display_of('name')
    fabric: FabricType | None
    resource: FabricResourceType | None
    agent: FabricResourceType | None

    # Depends on the clock: outdated data says nothing about now.
    @strawberry_django.field(select_related=['fabric'], only=['level', 'read_at', 'fabric__sync_interval'])
    def state(self) -> str:
        return self.state


@register_type(models.CablingCheck, fields='__all__', filters=CablingCheckFilter, pagination=True)
class CablingCheckType(BaseObjectType):
    display = display_of('switch', 'port', 'peer', 'peer_port')
    fabric: FabricType | None
    resource: FabricResourceType | None

    # Depends on the clock: outdated data says nothing about now.
    @strawberry_django.field(select_related=['fabric'], only=['reported_state', 'read_at', 'fabric__sync_interval'])
    def state(self) -> str:
        return self.state


@register_type(
    models.FabricEvent, exclude=['taken', 'rules_done', 'data'], filters=FabricEventFilter, pagination=True,
)
class FabricEventType(BaseObjectType):
    display = display_of('message')
    fabric: FabricType | None

    # The payload of event rules is the fabric.
    @strawberry_django.field(select_related=['fabric'], only=['data', 'fabric__name'])
    def data(self: Any, info: Info) -> JSON | None:
        return self.data if may_view_fabric(info.context.request, self.fabric) else None


@register_type(models.InventoryLink, fields='__all__', filters=InventoryLinkFilter, pagination=True)
class InventoryLinkType(BaseObjectType):
    display = display_of('key', 'object_type_id')
    fabric: FabricType | None
    object_type: Annotated['ContentTypeType', strawberry.lazy('netbox.graphql.types')]
    object_id: BigInt
    discrepancies: list[Annotated['DiscrepancyType', strawberry.lazy('netbox_hedgehog.graphql.types')]]


@register_type(models.InventoryRule, fields='__all__', filters=InventoryRuleFilter, pagination=True)
class InventoryRuleType(PrimaryObjectType):
    display = display_of('name')
    fabric: FabricType | None
    site: Annotated['SiteType', strawberry.lazy('dcim.graphql.types')] | None
    location: Annotated['LocationType', strawberry.lazy('dcim.graphql.types')] | None
    tenant: Annotated['TenantType', strawberry.lazy('tenancy.graphql.types')] | None
    role: Annotated['DeviceRoleType', strawberry.lazy('dcim.graphql.types')] | None
    object_tags: list[Annotated['TagType', strawberry.lazy('extras.graphql.types')]]


@register_type(models.Discrepancy, exclude=['digest', 'refused'], filters=DiscrepancyFilter, pagination=True)
class DiscrepancyType(BaseObjectType):
    display = display_of('code', 'parameters', 'sentence')
    fabric: FabricType | None
    link: InventoryLinkType | None
    object_type: Annotated['ContentTypeType', strawberry.lazy('netbox.graphql.types')] | None
    object_id: BigInt | None
