"""Connections become cables and LAGs."""

from ...hedgehog.manifest import mapping, natural, number, shown, text
from ...issue_codes import Code
from .builder import Builder, Device, Interface
from .connections import BUNDLES, Wire
from .devices import mtu_of
from .names import key
from .types import CABLING, DEVICES, Resource, Value

__all__ = ('build',)

# What NetBox takes.
_LONGEST_LABEL = 100
_LARGEST_CHANNEL = 65535


def build(builder: Builder, wires: dict[str, Wire]) -> dict[tuple[str, str], Interface]:
    """Add LAGs and cables. Returns the LAGs by Connection and device key: where the VLANs of an attachment go."""
    lags: dict[tuple[str, str], Interface] = {}
    for name, wire in wires.items():
        mtu = mtu_of(builder, wire.resource, wire.said.get('mtu'))
        if wire.member in BUNDLES:
            for device, members in _by_device(wire):
                if lag := _lag(builder, wire.resource, device, members, mtu):
                    lags[name, device.key] = lag
        else:
            for end in wire.ends:
                if end.interface.device.is_switch:
                    end.interface.managed_fields.pop('mtu', None)
                    end.interface.managed_fields |= mtu
        if builder.includes(CABLING):
            _cables(builder, wire)
    return lags


def _cables(builder: Builder, wire: Wire) -> None:
    for link in wire.links:
        if len(link.found) == 2:
            first, second = (end.interface for end in link.found)
            name = wire.resource.name
            builder.add(
                # A port has one cable: what hangs on the first end is the same cable wherever its other end goes.
                'dcim.cable', key('cable', *first.key.split('/', 1)[1:]), wire.resource.source, CABLING,
                {'a': (first.ref,), 'b': (second.ref,)},
                builder.tenant(status='connected', label=name if len(name) <= _LONGEST_LABEL else ''),
            )


def _by_device(wire: Wire) -> list[tuple[Device, list[Interface]]]:
    found: dict[str, tuple[Device, list[Interface]]] = {}
    for end in wire.ends:
        device = end.interface.device
        found.setdefault(device.key, (device, []))[1].append(end.interface)
    return list(found.values())


def _lag(
    builder: Builder, resource: Resource, device: Device, members: list[Interface], mtu: dict[str, Value],
) -> Interface | None:
    """Add the LAG of a bundle on one of its devices. Returns None, with an issue, where it cannot be."""
    managed: dict[str, Value] = {'type': 'lag'}
    create_only: dict[str, Value] = {}
    if device.is_switch:
        name = _channel(builder, resource, device)
        managed |= {'name': name, 'enabled': True, **mtu}
    else:
        # How a server calls its bond it tells nobody: the name is one to begin with.
        name = f'bond-{min((member.name for member in members), key=natural)}'
        create_only['name'] = name
    lag = builder.interface(
        device, name, key('lag', device.resource.kind.lower(), device.resource.name, resource.name), resource.source,
        managed, create_only, switched=True,
    ) if name else None
    if name and lag is None:
        builder.report_issue(resource, DEVICES, Code.LAG_NAME_IN_USE, device=str(device), interface=shown(name))
    for member in members:
        if lag:
            member.managed_fields['lag'] = lag.ref
        else:
            member.managed_fields.pop('lag', None)  # an invalid LAG is not the same as none
    return lag


def _channel(builder: Builder, resource: Resource, device: Device) -> str:
    """The name of a Connection's PortChannel on a switch: the controller keeps its number in a Catalog.

    Empty, with an issue, where it has none.
    """
    group = text(mapping(mapping(device.resource.spec).get('redundancy')).get('group'))
    name = f'redundancy.{group}' if group else f'switch.{device.resource.name}'
    catalog = builder.get('Catalog', name)
    found = number(mapping(mapping(catalog.spec if catalog else None).get('portChannelIDs')).get(resource.name))
    if found is None or not 0 <= found <= _LARGEST_CHANNEL:
        builder.report_missing(
            'Catalog', resource, DEVICES, Code.LAG_NUMBER_MISSING, catalog=shown(name), device=str(device),
        )
        return ''
    return f'PortChannel{found}'
