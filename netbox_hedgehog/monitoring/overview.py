"""Summarize each fabric for the overview page, the dashboard widget and the metrics."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Count, QuerySet
from redis.exceptions import RedisError

from ..choices import (
    CablingStateChoices,
    DiscrepancyStateChoices,
    SwitchStateChoices,
    SyncStateChoices,
    SyncStatusChoices,
)
from ..events import AGENTS, FRESHNESS, SYNC, names_of
from ..jobs.schedules import due_times
from ..models import Discrepancy, Fabric, FabricCondition, FabricResource, SwitchHealth
from ..models.cabling import CablingCheckQuerySet

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

    `since` is when its failure was notified, `unresponsive_agents` has their names at the last sync, `unhealthy` is the
    number of switches that are critical or have warnings, and `miscabled` that of links with the wrong neighbor.
    """

    fabric: Fabric
    state: str
    since: datetime | None = None
    unresponsive_agents: list[str] = field(default_factory=list)
    unhealthy: int = 0
    miscabled: int = 0
    missing: int = 0
    discrepancies: int = 0
    next_sync: datetime | None = None

    @property
    def overdue_or_failing(self) -> bool:
        """Return whether it is stale or failing; a running sync changes nothing until it has finished."""
        return self.state == SyncStateChoices.STALE or (
            self.state != SyncStateChoices.DISABLED and self.fabric.is_failing
        )

    @property
    def never_synced(self) -> bool:
        """Return whether it is enabled and has never had a full sync."""
        return self.state != SyncStateChoices.DISABLED and self.fabric.last_sync is None

    @property
    def inventory_error(self) -> str:
        """Return why the last inventory sync failed; '' if it did not, or if the inventory is disabled."""
        return self.fabric.inventory_error if self.fabric.inventory_enabled else ''

    @property
    def unconfirmed(self) -> int:
        """Return how many changes need confirmation."""
        unconfirmed = self.fabric.inventory_unconfirmed if self.fabric.inventory_enabled else None
        return (unconfirmed or {}).get('count', 0)

    @property
    def needs_attention(self) -> bool:
        """Return whether the fabric has any issue."""
        return bool(
            self.overdue_or_failing or self.never_synced or self.inventory_error or self.unconfirmed
            or self.fabric.waits_for_review or self.unresponsive_agents or self.unhealthy or self.miscabled
            or self.discrepancies or self.missing
        )

    @property
    def freshness(self) -> float:
        """Return the age of the last full sync as a share of the age at which it is stale: 1 or more is stale."""
        if self.fabric.last_sync is None:
            return 1.0
        return (datetime.now(UTC) - self.fabric.last_sync) / self.fabric.max_age

    @property
    def late(self) -> bool:
        """Return whether the fabric is scheduled and its last full sync is older than one and a half intervals."""
        age = self.freshness * self.fabric.max_age
        return self.fabric.is_scheduled and age > timedelta(seconds=1.5 * self.fabric.sync_interval)


def fabric_summaries(
    fabrics: QuerySet[Fabric], *, resources: QuerySet[FabricResource] | None = None,
    discrepancies: QuerySet[Discrepancy] | None = None, switches: QuerySet[SwitchHealth] | None = None,
    cabling: CablingCheckQuerySet | None = None, redis: bool = True,
) -> list[FabricSummary]:
    """Return a summary of each of these fabrics, those that need attention first.

    Takes the fabrics, and the resources, discrepancies, switches and links that the user may view, None for all;
    `redis` is whether to ask Redis for the next syncs. Seven SQL statements and one round trip to Redis, however many
    fabrics there are; one less without `switches` or `cabling`, which are not counted then.
    """
    rows = fabrics.defer(*DEFERRED).order_by('name')
    found = {fabric.pk: FabricSummary(fabric, fabric.sync_state) for fabric in rows}
    _add_conditions(found)
    if switches is not None:
        _restrict_unresponsive(found, switches)
        unhealthy = switches.in_state(SwitchStateChoices.CRITICAL, SwitchStateChoices.WARNING)
        _add_counts(found, 'unhealthy', unhealthy)
    if cabling is not None:
        _add_counts(found, 'miscabled', cabling.in_state(CablingStateChoices.WRONG_NEIGHBOR))
    resources = FabricResource.objects.all() if resources is None else resources
    discrepancies = Discrepancy.objects.all() if discrepancies is None else discrepancies
    _add_counts(found, 'missing', resources.filter(missing_since__isnull=False))
    _add_counts(found, 'discrepancies', discrepancies.filter(state=DiscrepancyStateChoices.OPEN))
    if redis:
        _add_next_syncs(found)
    return sorted(found.values(), key=_severity)


def _add_conditions(found: dict[int, FabricSummary]) -> None:
    """Set since when fabrics fail or are stale, and their unresponsive agents."""
    conditions = FabricCondition.objects.filter(fabric__in=found, aspect__in=(SYNC, FRESHNESS, AGENTS))
    for condition in conditions.exclude(value=''):
        summary = found[condition.fabric_id]
        if condition.aspect == AGENTS:
            summary.unresponsive_agents = names_of(condition.value)
            continue
        current = FRESHNESS if summary.state == SyncStateChoices.STALE else SYNC
        if summary.overdue_or_failing and condition.aspect == current:
            summary.since = condition.since


def _restrict_unresponsive(found: dict[int, FabricSummary], switches: QuerySet[SwitchHealth]) -> None:
    """Drop unresponsive agents of other switches than these."""
    names = {name for summary in found.values() for name in summary.unresponsive_agents}
    known = set(switches.filter(fabric__in=found, name__in=names).order_by().values_list('fabric', 'name'))
    for pk, summary in found.items():
        summary.unresponsive_agents = [name for name in summary.unresponsive_agents if (pk, name) in known]


def _add_counts(found: dict[int, FabricSummary], attribute: str, rows: QuerySet) -> None:
    """Set an attribute of each summary to the number of these rows that belong to its fabric."""
    counts = rows.order_by().values_list('fabric').annotate(count=Count('pk')).values_list('fabric', 'count')
    for pk, count in counts:
        if pk in found:
            setattr(found[pk], attribute, count)


def _add_next_syncs(found: dict[int, FabricSummary]) -> None:
    try:
        due = due_times(found)
    except (RedisError, OSError):
        return  # the banner of the page says so
    for pk, timestamp in due.items():
        found[pk].next_sync = datetime.fromtimestamp(timestamp, UTC)


def _severity(summary: FabricSummary) -> tuple[bool, int, bool, str]:
    """Return the sort key that puts what needs attention first, by severity."""
    gravity = GRAVITY.index(summary.state)
    return not summary.needs_attention, gravity, not summary.unresponsive_agents, summary.fabric.name


def states(found: Iterable[FabricSummary]) -> list[tuple[str, str, str, int]]:
    """Return the states that fabrics are in: value, label, color and count, the most severe first."""
    counts, labels = Counter(summary.state for summary in found), dict(SyncStateChoices)
    return [
        (state, labels[state], SyncStateChoices.colors[state], counts[state]) for state in GRAVITY if counts[state]
    ]
