from typing import Annotated

import strawberry
from netbox.graphql.types import BaseObjectType, PrimaryObjectType, register_type

from .. import models
from ..models.fabric import SECRET_FIELDS
from .filters import FabricFilter, FabricResourceFilter

__all__ = ('FabricResourceType', 'FabricType')


@register_type(models.Fabric, exclude=list(SECRET_FIELDS), filters=FabricFilter, pagination=True)
class FabricType(PrimaryObjectType):
    resources: list[Annotated['FabricResourceType', strawberry.lazy('netbox_hedgehog.graphql.types')]]


@register_type(models.FabricResource, exclude=['fingerprint'], filters=FabricResourceFilter, pagination=True)
class FabricResourceType(BaseObjectType):
    # Empty for those who may see the resource and not its fabric.
    fabric: Annotated['FabricType', strawberry.lazy('netbox_hedgehog.graphql.types')] | None
