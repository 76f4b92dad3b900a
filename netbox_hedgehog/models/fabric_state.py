"""The schedule of a fabric, the results of its syncs, and the states that follow: a part of Fabric."""

from datetime import datetime, timedelta
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from utilities.querysets import RestrictedQuerySet

from ..choices import ConnectionStatusChoices, FabricStatusChoices, SyncStateChoices, SyncStatusChoices

__all__ = ('MIN_SYNC_INTERVAL', 'OLDER_ERROR', 'FabricQuerySet', 'FabricState', 'duration_words')

# Seconds. Below this a sync would often still be running when the next one is due.
MIN_SYNC_INTERVAL = 30
MAX_SYNC_INTERVAL = 7 * 24 * 3600

# Seconds that a sync may be late, beyond one whole interval, before a fabric is stale.
GRACE = 30

OLDER_ERROR = 'Before the change at '

# Fabric.may_sync as a filter.
READABLE = models.Q(sync_enabled=True, status__in=FabricStatusChoices.READ)

# Fabric.is_failing as a filter.
FAILING = models.Q(sync_status__in=SyncStatusChoices.TROUBLED) | (
    models.Q(sync_status__in=SyncStatusChoices.UNDER_WAY) & ~models.Q(sync_error='')
)


def duration_words(seconds: int) -> str:
    """Return a number of seconds in words, such as 1 hour 30 minutes."""
    parts = []
    for size, one, many in (
        (86400, '%d day', '%d days'), (3600, '%d hour', '%d hours'), (60, '%d minute', '%d minutes'),
        (1, '%d second', '%d seconds'),
    ):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(ngettext(one, many, count) % count)
    return ' '.join(parts[:2])


class FabricQuerySet(RestrictedQuerySet):
    """The derived states of fabrics as filters; each is the twin of a property of Fabric."""

    def readable(self) -> Self:
        """Return fabrics that may be synced at all: Fabric.may_sync."""
        return self.filter(READABLE)

    def scheduled(self) -> Self:
        """Return fabrics with scheduled syncs: Fabric.is_scheduled."""
        return self.readable().filter(scheduler_enabled=True)

    def watched(self) -> Self:
        """Return fabrics with watch enabled: Fabric.is_watched."""
        return self.readable().filter(watch_enabled=True)

    def failing(self) -> Self:
        """Return fabrics whose last sync failed or was partial: Fabric.is_failing."""
        return self.filter(FAILING)

    def overdue(self) -> Self:
        """Return stale fabrics, with `overdue_at`: Fabric.overdue_since."""
        sign = models.Case(
            models.When(FAILING, then=models.F('last_attempt')),
            default=models.F('last_sync'),
        )
        grace = models.ExpressionWrapper(
            models.F('sync_interval') * models.Value(timedelta(seconds=2), output_field=models.DurationField()),
            output_field=models.DurationField(),
        )
        due = models.ExpressionWrapper(
            Coalesce(sign, 'created', output_field=models.DateTimeField()) + grace + timedelta(seconds=GRACE),
            output_field=models.DateTimeField(),
        )
        return self.scheduled().annotate(overdue_at=due).filter(overdue_at__lt=timezone.now())


class FabricState(models.Model):
    """The schedule of a fabric, the results of its syncs, and the states that follow from both."""

    sync_enabled = models.BooleanField(
        verbose_name=_('sync enabled'),
        default=True,
        help_text=_('Uncheck to disable all syncs.'),
    )
    scheduler_enabled = models.BooleanField(
        verbose_name=_('scheduler enabled'),
        default=True,
        help_text=_('Uncheck to disable scheduled syncs.'),
    )
    sync_interval = models.PositiveIntegerField(
        verbose_name=_('sync interval'),
        default=300,
        validators=[
            MinValueValidator(
                MIN_SYNC_INTERVAL,
                message=_(
                    'Must be at least %(limit_value)s seconds. To stop scheduled syncs, clear “Scheduler enabled”.'
                ),
            ),
            MaxValueValidator(
                MAX_SYNC_INTERVAL,
                message=_('Must be at most %(limit_value)s seconds (one week).'),
            ),
        ],
        help_text=_('Sync interval in seconds.'),
    )
    watch_enabled = models.BooleanField(
        verbose_name=_('watch enabled'),
        default=False,
        help_text=_(
            'Stream changes in near real time (requires hedgehog_sync watch). Scheduled syncs continue.'
        ),
    )

    connection_status = models.CharField(
        verbose_name=_('connection'),
        max_length=30,
        choices=ConnectionStatusChoices,
        default=ConnectionStatusChoices.UNKNOWN,
        editable=False,
        help_text=_('Result of the last connection to the API server.'),
    )
    sync_status = models.CharField(
        verbose_name=_('sync status'),
        max_length=30,
        choices=SyncStatusChoices,
        default=SyncStatusChoices.NEVER_SYNCED,
        editable=False,
        help_text=_('Result of the last sync.'),
    )
    last_attempt = models.DateTimeField(
        verbose_name=_('last attempt'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('When the last sync started, successful or not.'),
    )
    last_sync = models.DateTimeField(
        verbose_name=_('last success'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('When the last full sync started.'),
    )
    sync_error = models.TextField(
        verbose_name=_('sync error'),
        blank=True,
        editable=False,
        help_text=_('Why the last sync failed or was partial, and what to do.'),
    )
    last_report = models.JSONField(
        verbose_name=_('last report'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('Result of the last sync, by kind.'),
    )

    class Meta:
        abstract = True

    @property
    def may_sync(self) -> bool:
        """Whether this fabric may be synced at all."""
        return self.sync_enabled and self.status in FabricStatusChoices.READ

    @property
    def is_scheduled(self) -> bool:
        """Whether this fabric is synced on schedule: what should be scheduled follows from this alone."""
        return self.may_sync and self.scheduler_enabled

    @property
    def is_watched(self) -> bool:
        """Whether changes are streamed."""
        return self.may_sync and self.watch_enabled

    @property
    def is_failing(self) -> bool:
        """Whether the last sync failed or was partial; one that is queued or running does not change that."""
        if self.sync_status in SyncStatusChoices.UNDER_WAY:
            # What went wrong stands until a run ends and says something else.
            return bool(self.sync_error)
        return self.sync_status in SyncStatusChoices.TROUBLED

    @property
    def sync_error_is_older(self) -> bool:
        """Whether the error is from before the connection was changed."""
        return self.sync_error.startswith(OLDER_ERROR)

    @property
    def inventory_error_is_older(self) -> bool:
        """Whether the inventory error is from before its settings were changed."""
        return self.inventory_error.startswith(OLDER_ERROR)

    @property
    def grace(self) -> int:
        """Seconds after the last sync at which a scheduled fabric is stale."""
        return 2 * self.sync_interval + GRACE

    @property
    def overdue_since(self) -> datetime | None:
        """When this fabric became stale, or None.

        A fabric that fails is not stale for it: somebody tries. Any other is, once its last success is too old, also
        while the run is at work that may put an end to it.
        """
        if not self.is_scheduled:
            return None
        sign = self.last_attempt if self.is_failing else self.last_sync
        due = (sign or self.created or timezone.now()) + timedelta(seconds=self.grace)
        return due if due < timezone.now() else None

    @property
    def sync_state(self) -> str:
        """The state shown to users, one of SyncStateChoices."""
        if not self.may_sync:
            return SyncStateChoices.DISABLED
        if self.overdue_since:
            return SyncStateChoices.STALE
        return self.sync_status

    @property
    def sync_interval_words(self) -> str:
        """The interval in words, such as 1 hour 30 minutes."""
        return duration_words(self.sync_interval)

    def get_sync_state_display(self) -> str:
        return dict(SyncStateChoices)[self.sync_state]

    def get_sync_state_color(self) -> str | None:
        return SyncStateChoices.colors.get(self.sync_state)

    def get_connection_status_color(self) -> str | None:
        return ConnectionStatusChoices.colors.get(self.connection_status)

    def get_sync_status_color(self) -> str | None:
        return SyncStatusChoices.colors.get(self.sync_status)
