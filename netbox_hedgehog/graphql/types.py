from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
import strawberry_django
from netbox.graphql.types import BaseObjectType, PrimaryObjectType, register_type

from .. import models
from ..models.fabric import SECRET_FIELDS
from .filters import FabricFilter, FabricResourceFilter

if TYPE_CHECKING:
    from dcim.graphql.types import LocationType, SiteType
    from tenancy.graphql.types import TenantType

__all__ = ('FabricResourceType', 'FabricType')


@register_type(
    models.Fabric, exclude=[*SECRET_FIELDS, 'inventory_links', 'discrepancies'], filters=FabricFilter, pagination=True,
)
class FabricType(PrimaryObjectType):
    inventory_site: Annotated['SiteType', strawberry.lazy('dcim.graphql.types')] | None
    inventory_location: Annotated['LocationType', strawberry.lazy('dcim.graphql.types')] | None
    inventory_tenant: Annotated['TenantType', strawberry.lazy('tenancy.graphql.types')] | None
    resources: list[Annotated['FabricResourceType', strawberry.lazy('netbox_hedgehog.graphql.types')]]


@register_type(
    models.FabricResource, exclude=['fingerprint', 'seen_until'], filters=FabricResourceFilter, pagination=True,
)
class FabricResourceType(BaseObjectType):
    # Empty for those who may see the resource and not its fabric.
    fabric: Annotated['FabricType', strawberry.lazy('netbox_hedgehog.graphql.types')] | None

    @strawberry_django.field
    def last_seen(self) -> datetime | None:
        return self.last_seen
