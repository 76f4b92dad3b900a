from typing import Any

from netbox.search import SearchIndex

from .hedgehog.kinds import KIND_BY_NAME
from .models import Discrepancy, Fabric, FabricResource


class FabricIndex(SearchIndex):
    model = Fabric
    fields = (
        ('name', 100),
        ('kubernetes_server', 300),
        ('description', 500),
        ('comments', 5000),
    )
    display_attrs = ('status', 'sync_status', 'description')


class FabricResourceIndex(SearchIndex):
    """What people declare, by its name: the controller's own objects bear the names of those.

    A resource's name never changes, so that a run has to index what is new and nothing else: see sync/search.py. Its
    weight puts NetBox's own device of that name first.
    """

    model = FabricResource
    fields = (('name', 150),)
    display_attrs = ('fabric', 'kind', 'missing_since')

    @classmethod
    def to_cache(cls, instance: Any, custom_fields: Any = None) -> list[Any]:
        kind = KIND_BY_NAME.get(instance.kind)
        return [] if kind is None or kind.derived else super().to_cache(instance, custom_fields)


class DiscrepancyIndex(SearchIndex):
    model = Discrepancy
    fields = (
        ('name', 200),
        ('key', 400),
        ('sentence', 1000),
    )
    display_attrs = ('fabric', 'type', 'state', 'sentence')


indexes = [DiscrepancyIndex, FabricIndex, FabricResourceIndex]
