"""Fabrics made up for the cabling check: what is declared, what is plugged, and what the Agents report of that."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from netbox_hedgehog.hedgehog.cabling import LinkCheck, check_cabling, declared_places
from netbox_hedgehog.hedgehog.connections import kind_of_end, read_connection
from netbox_hedgehog.hedgehog.lldp import Directory, Place, SwitchReport, read_ports
from netbox_hedgehog.hedgehog.switch_ports import PortNames

READ_AT = datetime(2026, 8, 20, 12, tzinfo=UTC)

# Eight ports in one piece, and two that can be broken out.
PROFILE = {
    'ports': {
        **{f'E1/{number}': {'nos': f'Ethernet{number - 1}', 'profile': 'SFP28-25G'} for number in range(1, 49)},
        **{f'E1/{number}': {'baseNOSName': f'Ethernet{48 + 4 * (number - 49)}', 'profile': 'QSFP28'} for number in range(49, 57)},
    },
    'portProfiles': {
        'SFP28-25G': {'speed': {'default': '25G', 'supported': ['25G']}},
        'QSFP28': {'breakout': {'default': '1x100G', 'supported': {
            '1x100G': {'offsets': ['0']}, '4x25G': {'offsets': ['0', '1', '2', '3']},
        }}},
    },
}


@dataclass
class Wiring:
    """A fabric. `cables` is what is plugged: pairs of ports as their devices call them to themselves."""

    connections: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    servers: set[str] = field(default_factory=set)
    cables: list[tuple[Place, Place]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)  # agents that are not trusted
    mute: set[str] = field(default_factory=set)  # devices that send no LLDP
    neighbors: dict[Place, list[dict[str, str]]] = field(default_factory=dict)  # instead of what follows
    down: set[Place] = field(default_factory=set)
    macs: dict[str, str] = field(default_factory=dict)
    domain: str = ''

    def connect(self, name: str, member: str, *links: tuple[str, str], **ends: str) -> 'Wiring':
        """Declare a Connection and plug its cables; a link is a pair of ports."""
        fields = tuple(ends.values()) or {
            'fabric': ('leaf', 'spine'), 'mesh': ('leaf1', 'leaf2'), 'gateway': ('gateway', 'switch'),
            'external': ('switch', ''),
        }.get(member, ('server', 'switch'))
        items = []
        for ports in links:
            items.append({key: {'port': port} for key, port in zip(fields, ports, strict=True) if key})
            for key, port in zip(fields, ports, strict=True):
                device = port.partition('/')[0]
                if key and kind_of_end(key) == 'Switch':
                    self.switches.setdefault(device, {'profile': 'acme', 'role': key})
                elif key:
                    self.servers.add(device)
            self.cables.append((place(ports[0]), place(ports[1])))
        single = member in ('unbundled', 'external')
        self.connections[name] = {member: {'link': items[0]} if single else {'links': items}}
        return self

    @property
    def names(self) -> PortNames:
        return PortNames([
            ('SwitchProfile', 'acme', PROFILE), *(('Switch', name, spec) for name, spec in self.switches.items()),
        ])

    def swap(self, one: int, other: int) -> None:
        """Exchange the far ends of two cables."""
        (a, b), (c, d) = self.cables[one], self.cables[other]
        self.cables[one], self.cables[other] = (a, d), (c, b)

    def statuses(self) -> dict[str, dict[str, Any]]:
        """Return the status of the Agent of each switch."""
        found: dict[str, dict[str, Any]] = {name: {} for name in self.switches}
        for cable in self.cables:
            for here, there in (cable, cable[::-1]):
                if here.device not in self.switches:
                    continue
                up = not {here, there} & self.down
                told = self.neighbors.get(here, [] if there.device in self.mute else [self._told(there)])
                found[here.device][self.names.of(here.device, here.port)] = {
                    'admin': 'up', 'oper': 'up' if up else 'down', 'lldpNeighbors': told if up else [],
                }
        return {name: {'state': {'interfaces': interfaces}} for name, interfaces in found.items()}

    def _told(self, there: Place) -> dict[str, str]:
        port = there.port
        if there.device in self.switches:
            names = self.names
            canonical = names.of(there.device, port)
            known = names._known(there.device, 'acme')
            port = next(label for label, name in known.items() if name == canonical and label.startswith('Ethernet'))
        return {'sysName': there.device + self.domain, 'portID': port}

    def check(self) -> dict[str, LinkCheck]:
        """Return the checks, by the port that each is shown for."""
        names = self.names
        connections = [read_connection(name, spec, names) for name, spec in self.connections.items()]
        reports = {
            name: SwitchReport(name, READ_AT, name not in self.silent, read_ports(status))
            for name, status in self.statuses().items()
        }
        places = list(declared_places(connections))
        directory = Directory([*self.servers, *self.switches], names, places, self.macs)
        directory.add_macs(reports.values())
        return {str(check.end): check for check in check_cabling(connections, reports, directory, names)}


def place(text: str) -> Place:
    """Return the port that a Connection writes so."""
    device, _, port = text.partition('/')
    return Place(device, port)
