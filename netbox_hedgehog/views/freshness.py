"""Banners that keep a page from looking fresher than it is: services that are down, and stale fabrics."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import Fabric
from ..monitoring.service_health import worker_health
from ..numbers import is_id

__all__ = ('health_context', 'stale_fabrics')

# How many stale fabrics a page names.
STALE_SHOWN = 5


def health_context(request: HttpRequest) -> dict[str, Any]:
    """Return the service health for a page's banner."""
    return {'health': worker_health(Fabric.objects.restrict(request.user, 'view'))}


def stale_fabrics(request: HttpRequest, **conditions: Any) -> QuerySet:
    """Return the stale fabrics whose rows a list can show, by these conditions."""
    fabrics = Fabric.objects.restrict(request.user, 'view').overdue().filter(**conditions)
    if chosen := [pk for pk in request.GET.getlist('fabric_id') if is_id(pk)]:
        fabrics = fabrics.filter(pk__in=chosen)
    return fabrics.order_by('overdue_at')[:STALE_SHOWN]
