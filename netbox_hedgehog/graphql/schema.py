import strawberry
import strawberry_django

from .types import (
    CablingCheckType,
    DiscrepancyType,
    FabricEventType,
    FabricResourceType,
    FabricType,
    InventoryLinkType,
    InventoryRuleType,
    SwitchHealthType,
)

__all__ = ('schema',)


@strawberry.type(name='Query')
class HedgehogQuery:
    fabric: FabricType = strawberry_django.field()
    fabric_list: list[FabricType] = strawberry_django.field()

    fabric_resource: FabricResourceType = strawberry_django.field()
    fabric_resource_list: list[FabricResourceType] = strawberry_django.field()

    switch_health: SwitchHealthType = strawberry_django.field()
    switch_health_list: list[SwitchHealthType] = strawberry_django.field()

    cabling_check: CablingCheckType = strawberry_django.field()
    cabling_check_list: list[CablingCheckType] = strawberry_django.field()

    fabric_event: FabricEventType = strawberry_django.field()
    fabric_event_list: list[FabricEventType] = strawberry_django.field()

    inventory_link: InventoryLinkType = strawberry_django.field()
    inventory_link_list: list[InventoryLinkType] = strawberry_django.field()

    inventory_rule: InventoryRuleType = strawberry_django.field()
    inventory_rule_list: list[InventoryRuleType] = strawberry_django.field()

    discrepancy: DiscrepancyType = strawberry_django.field()
    discrepancy_list: list[DiscrepancyType] = strawberry_django.field()


schema = [HedgehogQuery]
