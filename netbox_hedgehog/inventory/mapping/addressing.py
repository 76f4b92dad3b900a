"""Map the underlay: management addresses, loopbacks, links between switches, and the fabric's AS numbers."""

from collections import Counter
from typing import Any

from ...hedgehog.manifest import address, entries, is_unset, items, mapping, number, shown
from ...hedgehog.switch_ports import MANAGEMENT
from ...issue_codes import Code
from .addresses import GivenAddress, on_interface
from .builder import Builder, Device, Interface
from .connections import MappedConnection
from .devices import LOOPBACKS
from .names import key, slug
from .types import ADDRESSING, Ref, Resource

__all__ = ('build', 'underlay')

_LARGEST_ASN = 2**32 - 1

# What prefixes are for.
FABRIC_LINKS, GATEWAY_LINKS = 'Fabric links', 'Gateway links'


def build(builder: Builder, connections: dict[str, MappedConnection]) -> None:
    """Add the underlay's addresses, in a VRF of the fabric's own, and AS numbers.

    Addresses need interfaces: without devices in scope none are added.
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
                _address(builder, end.interface, given)
    for kind in ('Switch', 'Gateway'):
        for resource in builder.of(kind):
            _asn(builder, resource)


def underlay(builder: Builder, resource: Resource) -> Ref | None:
    """Return the VRF of the underlay. Each fabric has its own, because most fabrics use the same addresses."""
    return builder.vrf(resource, ADDRESSING, 'Underlay', {}, 'underlay', source=builder.source)


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
        str(vtep.ip) for kind in ('Switch', 'Gateway') for resource in builder.of(kind)
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
