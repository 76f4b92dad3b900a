"""Events of all fabrics, and of one."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from netbox.object_actions import BulkExport
from netbox.ui import attrs, layout, panels
from netbox.ui.breadcrumbs import Breadcrumb, filtered_list_url
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from .. import filtersets, forms, tables
from ..models import Fabric, FabricEvent
from .freshness import health_context, stale_fabrics
from .inventory import FabricChildrenView

__all__ = ('FabricEventListView', 'FabricEventView', 'FabricEventsView')


@register_model_view(FabricEvent, 'list', path='', detail=False)
class FabricEventListView(generic.ObjectListView):
    queryset = FabricEvent.objects.defer('data')
    filterset = filtersets.FabricEventFilterSet
    filterset_form = forms.FabricEventFilterForm
    table = tables.FabricEventTable
    template_name = 'netbox_hedgehog/fabricresource_list.html'
    actions = (BulkExport,)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**health_context(request), 'stale': stale_fabrics(request)}


class EventPanel(panels.ObjectAttributesPanel):
    title = _('Event')
    fabric = attrs.RelatedObjectAttr('fabric', linkify=True)
    event_type = attrs.ChoiceAttr('event_type', label=_('Event'))
    created = attrs.DateTimeAttr('created', label=_('Time'), spec='seconds')
    message = attrs.TextAttr('message')


class DispatchPanel(panels.ObjectAttributesPanel):
    """Whether the event was dispatched to event rules."""

    title = _('Event rules')
    dispatched = attrs.DateTimeAttr('dispatched', label=_('Dispatched'), spec='seconds')
    error = attrs.TextAttr('error')


class PayloadPanel(panels.JSONPanel):
    """The data passed to event rules: the fabric, for users who may view it."""

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['request'].user.has_perm('netbox_hedgehog.view_fabric', obj=context['object'].fabric)


@register_model_view(FabricEvent)
class FabricEventView(generic.ObjectView):
    queryset = FabricEvent.objects.select_related('fabric')
    template_name = 'generic/object.html'
    actions = ()
    layout = layout.SimpleLayout(
        left_panels=[EventPanel()],
        right_panels=[DispatchPanel()],
        bottom_panels=[PayloadPanel('data', title=_('Payload'), copy_button=True)],
        breadcrumbs=[
            Breadcrumb('fabric', url=filtered_list_url('plugins:netbox_hedgehog:fabricevent_list', 'fabric_id')),
        ],
    )


@register_model_view(Fabric, 'events')
class FabricEventsView(FabricChildrenView):
    child_model = FabricEvent
    table = tables.FabricEventTable
    filterset = filtersets.FabricEventFilterSet
    filterset_form = forms.FabricEventFilterForm
    tab = ViewTab(label=_('Events'), permission='netbox_hedgehog.view_fabricevent', weight=540)

    def get_children(self, request: HttpRequest, parent: Any) -> QuerySet:
        return super().get_children(request, parent).defer('data')
