"""Map MCLAG domains to the PortChannels between their two switches."""

from ...hedgehog.connections import PEER_LINKS, SESSION_LINKS
from ...hedgehog.manifest import address
from ...issue_codes import Code
from .addresses import GivenAddress, on_interface
from .addressing import underlay
from .builder import Builder, Device, Interface, agent_config
from .connections import MappedConnection
from .names import key
from .types import ADDRESSING, DEVICES, VPCS, Value

__all__ = ('build',)


def build(builder: Builder, connections: dict[str, MappedConnection]) -> None:
    """Add the PortChannels of MCLAG domains, with the ports of their links as members, and the sessions' addresses."""
    domains = [connection for connection in connections.values() if connection.member.channels]
    # All domains use the same network, each on its own link.
    role = 'anycast' if len(domains) > 1 else None
    for domain in domains:
        for listed, channel in domain.member.channels:
            for device, ports in _by_switch(domain, listed).values():
                lag = _channel(builder, domain, device, listed, channel)
                for port in ports:
                    if lag:
                        port.managed_fields['lag'] = lag.ref
                    else:
                        port.managed_fields.pop('lag', None)  # an invalid LAG does not mean "no LAG"
                if lag and listed == SESSION_LINKS:
                    _address(builder, domain, lag, role)


def _by_switch(domain: MappedConnection, listed: str) -> dict[str, tuple[Device, list[Interface]]]:
    """Return the ports of the links in one of the domain's lists, by switch."""
    found: dict[str, tuple[Device, list[Interface]]] = {}
    for end in domain.ends:
        if end.listed == listed:
            device = end.interface.device
            found.setdefault(device.resource.name, (device, []))[1].append(end.interface)
    return found


def _channel(
    builder: Builder, domain: MappedConnection, device: Device, listed: str, channel: int,
) -> Interface | None:
    """Add a PortChannel on one switch. Returns None, with an issue, if its name is in use."""
    resource, name = domain.resource, f'PortChannel{channel}'
    managed: dict[str, Value] = {'name': name, 'type': 'lag', 'enabled': True, 'mtu': None}
    if builder.includes(VPCS):
        # The trunk of the peer links is open to all VLANs but the first.
        mode = 'tagged-all' if listed == PEER_LINKS else None
        managed |= {'mode': mode, 'untagged_vlan': None, 'tagged_vlans': ()}
    lag = builder.add_interface(Interface(
        device, name, key('lag', 'switch', device.resource.name, resource.name, listed), resource.source, managed,
    ))
    if lag is None:
        builder.report_issue(resource, DEVICES, Code.LAG_NAME_IN_USE, device=str(device), interface=name)
    return lag


def _address(builder: Builder, domain: MappedConnection, lag: Interface, role: str | None) -> None:
    """Add the address of a session: the switch whose name comes first has the first address of the network."""
    if not builder.includes(ADDRESSING):
        return
    switches = list(_by_switch(domain, SESSION_LINKS))
    own = lag.device.resource.name
    network = address(agent_config(builder, own).mclag_session)
    if builder.get('Agent', own) is None:
        builder.mark_undetermined(domain.resource)
    if network is None or len(switches) != 2:
        return
    place = sorted(switches).index(own)
    value = f'{network.ip + place}/{network.network.prefixlen}'
    given = GivenAddress(domain.resource, ADDRESSING, f'session of {lag}', value, 'MCLAG sessions')
    on_interface(builder, lag, given, lambda: underlay(builder, domain.resource), role)
