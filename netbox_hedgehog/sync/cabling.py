"""Check the cabling of a fabric from the mirror, and store the result."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from ..choices import CablingStateChoices
from ..hedgehog.cabling import STATES, LinkCheck, check_cabling, declared_places
from ..hedgehog.connections import Connection
from ..hedgehog.lldp import Directory, SwitchReport, leased_hosts
from ..hedgehog.manifest import mapping, text
from ..hedgehog.switch_ports import PortNames
from ..models import CablingCheck, Fabric, FabricResource

__all__ = ('CablingInput', 'miscabled_links', 'store_checks', 'unknown_links')

BATCH = 1000

_UPDATED = (
    'resource', 'connection', 'switch', 'port', 'peer', 'peer_port', 'seen', 'seen_by_peer', 'reported_state',
    'is_issue', 'rank', 'sentence', 'hint', 'since', 'read_at',
)
# A check is the same as long as these are.
_COMPARED = tuple(name for name in _UPDATED if name not in ('since', 'read_at'))
# What may change without a new “since”.
_LASTING = ('reported_state', 'seen', 'seen_by_peer')


@dataclass(slots=True)
class CablingInput:
    """What the check takes, as record_health() collects it while it reads the mirror."""

    connections: list[Connection]
    names: PortNames
    nodes: Iterable[FabricResource]
    reports: dict[str, SwitchReport] = field(default_factory=dict)

    def check(self, resources: QuerySet[FabricResource]) -> list[LinkCheck]:
        """Return the state of each link of a fabric with these resources. Two SQL statements."""
        places = list(declared_places(self.connections))
        switches = {node.name for node in self.nodes}
        servers = resources.filter(kind='Server', missing_since=None).values_list('name', flat=True)
        devices = dict.fromkeys([*servers, *switches, *(place.device for place in places)])
        macs: dict[str, str] = {}
        for node in self.nodes:
            if mac := text(mapping(mapping(node.spec).get('boot')).get('mac')).lower():
                macs[mac] = node.name
        for status in resources.filter(kind='DHCPSubnet', missing_since=None).values_list('status', flat=True):
            macs |= leased_hosts(status)
        directory = Directory(devices, self.names, places, macs)
        directory.add_macs(self.reports.values())
        return check_cabling(self.connections, self.reports, directory, self.names)


def store_checks(
    fabric: Fabric, checks: Iterable[LinkCheck], resources: Mapping[tuple[str, str], int], read_at: datetime,
) -> None:
    """Store the checks of a fabric in place of those that are stored.

    Takes the resources that exist by kind and name, and the time for checks that follow from no report. Called in a
    transaction that has locked the mirror. Four SQL statements, one per batch, and one per time of a report.
    """
    rows: dict[str, CablingCheck] = {}
    for check in checks:
        row = _row(fabric, check, resources, check.read_at or read_at)
        if row is not None:
            rows[row.key] = row
    stored = {row.key: row for row in CablingCheck.objects.filter(fabric=fabric)}
    for key, row in rows.items():
        before = stored.get(key)
        if before is not None and all(getattr(row, name) == getattr(before, name) for name in _LASTING):
            row.since = before.since
    changed = [row for key, row in rows.items() if key not in stored or _differs(row, stored[key])]
    CablingCheck.objects.filter(pk__in=[row.pk for key, row in stored.items() if key not in rows]).delete()
    CablingCheck.objects.bulk_create(
        changed, batch_size=BATCH, update_conflicts=True, unique_fields=('fabric', 'key'), update_fields=_UPDATED,
    )
    refreshed: dict[datetime, list[int]] = {}
    unchanged = rows.keys() & stored.keys() - {row.key for row in changed}
    for key in unchanged:
        if rows[key].read_at != stored[key].read_at:
            refreshed.setdefault(rows[key].read_at, []).append(stored[key].pk)
    for moment, pks in refreshed.items():
        CablingCheck.objects.filter(pk__in=pks).update(read_at=moment)


def _differs(row: CablingCheck, other: CablingCheck) -> bool:
    same = row.resource_id == other.resource_id
    return not same or any(getattr(row, name) != getattr(other, name) for name in _COMPARED if name != 'resource')


def _row(
    fabric: Fabric, check: LinkCheck, resources: Mapping[tuple[str, str], int], read_at: datetime,
) -> CablingCheck | None:
    owner = ('Connection', check.connection) if check.connection else ('Switch', check.end.device)
    pk = resources.get(owner)
    if pk is None:
        return None
    peer = check.peer
    names = (check.connection, check.end.device, check.end.port, *((peer.device, peer.port) if peer else ()))
    return CablingCheck(
        fabric=fabric, resource_id=pk, key=hashlib.sha256('\n'.join(names).encode()).hexdigest(),
        connection=check.connection, switch=check.end.device[:253], port=check.end.port[:253],
        peer=peer.device[:253] if peer else '', peer_port=peer.port[:253] if peer else '',
        seen=check.seen, seen_by_peer=check.seen_by_peer, reported_state=check.state, is_issue=check.is_issue,
        rank=STATES.index(check.state) + (0 if check.is_issue else len(STATES)),
        sentence=check.sentence, hint=check.hint, since=read_at, read_at=read_at,
    )


def miscabled_links(fabric: Fabric) -> list[str]:
    """Return the links of a fabric that have the wrong neighbor, as they are displayed."""
    return sorted(map(str, CablingCheck.objects.filter(fabric=fabric).miscabled()))


def unknown_links(fabric: Fabric) -> set[str]:
    """Return the links of a fabric whose state is not known."""
    unknown = CablingCheck.objects.filter(fabric=fabric, reported_state=CablingStateChoices.UNKNOWN)
    return set(map(str, unknown))
