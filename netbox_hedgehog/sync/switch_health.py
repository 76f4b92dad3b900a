"""Derive the health of a fabric's switches and gateways from the mirror, and store it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..hedgehog.cabling import WRONG_NEIGHBOR, LinkCheck
from ..hedgehog.connections import read_connection, wired_ports
from ..hedgehog.kinds import KIND_BY_NAME
from ..hedgehog.lldp import SwitchReport, read_ports
from ..hedgehog.manifest import mapping, text
from ..hedgehog.switch_health import (
    UNKNOWN,
    WARNING,
    AgentHealth,
    HealthIssue,
    MirroredAgent,
    assess,
    confirmed_at,
)
from ..hedgehog.switch_ports import PortNames
from ..hedgehog.switches import group
from ..models import Fabric, FabricResource, KindSync, SwitchHealth
from .apply import lock_mirror, mark_seen
from .cabling import CablingInput, store_checks
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


@dataclass(slots=True)
class _Judged:
    """A switch or gateway with its agent and what that means. It does not hold the agent's status, which is large."""

    node: FabricResource
    health: AgentHealth
    read_at: datetime
    agent_pk: int | None = None
    generation: int | None = None


def record_health(fabric: Fabric, settled: float = 0) -> int:
    """Record the health of each switch and gateway, and the state of each link, from the mirror.

    Takes the fabric, and for how many seconds a stored volatile status was kept (see Listing). Returns the number of
    switches and gateways. The number of statements depends on the number of batches of 1,000 rows alone; no signals,
    so that no heartbeat reaches the change log. Idempotent: the result depends on the mirror alone.
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
    declared = resources.filter(kind='Connection', missing_since=None).values_list('name', 'spec')
    connections = [
        read_connection(name, spec, port_names) for name, spec in declared.iterator(chunk_size=BATCH)
    ]
    wired = wired_ports(connections)
    cabling = CablingInput(connections, port_names, list(waiting.values()))
    agents = resources.filter(kind__in=AGENTS).only(
        'kind', 'name', 'generation', 'status', 'last_read', 'missing_since', 'fabric',
    )
    judged = []
    # A few at a time: the status of an Agent has tens of kilobytes, and ten times that as objects.
    for agent in agents.iterator(chunk_size=AT_A_TIME):
        if node := waiting.pop((AGENTS[agent.kind], agent.name), None):
            judged.append(found := _judge(node, agent, wired, settled))
            if node.kind == 'Switch':
                trusted = found.health.is_responsive and node.missing_since is None
                cabling.reports[node.name] = SwitchReport(
                    node.name, found.read_at, trusted, read_ports(agent.status),
                )
    judged += [_judge(node, None, wired, settled) for node in waiting.values()]
    checks = cabling.check(resources)
    _add_cabling(judged, checks)
    with transaction.atomic():
        lock_mirror(fabric)
        # Those that are missing first, so that a recreated one of the same name takes their place.
        present = resources.filter(kind__in=(*AGENTS.values(), 'Connection')).order_by('missing_since')
        identities = list(present.values_list('kind', 'name', 'pk'))
        stored = {(kind, name): pk for kind, name, pk in identities}
        pks = {pk for _, _, pk in identities}
        SwitchHealth.objects.bulk_create(
            (_row(fabric, found) for found in judged if found.node.pk in pks), batch_size=BATCH,
            update_conflicts=True, unique_fields=('resource',), update_fields=_FIELDS,
        )
        read = [found.read_at for found in judged]
        store_checks(fabric, checks, stored, min(read, default=timezone.now()))
    return len(judged)


def _judge(
    node: FabricResource, agent: FabricResource | None, wired: dict[str, dict[str, str]], settled: float,
) -> _Judged:
    mirrored = agent and MirroredAgent(
        kind=agent.kind, generation=agent.generation, status=mapping(agent.status),
        read_at=confirmed_at(agent.last_read, agent.last_seen, settled),
        missing=agent.missing_since is not None,
    )
    health = assess(mirrored or None, wired.get(node.name, {}) if node.kind == 'Switch' else {})
    if node.missing_since is not None:
        since = f'{node.missing_since:%Y-%m-%d %H:%M:%S}'
        health.add(HealthIssue(
            'missing', UNKNOWN,
            f'{KIND_BY_NAME[node.kind].title} {node.name} has been missing from the cluster since {since} UTC.',
        ))
    read_at = mirrored.read_at if mirrored else confirmed_at(node.last_read, node.last_seen, 0)
    return _Judged(node, health, read_at, agent.pk if agent else None, agent.generation if agent else None)


def _add_cabling(judged: list[_Judged], checks: list[LinkCheck]) -> None:
    """Add the issues of links to the health of the switches at their ends."""
    health = {found.node.name: found.health for found in judged if found.node.kind == 'Switch'}
    for check in checks:
        if not check.is_issue:
            continue
        code = 'miscabled' if check.state == WRONG_NEIGHBOR else 'no_neighbor'
        for device in dict.fromkeys(place.device for place in (check.end, check.peer) if place):
            if device in health:
                health[device].add(HealthIssue(code, WARNING, check.explanation))
                health[device].cabling_issues += 1


def _row(fabric: Fabric, found: _Judged) -> SwitchHealth:
    columns = asdict(found.health) | {'findings': found.health.stored_findings()}
    return SwitchHealth(
        fabric=fabric, resource=found.node, agent_id=found.agent_pk, kind=found.node.kind, name=found.node.name,
        read_at=found.read_at, generation=found.generation, **dict(_place(found.node)), **columns,
    )


def _place(node: FabricResource) -> Iterator[tuple[str, Any]]:
    """Yield role and group of a switch, or group of a gateway, as in its spec."""
    spec = mapping(node.spec)
    yield 'role', (text(spec.get('role')) or node.kind.lower())[:100]
    yield 'group', group(spec)[:253]
