"""What Connections say: which ports hang together, and how. No NetBox object is wanted in here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...hedgehog.manifest import items, mapping, shown, text
from ...hedgehog.switch_ports import normalise
from .builder import Draft, Interface
from .devices import port_of
from .types import CABLING, DEVICES, Resource

__all__ = ('BUNDLES', 'SERVED', 'End', 'Link', 'Wire', 'wire')

# The members of a Connection's union: where its links stand, and the field and kind of either end. The end that
# people move less comes first: it names the cable.
_SERVER = (('server', 'Server'), ('switch', 'Switch'))
_PAIR = (('switch1', 'Switch'), ('switch2', 'Switch'))
_MEMBERS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    'unbundled': (('link',), _SERVER),
    'bundled': (('links',), _SERVER),
    'eslag': (('links',), _SERVER),
    'mclag': (('links',), _SERVER),
    'fabric': (('links',), (('leaf', 'Switch'), ('spine', 'Switch'))),
    'mesh': (('links',), (('leaf1', 'Switch'), ('leaf2', 'Switch'))),
    'gateway': (('links',), (('gateway', 'Gateway'), ('switch', 'Switch'))),
    'vpcLoopback': (('links',), _PAIR),
    'mclagDomain': (('peerLinks', 'sessionLinks'), _PAIR),
    # What is at the far end of these is none of the fabric's.
    'external': (('link',), (('switch', 'Switch'),)),
    'staticExternal': (('link',), (('switch', 'Switch'),)),
}

# Those whose ports are one LAG on either side, and those that a VPC's subnet can be attached to.
BUNDLES = frozenset(('bundled', 'eslag', 'mclag'))
SERVED = BUNDLES | {'unbundled'}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: the interface, and what else the Connection says of it."""

    interface: Interface
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """Two ends, of which either may be missing: unknown, in use already, or outside of the fabric."""

    ends: tuple[End | None, ...]

    @property
    def found(self) -> list[End]:
        return [end for end in self.ends if end is not None]


@dataclass(frozen=True, slots=True)
class Wire:
    """One Connection, read: `member` is the name of its union member, `said` what stands below it."""

    resource: Resource
    member: str
    said: Mapping[str, Any]
    links: list[Link]

    @property
    def ends(self) -> list[End]:
        return [end for link in self.links for end in link.found]


def wire(draft: Draft) -> dict[str, Wire]:
    """Every Connection of the fabric by its name; each port belongs to the first that names it."""
    found = {}
    for resource in draft.of('Connection') if draft.carries(DEVICES) else ():
        if member := _member(draft, resource):
            said = mapping(mapping(resource.spec).get(member))
            lists, ends = _MEMBERS[member]
            links = [
                Link(tuple(_end(draft, resource, link, *end) for end in ends))
                for name in lists for link in _links(draft, resource, said, name)
            ]
            found[resource.name] = Wire(resource, member, said, links)
    _mark_unclear(draft)
    return found


def _mark_unclear(draft: Draft) -> None:
    """Own nothing of a port that a Connection names and that no link uses: the Connection could not be read."""
    for resource in draft.of('Connection') if draft.carries(DEVICES) else ():
        for whole in _port_names(resource.spec):
            name, _, port = whole.partition('/')
            device = draft.devices.get(('Switch', name))
            found = normalise(port, device.interfaces) if device else ''
            if device and found and not draft.claimed('port', device.interfaces[found].key):
                _own_no_use(device.interfaces[found])


def _own_no_use(interface: Interface) -> None:
    interface.unclear = True
    for field in ('mtu', 'lag'):
        interface.owned.pop(field, None)
    if interface.owned.get('enabled') is False:
        del interface.owned['enabled']


def _port_names(spec: Any) -> Iterator[str]:
    """Return what is called `port` anywhere in a manifest."""
    pending = [spec]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
            if isinstance(value.get('port'), str):
                yield value['port']
        elif isinstance(value, list):
            pending.extend(value)


def _subject(draft: Draft) -> str:
    return CABLING if draft.carries(CABLING) else DEVICES


def _member(draft: Draft, resource: Resource) -> str:
    """Which of the union's members a Connection has; empty, with a problem, where that is not clear."""
    given = {name for name, value in mapping(resource.spec).items() if value is not None}
    known = sorted(given & _MEMBERS.keys())
    if len(known) == 1:
        return known[0]
    if known:
        sentence = f'It is several things at once ({", ".join(known)}): it is not carried. Leave one of them.'
    elif given:
        names = ', '.join(sorted(shown(name) for name in given)[:3])
        sentence = f'It is of a type that this version does not know ({names}): it is not carried.'
    else:
        sentence = 'It connects nothing: it is not carried.'
    draft.complain(resource, _subject(draft), sentence)
    return ''


def _links(draft: Draft, resource: Resource, said: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = said.get(name)
    raw = [value] if name == 'link' else items(value)
    links = [link for link in raw if isinstance(link, Mapping)]
    # A domain may be without session links; everything else has at least one link.
    if len(links) < len(raw) or not (raw or name in ('peerLinks', 'sessionLinks')):
        draft.complain(resource, _subject(draft), f'Its {name} cannot be read: it lists no ports.')
    return links


def _end(draft: Draft, resource: Resource, link: Mapping[str, Any], field: str, kind: str) -> End | None:
    said = mapping(link.get(field))
    whole = text(said.get('port'))
    name, _, port = whole.partition('/')
    subject = _subject(draft)
    if not name or not port:
        draft.complain(
            resource, subject, f'The port of its {field} is {shown(said.get("port"))}: write it as device/port.',
        )
        return None
    device = draft.devices.get((kind, name))
    if device is None:
        there = 'is not carried either' if draft.get(kind, name) else 'is not in the fabric'
        draft.complain_absence(
            kind, resource, subject, f'It names {shown(whole)}, but the {kind.lower()} {shown(name)} {there}.',
        )
        return None
    interface = port_of(draft, device, port, resource.source)
    if interface is None or interface.owned.get('type') == 'virtual':
        draft.complain(resource, subject, (
            f'It names {shown(whole)}, a port that the profile of {name} does not have.'
            if kind == 'Switch' else f'It names {shown(whole)}, which cannot be the name of a port.'
        ))
        return None
    if holder := draft.claim(resource.source, 'port', interface.key):
        draft.complain(resource, subject, (
            f'It names {whole} twice: a port has one cable.' if holder == resource.source else
            f'The port {whole} belongs to {holder.kind} {holder.name} already: a port has one cable.'
        ))
        return None
    if kind == 'Switch':
        interface.owned['enabled'] = True
    return End(interface, said)
