"""Read the links of a Connection: one ConnectionLink a cable, whatever its union member."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import mapping, objects, text

__all__ = ('End', 'ConnectionLink', 'interface_of', 'links', 'wired_ports')

# Where a link of each union member names its ends, and what kind of thing each is.
_ENDS = {
    'server': 'Server', 'switch': 'Switch', 'spine': 'Switch', 'leaf': 'Switch', 'leaf1': 'Switch', 'leaf2': 'Switch',
    'switch1': 'Switch', 'switch2': 'Switch', 'gateway': 'Gateway',
}
_LISTS = ('links', 'peerLinks', 'sessionLinks')


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: the kind and name of its device, and the port as the Connection names it."""

    kind: str
    device: str
    port: str

    def __str__(self) -> str:
        return f'{self.device} {self.port}'


@dataclass(frozen=True, slots=True)
class ConnectionLink:
    """One cable of a Connection. `kind` is the Connection's union member.

    `near` is the gateway's or spine's end, `far` the leaf's or server's; None where nobody says what is there.
    """

    connection: str
    kind: str
    near: End
    far: End | None


def links(connection: str, spec: Mapping[str, Any]) -> list[ConnectionLink]:
    """Return the links of a Connection's spec. A spec of unknown shape has none; nothing is raised."""
    found = []
    for kind, member in spec.items():
        member = mapping(member)
        listed = [item for name in _LISTS for item in objects(member.get(name))]
        for item in [*objects([member.get('link')]), *listed]:
            ends = sorted(filter(None, (_end(name, item[name]) for name in _ENDS if name in item)), key=_rank)
            if ends:
                found.append(ConnectionLink(connection, kind, ends[0], ends[1] if len(ends) > 1 else None))
    return found


def _end(name: str, value: Any) -> End | None:
    device, _, port = text(mapping(value).get('port')).partition('/')
    return End(_ENDS[name], device, port) if device else None


def _rank(end: End) -> int:
    return {'Gateway': 0, 'Switch': 1, 'Server': 2}[end.kind]


def wired_ports(found: Iterable[ConnectionLink]) -> dict[str, dict[str, str]]:
    """Return the ports of each switch that a Connection names, each with a text on what is at its other end."""
    ports: dict[str, dict[str, str]] = {}
    for link in found:
        for end, other in ((link.near, link.far), (link.far, link.near)):
            if end is not None and end.kind == 'Switch':
                ports.setdefault(end.device, {})[end.port] = str(other) if other else link.connection
    return ports


def interface_of(port: str, interfaces: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what an Agent reports of a port, or None if it does not report it.

    A port that can be broken out is wired as `E1/49`, and reported as `E1/49/1` while it is one.
    """
    for name in (port, f'{port}/1'):
        if isinstance(interfaces.get(name), dict):
            return dict(interfaces[name])
    return None
