"""The underlay: management addresses, loopbacks, links between switches, and the fabric's AS numbers."""

from collections import Counter
from typing import Any

from ...hedgehog.manifest import address, entries, items, mapping, number, shown
from ...hedgehog.switch_ports import MANAGEMENT
from ...issue_codes import Code
from .addresses import on_interface
from .builder import Builder, Device, Interface
from .connections import Wire
from .devices import LOOPBACKS
from .names import key, slug
from .types import ADDRESSING, Ref, Resource, Source

__all__ = ('build', 'underlay')

_LARGEST_ASN = 2**32 - 1


def build(builder: Builder, wires: dict[str, Wire]) -> None:
    """Add the underlay's addresses, in a VRF of the fabric's own, and AS numbers.

    An address is one of an interface: without devices there are none.
    """
    if not builder.includes(ADDRESSING):
        return
    shared_vteps = _shared_vteps(builder)
    for device in builder.devices.values():
        if device.is_switch:
            _management(builder, device)
        _loopbacks(builder, device, shared_vteps)
        _interfaces(builder, device)
    for wire in wires.values():
        if wire.member != 'staticExternal':  # its address is not always one of the underlay: see externals.py
            for end in wire.ends:
                _address(builder, wire.resource, end.interface, f'ip of {end.interface}', end.said.get('ip'))
    for kind in ('Switch', 'Gateway'):
        for resource in builder.of(kind):
            _asn(builder, resource)


def underlay(builder: Builder, resource: Resource) -> Ref | None:
    """The VRF of the underlay: every fabric has one, as most have the same addresses in it."""
    return builder.vrf(
        resource, ADDRESSING, 'Underlay', {}, 'underlay', source=Source('Fabric', builder.options.fabric),
    )


def _address(
    builder: Builder, resource: Resource, interface: Interface, field: str, value: Any, role: str | None = None,
) -> Ref | None:
    if value in (None, ''):
        return None
    # A gateway's port may have several addresses, each of them an object; any other interface has one, which changes.
    found = address(value)
    more = (str(found.ip),) if found and not role and interface.device.resource.kind == 'Gateway' else ()
    return on_interface(
        builder, resource, ADDRESSING, interface, field, value, lambda: underlay(builder, resource), role, *more,
    )


def _management(builder: Builder, device: Device) -> None:
    value = mapping(device.resource.spec).get('ip')
    interface, found = device.interfaces.get(MANAGEMENT), address(value)
    ref = _address(builder, device.resource, interface, 'ip', value) if interface else None
    if ref and found and found.version == 4:
        device.managed_fields['primary_ip4'] = ref


def _shared_vteps(builder: Builder) -> set[str]:
    """The VTEP addresses that several devices have: the two of an MCLAG pair share theirs, an anycast address."""
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
            _address(builder, device.resource, interface, field, spec.get(field), role)


def _interfaces(builder: Builder, device: Device) -> None:
    if device.resource.kind == 'Gateway':
        for name, entry in entries(mapping(device.resource.spec).get('interfaces')):
            if interface := device.interfaces.get(name):
                for value in items(mapping(entry).get('ips')):
                    _address(builder, device.resource, interface, f'address of {name}', value)


def _asn(builder: Builder, resource: Resource) -> None:
    """An AS number is one for all of NetBox: it is found or made, and belongs to nobody."""
    value = mapping(resource.spec).get('asn')
    found = number(value)
    if value in (None, 0):
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
