from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from netbox.object_actions import BulkExport
from netbox.ui import layout
from netbox.ui.breadcrumbs import Breadcrumb, filtered_list_url
from netbox.views import generic
from utilities.views import register_model_view

from .. import filtersets, forms, tables
from ..hedgehog.kinds import KIND_BY_NAME
from ..hedgehog.references import references
from ..hedgehog.topology import TopologyFilter
from ..models import MANIFEST, FabricResource
from ..tables.resource import short
from . import panels, resource_panels
from .cabling import CablingPanel
from .freshness import health_context, stale_fabrics
from .health import HealthPanel, health_of
from .history import ChangePanel

__all__ = ('FabricResourceListView', 'FabricResourceView')


@register_model_view(FabricResource, 'list', path='', detail=False)
class FabricResourceListView(generic.ObjectListView):
    queryset = FabricResource.objects.all()
    filterset = filtersets.FabricResourceFilterSet
    filterset_form = forms.FabricResourceFilterForm
    table: Any = tables.FabricResourceTable
    template_name = 'netbox_hedgehog/fabricresource_list.html'
    actions = (BulkExport,)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**health_context(request), 'stale': stale_fabrics(request)}

    def get_table(self, data: Any, request: HttpRequest, bulk_actions: bool = True) -> Any:
        kinds = request.GET.getlist('kind')
        kind = KIND_BY_NAME.get(kinds[0]) if len(kinds) == 1 else None
        if kind is None:
            # Manifests are only needed for a kind's own columns.
            data = data.defer(*MANIFEST)
        else:
            self.table = type(self.table.__name__, (self.table,), {'one_kind': kind, 'Meta': self.table.Meta})
        return super().get_table(data, request, bulk_actions)


@register_model_view(FabricResource)
class FabricResourceView(generic.ObjectView):
    queryset = FabricResource.objects.select_related('fabric')
    template_name = 'netbox_hedgehog/fabricresource.html'
    actions = ()
    layout = layout.SimpleLayout(
        left_panels=[
            HealthPanel(),
            CablingPanel(),
            panels.ResourcePanel(),
            panels.OwnColumnsPanel(),
            panels.ReferencesPanel(),
            resource_panels.ReferencedByPanel(),
        ],
        right_panels=[
            panels.TimesPanel(),
            resource_panels.InNetBoxPanel(),
            panels.YAMLPanel('labels', title=_('Labels')),
            panels.YAMLPanel('annotations', title=_('Annotations')),
        ],
        bottom_panels=[
            resource_panels.SectionsPanel(),
            ChangePanel(),
            panels.YAMLPanel('spec', title=_('Spec')),
            panels.YAMLPanel('status', title=_('Status')),
        ],
        breadcrumbs=[
            Breadcrumb('fabric'),
            Breadcrumb(
                'fabric', label=_('Resources'), url=filtered_list_url(
                    'plugins:netbox_hedgehog:fabricresource_list', 'fabric_id',
                ),
            ),
        ],
    )

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        return {
            'switch_health': health_of(request.user, instance),
            'own_columns': [(title, short(value, limit=500)) for title, value in instance.own_columns],
            'references': _resolved(request, instance),
            'excluded': TopologyFilter(instance.fabric.topology_filter).excludes(instance.kind_row, instance.manifest),
        }


def _resolved(request: HttpRequest, resource: FabricResource) -> list[Any]:
    """Return what a resource references: (kind, name, the resource of this fabric or None)."""
    named = references(resource.kind, resource.manifest)
    if not named:
        return []
    found = {
        (other.kind, other.name): other
        for other in FabricResource.objects.restrict(request.user, 'view').filter(
            fabric=resource.fabric_id, name__in={name for _, name in named},
        ).defer(*MANIFEST)
    }
    return [(kind, name, found.get((kind, name))) for kind, name in named]
