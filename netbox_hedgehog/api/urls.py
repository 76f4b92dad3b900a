from django.urls import path
from netbox.api.routers import NetBoxRouter

from . import views

router = NetBoxRouter()
router.APIRootView = views.HedgehogRootView
router.register('fabrics', views.FabricViewSet)
router.register('resources', views.FabricResourceViewSet)

urlpatterns = [
    path('health/', views.HealthView.as_view(), name='health'),
    *router.urls,
]
