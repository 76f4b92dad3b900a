"""What Prometheus gets; and that the dashboard and the alerts ask for nothing else."""

import json
import re
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from netbox_hedgehog import events
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.monitoring import metrics
from netbox_hedgehog.monitoring.metrics import HedgehogCollector, exposition
from netbox_hedgehog.monitoring.service_health import worker_health

from ...support.jobs import make_job
from ...support.pages import TOKEN, ago, all_alive, make_fabric, make_resource, redis_down

DOCS = Path(__file__).parents[3] / 'docs'
NAME = re.compile(r'netbox_hedgehog_\w+')

pytestmark = pytest.mark.django_db


def samples(text: str = '') -> dict[tuple[str, ...], float]:
    """Each sample by its name, without the prefix, and the values of its labels."""
    return {
        (sample.name.removeprefix('netbox_hedgehog_'), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text or exposition()) for sample in family.samples
    }


@pytest.fixture
def fabrics() -> list[Fabric]:
    report = {'seconds': 1.5, 'read': 64, 'created': 3, 'updated': 2, 'missing': 1}
    well = make_fabric('well', sync_status='in_sync', last_sync=ago(seconds=60), last_attempt=ago(seconds=60), last_report=report)
    make_resource(well, 'Server', missing_since=ago(hours=1))
    events.notify_agents(well.pk, ['leaf-1', 'leaf-2'])
    stale = make_fabric('stale', sync_status='in_sync', last_sync=ago(days=1), last_attempt=ago(days=1))
    new = make_fabric('new "quoted"', sync_error='CANARY-error')
    return [well, stale, new]


def test_of_each_fabric(fabrics: list[Fabric]) -> None:
    all_alive()
    found = samples()
    assert found['up',] == 1
    assert (found['workers',], found['schedulers',], found['queue_jobs',], found['redis_up',]) == (1, 1, 0, 1)
    assert 60 <= found['fabric_last_success_age_seconds', 'well'] < 120
    assert {name: found[name, 'well'] for name in (
        'fabric_stale', 'fabric_failing', 'fabric_scheduled', 'fabric_interval_seconds',
        'fabric_last_sync_duration_seconds', 'fabric_last_sync_resources', 'fabric_missing_resources',
        'fabric_failed_syncs', 'fabric_agents_unresponsive', 'fabric_discrepancies',
    )} == {
        'fabric_stale': 0, 'fabric_failing': 0, 'fabric_scheduled': 1, 'fabric_interval_seconds': 300,
        'fabric_last_sync_duration_seconds': 1.5, 'fabric_last_sync_resources': 64, 'fabric_missing_resources': 1,
        'fabric_failed_syncs': 0, 'fabric_agents_unresponsive': 2, 'fabric_discrepancies': 0,
    }
    assert [found['fabric_last_sync_changes', change, 'well'] for change in ('created', 'updated', 'missing')] == [3, 2, 1]
    assert (found['fabric_stale', 'stale'], found['fabric_state', 'stale', 'stale']) == (1, 1)
    assert found['fabric_state', 'stale', 'in_sync'] == 0
    assert ('fabric_last_success_age_seconds', 'new "quoted"') not in found, 'what never was has no age'


def test_a_failing_one_fails_until_a_sync_has_gone_well() -> None:
    make_fabric('failing', sync_status='syncing', sync_error='401.', last_sync=ago(days=1), last_attempt=ago(seconds=1))
    found = samples()
    assert (found['fabric_failing', 'failing'], found['fabric_stale', 'failing']) == (1, 0)
    assert found['fabric_last_success_age_seconds', 'failing'] >= 86_400


def test_a_cancelled_sync_has_not_failed() -> None:
    fabric = make_fabric('cancelled')
    make_job(fabric, 'failed', data={'outcome': 'cancelled'})
    make_job(fabric, 'errored')
    assert samples()['fabric_failed_syncs', 'cancelled'] == 1
    assert worker_health().failed == 1


def test_no_secret_and_no_error_text(fabrics: list[Fabric]) -> None:
    text = exposition()
    assert 'CANARY' not in text
    assert TOKEN not in text


def test_a_scrape_notices_a_stale_fabric(fabrics: list[Fabric]) -> None:
    exposition()
    assert fabrics[1].events.filter(event_type='hedgehog_stale').count() == 1


def test_redis_away(fabrics: list[Fabric]) -> None:
    with redis_down():
        found = samples()
    assert (found['up',], found['redis_up',]) == (1, 0)
    assert ('workers',) not in found, 'nobody knows how many'
    assert found['fabric_stale', 'stale'] == 1


def test_database_away() -> None:
    with patch.object(metrics, 'worker_health', side_effect=OperationalError('gone')):
        found = samples()
    assert found['up',] == 0
    assert len(found) == 2


def test_the_number_of_queries_does_not_grow(fabrics: list[Fabric]) -> None:
    def queries() -> int:
        exposition()
        with CaptureQueriesContext(connection) as captured:
            exposition()
        return len(captured)

    few = queries()
    for number in range(40):
        make_fabric(f'f{number}', sync_status='in_sync', last_sync=ago(seconds=1))
    assert queries() == few
    assert few <= 16


def test_registering_asks_for_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        CollectorRegistry().register(HedgehogCollector())


def test_what_dashboard_and_alerts_ask_for_exists(fabrics: list[Fabric]) -> None:
    all_alive()
    exists = set(NAME.findall(exposition()))
    dashboard = json.loads((DOCS / 'monitoring' / 'grafana-dashboard.json').read_text())
    alerts = yaml.safe_load((DOCS / 'monitoring' / 'alerts.yaml').read_text())
    asked = [target['expr'] for panel in dashboard['panels'] for target in panel['targets']]
    asked += [variable['query']['query'] for variable in dashboard['templating']['list'] if variable['type'] == 'query']
    rules = [rule for group in alerts['groups'] for rule in group['rules']]
    asked += [rule['expr'] for rule in rules]
    for expression in asked:
        names = set(NAME.findall(expression))
        assert names, expression
        assert names <= exists, expression
        for opening, closing in ('()', '{}', '[]'):
            assert expression.count(opening) == expression.count(closing), expression
    for rule in rules:
        assert {'alert', 'expr', 'labels', 'annotations'} <= rule.keys()
        assert rule['annotations'].keys() == {'summary', 'description'}
    ids = [panel['id'] for panel in dashboard['panels']]
    assert len(ids) == len(set(ids))


def test_the_table_of_metrics_is_complete(fabrics: list[Fabric]) -> None:
    all_alive()
    text = (DOCS / 'monitoring.md').read_text()
    for name in set(NAME.findall(exposition())):
        assert f'`{name.removeprefix("netbox_hedgehog_")}`' in text, name
