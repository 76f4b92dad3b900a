"""Find leases in the status of a DHCPSubnet, and ports, neighbors and serial numbers in that of an Agent. Pure.

These are large: of the status of an Agent or DHCPSubnet PostgreSQL returns only the entries that match, as a list of
objects with `key` and `value`. The conditions are jsonpaths for it, in its lax mode.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from .manifest import address, mac_address, mapping, moment, objects, text
from .places import SHORTEST, contains, is_mac, quoted, text_distance
from .terms import Term

__all__ = (
    'AGENT_OPTICS', 'AGENT_PORTS', 'AGENT_SERIAL', 'Lease', 'PortSighting', 'SerialSighting', 'lease_conditions',
    'port_condition', 'read_leases', 'read_port_sightings', 'read_serials', 'serial_condition',
)

# Where an Agent's status has the serial number of its switch, its ports and its transceivers.
AGENT_SERIAL = '$.state.nos.serialNumber'
AGENT_PORTS = '$.state.interfaces'
AGENT_OPTICS = '$.state.transceivers'

# Where a port has MAC addresses: its own, and those of its neighbors.
_MACS_OF_PORT = ('mac', 'lldpNeighbors.portID', 'lldpNeighbors.chassis')

# What a host name may have in it. Others are not asked for: they would mean something else in a pattern.
_HOST = re.compile(r'[a-z0-9._-]+')


@dataclass(frozen=True, slots=True)
class Lease:
    """A DHCP lease, or an address that was offered and not yet acknowledged. `distance` 0 is an exact match."""

    mac: str
    ip: IPv4Address | IPv6Address
    host: str
    expiry: datetime | None
    distance: int = 0
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class PortSighting:
    """A port on which an agent reports what was looked for: as the port's own MAC address, or of a neighbor.

    `neighbor` and `neighbor_port` are what the neighbor calls itself, '' where the port itself matches.
    """

    port: str
    is_own: bool
    neighbor: str = ''
    neighbor_port: str = ''


@dataclass(frozen=True, slots=True)
class SerialSighting:
    """A serial number that an agent reports: of the switch itself, where `port` is '', or of a transceiver."""

    port: str
    part: str
    serial: str
    distance: int = 0


def lease_conditions(term: Term) -> tuple[str, str, str]:
    """Return how to ask for the leases that have a term; three empty texts if none can have it.

    The first is a jsonpath to objects with `key` (the MAC address) and `value`; the others are predicates for a status
    that has any, and for one that has exactly what was looked for. These are many times as fast as the first.
    """
    entries, keys, inside, hosts = [], [], [], []
    if term.address:
        entries.append(f'@.value.ip == {quoted(str(term.address))}')
        keys.append(f'exists($.allocated.* ? (@.ip == {quoted(str(term.address))}))')
    if term.mac:
        entries.append(is_mac('@.key', term.mac))
        keys += [f'exists($.allocated.{quoted(spelled)})' for spelled in (term.mac, term.mac.upper())]
    # A number is a part of too many host names.
    if len(term.name) >= SHORTEST and not term.numbers:
        entries.append(contains('@.value.hostname', term.name))
        inside.append(f'exists($.allocated.* ? ({contains("@.hostname", term.name)}))')
        if pattern := _host_pattern(term.name):
            hosts.append(f'exists($.allocated.* ? (@.hostname like_regex {quoted(pattern)} flag "i"))')
    if not entries:
        return '', '', ''
    path = f'$.allocated.keyvalue() ? ({" || ".join(entries)})'
    return path, ' || '.join(keys + inside), ' || '.join(keys + hosts or inside)


def read_leases(entries: Any, term: Term) -> Iterator[Lease]:
    """Yield the leases that have a term. Entries of unknown shape are skipped."""
    for entry in objects(entries):
        mac, lease = mac_address(entry.get('key')), mapping(entry.get('value'))
        ip, host = address(lease.get('ip')), text(lease.get('hostname'))
        if mac is None or ip is None:
            continue
        if mac == term.mac or ip.ip == term.address:
            distance: int | None = 0
        else:
            distance = _host_distance(host, term.name) if term.name and host else None
        if distance is not None:
            yield Lease(mac, ip.ip, host, moment(lease.get('expiry')), distance, lease.get('discover') is True)


def port_condition(term: Term, macs: Iterable[str] = (), of: str = '@') -> str:
    """Return the condition for a port on which an agent reports a term, or one of these MAC addresses; '' if none can.

    `of` is what leads to the port. Agents write MAC addresses in lower case.
    """
    parts = []
    for mac in dict.fromkeys(filter(None, (term.mac, *macs))):
        parts += [f'{of}.{where} == {quoted(mac)}' for where in _MACS_OF_PORT]
    if not macs and not term.numbers and (pattern := _host_pattern(term.name)):
        parts.append(f'{of}.lldpNeighbors.sysName like_regex {quoted(pattern)} flag "i"')
    return ' || '.join(parts)


def read_port_sightings(entries: Any, term: Term) -> Iterator[PortSighting]:
    """Yield the ports of one switch on which a term is seen. Entries of unknown shape are skipped."""
    for entry in objects(entries):
        port, reported = text(entry.get('key')), mapping(entry.get('value'))
        if term.mac and mac_address(reported.get('mac')) == term.mac:
            yield PortSighting(port, is_own=True)
        for neighbor in objects(reported.get('lldpNeighbors')):
            name = text(neighbor.get('sysName'))
            macs = (mac_address(neighbor.get('portID')), mac_address(neighbor.get('chassis')))
            if (term.mac and term.mac in macs) or (term.name and _host_distance(name, term.name) == 0):
                # Linux sends a MAC address as the ID, and the name of the port as its description.
                named = neighbor.get('portID') if macs[0] is None else neighbor.get('portDescr')
                yield PortSighting(port, False, name or text(neighbor.get('chassis')), text(named))


def serial_condition(term: Term, of: str = '@') -> str:
    """Return the condition for a transceiver with a serial number; '' if a term can be none."""
    return contains(f'{of}.serial', term.name) if len(term.name) >= SHORTEST else ''


def read_serials(serial: Any, entries: Any, term: Term) -> Iterator[SerialSighting]:
    """Yield the serial numbers of a switch and its transceivers that have a term."""
    found = [('', 'switch', text(serial))]
    for entry in objects(entries):
        found.append((text(entry.get('key')), 'transceiver', text(mapping(entry.get('value')).get('serial'))))
    for port, part, number in found:
        distance = text_distance(number.strip(), term.name) if number and term.name else None
        if distance is not None:
            yield SerialSighting(port, part, number.strip(), distance)


def _host_pattern(name: str) -> str:
    """Return a pattern for a host name with a domain or without; '' for what cannot be a host name."""
    return f'^{name.replace(".", "[.]")}([.].*)?$' if _HOST.fullmatch(name) else ''


def _host_distance(host: str, wanted: str) -> int | None:
    """Return 0 for the host that is wanted, with its domain or without; else as text_distance()."""
    lower = host.lower()
    return 0 if lower.partition('.')[0] == wanted else text_distance(lower, wanted)
