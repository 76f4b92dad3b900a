"""Run what users request of a fabric's inventory in a worker: no web request takes minutes."""

import uuid
from collections.abc import Callable
from typing import Any

from core.choices import JobStatusChoices
from core.exceptions import JobFailed
from core.models import Job, ObjectType
from django.db import connection as database
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from netbox.jobs import JobRunner
from rq.timeouts import JobTimeoutException
from users.models import User

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..events import notify_drift, notify_pending_removals
from ..inventory.applying.permissions import check_before
from ..inventory.disable import plan_removal, remove_created
from ..inventory.errors import InventoryRefused, NotPermitted, PlanMoved
from ..inventory.planning.plan import Plan
from ..inventory.reconcile import confirm_removal, plan, reconcile
from ..inventory.report import InventoryReport
from ..locks import fabric_lock
from ..models import Discrepancy, Fabric
from .progress import keep_row
from .queue import put_in_queue, queue_name
from .recovery import INVENTORY_JOB_NAME

__all__ = ('APPLY', 'APPLY_RULES', 'CONFIRM', 'REDIS_AWAY', 'REMOVE', 'InventoryJob', 'plan_of', 'reconcile_and_report')

# Actions: apply the reviewed plan, the same with what rules say for existing objects, confirm pending removals, remove
# what the plugin created.
APPLY, APPLY_RULES, CONFIRM, REMOVE = 'apply', 'apply-rules', 'confirm', 'remove'

# Shown to the user who requested a job while Redis cannot be reached.
REDIS_AWAY = _('Cannot reach Redis. The job was not queued.')


def plan_of(fabric: Fabric, action: str) -> Plan:
    """Return the plan for an action: the pending changes, or for REMOVE the objects that the plugin created."""
    return plan_removal(fabric) if action == REMOVE else plan(fabric, apply_rules=action == APPLY_RULES)


class InventoryJob(JobRunner):
    """NetBox's job for an inventory change on request."""

    class Meta:
        name = INVENTORY_JOB_NAME

    @classmethod
    def request(cls, fabric: Fabric, user: User, action: str = APPLY, digest: str = '') -> Job:
        """Queue an inventory change on request.

        Takes the fabric, the user, one of the actions above, and the digest of the reviewed plan. Returns the
        queued job; in the end its data has the InventoryReport as a dictionary. Raises InventoryRefused if another
        requested change of the fabric is queued, PlanMoved if the plan is not the one that was reviewed, NotPermitted
        if the user may not do all of it, and InventoryOff if the inventory is disabled.
        """
        seen = plan_of(fabric, action)
        if digest and digest != (seen.confirmation_digest if action == CONFIRM else seen.digest):
            raise PlanMoved('The fabric or NetBox has changed since you reviewed this plan. Review it again.')
        check_before(user, seen.unconfirmed_actions if action == CONFIRM else seen.attempted)
        with transaction.atomic():
            # Two users at once: the second waits here, and then finds the first one's job.
            fabric = Fabric.objects.select_for_update().get(pk=fabric.pk)
            waiting = Job.objects.filter(
                object_type=ObjectType.objects.get_for_model(fabric), object_id=fabric.pk, name=cls.name,
                status__in=(JobStatusChoices.STATUS_PENDING, JobStatusChoices.STATUS_RUNNING),
            ).first()
            if waiting is not None:
                raise InventoryRefused(
                    f'An inventory change of {fabric.name} is already queued or running (job {waiting.pk}).'
                )
            job = Job.objects.create(
                object_type=ObjectType.objects.get_for_model(fabric), object_id=fabric.pk, name=cls.name, user=user,
                job_id=uuid.uuid4(), queue_name=queue_name(), status=JobStatusChoices.STATUS_PENDING,
                data={'action': action, 'digest': digest},
            )
            transaction.on_commit(lambda: put_in_queue(job))
        return job

    @classmethod
    def handle(cls, job: Job, *args: Any, **kwargs: Any) -> None:
        """Run a job under the fabric's lock, after its current holder. Ignore a job that is no longer queued."""
        with fabric_lock(job.object_id, wait=True):
            if Job.objects.filter(pk=job.pk, status=JobStatusChoices.STATUS_PENDING).exists():
                super().handle(job, *args, **kwargs)
        if not Fabric.objects.filter(pk=job.object_id).exists():
            # The fabric was deleted in the meantime: saving the job has restored the job's row.
            Job.objects.filter(pk=job.pk).delete()

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Apply the request, and restore the job's record if it was deleted meanwhile. Raises JobFailed."""
        try:
            self._apply()
        finally:
            keep_row(self)

    def _apply(self) -> None:
        fabric = Fabric.objects.filter(pk=self.job.object_id).first()
        asked = self.job.data or {}
        if fabric is None:
            return
        digest, user = asked.get('digest', ''), self.job.user
        work: Callable[[], InventoryReport] = {
            APPLY: lambda: reconcile(fabric, user=user, expected_digest=digest),
            APPLY_RULES: lambda: reconcile(fabric, user=user, expected_digest=digest, apply_rules=True),
            CONFIRM: lambda: confirm_removal(fabric, digest, user=user),
            REMOVE: lambda: remove_created(fabric, user=user, expected_digest=digest),
        }[asked['action']]
        try:
            if user is None:
                raise NotPermitted('The user who requested this was deleted. Review the plan and apply it again.')
            report = work()
        except InventoryRefused as error:
            self.job.data = {**asked, 'error': str(error), 'sentence': str(error)}
            self.job.error = str(error)
            self.logger.error(str(error))
            raise JobFailed() from None
        if asked['action'] != REMOVE:
            notify_inventory(fabric)
        self.job.data = {**asked, **report.as_dict()}
        (self.logger.warning if report.event_failures else self.logger.info)(report.sentence)


def reconcile_and_report(fabric: Fabric, only_if_changed: bool = False) -> tuple[dict[str, Any], bool]:
    """Sync a fabric's inventory within its scheduled sync, and record any failure on the fabric.

    With `only_if_changed` nothing is compared if nothing can have changed since the last full reconcile. Returns the
    report as a dictionary and whether it failed. Raises only the job's time-out.
    """
    try:
        report = reconcile(fabric, only_if_changed=only_if_changed)
        notify_inventory(fabric)
        return report.as_dict(), False
    except Exception as error:
        # The mirror is synced whatever fails here. Nothing was written to the inventory, unless time ran out during
        # event rules, after the commit. A time-out in the middle of a statement leaves a connection that cannot be
        # used.
        if not database.is_usable():
            database.close()
        sentence = str(error) if isinstance(error, InventoryRefused) else (
            f'{type(error).__name__}: {(str(error).splitlines() or [""])[0][:300]}'
        )
        # If another sync has begun in the meantime, that one records its own result.
        Fabric.objects.filter(pk=fabric.pk, last_attempt=fabric.last_attempt).update(inventory_error=sentence)
        if isinstance(error, JobTimeoutException):
            raise
        message = f'{fabric.name}: inventory sync failed. {sentence}'
        return {'error': sentence, 'sentence': message, 'requires_confirmation': [], 'findings': {}}, True


def notify_inventory(fabric: Fabric) -> None:
    """Notify of new discrepancies and pending removals of a fabric: see events.py."""
    rows = Discrepancy.objects.filter(fabric=fabric, state=DiscrepancyStateChoices.OPEN).exclude(
        type=DiscrepancyTypeChoices.UNMATCHED,
    )
    notify_drift(fabric.pk, {f'{kind} {name}' for kind, name in rows.order_by().values_list('kind', 'name').distinct()})
    notify_pending_removals(fabric.pk, (fabric.inventory_unconfirmed or {}).get('counts', {}))
