"""Report the sync status of fabrics, the same for API and commands."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from core.choices import JobStatusChoices
from django.utils import timezone
from redis.exceptions import RedisError

from ..jobs.progress import ACTIVE
from ..jobs.recovery import exclusive_jobs, sync_jobs
from ..jobs.schedules import due_times
from ..models import Fabric
from .service_health import ServiceHealth, counted

__all__ = ('services_line', 'fabric_status')


def fabric_status(fabrics: Iterable[Fabric]) -> list[dict[str, Any]]:
    """Return one dictionary per fabric: what `hedgehog_sync status` and the REST API say of it.

    It has state, schedule, next sync, last attempt, last full sync, age, error, and the kinds that are not supported.
    Ages are in seconds. `job` is the id of the NetBox job that is queued or running, or None; a fabric is in sync
    before its job has ended, which then syncs the inventory. One round trip to Redis for all of them; if Redis cannot
    be reached `next_sync` is empty.
    """
    fabrics = list(fabrics)
    try:
        due = due_times(fabric.pk for fabric in fabrics)
    except (RedisError, OSError):
        due = {}
    # If one is queued and another running, take the latter: "running" sorts after "pending".
    jobs = dict(
        exclusive_jobs().filter(object_id__in=[fabric.pk for fabric in fabrics], status__in=ACTIVE)
        .order_by('status', '-pk').values_list('object_id', 'pk')
    )
    now = timezone.now()
    return [
        {
            'fabric': fabric.name,
            'state': fabric.sync_state,
            'sync_status': fabric.sync_status,
            'connection_status': fabric.connection_status,
            'scheduled': fabric.is_scheduled,
            'sync_interval': fabric.sync_interval,
            'last_attempt': fabric.last_attempt,
            'last_sync': fabric.last_sync,
            'age': round((now - fabric.last_sync).total_seconds(), 1) if fabric.last_sync else None,
            'overdue_since': fabric.overdue_since,
            'job': jobs.get(fabric.pk),
            'next_sync': datetime.fromtimestamp(due[fabric.pk], UTC) if fabric.pk in due else None,
            'error': fabric.sync_error,
            'unsupported_kinds': fabric.unsupported_kinds,
        }
        for fabric in fabrics
    ]


def services_line(health: ServiceHealth) -> str:
    """Return one line on services, active schedules, and the syncs of the last day."""
    watchers = ''
    if health.watched:
        watchers = f', {counted(len(health.watchers), "watcher")} of {counted(health.watched, "fabric")}'
    completed = sync_jobs().filter(
        status=JobStatusChoices.STATUS_COMPLETED, created__gte=timezone.now() - timedelta(days=1),
    ).count()
    # From Redis, where schedules take effect: the database only says how many there should be.
    active = len(due_times(Fabric.objects.scheduled().values_list('pk', flat=True))) if health.redis else 0
    return (
        f'{health.state}: queue {health.queue}, {counted(len(health.workers), "worker")}, '
        f'{counted(len(health.schedulers), "scheduler")}, {counted(active, "active schedule")}{watchers}; '
        f'syncs: {health.waiting} queued, {health.running} running, {completed} completed '
        f'and {health.failed} failed in the last day'
    )
