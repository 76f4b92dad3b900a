"""Many large fabrics in the database, as runs would have left them, without a cluster: for pages and their cost."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from demo.kubernetes_api import load_objects

from .world import ROOT, Manifest, generated

__all__ = ('Population', 'populate')

DATA = ROOT / 'demo' / 'data'

# What switches that were made up are, and how many of its ports are used.
PROFILE, PORTS = 'acme-l4808', 48

# Of each fabric.
RUNS, DISCREPANCIES, EVENTS = 30, 20, 10


class Population:
    """What populate() has made so far; further calls of grow() add to it."""

    def __init__(self) -> None:
        self.fabrics: list[Any] = []

    def grow(self, fabrics: int, resources: int) -> None:
        """Bring it to so many fabrics, each with about so many resources of all kinds, the first ones included.

        The first fabric is written as a run writes, and its inventory is carried into NetBox; the mirrors of the
        others are copies of its, made by the database.
        """
        from dcim.models import Site
        from django.utils import timezone
        from extras.models import Tag

        from netbox_hedgehog.inventory.reconcile import reconcile
        from netbox_hedgehog.models import Fabric, InventoryRule

        now = timezone.now()
        site, _ = Site.objects.get_or_create(name='Population', slug='population')
        tag, _ = Tag.objects.get_or_create(name='Population', slug='population')
        new = Fabric.objects.bulk_create(
            Fabric(
                name=f'fabric-{number:03}', kubernetes_server='', sync_status='in_sync', last_sync=now,
                last_attempt=now, connection_status='connected', inventory_enabled=True, inventory_auto_apply=True,
                inventory_site=site, inventory_name_pattern=f'{number:03}-{{name}}',
            ) for number in range(len(self.fabrics), fabrics)
        )
        for fabric in new:
            fabric.tags.add(tag)
            # Few: people write them.
            for number in range(2):
                rule = InventoryRule.objects.create(
                    fabric=fabric, name=f'rule {number}', kinds=['Server'], label_selector='!none', site=site,
                )
                rule.object_tags.add(tag)
                rule.tags.add(tag)
        self.fabrics += new
        first, *others = self.fabrics
        _read(first, objects(resources), now)
        reconcile(first)
        for fabric in others:
            _copy(first, fabric)
        _trail(self.fabrics, now)


def populate(fabrics: int, resources: int) -> Population:
    population = Population()
    population.grow(fabrics, resources)
    return population


def objects(count: int) -> Iterator[Manifest]:
    """The demo's fabric, whose objects name each other, and about so many more beside it.

    Each further server hangs on a further switch; ports are used once, so that all of it can be carried.
    """
    named = load_objects(DATA)
    yield from named
    made, switches, servers = len(named), 0, 0
    for item in generated(max(0, count - len(named))):
        if item['kind'] == 'Switch':
            switches += 1
            item['spec'] |= {'role': 'server-leaf', 'profile': PROFILE, 'boot': {'serial': f'S{switches:06}'}}
            for address in ('ip', 'protocolIP', 'vtepIP', 'asn', 'redundancy'):
                item['spec'].pop(address, None)
        servers += item['kind'] == 'Server'
        if item['kind'] != 'Connection':
            made += 1
            yield item
    wired = min(servers, PORTS * switches)
    for number in range(wired):
        server, (port, switch) = f'server-{number:06}', divmod(number, switches)
        yield {
            'apiVersion': 'wiring.githedgehog.com/v1beta1', 'kind': 'Connection',
            'metadata': {'name': f'{server}--unbundled', 'namespace': 'default', 'generation': 1},
            'spec': {'unbundled': {'link': {
                'server': {'port': f'{server}/enp2s1'}, 'switch': {'port': f'switch-{switch:06}/E1/{port + 1}'},
            }}},
        }
    for number in range(made + wired, count):
        yield {
            'apiVersion': 'wiring.githedgehog.com/v1beta1', 'kind': 'Server',
            'metadata': {'name': f'spare-{number:06}', 'namespace': 'default', 'generation': 1}, 'spec': {},
        }


def _read(fabric: Any, manifests: Iterator[Manifest], now: datetime) -> None:
    from netbox_hedgehog.hedgehog.kinds import KINDS
    from netbox_hedgehog.sync.apply import apply, stored_rows
    from netbox_hedgehog.sync.compare import compare
    from netbox_hedgehog.sync.switch_health import record_health

    listed: dict[str, list[Manifest]] = {}
    for number, item in enumerate(manifests, 1):
        metadata = item['metadata'] | {'resourceVersion': str(number)}
        metadata.setdefault('uid', str(uuid.uuid5(uuid.NAMESPACE_URL, f'{item["kind"]}/{metadata["name"]}')))
        listed.setdefault(item['kind'], []).append({**item, 'metadata': metadata})
    for kind in KINDS:
        apply(fabric, kind, compare(kind, stored_rows(fabric, kind), listed.get(kind.name, [])), now)
    record_health(fabric)


def _copy(source: Any, fabric: Any) -> None:
    """Give a fabric what the mirror has of another and not of it."""
    from django.db import connection

    from netbox_hedgehog.hedgehog.kinds import KINDS
    from netbox_hedgehog.models import FabricResource, KindSync
    from netbox_hedgehog.sync.search import index_new
    from netbox_hedgehog.sync.switch_health import record_health

    with connection.cursor() as cursor:
        for model in (FabricResource, KindSync):
            columns = [field.column for field in model._meta.concrete_fields if field.name not in ('id', 'fabric')]
            names = ', '.join(f'"{column}"' for column in columns)
            cursor.execute(
                f'INSERT INTO {model._meta.db_table} (fabric_id, {names}) SELECT %s, {names} '
                f'FROM {model._meta.db_table} WHERE fabric_id = %s ON CONFLICT DO NOTHING', [fabric.pk, source.pk],
            )
    seen = dict(FabricResource.objects.filter(fabric=source).order_by('last_read').values_list('kind', 'last_read'))
    for kind in KINDS:
        if kind.name in seen:
            index_new(fabric, kind, seen[kind.name])
    record_health(fabric)


def _trail(fabrics: list[Any], now: datetime) -> None:
    """Runs, events and discrepancies of each fabric, as many anew at each call."""
    from core.models import Job, ObjectType

    from netbox_hedgehog.events import SYNC_FAILED
    from netbox_hedgehog.models import Discrepancy, Fabric, FabricEvent

    object_type = ObjectType.objects.get_for_model(Fabric)
    Job.objects.bulk_create(
        Job(
            object_type=object_type, object_id=fabric.pk, name='Fabric sync', status='completed', job_id=uuid.uuid4(),
            started=now - timedelta(minutes=number), completed=now - timedelta(minutes=number, seconds=-9),
            data={'outcome': 'in_sync', 'seconds': 9, 'read': 500, 'created': 1, 'updated': 2, 'missing': 0},
        ) for fabric in fabrics for number in range(RUNS)
    )
    FabricEvent.objects.bulk_create(
        FabricEvent(
            fabric=fabric, event_type=SYNC_FAILED.name, created=now, message='The run failed.', data={}, taken=now,
            dispatched=now,
        ) for fabric in fabrics for _ in range(EVENTS)
    )
    number = Discrepancy.objects.count()
    Discrepancy.objects.bulk_create(
        Discrepancy(
            fabric=fabric, type='unmatched', scope='devices', kind='Switch', name='leaf-01', since=now,
            last_seen=now, digest=str(number + index),
            sentence=f'Something that cannot be synced, number {number + index}.',
        ) for fabric in fabrics for index in range(DISCREPANCIES)
    )
