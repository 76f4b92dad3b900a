"""Read the LLDP neighbors that agents report, and recognize the devices and ports of the fabric among them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .manifest import mac_address, mapping, named_objects, objects, shown, text
from .switch_ports import PortNames

__all__ = (
    'Directory', 'Neighbor', 'Place', 'PortReport', 'Seen', 'SwitchReport', 'leased_hosts', 'mac_of_port', 'read_ports',
)

# How many neighbors of a port are read: a server may send any number.
MOST_NEIGHBORS = 20

# Digits and colons of 48 bits.
MAC_LENGTH = 17

# What a DPU adds to the name of its host.
DPU = '-dpu'


@dataclass(frozen=True, slots=True)
class Place:
    """A port of a device."""

    device: str
    port: str

    def __str__(self) -> str:
        return f'{self.device} {self.port}'.strip()


@dataclass(frozen=True, slots=True)
class Neighbor:
    """What a device says of itself by LLDP. `port_name` is what newer agents derive from the rest."""

    name: str = ''
    chassis: str = ''
    port_id: str = ''
    port_description: str = ''
    port_name: str = ''


@dataclass(frozen=True, slots=True)
class PortReport:
    """What an agent reports of a port."""

    admin_up: bool
    oper_up: bool
    mac: str = ''
    neighbors: tuple[Neighbor, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchReport:
    """What the agent of a switch reported of its ports when it was last fetched.

    `trusted`: the agent was responsive then. One that was not says nothing, neither good nor bad.
    """

    switch: str
    read_at: datetime
    trusted: bool
    ports: Mapping[str, PortReport]

    @property
    def has_neighbors(self) -> bool:
        """Return whether it reports any LLDP neighbor: an agent that reports none may be unable to."""
        return any(port.neighbors for port in self.ports.values())


@dataclass(frozen=True, slots=True)
class Seen:
    """A neighbor as far as it is recognized.

    `device` and `port` are '' where they are not known to the fabric; `label` is how people can recognize it. `named`:
    it says its name.
    """

    device: str
    port: str
    label: str
    named: bool

    def may_be(self, place: Place) -> bool:
        """Return whether this may be a certain port: the device is, and the port is or is not known."""
        return self.device == place.device and self.port in ('', place.port)


def read_ports(status: Any) -> dict[str, PortReport]:
    """Return the ports that an Agent's status reports. A status of unknown shape has none."""
    interfaces = mapping(mapping(status).get('state')).get('interfaces')
    return {
        name: PortReport(
            admin_up=interface.get('admin') == 'up', oper_up=interface.get('oper') == 'up',
            mac=mac_address(interface.get('mac')) or '', neighbors=tuple(_neighbors(interface.get('lldpNeighbors'))),
        )
        for name, interface in named_objects(interfaces)
    }


def leased_hosts(status: Any) -> Iterator[tuple[str, str]]:
    """Yield MAC address and host name of each lease of a DHCPSubnet."""
    for mac, lease in named_objects(mapping(status).get('allocated')):
        if (found := mac_address(mac)) and (name := text(lease.get('hostname'))):
            yield found, name


def _neighbors(value: Any) -> Iterator[Neighbor]:
    for item in objects(value)[:MOST_NEIGHBORS]:
        found = Neighbor(
            text(item.get('sysName')), text(item.get('chassis')), text(item.get('portID')),
            text(item.get('portDescr')), text(item.get('port')),
        )
        if found != Neighbor():
            yield found


class Directory:
    """The devices and ports of a fabric by what LLDP neighbors call them.

    Takes the names of switches, servers and gateways; those of the ports of switches; the ports of other devices that
    Connections name; and the devices of MAC addresses, as far as they are known (DHCP leases, Switch.boot.mac).
    """

    def __init__(
        self, devices: Iterable[str], port_names: PortNames, declared: Iterable[Place], macs: Mapping[str, str],
    ) -> None:
        self._devices = {device.lower(): device for device in devices}
        self._port_names = port_names
        self._declared = {(place.device, place.port.lower()): place.port for place in declared}
        self._macs = {mac: Place(device, '') for mac, host in macs.items() if (device := self._by_name(host))}

    def add_macs(self, reports: Iterable[SwitchReport]) -> None:
        """Learn the MAC addresses of ports. Several ports of a switch may share one, which is then the switch's."""
        for report in reports:
            for name, port in report.ports.items():
                if port.mac:
                    place = Place(report.switch, self._port_names.of(report.switch, name))
                    known = self._macs.setdefault(port.mac, place)
                    if known != place:
                        self._macs[port.mac] = Place(known.device if known.device == place.device else '', '')

    def identify(self, neighbor: Neighbor) -> Seen:
        """Return what is known of a neighbor: by its system name, else by the MAC addresses that it gives."""
        device = self._by_name(neighbor.name)
        place = Place(device, '') if device else self._by_mac(neighbor)
        port = place.port
        if place.device and not port:
            port = self._port_names.advertised(place.device, neighbor.port_id) or self._declared_port(place, neighbor)
        name = place.device or neighbor.name or neighbor.chassis or neighbor.port_id
        spelled = port or neighbor.port_name or neighbor.port_id
        label = f'{shown(name)} {shown(spelled)}' if spelled and spelled != name else shown(name)
        return Seen(place.device, port, label, bool(neighbor.name))

    def _by_name(self, name: str) -> str:
        """Return the device of a host name: with its domain or without, in any case, a DPU's for that of its host."""
        lower = name.lower()
        short = lower.partition('.')[0]
        spellings = (lower, short, lower.removesuffix(DPU), short.removesuffix(DPU))
        return next((self._devices[name] for name in spellings if name in self._devices), '')

    def _by_mac(self, neighbor: Neighbor) -> Place:
        for value in (neighbor.port_id, neighbor.chassis):
            mac = mac_address(value)
            if mac and (place := self._macs.get(mac)) and place.device:
                # A chassis has one address, whichever of its ports has the same.
                return place if value == neighbor.port_id else Place(place.device, '')
        return Place('', '')

    def _declared_port(self, place: Place, neighbor: Neighbor) -> str:
        # A server gives the name of its port, or a MAC address and the name as the description.
        for name in (neighbor.port_name, neighbor.port_id, neighbor.port_description):
            if port := self._declared.get((place.device, name.lower())):
                return port
        return ''


def mac_of_port(neighbors: Any, device: str, port: str) -> str | None:
    """Return the MAC address of a device's port, if the neighbors of the switch's port say it, and say only one.

    Linux sends the address as the ID of its port and the name of the interface as the port's description. A neighbor
    that names another device or port says nothing of this one: adapters with an LLDP of their own name neither.
    """
    found = set()
    for neighbor in objects(neighbors):
        is_port = text(neighbor.get('portDescr')).strip() == port
        mac = mac_address(neighbor.get('portID'))
        if is_port and mac and len(mac) == MAC_LENGTH and _is_named(text(neighbor.get('sysName')), device):
            found.add(mac)
    return found.pop() if len(found) == 1 else None


def _is_named(name: str, device: str) -> bool:
    """Return whether a system has the name of a device, with a domain or without."""
    name = name.strip().lower()
    return name == device.lower() or name.startswith(f'{device.lower()}.')
