"""Connections become cables and LAGs."""

from .draft import Device, Draft, Interface
from .names import key
from .reading import mapping, natural, number, shown
from .wants import CABLING, DEVICES, Resource, Value
from .wiring import BUNDLES, Wire

__all__ = ('draw',)

# What NetBox takes.
_LONGEST_LABEL = 100
_LARGEST_MTU = 65536
_LARGEST_CHANNEL = 65535


def draw(draft: Draft, wires: dict[str, Wire]) -> dict[tuple[str, str], Interface]:
    """Draw LAGs and cables. Returns the LAGs by Connection and device key: where the VLANs of an attachment go."""
    lags: dict[tuple[str, str], Interface] = {}
    for name, wire in wires.items():
        mtu = _mtu(draft, wire)
        if wire.member in BUNDLES:
            for device, members in _by_device(wire):
                if lag := _lag(draft, wire.resource, device, members, mtu):
                    lags[name, device.key] = lag
        elif mtu is not None:
            for end in wire.ends:
                if end.interface.device.is_switch:
                    end.interface.owned['mtu'] = mtu
        if draft.carries(CABLING):
            _cables(draft, wire)
    return lags


def _cables(draft: Draft, wire: Wire) -> None:
    for link in wire.links:
        if len(link.found) == 2:
            first, second = (end.interface for end in link.found)
            name = wire.resource.name
            draft.want(
                # A port has one cable: what hangs on the first end is the same cable wherever its other end goes.
                'dcim.cable', key('cable', *first.key.split('/', 1)[1:]), wire.resource.source, CABLING,
                {'a': (first.ref,), 'b': (second.ref,)},
                draft.tenant(status='connected', label=name if len(name) <= _LONGEST_LABEL else ''),
            )


def _by_device(wire: Wire) -> list[tuple[Device, list[Interface]]]:
    found: dict[str, tuple[Device, list[Interface]]] = {}
    for end in wire.ends:
        device = end.interface.device
        found.setdefault(device.key, (device, []))[1].append(end.interface)
    return list(found.values())


def _lag(
    draft: Draft, resource: Resource, device: Device, members: list[Interface], mtu: int | None,
) -> Interface | None:
    owned: dict[str, Value]
    if device.is_switch:
        number = _channel(draft, resource, device)
        if number is None:
            return None
        name = f'PortChannel{number}'
        owned = {'name': name, 'type': 'lag', 'enabled': True, 'mtu': mtu}
        initial: dict[str, Value] = {}
    else:
        # How a server calls its bond it tells nobody: the name is one to begin with.
        name = f'bond-{min((member.name for member in members), key=natural)}'
        owned, initial = {'type': 'lag'}, {'name': name}
    lag = draft.interface(
        device, name, key('lag', device.resource.kind.lower(), device.resource.name, resource.name), resource.source,
        owned, initial, switched=True,
    )
    if lag is None:
        draft.complain(resource, DEVICES, (
            f'{device} has an interface {shown(name)} already, or the name is longer than 64 characters: the LAG is '
            'not carried, nor what is attached to it.'
        ))
        return None
    for member in members:
        member.owned['lag'] = lag.ref
    return lag


def _channel(draft: Draft, resource: Resource, device: Device) -> int | None:
    """The number of a Connection's PortChannel on a switch: the controller keeps it in a Catalog."""
    group = mapping(mapping(device.resource.spec).get('redundancy')).get('group')
    name = f'redundancy.{group}' if isinstance(group, str) and group else f'switch.{device.resource.name}'
    catalog = draft.get('Catalog', name)
    if catalog is None:
        draft.complain(device.resource, DEVICES, (
            f'There is no Catalog {shown(name)}, so that its PortChannels have no numbers: they are not carried, nor '
            'what is attached to them.'
        ))
        return None
    found = number(mapping(mapping(catalog.spec).get('portChannelIDs')).get(resource.name))
    if found is None or not 0 <= found <= _LARGEST_CHANNEL:
        draft.complain(resource, DEVICES, (
            f'The Catalog {shown(name)} has no PortChannel number for it yet: on {device} its LAG is not carried, nor '
            'what is attached to it.'
        ))
        return None
    return found


def _mtu(draft: Draft, wire: Wire) -> int | None:
    value = wire.said.get('mtu')
    found = number(value)
    if found is not None and 1 <= found <= _LARGEST_MTU:
        return found
    if value not in (None, 0):
        draft.complain(wire.resource, DEVICES, f'Its MTU is {shown(value)}, which is none: it is left out.')
    return None
