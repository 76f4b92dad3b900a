from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from netbox.object_actions import BulkExport
from netbox.ui import layout
from netbox.ui.breadcrumbs import Breadcrumb, filtered_list_url
from netbox.views import generic
from netbox.views.generic.base import BaseMultiObjectView, BaseObjectView
from utilities.views import GetReturnURLMixin, ViewTab, register_model_view

from .. import filtersets, forms, tables
from ..accounts import AnyUser
from ..choices import DiscrepancyTypeChoices
from ..inventory.decisions import DECISIONS, FABRIC, IGNORE, NETBOX, REOPEN, decide
from ..inventory.errors import InventoryRefused
from ..models import Discrepancy, Fabric
from ..numbers import is_id
from ..object_actions import BulkAcceptFabric, BulkIgnore, BulkKeepNetBox, BulkReopen
from . import inventory_panels as panels
from .counts import inventory_counts
from .freshness import stale_fabrics
from .inventory import FabricChildrenView

__all__ = (
    'DiscrepancyBulkFabricView', 'DiscrepancyBulkIgnoreView', 'DiscrepancyBulkNetBoxView',
    'DiscrepancyBulkReopenView', 'DiscrepancyListView', 'DiscrepancyResolveView', 'DiscrepancyView',
    'FabricDiscrepanciesView',
)

BULK_ACTIONS = (BulkAcceptFabric, BulkKeepNetBox, BulkIgnore, BulkReopen)

OUTCOMES = {
    FABRIC: ngettext_lazy(
        'Fabric value used for %(count)d discrepancy.', 'Fabric value used for %(count)d discrepancies.', 'count',
    ),
    NETBOX: ngettext_lazy(
        'NetBox value kept for %(count)d discrepancy.', 'NetBox value kept for %(count)d discrepancies.', 'count',
    ),
    IGNORE: ngettext_lazy('%(count)d discrepancy ignored.', '%(count)d discrepancies ignored.', 'count'),
    REOPEN: ngettext_lazy('%(count)d discrepancy reopened.', '%(count)d discrepancies reopened.', 'count'),
}


@register_model_view(Discrepancy, 'list', path='', detail=False)
class DiscrepancyListView(generic.ObjectListView):
    queryset = Discrepancy.objects.all()
    filterset = filtersets.DiscrepancyFilterSet
    filterset_form = forms.DiscrepancyFilterForm
    table = tables.DiscrepancyTable
    template_name = 'netbox_hedgehog/discrepancy_list.html'
    actions = (BulkExport, *BULK_ACTIONS)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return {'stale': stale_fabrics(request, inventory_enabled=True)}


@register_model_view(Discrepancy)
class DiscrepancyView(generic.ObjectView):
    queryset = Discrepancy.objects.select_related('fabric', 'link')
    template_name = 'netbox_hedgehog/discrepancy.html'
    actions = ()
    layout = layout.SimpleLayout(
        left_panels=[panels.DiscrepancyPanel()],
        right_panels=[panels.ComparisonPanel()],
        breadcrumbs=[
            Breadcrumb('fabric', url=filtered_list_url('plugins:netbox_hedgehog:discrepancy_list', 'fabric_id')),
        ],
    )

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        panels.add_concerned(request.user, instance)
        return {
            'can_resolve': request.user.has_perm('netbox_hedgehog.resolve_discrepancy', instance),
            'adoption': may_end_by_adoption(request.user, instance),
        }


def may_end_by_adoption(user: AnyUser, discrepancy: Discrepancy) -> bool:
    """Return whether a conflict is about a device that the fabric could adopt, and the user may change the setting."""
    in_the_way = discrepancy.type == DiscrepancyTypeChoices.CONFLICT and discrepancy.link_id is None
    return (
        in_the_way and discrepancy.model_label == 'dcim.device'
        and user.has_perm('netbox_hedgehog.change_fabric', discrepancy.fabric)
    )


class _Decides(GetReturnURLMixin):
    """A decision on discrepancies by POST, which requires the permission to resolve them."""

    queryset = Discrepancy.objects.all()

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.resolve_discrepancy'

    def apply_decision(self, request: HttpRequest, discrepancies: Iterable[Discrepancy], decision: str) -> None:
        try:
            resolved, left_open = decide(discrepancies, decision, request.user)
        except InventoryRefused as refusal:
            messages.error(request, str(refusal))
            return
        if resolved:
            messages.success(request, OUTCOMES[decision] % {'count': resolved})
        if left_open:
            messages.warning(request, left_open)


@register_model_view(Discrepancy, 'resolve')
class DiscrepancyResolveView(_Decides, BaseObjectView):

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect(get_object_or_404(self.queryset, pk=pk).get_absolute_url())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        discrepancy = get_object_or_404(self.queryset, pk=pk)
        decision = request.GET.get('decision') or request.POST.get('decision')
        if decision in DECISIONS:
            self.apply_decision(request, [discrepancy], decision)
        else:
            messages.error(request, _('Choose one of: {names}.').format(names=', '.join(DECISIONS)))
        url = self.get_return_url(request, discrepancy)
        if url == discrepancy.get_absolute_url() and not Discrepancy.objects.filter(pk=pk).exists():
            # It is resolved, so its page is gone: show the list of the others.
            url = f'{reverse("plugins:netbox_hedgehog:discrepancy_list")}?fabric_id={discrepancy.fabric_id}&state=open'
        return redirect(url)


class _BulkDecisionView(_Decides, BaseMultiObjectView):
    decision = ''

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect(self.get_return_url(request))

    def _chosen(self, request: HttpRequest) -> QuerySet:
        if request.POST.get('_all'):
            # "Select all that match": the list's filters are in the query string.
            return filtersets.DiscrepancyFilterSet(request.GET, self.queryset, request=request).qs
        return self.queryset.filter(pk__in=[pk for pk in request.POST.getlist('pk') if is_id(pk)])

    def post(self, request: HttpRequest) -> HttpResponse:
        self.apply_decision(request, self._chosen(request).select_related('fabric', 'link'), self.decision)
        return redirect(self.get_return_url(request))


@register_model_view(Discrepancy, 'bulk_fabric', path='accept-fabric', detail=False)
class DiscrepancyBulkFabricView(_BulkDecisionView):
    decision = FABRIC


@register_model_view(Discrepancy, 'bulk_netbox', path='keep-netbox', detail=False)
class DiscrepancyBulkNetBoxView(_BulkDecisionView):
    decision = NETBOX


@register_model_view(Discrepancy, 'bulk_ignore', path='ignore', detail=False)
class DiscrepancyBulkIgnoreView(_BulkDecisionView):
    decision = IGNORE


@register_model_view(Discrepancy, 'bulk_reopen', path='reopen', detail=False)
class DiscrepancyBulkReopenView(_BulkDecisionView):
    decision = REOPEN


@register_model_view(Fabric, 'discrepancies')
class FabricDiscrepanciesView(FabricChildrenView):
    child_model = Discrepancy
    table = tables.DiscrepancyTable
    filterset = filtersets.DiscrepancyFilterSet
    filterset_form = forms.DiscrepancyFilterForm
    actions = BULK_ACTIONS
    tab = ViewTab(
        label=_('Discrepancies'),
        badge=lambda fabric: inventory_counts(fabric).open,
        visible=lambda fabric: inventory_counts(fabric).shown,
        permission='netbox_hedgehog.view_discrepancy',
        weight=520,
    )
