"""Find an address, MAC address, name or number in all fabrics, and say in one line each what and where it is."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from ...accounts import AnyUser
from ...hedgehog.kinds import KIND_BY_NAME
from ...hedgehog.manifest import mapping, natural, shown, text
from ...hedgehog.places import SHORTEST, found_in
from ...hedgehog.sightings import Lease, PortSighting, read_leases, read_port_sightings, read_serials
from ...hedgehog.switch_health import confirmed_at
from ...hedgehog.terms import Term, TermError, read_term
from ...models import FabricResource
from ...sync.run import settled_seconds
from .answers import Answer, Found, Part, ago, linked
from .managed import managed_objects
from .mirror import CANDIDATES, Candidates, agents_with, look_up
from .names import describe
from .viewer import Viewer
from .wiring import Path, Wiring

__all__ = ('SHOWN', 'find')

# How many lines an answer has, unless the caller wants another number.
SHOWN = 25

# How many ports one line names.
PORTS_NAMED = 3

# The MAC addresses of leases of which the switch port is looked for.
MACS_LOCATED = 5

# The order of lines that match equally well.
NAME, LEASE, PORT, VALUE, DERIVED, MANAGED = range(6)


def find(user: AnyUser | None, entered: str, shown_lines: int = SHOWN) -> Found:
    """Return what a user may know of what was entered, exact matches first.

    None as the user is the command on the machine itself, which sees everything. Raises nothing for bad input: the
    result has a sentence then. The number of SQL statements is bounded, whatever NetBox holds.
    """
    try:
        term = read_term(entered)
    except TermError as error:
        return Found(entered, sentence=str(error))
    return _Search(Viewer(user), term, shown_lines).run()


class _Search:
    """One search: candidates, what they mean, where that is plugged in, and the lines."""

    def __init__(self, viewer: Viewer, term: Term, shown_lines: int) -> None:
        self.viewer, self.term, self.shown_lines = viewer, term, shown_lines
        self.settled = settled_seconds()
        self.wiring = Wiring(viewer)
        self.answers: list[Answer] = []
        self.leases: list[tuple[FabricResource, Lease]] = []
        self.ports: list[tuple[FabricResource, PortSighting]] = []
        # Where the MAC addresses of leases are seen: fabric, switch and port.
        self.seen_at: dict[tuple[int, str], tuple[int, str, str]] = {}
        # Servers that are called as a lease's host.
        self.servers: set[tuple[int, str]] = set()
        self.switches: dict[tuple[int, str], FabricResource] = {}

    def run(self) -> Found:
        candidates = look_up(self.viewer, self.term)
        uncounted = candidates.named_in_all - len(candidates.named)
        uncounted += self._read_leases(candidates)
        self._read_ports(candidates)
        self._locate(candidates)
        self.viewer.load_fabrics(row.fabric_id for row in (
            *candidates.named, *candidates.holding, *candidates.leasing, *candidates.agents,
        ))
        self._add_leases()
        self._add_ports()
        self._add_serials(candidates)
        self._add_values(candidates.holding)
        self._add_names(candidates.named)
        self._add_managed()
        answers = sorted(self.answers, key=lambda answer: answer.rank)
        found = Found(self.term.text, answers[:self.shown_lines])
        found.more = max(0, len(answers) - self.shown_lines) + uncounted
        found.is_more_unknown = candidates.is_cut
        if not answers:
            found.sentence = self._nothing()
        return found

    def _nothing(self) -> str:
        if not any((self.term.address, self.term.prefix, self.term.mac, self.term.numbers)) and (
            len(self.term.name) < SHORTEST
        ):
            return f'Enter at least {SHORTEST} characters.'
        return (
            f'Nothing found for “{self.term.text}”. It is not in what the fabrics that you may view had when they were '
            'last synced.'
        )

    # What the candidates mean

    def _read_leases(self, candidates: Candidates) -> int:
        """Read the leases, and return how many are not shown."""
        for row in candidates.leasing:
            self.leases += [(row, lease) for lease in read_leases(row.entries, self.term)]
        self.leases.sort(key=lambda pair: (pair[1].distance, pair[0].missing_since is not None, natural(pair[1].host)))
        hidden = len(self.leases) - self.shown_lines
        del self.leases[self.shown_lines:]
        return max(0, hidden)

    def _read_ports(self, candidates: Candidates) -> None:
        for row in candidates.agents:
            self.ports += [(row, sighting) for sighting in read_port_sightings(row.entries, self.term)]

    def _locate(self, candidates: Candidates) -> None:
        """Find the servers of leases and names, by host name and by where a MAC address is seen, and their wiring."""
        hosts = {(row.fabric_id, _short(lease.host)) for row, lease in self.leases if lease.host}
        servers = {(row.fabric_id, row.name) for row in candidates.named if row.kind == 'Server'}
        servers = {server for server in servers if server[1] == self.term.name}
        if hosts:
            self.servers = hosts & self._pages('Server', hosts).keys()
            servers |= self.servers
        self._see_macs(candidates.agents)
        subnets = {(row.fabric_id, path) for row, _ in self.leases if (path := _subnet(row))}
        # PostgreSQL refuses a path with thousands of conditions.
        shown_ports = self.ports[:CANDIDATES]
        ports = {*self.seen_at.values(), *((row.fabric_id, row.name, seen.port) for row, seen in shown_ports)}
        self.switches = self._pages('Switch', {(row.fabric_id, row.name) for row in candidates.agents})
        self.wiring.load(servers, subnets, ports)

    def _pages(self, kind: str, names: set[tuple[int, str]]) -> dict[tuple[int, str], FabricResource]:
        """Return the resources of a kind with these names, as far as needed to link to them."""
        if not names:
            return {}
        rows = self.viewer.resources().filter(
            kind=kind, missing_since=None, fabric__in={pk for pk, _ in names}, name__in={name for _, name in names},
        )
        found = {(row.fabric_id, row.name): row for row in rows.only('fabric', 'kind', 'name').order_by()}
        return {name: row for name, row in found.items() if name in names}

    def _switch(self, agent: FabricResource) -> Part:
        """Return the name of an agent's switch, with a link to its page."""
        return linked(self.switches.get((agent.fabric_id, agent.name), agent))

    def _see_macs(self, agents: Iterable[FabricResource]) -> None:
        """Find the ports on which agents see the MAC addresses of leases whose host name is no server's.

        Of leases that match exactly: each further address costs as much as all Agents take to read.
        """
        unknown = {
            lease.mac for row, lease in self.leases
            if lease.distance == 0 and (row.fabric_id, _short(lease.host)) not in self.servers
        }
        if unknown - {self.term.mac}:
            rows = agents_with(self.viewer, self.term, sorted(unknown)[:MACS_LOCATED])
            agents = rows.filter(missing_since=None)[:self.shown_lines] if rows is not None else ()
        for row in agents:
            for mac in unknown if row.missing_since is None else ():
                for sighting in read_port_sightings(row.entries, Term(mac, mac=mac)):
                    if not sighting.is_own:
                        self.seen_at[row.fabric_id, mac] = (row.fabric_id, row.name, sighting.port)

    # The lines

    def _add(self, row: FabricResource, what: str, parts: list[Part], **values: Any) -> None:
        self.answers.append(Answer(
            what, values.pop('subject', self.term.text), parts, fabric=self.viewer.fabric(row.fabric_id), kind=row.kind,
            name=row.name, resource_id=row.pk, deleted_since=row.missing_since,
            as_of=values.pop('as_of', row.last_seen or row.last_read), **values,
        ))

    def _reported_at(self, row: FabricResource) -> datetime:
        """Return when a status that changes by itself was last true."""
        return confirmed_at(row.last_read, row.last_seen, self.settled)

    def _add_leases(self) -> None:
        for row, lease in self.leases:
            subnet = _subnet(row)
            what, *rest = self._lease_words(lease)
            parts = [what, linked(row, subnet or row.name), *rest]
            paths = self._paths(row, lease, parts)
            self._add(
                row, 'lease', parts, distance=lease.distance, order=LEASE, objects=self.wiring.objects(paths),
                subject=str(lease.host) if lease.distance else self.term.text, as_of=self._reported_at(row),
            )

    def _lease_words(self, lease: Lease) -> Iterator[Part]:
        """Yield what a lease is, up to the subnet that it is in, and what comes after that."""
        host = f' (host {shown(lease.host)})' if lease.host else ''
        what = 'offer, not yet acknowledged,' if lease.is_offer else 'lease'
        if self.term.address:
            yield Part(f'{what} {"to" if lease.is_offer else "of"} {lease.mac}{host} in ')
        elif self.term.mac:
            yield Part(f'{what} of {lease.ip}{host} in ')
        else:
            yield Part(f'{what} of {lease.ip} to {lease.mac} in ')
        if lease.expiry is not None and lease.expiry < timezone.now():
            yield Part(f', expired {ago(lease.expiry)}')

    def _paths(self, row: FabricResource, lease: Lease, parts: list[Part]) -> list[Path]:
        """Return where the holder of a lease is plugged in, and add that to its line, with how it is known."""
        fabric, subnet = row.fabric_id, _subnet(row)
        server = _short(lease.host)
        if (fabric, server) in self.servers:
            paths = self.wiring.of_server(fabric, server, subnet)
            parts += [Part(', '), *self.wiring.words(paths)] if paths else []
            return paths
        if place := self.seen_at.get((fabric, lease.mac)):
            paths = self.wiring.of_port(*place)
            parts += [Part(', '), *self.wiring.words(paths)] if paths else [Part(f', at {place[1]} {place[2]}')]
            return paths
        count, paths = self.wiring.of_subnet(fabric, subnet)
        if paths:
            parts += [Part(', only attached: '), *self.wiring.words(paths)]
        elif count > 1:
            parts.append(Part(f', server not identified ({count} Connections attached)'))
        return paths

    def _add_ports(self) -> None:
        own: dict[int, tuple[FabricResource, list[str]]] = {}
        for row, seen in self.ports:
            if seen.is_own:
                own.setdefault(row.pk, (row, []))[1].append(seen.port)
                continue
            neighbor = ' '.join(filter(None, (shown(seen.neighbor), seen.neighbor_port and shown(seen.neighbor_port))))
            parts = [Part(f'LLDP neighbor {neighbor} on '), self._switch(row), Part(f' {seen.port}')]
            if paths := self.wiring.of_port(row.fabric_id, row.name, seen.port):
                parts += [Part(', declared: '), *self.wiring.words(paths)]
            self._add(row, 'neighbor', parts, order=PORT, objects=self.wiring.objects(paths),
                      as_of=self._reported_at(row))
        for row, ports in own.values():
            named = sorted(ports, key=natural)
            more = f' and {len(named) - PORTS_NAMED} more ports' if len(named) > PORTS_NAMED else ''
            parts = [Part('MAC address of '), self._switch(row), Part(f' {", ".join(named[:PORTS_NAMED])}{more}')]
            self._add(row, 'port', parts, order=PORT, as_of=self._reported_at(row))

    def _add_serials(self, candidates: Candidates) -> None:
        declared = {(row.fabric_id, row.name) for row in candidates.holding if row.kind == 'Switch'}
        for row in candidates.agents:
            reported = row.serials[0] if isinstance(row.serials, list) and row.serials else ''
            for seen in read_serials(reported, row.optics, self.term):
                if not seen.port and (row.fabric_id, row.name) in declared:
                    continue
                what = 'serial number of the transceiver in ' if seen.port else 'serial number, as reported, of switch '
                self._add(
                    row, 'serial', [Part(what), self._switch(row), Part(f' {seen.port}'.rstrip())],
                    distance=seen.distance, order=PORT, subject=seen.serial if seen.distance else self.term.text,
                    as_of=self._reported_at(row),
                )

    def _add_values(self, rows: Iterable[FabricResource]) -> None:
        said: set[tuple[int, str]] = set()
        for row in rows:
            for hit in found_in(row.kind, row.name, row.spec, self.term):
                # VPCInfo and Catalog say the same of a VNI.
                if (row.fabric_id, hit.says) not in said:
                    said.add((row.fabric_id, hit.says))
                    self._add(row, hit.holds, [linked(row, hit.says)], distance=hit.distance, order=VALUE)

    def _add_names(self, rows: Iterable[FabricResource]) -> None:
        for row in rows:
            kind = KIND_BY_NAME.get(row.kind)
            parts = [linked(row, describe(row))]
            paths = self.wiring.of_server(row.fabric_id, row.name) if row.kind == 'Server' and not row.distance else []
            if paths:
                parts += [Part(', '), *self.wiring.words(paths)]
            if subnets := dict.fromkeys(subnet for path in paths for subnet in path.subnets):
                parts.append(Part(f', in {", ".join(subnets)}'))
            self._add(
                row, 'name', parts, distance=row.distance, order=DERIVED if kind is None or kind.derived else NAME,
                subject=row.name, objects=self.wiring.objects(paths),
            )

    def _add_managed(self) -> None:
        exact = {(answer.fabric and answer.fabric.pk, answer.kind, answer.name): answer for answer in self.answers}
        found = list(managed_objects(self.viewer, self.term))
        self.viewer.load_fabrics(item.link.fabric_id for item in found)
        for item in found:
            # The line of the resource says already what its device is.
            answer = exact.get((item.link.fabric_id, item.link.kind, item.link.name))
            if answer is not None and answer.is_exact and item.link.key.startswith('device/'):
                if item.object not in answer.objects:
                    answer.objects.insert(0, item.object)
                continue
            self.answers.append(Answer(
                'netbox', self.term.text, item.parts, distance=item.distance, order=MANAGED,
                fabric=self.viewer.fabric(item.link.fabric_id), kind=item.link.kind, name=item.link.name,
                objects=[item.object],
            ))


def _short(host: str) -> str:
    """Return a host name as a server may be called: in lower case, without a domain."""
    return host.lower().partition('.')[0]


def _subnet(row: FabricResource) -> str:
    """Return the VPC subnet of a DHCPSubnet, as vpc/subnet; '' for that of the management network."""
    path = text(mapping(row.spec).get('subnet'))
    return path if '/' in path else ''
