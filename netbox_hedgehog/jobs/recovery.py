"""Find and record what a killed process left behind. Status fields never decide whether a sync may start."""

import logging
from datetime import timedelta
from typing import Any

from core.choices import JobStatusChoices
from core.models import Job
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from rq.job import Job as RQJob
from rq.job import JobStatus

from ..choices import SyncStatusChoices
from ..events import last_notified_sync
from ..locks import locked_fabrics
from ..models import Fabric
from .queue import connection, put_in_queue, usable_queue
from .records import read_jobs, text

__all__ = (
    'CANCELLED', 'INVENTORY_JOB_NAME', 'JOB_NAME', 'record_as_before', 'record_cancelled', 'recover', 'exclusive_jobs',
    'sync_jobs',
)

logger = logging.getLogger(__name__)

JOB_NAME = 'Fabric sync'
INVENTORY_JOB_NAME = 'Fabric inventory'

# The outcome of a cancelled sync, and how the sentence that names the user begins.
CANCELLED = 'cancelled'
CANCELLED_BY = 'Cancelled by '

KILLED = (
    'The sync that began {started} ended unexpectedly: its worker was killed or lost its database connection. '
    'Data synced until then is kept; the next sync continues.'
)
KILLED_INVENTORY = (
    'The inventory change that began {started} ended unexpectedly: its worker was killed or lost its database '
    'connection. Review the plan and apply it again.'
)
# Seconds after which a queued job that is in no queue counts as lost: a younger one may be on its way there.
ON_ITS_WAY = 5

ENDED = (JobStatus.FAILED, JobStatus.FINISHED, JobStatus.CANCELED, JobStatus.STOPPED)


def sync_jobs() -> QuerySet[Job]:
    """Return the NetBox jobs of fabric syncs."""
    return exclusive_jobs().filter(name=JOB_NAME)


def failed_syncs() -> QuerySet[Job]:
    """Return the NetBox jobs of syncs that failed in the last day, without cancelled ones (failed to NetBox)."""
    return sync_jobs().filter(
        status__in=(JobStatusChoices.STATUS_FAILED, JobStatusChoices.STATUS_ERRORED),
        created__gte=timezone.now() - timedelta(days=1),
    ).exclude(data__outcome=CANCELLED)


def exclusive_jobs() -> QuerySet[Job]:
    """Return the NetBox jobs of everything that is done to a fabric one at a time: syncs and inventory changes."""
    return Job.objects.filter(
        object_type__app_label='netbox_hedgehog', object_type__model='fabric', name__in=(JOB_NAME, INVENTORY_JOB_NAME),
    )


def recover() -> dict[str, int]:
    """Record killed syncs as failed, queue syncs again that Redis lost, and delete those without a fabric.

    Returns the count of each: `killed`, `requeued`, `orphaned`. May be called at any time by several processes: each
    row is only changed while it is as it was found.
    """
    return {
        'killed': _record_killed_syncs(), 'requeued': _requeue_lost_syncs(), 'orphaned': _delete_syncs_without_fabric(),
    }


def _record_killed_syncs() -> int:
    # The order matters: a sync takes its lock before its row says "running", and keeps it until after the row says
    # otherwise. A row that was running before the locks were read, and has no lock, belongs to a dead process.
    running = list(exclusive_jobs().filter(status=JobStatusChoices.STATUS_RUNNING).values_list(
        'pk', 'object_id', 'started', 'error', 'name',
    ))
    syncing = list(Fabric.objects.filter(sync_status=SyncStatusChoices.SYNCING).values_list('pk', 'last_attempt'))
    if not running and not syncing:
        return 0
    locked = locked_fabrics()
    killed = 0
    for pk, fabric_id, started, error, name in running:
        if fabric_id not in locked and error.startswith(CANCELLED_BY):
            record_cancelled(pk, fabric_id, JobStatusChoices.STATUS_RUNNING, error)
        elif fabric_id not in locked:
            sentence = KILLED if name == JOB_NAME else KILLED_INVENTORY
            killed += _fail_job(pk, sentence.format(started=_when(started)))
    for pk, attempt in syncing:
        if pk not in locked:
            sentence = KILLED.format(started=_when(attempt))
            if Fabric.objects.filter(pk=pk, sync_status=SyncStatusChoices.SYNCING, last_attempt=attempt).update(
                sync_status=SyncStatusChoices.FAILED, sync_error=sentence,
            ):
                logger.error(f'Fabric {pk}: {sentence}')
    return killed


def _requeue_lost_syncs() -> int:
    # Fabrics first: one that is queued between the two queries has its job in the second.
    queued = list(Fabric.objects.filter(sync_status=SyncStatusChoices.QUEUED))
    pending = list(exclusive_jobs().filter(status=JobStatusChoices.STATUS_PENDING))
    waited_for = {job.object_id for job in pending if job.name == JOB_NAME}
    for fabric in queued:
        if fabric.pk in waited_for:
            continue
        # Nothing is queued for it any more: its job was deleted.
        record_as_before(fabric.pk, SyncStatusChoices.QUEUED)
    if not pending:
        return 0
    requeued = 0
    redis, now = connection(), timezone.now()
    waiting = set(map(text, redis.lrange(usable_queue().key, 0, -1)))
    locked = locked_fabrics()
    found, unreadable = read_jobs(redis, [str(job.job_id) for job in pending])
    for job in pending:
        rq_id, age = str(job.job_id), (now - job.created).total_seconds()
        if (rq_id in waiting and rq_id not in unreadable) or job.object_id in locked or age <= ON_ITS_WAY:
            continue
        rq_job = found.get(rq_id)
        if rq_job is not None and rq_job.get_status(refresh=False) in ENDED:
            _fail_job(job.pk, 'The worker ended before this job began. Start it again.')
            continue
        # Redis lost it, or its worker was killed before the sync began. If it is about to begin just now, it is queued
        # twice, and the second entry finds no queued job.
        if rq_id in unreadable:
            redis.delete(RQJob.key_for(rq_id))
        put_in_queue(job)
        requeued += 1
    return requeued


def _delete_syncs_without_fabric() -> int:
    # Deleting a fabric deletes its jobs. A sync that was running may have saved its job once more before it was
    # stopped, which restores the row.
    orphans = exclusive_jobs().exclude(Exists(Fabric.objects.filter(pk=OuterRef('object_id'))))
    found = list(orphans.values_list('pk', 'object_id'))
    if not found:
        return 0
    locked = locked_fabrics()
    ended = [pk for pk, fabric_id in found if fabric_id not in locked]
    Job.objects.filter(pk__in=ended).only('pk').delete()
    return len(ended)


def record_cancelled(job_pk: int, fabric_id: int, status: str, sentence: str) -> int:
    """Record a sync as cancelled if its row still has this status. Return how many rows that changed, 0 or 1.

    The fabric gets back its previous status: a cancelled sync says nothing about the fabric.
    """
    with transaction.atomic():
        done = Job.objects.filter(pk=job_pk, status=status).update(
            status=JobStatusChoices.STATUS_FAILED, completed=timezone.now(), error=sentence,
            data={'outcome': CANCELLED, 'error': sentence},
        )
        if done:
            record_as_before(fabric_id, *SyncStatusChoices.UNDER_WAY)
    return done


def record_as_before(fabric_id: int, *statuses: str) -> None:
    """Reset a fabric in one of these statuses, whose sync ended without a result, to the last finished sync's status.

    Its report alone does not say that: a sync that was killed or timed out has left none.
    """
    fabrics = Fabric.objects.filter(pk=fabric_id, sync_status__in=statuses)
    for error, last_sync in fabrics.values_list('sync_error', 'last_sync'):
        if error:
            before = last_notified_sync(fabric_id) or SyncStatusChoices.FAILED
        else:
            before = SyncStatusChoices.IN_SYNC if last_sync else SyncStatusChoices.NEVER_SYNCED
        fabrics.update(sync_status=before)


def _fail_job(pk: int, sentence: str) -> int:
    return Job.objects.filter(pk=pk, status__in=(
        JobStatusChoices.STATUS_RUNNING, JobStatusChoices.STATUS_PENDING,
    )).update(status=JobStatusChoices.STATUS_ERRORED, completed=timezone.now(), error=sentence)


def _when(moment: Any) -> str:
    return f'at {moment:%Y-%m-%d %H:%M:%S} UTC' if moment else 'earlier'
