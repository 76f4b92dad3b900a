"""A run that waits or is at work ends because somebody says so, and the record says who."""

import time

from core.choices import JobStatusChoices
from core.models import Job
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RQJob

from ..models import Fabric
from .locks import locked_fabrics
from .progress import active_job
from .queue import connection, queue
from .recovery import CANCELLED, CANCELLED_BY, record_cancelled
from .schedules import schedule_id

__all__ = ('CancelRefused', 'cancel_run')

# Seconds to wait for a worker to end a run, and between two looks whether it has.
PATIENCE = 5.0
POLL = 0.05


class CancelRefused(Exception):
    """A run cannot be cancelled: the text says why."""


def cancel_run(fabric: Fabric, who: str) -> str:
    """Cancel the run of a fabric that is at work, or else what waits of it.

    Takes the fabric and who asks, for the record. Returns a sentence on what was done. Raises CancelRefused where
    there is nothing to cancel or nobody ends the run, and RedisError or OSError while Redis is away: then nothing has
    been changed. The fabric's schedule stands; its status is again what the last run that ended has made of it.
    """
    job = active_job(fabric)
    if job is None:
        if queue().remove(schedule_id(fabric.pk)):
            return f'The periodic run of {fabric} that was waiting is cancelled. The next one comes on schedule.'
        raise CancelRefused(f'No run of {fabric} is waiting or at work.')
    sentence = f'{CANCELLED_BY}{who}.'
    if job.status == JobStatusChoices.STATUS_PENDING:
        queue().remove(str(job.job_id))
        if not record_cancelled(job.pk, fabric.pk, JobStatusChoices.STATUS_PENDING, sentence):
            return cancel_run(fabric, who)  # a worker has begun it meanwhile
        return f'The waiting run of {fabric} (job {job.pk}) is cancelled.'
    # Said before it is done: the scheduler's beat, should it find the run dead first, knows why.
    running = Job.objects.filter(pk=job.pk, status=JobStatusChoices.STATUS_RUNNING)
    running.update(error=sentence)
    try:
        _stop(fabric, job)
    except BaseException:
        running.update(error='')
        raise
    record_cancelled(job.pk, fabric.pk, JobStatusChoices.STATUS_RUNNING, sentence)
    job.refresh_from_db()
    if (job.data or {}).get('outcome') != CANCELLED:
        raise CancelRefused(f'The run of {fabric} (job {job.pk}) had ended before it could be cancelled.')
    return f'The run of {fabric} (job {job.pk}) is cancelled. What it had read until then is in place.'


def _stop(fabric: Fabric, job: Job) -> None:
    """Have the worker kill the process that runs a job, and wait until its lock is free: then it writes no more."""
    redis, stopped = connection(), False
    # One that somebody asked for runs under its own id, a periodic one under the schedule's.
    for rq_id in (str(job.job_id), schedule_id(fabric.pk)):
        try:
            if RQJob.fetch(rq_id, connection=redis).worker_name:
                send_stop_job_command(redis, rq_id)
                stopped = True
                break
        except (NoSuchJobError, InvalidJobOperation):
            continue
    deadline = time.monotonic() + (PATIENCE if stopped else 0)
    while fabric.pk in locked_fabrics():
        if time.monotonic() > deadline:
            raise CancelRefused(
                f'The worker of job {job.pk} does not end it. It goes on, until its time-out at the latest.'
                if stopped else f'No worker of RQ has job {job.pk}: the run cannot be stopped from here.'
            )
        time.sleep(POLL)
