"""Managed objects: their list and pages, and the tab of a fabric."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from netbox.object_actions import BulkExport
from netbox.ui import layout
from netbox.ui.breadcrumbs import Breadcrumb, filtered_list_url
from netbox.views import generic
from utilities.views import ViewTab, get_action_url, register_model_view

from .. import filtersets, forms, tables
from ..models import Fabric, InventoryLink
from . import inventory_panels as panels
from .counts import inventory_counts
from .freshness import stale_fabrics
from .panels import YAMLPanel

__all__ = ('FabricChildrenView', 'FabricInventoryView', 'InventoryLinkListView', 'InventoryLinkView')


@register_model_view(InventoryLink, 'list', path='', detail=False)
class InventoryLinkListView(generic.ObjectListView):
    queryset = InventoryLink.objects.all()
    filterset = filtersets.InventoryLinkFilterSet
    filterset_form = forms.InventoryLinkFilterForm
    table = tables.InventoryLinkTable
    template_name = 'netbox_hedgehog/discrepancy_list.html'
    actions = (BulkExport,)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return {'stale': stale_fabrics(request, inventory_enabled=True)}


@register_model_view(InventoryLink)
class InventoryLinkView(generic.ObjectView):
    queryset = InventoryLink.objects.select_related('fabric')
    template_name = 'netbox_hedgehog/inventorylink.html'
    actions: tuple[Any, ...] = ()
    layout = layout.SimpleLayout(
        left_panels=[panels.LinkPanel()],
        right_panels=[
            panels.WrittenPanel(), YAMLPanel('before_stale', title=_('Values before it was marked stale')),
        ],
        bottom_panels=[panels.LinkDiscrepanciesPanel()],
        breadcrumbs=[
            Breadcrumb('fabric', url=filtered_list_url('plugins:netbox_hedgehog:inventorylink_list', 'fabric_id')),
        ],
    )

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        panels.add_concerned(request.user, instance)
        return {}


class FabricChildrenView(generic.ObjectChildrenView):
    """A tab of a fabric with a table of what belongs to it. Exports use the list view, filtered by this fabric."""

    queryset = Fabric.objects.all()
    template_name = 'netbox_hedgehog/fabric_children.html'
    actions: tuple[Any, ...] = ()

    def get_children(self, request: HttpRequest, parent: Any) -> QuerySet:
        return self.child_model.objects.restrict(request.user, 'view').filter(fabric=parent)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if 'export' in request.GET:
            return redirect(self._list_url(request, kwargs['pk']))
        return super().get(request, *args, **kwargs)

    def get_table(self, data: Any, request: HttpRequest, bulk_actions: bool = True) -> Any:
        table = super().get_table(data, request, bulk_actions)
        table.columns.hide('fabric')
        return table

    def _list_url(self, request: HttpRequest, pk: int) -> str:
        params = request.GET.copy()
        params.setlist('fabric_id', [str(pk)])
        return f'{get_action_url(self.child_model, "list")}?{params.urlencode()}'

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        params = request.GET.copy()
        params['export'] = 'table'
        # The page is about one fabric: neither its column nor a filter for it is needed.
        return {'export_url': f'{request.path}?{params.urlencode()}', 'list_url': self._list_url(request, instance.pk)}


@register_model_view(Fabric, 'inventory')
class FabricInventoryView(FabricChildrenView):
    child_model = InventoryLink
    table = tables.InventoryLinkTable
    filterset = filtersets.InventoryLinkFilterSet
    filterset_form = forms.InventoryLinkFilterForm
    tab = ViewTab(
        label=_('Inventory'),
        badge=lambda fabric: inventory_counts(fabric).links,
        visible=lambda fabric: inventory_counts(fabric).shown,
        permission='netbox_hedgehog.view_inventorylink',
        weight=510,
    )
