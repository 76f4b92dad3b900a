"""Provide Prometheus metrics on NetBox's /metrics, from the database and Redis at each scrape.

NetBox serves /metrics if METRICS_ENABLED is set. If PROMETHEUS_MULTIPROC_DIR is set, django-prometheus serves only what
processes have written to that directory, and drops collectors like this one: then `hedgehog_sync metrics` prints the
same for the textfile collector of node_exporter.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import Count
from django.utils import timezone
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..choices import CablingStateChoices, SyncStateChoices
from ..jobs.recovery import failed_syncs
from ..models import Fabric
from .cabling import links_by_state
from .overview import FabricSummary, fabric_summaries
from .service_health import ServiceHealth, worker_health

__all__ = ('HedgehogCollector', 'exposition', 'register')

logger = logging.getLogger(__name__)

PREFIX = 'netbox_hedgehog_'

# Gauges of each fabric: name and help text.
FABRIC_GAUGES = {
    'fabric_scheduled': 'Whether scheduled syncs are enabled.',
    'fabric_interval_seconds': 'Seconds between two scheduled syncs.',
    'fabric_last_success_timestamp_seconds': 'Start of the last full sync; absent before the first.',
    'fabric_last_attempt_timestamp_seconds': 'Start of the last sync, whatever its result; absent before the first.',
    'fabric_last_success_age_seconds': 'Age of the data in NetBox; absent before the first full sync.',
    'fabric_stale': 'Whether a sync is overdue.',
    'fabric_failing': 'Whether the last sync failed or was partial.',
    'fabric_last_sync_duration_seconds': 'Duration of the last sync that wrote a report.',
    'fabric_last_sync_resources': 'Resources read by the last sync.',
    'fabric_missing_resources': 'Resources in NetBox that the last complete list did not contain.',
    'fabric_failed_syncs': 'Syncs that failed in the last day.',
    'fabric_agents_unresponsive': 'Agents whose heartbeat was more than a minute old at their last sync.',
    'fabric_discrepancies': 'Open discrepancies between NetBox and the fabric.',
}
CHANGES = ('created', 'updated', 'missing')


class HedgehogCollector(Collector):
    """Collect all metrics at each scrape, with a constant number of SQL statements."""

    def describe(self) -> Iterable[Any]:
        return ()  # otherwise the registry would collect at startup

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics. If the database cannot be reached, only `up` 0 and the duration: /metrics still works."""
        clock, families = time.monotonic(), []
        try:
            health = worker_health()
            families = [*_plugin(health), *_fabrics()]
        except DatabaseError as error:
            logger.warning('No metrics of fabrics: %s', (str(error).splitlines() or [''])[0])
        yield _gauge('up', 'Whether the plugin’s metrics could be read from the database.', bool(families))
        yield _gauge('scrape_duration_seconds', 'Duration of collecting these metrics.', time.monotonic() - clock)
        yield from families


def register() -> None:
    """Add the collector to NetBox's registry, if NetBox serves metrics."""
    if settings.METRICS_ENABLED:
        REGISTRY.register(HedgehogCollector())


def exposition() -> str:
    """Return the plugin's metrics alone, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(HedgehogCollector())
    return generate_latest(registry).decode()


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, value=float(value))


def _plugin(health: ServiceHealth) -> Iterator[GaugeMetricFamily]:
    yield _gauge('redis_up', 'Whether the Redis of NetBox’s tasks responds.', health.redis)
    if health.redis:
        yield _gauge('workers', 'Workers that serve the plugin’s queue.', len(health.workers))
        yield _gauge('schedulers', 'Running schedulers.', len(health.schedulers))
        yield _gauge('queue_jobs', 'Syncs in the queue.', health.waiting)
    yield _gauge('syncs_running', 'Running syncs.', health.running)


def _fabrics() -> Iterator[GaugeMetricFamily]:
    found = fabric_summaries(Fabric.objects.all(), redis=False)
    reports = {
        pk: values for pk, *values in Fabric.objects.values_list(
            'pk', 'last_report__seconds', 'last_report__read', *(f'last_report__{change}' for change in CHANGES),
        )
    }
    failed = dict(
        failed_syncs().order_by().values_list('object_id').annotate(count=Count('pk')).values_list('object_id', 'count')
    )
    gauges = {
        name: GaugeMetricFamily(PREFIX + name, text, labels=['fabric']) for name, text in FABRIC_GAUGES.items()
    }
    state = GaugeMetricFamily(
        f'{PREFIX}fabric_state', 'State of the fabric: 1 for the current one.', labels=['fabric', 'state'],
    )
    changes = GaugeMetricFamily(
        f'{PREFIX}fabric_last_sync_changes', 'Changes made by the last sync.', labels=['fabric', 'change'],
    )
    cabling = GaugeMetricFamily(
        f'{PREFIX}fabric_cabling_links', 'Links, and neighbors that are not declared, by state of the cabling check.',
        labels=['fabric', 'state'],
    )
    links = links_by_state()
    for summary in found:
        name = summary.fabric.name
        seconds, read, *changed = reports.get(summary.fabric.pk) or [None] * 5
        for gauge, value in _values(summary, seconds, read, failed.get(summary.fabric.pk, 0)).items():
            if value is not None:
                gauges[gauge].add_metric([name], float(value))
        for choice in SyncStateChoices.values():
            state.add_metric([name, choice], float(summary.state == choice))
        for cabling_state in CablingStateChoices.values():
            cabling.add_metric([name, cabling_state], float(links.get((summary.fabric.pk, cabling_state), 0)))
        for change, count in zip(CHANGES, changed, strict=True):
            if count is not None:
                changes.add_metric([name, change], float(count))
    yield from gauges.values()
    yield state
    yield changes
    yield cabling


def _values(summary: FabricSummary, seconds: float | None, read: int | None, failed: int) -> dict[str, Any]:
    fabric = summary.fabric
    return {
        'fabric_scheduled': fabric.is_scheduled,
        'fabric_interval_seconds': fabric.sync_interval,
        'fabric_last_success_timestamp_seconds': _timestamp(fabric.last_sync),
        'fabric_last_attempt_timestamp_seconds': _timestamp(fabric.last_attempt),
        'fabric_last_success_age_seconds': (
            (timezone.now() - fabric.last_sync).total_seconds() if fabric.last_sync else None
        ),
        'fabric_stale': summary.state == SyncStateChoices.STALE,
        'fabric_failing': fabric.may_sync and fabric.is_failing,
        'fabric_last_sync_duration_seconds': seconds,
        'fabric_last_sync_resources': read,
        'fabric_missing_resources': summary.missing,
        'fabric_failed_syncs': failed,
        'fabric_agents_unresponsive': len(summary.unresponsive_agents),
        'fabric_discrepancies': summary.discrepancies,
    }


def _timestamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
