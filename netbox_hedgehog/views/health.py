"""Health of switches and gateways: of all fabrics, of one fabric, and of one switch."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from netbox.object_actions import BulkExport
from netbox.ui import attrs, panels
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from .. import filtersets, forms, tables
from ..accounts import AnyUser
from ..models import Fabric, FabricResource, SwitchHealth
from ..models.health import ISSUE_TITLES
from .attrs import AgeAttr, HeartbeatAttr
from .counts import switch_count
from .freshness import health_context, stale_fabrics
from .inventory import FabricChildrenView

__all__ = ('FabricSwitchesView', 'HealthPanel', 'HealthRollupPanel', 'SwitchHealthListView', 'health_of')


@register_model_view(SwitchHealth, 'list', path='', detail=False)
class SwitchHealthListView(generic.ObjectListView):
    queryset = SwitchHealth.objects.worst_first().select_related('fabric', 'agent').defer(
        'ports', 'agent__spec', 'agent__status', 'agent__labels', 'agent__annotations',
    )
    filterset = filtersets.SwitchHealthFilterSet
    filterset_form = forms.SwitchHealthFilterForm
    table = tables.SwitchHealthTable
    template_name = 'netbox_hedgehog/switchhealth_list.html'
    actions = (BulkExport,)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**health_context(request), 'stale': stale_fabrics(request)}


@register_model_view(Fabric, 'switches', path='switches')
class FabricSwitchesView(FabricChildrenView):
    """The switches and gateways of one fabric, as a tab of its page."""

    child_model = SwitchHealth
    table = tables.SwitchHealthTable
    filterset = filtersets.SwitchHealthFilterSet
    filterset_form = forms.SwitchHealthFilterForm
    template_name = 'netbox_hedgehog/fabric_switches.html'
    tab = ViewTab(
        label=_('Switches'), badge=switch_count,
        permission='netbox_hedgehog.view_switchhealth', weight=510,
    )

    def get_children(self, request: HttpRequest, parent: Any) -> QuerySet:
        return SwitchHealthListView.queryset.restrict(request.user, 'view').filter(fabric=parent)

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        return {**super().get_extra_context(request, instance), 'rollup': _rollup(request, instance)}


def _rollup(request: HttpRequest, fabric: Fabric) -> dict[str, Any] | None:
    """Return how many switches of a fabric are in which state and have which issues; None if the user may view none."""
    if not request.user.has_perm('netbox_hedgehog.view_switchhealth'):
        return None
    counts = SwitchHealth.objects.restrict(request.user, 'view').filter(fabric=fabric).rollup()
    if not counts['total'] and SwitchHealth.objects.filter(fabric=fabric).exists():
        return None
    return {
        **counts,
        'states': [(state, counts[state]) for state in ('critical', 'warning', 'unknown', 'ok')],
        'issues': [(name, words, counts[name]) for name, words in ISSUE_TITLES.items() if counts[name]],
    }


class HealthRollupPanel(panels.ObjectPanel):
    """How many switches of a fabric are in which state, and which issues they have."""

    title = _('Switch health')
    template_name = 'netbox_hedgehog/panels/health_rollup.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {**super().get_context(context), 'rollup': _rollup(context['request'], context['object'])}

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['rollup'] is not None


def health_of(user: AnyUser, resource: FabricResource) -> SwitchHealth | None:
    """Return the health of a switch or gateway, or of the one that an agent reports for; None if there is none."""
    if resource.kind not in ('Switch', 'Gateway', 'Agent', 'GatewayAgent'):
        return None
    rows = SwitchHealth.objects.restrict(user, 'view').select_related('fabric', 'resource', 'agent').defer(
        'resource__spec', 'resource__status', 'agent__spec', 'agent__status',
    )
    named = {'agent': resource} if resource.kind.endswith('Agent') else {'resource': resource}
    return rows.filter(**named).first()


class HealthPanel(panels.ObjectAttributesPanel):
    """What a switch's agent reported, on the page of the switch and on that of the agent."""

    title = _('Health')
    accessor = 'switch_health'
    state = attrs.ChoiceAttr('state')
    # Not `Last fetched`: the page says that of the resource itself, which is another moment.
    read_at = AgeAttr('read_at', label=_('Status as of'))
    heartbeat = HeartbeatAttr('heartbeat', label=_('Last heartbeat'))
    generation = attrs.TemplatedAttr(
        'generation', label=_('Configuration'), template_name='netbox_hedgehog/attrs/generation.html',
    )
    software = attrs.TextAttr('software')
    version = attrs.TextAttr('version', label=_('Agent version'))
    resource = attrs.RelatedObjectAttr('resource', label=_('Switch or gateway'), linkify=True)
    agent = attrs.RelatedObjectAttr('agent', linkify=True)
    findings = attrs.TemplatedAttr(
        'findings_with_age', label=_('Issues'), template_name='netbox_hedgehog/attrs/findings.html',
    )

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['object'] is not None
