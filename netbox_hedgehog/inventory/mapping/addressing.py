"""Map the underlay: management addresses, loopbacks, links between switches, and the fabric's AS numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...hedgehog.manifest import address, entries, is_unset, items, mapping, number, shown
from ...hedgehog.switch_ports import MANAGEMENT
from ...issue_codes import Code
from .addresses import GivenAddress, on_interface
from .builder import Builder, Device, Interface
from .connections import MappedConnection
from .devices import LOOPBACKS
from .names import key, slug
from .types import ADDRESSING, VPCS, Ref, Resource

__all__ = ('UNDERLAY', 'Exit', 'build', 'place_exits', 'underlay')

# The VRF of the underlay, whether it exists or not.
UNDERLAY = Ref(key('vrf', 'underlay'))

_LARGEST_ASN = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Exit:
    """A routed interface of VPCs or externals, its address, and its VRF: None for the underlay.

    An address that `is_assigned` by the controller may be on several switches: it has the `role` anycast then.
    """

    interface: Interface
    given: GivenAddress
    vrf: Ref | None
    role: str | None = None
    is_assigned: bool = False


# What prefixes are for.
FABRIC_LINKS, GATEWAY_LINKS = 'Fabric links', 'Gateway links'


def build(
    builder: Builder, connections: dict[str, MappedConnection], vlan_interfaces: Mapping[str, Interface | None],
) -> None:
    """Add the underlay's addresses, in a VRF of the fabric's own, and AS numbers.

    Takes the Connections, and the interfaces that have the addresses of some ports, by the port's key: see
    port_vlans.py. Addresses need interfaces: without devices in scope none are added.
    """
    if not builder.includes(ADDRESSING):
        return
    shared_vteps = _shared_vteps(builder)
    for device in builder.devices.values():
        if device.is_switch:
            _management(builder, device)
        _loopbacks(builder, device, shared_vteps)
        _interfaces(builder, device)
    for connection in connections.values():
        # The address of a static external may be outside of the underlay: see externals.py.
        if connection.member.name != 'staticExternal':
            network = GATEWAY_LINKS if connection.member.name == 'gateway' else FABRIC_LINKS
            for end in connection.ends:
                given = _given(connection.resource, f'ip of {end.interface}', end.ip, network)
                if interface := vlan_interfaces.get(end.interface.key, end.interface):
                    _address(builder, interface, given)
    for kind in ('Switch', 'Gateway'):
        for resource in builder.of(kind):
            _asn(builder, resource)


def underlay(builder: Builder, resource: Resource) -> Ref | None:
    """Return the VRF of the underlay. Each fabric has its own, because most fabrics use the same addresses."""
    # Flat VPCs need it also where addresses are not in scope.
    scope = ADDRESSING if builder.includes(ADDRESSING) else VPCS
    return builder.vrf(resource, scope, 'Underlay', {}, 'underlay', source=builder.source)


def place_exits(builder: Builder, exits: Iterable[Exit]) -> None:
    """Put addresses on routed interfaces, unless it is unclear in which VRF an interface is."""
    for found in exits:
        if found.given.value not in (None, '') and not found.interface.is_contested:
            on_interface(builder, found.interface, found.given, partial(_vrf_of, builder, found), found.role)


def _vrf_of(builder: Builder, found: Exit) -> Ref | None:
    return found.vrf or underlay(builder, found.given.resource)


def _given(resource: Resource, field: str, value: Any, network: str) -> GivenAddress:
    return GivenAddress(resource, ADDRESSING, field, value, network)


def _address(builder: Builder, interface: Interface, given: GivenAddress, role: str | None = None) -> Ref | None:
    if given.value in (None, ''):
        return None
    # A gateway's port may have several addresses, each of them an object; any other interface has one, which changes.
    found = address(given.value)
    more = (str(found.ip),) if found and not role and interface.device.resource.kind == 'Gateway' else ()
    return on_interface(builder, interface, given, lambda: underlay(builder, given.resource), role, *more)


def _management(builder: Builder, device: Device) -> None:
    value = mapping(device.resource.spec).get('ip')
    interface, found = device.interfaces.get(MANAGEMENT), address(value)
    given = _given(device.resource, 'ip', value, 'Management')
    ref = _address(builder, interface, given) if interface else None
    if ref and found and found.version == 4:
        device.managed_fields['primary_ip4'] = ref


def _shared_vteps(builder: Builder) -> set[str]:
    """Return the VTEP addresses of several devices: the two switches of an MCLAG pair share an anycast address."""
    found = Counter(
        str(vtep.ip) for kind in ('Switch', 'Gateway')
        for resource in (*builder.of(kind), *builder.excluded_of(kind))
        if (vtep := address(mapping(resource.spec).get('vtepIP')))
    )
    return {vtep for vtep, count in found.items() if count > 1}


def _loopbacks(builder: Builder, device: Device, shared_vteps: set[str]) -> None:
    spec = mapping(device.resource.spec)
    for field, name in LOOPBACKS.items():
        interface, found = device.interfaces.get(name), address(spec.get(field))
        if interface is not None:
            role = 'anycast' if found and str(found.ip) in shared_vteps and field == 'vtepIP' else 'loopback'
            _address(builder, interface, _given(device.resource, field, spec.get(field), 'Loopbacks'), role)


def _interfaces(builder: Builder, device: Device) -> None:
    if device.resource.kind == 'Gateway':
        for name, entry in entries(mapping(device.resource.spec).get('interfaces')):
            if interface := device.interfaces.get(name):
                for value in items(mapping(entry).get('ips')):
                    given = _given(device.resource, f'address of {name}', value, GATEWAY_LINKS)
                    _address(builder, interface, given)


def _asn(builder: Builder, resource: Resource) -> None:
    """Add an AS number. It is shared: found or created, and never changed."""
    value = mapping(resource.spec).get('asn')
    found = number(value)
    if is_unset(value):
        return
    if found is None or not 1 <= found <= _LARGEST_ASN:
        builder.report_issue(resource, ADDRESSING, Code.ASN_OUT_OF_RANGE, asn=shown(value))
        return
    private = 64512 <= found <= 65534 or 4200000000 <= found <= 4294967294
    # RFC 6996 reserves AS numbers for private use; who has given out any other the fabric does not say.
    name = 'RFC 6996' if private else 'Unknown'
    rir = builder.add(
        'ipam.rir', key('rir', slug(name)), resource.source, ADDRESSING,
        {'name': name, 'slug': slug(name), 'is_private': private}, shared=True,
    )
    builder.add(
        'ipam.asn', key('asn', str(found)), resource.source, ADDRESSING, {'asn': found, 'rir': rir}, shared=True,
    )
