"""Run one sync of a fabric, on request or on schedule: one at a time, recorded from start to end."""

import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.choices import JobStatusChoices
from core.exceptions import JobFailed
from core.models import Job, ObjectType
from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from netbox.jobs import JobRunner
from netbox.plugins.utils import get_plugin_config
from rq import get_current_job
from rq.timeouts import JobTimeoutException
from users.models import User

from ..choices import ConnectionStatusChoices, SyncStatusChoices
from ..events import notify_agents, notify_cabling, notify_unsupported_kinds, raise_state_events_safely
from ..locks import fabric_lock, locked_fabrics
from ..models import Fabric, SwitchHealth
from ..sync.cabling import miscabled_links, unknown_links
from ..sync.listing import Listing
from ..sync.report import FORBIDDEN, NOT_INSTALLED, NOT_SERVED, READ, UNREAD, KindReport, Report
from ..sync.run import sync_fabric
from ..sync.switch_health import AGENTS
from .inventory import InventoryJob, reconcile_and_report
from .migration_check import refuse_newer_database
from .progress import keep_row
from .queue import connection, hand_over, put_in_queue, queue_name, usable_queue
from .recovery import JOB_NAME, exclusive_jobs, recover, sync_jobs
from .schedules import FabricSyncScheduler, own_schedule_id

__all__ = ('FabricSyncJob', 'FabricSyncScheduler', 'SyncRefused', 'execute_fabric_sync', 'execute_requested_run')

SKIPPED = 'skipped'
OF_ANOTHER = 'This job belongs to another NetBox that uses the same Redis database.'

# What RQ's record of a sync leaves out.
DETAILS = ('kinds', 'unsupported_kinds')

# Seconds that RQ keeps its record of a sync whose schedule was removed while it ran.
FORGET_AFTER = 60

# Seconds between two writes of a running job's log to the database.
PROGRESS_EVERY = 1.0

# Fields that a running job's data has of each kind.
PROGRESS_FIELDS = ('kind', 'outcome', 'read', 'created', 'updated', 'missing', 'seconds')


class SyncRefused(Exception):
    """A requested sync cannot be queued. The text says why."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Why a fabric is busy, as a sentence, and whether that is a sync: an inventory change cannot be cancelled."""

    sentence: str
    is_sync: bool = True


def execute_fabric_sync(fabric_id: int) -> dict[str, Any]:
    """Sync a fabric now, in this process: what a worker executes for a fabric's schedule.

    Takes the fabric's id. Returns the report as a dictionary, whose `outcome` is in_sync, partial or failed; or
    skipped, with the reason in `error`. Details of each kind are only in the job and on the fabric, because RQ keeps
    the return values of many syncs. Raises DatabaseIsNewer, and what the database raises.
    """
    refuse_newer_database()
    if hand_over(get_current_job()):
        return {'outcome': SKIPPED, 'error': OF_ANOTHER}
    try:
        fabric = Fabric.objects.filter(pk=fabric_id).first()
        if fabric is None:
            return {'outcome': SKIPPED, 'error': f'Fabric {fabric_id} no longer exists.'}
        if not fabric.may_sync:
            return {'outcome': SKIPPED, 'fabric': fabric.name, 'error': why_disabled(fabric)}
        job = FabricSyncJob.record(fabric)
        FabricSyncJob.handle(job, scheduled=True)
        return {name: value for name, value in (job.data or {}).items() if name not in DETAILS}
    finally:
        entry = get_current_job()
        if entry is not None and not Fabric.objects.scheduled().filter(pk=fabric_id).exists():
            # Deleted or disabled in the meantime: RQ now restores what reconcile() has removed; let it expire soon.
            entry.result_ttl = entry.failure_ttl = FORGET_AFTER


def execute_requested_run(job_pk: int) -> None:
    """Execute the NetBox job with this id, a sync on request, if it is still queued: called by a worker.

    Raises DatabaseIsNewer.
    """
    refuse_newer_database()
    entry = get_current_job()
    if hand_over(entry):
        return
    job = exclusive_jobs().filter(pk=job_pk).first()
    # Not any job with this number: the entry may be older than a restored database, or another NetBox's.
    if job is not None and (entry is None or entry.id == str(job.job_id)):
        (InventoryJob if job.name == InventoryJob.name else FabricSyncJob).handle(job)


def why_disabled(fabric: Fabric) -> str:
    """Return why a fabric that may not be synced is not synced."""
    reason = f'its status is {fabric.get_status_display()}' if fabric.sync_enabled else 'sync is disabled'
    return f'{fabric.name} is not synced: {reason}.'


class FabricSyncJob(JobRunner):
    """NetBox's job for one sync of one fabric."""

    class Meta:
        name = JOB_NAME

    @classmethod
    def record(cls, fabric: Fabric, user: User | None = None) -> Job:
        """Create a NetBox job for this fabric that is not in any queue yet."""
        return Job.objects.create(
            object_type=ObjectType.objects.get_for_model(fabric), object_id=fabric.pk, name=cls.name, user=user,
            job_id=uuid.uuid4(), queue_name=queue_name(), status=JobStatusChoices.STATUS_PENDING,
        )

    @classmethod
    def request(cls, fabric: Fabric, user: User | None = None) -> Job:
        """Queue a sync on request.

        Takes the fabric and the user. Returns the queued job. Raises SyncRefused if syncs of the fabric are disabled,
        or if one is queued or running already.
        """
        if not fabric.may_sync:
            raise SyncRefused(why_disabled(fabric))
        recover()
        with transaction.atomic():
            # Two users at once: the second waits here, and then finds the first one's job.
            fabric = Fabric.objects.select_for_update().get(pk=fabric.pk)
            if reason := cls.busy(fabric):
                raise SyncRefused(reason.sentence)
            job = cls.record(fabric, user)
            Fabric.objects.filter(pk=fabric.pk).update(sync_status=SyncStatusChoices.QUEUED)
            transaction.on_commit(lambda: put_in_queue(job))
        return job

    @classmethod
    def busy(cls, fabric: Fabric) -> Busy | None:
        """Return why a sync of this fabric cannot be queued now, or None if it can."""
        active = exclusive_jobs().filter(
            object_id=fabric.pk, status__in=(JobStatusChoices.STATUS_PENDING, JobStatusChoices.STATUS_RUNNING),
        ).order_by('-status', 'pk').first()  # "running" sorts after "pending"
        if active is not None:
            state = 'queued' if active.status == JobStatusChoices.STATUS_PENDING else 'running'
            is_sync = active.name == cls.name
            what = 'A sync' if is_sync else 'An inventory change'
            return Busy(f'{what} of {fabric.name} is already {state} (job {active.pk}).', is_sync)
        if fabric.pk in locked_fabrics():
            return Busy(f'A sync of {fabric.name} is already running.')
        if connection().lpos(usable_queue().key, own_schedule_id(fabric.pk)) is not None:
            return Busy(f'A scheduled sync of {fabric.name} is already queued.')
        return None

    @classmethod
    def handle(cls, job: Job, *args: Any, **kwargs: Any) -> None:
        """Run a job under the fabric's lock, which is held from before until after the job is "running".

        If another sync is running, or the fabric was disabled while the job was queued, the job ends as skipped. A job
        that is no longer queued is ignored: recover() may have queued it twice.
        """
        with fabric_lock(job.object_id) as free:
            fabric = Fabric.objects.filter(pk=job.object_id).first()
            waits = Job.objects.filter(pk=job.pk, status=JobStatusChoices.STATUS_PENDING).exists()
            if fabric is None or not waits:
                pass
            elif not free:
                cls._skip(job, 'Skipped: another sync of this fabric is running.')
            elif not fabric.may_sync:
                cls._skip(job, f'Skipped: {why_disabled(fabric)}')
            else:
                super().handle(job, *args, **kwargs)
        raise_state_events_safely([job.object_id])
        _prune(job.object_id)
        if not Fabric.objects.filter(pk=job.object_id).exists():
            # The fabric was deleted during the sync: saving the job has restored the job's row.
            Job.objects.filter(pk=job.pk).delete()

    @classmethod
    def _skip(cls, job: Job, sentence: str) -> None:
        job.data = {'outcome': SKIPPED, 'error': sentence}
        job.started = timezone.now()
        job.terminate(error=sentence)

    def run(self, *args: Any, scheduled: bool = False, **kwargs: Any) -> None:
        """Run the sync, and restore the job's record if it was deleted meanwhile. Raises JobFailed."""
        try:
            self._sync(scheduled)
        finally:
            keep_row(self)

    def _sync(self, scheduled: bool) -> None:
        fabric = Fabric.objects.get(pk=self.job.object_id)
        attempt = timezone.now()
        Fabric.objects.filter(pk=fabric.pk).update(sync_status=SyncStatusChoices.SYNCING, last_attempt=attempt)
        # A sync whose database session ends loses its lock: if another one has begun since, that one has the last word.
        newest = Fabric.objects.filter(pk=fabric.pk, last_attempt=attempt)
        try:
            progress = _Progress(self)
            report = sync_fabric(fabric, progress, progress.page)
        except Exception as error:
            # After a time-out or a database error the report is lost, but the failure must be recorded. A time-out in
            # the middle of a statement leaves a connection that cannot be used.
            if not database.is_usable():
                database.close()
            sentence = _interruption(error)
            newest.update(sync_status=SyncStatusChoices.FAILED, sync_error=sentence)
            raise
        self.job.data = report.as_dict()
        _store(newest, report)
        if any(kind.kind in AGENTS and kind.outcome == READ for kind in report.kinds):
            notify_agents(fabric.pk, SwitchHealth.objects.filter(fabric=fabric).unresponsive_names())
            notify_cabling(fabric.pk, miscabled_links(fabric), partial(unknown_links, fabric))
        if report.unsupported_kinds is not None:
            notify_unsupported_kinds(fabric.pk, report.unsupported_kinds)
        self._reconcile(newest, report, scheduled)
        if report.outcome == SyncStatusChoices.IN_SYNC:
            self.logger.info(report.sentence())
        elif report.outcome == SyncStatusChoices.PARTIAL:
            self.logger.warning(report.sentence())
        else:
            self.logger.error(report.sentence())
            self.job.error = report.error
            raise JobFailed()

    def _reconcile(self, newest: QuerySet[Fabric], report: Report, scheduled: bool) -> None:
        """Sync the inventory with the mirror. An error there does not make the fabric's sync fail.

        A person who requests a sync wants to be sure: everything is compared then, and after a sync that was not
        complete. `newest` selects the fabric as long as no newer sync of it has begun.
        """
        fabric = newest.first()
        if fabric is None or not fabric.inventory_enabled or not any(kind.outcome == READ for kind in report.kinds):
            return
        if fabric.waits_for_review:
            self.logger.info(f'{fabric.name}: inventory sync is waiting for a review of the first plan.')
            return
        only_if_changed = scheduled and report.outcome == SyncStatusChoices.IN_SYNC
        inventory, error = reconcile_and_report(fabric, only_if_changed)
        self.job.data['inventory'] = inventory
        newest.update(last_report=self.job.data)
        if error:
            self.logger.error(inventory['sentence'])
        elif inventory['requires_confirmation'] or inventory['findings'] or inventory.get('event_failures'):
            self.logger.warning(inventory['sentence'])
        else:
            self.logger.info(inventory['sentence'])


class _Progress:
    """Record the progress of a sync for those who watch: its log, and counts by kind.

    Called after each kind and each page, and while waiting for one; saves at most once in PROGRESS_EVERY seconds.
    """

    def __init__(self, runner: FabricSyncJob) -> None:
        self.runner = runner
        self.saved = -PROGRESS_EVERY
        self.kinds: list[dict[str, Any]] = []

    def __call__(self, kind: KindReport) -> None:
        log = self.runner.logger
        levels = {
            READ: log.info, NOT_INSTALLED: log.info, NOT_SERVED: log.warning, FORBIDDEN: log.warning, UNREAD: log.error,
        }
        levels[kind.outcome](kind.sentence())
        self.kinds.append({name: getattr(kind, name) for name in PROGRESS_FIELDS})
        self._save({})

    def page(self, listing: Listing) -> None:
        """Save how much of a kind's list has been fetched."""
        self._save({'kind': listing.kind.name, 'read': listing.listed, 'of': listing.expected})

    def _save(self, page: dict[str, Any]) -> None:
        if time.monotonic() - self.saved > PROGRESS_EVERY:
            self.saved = time.monotonic()
            keep_row(self.runner)
            Job.objects.filter(pk=self.runner.job.pk).update(
                log_entries=self.runner.job.log_entries, data={'progress': self.kinds, 'page': page},
            )


def _store(newest: QuerySet[Fabric], report: Report) -> None:
    """Store a sync's result on the fabric, unless a newer sync has begun; last_sync only if it succeeded."""
    reached = any(kind.outcome != UNREAD for kind in report.kinds)
    values: dict[str, Any] = {
        'sync_status': report.outcome,
        'sync_error': report.error,
        'last_report': report.as_dict(),
        'connection_status': ConnectionStatusChoices.CONNECTED if reached else ConnectionStatusChoices.FAILED,
    }
    if report.outcome == SyncStatusChoices.IN_SYNC:
        values['last_sync'] = report.started
    if report.unsupported_kinds is not None:
        values['unsupported_kinds'] = report.unsupported_kinds
    newest.update(**values)


def _prune(fabric_id: int) -> None:
    """Delete old jobs of a fabric's scheduled syncs; failed ones are kept longer.

    Jobs of syncs on request are left to NetBox's JOB_RETENTION.
    """
    ended = sync_jobs().filter(object_id=fabric_id, user=None).order_by('-created')
    for setting, statuses in (
        ('jobs_kept', [JobStatusChoices.STATUS_COMPLETED]),
        ('failed_jobs_kept', [JobStatusChoices.STATUS_FAILED, JobStatusChoices.STATUS_ERRORED]),
    ):
        kept = get_plugin_config('netbox_hedgehog', setting)
        old = list(ended.filter(status__in=statuses).values_list('pk', flat=True)[kept:kept + 1000])
        if old:
            Job.objects.filter(pk__in=old).only('pk').delete()


def _interruption(error: Exception) -> str:
    """Return a sentence on what ended a sync early."""
    if isinstance(error, JobTimeoutException):
        limit = get_plugin_config('netbox_hedgehog', 'job_timeout')
        return f'The sync took longer than {limit} s (setting job_timeout).'
    return f'The sync was interrupted by an error: {_first_line(error) or type(error).__name__}'


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [''])[0][:300]

