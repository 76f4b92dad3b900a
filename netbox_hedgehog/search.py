from netbox.search import SearchIndex

from .models import Fabric


class FabricIndex(SearchIndex):
    model = Fabric
    fields = (
        ('name', 100),
        ('kubernetes_server', 300),
        ('description', 500),
        ('comments', 5000),
    )
    display_attrs = ('status', 'sync_status', 'description')


indexes = [FabricIndex]
