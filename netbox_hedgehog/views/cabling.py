"""The cabling check: of all fabrics, of one fabric, and of a Connection."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from netbox.object_actions import BulkExport
from netbox.ui import panels
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from .. import filtersets, forms, tables
from ..models import CablingCheck, Fabric
from ..monitoring.cabling import cabling_summary
from .counts import miscabled_count
from .freshness import health_context, stale_fabrics
from .inventory import FabricChildrenView

__all__ = ('CablingCheckListView', 'CablingPanel', 'FabricCablingView')

# How many links a panel lists.
SHOWN = 50


@register_model_view(CablingCheck, 'list', path='', detail=False)
class CablingCheckListView(generic.ObjectListView):
    queryset = CablingCheck.objects.worst_first().select_related('fabric')
    filterset = filtersets.CablingCheckFilterSet
    filterset_form = forms.CablingCheckFilterForm
    table = tables.CablingCheckTable
    template_name = 'netbox_hedgehog/cablingcheck_list.html'
    actions = (BulkExport,)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**health_context(request), 'stale': stale_fabrics(request)}


@register_model_view(Fabric, 'cabling', path='cabling')
class FabricCablingView(FabricChildrenView):
    """The links of one fabric, as a tab of its page."""

    child_model = CablingCheck
    table = tables.CablingCheckTable
    filterset = filtersets.CablingCheckFilterSet
    filterset_form = forms.CablingCheckFilterForm
    template_name = 'netbox_hedgehog/fabric_cabling.html'
    tab = ViewTab(
        label=_('Cabling'), badge=miscabled_count, permission='netbox_hedgehog.view_cablingcheck', weight=511,
    )

    def get_children(self, request: HttpRequest, parent: Any) -> QuerySet:
        return CablingCheckListView.queryset.restrict(request.user, 'view').filter(fabric=parent)

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        checks = CablingCheck.objects.restrict(request.user, 'view').filter(fabric=instance)
        summary = cabling_summary(checks)
        return {**super().get_extra_context(request, instance), 'summary': summary, 'states': summary['states']}


class CablingPanel(panels.ObjectPanel):
    """The state of the links that a Connection declares, on its page."""

    title = _('Cabling')
    template_name = 'netbox_hedgehog/panels/cabling.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resource, found = context['object'], []
        if resource.kind == 'Connection':
            rows = CablingCheck.objects.restrict(context['request'].user, 'view').filter(resource=resource)
            found = list(rows.select_related('fabric').order_by('rank', 'switch', 'port')[:SHOWN])
        return {**super().get_context(context), 'checks': found}

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['checks'])
