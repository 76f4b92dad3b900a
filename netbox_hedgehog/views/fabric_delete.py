"""Delete fabrics: their objects in NetBox stay, and the pages say so before."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from netbox.views import generic
from utilities.htmx import htmx_partial
from utilities.views import register_model_view

from .. import filtersets, tables
from ..choices import InventoryOriginChoices
from ..models import Fabric, InventoryLink, InventoryRule
from ..numbers import is_id
from .counts import CountedResources
from .fabric import WITH_RELATED

__all__ = ('FabricBulkDeleteView', 'FabricDeleteView')


@dataclass(frozen=True, slots=True)
class ObjectsOfType:
    """How many managed objects of a model fabrics have: created by the plugin, adopted, and found or shared."""

    object_type: ContentType
    created: int
    adopted: int
    found: int


def managed_objects(fabrics: Iterable[Fabric], request: HttpRequest) -> list[ObjectsOfType]:
    """Return the managed objects of fabrics that the user may view, by model; the most numerous first."""
    links = InventoryLink.objects.restrict(request.user, 'view').filter(fabric__in=list(fabrics))
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for type_id, origin, count in links.order_by().values_list('object_type', 'origin').annotate(Count('pk')):
        counts[type_id][origin] = count
    found = [
        ObjectsOfType(
            ContentType.objects.get_for_id(type_id),
            created=by_origin.get(InventoryOriginChoices.CREATED, 0),
            adopted=by_origin.get(InventoryOriginChoices.ADOPTED, 0),
            found=by_origin.get(InventoryOriginChoices.FOUND, 0),
        )
        for type_id, by_origin in counts.items()
    ]
    return sorted(found, key=lambda row: (-row.created - row.adopted - row.found, row.object_type.model))


def kept_context(fabrics: Iterable[Fabric], request: HttpRequest) -> dict[str, Any]:
    """Return what inc/objects_kept.html shows: the objects that stay in NetBox without these fabrics."""
    fabrics = list(fabrics)
    rows = managed_objects(fabrics, request)
    return {
        'managed': rows,
        'kept': sum(row.created + row.adopted + row.found for row in rows),
        'with_objects': InventoryLink.objects.filter(fabric__in=fabrics).exists(),
        'change_log': f'{reverse("core:objectchange_list")}?action=create',
    }


@register_model_view(Fabric, 'delete')
class FabricDeleteView(generic.ObjectDeleteView):
    queryset = Fabric.objects.all()
    template_name = 'netbox_hedgehog/fabric_delete.html'

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show NetBox's confirmation. With objects in NetBox it is a page, as its dialog has no place for them."""
        fabric = self.get_object(**kwargs)
        if htmx_partial(request) and fabric.inventory_links.exists():
            page = reverse('plugins:netbox_hedgehog:fabric_delete', kwargs={'pk': fabric.pk})
            return HttpResponse(headers={'HX-Redirect': page})
        return super().get(request, *args, **kwargs)

    def _get_dependent_objects(self, obj: Fabric) -> dict[Any, Any]:
        """Return what is deleted along with a fabric, of the rules only those that the user may view."""
        found: dict[Any, Any] = super()._get_dependent_objects(obj)
        if rules := found.pop(InventoryRule, None):
            visible = InventoryRule.objects.restrict(self.request.user, 'view')
            if shown := list(visible.filter(pk__in=[rule.pk for rule in rules])):
                found[InventoryRule] = shown
        return found

    def get_extra_context(self, request: HttpRequest, instance: Fabric) -> dict[str, Any]:
        return kept_context([instance], request)


@register_model_view(Fabric, 'bulk_delete', path='delete', detail=False)
class FabricBulkDeleteView(CountedResources, generic.BulkDeleteView):
    queryset = WITH_RELATED
    filterset = filtersets.FabricFilterSet
    table = tables.FabricTable
    template_name = 'netbox_hedgehog/fabric_bulk_delete.html'

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the objects of the fabrics that are selected, or of all that the filters show."""
        if request.POST.get('_all'):
            fabrics = self.filterset(request.GET, self.queryset, request=request).qs
        else:
            fabrics = self.queryset.filter(pk__in=filter(is_id, request.POST.getlist('pk')))
        return kept_context(fabrics, request)
