"""The part of a fabric's page that refreshes: freshness, the running sync, and the buttons."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from netbox.views.generic.base import BaseObjectView
from redis.exceptions import RedisError
from utilities.permissions import get_permission_for_model
from utilities.views import register_model_view

from ..events import raise_state_events_safely
from ..jobs.cancel import CancelRefused, cancel_sync
from ..jobs.fabric_sync import FabricSyncJob
from ..jobs.progress import active_job, progress_of
from ..jobs.schedules import due_times
from ..models import Fabric
from ..templatetags.hedgehog import as_of
from .actions import FabricAction

__all__ = ('FabricCancelView', 'FabricLiveView', 'live_context')

# Seconds between two requests while a sync is running, and while none is.
WATCHING, IDLE = 2, 10


def live_context(request: HttpRequest, fabric: Fabric, job: Any, redis: bool = True) -> dict[str, Any]:
    """Return the context of the live part and of the buttons.

    Takes the fabric's active_job(). Redis is not used unless `redis` is set.
    """
    progress = progress_of(job) if job else None
    away = _('Cannot reach Redis.')
    try:
        busy = FabricSyncJob.busy(fabric) if redis else None
        due = due_times([fabric.pk]).get(fabric.pk) if redis else None
    except (RedisError, OSError):
        busy, due = None, None
        redis = False
    return {
        'object': fabric,
        'progress': progress,
        'every': WATCHING if progress else IDLE,
        'busy': (busy.sentence if busy else '') if redis else away,
        'cancellable': bool((busy and busy.is_sync) or (progress and not redis)),
        'can_sync': request.user.has_perm('netbox_hedgehog.sync_fabric', fabric),
        'sees_log': request.user.has_perm('core.view_job'),
        'next_sync': datetime.fromtimestamp(due, UTC) if due else None,
    }


@register_model_view(Fabric, 'live')
class FabricLiveView(BaseObjectView):
    """The live part of a fabric's pages, requested every few seconds.

    `job` is the sync that the page shows as queued or running, `as_of` the state that it shows. Once either has changed
    the whole page is reloaded, so that it does not say "In sync" further down after the fabric has failed. `quiet` is
    for pages that only need to know whether to reload.
    """

    queryset = Fabric.objects.all()

    def get_required_permission(self) -> str:
        return get_permission_for_model(self.queryset.model, 'view')

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        fabric = get_object_or_404(self.queryset, pk=pk)
        raise_state_events_safely([fabric.pk])
        shown, job = request.GET.get('job', ''), active_job(fabric)
        ended = shown and (job is None or str(job.pk) != shown)
        now = as_of(fabric)
        # Not during a sync: a page that shows it also sees its end.
        if ended or (job is None and request.GET.get('as_of', now) != now):
            return HttpResponse(headers={'HX-Refresh': 'true'})
        if 'quiet' in request.GET:
            return HttpResponse(status=204)
        context = live_context(request, fabric, job)
        return render(request, 'netbox_hedgehog/inc/live.html', {**context, 'swap': True})


@register_model_view(Fabric, 'cancel')
class FabricCancelView(FabricAction):

    def act(self, request: HttpRequest, fabric: Fabric) -> None:
        try:
            messages.success(request, cancel_sync(fabric, str(request.user)))
        except CancelRefused as refusal:
            messages.warning(request, str(refusal))
        except (RedisError, OSError):
            messages.error(request, _('Cannot reach Redis. The sync was not cancelled.'))
