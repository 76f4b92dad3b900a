"""Cancel a queued or running sync on request, and record who requested it."""

import logging
import time

from core.choices import JobStatusChoices
from core.models import Job
from redis import Redis
from rq.command import send_command
from rq.job import Job as RQJob
from rq.worker import WorkerStatus

from ..choices import SyncStatusChoices
from ..locks import locked_fabrics
from ..models import Fabric
from .deployment import deployment_id
from .progress import active_job
from .queue import connection, queue, usable_queue
from .records import read_jobs, read_workers
from .recovery import CANCELLED, CANCELLED_BY, exclusive_jobs, record_as_before, record_cancelled
from .schedules import own_schedule_id

__all__ = ('CancelRefused', 'cancel_sync', 'stop_deleted')

logger = logging.getLogger(__name__)

# Seconds to wait for a worker to end a sync, and between two checks.
STOP_TIMEOUT = 5.0
POLL = 0.05

NOTHING = 'No sync of {fabric} is queued or running.'


class CancelRefused(Exception):
    """A sync cannot be cancelled. The text says why."""


def cancel_sync(fabric: Fabric, who: str) -> str:
    """Cancel the running sync of a fabric, or else the queued one.

    Takes the fabric and the user's name, for the record. Returns a sentence on what was done. Raises CancelRefused if
    there is nothing to cancel or no worker ends the sync, and RedisError or OSError if Redis cannot be reached: nothing
    is changed then. The fabric's schedule stays; its status becomes that of the last finished sync.
    """
    locked = fabric.pk in locked_fabrics()
    # In this order: a sync has its job before it takes the lock.
    job = active_job(fabric)
    if locked and _is_without_record(fabric, job):
        return _cancel_without_record(fabric, who)
    if job is None:
        if usable_queue().remove(own_schedule_id(fabric.pk)):
            return f'The queued scheduled sync of {fabric} is cancelled. The next one runs on schedule.'
        raise CancelRefused(NOTHING.format(fabric=fabric))
    sentence = f'{CANCELLED_BY}{who}.'
    if job.status == JobStatusChoices.STATUS_PENDING:
        usable_queue().remove(str(job.job_id))
        if not record_cancelled(job.pk, fabric.pk, JobStatusChoices.STATUS_PENDING, sentence):
            return cancel_sync(fabric, who)  # a worker has started it in the meantime
        return f'The queued sync of {fabric} (job {job.pk}) is cancelled.'
    # Recorded before it is done, so that the scheduler's heartbeat knows why if it finds the sync dead first.
    running = Job.objects.filter(pk=job.pk, status=JobStatusChoices.STATUS_RUNNING)
    running.update(error=sentence)
    try:
        _stop(fabric, f'job {job.pk}', str(job.job_id))
    except BaseException:
        running.update(error='')
        raise
    record_cancelled(job.pk, fabric.pk, JobStatusChoices.STATUS_RUNNING, sentence)
    job.refresh_from_db()
    if (job.data or {}).get('outcome') != CANCELLED:
        raise CancelRefused(f'The sync of {fabric} (job {job.pk}) finished before it could be cancelled.')
    return f'The sync of {fabric} (job {job.pk}) is cancelled. Data synced until then is kept.'


def _is_without_record(fabric: Fabric, job: Job | None) -> bool:
    """Return whether the holder of a fabric's lock is not the sync of `job`, its active one."""
    if job is None:
        return True
    # A sync is running before the fabric says so. If only a queued one is left, the record of the running one was
    # deleted.
    syncing = Fabric.objects.filter(pk=fabric.pk, sync_status=SyncStatusChoices.SYNCING).exists()
    return job.status == JobStatusChoices.STATUS_PENDING and syncing


def _cancel_without_record(fabric: Fabric, who: str) -> str:
    """Cancel the holder of a fabric's lock that has no running sync job. Returns a sentence; raises CancelRefused."""
    other = exclusive_jobs().filter(object_id=fabric.pk, status=JobStatusChoices.STATUS_RUNNING).first()
    if other is not None:
        raise CancelRefused(
            f'An inventory change of {fabric} is running (job {other.pk}); it cannot be cancelled.'
        )
    if not _stop(fabric, f'the sync of {fabric}'):
        raise CancelRefused(NOTHING.format(fabric=fabric))  # it has ended in the meantime
    record_as_before(fabric.pk, *SyncStatusChoices.UNDER_WAY)
    logger.warning('The sync of %s, whose job had been deleted, was cancelled by %s.', fabric, who)
    return f'The sync of {fabric} is cancelled; its job had been deleted. Data synced until then is kept.'


def stop_deleted(fabric_id: int) -> None:
    """Have a worker end the sync of a deleted fabric, which no longer has a page to cancel it on.

    Does not wait for it. Raises what Redis and the database raise.
    """
    if fabric_id in locked_fabrics():
        _send_stop(connection(), fabric_id)


def _stop(fabric: Fabric, what: str, rq_id: str = '') -> bool:
    """Have the worker kill the process that runs a job, and wait until its lock is free: then it writes no more.

    Returns whether a worker had the job. Raises CancelRefused if the lock is still held after STOP_TIMEOUT.
    """
    stopped = _send_stop(connection(), fabric.pk, rq_id)
    deadline = time.monotonic() + (STOP_TIMEOUT if stopped else 0)
    while fabric.pk in locked_fabrics():
        if time.monotonic() > deadline:
            raise CancelRefused(
                f'The worker did not stop {what}. It continues until its timeout at the latest.'
                if stopped else f'No RQ worker is running {what}, so it cannot be cancelled here.'
            )
        time.sleep(POLL)
    return stopped


def _send_stop(redis: Redis, fabric_id: int, rq_id: str = '') -> bool:
    """Tell the worker that syncs a fabric to stop the job. Return whether there is one.

    The workers' own records say what they run: RQ's record of the job may be gone, as that of a schedule is once its
    fabric was disabled. A sync on request has its own id, `rq_id`, or names the fabric in its record.
    """
    # An idle worker would kill itself on this command, and may still name a job that has ended without its record.
    busy = [worker for worker in read_workers(queue()) if worker.state == WorkerStatus.BUSY]
    current = {worker.name: worker.get_current_job_id() or '' for worker in busy}
    ids = {rq_id, own_schedule_id(fabric_id)} - {''}
    if not rq_id:
        jobs, _ = read_jobs(redis, set(current.values()))
        ids |= {name for name, job in jobs.items() if _is_sync_of(job, fabric_id)}
    found = {name: job_id for name, job_id in current.items() if job_id in ids}
    for name, job_id in found.items():
        send_command(redis, name, 'stop-job', job_id=job_id)
    return bool(found)


def _is_sync_of(job: RQJob, fabric_id: int) -> bool:
    meta = job.meta if isinstance(job.meta, dict) else {}
    return meta.get('fabric') == fabric_id and meta.get('deployment') == deployment_id()
