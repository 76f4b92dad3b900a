"""The landing page: is anything wrong, and where do I click?"""

from django.shortcuts import render
from django.views.generic import View
from utilities.views import ContentTypePermissionRequiredMixin

from ..choices import SyncStateChoices
from ..compatibility import untested_release
from ..models import Discrepancy, Fabric, FabricResource, SwitchHealth
from ..monitoring.overview import glances, states
from ..monitoring.service_health import worker_health
from .topology import may_be_hidden

__all__ = ('WIDGET_SHOWN', 'OverviewView', 'overview_context')

# How many fabrics the page shows one by one, the gravest first: beyond that the list of fabrics has filters.
SHOWN = 100
WIDGET_SHOWN = 8

# What nothing can be said about to those who may not view all of it.
COUNTED = (FabricResource, SwitchHealth, Discrepancy)


def overview_context(request, shown=SHOWN):
    """What the overview and the widget show to this user."""
    fabrics = Fabric.objects.restrict(request.user, 'view')
    health = worker_health(fabrics)
    found = glances(
        fabrics,
        resources=FabricResource.objects.restrict(request.user, 'view'),
        discrepancies=Discrepancy.objects.restrict(request.user, 'view'),
        switches=SwitchHealth.objects.restrict(request.user, 'view'),
        redis=health.redis,
    )
    return {
        'health': health,
        'states': states(found),
        'total': len(found),
        'glances': found[:shown],
        'more': max(0, len(found) - shown),
        'read': sum(1 for glance in found if glance.state != SyncStateChoices.DISABLED),
        'to_look_at': sum(1 for glance in found if glance.needs_a_look),
        'silent': sum(len(glance.silent) for glance in found),
        'missing': sum(glance.missing for glance in found),
        'discrepancies': sum(glance.discrepancies for glance in found),
        'sees_all': not any(may_be_hidden(request.user, model) for model in COUNTED),
        'sees_resources': request.user.has_perm('netbox_hedgehog.view_fabricresource'),
        'sees_switches': request.user.has_perm('netbox_hedgehog.view_switchhealth'),
        'sees_discrepancies': request.user.has_perm('netbox_hedgehog.view_discrepancy'),
    }


class OverviewView(ContentTypePermissionRequiredMixin, View):
    """All fabrics that the user may view. Its live part asks for itself anew every few seconds."""

    def get_required_permission(self):
        return 'netbox_hedgehog.view_fabric'

    def get(self, request):
        # The page asks for its live part by name, so that a boosted link, which HTMX follows too, gets the whole.
        if 'widget' in request.GET:
            return render(request, 'netbox_hedgehog/inc/widget.html', overview_context(request, WIDGET_SHOWN))
        template = 'inc/overview.html' if 'live' in request.GET else 'overview.html'
        context = {'untested_release': untested_release(), **overview_context(request)}
        return render(request, f'netbox_hedgehog/{template}', context)
