"""Addresses on interfaces, and the subinterfaces that some of them stand on."""

from collections.abc import Callable
from typing import Any

from ...hedgehog.manifest import address, number, shown
from ...issue_codes import Code
from .builder import Builder, Interface
from .names import key
from .types import Ref, Resource, Value

__all__ = ('on_interface', 'subinterface')

_LARGEST_VLAN = 4094


def on_interface(
    builder: Builder, resource: Resource, subject: str, interface: Interface, field: str, value: Any,
    vrf: Callable[[], Ref | None], role: str | None = None, *more: str,
) -> Ref | None:
    """Add an address on an interface, in the VRF that `vrf` adds when it comes to that.

    `field` is what the resource calls the address, for people; `more` tells several addresses of one interface apart.
    Returns None, with an issue, for what is no address, cannot be an interface's, or is in use in the VRF.
    """
    found = address(value)
    if found is None:
        builder.report_issue(resource, subject, Code.ADDRESS_INVALID, what=field, value=shown(value))
        return None
    ends = (found.network.network_address, found.network.broadcast_address) if found.version == 4 else ()
    if found.ip in ends and found.network.prefixlen < found.max_prefixlen - 1:
        builder.report_issue(resource, subject, Code.ADDRESS_NOT_USABLE, what=field, address=str(found))
        return None
    space = vrf()
    if space is None:
        return None
    name = key('address', interface.key, *more)
    managed: dict[str, Value] = {'address': str(found), 'vrf': space, 'assigned_object': interface.ref, 'role': role}
    if there := builder.find(name):
        # A gateway and its Connection both tell of an address of theirs.
        if there.managed_fields != managed:
            builder.report_issue(
                resource, subject, Code.ADDRESS_DIFFERS, what=field, address=str(found), kind=there.source.kind,
                name=there.source.name, interface=str(interface), other=str(there.managed_fields['address']),
            )
            return None
        return Ref(name)
    holder = builder.reserve(resource.source, 'address', space.key, str(found.ip))
    if holder and role != 'anycast':
        builder.report_issue(
            resource, subject, Code.ADDRESS_IN_USE, what=field, address=str(found), kind=holder.kind, name=holder.name,
        )
        return None
    return builder.add('ipam.ipaddress', name, resource.source, subject, managed, builder.tenant(status='active'))


def subinterface(
    builder: Builder, resource: Resource, subject: str, port: Interface, vlan: Any, vrf: Ref | None,
) -> Interface | None:
    """Add the subinterface of a port for a VLAN, such as E1/47.300; the port itself where there is no VLAN.

    `vrf` is the VRF of the subinterface, None for the fabric's own. Returns None, with an issue, where it cannot be.
    """
    if vlan in (None, 0):
        return port
    tag = number(vlan)
    if tag is None or not 1 <= tag <= _LARGEST_VLAN:
        builder.report_issue(resource, subject, Code.VLAN_OUT_OF_RANGE, vlan=shown(vlan))
        return None
    name = f'{port.name}.{tag}'
    # NetBox moves no interface to another device: there it is another one.
    own_key = key('subinterface', resource.kind.lower(), resource.name, port.device.resource.name)
    added = builder.interface(
        port.device, name, own_key, resource.source,
        {'name': name, 'type': 'virtual', 'parent': port.ref, 'enabled': True, 'vrf': vrf}, subject=subject,
    )
    if added is None:
        builder.report_issue(
            resource, subject, Code.INTERFACE_NAME_IN_USE, device=str(port.device), interface=shown(name),
        )
    return added
