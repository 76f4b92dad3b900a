"""What a Connection means: one table of the members of its union, and the one reader of its spec.

A new member is a row in MEMBERS: cables, LAGs, attachments, diagrams, health and references follow from it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import ManifestIssue, items, mapping, objects, shown, text
from .switch_ports import PortNames

__all__ = (
    'MEMBERS', 'PEER_LINKS', 'SESSION_LINKS', 'Connection', 'End', 'Link', 'Member', 'kind_of_end', 'list_path',
    'ports_named', 'read_connection', 'wired_ports',
)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a Connection's union.

    `ends` are the fields that name the ends of a link. The device that people move less comes first: it names the
    cable. Where there is one only, the other end is not in the fabric. `lists` are the fields that have the links;
    `link` has a single one. `lag`: the ports at each end are one LAG. `attachable`: VPC subnets can be attached.
    `may_be_empty`: may be without links. `drawn_as` is the member whose lines look the same in diagrams. `obeys_mtu`:
    its switches use the MTU that it says; those of bundles ignore it. `channels` are lists whose links are one LAG at
    each end, and the number of that LAG. `on_vlan`: a switch may have the address of a port on the interface of a VLAN.
    """

    name: str
    ends: tuple[str, ...]
    lists: tuple[str, ...] = ('links',)
    lag: bool = False
    attachable: bool = False
    may_be_empty: bool = False
    drawn_as: str = ''
    obeys_mtu: bool = False
    channels: tuple[tuple[str, int], ...] = ()
    on_vlan: bool = False


# The lists of an MCLAG domain: its peer links have the VLANs of all servers, its session links an address.
PEER_LINKS, SESSION_LINKS = 'peerLinks', 'sessionLinks'

_SERVER = ('server', 'switch')
_PAIR = ('switch1', 'switch2')

MEMBERS = {member.name: member for member in (
    Member('unbundled', _SERVER, ('link',), attachable=True, obeys_mtu=True),
    Member('bundled', _SERVER, lag=True, attachable=True),
    Member('eslag', _SERVER, lag=True, attachable=True),
    Member('mclag', _SERVER, lag=True, attachable=True),
    Member('fabric', ('leaf', 'spine')),
    Member('mesh', ('leaf1', 'leaf2'), on_vlan=True),
    Member('gateway', ('gateway', 'switch'), on_vlan=True),
    Member('vpcLoopback', _PAIR, drawn_as='unbundled'),
    Member(
        'mclagDomain', _PAIR, (PEER_LINKS, SESSION_LINKS), may_be_empty=True, drawn_as='mclag',
        channels=((PEER_LINKS, 250), (SESSION_LINKS, 251)),
    ),
    Member('external', ('switch',), ('link',)),
    Member('staticExternal', ('switch',), ('link',), drawn_as='external'),
)}

# A member of a newer release is read as far as it looks like those that are known.
_ALL_ENDS = tuple(dict.fromkeys(end for member in MEMBERS.values() for end in member.ends))
_ALL_LISTS = tuple(dict.fromkeys(name for member in MEMBERS.values() for name in member.lists))

# How many issues of a member are kept: a server may send hundreds of thousands of links without ends.
MOST_ISSUES = 100

_TIERS = {'gateway': 0, 'spine': 1, 'server': 3}
_OTHER_TIER = 2


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: the field that names it, its device, its port, and what else the manifest says of it."""

    field: str
    device: str
    port: str
    ip: Any = None
    vlan: Any = None

    def __str__(self) -> str:
        return f'{self.device} {self.port}'.rstrip()

    @property
    def kind(self) -> str:
        """Return the kind of its device."""
        return kind_of_end(self.field)


@dataclass(frozen=True, slots=True)
class Link:
    """One cable of a Connection, with those of its ends that name a device, and the field that lists it."""

    connection: str
    member: Member
    ends: tuple[End, ...]
    listed: str = ''

    @property
    def near(self) -> End:
        """Return the upper end: the gateway's or spine's."""
        return self._by_tier[0]

    @property
    def far(self) -> End | None:
        """Return the lower end: the leaf's or server's; None if it is unknown."""
        return self._by_tier[1] if len(self.ends) > 1 else None

    @property
    def _by_tier(self) -> list[End]:
        return sorted(self.ends, key=lambda end: _TIERS.get(end.field, _OTHER_TIER))


@dataclass(frozen=True, slots=True)
class Connection:
    """A Connection as far as its spec can be read.

    `member` is None where it is unclear which one the Connection has; `links` are then those of all that it may have.
    `mtu` is the one that its switches obey, None where it says none of this kind.
    """

    name: str
    member: Member | None
    links: tuple[Link, ...]
    mtu: Any = None
    within_vpc: str = ''
    issues: tuple[ManifestIssue, ...] = ()


def kind_of_end(field: str) -> str:
    """Return the kind of the devices that a field of a link names."""
    return {'server': 'Server', 'gateway': 'Gateway'}.get(field, 'Switch')


def list_path(name: str) -> tuple[str, ...]:
    """Return the path below a member that leads to the links in one of its fields."""
    return (name,) if name == 'link' else (name, '*')


def read_connection(name: str, spec: Any, port_names: PortNames | None = None) -> Connection:
    """Read a Connection's spec; with `port_names`, the ports of switches by the names that their profiles have.

    Raises nothing: what cannot be used is among the issues.
    """
    given = {key: mapping(value) for key, value in mapping(spec).items() if value is not None}
    known = sorted(given.keys() & MEMBERS.keys())
    member = MEMBERS[known[0]] if len(known) == 1 else None
    candidates = [member] if member else [_member(key) for key in given]
    links: list[Link] = []
    issues: list[ManifestIssue] = []
    for candidate in candidates:
        reader = _Reader(name, candidate, port_names)
        reader.read(given[candidate.name])
        links += reader.links
        if member:
            issues += reader.issues
    if member is None:
        return Connection(name, None, tuple(links), issues=(_unclear(given, known),))
    settings = given[member.name]
    mtu = settings.get('mtu') if member.obeys_mtu else None
    return Connection(
        name, member, tuple(links), mtu, text(settings.get('withinVPC')), tuple(issues),
    )


def _member(name: str) -> Member:
    return MEMBERS.get(name) or Member(name, _ALL_ENDS, _ALL_LISTS, may_be_empty=True, drawn_as='unbundled')


def _unclear(given: Iterable[str], known: list[str]) -> ManifestIssue:
    if known:
        return ManifestIssue('connection-ambiguous', {'types': tuple(known)})
    if types := sorted(shown(name) for name in given):
        return ManifestIssue('connection-type-unknown', {'types': tuple(types[:3])})
    return ManifestIssue('connection-empty', {})


class _Reader:
    """Reads the links of one member, and collects their issues, up to MOST_ISSUES."""

    def __init__(self, connection: str, member: Member, port_names: PortNames | None) -> None:
        self.connection, self.member, self.port_names = connection, member, port_names
        self.links: list[Link] = []
        self.issues: list[ManifestIssue] = []

    def read(self, settings: Mapping[str, Any]) -> None:
        for name in self.member.lists:
            listed = [settings.get(name)] if name == 'link' else items(settings.get(name))
            usable = objects(listed)
            if len(usable) < len(listed) or not (listed or self.member.may_be_empty):
                self.issues.append(ManifestIssue('links-invalid', {'links': name}))
            for item in usable:
                if ends := tuple(self._ends(item)):
                    self.links.append(Link(self.connection, self.member, ends, name))

    def _ends(self, item: Mapping[str, Any]) -> Iterator[End]:
        for field in self.member.ends:
            has_room = len(self.issues) < MOST_ISSUES
            if field not in item and not has_room:
                continue
            end = mapping(item.get(field))
            device, _, port = text(end.get('port')).partition('/')
            if (not device or not port) and has_room:
                self.issues.append(ManifestIssue('port-invalid', {'end': field, 'port': shown(end.get('port'))}))
            if self.port_names and kind_of_end(field) == 'Switch':
                port = self.port_names.of(device, port)
            if device:
                yield End(field, device, port, end.get('ip'), end.get('vlan'))


def wired_ports(connections: Iterable[Connection]) -> dict[str, dict[str, str]]:
    """Return the ports of each switch that Connections name, each with a text on what is at its other end.

    An end that names a switch and no port is skipped: it is an issue of its Connection.
    """
    ports: dict[str, dict[str, str]] = {}
    for link in (link for connection in connections for link in connection.links):
        for end, other in ((link.near, link.far), (link.far, link.near)):
            if end is not None and end.kind == 'Switch' and end.port:
                ports.setdefault(end.device, {})[end.port] = str(other) if other else link.connection
    return ports


def ports_named(spec: Any) -> Iterator[tuple[str, str]]:
    """Yield device and port of everything called `port` anywhere in a spec, also in unknown members."""
    pending = [spec]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
            device, _, port = text(value.get('port')).partition('/')
            yield device, port
        elif isinstance(value, list):
            pending.extend(value)
