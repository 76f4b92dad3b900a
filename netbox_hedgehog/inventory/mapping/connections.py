"""Find which ports Connections connect, and how. Adds no NetBox objects."""

from dataclasses import dataclass
from typing import Any

from ...hedgehog.connections import End, Link, Member, ports_named, read_connection
from ...hedgehog.manifest import shown
from ...hedgehog.switch_ports import normalize
from ...issue_codes import Code
from .builder import Builder, Interface
from .devices import port_of
from .types import CABLING, DEVICES, Resource

__all__ = ('MappedConnection', 'MappedEnd', 'build')


@dataclass(frozen=True, slots=True)
class MappedEnd:
    """One end of a link: its interface, what else the Connection says about it, and the field that lists the link."""

    interface: Interface
    ip: Any
    vlan: Any
    listed: str


@dataclass(frozen=True, slots=True)
class MappedConnection:
    """A Connection with the interfaces of its links.

    A link lacks those of its ends that are unknown, in use already, outside of the fabric, or on a device that a rule
    excludes. The Connection is `complete` if only the latter two are missing; `ends_on_excluded` says that the last is.
    """

    resource: Resource
    member: Member
    mtu: Any
    within_vpc: str
    links: list[list[MappedEnd]]
    complete: bool
    ends_on_excluded: bool = False

    @property
    def ends(self) -> list[MappedEnd]:
        return [end for link in self.links for end in link]


def build(builder: Builder) -> dict[str, MappedConnection]:
    """Return every Connection of the fabric by its name; each port belongs to the first that names it."""
    found: dict[str, MappedConnection] = {}
    if not builder.includes(DEVICES):
        return found
    for resource in builder.of('Connection'):
        connection = read_connection(resource.name, resource.spec)
        for issue in connection.issues:
            builder.report_issue(resource, _scope(builder), Code(issue.code), **issue.parameters)
        if connection.member:
            links = [_ends(builder, resource, link) for link in connection.links]
            named = sum(
                bool(end.port) and not builder.is_excluded(end.kind, end.device)
                for link in connection.links for end in link.ends
            )
            excluded = any(builder.is_excluded(end.kind, end.device) for link in connection.links for end in link.ends)
            found[resource.name] = MappedConnection(
                resource, connection.member, connection.mtu, connection.within_vpc, links,
                complete=not connection.issues and named == sum(len(link) for link in links),
                ends_on_excluded=excluded,
            )
    _mark_unclear(builder)
    return found


def _mark_unclear(builder: Builder) -> None:
    """Leave ports unmanaged that a Connection names and no link uses: it is unreadable, or a rule excludes it."""
    for resource in (*builder.of('Connection'), *builder.excluded_of('Connection')):
        for name, port in ports_named(resource.spec):
            device = builder.devices.get(('Switch', name))
            found = normalize(port, device.interfaces) if device else ''
            if device and found and not builder.is_reserved('port', device.interfaces[found].key):
                _unmanage_use(device.interfaces[found])


def _unmanage_use(interface: Interface) -> None:
    interface.unclear = True
    for field in ('mtu', 'lag'):
        interface.managed_fields.pop(field, None)
    if interface.managed_fields.get('enabled') is False:
        del interface.managed_fields['enabled']


def _scope(builder: Builder) -> str:
    return CABLING if builder.includes(CABLING) else DEVICES


def _ends(builder: Builder, resource: Resource, link: Link) -> list[MappedEnd]:
    mapped = []
    for end in link.ends:
        # An end without a port is among the issues of its Connection.
        if end.port and (interface := _interface(builder, resource, end)):
            mapped.append(MappedEnd(interface, end.ip, end.vlan, link.listed))
    return mapped


def _interface(builder: Builder, resource: Resource, end: End) -> Interface | None:
    """Reserve the interface of an end for its Connection. Returns None, with an issue, if it cannot be reserved."""
    kind, whole, scope = end.kind, shown(f'{end.device}/{end.port}'), _scope(builder)
    device = builder.devices.get((kind, end.device))
    if device is None and builder.depends_on_excluded(resource, kind, end.device):
        return None
    if device is None:
        code = Code.DEVICE_SKIPPED if builder.get(kind, end.device) else Code.DEVICE_MISSING
        builder.report_missing(
            kind, resource, scope, code, port=whole, kind=kind.lower(), name=shown(end.device),
        )
        return None
    interface = port_of(builder, device, end.port, resource.source)
    if interface is None or interface.managed_fields.get('type') == 'virtual':
        if kind == 'Switch':
            builder.report_issue(resource, scope, Code.PORT_MISSING, port=whole, device=end.device)
        else:
            builder.report_issue(resource, scope, Code.PORT_NAME_INVALID, port=whole)
        return None
    if holder := builder.reserve(resource.source, 'port', interface.key):
        if holder == resource.source:
            builder.report_issue(resource, scope, Code.PORT_REPEATED, port=whole)
        else:
            builder.report_issue(
                resource, scope, Code.PORT_IN_USE, port=whole, kind=holder.kind, name=holder.name,
            )
        return None
    if kind == 'Switch':
        interface.managed_fields['enabled'] = True
    return interface
