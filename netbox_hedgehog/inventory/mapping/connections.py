"""What Connections say: which ports are connected, and how. Adds no NetBox object of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...hedgehog.manifest import items, mapping, shown, text
from ...hedgehog.switch_ports import normalise
from ...issue_codes import Code
from .builder import Builder, Interface
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


def wire(builder: Builder) -> dict[str, Wire]:
    """Every Connection of the fabric by its name; each port belongs to the first that names it."""
    found = {}
    for resource in builder.of('Connection') if builder.includes(DEVICES) else ():
        if member := _member(builder, resource):
            said = mapping(mapping(resource.spec).get(member))
            lists, ends = _MEMBERS[member]
            links = [
                Link(tuple(_end(builder, resource, link, *end) for end in ends))
                for name in lists for link in _links(builder, resource, said, name)
            ]
            found[resource.name] = Wire(resource, member, said, links)
    _mark_unclear(builder)
    return found


def _mark_unclear(builder: Builder) -> None:
    """Manage nothing of a port that a Connection names and that no link uses: the Connection could not be read."""
    for resource in builder.of('Connection') if builder.includes(DEVICES) else ():
        for whole in _port_names(resource.spec):
            name, _, port = whole.partition('/')
            device = builder.devices.get(('Switch', name))
            found = normalise(port, device.interfaces) if device else ''
            if device and found and not builder.is_reserved('port', device.interfaces[found].key):
                _unmanage_use(device.interfaces[found])


def _unmanage_use(interface: Interface) -> None:
    interface.unclear = True
    for field in ('mtu', 'lag'):
        interface.managed_fields.pop(field, None)
    if interface.managed_fields.get('enabled') is False:
        del interface.managed_fields['enabled']


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


def _subject(builder: Builder) -> str:
    return CABLING if builder.includes(CABLING) else DEVICES


def _member(builder: Builder, resource: Resource) -> str:
    """Which of the union's members a Connection has; empty, with an issue, where that is not clear."""
    given = {name for name, value in mapping(resource.spec).items() if value is not None}
    known = sorted(given & _MEMBERS.keys())
    if len(known) == 1:
        return known[0]
    subject = _subject(builder)
    if known:
        builder.report_issue(resource, subject, Code.CONNECTION_AMBIGUOUS, types=tuple(known))
    elif given:
        names = sorted(shown(name) for name in given)
        builder.report_issue(resource, subject, Code.CONNECTION_TYPE_UNKNOWN, types=tuple(names[:3]))
    else:
        builder.report_issue(resource, subject, Code.CONNECTION_EMPTY)
    return ''


def _links(builder: Builder, resource: Resource, said: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = said.get(name)
    raw = [value] if name == 'link' else items(value)
    links = [link for link in raw if isinstance(link, Mapping)]
    # A domain may be without session links; everything else has at least one link.
    if len(links) < len(raw) or not (raw or name in ('peerLinks', 'sessionLinks')):
        builder.report_issue(resource, _subject(builder), Code.LINKS_INVALID, links=name)
    return links


def _end(builder: Builder, resource: Resource, link: Mapping[str, Any], field: str, kind: str) -> End | None:
    said = mapping(link.get(field))
    whole = text(said.get('port'))
    name, _, port = whole.partition('/')
    subject = _subject(builder)
    if not name or not port:
        builder.report_issue(resource, subject, Code.PORT_INVALID, end=field, port=shown(said.get('port')))
        return None
    device = builder.devices.get((kind, name))
    if device is None:
        code = Code.DEVICE_SKIPPED if builder.get(kind, name) else Code.DEVICE_MISSING
        builder.report_missing(kind, resource, subject, code, port=shown(whole), kind=kind.lower(), name=shown(name))
        return None
    interface = port_of(builder, device, port, resource.source)
    if interface is None or interface.managed_fields.get('type') == 'virtual':
        if kind == 'Switch':
            builder.report_issue(resource, subject, Code.PORT_MISSING, port=shown(whole), device=name)
        else:
            builder.report_issue(resource, subject, Code.PORT_NAME_INVALID, port=shown(whole))
        return None
    if holder := builder.reserve(resource.source, 'port', interface.key):
        if holder == resource.source:
            builder.report_issue(resource, subject, Code.PORT_REPEATED, port=shown(whole))
        else:
            builder.report_issue(
                resource, subject, Code.PORT_IN_USE, port=shown(whole), kind=holder.kind, name=holder.name,
            )
        return None
    if kind == 'Switch':
        interface.managed_fields['enabled'] = True
    return End(interface, said)
