"""Read what LLDP says of the neighbors of a switch's port."""

from typing import Any

from .manifest import mac_address, objects, text

__all__ = ('mac_of_port',)

# Digits and colons of 48 bits.
_LENGTH = 17


def mac_of_port(neighbors: Any, device: str, port: str) -> str | None:
    """Return the MAC address of a device's port, if the neighbors of the switch's port say it, and say only one.

    Linux sends the address as the ID of its port and the name of the interface as the port's description. A neighbor
    that names another device or port says nothing of this one: adapters with an LLDP of their own name neither.
    """
    found = set()
    for neighbor in objects(neighbors):
        is_port = text(neighbor.get('portDescr')).strip() == port
        mac = mac_address(neighbor.get('portID'))
        if is_port and mac and len(mac) == _LENGTH and _names(text(neighbor.get('sysName')), device):
            found.add(mac)
    return found.pop() if len(found) == 1 else None


def _names(name: str, device: str) -> bool:
    """Return whether a system has the name of a device, with a domain or without."""
    name = name.strip().lower()
    return name == device.lower() or name.startswith(f'{device.lower()}.')
