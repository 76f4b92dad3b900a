"""Map Connections to cables and LAGs."""

from ...hedgehog.catalogs import catalog_of_group
from ...hedgehog.manifest import natural, number, shown
from ...hedgehog.transceivers import Transceiver, cable_medium
from ...issue_codes import Code
from .agents import Cages
from .builder import Builder, Device, Interface, agent_config, catalog
from .connections import MappedConnection
from .devices import mtu_of, runs_cumulus
from .names import key
from .types import CABLE_TYPES, CABLING, DEVICES, Resource, Value

__all__ = ('build',)

# The limit of NetBox.
_LONGEST_LABEL = 100
_LARGEST_CHANNEL = 65535


def build(
    builder: Builder, connections: dict[str, MappedConnection], cages_of: dict[str, Cages],
) -> dict[tuple[str, str], Interface]:
    """Add LAGs and cables. Returns the LAGs by Connection and device key: they get the VLANs of attachments.

    `cages_of` are the transceivers by switch.
    """
    lags: dict[tuple[str, str], Interface] = {}
    for name, connection in connections.items():
        for device, ports in _by_device(connection):
            mtu = _mtu(builder, connection, device)
            for port in ports if device.is_switch else ():
                port.managed_fields.pop('mtu', None)
                port.managed_fields |= mtu
            if connection.member.lag and (lag := _lag(builder, connection.resource, device, ports, mtu)):
                lags[name, device.key] = lag
        if builder.includes(CABLING):
            _cables(builder, connection, cages_of)
    return lags


def _mtu(builder: Builder, connection: MappedConnection, device: Device) -> dict[str, Value]:
    """Return the managed field of the MTU of a switch's ports in a Connection; none if it is invalid or unknown."""
    found = mtu_of(builder, connection.resource, connection.mtu)
    if 'server' not in connection.member.ends or found.get('mtu', 0) is not None or runs_cumulus(builder, device):
        return found
    # What all ports to servers have for which no Connection says another one.
    if builder.is_unread('Agent') or builder.get('Agent', device.resource.name) is None:
        return {}
    return mtu_of(builder, connection.resource, agent_config(builder, device.resource.name).server_mtu)


def _cables(builder: Builder, connection: MappedConnection, cages_of: dict[str, Cages]) -> None:
    for link in connection.links:
        if len(link) == 2:
            first, second = (end.interface for end in link)
            name = connection.resource.name
            builder.add(
                # A port has one cable: the first end identifies it, wherever the other end goes.
                'dcim.cable', key('cable', *first.key.split('/', 1)[1:]), connection.resource.source, CABLING,
                {
                    'a': (first.ref,), 'b': (second.ref,), 'label': name if len(name) <= _LONGEST_LABEL else None,
                    **_type(builder, (first, second), cages_of),
                },
                builder.assigned(connection.resource.source, status='connected'),
            )


def _type(builder: Builder, ends: tuple[Interface, Interface], cages_of: dict[str, Cages]) -> dict[str, Value]:
    """Return the managed field of a cable's type, if the transceivers at both ends say it.

    It is None where they contradict each other. One that says nothing, or that nobody reports, leaves it to people.
    """
    if not builder.includes(CABLE_TYPES):
        return {}
    first, second = (_transceiver(end, cages_of) for end in ends)
    medium = cable_medium(first, second) if first and second else None
    return {} if medium is None else {'type': medium or None}


def _transceiver(end: Interface, cages_of: dict[str, Cages]) -> Transceiver | None:
    """Return the transceiver in the port at the end of a cable; all lanes of a breakout have the same."""
    cages = cages_of.get(end.device.resource.name, {}) if end.device.is_switch else {}
    name = end.name if end.name in cages else end.name.rpartition('/')[0]
    return cages.get(name)


def _by_device(connection: MappedConnection) -> list[tuple[Device, list[Interface]]]:
    found: dict[str, tuple[Device, list[Interface]]] = {}
    for end in connection.ends:
        device = end.interface.device
        found.setdefault(device.key, (device, []))[1].append(end.interface)
    return list(found.values())


def _lag(
    builder: Builder, resource: Resource, device: Device, members: list[Interface], mtu: dict[str, Value],
) -> Interface | None:
    """Add the LAG of a bundle on one of its devices. Returns None, with an issue, if it cannot be added."""
    managed: dict[str, Value] = {'type': 'lag'}
    create_only: dict[str, Value] = {}
    if device.is_switch:
        name = _channel(builder, resource, device)
        managed |= {'name': name, 'enabled': True, **mtu}
    else:
        # The fabric does not know the name of a server's bond: this is an initial name.
        name = f'bond-{min((member.name for member in members), key=natural)}'
        create_only['name'] = name
    own_key = key('lag', device.resource.kind.lower(), device.resource.name, resource.name)
    lag = builder.add_interface(Interface(
        device, name, own_key, resource.source, managed, create_only, switched=True,
    )) if name else None
    if name and lag is None:
        builder.report_issue(resource, DEVICES, Code.LAG_NAME_IN_USE, device=str(device), interface=shown(name))
    for member in members:
        if lag:
            member.managed_fields['lag'] = lag.ref
        else:
            member.managed_fields.pop('lag', None)  # an invalid LAG does not mean "no LAG"
    return lag


def _channel(builder: Builder, resource: Resource, device: Device) -> str:
    """Return the name of a Connection's PortChannel on a switch; the controller stores its number in a Catalog.

    Returns '', with an issue, if no number is assigned.
    """
    name = catalog_of_group(device.resource.name, device.resource.spec)
    found = number(catalog(builder, name).port_channels.get(resource.name))
    if found is None or not 0 <= found <= _LARGEST_CHANNEL:
        builder.report_missing(
            'Catalog', resource, DEVICES, Code.LAG_NUMBER_MISSING, catalog=shown(name), device=str(device),
        )
        return ''
    return f'PortChannel{found}'
