from netbox.search import SearchIndex

from .models import Discrepancy, Fabric


class FabricIndex(SearchIndex):
    model = Fabric
    fields = (
        ('name', 100),
        ('kubernetes_server', 300),
        ('description', 500),
        ('comments', 5000),
    )
    display_attrs = ('status', 'sync_status', 'description')


class DiscrepancyIndex(SearchIndex):
    model = Discrepancy
    fields = (
        ('name', 200),
        ('key', 400),
        ('sentence', 1000),
    )
    display_attrs = ('fabric', 'type', 'state', 'sentence')


indexes = [DiscrepancyIndex, FabricIndex]
