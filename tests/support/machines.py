"""Fabrics of one site whose servers are connected to several of them."""

from collections.abc import Iterable

from netbox_hedgehog.inventory.mapping.types import Resource

from .resources import make

__all__ = ('plane',)


def plane(name: str, servers: Iterable[int], gateway: bool = False) -> list[Resource]:
    """Return a fabric with a leaf of its own to which these servers are connected, by ports of their own.

    Servers with an even number have a bundle of two ports there, the others one port.
    """
    leaf, servers = f'{name}-leaf', list(servers)
    ports = {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 41)}
    profile = {'displayName': 'Acme X4', 'portProfiles': {'p': {'speed': {'default': '25G'}}}}
    channels = {f'{name}--node-{number}': number for number in servers}
    found = [
        make('SwitchProfile', 'x4', **profile, ports=ports),
        make('Switch', leaf, role='server-leaf', profile='x4'),
        make('Catalog', f'switch.{leaf}', portChannelIDs=channels),
    ]
    for number in servers:
        links = [_link(name, leaf, number, port) for port in range(1 if number % 2 else 2)]
        connection = {'unbundled': {'link': links[0]}} if number % 2 else {'bundled': {'links': links}}
        found += [
            make('Server', f'node-{number}'),
            make('Connection', f'{name}--node-{number}', **connection),
        ]
    if gateway:
        found.append(make('Gateway', 'border', asn=65500, protocolIP='172.30.8.9/32'))
    return found


def _link(name: str, leaf: str, number: int, port: int) -> dict[str, dict[str, str]]:
    return {
        'server': {'port': f'node-{number}/{name}{port}'},
        'switch': {'port': f'{leaf}/E1/{2 * number + port}'},
    }
