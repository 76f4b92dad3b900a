"""The schedule of a fabric, the results of its syncs, and the states that follow: a part of Fabric."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from utilities.querysets import RestrictedQuerySet

from ..choices import ConnectionStatusChoices, FabricStatusChoices, SyncStateChoices, SyncStatusChoices
from .derived import CurrentTime, Derived
from .unsupported import unsupported_sentence

__all__ = ('MIN_SYNC_INTERVAL', 'OLDER_ERROR', 'FabricQuerySet', 'FabricState', 'duration_words', 'max_age')

# Seconds. Below this a sync would often still be running when the next one is due.
MIN_SYNC_INTERVAL = 30
MAX_SYNC_INTERVAL = 7 * 24 * 3600

# Seconds that a sync may be late, beyond one whole interval, before a fabric is stale.
GRACE = 30

OLDER_ERROR = 'Before the change at '


def max_age(interval: str) -> models.Expression:
    """Return how old data may be before it is stale, as an expression. Takes the path of the fabric's interval."""
    two_intervals = models.ExpressionWrapper(
        models.F(interval) * models.Value(timedelta(seconds=2), output_field=models.DurationField()),
        output_field=models.DurationField(),
    )
    return two_intervals + models.Value(timedelta(seconds=GRACE), output_field=models.DurationField())


MAX_AGE = max_age('sync_interval')

MAY_SYNC = models.Q(sync_enabled=True, status__in=FabricStatusChoices.READ)
SCHEDULED = MAY_SYNC & models.Q(scheduler_enabled=True)
WATCHED = MAY_SYNC & models.Q(watch_enabled=True)

# An error remains until a sync ends with another result.
FAILING = models.Q(sync_status__in=SyncStatusChoices.UNSUCCESSFUL) | (
    models.Q(sync_status__in=SyncStatusChoices.UNDER_WAY) & ~models.Q(sync_error='')
)

# A fabric with failing syncs is not stale while they go on. Any other is stale once its last success is too old, also
# while a sync is running that may end this.
STALE_AT = MAX_AGE + Coalesce(
    models.Case(models.When(FAILING, then='last_attempt'), default='last_sync'), 'created', CurrentTime(),
    output_field=models.DateTimeField(),
)
OVERDUE = SCHEDULED & models.Q(LessThan(STALE_AT, CurrentTime()))


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
    """Filters by the derived states of fabrics."""

    def readable(self) -> Self:
        """Return fabrics that may be synced at all."""
        return self.filter(MAY_SYNC)

    def scheduled(self) -> Self:
        """Return fabrics with scheduled syncs."""
        return self.filter(SCHEDULED)

    def watched(self) -> Self:
        """Return fabrics with watch enabled."""
        return self.filter(WATCHED)

    def failing(self) -> Self:
        """Return fabrics whose last sync failed or was partial."""
        return self.filter(FAILING)

    def overdue(self) -> Self:
        """Return stale fabrics, with `overdue_at`: since when they are."""
        return self.filter(OVERDUE).annotate(overdue_at=STALE_AT)

    def in_sync_state(self, states: Iterable[str]) -> Self:
        """Return fabrics in one of these states, as shown to users."""
        return self.alias(shown_state=FabricState.sync_state).filter(shown_state__in=states)


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
    unsupported_kinds = models.JSONField(
        verbose_name=_('unsupported kinds'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('Kinds of the cluster that this version of the plugin does not support. Empty until known.'),
    )

    class Meta:
        abstract = True

    # Whether this fabric may be synced at all.
    may_sync = Derived[bool](MAY_SYNC)

    # Whether it is synced on schedule: what should be scheduled follows from this alone.
    is_scheduled = Derived[bool](SCHEDULED)

    # Whether its changes are streamed.
    is_watched = Derived[bool](WATCHED)

    # Whether the last sync failed or was partial; one that is queued or running does not change that.
    is_failing = Derived[bool](FAILING)

    # How old its data may be before it is stale, a timedelta.
    max_age = Derived[timedelta](MAX_AGE)

    # When it became stale, or None.
    overdue_since = Derived[datetime | None](
        models.Case(models.When(OVERDUE, then=STALE_AT), output_field=models.DateTimeField()),
    )

    # The state shown to users, one of SyncStateChoices.
    sync_state = Derived[str](models.Case(
        models.When(~MAY_SYNC, then=models.Value(SyncStateChoices.DISABLED)),
        models.When(OVERDUE, then=models.Value(SyncStateChoices.STALE)),
        default='sync_status',
    ))

    @property
    def unsupported_sentence(self) -> str:
        """The sentence that names the kinds that the plugin does not support; '' if none is known."""
        return unsupported_sentence(self.unsupported_kinds)

    @property
    def sync_error_is_older(self) -> bool:
        """Whether the error is from before the connection was changed."""
        return self.sync_error.startswith(OLDER_ERROR)

    @property
    def inventory_error_is_older(self) -> bool:
        """Whether the inventory error is from before its settings were changed."""
        return self.inventory_error.startswith(OLDER_ERROR)

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
