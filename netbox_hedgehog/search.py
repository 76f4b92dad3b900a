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
    """Resources that people declare, by name; objects of the controller have the same names.

    A resource's name never changes, so a sync only indexes new ones (sync/search.py). The weight ranks NetBox's own
    device of that name first.
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
