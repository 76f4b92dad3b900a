"""The diagram of a fabric, as a tab of its page."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from ..accounts import AnyUser
from ..diagrams.fabric import describe, draw_fabric
from ..diagrams.graph import KINDS, DrawnResource, Graph, NodeHealth, build
from ..diagrams.grouped import groups_of
from ..hedgehog.manifest import mapping
from ..models import Fabric, FabricResource, SwitchHealth
from ..presentation.visible import may_be_hidden
from ..sync.topology import outside_filter

__all__ = ('FabricTopologyView', 'health_by_node', 'svg_response')

# How many links that are not up, and how many VPCs, the page names one by one.
WIRES_SHOWN = 100
VPCS_SHOWN = 200


@register_model_view(Fabric, 'topology', path='topology')
class FabricTopologyView(generic.ObjectView):
    """`?group=` shows one redundancy group with its servers and cables; `?format=svg` is the diagram as a file."""

    queryset = Fabric.objects.all()
    template_name = 'netbox_hedgehog/fabric_topology.html'
    tab = ViewTab(label=_('Topology'), permission='netbox_hedgehog.view_fabricresource', weight=500)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.GET.get('format') == 'svg':
            fabric = self.get_object(**kwargs)
            group = request.GET.get('group', '')
            return svg_response(self.diagram(request, fabric, group)[1], f'{fabric.name} {group}')
        return super().get(request, **kwargs)

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        group = request.GET.get('group', '')
        graph, svg, times = self.diagram(request, instance, group)
        groups = groups_of(graph)
        if group and group in groups:
            graph = graph.around(node.key for node in groups[group])
        vpcs = FabricResource.objects.restrict(request.user, 'view').filter(fabric=instance, kind='VPC')
        return {
            'svg': mark_safe(svg),  # noqa: S308
            'group': group if group in groups else '',
            'groups': groups,
            'graph': graph,
            'description': describe(graph),
            'wires': [wire for wire in graph.wires if wire.state in ('down', 'disabled')][:WIRES_SHOWN],
            'with_issues': [node for node in graph.nodes.values() if node.state not in ('', 'ok') or node.gone],
            'read_at': min(times, default=None),
            'health_hidden': may_be_hidden(request.user),
            'vpcs': list(vpcs.order_by('name').only('pk', 'name', 'missing_since')[:VPCS_SHOWN + 1]),
            'vpcs_shown': VPCS_SHOWN,
        }

    def diagram(self, request: HttpRequest, fabric: Fabric, group: str) -> tuple[Graph, str, list]:
        """Return the graph of what this user may view, its SVG, and when each agent was fetched."""
        resources = FabricResource.objects.restrict(request.user, 'view').filter(
            fabric=fabric, kind__in=KINDS,
        ).exclude(outside_filter(fabric), missing_since__isnull=False)
        rows = list(resources.values_list('pk', 'kind', 'name', 'spec', 'missing_since'))
        health, times = health_by_node(request.user, fabric)
        graph = build(
            (DrawnResource(kind, name, mapping(spec), FabricResource(pk=pk).get_absolute_url(), missing is not None)
             for pk, kind, name, spec, missing in rows),
            health, may_be_hidden(request.user),
        )
        base = request.path

        def url(name: str) -> str:
            return f'{base}?group={quote(name)}'

        return graph, draw_fabric(graph, fabric.name, url, group), times


def health_by_node(
    user: AnyUser, fabric: Fabric, names: Any = None,
) -> tuple[dict[tuple[str, str], NodeHealth], list[datetime]]:
    """Return the health of a fabric's switches and gateways, or of those named, and when each was fetched."""
    rows = SwitchHealth.objects.restrict(user, 'view').filter(fabric=fabric)
    if names is not None:
        rows = rows.filter(name__in=names)
    found, times = {}, []
    for row in rows:
        row.fabric = fabric
        times.append(row.read_at)
        found[row.kind, row.name] = NodeHealth(
            state=row.state, trusted=row.trusted, sentences=row.sentences, ports=mapping(row.ports),
            notes=_notes(row),
        )
    return found, times


def _notes(row: Any) -> list[str]:
    """Return a short label for each issue, the most severe first."""
    counted = (
        (row.interfaces_down, '%d link down', '%d links down'), (row.bgp_down, '%d BGP down', '%d BGP down'),
        (row.temperatures, '%d temperature', '%d temperatures'), (row.psus, '%d PSU', '%d PSUs'),
        (row.fans, '%d fan', '%d fans'),
    )
    flags = (
        (row.is_outdated, _('no recent data')), (row.heartbeat_stale, _('unresponsive')), (row.no_agent, _('no agent')),
        (row.pending, _('pending')), (row.reboot_required, _('reboot')),
    )
    return [str(word) for flag, word in flags if flag] + [
        ngettext(one, many, count) % count for count, one, many in counted if count
    ]


def svg_response(svg: str, name: str) -> HttpResponse:
    """Return the diagram as a file that cannot load or run anything, whatever its content."""
    response = HttpResponse(svg, content_type='image/svg+xml; charset=utf-8')
    response['Content-Disposition'] = f'attachment; filename="{slugify(name) or "diagram"}.svg"'
    response['Content-Security-Policy'] = "default-src 'none'; style-src 'unsafe-inline'"
    return response
