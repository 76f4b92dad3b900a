"""Read where a server is plugged in, and ask for the Connections that plug servers in. Pure.

The predicates are jsonpaths on the spec of a Connection, for PostgreSQL in its lax mode.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .connections import read_connection
from .manifest import natural
from .places import quoted
from .switch_ports import PortNames

__all__ = ('ServerLinks', 'at_ports', 'of_servers', 'read_server_links')

# What the name of a resource may have in it.
_NAME = re.compile(r'[a-z0-9.-]+')


@dataclass(frozen=True, slots=True)
class ServerLinks:
    """The links of a Connection of a server: its ports, and those of each switch, in natural order."""

    connection: str
    server: str
    server_ports: tuple[str, ...]
    switch_ports: dict[str, tuple[str, ...]]
    is_lag: bool


def read_server_links(name: str, spec: Any, port_names: PortNames | None = None) -> ServerLinks | None:
    """Return the links of a Connection of a server; None for any other. Raises nothing, whatever the spec is."""
    read = read_connection(name, spec, port_names)
    ends = [end for link in read.links for end in link.ends]
    servers = [end for end in ends if end.kind == 'Server']
    switches = dict.fromkeys(end.device for end in ends if end.kind == 'Switch')
    if not servers or not switches:
        return None
    return ServerLinks(
        name, servers[0].device, _in_order(end.port for end in servers),
        {switch: _in_order(end.port for end in ends if end.device == switch) for switch in switches},
        read.member is not None and read.member.lag,
    )


def _in_order(ports: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(filter(None, ports)), key=natural))


def of_servers(names: Iterable[str]) -> str:
    """Return the predicate for Connections of any of these servers; '' if there are none."""
    usable = [name.replace('.', '[.]') for name in names if _NAME.fullmatch(name)]
    return f'exists($.*.*.server.port ? (@ like_regex {quoted(f"^({"|".join(usable)})/")}))' if usable else ''


def at_ports(ports: Iterable[tuple[str, str]]) -> str:
    """Return the predicate for Connections of servers at any of these ports of switches; '' if there are none.

    The name of a port may have its lane or not.
    """
    names = {f'{switch}/{name}' for switch, port in ports for name in (port, port.removesuffix('/1'), f'{port}/1')}
    conditions = ' || '.join(f'@ == {quoted(name)}' for name in sorted(names))
    return f'exists($.*.*.switch.port ? ({conditions}))' if names else ''
