"""Derive the health of a fabric's switches and gateways from the mirror, and store it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from ..hedgehog.connections import read_connection, wired_ports
from ..hedgehog.kinds import KIND_BY_NAME
from ..hedgehog.manifest import mapping, text
from ..hedgehog.switch_health import HealthIssue, MirroredAgent, assess, confirmed_at
from ..hedgehog.switch_ports import PortNames
from ..hedgehog.switches import group
from ..models import Fabric, FabricResource, KindSync, SwitchHealth
from .apply import lock_mirror, mark_seen
from .topology import outside_filter

__all__ = ('AGENTS', 'health_is_due', 'mark_recorded', 'record_health')

BATCH = 1000
AT_A_TIME = 50

# The resource that reports the state, and the one it reports on.
AGENTS = {'Agent': 'Switch', 'GatewayAgent': 'Gateway'}

# The kinds that health is derived from, and the name under which KindSync has when it was last recorded.
SOURCES = ('Connection', 'SwitchProfile', *AGENTS, *AGENTS.values())
RECORDED = 'SwitchHealth'

_FIELDS = tuple(
    field.name for field in SwitchHealth._meta.concrete_fields if not field.primary_key and field.name != 'resource'
)


def health_is_due(fabric: Fabric, written: Mapping[str, int], now: datetime, settled: float) -> bool:
    """Return whether a sync that wrote this many rows of each kind must record the health of switches and gateways.

    It must too if a watch wrote such rows since the last time: to the sync they are unchanged. If none of their
    resources changed, an agent may still have become unresponsive: that is checked once in `settled` seconds, because
    healthy agents report as often. Two statements at most.
    """
    if any(written.get(kind) for kind in SOURCES):
        return True
    last = KindSync.objects.filter(fabric=fabric, kind=RECORDED).values_list('last_read', flat=True).first()
    if last is None or now - last >= timedelta(seconds=settled):
        return True
    changed = Q(last_read__gt=last) | Q(missing_since__gt=last)
    return FabricResource.objects.filter(changed, fabric=fabric, kind__in=SOURCES).exists()


def mark_recorded(fabric: Fabric, started: datetime) -> None:
    """Store that health was recorded by the sync that started then. What changed since may not be in it."""
    mark_seen(fabric, [RECORDED], started)


def record_health(fabric: Fabric, settled: float = 0) -> int:
    """Record the health of each switch and gateway, from the mirror.

    Takes the fabric, and for how many seconds a stored volatile status was kept (see Listing). Returns the number of
    rows. Six statements, and one per batch of 1,000 rows; without signals, so that no heartbeat reaches the change
    log. Idempotent: the result depends on the mirror alone.
    """
    resources = FabricResource.objects.filter(fabric=fabric)
    if fabric.topology_filter:
        others = Q(missing_since__isnull=False) & outside_filter(fabric)
        resources = resources.exclude(others)
        SwitchHealth.objects.filter(resource__in=FabricResource.objects.filter(others, fabric=fabric)).delete()
    nodes = resources.filter(kind__in=AGENTS.values()).only('kind', 'name', 'spec', 'last_read', 'missing_since')
    waiting = {(node.kind, node.name): node for node in nodes}
    profiles = resources.filter(kind='SwitchProfile').values_list('kind', 'name', 'spec')
    port_names = PortNames([*profiles, *((node.kind, node.name, node.spec) for node in waiting.values())])
    connections = resources.filter(kind='Connection', missing_since=None).values_list('name', 'spec')
    wired = wired_ports(
        read_connection(name, spec, port_names) for name, spec in connections.iterator(chunk_size=BATCH)
    )
    agents = resources.filter(kind__in=AGENTS).only(
        'kind', 'name', 'generation', 'status', 'last_read', 'missing_since', 'fabric',
    )
    rows = []
    # A few at a time: the status of an Agent has tens of kilobytes, and ten times that as objects.
    for agent in agents.iterator(chunk_size=AT_A_TIME):
        if node := waiting.pop((AGENTS[agent.kind], agent.name), None):
            rows.append(_row(fabric, node, agent, wired, settled))
    rows += [_row(fabric, node, None, wired, settled) for node in waiting.values()]
    with transaction.atomic():
        lock_mirror(fabric)
        here = set(nodes.values_list('pk', flat=True))
        SwitchHealth.objects.bulk_create(
            (row for row in rows if row.resource_id in here), batch_size=BATCH, update_conflicts=True,
            unique_fields=('resource',), update_fields=_FIELDS,
        )
    return len(rows)


def _row(
    fabric: Fabric, node: FabricResource, agent: FabricResource | None, wired: dict[str, dict[str, str]],
    settled: float,
) -> SwitchHealth:
    mirrored = agent and MirroredAgent(
        kind=agent.kind, generation=agent.generation, status=mapping(agent.status),
        read_at=confirmed_at(agent.last_read, agent.last_seen, settled),
        missing=agent.missing_since is not None,
    )
    health = assess(mirrored or None, wired.get(node.name, {}) if node.kind == 'Switch' else {})
    if node.missing_since is not None:
        since = f'{node.missing_since:%Y-%m-%d %H:%M:%S}'
        health.findings.append(HealthIssue(
            'missing', 'unknown',
            f'{KIND_BY_NAME[node.kind].title} {node.name} has been missing from the cluster since {since} UTC.',
        ))
        if health.level == 'ok':
            health.level = 'unknown'
    columns = asdict(health) | {'findings': health.stored_findings()}
    return SwitchHealth(
        fabric=fabric, resource=node, agent_id=agent and agent.pk, kind=node.kind, name=node.name,
        read_at=mirrored.read_at if mirrored else confirmed_at(node.last_read, node.last_seen, 0),
        generation=agent.generation if agent else None,
        **dict(_place(node)), **columns,
    )


def _place(node: FabricResource) -> Iterator[tuple[str, Any]]:
    """Yield role and group of a switch, or group of a gateway, as in its spec."""
    spec = mapping(node.spec)
    yield 'role', (text(spec.get('role')) or node.kind.lower())[:100]
    yield 'group', group(spec)[:253]
