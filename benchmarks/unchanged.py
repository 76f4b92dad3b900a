"""What an inventory costs when nothing has changed, and after one change, beside the mirror's own sync."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .memory import Served
from .reconcile import resources
from .world import Manifest, Result, fabric_of, interleaved, write_jsonl

NOTHING_NEW, ONE_CHANGE = 1.5, 3.0
STATEMENTS = 9


def results(switches: int, servers: int, vpcs: int, rounds: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(folder / 'objects.jsonl', manifests(switches, servers, vpcs))
        api = Served(folder)
        try:
            return measured(api, rounds)
        finally:
            api.process.stop()


def measured(api: Any, rounds: int) -> list[Result]:
    from dcim.models import Site
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from netbox_hedgehog.jobs.worker import warm_up
    from netbox_hedgehog.models import FabricResource, InventoryLink
    from netbox_hedgehog.sync.run import sync_fabric

    warm_up()
    site = Site.objects.get_or_create(name='DC', slug='dc')[0]
    fabric = fabric_of(api, 'unchanged', inventory_enabled=True, inventory_auto_apply=True, inventory_site=site)
    fabric.kubernetes_token = api.token
    fabric.save()
    found: dict[str, Any] = {}

    def mirror() -> None:
        found['mirror'] = sync_fabric(fabric)
        assert found['mirror'].outcome == 'in_sync', found['mirror'].error

    def both() -> None:
        mirror()
        found['inventory'] = inventory(fabric)

    def at_rest() -> None:
        while not inventory(fabric)['unchanged_since']:
            pass

    def change() -> None:
        """As if a sync had found another VLAN in one subnet."""
        row = FabricResource.objects.filter(fabric=fabric, kind='VPC').order_by('name')[0]
        subnet = row.spec['subnets']['web']
        subnet['vlan'] = 2999 - subnet['vlan'] % 2
        FabricResource.objects.filter(pk=row.pk).update(spec=row.spec)

    def after_a_change() -> None:
        change()
        both()

    mirror()
    at_rest()
    with CaptureQueriesContext(connection) as statements:
        assert inventory(fabric)['unchanged_since']
    seconds = interleaved(rounds, {'mirror': (at_rest, mirror), 'nothing new': (at_rest, both)})
    assert found['inventory']['unchanged_since']
    seconds |= interleaved(max(1, rounds // 4), {'one change': (at_rest, after_a_change)})
    assert found['inventory']['unchanged_since'] is None
    objects = InventoryLink.objects.filter(fabric=fabric).count()
    alone, still, changed = seconds['mirror'], seconds['nothing new'], seconds['one change']
    return [
        Result(
            f'sync of {found["mirror"].total("read")} resources without inventory, nothing new',
            f'{alone:.2f} s, the measure',
        ),
        ratio(f'the same with an inventory of {objects} objects', still / alone, NOTHING_NEW, still),
        Result(
            'SQL statements more', f'{len(statements)}, whatever the size', f'at most {STATEMENTS}',
            len(statements) <= STATEMENTS,
        ),
        ratio('one change of a VLAN, of the sync with nothing new', changed / still, ONE_CHANGE, changed),
    ]


def inventory(fabric: Any) -> dict[str, Any]:
    """The inventory's part of a scheduled sync."""
    from netbox_hedgehog.jobs.inventory import reconcile_and_report

    fabric.refresh_from_db()
    report, failed = reconcile_and_report(fabric, only_if_changed=True)
    assert not failed, report['error']
    return report


def ratio(what: str, times: float, goal: float, seconds: float) -> Result:
    return Result(what, f'{times:.2f} times ({seconds:.2f} s)', f'at most {goal:g} times', times <= goal)


def manifests(switches: int, servers: int, vpcs: int) -> Iterator[Manifest]:
    """The resources of the reconcile's benchmark, as a cluster has them."""
    from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME

    for kind, name, spec in resources(switches, servers, vpcs):
        yield {
            'apiVersion': KIND_BY_NAME[kind].api_version, 'kind': kind,
            'metadata': {'name': name, 'namespace': 'default'}, 'spec': spec,
        }
