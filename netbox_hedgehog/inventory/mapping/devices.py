"""Map switches, gateways and servers to devices, and the ports of switches to interfaces."""

from collections.abc import Mapping
from typing import Any

from ...hedgehog.manifest import entries, is_unset, mapping, number, shown, text, usable
from ...hedgehog.references import references
from ...hedgehog.switch_ports import MANAGEMENT, normalize, ports
from ...hedgehog.switches import is_cumulus
from ...issue_codes import Code
from ...naming import device_name
from .builder import Builder, Device, Interface
from .names import key, slug
from .types import DEVICES, ExistingRef, Ref, Resource, Source, Value

__all__ = ('KINDS', 'LOOPBACKS', 'build', 'manufacturer_of', 'mtu_of', 'port_of', 'profile_of', 'runs_cumulus')

# The kinds that become devices. If two need the same name, the first gets it.
KINDS = ('Switch', 'Gateway', 'Server')

# The fabric does not know the hardware of servers and gateways: generic types.
_PLACEHOLDERS = {'Server': ('Generic', 'Server'), 'Gateway': ('Hedgehog', 'Gateway')}

# The loopbacks of a switch or gateway, by the field that has their address.
LOOPBACKS = {'protocolIP': 'Loopback1', 'vtepIP': 'Loopback2'}

_LARGEST_MTU = 65536

# Managed fields of any interface that a fabric configures, before a mapper has more to say. None means that there is
# none, not that nobody knows: what was once set has to go when the fabric takes it back.
_PLAIN: Mapping[str, Value] = {'mtu': None, 'lag': None}


def build(builder: Builder) -> None:
    """Add the devices of a fabric, and those interfaces that follow from a device alone."""
    if not builder.includes(DEVICES):
        return
    connected = _connected_servers(builder) if builder.options.only_connected_servers else None
    for kind in KINDS:
        for resource in builder.of(kind):
            if kind == 'Server' and connected is not None and resource.name not in connected:
                continue
            spec = mapping(resource.spec)
            device_type = _switch_type(builder, resource, spec) if kind == 'Switch' else _placeholder(builder, resource)
            if device_type is not None and (device := _device(builder, resource, spec, device_type)):
                builder.devices[kind, resource.name] = device
                if kind == 'Switch':
                    _switch_interfaces(builder, device, spec)
                elif kind == 'Gateway':
                    _gateway_interfaces(builder, device, spec)
                if kind != 'Server':
                    _loopbacks(builder, device, spec)


def _connected_servers(builder: Builder) -> set[str] | None:
    """Return the names of the servers that the fabric's Connections name; None if it does not have these all."""
    if builder.is_unread('Connection'):
        return None
    named = (references('Connection', {'spec': connection.spec}) for connection in builder.of('Connection'))
    return {name for found in named for kind, name in found if kind == 'Server'}


def _device(builder: Builder, resource: Resource, spec: Mapping[str, Any], device_type: Ref) -> Device | None:
    name = _name(builder, resource)
    if not usable(name, 64):
        builder.report_issue(resource, DEVICES, Code.DEVICE_NAME_TOO_LONG)
        return None
    site = builder.site_of(resource.source)
    if holder := builder.reserve(resource.source, 'dcim.device', site, name.lower()):
        builder.report_issue(
            resource, DEVICES, Code.DEVICE_NAME_IN_USE, kind=holder.kind, name=holder.name, device=name,
        )
        return None
    managed: dict[str, Value] = {'name': name}
    create_only = builder.assigned(
        resource.source, site=ExistingRef('dcim.site', site), role=_role(builder, resource, spec),
        device_type=device_type, status=builder.options.device_status,
    )
    location = builder.location_of(resource.source)
    if location is not None:
        create_only['location'] = ExistingRef('dcim.location', location)
    elif builder.values_of(resource.source).site is not None:
        # A device that moves to the rule's site has to leave its location.
        create_only['location'] = None
    if description := text(spec.get('description')).strip():
        create_only['description'] = description[:200]
    if resource.kind == 'Switch':
        # What the fabric does not know is not managed, so that an operator can enter it.
        if serial := _serial(builder, resource, spec):
            managed['serial'] = serial
        if platform := _platform(builder, resource, spec):
            managed['platform'] = platform
    return Device(resource, key('device', resource.kind.lower(), resource.name), managed, create_only)


def _name(builder: Builder, resource: Resource) -> str:
    try:
        return device_name(builder.options.name_pattern, resource.name, builder.options.fabric)
    except ValueError:
        pattern = shown(builder.options.name_pattern)
        builder.report_issue(resource, DEVICES, Code.NAME_PATTERN_INVALID, pattern=pattern)
        return resource.name


def _role(builder: Builder, resource: Resource, spec: Mapping[str, Any]) -> ExistingRef | Ref:
    """Return the role that a rule gives, or that of the fabric's settings, or one with Hedgehog's name of the role."""
    if given := builder.values_of(resource.source).role:
        return ExistingRef('dcim.devicerole', given)
    role = text(spec.get('role')).strip() if resource.kind == 'Switch' else ''
    role = role if usable(role, 100) else resource.kind.lower()
    chosen = builder.options.roles.get(role)
    if chosen is not None:
        return ExistingRef('dcim.devicerole', chosen)
    name = role.replace('-', ' ')
    return builder.add(
        'dcim.devicerole', key('devicerole', slug(role)), resource.source, DEVICES,
        {'name': name[:1].upper() + name[1:], 'slug': slug(role), 'vm_role': False}, shared=True,
    )


def manufacturer_of(builder: Builder, source: Source, name: str) -> Ref:
    """Add the manufacturer of a device or module type."""
    return builder.add(
        'dcim.manufacturer', key('manufacturer', slug(name)), source, DEVICES, {'name': name, 'slug': slug(name)},
        shared=True,
    )


def _device_type(builder: Builder, source: Source, manufacturer: str, model: str) -> Ref:
    maker = manufacturer_of(builder, source, manufacturer)
    name = slug(f'{manufacturer} {model}')
    return builder.add(
        'dcim.devicetype', key('devicetype', name), source, DEVICES,
        {'manufacturer': maker, 'model': model, 'slug': name}, shared=True,
    )


def _placeholder(builder: Builder, resource: Resource) -> Ref:
    return _device_type(builder, resource.source, *_PLACEHOLDERS[resource.kind])


def _switch_type(builder: Builder, resource: Resource, spec: Mapping[str, Any]) -> Ref | None:
    """Add the device type that a switch's profile describes. Only profiles in use become device types."""
    name = text(spec.get('profile'))
    profile = builder.get('SwitchProfile', name)
    if profile is None:
        if name:
            builder.report_missing('SwitchProfile', resource, DEVICES, Code.PROFILE_MISSING, profile=shown(name))
        else:
            builder.report_issue(resource, DEVICES, Code.PROFILE_NOT_SET)
        return None
    words = text(mapping(profile.spec).get('displayName')).split()
    if not words:
        words = [profile.name]
    manufacturer, model = words[0], ' '.join(words[1:]) or words[0]
    if not usable(manufacturer, 100) or not usable(model, 100):
        builder.report_issue(resource, DEVICES, Code.DEVICE_TYPE_NAME_TOO_LONG, profile=shown(name))
        return None
    return _device_type(builder, profile.source, manufacturer, model)


def _serial(builder: Builder, resource: Resource, spec: Mapping[str, Any]) -> str:
    """Return the serial number that the agent has read, else that of the boot settings; '' if it is all zeros."""
    agent = builder.get('Agent', resource.name)
    nos = mapping(mapping(mapping(agent.status if agent else None).get('state')).get('nos'))
    for value in (nos.get('serialNumber'), mapping(spec.get('boot')).get('serial')):
        serial = text(value).strip()
        if serial.strip('0'):
            if usable(serial, 50):
                return serial
            builder.report_issue(resource, DEVICES, Code.SERIAL_TOO_LONG, serial=shown(serial))
    return ''


def _platform(builder: Builder, resource: Resource, spec: Mapping[str, Any]) -> Ref | None:
    """Add the network operating system as a platform, named as in the profile."""
    profile = profile_of(builder, resource)
    name = text(mapping(profile.spec if profile else None).get('nosType')).strip()
    if not usable(name, 100):
        return None
    return builder.add(
        'dcim.platform', key('platform', slug(name)), profile.source if profile else resource.source, DEVICES,
        {'name': name, 'slug': slug(name)}, shared=True,
    )


def _switch_interfaces(builder: Builder, device: Device, spec: Mapping[str, Any]) -> None:
    resource = device.resource
    profile = profile_of(builder, resource)
    found, wrong = ports(mapping(profile.spec if profile else None), spec)
    for issue in wrong:
        builder.report_issue(resource, DEVICES, Code(issue.code), **issue.parameters)
    all_ports = spec.get('enableAllPorts') is True
    connections_known = builder.was_read('Connection')
    for port in found:
        managed: dict[str, Value] = {
            'name': port.name, 'type': port.type, 'speed': port.speed, 'mgmt_only': port.mgmt_only,
        }
        # Ports that no connection uses are shut, unless the switch enables all of them.
        if connections_known or port.mgmt_only or all_ports:
            managed['enabled'] = port.mgmt_only or all_ports
        # The name in the operating system, where the profile knows it.
        if usable(port.label, 64):
            managed['label'] = port.label
        if not port.mgmt_only and connections_known:
            managed |= _PLAIN
        interface = Interface(
            device, port.name, _key(device, port.name), resource.source, managed, switched=not port.mgmt_only,
        )
        if not builder.add_interface(interface):
            builder.report_issue(resource, DEVICES, Code.PORT_NAME_IN_USE, port=shown(port.name))
    if spec.get('ip') and MANAGEMENT not in device.interfaces:
        builder.add_interface(Interface(device, MANAGEMENT, _key(device, MANAGEMENT), resource.source, {
            'name': MANAGEMENT, 'type': 'other', 'speed': None, 'mgmt_only': True, 'enabled': True,
        }))


def port_of(builder: Builder, device: Device, name: str, source: Source) -> Interface | None:
    """Return the interface of a device by name. One of a server or gateway is added: nothing else declares it.

    A switch has the ports of its profile: E1/49 may be wired as E1/49 or as E1/49/1 where it can be broken out.
    Returns None if the switch has no such port, or the name is invalid.
    """
    if device.resource.kind == 'Switch':
        found = normalize(name, device.interfaces)
        return device.interfaces[found] if found else None
    if name in device.interfaces:
        return device.interfaces[name]
    # The fabric does not know the type of the port: an operator may set it.
    return builder.add_interface(Interface(
        device, name, _key(device, name), source, {'name': name, 'lag': None}, {'type': 'other'},
        switched=device.resource.kind == 'Server',
    ))


def mtu_of(builder: Builder, resource: Resource, value: Any) -> dict[str, Value]:
    """Return the managed field of an MTU, None where the fabric says none; an invalid one is not managed."""
    found = number(value)
    if is_unset(value) or (found is not None and 1 <= found <= _LARGEST_MTU):
        return {'mtu': found or None}
    builder.report_issue(resource, DEVICES, Code.MTU_INVALID, mtu=shown(value))
    return {}


def profile_of(builder: Builder, resource: Resource) -> Resource | None:
    """Return the profile of a switch, if the fabric has it."""
    return builder.get('SwitchProfile', text(mapping(resource.spec).get('profile')))


def runs_cumulus(builder: Builder, device: Device) -> bool:
    """Return whether a device is a switch with Cumulus Linux: it routes on every port, and has no VLANs."""
    profile = profile_of(builder, device.resource)
    return device.is_switch and profile is not None and is_cumulus(profile.spec)


def _gateway_interfaces(builder: Builder, device: Device, spec: Mapping[str, Any]) -> None:
    for name, entry in entries(spec.get('interfaces')):
        interface = port_of(builder, device, name, device.resource.source)
        if interface is None:
            builder.report_issue(device.resource, DEVICES, Code.INTERFACE_NAME_TOO_LONG, interface=shown(name))
            continue
        interface.managed_fields |= mtu_of(builder, device.resource, mapping(entry).get('mtu'))


def _loopbacks(builder: Builder, device: Device, spec: Mapping[str, Any]) -> None:
    for field, name in LOOPBACKS.items():
        if spec.get(field) in (None, ''):
            continue
        managed: dict[str, Value] = {'name': name, 'type': 'virtual', 'enabled': True}
        own_key = key('loopback', *_of(device), name)
        if not builder.add_interface(Interface(device, name, own_key, device.resource.source, managed)):
            builder.report_issue(device.resource, DEVICES, Code.LOOPBACK_NAME_IN_USE, interface=name, what=field)


def _of(device: Device) -> tuple[str, str]:
    return device.resource.kind.lower(), device.resource.name


def _key(device: Device, name: str) -> str:
    return key('interface', *_of(device), name)
