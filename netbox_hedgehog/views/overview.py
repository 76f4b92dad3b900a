"""The overview page: fabrics and services, with issues first."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View
from utilities.views import ContentTypePermissionRequiredMixin

from ..choices import SyncStateChoices
from ..compatibility import untested_release
from ..models import CablingCheck, Discrepancy, Fabric, FabricResource, SwitchHealth
from ..monitoring.overview import fabric_summaries, states
from ..monitoring.service_health import worker_health
from ..presentation.visible import may_be_hidden

__all__ = ('WIDGET_SHOWN', 'OverviewView', 'overview_context')

# How many fabrics the page shows, the most severe first; the list of fabrics has all of them.
SHOWN = 100
WIDGET_SHOWN = 8

# Without permission to view all of these, the absence of issues is not claimed.
COUNTED = (FabricResource, SwitchHealth, Discrepancy)


def overview_context(request: HttpRequest, shown: int = SHOWN) -> dict[str, Any]:
    """Return the context of the overview and the widget for this user."""
    fabrics = Fabric.objects.restrict(request.user, 'view')
    health = worker_health(fabrics)
    found = fabric_summaries(
        fabrics,
        resources=FabricResource.objects.restrict(request.user, 'view'),
        discrepancies=Discrepancy.objects.restrict(request.user, 'view'),
        switches=SwitchHealth.objects.restrict(request.user, 'view'),
        cabling=CablingCheck.objects.restrict(request.user, 'view'),
        redis=health.redis,
    )
    return {
        'health': health,
        'states': states(found),
        'total': len(found),
        'summaries': found[:shown],
        'more': max(0, len(found) - shown),
        'enabled': sum(1 for summary in found if summary.state != SyncStateChoices.DISABLED),
        'needing_attention': sum(1 for summary in found if summary.needs_attention),
        'unhealthy': sum(summary.unhealthy for summary in found),
        'miscabled': sum(summary.miscabled for summary in found),
        'unconfirmed': sum(summary.unconfirmed for summary in found),
        'inventory_errors': sum(1 for summary in found if summary.inventory_error),
        'unresponsive': sum(len(summary.unresponsive_agents) for summary in found),
        'missing': sum(summary.missing for summary in found),
        'discrepancies': sum(summary.discrepancies for summary in found),
        'sees_all': not any(may_be_hidden(request.user, model) for model in COUNTED),
        'sees_resources': request.user.has_perm('netbox_hedgehog.view_fabricresource'),
        'sees_switches': request.user.has_perm('netbox_hedgehog.view_switchhealth'),
        'sees_cabling': request.user.has_perm('netbox_hedgehog.view_cablingcheck'),
        'sees_discrepancies': request.user.has_perm('netbox_hedgehog.view_discrepancy'),
    }


class OverviewView(ContentTypePermissionRequiredMixin, View):
    """All fabrics that the user may view. Its live part refreshes every few seconds."""

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.view_fabric'

    def get(self, request: HttpRequest) -> HttpResponse:
        # The page requests its live part by name: a boosted link, which HTMX follows too, gets the whole page.
        if 'widget' in request.GET:
            return render(request, 'netbox_hedgehog/inc/widget.html', overview_context(request, WIDGET_SHOWN))
        template = 'inc/overview.html' if 'live' in request.GET else 'overview.html'
        context = {'untested_release': untested_release(), **overview_context(request)}
        return render(request, f'netbox_hedgehog/{template}', context)
