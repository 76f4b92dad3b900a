"""A fabric is read as its schedule does it, and what a user sees afterwards is looked at."""

from typing import Any

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync
from netbox_hedgehog.models import Fabric, FabricResource

from ..support.mirror_contents import FIELDS, expected

__all__ = ('assert_complete', 'assert_failed', 'assert_recovers', 'mirror', 'sync')

Rows = dict[tuple[str, str], dict[str, Any]]


def sync(fabric: Fabric) -> None:
    """One run, as a worker executes it."""
    execute_fabric_sync(fabric.pk)
    fabric.refresh_from_db()


def mirror(fabric: Fabric) -> Rows:
    """What stands in the mirror of each object, and since when it is missing."""
    rows = FabricResource.objects.filter(fabric=fabric).values(*FIELDS, 'missing_since')
    return {(row['kind'], row['name']): row for row in rows}


def assert_failed(fabric: Fabric, said: str, *, state: str = 'failed', reached: bool = True) -> None:
    """A run that says why it is none: the last success stays what it was, and nothing in the mirror moves."""
    before, last = mirror(fabric), fabric.last_sync
    sync(fabric)
    assert said in fabric.sync_error, fabric.sync_error
    assert (fabric.sync_status, fabric.sync_state) == (state, state)
    assert fabric.last_sync == last
    assert fabric.last_attempt > last
    assert fabric.connection_status == ('connected' if reached else 'failed')
    assert mirror(fabric) == before


def assert_complete(fabric: Fabric, api: KubernetesAPI) -> None:
    """A good run: the mirror is the cluster, object by object, and what is missing is what has gone."""
    sync(fabric)
    assert (fabric.sync_status, fabric.sync_error, fabric.connection_status) == ('in_sync', '', 'connected')
    assert_equal(fabric, api)


def assert_equal(fabric: Fabric, api: KubernetesAPI) -> None:
    rows = mirror(fabric)
    present = {key: row for key, row in rows.items() if row['missing_since'] is None}
    wanted = {(item['kind'], item['metadata']['name']): expected(item) | {'missing_since': None} for item in api.objects()}
    assert present == wanted


def assert_recovers(fabric: Fabric, api: KubernetesAPI) -> None:
    """What changed meanwhile is there after the next good run, and what has gone is missing, only that."""
    gone = [key for key, row in mirror(fabric).items() if row['missing_since'] is not None]
    assert gone == []
    assert_complete(fabric, api)
    gone = [key for key, row in mirror(fabric).items() if row['missing_since'] is not None]
    assert gone == [('Server', 'server-01')]
