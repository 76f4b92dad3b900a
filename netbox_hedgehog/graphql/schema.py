import strawberry
import strawberry_django

from .types import FabricResourceType, FabricType

__all__ = ('schema',)


@strawberry.type(name='Query')
class HedgehogQuery:
    fabric: FabricType = strawberry_django.field()
    fabric_list: list[FabricType] = strawberry_django.field()

    fabric_resource: FabricResourceType = strawberry_django.field()
    fabric_resource_list: list[FabricResourceType] = strawberry_django.field()


schema = [HedgehogQuery]
