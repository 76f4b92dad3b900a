"""All fabrics at a glance: what the overview page, the dashboard's widget and the metrics show."""

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

__all__ = ('Glance', 'glances', 'states')

# States, the gravest first.
GRAVITY = (
    SyncStateChoices.STALE, SyncStatusChoices.FAILED, SyncStatusChoices.PARTIAL, SyncStatusChoices.NEVER_SYNCED,
    SyncStatusChoices.SYNCING, SyncStatusChoices.QUEUED, SyncStatusChoices.IN_SYNC, SyncStateChoices.DISABLED,
)

# What the glance never needs: secrets, and texts of any length.
DEFERRED = ('kubernetes_token', 'kubeconfig', 'kubernetes_ca_cert', 'comments', 'last_report', 'custom_field_data')


@dataclass(slots=True)
class Glance:
    """One fabric. `since` is when its trouble was first told, `silent` the agents silent at the last reading, and
    `unhealthy` the number of switches that are critical or have a warning.
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
        """Whether it is stale, or failing: also while the run is at work that may put an end to it."""
        return self.state == SyncStateChoices.STALE or (
            self.state != SyncStateChoices.DISABLED and self.fabric.is_failing
        )

    @property
    def never_read(self) -> bool:
        """Whether nothing is known of a fabric that may be read, whatever is under way."""
        return self.state != SyncStateChoices.DISABLED and self.fabric.last_sync is None

    @property
    def inventory_error(self) -> str:
        """Why NetBox's objects were not brought in line; '' where they were, or where there is no inventory."""
        return self.fabric.inventory_error if self.fabric.inventory_enabled else ''

    @property
    def unconfirmed(self) -> int:
        """How many changes wait for a person to confirm them."""
        held = self.fabric.inventory_held if self.fabric.inventory_enabled else None
        return (held or {}).get('count', 0)

    @property
    def needs_a_look(self) -> bool:
        return bool(
            self.troubled or self.never_read or self.inventory_error or self.unconfirmed
            or self.silent or self.unhealthy or self.discrepancies or self.missing
        )

    @property
    def freshness(self) -> float:
        """How much of the time after which the fabric counts as stale has passed: 0 just read, 1 and more stale."""
        if self.fabric.last_sync is None:
            return 1.0
        return (datetime.now(UTC) - self.fabric.last_sync).total_seconds() / self.fabric.grace

    @property
    def late(self) -> bool:
        """Whether a success has not come in the interval; runs that take their time are given half of one more."""
        return self.fabric.is_scheduled and self.freshness * self.fabric.grace > 1.5 * self.fabric.sync_interval


def glances(
    fabrics: QuerySet[Fabric], *, resources: QuerySet[FabricResource] | None = None,
    discrepancies: QuerySet[Discrepancy] | None = None, switches: QuerySet[SwitchHealth] | None = None,
    redis: bool = True,
) -> list[Glance]:
    """Every one of these fabrics, those that somebody must look at first.

    Takes the fabrics, and which resources, discrepancies and switches the asker may know of, None for all; `redis` is
    whether to ask Redis for the next runs. Six SQL statements and one round trip to Redis, however many fabrics there
    are; one less for all switches, whose health is not counted then.
    """
    found = {fabric.pk: Glance(fabric, fabric.sync_state) for fabric in fabrics.defer(*DEFERRED).order_by('name')}
    conditions = FabricCondition.objects.filter(fabric__in=found, subject__in=(SYNC, FRESHNESS, AGENTS))
    for condition in conditions.exclude(value=''):
        glance = found[condition.fabric_id]
        if condition.subject == AGENTS:
            glance.silent = names_of(condition.value)
        elif glance.troubled and (condition.subject == FRESHNESS) == (glance.state == SyncStateChoices.STALE):
            glance.since = condition.since
    if switches is not None:
        _leave_silent(found, switches)
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
            pass  # the page's banner says so
    return sorted(found.values(), key=lambda glance: (
        not glance.needs_a_look, GRAVITY.index(glance.state), not glance.silent, glance.fabric.name,
    ))


def _leave_silent(found: dict[int, Glance], switches: QuerySet[SwitchHealth]) -> None:
    """Leave of the silent agents those of these switches."""
    names = {name for glance in found.values() for name in glance.silent}
    known = set(switches.filter(fabric__in=found, name__in=names).order_by().values_list('fabric', 'name'))
    for pk, glance in found.items():
        glance.silent = [name for name in glance.silent if (pk, name) in known]


def _counts(rows: QuerySet) -> Iterable[tuple[int, int]]:
    return rows.order_by().values_list('fabric').annotate(count=Count('pk')).values_list('fabric', 'count')


def states(found: Iterable[Glance]) -> list[tuple[str, str, str, int]]:
    """How many fabrics are in each state: value, label, colour and number, the gravest first, none that is empty."""
    counts, labels = Counter(glance.state for glance in found), dict(SyncStateChoices)
    return [
        (state, labels[state], SyncStateChoices.colors[state], counts[state]) for state in GRAVITY if counts[state]
    ]
