"""Sections of a resource page, for kinds without a NetBox model: tables of texts and of names, read from the spec.

Pure: a spec in, sections out. A spec of unknown shape gives fewer rows, never an error.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ('Name', 'Section', 'build_sections', 'named_by', 'names_in')


@dataclass(frozen=True, slots=True)
class Name:
    """Another resource of the same fabric, which a cell references."""

    kind: str
    name: str


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


def named_by(kind: str, name: str) -> dict[str, dict[str, Any]]:
    """Return which other resources may reference this one: by kind, the lookup on their `spec` that finds them."""
    if kind == 'VPC':
        return {
            'VPCAttachment': {'spec__subnet__startswith': f'{name}/'},
            'VPCPeering': {'spec__contains': {'permit': [{name: {}}]}},
            'ExternalPeering': {'spec__contains': {'permit': {'vpc': {'name': name}}}},
            'GatewayPeering': {'spec__contains': {'peering': {name: {}}}},
        }
    if kind == 'External':
        return {
            'ExternalAttachment': {'spec__external': name},
            'ExternalPeering': {'spec__contains': {'permit': {'external': {'name': name}}}},
            'GatewayPeering': {'spec__contains': {'peering': {f'ext.{name}': {}}}},
        }
    return {}


# Reading values of unknown shape

def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    if value is None or isinstance(value, (Mapping, list)):
        return ''
    return str(value)


def _texts(value: Any, none: str = '') -> str:
    return ', '.join(filter(None, map(_text, _list(value)))) or none


def _cell(*parts: str | Name) -> Cell:
    return tuple(part for part in parts if part)


def _names(kind: str, names: list[str]) -> Cell:
    parts: list[str | Name] = []
    for name in names:
        parts += [', ', Name(kind, name)] if parts else [Name(kind, name)]
    return tuple(parts)


# The kinds

def _vpc(spec: Mapping[str, Any]) -> Iterator[Section]:
    subnets = Section('Subnets', ('Name', 'Prefix', 'Gateway', 'VLAN', 'DHCP', 'Rules'))
    for name, value in _map(spec.get('subnets')).items():
        subnet = _map(value)
        rules = [title for key, title in (
            ('isolated', 'isolated'), ('restricted', 'restricted'), ('hostBGP', 'host BGP'),
        ) if subnet.get(key) is True]
        subnets.rows.append((
            _cell(str(name)), _cell(_text(subnet.get('subnet'))), _cell(_text(subnet.get('gateway'))),
            _cell(_text(subnet.get('vlan'))), _dhcp(_map(subnet.get('dhcp'))), _cell(', '.join(rules)),
        ))
    yield subnets
    permits = Section('Permits between subnets', ('Permit', 'Subnets that reach each other'))
    for number, permit in enumerate(_list(spec.get('permit')), 1):
        permits.rows.append((_cell(str(number)), _cell(_texts(permit))))
    yield permits
    routes = Section('Static routes', ('Prefix', 'Next hops'))
    for value in _list(spec.get('staticRoutes')):
        route = _map(value)
        routes.rows.append((_cell(_text(route.get('prefix'))), _cell(_texts(route.get('nextHops')))))
    yield routes


def _dhcp(dhcp: Mapping[str, Any]) -> Cell:
    if relay := _text(dhcp.get('relay')):
        vpc = _text(dhcp.get('relayVPC'))
        return _cell(f'relay to {relay}', ' in ' if vpc else '', Name('VPC', vpc) if vpc else '')
    if dhcp.get('enable') is not True:
        return ()
    span = _map(dhcp.get('range'))
    start, end = _text(span.get('start')), _text(span.get('end'))
    return _cell(f'{start} – {end}' if start or end else 'enabled')


def _vpc_peering(spec: Mapping[str, Any]) -> Iterator[Section]:
    section = Section('Permits', ('Permit', 'VPC', 'Subnets', 'Reaches'))
    for number, value in enumerate(_list(spec.get('permit')), 1):
        members = _map(value)
        for vpc, rule in members.items():
            section.rows.append((
                _cell(str(number)), (Name('VPC', vpc),), _cell(_texts(_map(rule).get('subnets'), 'all')),
                _names('VPC', [other for other in members if other != vpc]),
            ))
    yield section


def _external(spec: Mapping[str, Any]) -> Iterator[Section]:
    static = _map(spec.get('static'))
    section = Section('Routes', ('Type', 'Inbound', 'Outbound'))
    if static:
        section.rows.append((_cell('static'), _cell(_texts(static.get('prefixes'), 'none')), ()))
    else:
        inbound, outbound = _text(spec.get('inboundCommunity')), _text(spec.get('outboundCommunity'))
        section.rows.append((
            _cell('BGP'), _cell(f'community {inbound}' if inbound else 'any community'),
            _cell(f'community {outbound}' if outbound else 'no community'),
        ))
    yield section


def _external_peering(spec: Mapping[str, Any]) -> Iterator[Section]:
    permit = _map(spec.get('permit'))
    vpc, external = _map(permit.get('vpc')), _map(permit.get('external'))
    vpc_name, external_name = _text(vpc.get('name')), _text(external.get('name'))
    if not vpc_name and not external_name:
        return
    prefixes = [_text(_map(item).get('prefix')) for item in _list(external.get('prefixes'))]
    yield Section('Permit', ('Participant', 'Permits', 'To'), [
        (_cell(Name('VPC', vpc_name) if vpc_name else ''),
         _cell('subnets ' + _texts(vpc.get('subnets'), 'none')), _cell(Name('External', external_name))),
        (_cell(Name('External', external_name) if external_name else ''),
         _cell('prefixes ' + (', '.join(filter(None, prefixes)) or 'none')), _cell(Name('VPC', vpc_name))),
    ])


def _gateway_peering(spec: Mapping[str, Any]) -> Iterator[Section]:
    exposed = Section('Exposed', ('Participant', 'Exposes', 'As', 'NAT'))
    for key, value in _map(spec.get('peering')).items():
        for item in _list(_map(value).get('expose')) or [{}]:
            expose = _map(item)
            what = 'default route' if expose.get('default') is True else _ranges(expose.get('ips'))
            exposed.rows.append((
                (_participant(key),), _cell(what or 'nothing'), _cell(_ranges(expose.get('as'))),
                _cell(_nat(_map(expose.get('nat')))),
            ))
    yield exposed
    acl = _map(spec.get('acl'))
    rules = Section(
        f'Access rules (otherwise: {_text(acl.get("default")) or "deny unless exposed"})',
        ('Rule', 'Action', 'From', 'To', 'Matches'),
    )
    for number, value in enumerate(_list(acl.get('rules')), 1):
        rule = _map(value)
        match = _map(rule.get('match'))
        matches = [
            _text(match.get('proto')), *(f'from {_matched(item)}' for item in _list(match.get('src'))),
            *(f'to {_matched(item)}' for item in _list(match.get('dst'))),
        ]
        rules.rows.append((
            _cell(_text(rule.get('name')) or str(number)),
            _cell(_text(rule.get('action')) + (', logged' if rule.get('log') is True else '')),
            _side(rule.get('from')), _side(rule.get('to')), _cell(', '.join(filter(None, matches)) or 'everything'),
        ))
    yield rules


def _participant(key: str) -> Name:
    return Name('External', key[len('ext.'):]) if key.startswith('ext.') else Name('VPC', key)


def _side(value: Any) -> Cell:
    text = _text(value)
    return (_participant(text),) if text else _cell('either')


def _ranges(value: Any) -> str:
    parts = []
    for item in map(_map, _list(value)):
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
        rule = _map(nat[key])
        ports = ', '.join(
            f'{_text(port.get("proto")) or "any"} {_text(port.get("port"))} → {_text(port.get("as"))}'
            for port in map(_map, _list(rule.get('ports')))
        )
        idle = _text(rule.get('idleTimeout'))
        notes = '; '.join(filter(None, (ports, f'idle for {idle}' if idle else '')))
        parts.append(f'{title} ({notes})' if notes else title)
    return ', '.join(parts)


def _matched(value: Any) -> str:
    item = _map(value)
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
}
