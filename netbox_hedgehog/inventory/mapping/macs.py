"""Map the MAC addresses of ports: those that agents report, that of `boot.mac`, and those of servers in LLDP."""

from collections.abc import Mapping
from typing import Any

from ...hedgehog.lldp import mac_of_port
from ...hedgehog.manifest import mac_address, mapping
from ...hedgehog.switch_ports import MANAGEMENT, reported_as
from ...issue_codes import Code
from .agents import agent_of, state_of
from .builder import Builder, Device, Interface
from .connections import MappedConnection, MappedEnd
from .names import key
from .types import DEVICES, MAC_ADDRESSES, Resource, Source

__all__ = ('build',)

# The types of interfaces that have no MAC address of their own, or that of their members.
_WITHOUT_MAC = ('lag', 'virtual')

# A virtual switch has no address.
_ZERO = '00:00:00:00:00:00'


def build(builder: Builder, connections: Mapping[str, MappedConnection]) -> None:
    """Add the MAC addresses of the ports of switches, and those of servers and gateways that are known for certain."""
    if not builder.includes(DEVICES, MAC_ADDRESSES):
        return
    for device in builder.devices.values():
        if device.is_switch:
            _add_of_switch(builder, device)
    for connection in connections.values():
        for link in connection.links:
            _add_of_neighbor(builder, link)


def _add_of_switch(builder: Builder, device: Device) -> None:
    switch = device.resource
    agent = agent_of(builder, switch.name)
    reported = mapping(state_of(builder, switch.name).get('interfaces'))
    invalid: list[str] = []
    for interface in device.interfaces.values():
        if interface.managed_fields.get('type') in _WITHOUT_MAC:
            continue
        value = _reported(interface.name, reported).get('mac')
        if value in (None, ''):
            continue
        if (mac := _usable(value)) is None:
            invalid.append(interface.name)
        elif mac != _ZERO:
            _add(builder, interface, mac, agent.source)
    _add_boot_mac(builder, device)
    if invalid:
        builder.report_issue(agent, MAC_ADDRESSES, Code.MAC_INVALID, ports=tuple(invalid))


def _add_boot_mac(builder: Builder, device: Device) -> None:
    """Add the address that identifies a switch at its first boot, unless its agent reports that of the port."""
    switch, interface = device.resource, device.interfaces.get(MANAGEMENT)
    value = mapping(mapping(switch.spec).get('boot')).get('mac')
    if value in (None, '') or interface is None or 'primary_mac_address' in interface.managed_fields:
        return
    if (mac := _usable(value)) is None:
        builder.report_issue(switch, MAC_ADDRESSES, Code.MAC_INVALID, ports=(MANAGEMENT,))
    elif mac != _ZERO:
        _add(builder, interface, mac, switch.source)


def _add_of_neighbor(builder: Builder, link: list[MappedEnd]) -> None:
    """Add the address of the port at the far end of a switch's port, where LLDP names that device and that port."""
    if len(link) != 2:
        return
    near, far = sorted((end.interface for end in link), key=lambda interface: not interface.device.is_switch)
    if not near.device.is_switch or far.device.is_switch:
        return
    reported = mapping(state_of(builder, near.device.resource.name).get('interfaces'))
    neighbors = _reported(near.name, reported).get('lldpNeighbors')
    if mac := mac_of_port(neighbors, far.device.resource.name, far.name):
        _add(builder, far, mac, far.device.resource.source)


def _reported(name: str, reported: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an agent reports of a port."""
    return mapping(reported.get(reported_as(name, reported) or ''))


def _usable(value: Any) -> str | None:
    """Return an address that one port can have: of 48 bits, and not one of a group of stations."""
    mac = mac_address(value)
    is_single = mac is not None and len(mac) == len(_ZERO) and not int(mac[:2], 16) & 1
    return mac if is_single else None


def _add(builder: Builder, interface: Interface, mac: str, source: Source) -> None:
    """Add an address to an interface, as its primary one."""
    device: Resource = interface.device.resource
    interface.managed_fields['primary_mac_address'] = builder.add(
        'dcim.macaddress', key('macaddress', device.kind.lower(), device.name, interface.name), source, MAC_ADDRESSES,
        {'mac_address': mac, 'assigned_object': interface.ref},
    )
