"""Summarize each fabric for the overview page, the dashboard widget and the metrics."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Count, QuerySet
from redis.exceptions import RedisError

from ..choices import DiscrepancyStateChoices, SwitchStateChoices, SyncStateChoices, SyncStatusChoices
from ..events import AGENTS, FRESHNESS, SYNC, names_of
from ..jobs.schedules import due_times
from ..models import Discrepancy, Fabric, FabricCondition, FabricResource, SwitchHealth

__all__ = ('FabricSummary', 'fabric_summaries', 'states')

# States, the most severe first.
GRAVITY = (
    SyncStateChoices.STALE, SyncStatusChoices.FAILED, SyncStatusChoices.PARTIAL, SyncStatusChoices.NEVER_SYNCED,
    SyncStatusChoices.SYNCING, SyncStatusChoices.QUEUED, SyncStatusChoices.IN_SYNC, SyncStateChoices.DISABLED,
)

# Fields that a summary never needs: secrets and long texts.
DEFERRED = ('kubernetes_token', 'kubeconfig', 'kubernetes_ca_cert', 'comments', 'last_report', 'custom_field_data')


@dataclass(slots=True)
class FabricSummary:
    """One fabric.

    `since` is when its failure was notified, `silent` are the unresponsive agents at the last sync, and `unhealthy` is
    the number of switches that are critical or have warnings.
    """

    fabric: Fabric
    state: str
    since: datetime | None = None
    silent: list[str] = field(default_factory=list)
    unhealthy: int = 0
    missing: int = 0
    discrepancies: int = 0
    next_run: datetime | None = None

    @property
    def troubled(self) -> bool:
        """Return whether it is stale or failing; a running sync changes nothing until it has finished."""
        return self.state == SyncStateChoices.STALE or (
            self.state != SyncStateChoices.DISABLED and self.fabric.is_failing
        )

    @property
    def never_read(self) -> bool:
        """Return whether it is enabled and has never had a full sync."""
        return self.state != SyncStateChoices.DISABLED and self.fabric.last_sync is None

    @property
    def inventory_error(self) -> str:
        """Return why the last inventory sync failed; '' if it did not, or if the inventory is disabled."""
        return self.fabric.inventory_error if self.fabric.inventory_enabled else ''

    @property
    def unconfirmed(self) -> int:
        """Return how many changes need confirmation."""
        held = self.fabric.inventory_held if self.fabric.inventory_enabled else None
        return (held or {}).get('count', 0)

    @property
    def needs_attention(self) -> bool:
        """Return whether the fabric has any issue."""
        return bool(
            self.troubled or self.never_read or self.inventory_error or self.unconfirmed
            or self.silent or self.unhealthy or self.discrepancies or self.missing
        )

    @property
    def freshness(self) -> float:
        """Return the age of the last full sync as a share of the age at which it is stale: 1 or more is stale."""
        if self.fabric.last_sync is None:
            return 1.0
        return (datetime.now(UTC) - self.fabric.last_sync).total_seconds() / self.fabric.grace

    @property
    def late(self) -> bool:
        """Return whether the fabric is scheduled and its last full sync is older than one and a half intervals."""
        return self.fabric.is_scheduled and self.freshness * self.fabric.grace > 1.5 * self.fabric.sync_interval


def fabric_summaries(
    fabrics: QuerySet[Fabric], *, resources: QuerySet[FabricResource] | None = None,
    discrepancies: QuerySet[Discrepancy] | None = None, switches: QuerySet[SwitchHealth] | None = None,
    redis: bool = True,
) -> list[FabricSummary]:
    """Return a summary of each of these fabrics, those that need attention first.

    Takes the fabrics, and the resources, discrepancies and switches that the user may view, None for all; `redis` is
    whether to ask Redis for the next syncs. Six SQL statements and one round trip to Redis, however many fabrics there
    are; one less without `switches`, whose health is not counted then.
    """
    rows = fabrics.defer(*DEFERRED).order_by('name')
    found = {fabric.pk: FabricSummary(fabric, fabric.sync_state) for fabric in rows}
    conditions = FabricCondition.objects.filter(fabric__in=found, subject__in=(SYNC, FRESHNESS, AGENTS))
    for condition in conditions.exclude(value=''):
        summary = found[condition.fabric_id]
        if condition.subject == AGENTS:
            summary.silent = names_of(condition.value)
        elif summary.troubled and (condition.subject == FRESHNESS) == (summary.state == SyncStateChoices.STALE):
            summary.since = condition.since
    if switches is not None:
        _restrict_silent(found, switches)
        for pk, count in _counts(switches.in_state(SwitchStateChoices.CRITICAL, SwitchStateChoices.WARNING)):
            if pk in found:
                found[pk].unhealthy = count
    resources = FabricResource.objects.all() if resources is None else resources
    discrepancies = Discrepancy.objects.all() if discrepancies is None else discrepancies
    for pk, count in _counts(resources.filter(missing_since__isnull=False)):
        if pk in found:
            found[pk].missing = count
    for pk, count in _counts(discrepancies.filter(state=DiscrepancyStateChoices.OPEN)):
        if pk in found:
            found[pk].discrepancies = count
    if redis:
        try:
            for pk, due in due_times(found).items():
                found[pk].next_run = datetime.fromtimestamp(due, UTC)
        except (RedisError, OSError):
            pass  # the banner of the page says so
    return sorted(found.values(), key=lambda summary: (
        not summary.needs_attention, GRAVITY.index(summary.state), not summary.silent, summary.fabric.name,
    ))


def _restrict_silent(found: dict[int, FabricSummary], switches: QuerySet[SwitchHealth]) -> None:
    """Drop unresponsive agents of other switches than these."""
    names = {name for summary in found.values() for name in summary.silent}
    known = set(switches.filter(fabric__in=found, name__in=names).order_by().values_list('fabric', 'name'))
    for pk, summary in found.items():
        summary.silent = [name for name in summary.silent if (pk, name) in known]


def _counts(rows: QuerySet) -> Iterable[tuple[int, int]]:
    return rows.order_by().values_list('fabric').annotate(count=Count('pk')).values_list('fabric', 'count')


def states(found: Iterable[FabricSummary]) -> list[tuple[str, str, str, int]]:
    """Return the states that fabrics are in: value, label, color and count, the most severe first."""
    counts, labels = Counter(summary.state for summary in found), dict(SyncStateChoices)
    return [
        (state, labels[state], SyncStateChoices.colors[state], counts[state]) for state in GRAVITY if counts[state]
    ]
