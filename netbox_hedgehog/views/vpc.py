"""The diagram of a VPC, as a tab of its page."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from ..diagrams.graph import DrawnResource
from ..diagrams.vpc import build_vpc, draw_vpc
from ..hedgehog.connections import read_connection
from ..hedgehog.manifest import mapping
from ..hedgehog.references import references
from ..hedgehog.switch_ports import PortNames
from ..models import FabricResource
from ..presentation.references import referring_to
from ..presentation.visible import may_be_hidden
from .topology import health_by_node, svg_response

__all__ = ('VPCDiagramView',)

# What a diagram shows of a VPC, beside the VPC itself.
RELATED = ('VPCAttachment', 'VPCPeering', 'ExternalPeering', 'GatewayPeering', 'VPCInfo')


@register_model_view(FabricResource, 'diagram', path='diagram')
class VPCDiagramView(generic.ObjectView):
    """`?format=svg` is the diagram as a file."""

    queryset = FabricResource.objects.select_related('fabric').filter(kind='VPC')
    template_name = 'netbox_hedgehog/fabricresource_diagram.html'
    actions = ()
    tab = ViewTab(
        label=_('Diagram'), visible=lambda resource: resource.kind == 'VPC',
        permission='netbox_hedgehog.view_fabricresource', weight=500,
    )

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.GET.get('format') == 'svg':
            vpc = self.get_object(**kwargs)
            return svg_response(self.diagram(request, vpc)[1], f'vpc {vpc.name}')
        return super().get(request, **kwargs)

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        graph, svg, times = self.diagram(request, instance)
        return {
            'graph': graph,
            'svg': mark_safe(svg),  # noqa: S308
            'read_at': min(times, default=None),
            'health_hidden': may_be_hidden(request.user),
            'sees_fabric': request.user.has_perm('netbox_hedgehog.view_fabric', instance.fabric),
        }

    def diagram(self, request: HttpRequest, vpc: FabricResource) -> tuple[Any, str, list[datetime]]:
        """Return the VPC's graph of what this user may view, its SVG, and when the switches concerned were fetched."""
        resources = FabricResource.objects.restrict(request.user, 'view').filter(fabric=vpc.fabric_id)
        name = vpc.name
        related = _rows(resources.filter(referring_to('VPC', name) | Q(kind='VPCInfo', name=name), kind__in=RELATED))
        names = {name for row in related for _, name in references(row.kind, {'spec': row.spec})}
        port_names = PortNames(
            resources.filter(kind__in=('Switch', 'SwitchProfile')).values_list('kind', 'name', 'spec'),
        )
        connections = {
            row.name: read_connection(row.name, row.spec, port_names)
            for row in _rows(resources.filter(kind='Connection', name__in=names)) if not row.missing
        }
        peers = {
            (row.kind, row.name): row for row in _rows(resources.filter(kind__in=('VPC', 'External'), name__in=names))
        }
        switches = {
            end.device for connection in connections.values() for link in connection.links for end in link.ends
        }
        health, times = health_by_node(request.user, vpc.fabric, switches)
        graph = build_vpc(
            DrawnResource('VPC', name, mapping(vpc.spec), ''), related, connections, peers, health,
            may_be_hidden(request.user),
        )
        query = urlencode({'fabric_id': vpc.fabric_id, 'kind': 'VPCAttachment', 'q': f'{name}--'})
        return graph, draw_vpc(graph, f'{reverse("plugins:netbox_hedgehog:fabricresource_list")}?{query}'), times


def _rows(queryset: QuerySet) -> list[DrawnResource]:
    return [
        DrawnResource(kind, name, mapping(spec), FabricResource(pk=pk).get_absolute_url(), missing is not None)
        for pk, kind, name, spec, missing in queryset.values_list('pk', 'kind', 'name', 'spec', 'missing_since')
    ]
