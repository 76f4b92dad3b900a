"""Report the progress of a queued or running sync."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.choices import JobStatusChoices
from core.models import Job
from django.utils import timezone
from netbox.jobs import JobRunner

from ..hedgehog.kinds import KINDS
from ..models import Fabric
from .recovery import sync_jobs

__all__ = ('Progress', 'active_job', 'keep_row', 'progress_of')

ACTIVE = (JobStatusChoices.STATUS_PENDING, JobStatusChoices.STATUS_RUNNING)

# Log line of a job whose record was deleted while it ran.
ROW_DELETED = (
    'This job was deleted while it was running. Deleting a job does not stop it, so it was restored. To stop a sync, '
    'cancel it.'
)

# How many log lines of a running sync are shown.
LOG_LINES = 8


@dataclass(slots=True)
class Progress:
    """One sync in progress. `kinds` are the finished kinds, as _Progress in fabric_sync.py stores them.

    `now` is the kind after them, and `page` how much of its list has been fetched.
    """

    job: Job
    running: bool
    kinds: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    page: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> str:
        """Return the title of the kind that is being synced, or '' before the first and after the last."""
        done = len(self.kinds)
        return KINDS[done].title_plural if self.running and done < len(KINDS) else ''

    @property
    def done(self) -> int:
        """Return how many kinds are finished."""
        return len(self.kinds)

    @property
    def total(self) -> int:
        """Return how many kinds there are."""
        return len(KINDS)

    @property
    def share(self) -> float:
        """Return how much of the sync is done: 0 to 1."""
        return min(1.0, (self.done + self.of_kind) / self.total)

    @property
    def of_kind(self) -> float:
        """Return how much of the current kind's list has been fetched: 0 to 1."""
        expected = self.page.get('of') or 0
        return min(1.0, (self.page.get('read') or 0) / expected) if self.running and expected else 0.0

    def sum(self, name: str) -> int:
        """Return the sum of a field over the finished kinds."""
        return sum(kind.get(name) or 0 for kind in self.kinds)

    @property
    def read(self) -> int:
        """Return how many resources have been fetched."""
        return self.sum('read') + (self.page.get('read') or 0)

    @property
    def changes(self) -> int:
        """Return how many resources were created, updated or missing."""
        return self.sum('created') + self.sum('updated') + self.sum('missing')

    @property
    def began(self) -> datetime:
        """Return when the job was started, or created if it is queued."""
        return self.job.started or self.job.created

    @property
    def seconds(self) -> float:
        """Return the seconds since then."""
        return (timezone.now() - self.began).total_seconds()


def active_job(fabric: Fabric) -> Job | None:
    """Return the running sync's job of a fabric, or else the queued one's, or None."""
    jobs = sync_jobs().filter(object_id=fabric.pk, status__in=ACTIVE)
    # "running" sorts after "pending".
    return jobs.order_by('-status', 'pk').first()


def keep_row(runner: JobRunner) -> None:
    """Restore the record of a running job if somebody has deleted it, with a line in its log.

    NetBox would restore it at the end, silently. If the fabric was deleted too, nothing is restored.
    """
    job = runner.job
    if not Job.objects.filter(pk=job.pk).exists() and Fabric.objects.filter(pk=job.object_id).exists():
        runner.logger.warning(ROW_DELETED)
        job.save(force_insert=True)


def progress_of(job: Job) -> Progress:
    """Return the progress of a sync; of a finished one, as it was last stored."""
    data = job.data if isinstance(job.data, dict) else {}
    kinds = data.get('progress') or data.get('kinds') or []
    return Progress(
        job=job, running=job.status == JobStatusChoices.STATUS_RUNNING, kinds=kinds, log=job.log_entries[-LOG_LINES:],
        page=data.get('page') or {},
    )
