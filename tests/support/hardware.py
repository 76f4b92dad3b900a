"""Agents that report transceivers and ports."""

from typing import Any

from netbox_hedgehog.inventory.mapping.types import Resource

__all__ = ('agent', 'optic', 'port')


def agent(switch: str, transceivers: Any = None, ports: Any = None) -> Resource:
    """The agent of a switch with what it reports of its cages and ports."""
    return Resource('Agent', switch, {}, {'state': {'transceivers': transceivers, 'interfaces': ports}})


def optic(serial: Any, **more: Any) -> dict[str, Any]:
    """A transceiver for multimode fiber."""
    return {
        'present': 'PRESENT', 'vendor': 'ACME OPTICS', 'vendorPart': 'AO-25G', 'serial': serial, 'cable': 'FIBER',
        'descr': '25G SR', **more,
    }


def port(mac: Any, *neighbors: dict[str, Any]) -> dict[str, Any]:
    """A port, and what LLDP says of what is at its other end."""
    return {'mac': mac, 'lldpNeighbors': list(neighbors)}
