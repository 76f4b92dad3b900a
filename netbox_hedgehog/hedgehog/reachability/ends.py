"""Understand the ends of a question: a server, a subnet, an address or prefix, or an External.

Also taken are `server NAME`, `external NAME`, `external NAME PREFIX`, `subnet VPC/SUBNET` and `VPC/SUBNET ADDRESS`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from ..kinds import EXTERNAL_PREFIX
from ..manifest import mapping, objects, shown, text
from ..vpcs import read_vpc_attachment
from .answer import QuestionError, Step
from .mirror import Mirror
from .spans import ALL_ADDRESSES, Span, covers, overlap, read_span, shown_span

__all__ = ('EXTERNAL', 'OUTSIDE', 'SUBNET', 'End', 'Place', 'read_end')

SUBNET, EXTERNAL, OUTSIDE = 'VPC', 'External', ''

# How many candidates a sentence names.
MOST_NAMED = 6

# The longest end that is looked at, in characters.
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where traffic begins or ends: a subnet of a VPC, an External, or OUTSIDE: addresses of no VPC.

    `span` are its addresses; None for all that an External has. `steps` say how it gets there.
    """

    kind: str
    owner: str
    subnet: str
    span: Span | None
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        if self.kind == SUBNET:
            return f'{self.owner}/{self.subnet}'
        span = '' if self.span is None else shown_span(self.span)
        return ' of '.join(filter(None, (span, self.owner and f'External {self.owner}')))

    @property
    def participant(self) -> str:
        """Return the name that it has in a GatewayPeering."""
        return self.owner if self.kind == SUBNET else EXTERNAL_PREFIX + self.owner


@dataclass(frozen=True, slots=True)
class End:
    """An end of a question: how it is called, and its places. Without places, `steps` and `changes` say why.

    `is_one`: it is a single thing, so that nothing is asked about it and itself. `entered` is what people entered.
    """

    title: str
    places: tuple[Place, ...]
    reason: str = ''
    steps: tuple[Step, ...] = ()
    changes: tuple[str, ...] = ()
    is_one: bool = False
    entered: str = ''


def read_end(value: str, mirror: Mirror) -> End:
    """Return what an end means in a fabric. Raise QuestionError if it means nothing, or more than one thing."""
    return replace(_read_end(value, mirror), entered=value)


def _read_end(value: str, mirror: Mirror) -> End:
    words = value.split()
    if not words:
        raise QuestionError('Enter a server, a subnet such as vpc-1/default, an address, or an External at both ends.')
    if len(value) > LONGEST:
        raise QuestionError(f'An end has {len(value)} characters: enter {LONGEST} or fewer.')
    kind = words[0].lower() if len(words) > 1 else ''
    name = words[1] if kind else words[0]
    if '/' not in name:
        # Kubernetes allows no capitals in names, but people write them.
        name = name.lower()
    if kind in ('server', 'external', 'subnet'):
        return _of_kind(kind, name, words[2:], mirror)
    if len(words) == 2 and '/' in words[0]:
        return _subnet(words[0], words[1], mirror)
    if len(words) > 1:
        raise QuestionError(
            f'“{shown(value)}” is not understood. Enter one of: server NAME, VPC/SUBNET, an address or prefix, '
            'external NAME.'
        )
    if _looks_like_address(name):
        return _addresses(name, mirror)
    if '/' in name:
        return _subnet(name, '', mirror)
    return _named(name, mirror)


def _of_kind(kind: str, name: str, rest: list[str], mirror: Mirror) -> End:
    if len(rest) > (kind != 'server'):
        raise QuestionError(f'“{shown(" ".join(rest))}” after {kind} {shown(name)} is not understood.')
    if kind == 'subnet':
        return _subnet(name, ''.join(rest), mirror)
    if not mirror.has(kind.capitalize(), name):
        raise _unknown(kind.capitalize(), name, mirror)
    return _server(name, mirror) if kind == 'server' else _external(name, ''.join(rest), mirror)


def _unknown(kind: str, name: str, mirror: Mirror) -> QuestionError:
    if mirror.was_deleted(kind, name):
        return QuestionError(f'{kind} {shown(name)} was deleted from the cluster.')
    seen = ', as far as you may view it' if mirror.is_partial else ''
    return QuestionError(f'{mirror.name} has no {kind} {shown(name)}{seen}.')


def _looks_like_address(name: str) -> bool:
    first = name.partition('/')[0]
    return ':' in first or (first.count('.') == 3 and first.replace('.', '').isdigit())


def _named(name: str, mirror: Mirror) -> End:
    kinds = [kind for kind in ('Server', 'External', 'VPC') if mirror.has(kind, name)]
    if len(kinds) > 1:
        ways = {'Server': [f'server {name}'], 'External': [f'external {name}'], 'VPC': _subnets_of(name, mirror)}
        options = [way for kind in kinds for way in ways[kind]]
        called = {'Server': 'a server', 'External': 'an External', 'VPC': 'a VPC'}
        raise QuestionError(f'“{name}” is the name of {" and of ".join(called[kind] for kind in kinds)}. '
                            f'Enter {_some(options)}.')
    if kinds == ['Server']:
        return _server(name, mirror)
    if kinds == ['External']:
        return _external(name, '', mirror)
    if kinds == ['VPC']:
        subnets = _subnets_of(name, mirror)
        if len(subnets) == 1:
            return _subnet(subnets[0], '', mirror)
        if not subnets:
            raise QuestionError(f'VPC {name} has no subnets.')
        raise QuestionError(f'VPC {name} has several subnets. Enter {_some(subnets)}.')
    for kind in ('Server', 'External', 'VPC'):
        if mirror.was_deleted(kind, name):
            raise _unknown(kind, name, mirror)
    seen = ' that you may view' if mirror.is_partial else ''
    raise QuestionError(f'No server, VPC or External of {mirror.name}{seen} is named “{shown(name)}”.')


def _subnets_of(vpc: str, mirror: Mirror) -> list[str]:
    read = mirror.vpcs.get(vpc)
    return [f'{vpc}/{name}' for name in read.subnets] if read is not None else []


def _some(names: list[str]) -> str:
    listed = names[:MOST_NAMED]
    more = len(names) - len(listed)
    return ' or '.join(listed) + (f' (and {more} more)' if more else '')


# Subnets and addresses

def _subnet(path: str, part: str, mirror: Mirror) -> End:
    """Return a subnet, or the part of it that an address or prefix names."""
    vpc, _, name = path.partition('/')
    if vpc not in mirror.vpcs:
        raise _unknown('VPC', vpc, mirror)
    if name not in mirror.vpcs[vpc].subnets:
        subnets = _subnets_of(vpc, mirror)
        known = f' Enter {_some(subnets)}.' if subnets else ''
        raise QuestionError(f'VPC {vpc} has no subnet “{shown(name)}”.{known}')
    spans = [span for owner, subnet, span in mirror.subnets() if (owner, subnet) == (vpc, name)]
    if not spans:
        prefix = shown(mirror.vpcs[vpc].subnets[name].prefix)
        raise QuestionError(f'The prefix of {path} is {prefix}, which is not an IPv4 prefix.')
    if not part:
        return End(path, (Place(SUBNET, vpc, name, spans[0]),))
    span = _read(part)
    if not any(covers([whole], span) for whole in spans):
        raise QuestionError(f'{part} is not in {path} ({", ".join(map(shown_span, spans))}).')
    _check_host(span, vpc, name, mirror)
    return End(f'{part} in {path}', (Place(SUBNET, vpc, name, span),), is_one=span[0] == span[1])


def _read(value: str) -> Span:
    span = read_span(value)
    if span is None:
        hint = ' The addresses of VPCs are IPv4.' if ':' in value else ''
        raise QuestionError(f'“{shown(value)}” is not an IPv4 address or prefix.{hint}')
    return span


def _addresses(value: str, mirror: Mirror) -> End:
    span = _read(value)
    title = shown_span(span)
    found = [(vpc, name, whole) for vpc, name, whole in mirror.subnets() if overlap(whole, span)]
    inside = [(vpc, name) for vpc, name, whole in found if covers([whole], span)]
    if span != ALL_ADDRESSES and len(inside) > 1:
        options = _some([f'“{vpc}/{name} {value}”' for vpc, name in inside])
        raise QuestionError(f'{title} is in several subnets. Enter {options}.')
    if inside and span != ALL_ADDRESSES:
        vpc, name = inside[0]
        _check_host(span, vpc, name, mirror)
        return End(f'{title} ({vpc}/{name})', (Place(SUBNET, vpc, name, span),), is_one=span[0] == span[1])
    if found and span != ALL_ADDRESSES:
        options = _some([f'{vpc}/{name}' for vpc, name, _ in found])
        raise QuestionError(f'{title} is larger than the subnets in it. Enter {options}, or a smaller prefix.')
    for peering, owner, pool in _pools(mirror):
        if covers([pool], span) and span != ALL_ADDRESSES:
            raise QuestionError(
                f'{title} is an address by which GatewayPeering {peering} exposes {owner}. Ask about what is behind '
                f'it: {_behind(owner, mirror)}.'
            )
    return End(title, (Place(OUTSIDE, '', '', span),))


def _behind(owner: str, mirror: Mirror) -> str:
    if owner in mirror.vpcs:
        return _some(_subnets_of(owner, mirror))
    return f'external {owner.removeprefix(EXTERNAL_PREFIX)}'


def _pools(mirror: Mirror) -> Iterator[tuple[str, str, Span]]:
    """Yield GatewayPeering, participant and addresses of all that NAT shows to others."""
    for peering, spec in mirror.all('GatewayPeering'):
        for owner, part in mapping(mapping(spec).get('peering')).items():
            exposes = objects(mapping(part).get('expose'))
            pools = [read_span(item.get('cidr')) for expose in exposes for item in objects(expose.get('as'))]
            yield from ((peering, owner, pool) for pool in pools if pool is not None)


def _check_host(span: Span, vpc: str, name: str, mirror: Mirror) -> None:
    """Raise QuestionError for a single address that no host has."""
    subnet = mirror.vpcs[vpc].subnets[name]
    whole = read_span(subnet.prefix)
    if span[0] != span[1] or whole is None or not covers([whole], span):
        return
    title = IPv4Address(span[0])
    gateway = read_span(text(subnet.gateway).partition('/')[0])
    if gateway == span:
        raise QuestionError(
            f'{title} is the gateway of {vpc}/{name}, an address of the switches. Enter the address of a host.'
        )
    if span[0] in whole and whole[1] - whole[0] > 1 and not subnet.host_bgp:
        raise QuestionError(f'{title} is the first or last address of {vpc}/{name}, which no host has.')


# Servers and Externals

def _external(name: str, prefix: str, mirror: Mirror) -> End:
    if not prefix:
        return End(f'External {name}', (Place(EXTERNAL, name, '', None),), is_one=True)
    span = _read(prefix)
    return End(f'{shown_span(span)} of External {name}', (Place(EXTERNAL, name, '', span),))


def _server(name: str, mirror: Mirror) -> End:
    places: dict[tuple[str, str], Place] = {}
    broken: list[Step] = []
    connections = [found for each, _ in mirror.all('Connection') if _wires(name, found := mirror.connection(each))]
    wired = {connection.name for connection in connections if connection is not None}
    for attachment, spec in mirror.all('VPCAttachment'):
        read = read_vpc_attachment(spec)
        if read.connection not in wired:
            continue
        span = mirror.subnet_span(read.vpc, read.subnet)
        if span is None:
            sentence = f'attaches {name} to {shown(read.path)}, which does not exist.'
            broken.append(Step('VPCAttachment', attachment, sentence))
            continue
        native = ' as the native VLAN' if read.native_vlan else ''
        step = Step('VPCAttachment', attachment, f'attaches {name} to {read.path} by {read.connection}{native}.')
        place = places.get((read.vpc, read.subnet), Place(SUBNET, read.vpc, read.subnet, span))
        places[read.vpc, read.subnet] = Place(SUBNET, read.vpc, read.subnet, span, (*place.steps, step))
    if places:
        return End(name, tuple(places.values()), is_one=True)
    if not wired:
        return End(
            name, (), f'{name} has no Connection to a switch.', tuple(broken),
            (f'Connect {name} to a switch, and attach the Connection to a subnet by a VPCAttachment.',),
            is_one=True,
        )
    listed = ' or '.join(sorted(wired)[:MOST_NAMED])
    return End(
        name, (), f'{name} is not attached to any VPC.', tuple(broken),
        (f'Create a VPCAttachment that attaches {listed} to a subnet.',),
        is_one=True,
    )


def _wires(server: str, connection: object) -> bool:
    links = getattr(connection, 'links', ())
    return any(end.kind == 'Server' and end.device == server for link in links for end in link.ends)
