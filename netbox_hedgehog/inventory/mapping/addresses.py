"""Map addresses to interfaces, and add the subinterfaces that some of them need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...hedgehog.manifest import Network, address, is_host, is_unset, shown, vlan_id
from ...issue_codes import Code
from .builder import Builder, Interface
from .names import key
from .types import Ref, Resource, Value

__all__ = ('GivenAddress', 'on_interface', 'subinterface')


@dataclass(frozen=True, slots=True)
class GivenAddress:
    """An address as a resource gives it. `what` names its kind, for people, and `network` what its prefix is for."""

    resource: Resource
    scope: str
    what: str
    value: Any
    network: str


def on_interface(
    builder: Builder, interface: Interface, given: GivenAddress, vrf: Callable[[], Ref | None], role: str | None = None,
    *more: str,
) -> Ref | None:
    """Add an address on an interface, and the prefix that it is in.

    `vrf` returns its VRF, and is called for a valid address only. `more` tells several addresses of one interface
    apart. Returns None, with an issue, if the value is invalid, cannot be an interface's, or is in use in the VRF.
    """
    resource, scope, what = given.resource, given.scope, given.what
    found = address(given.value)
    if found is None:
        builder.report_issue(resource, scope, Code.ADDRESS_INVALID, what=what, value=shown(given.value))
        return None
    if not is_host(found.ip, found.network):
        builder.report_issue(resource, scope, Code.ADDRESS_NOT_USABLE, what=what, address=str(found))
        return None
    space = vrf()
    if space is None:
        return None
    name = key('address', interface.key, *more)
    managed: dict[str, Value] = {'address': str(found), 'vrf': space, 'assigned_object': interface.ref, 'role': role}
    if there := builder.find(name):
        # A gateway and its Connection both name the address.
        if there.managed_fields != managed:
            builder.report_issue(
                resource, scope, Code.ADDRESS_DIFFERS, what=what, address=str(found), kind=there.source.kind,
                name=there.source.name, interface=str(interface), other=str(there.managed_fields['address']),
            )
            return None
        return Ref(name)
    holder = builder.reserve(resource.source, 'address', space.key, str(found.ip))
    if holder and role != 'anycast':
        builder.report_issue(
            resource, scope, Code.ADDRESS_IN_USE, what=what, address=str(found), kind=holder.kind, name=holder.name,
        )
        return None
    _add_prefix(builder, given, space, found.network)
    create_only = builder.assigned(resource.source, status='active')
    return builder.add('ipam.ipaddress', name, resource.source, scope, managed, create_only)


def _add_prefix(builder: Builder, given: GivenAddress, vrf: Ref, network: Network) -> None:
    """Add the prefix of an address, unless the VRF has it already. An address with a host's length has none.

    Several resources may have addresses in it, so it comes from the fabric. Only the network identifies it.
    """
    if network.prefixlen == network.max_prefixlen or builder.reserve(builder.source, 'prefix', vrf.key, str(network)):
        return
    builder.add(
        'ipam.prefix', key('network', vrf.key, str(network)), builder.source, given.scope,
        {'prefix': str(network), 'vrf': vrf},
        builder.assigned(builder.source, status='active', description=given.network[:200]),
    )


def subinterface(
    builder: Builder, resource: Resource, scope: str, port: Interface, vlan: Any, vrf: Ref | None,
) -> Interface | None:
    """Add the subinterface of a port for a VLAN, such as E1/47.300. Without a VLAN, return the port itself.

    `vrf` is the VRF of either, None for the fabric's own; that of a port is set by untagged.py. Returns None, with an
    issue, if it cannot be added.
    """
    if is_unset(vlan):
        if vrf is not None:
            port.vrfs.setdefault(vrf, []).append(resource)
        return port
    tag = vlan_id(vlan)
    if tag is None:
        port.unclear = True  # an invalid VLAN does not mean "no VLAN"
        builder.report_issue(resource, scope, Code.VLAN_OUT_OF_RANGE, vlan=shown(vlan))
        return None
    name = f'{port.name}.{tag}'
    # NetBox cannot move an interface to another device, so there it is a new object.
    own_key = key('subinterface', resource.kind.lower(), resource.name, port.device.resource.name)
    added = builder.add_interface(Interface(
        port.device, name, own_key, resource.source,
        {'name': name, 'type': 'virtual', 'parent': port.ref, 'enabled': True, 'vrf': vrf}, scope=scope,
    ))
    if added is None:
        builder.report_issue(
            resource, scope, Code.INTERFACE_NAME_IN_USE, device=str(port.device), interface=shown(name),
        )
    return added
