"""Where resources hold what people look for: one table, from which both the question and the reading follow. Pure.

Each row leads to values in a spec. Of these paths PostgreSQL is asked which resources have the value (predicates()),
and in those that have it the same paths say where it is and what it means (found_in()). Something more that can be
found is a row here.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .catalogs import EXTERNAL_REQUEST
from .connections import MEMBERS, list_path
from .kinds import Path
from .manifest import address, mac_address, mapping, network, number, shown, text
from .references import jsonpath
from .terms import ASN, VLAN, VNI, Term
from .vpcs import participant

__all__ = (
    'ADDRESS', 'MAC', 'PLACES', 'PREFIX', 'SERIAL', 'SHORTEST', 'SUBNET', 'At', 'Hit', 'Place', 'contains',
    'found_in', 'is_mac', 'predicates', 'quoted', 'text_distance',
)

ADDRESS, PREFIX, MAC, SERIAL = 'address', 'prefix', 'mac', 'serial'

# The name of a subnet, of which people write that of the VPC too: vpc-01/default.
SUBNET = 'subnet'

# An object with the numbers of a range.
ASN_RANGE, VLAN_RANGE = 'asn range', 'vlan range'

# The ends of ranges, by the fields that have them.
_RANGES = {ASN_RANGE: ('leafASNStart', 'leafASNEnd', ASN), VLAN_RANGE: ('from', 'to', VLAN)}


# The fewest characters of a text that are looked for inside of others.
SHORTEST = 2


@dataclass(frozen=True, slots=True)
class At:
    """Where a value is: the resource's name, what the wildcards of the path matched, and the object that holds it."""

    name: str
    keys: tuple[str, ...]
    value: Any
    holder: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A path in the specs of a kind, what it holds, and how people call that. Steps are as those of a Reference."""

    kind: str
    path: Path
    holds: str
    says: Callable[[At], str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that was found: what it is, in words, and how well it matches: 0 is exact, and larger is worse."""

    says: str
    holds: str
    keys: tuple[str, ...] = ()
    distance: int = 0


def _path(words: str) -> Path:
    return tuple(words.split())


def _place(kind: str, words: str, holds: str, says: Callable[[At], str] | str) -> Place:
    if isinstance(says, str):
        title = says
        return Place(kind, _path(words), holds, lambda at: f'{title} {at.name}')
    return Place(kind, _path(words), holds, says)


def _subnet(at: At) -> str:
    return _with_vlan(f'subnet {at.name}/{at.keys[0]}', at)


def _named_subnet(at: At) -> str:
    return _with_vlan(f'subnet {shown(at.holder.get("subnet"))}', at)


def _with_vlan(words: str, at: At) -> str:
    parts = [words]
    if vlan := number(at.holder.get('vlan')):
        parts.append(f'VLAN {vlan}')
    if gateway := text(at.holder.get('gateway')):
        parts.append(f'gateway {gateway}')
    return ', '.join(parts)


def _subnet_vlan(at: At) -> str:
    return f'VLAN of subnet {at.name}/{at.keys[0]}, {shown(at.holder.get("subnet"))}'


def _reserved(at: At) -> str:
    return f'DHCP reservation for {at.keys[1]} in {at.name}/{at.keys[0]}'


def _reserved_mac(at: At) -> str:
    ip = text(at.holder.get('ip'))
    return f'DHCP reservation of {ip or "no address"} in {at.name}/{at.keys[0]}'


def _link_address(at: At) -> str:
    return f'address of {text(at.holder.get("port")).replace("/", " ", 1)} (Connection {at.name})'


def _vlan_range(at: At) -> str:
    first = at.value['from']
    return f'VLAN in the range {first}–{at.value.get("to") or first} of VLAN namespace {at.name}'


def _vpc(name: str) -> str:
    """Return how people call what a Catalog has a number for: Externals are among the VPCs."""
    if name.startswith(EXTERNAL_REQUEST):
        return f'external {name.removeprefix(EXTERNAL_REQUEST)}'
    return f'VPC {name}'


def _participant(name: str) -> str:
    kind, own = participant(name)
    return f'{kind if kind == "VPC" else kind.lower()} {own}'


def _exposed(at: At) -> str:
    return f'exposed prefix of {_participant(at.keys[0])} in gateway peering {at.name}'


def _exposed_as(at: At) -> str:
    return f'prefix by which gateway peering {at.name} exposes {_participant(at.keys[0])}'


def _vpc_info(at: At) -> str:
    return f'VNI of {_participant(at.name)}'


def _dhcp_subnet(at: At) -> str:
    # The subnet of a VPC says it itself.
    return '' if '/' in text(at.holder.get('subnet')) else f'DHCP subnet {at.name}'


_LISTS = dict.fromkeys(name for member in MEMBERS.values() for name in member.lists)
_PORT_ADDRESSES = tuple(
    Place('Connection', ('*', *list_path(name), '*', 'ip'), ADDRESS, _link_address) for name in _LISTS
)

PLACES: tuple[Place, ...] = (
    _place('Switch', 'ip', ADDRESS, 'management address of switch'),
    _place('Switch', 'protocolIP', ADDRESS, 'protocol address of switch'),
    _place('Switch', 'vtepIP', ADDRESS, 'VTEP address of switch'),
    _place('Switch', 'asn', ASN, 'AS number of switch'),
    _place('Switch', 'boot serial', SERIAL, 'serial number of switch'),
    _place('Switch', 'boot mac', MAC, 'boot MAC address of switch'),
    _place('Gateway', 'protocolIP', ADDRESS, 'protocol address of gateway'),
    _place('Gateway', 'vtepIP', ADDRESS, 'VTEP address of gateway'),
    _place('Gateway', 'vtepMAC', MAC, 'VTEP MAC address of gateway'),
    _place('Gateway', 'asn', ASN, 'AS number of gateway'),
    _place('Gateway', 'interfaces * ips *', ADDRESS, lambda at: f'address of gateway {at.name} {at.keys[0]}'),
    *_PORT_ADDRESSES,
    _place('VPC', 'subnets * gateway', ADDRESS, lambda at: f'gateway of subnet {at.name}/{at.keys[0]}'),
    _place('VPC', 'subnets * subnet', PREFIX, _subnet),
    _place('VPC', 'subnets ?', SUBNET, _named_subnet),
    _place('VPC', 'subnets * vlan', VLAN, _subnet_vlan),
    _place('VPC', 'subnets * dhcp static * ip', ADDRESS, _reserved),
    _place('VPC', 'subnets * dhcp static ?', MAC, _reserved_mac),
    _place('VPC', 'subnets * dhcp relay', ADDRESS, lambda at: f'DHCP server of subnet {at.name}/{at.keys[0]}'),
    _place('VPC', 'staticRoutes * prefix', PREFIX, 'static route of VPC'),
    _place('VPC', 'staticRoutes * nextHops *', ADDRESS, 'next hop of a static route of VPC'),
    _place('External', 'static prefixes *', PREFIX, 'static prefix of external'),
    _place('ExternalAttachment', 'switch ip', ADDRESS, 'address of the switch in external attachment'),
    _place('ExternalAttachment', 'switch vlan', VLAN, 'VLAN of external attachment'),
    _place('ExternalAttachment', 'neighbor ip', ADDRESS, 'address of the neighbor in external attachment'),
    _place('ExternalAttachment', 'neighbor asn', ASN, 'AS number of the neighbor in external attachment'),
    _place('ExternalAttachment', 'static ip', ADDRESS, 'address of the switch in external attachment'),
    _place('ExternalAttachment', 'static remoteIP', ADDRESS, 'address of the neighbor in external attachment'),
    _place('ExternalAttachment', 'static vlan', VLAN, 'VLAN of external attachment'),
    _place('ExternalPeering', 'permit external prefixes * prefix', PREFIX, 'prefix in external peering'),
    _place('VPCInterconnect', 'remote prefixes *', PREFIX, 'remote prefix of VPC interconnect'),
    _place('VPCInterconnect', 'links * vlan', VLAN, 'VLAN of VPC interconnect'),
    _place('VPCInterconnect', 'links * remoteASN', ASN, 'remote AS number of VPC interconnect'),
    _place('GatewayPeering', 'peering * expose * ips * cidr', PREFIX, _exposed),
    _place('GatewayPeering', 'peering * expose * as * cidr', PREFIX, _exposed_as),
    _place('IPv4Namespace', 'subnets *', PREFIX, 'prefix of IPv4 namespace'),
    _place('VLANNamespace', 'ranges *', VLAN_RANGE, _vlan_range),
    _place('Fabric', '', ASN_RANGE, 'AS number in the range for leaves of Hedgehog fabric'),
    _place('Catalog', 'vpcVNIs *', VNI, lambda at: f'VNI of {_vpc(at.keys[0])}'),
    _place('Catalog', 'vpcSubnetVNIs * *', VNI, lambda at: f'VNI of subnet {at.keys[0]}/{at.keys[1]}'),
    _place('Catalog', 'irbVLANs *', VLAN, lambda at: f'IRB VLAN of {_vpc(at.keys[0])} ({at.name})'),
    _place('VPCInfo', 'vni', VNI, _vpc_info),
    _place('DHCPSubnet', 'cidrBlock', PREFIX, _dhcp_subnet),
)


def predicates(term: Term) -> dict[str, str]:
    """Return by kind a jsonpath predicate on the spec of what has a term; a kind that cannot have it is not there.

    For PostgreSQL, in its lax mode. It may hold for a resource in which found_in() finds nothing, but not the reverse.
    """
    found: dict[str, list[str]] = {}
    for place in PLACES:
        if condition := _condition(place, term):
            found.setdefault(place.kind, []).append(f'exists({jsonpath(place.path)} ? ({condition}))')
    return {kind: ' || '.join(parts) for kind, parts in found.items()}


def found_in(kind: str, name: str, spec: Any, term: Term) -> Iterator[Hit]:
    """Yield what a spec has of a term. Raises nothing, whatever the shape of the spec."""
    for place in PLACES:
        if place.kind != kind or not _condition(place, term):
            continue
        for keys, value, holder in _walk(mapping(spec), place.path, (), {}):
            distance = _distance(place.holds, f'{name}/{value}' if place.holds == SUBNET else value, term)
            says = '' if distance is None else place.says(At(name, keys, value, holder))
            if distance is not None and says:
                yield Hit(says, place.holds, keys, distance)


def quoted(value: str) -> str:
    """Return a text as a string of a jsonpath."""
    return json.dumps(value)


def contains(what: str, value: str) -> str:
    """Return the condition of a jsonpath that a string has another in it, in any case of letters."""
    return f'{what} like_regex {quoted(value)} flag "iq"'


def is_mac(what: str, mac: str) -> str:
    """Return the condition of a jsonpath that a string is a MAC address, as fabrics write them."""
    return f'({what} == {quoted(mac)} || {what} == {quoted(mac.upper())})'


def _condition(place: Place, term: Term) -> str:
    """Return the condition of a jsonpath for a value that has a term; '' if a place cannot have it."""
    holds = place.holds
    if holds == ADDRESS and term.address:
        host = str(term.address)
        return f'@ == {quoted(host)} || @ starts with {quoted(f"{host}/")}'
    if holds == PREFIX:
        return ' || '.join(f'@ == {quoted(parent)}' for parent in term.parents)
    if holds == MAC and term.mac:
        return is_mac('@', term.mac)
    if holds == SERIAL and len(term.name) >= SHORTEST:
        return contains('@', term.name)
    if holds == SUBNET and '/' in term.name:
        return f'@ == {quoted(term.name.partition("/")[2])}'
    if holds in term.numbers:
        return f'@ == {term.number}'
    if holds in _RANGES and _RANGES[holds][2] in term.numbers:
        first, last, _ = _RANGES[holds]
        begins, ends = f'@.{quoted(first)}', f'@.{quoted(last)}'
        # Without a last number, or with 0, a range is its first number.
        return f'{begins} == {term.number} || {begins} <= {term.number} && {ends} >= {term.number}'
    return ''


def _distance(holds: str, value: Any, term: Term) -> int | None:
    """Return how far a value is from a term, of which its place may hold one; None if it is another."""
    if holds == ADDRESS:
        found = address(value)
        return 0 if found is not None and found.ip == term.address else None
    if holds == PREFIX:
        parents = term.parents
        found_prefix = str(network(value))
        # An address is in a prefix, and never the same: not even as that of a single host.
        return parents.index(found_prefix) + bool(term.address) if found_prefix in parents else None
    if holds == MAC:
        return 0 if mac_address(value) == term.mac else None
    if holds == SERIAL:
        return text_distance(text(value), term.name)
    if holds == SUBNET:
        return 0 if value == term.name else None
    if holds in _RANGES:
        first, last, _ = _RANGES[holds]
        low = number(mapping(value).get(first))
        high = number(mapping(value).get(last)) or low
        return 1 if _is_between(low, high, term.number) else None
    return 0 if number(value) == term.number else None


def _is_between(first: int | None, last: int | None, value: int | None) -> bool:
    return first is not None and last is not None and value is not None and first <= value <= last


def text_distance(value: str, wanted: str) -> int | None:
    """Return 0 for the text that is wanted, 1 for one that begins with it, 2 if it is inside; None if it is not."""
    found = value.lower()
    if found == wanted:
        return 0
    if found.startswith(wanted):
        return 1
    return 2 if wanted in found else None


def _walk(
    value: Any, path: Path, keys: tuple[str, ...], holder: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, ...], Any, Mapping[str, Any]]]:
    """Yield what a path leads to, each with what its wildcards matched, and the object that has it."""
    if not path:
        yield keys, value, holder
        return
    step, rest = path[0], path[1:]
    if step == '*':
        for key, item in _members(value):
            yield from _walk(item, rest, (*keys, key), mapping(value))
    elif step == '?':
        for key, item in _members(mapping(value)):
            yield keys, key, mapping(item)
    elif step in mapping(value):
        yield from _walk(value[step], rest, keys, value)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((key, item) for key, item in value.items() if isinstance(key, str))
    elif isinstance(value, list):
        yield from ((str(place), item) for place, item in enumerate(value))
