from django.urls import path
from netbox.api.routers import NetBoxRouter

from . import find, inventory, rules, views

router = NetBoxRouter()
router.APIRootView = views.HedgehogRootView
router.register('fabrics', views.FabricViewSet)
router.register('resources', views.FabricResourceViewSet)
router.register('switches', views.SwitchHealthViewSet)
router.register('cabling', views.CablingCheckViewSet)
router.register('events', views.FabricEventViewSet)
router.register('inventory', inventory.InventoryLinkViewSet)
router.register('inventory-rules', rules.InventoryRuleViewSet)
router.register('discrepancies', inventory.DiscrepancyViewSet)

urlpatterns = [
    path('find/', find.FindView.as_view(), name='find'),
    path('health/', views.HealthView.as_view(), name='health'),
    *router.urls,
]
