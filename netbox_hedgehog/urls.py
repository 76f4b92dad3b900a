from django.urls import include, path
from utilities.urls import get_model_urls

from . import views

urlpatterns = (
    path('', views.OverviewView.as_view(), name='home'),
    # With a path of its own the menu, which marks what a page's address begins with, marks one entry.
    path('overview/', views.OverviewView.as_view(), name='overview'),
    path('find/', views.FindView.as_view(), name='find'),
    path('fabrics/', include(get_model_urls('netbox_hedgehog', 'fabric', detail=False))),
    path('fabrics/<int:pk>/', include(get_model_urls('netbox_hedgehog', 'fabric'))),
    path('resources/', include(get_model_urls('netbox_hedgehog', 'fabricresource', detail=False))),
    path('resources/<int:pk>/', include(get_model_urls('netbox_hedgehog', 'fabricresource'))),
    path('inventory/', include(get_model_urls('netbox_hedgehog', 'inventorylink', detail=False))),
    path('inventory/<int:pk>/', include(get_model_urls('netbox_hedgehog', 'inventorylink'))),
    path('inventory-rules/', include(get_model_urls('netbox_hedgehog', 'inventoryrule', detail=False))),
    path('inventory-rules/<int:pk>/', include(get_model_urls('netbox_hedgehog', 'inventoryrule'))),
    path('discrepancies/', include(get_model_urls('netbox_hedgehog', 'discrepancy', detail=False))),
    path('discrepancies/<int:pk>/', include(get_model_urls('netbox_hedgehog', 'discrepancy'))),
    path('events/', include(get_model_urls('netbox_hedgehog', 'fabricevent', detail=False))),
    path('events/<int:pk>/', include(get_model_urls('netbox_hedgehog', 'fabricevent'))),
    path('cabling/', include(get_model_urls('netbox_hedgehog', 'cablingcheck', detail=False))),
    path('switches/', include(get_model_urls('netbox_hedgehog', 'switchhealth', detail=False))),
)
