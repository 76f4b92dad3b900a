"""Map the VLANs of ports that have their address on the interface of a VLAN: a workaround for some switches.

Switches with Tomahawk 5 cannot route on ports to other leaves and to gateways. The controller assigns a VLAN to each of
these ports, unique on the switch: the port is an access port of it, and the interface of the VLAN has the address.
"""

from ...hedgehog.catalogs import catalog_of_switch
from ...hedgehog.connections import ports_named
from ...hedgehog.manifest import mapping, shown, text, vlan_id
from ...hedgehog.switch_ports import normalize
from ...issue_codes import Code
from .builder import Builder, Device, Interface, catalog
from .connections import MappedConnection
from .devices import profile_of
from .names import in_fabric, key
from .types import DEVICES, VPCS, ExistingRef, Ref, Resource

__all__ = ('build',)

# How the name of the silicon ends, in lower case: Hedgehog's profiles say "Broadcom TH5".
SILICON = 'th5'


def build(builder: Builder, connections: dict[str, MappedConnection]) -> dict[str, Interface | None]:
    """Add the VLANs of ports, with their interfaces. Without numbers in the Catalog nothing is added.

    Returns the interface that has the address of a port, by the port's key; None if it is unknown.
    """
    found: dict[str, Interface | None] = {}
    vlans: dict[str, list[tuple[int, Interface, Resource]]] = {}
    for connection in connections.values():
        for end in connection.ends if connection.member.on_vlan else ():
            port = end.interface
            value = _assigned(builder, port)
            if value is None and _is_silent(builder, port.device):
                builder.report_missing(
                    'Catalog', connection.resource, DEVICES, Code.PORT_VLAN_UNKNOWN,
                    catalog=shown(catalog_of_switch(port.device.resource.name)), port=str(port),
                )
                builder.mark_undetermined(connection.resource)
                builder.keep(_group_key(port.device.resource.name))
                port.unclear = True
                found[port.key] = None
                continue
            if value is None:
                continue
            vid = vlan_id(value)
            if vid is None:
                _skip(builder, connection.resource, port, Code.VLAN_OUT_OF_RANGE, vlan=shown(value))
                found[port.key] = None
                continue
            found[port.key] = _interface(builder, connection.resource, port, vid)
            if found[port.key]:
                vlans.setdefault(port.device.key, []).append((vid, port, connection.resource))
    if builder.includes(VPCS):
        kept = _excluded(builder)
        for numbers in vlans.values():
            _vlans(builder, numbers, kept.pop(numbers[0][1].device.resource.name, []))
        for switch in kept:
            builder.keep(_group_key(switch))
    return found


def _is_silent(builder: Builder, device: Device) -> bool:
    """Return whether a switch has such ports, or may have, and no Catalog says which VLANs they have.

    A profile that does not name its silicon may be of any. Hedgehog's own all name it: its webhook requires that.
    """
    if not device.is_switch or builder.get('Catalog', catalog_of_switch(device.resource.name)) is not None:
        return False
    profile = profile_of(builder, device.resource)
    silicon = text(mapping(profile.spec).get('switchSilicon')) if profile is not None else ''
    return not silicon or silicon.casefold().endswith(SILICON)


def _excluded(builder: Builder) -> dict[str, list[int]]:
    """Return the VLANs of ports whose Connection a rule excludes, by switch: those that exist stay in its group."""
    found: dict[str, list[int]] = {}
    for resource in builder.excluded_of('Connection'):
        for name, port in ports_named(resource.spec):
            device = builder.devices.get(('Switch', name))
            interface = device.interfaces.get(normalize(port, device.interfaces) or '') if device else None
            vid = vlan_id(_assigned(builder, interface)) if interface else None
            if vid is not None:
                found.setdefault(name, []).append(vid)
    return found


def _assigned(builder: Builder, port: Interface) -> object | None:
    """Return the VLAN that the controller has assigned to a port, valid or not; None if there is none."""
    device = port.device
    if not device.is_switch:
        return None
    for name, value in catalog(builder, catalog_of_switch(device.resource.name)).port_vlans.items():
        if normalize(name, device.interfaces) == port.name:
            return value
    return None


def _interface(builder: Builder, resource: Resource, port: Interface, vid: int) -> Interface | None:
    """Add the interface of a VLAN. Returns None, with an issue, if its name is in use."""
    name = f'Vlan{vid}'
    added = builder.add_interface(Interface(
        port.device, name, key('vlaninterface', port.device.resource.name, port.name), resource.source,
        {'name': name, 'type': 'virtual', 'parent': None, 'enabled': True, 'vrf': None}, scope=DEVICES,
    ))
    if added is None:
        _skip(builder, resource, port, Code.INTERFACE_NAME_IN_USE, device=str(port.device), interface=name)
    return added


def _vlans(builder: Builder, numbers: list[tuple[int, Interface, Resource]], kept: list[int]) -> None:
    """Add the VLANs of the ports of one switch, in a group of their own: each is of one switch only.

    The group's range has those that are `kept`, too.
    """
    group = _group(builder, numbers[0][1].device, [*kept, *(vid for vid, _, _ in numbers)])
    for vid, port, resource in numbers:
        own_key = key('portvlan', port.device.resource.name, port.name)
        # Whether it exists or not: the port is not without a VLAN.
        port.native_vlans.setdefault(Ref(own_key), []).append(resource)
        if group is None:
            port.unclear = True
            continue
        builder.add(
            'ipam.vlan', own_key, resource.source, VPCS, {'group': group, 'vid': vid, 'name': port.name},
            builder.assigned(resource.source, status='active'),
        )


def _group(builder: Builder, device: Device, vids: list[int]) -> Ref | None:
    """Add the group of a switch's VLANs. Returns None, with an issue, if its name is too long."""
    switch = device.resource
    name = in_fabric(f'{switch.name} ports', builder.options.fabric)
    if not name:
        builder.report_issue(switch, VPCS, Code.VLAN_GROUP_NAME_TOO_LONG)
        return None
    return builder.add(
        'ipam.vlangroup', _group_key(switch.name), switch.source, VPCS,
        {'name': name, 'slug': builder.slug('ports', switch.name), 'vid_ranges': f'{min(vids)}-{max(vids)}'},
        builder.assigned(switch.source, scope=ExistingRef('dcim.site', builder.site_of(switch.source))),
    )


def _group_key(switch: str) -> str:
    return key('portvlangroup', switch)


def _skip(builder: Builder, resource: Resource, port: Interface, code: Code, **parameters: str) -> None:
    """Report an issue, and leave the VLAN and the address of a port as they are."""
    builder.report_issue(resource, DEVICES, code, **parameters)
    builder.mark_undetermined(resource)
    port.unclear = True
