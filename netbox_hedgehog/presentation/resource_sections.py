"""Sections of a resource page, for kinds without a NetBox model: tables of texts and of names, read from the spec.

Pure: a spec in, sections out. A spec of unknown shape gives fewer rows, never an error.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..hedgehog.fabrics import read_domains, read_interconnect
from ..hedgehog.manifest import is_unset, items, mapping
from ..hedgehog.vpcs import (
    VPC,
    Announced,
    Subnet,
    participant,
    read_access_rules,
    read_external_permit,
    read_gateway_peering,
    read_permits,
    read_vpc,
)

__all__ = ('Name', 'Section', 'build_sections', 'names_in')


@dataclass(frozen=True, slots=True)
class Name:
    """Another resource of the same fabric, which a cell references."""

    kind: str
    name: str


# How people call the scope of an access rule: by default replies are allowed with what they reply to.
RULE_SCOPES = {'': '', 'flow': '', 'packet': 'stateless'}

# A cell is a sequence of texts and names.
Cell = tuple[str | Name, ...]


@dataclass(slots=True)
class Section:
    """A table: its title, the titles of its columns, its rows."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)


def build_sections(kind: str, spec: Any) -> list[Section]:
    """Return the sections of a resource; none for kinds without sections, and no empty ones."""
    build = BUILDERS.get(kind)
    if build is None or not isinstance(spec, Mapping):
        return []
    return [section for section in build(spec) if section.rows]


def names_in(sections: list[Section]) -> set[tuple[str, str]]:
    """Return the (kind, name) pairs that sections reference."""
    return {
        (part.kind, part.name)
        for section in sections for row in section.rows for cell in row for part in cell if isinstance(part, Name)
    }


# Cells

def _text(value: Any) -> str:
    if value is None or isinstance(value, (Mapping, list)):
        return ''
    return str(value)


def _texts(value: Any, none: str = '') -> str:
    return ', '.join(filter(None, map(_text, items(value)))) or none


def _cell(*parts: str | Name) -> Cell:
    return tuple(part for part in parts if part)


def _names(kind: str, names: list[str]) -> Cell:
    parts: list[str | Name] = []
    for name in names:
        parts += [', ', Name(kind, name)] if parts else [Name(kind, name)]
    return tuple(parts)


# The kinds

def _vpc(spec: Mapping[str, Any]) -> Iterator[Section]:
    vpc = read_vpc(spec)
    subnets = Section('Subnets', ('Name', 'Prefix', 'Gateway', 'VLAN', 'DHCP', 'Rules', 'Reaches in this VPC'))
    for subnet in vpc.subnets.values():
        rules = (
            (subnet.isolated, 'isolated'), (subnet.restricted, 'restricted'), (subnet.host_bgp, 'host BGP'),
        )
        subnets.rows.append((
            _cell(subnet.name), _cell(_text(subnet.prefix)), _cell(_text(subnet.gateway)), _cell(_text(subnet.vlan)),
            _dhcp(subnet), _cell(', '.join(title for applies, title in rules if applies)),
            _cell(_reached(vpc, subnet)),
        ))
    yield subnets
    reservations = Section('DHCP reservations', ('Subnet', 'MAC address', 'Address'))
    for subnet in vpc.subnets.values():
        for mac, address in subnet.served_reservations:
            reservations.rows.append((_cell(subnet.name), _cell(mac), _cell(_text(address))))
    yield reservations
    announced = Section('Host BGP', ('Subnet', 'Servers may announce', 'Accepted lengths'))
    for subnet in vpc.subnets.values():
        for part in subnet.announced:
            announced.rows.append((_cell(subnet.name), _cell(_text(part.prefix)), _cell(_lengths(part))))
    yield announced
    permits = Section('Permits between subnets', ('Permit', 'Subnets that reach each other'))
    for number, permit in enumerate(vpc.permits, 1):
        permits.rows.append((_cell(str(number)), _cell(', '.join(permit))))
    yield permits
    routes = Section('Static routes', ('Prefix', 'Next hops'))
    for route in map(mapping, items(spec.get('staticRoutes'))):
        routes.rows.append((_cell(_text(route.get('prefix'))), _cell(_texts(route.get('nextHops')))))
    yield routes


def _lengths(part: Announced) -> str:
    if part.shortest is not None and part.longest is not None:
        return f'/{part.shortest} to /{part.longest}'
    if part.shortest is not None:
        return f'/{part.shortest} or longer'
    return f'up to /{part.longest}' if part.longest is not None else ''


def _reached(vpc: VPC, subnet: Subnet) -> str:
    """Return which other subnets a subnet reaches, in words; nothing for the only one."""
    reached = vpc.reached_from(subnet.name)
    others = len(vpc.subnets) - 1
    if not others:
        return ''
    return 'all subnets' if len(reached) == others else ', '.join(reached) or 'no other subnet'


def _dhcp(subnet: Subnet) -> Cell:
    if relay := _text(subnet.dhcp_relay):
        vpc = subnet.dhcp_relay_vpc
        return _cell(f'relay to {relay}', ' in ' if vpc else '', Name('VPC', vpc) if vpc else '')
    if not subnet.dhcp:
        return ()
    start, end = _text(subnet.dhcp_start), _text(subnet.dhcp_end)
    count = len(subnet.served_reservations)
    reserved = f', {count} reservation{"s" * (count != 1)}' if count else ''
    return _cell((f'{start} – {end}' if start or end else 'enabled') + reserved)


def _vpc_peering(spec: Mapping[str, Any]) -> Iterator[Section]:
    section = Section('Permits', ('Permit', 'VPC', 'Subnets', 'Reaches'))
    for number, permit in enumerate(read_permits(spec), 1):
        for vpc, subnets in permit.items():
            section.rows.append((
                _cell(str(number)), (Name('VPC', vpc),), _cell(', '.join(subnets) or 'all'),
                _names('VPC', [other for other in permit if other != vpc]),
            ))
    yield section


def _external(spec: Mapping[str, Any]) -> Iterator[Section]:
    static = mapping(spec.get('static'))
    inbound, outbound = _text(spec.get('inboundCommunity')), _text(spec.get('outboundCommunity'))
    section = Section('Routes', ('Type', 'Inbound', 'Outbound'))
    if static:
        section.rows.append((_cell('static'), _cell(_texts(static.get('prefixes'), 'none')), ()))
    # Releases after 26.03 may have attachments of both types.
    if not static or inbound or outbound:
        section.rows.append((
            _cell('BGP'), _cell(f'community {inbound}' if inbound else 'any community'),
            _cell(f'community {outbound}' if outbound else 'no community'),
        ))
    yield section


def _external_peering(spec: Mapping[str, Any]) -> Iterator[Section]:
    permit = read_external_permit(spec)
    if not permit.vpc and not permit.external:
        return
    vpc = _cell(Name('VPC', permit.vpc) if permit.vpc else '')
    external = _cell(Name('External', permit.external) if permit.external else '')
    yield Section('Permit', ('Participant', 'Permits', 'To'), [
        (vpc, _cell('subnets ' + (', '.join(permit.subnets) or 'none')), external),
        (external, _cell('prefixes ' + (', '.join(permit.prefixes) or 'none')), vpc),
    ])


def _fabric(spec: Mapping[str, Any]) -> Iterator[Section]:
    domains = Section('Domains', ('Domain', 'Spine ASN', 'Gateway ASN'))
    for domain in read_domains(spec):
        domains.rows.append((_cell(domain.name), _cell(_text(domain.spine_asn)), _cell(_text(domain.gateway_asn))))
    yield domains
    if spec.get('disableBFD') is True:
        yield Section('BFD', ('Where', 'State'), [(_cell('between switches, and to gateways'), _cell('disabled'))])


def _interconnect(spec: Mapping[str, Any]) -> Iterator[Section]:
    read = read_interconnect(spec)
    remote = ', '.join(read.prefixes) or 'none'
    yield Section('Exchanged', ('VPC', 'Announces subnets', 'Reaches remote prefixes'), [
        ((Name('VPC', vpc),), _cell(', '.join(subnets) or 'none'), _cell(remote)) for vpc, subnets in read.vpcs.items()
    ] or [(_cell('through gateway peerings only'), (), _cell(remote))])
    links = Section('Links', ('Connection', 'VLAN', 'Remote ASN', 'BFD', 'Inbound ACL'))
    for link in read.links:
        links.rows.append((
            (Name('Connection', link.connection),) if link.connection else (),
            _cell('untagged' if is_unset(link.vlan) else _text(link.vlan)),
            _cell('any' if is_unset(link.remote_asn) else _text(link.remote_asn)),
            _cell('enabled' if link.bfd else 'disabled'),
            _cell(f'{link.statements} statement{"s" * (link.statements != 1)}' if link.statements else ''),
        ))
    yield links


def _gateway_peering(spec: Mapping[str, Any]) -> Iterator[Section]:
    exposed = Section('Exposed', ('Participant', 'Exposes', 'Exposed as', 'NAT'))
    for who, exposes in read_gateway_peering(spec).exposed.items():
        for expose in exposes or [{}]:
            what = 'default route' if expose.get('default') is True else _ranges(expose.get('ips'))
            exposed.rows.append((
                (Name(*who),), _cell(what or 'nothing'), _cell(_ranges(expose.get('as'))),
                _cell(_nat(mapping(expose.get('nat')))),
            ))
    yield exposed
    acl = read_access_rules(spec)
    rules = Section(
        f'Access rules (otherwise: {_text(acl.default) or "deny unless exposed"})',
        ('Rule', 'Action', 'From', 'To', 'Matches'),
    )
    for number, rule in enumerate(acl.rules, 1):
        matches = [
            _text(rule.match.get('proto')), *(f'from {_matched(item)}' for item in items(rule.match.get('src'))),
            *(f'to {_matched(item)}' for item in items(rule.match.get('dst'))),
        ]
        notes = ('logged' if rule.is_logged else '', RULE_SCOPES.get(rule.scope, f'scope {rule.scope}'))
        action = ', '.join(filter(None, (_text(rule.action), *notes)))
        rules.rows.append((
            _cell(_text(rule.name) or str(number)), _cell(action), _side(rule.source), _side(rule.target),
            _cell(', '.join(filter(None, matches)) or 'everything'),
        ))
    yield rules


def _side(name: str) -> Cell:
    return (Name(*participant(name)),) if name else _cell('either')


def _ranges(value: Any) -> str:
    parts = []
    for item in map(mapping, items(value)):
        if subnet := _text(item.get('vpcSubnet')):
            parts.append(f'subnet {subnet}')
        elif cidr := _text(item.get('cidr')):
            parts.append(cidr)
        elif excluded := _text(item.get('not')):
            parts.append(f'not {excluded}')
    return ', '.join(parts)


def _nat(nat: Mapping[str, Any]) -> str:
    parts = []
    for key, title in (('masquerade', 'masquerade'), ('portForward', 'port forwarding'), ('static', 'static')):
        if key not in nat:
            continue
        rule = mapping(nat[key])
        ports = ', '.join(
            f'{_text(port.get("proto")) or "any"} {_text(port.get("port"))} → {_text(port.get("as"))}'
            for port in map(mapping, items(rule.get('ports')))
        )
        idle = _text(rule.get('idleTimeout'))
        notes = '; '.join(filter(None, (ports, f'idle timeout {idle}' if idle else '')))
        parts.append(f'{title} ({notes})' if notes else title)
    return ', '.join(parts)


def _matched(value: Any) -> str:
    item = mapping(value)
    subnet = _text(item.get('vpcSubnet'))
    what = _text(item.get('cidr')) or (f'subnet {subnet}' if subnet else 'anywhere')
    ports = _texts(item.get('ports'))
    return f'{what} port {ports}' if ports else what


BUILDERS: dict[str, Callable[[Mapping[str, Any]], Iterator[Section]]] = {
    'VPC': _vpc,
    'VPCPeering': _vpc_peering,
    'External': _external,
    'ExternalPeering': _external_peering,
    'GatewayPeering': _gateway_peering,
    'Fabric': _fabric,
    'VPCInterconnect': _interconnect,
}
