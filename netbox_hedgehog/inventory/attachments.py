"""VPC attachments become VLANs on interfaces, at either end of the link."""

from .draft import Draft, Interface
from .reading import mapping, shown, text
from .vpcs import vlan_key
from .wants import DEVICES, VPCS, Ref, Resource
from .wiring import BUNDLES, SERVED, Wire

__all__ = ('draw',)


def draw(draft: Draft, wires: dict[str, Wire], lags: dict[tuple[str, str], Interface]) -> None:
    """Say of every interface that the fabric switches which VLANs are on it. None is a statement, too."""
    if not draft.carries(VPCS, DEVICES):
        return
    tagged: dict[str, set[Ref]] = {}
    untagged: dict[str, Ref] = {}
    for resource in draft.of('VPCAttachment'):
        vlan = _vlan(draft, resource)
        for interface in _interfaces(draft, resource, wires, lags):
            if vlan is None:
                continue
            if mapping(resource.spec).get('nativeVLAN') is not True:
                tagged.setdefault(interface.key, set()).add(vlan)
            elif untagged.setdefault(interface.key, vlan) != vlan:
                draft.complain(resource, VPCS, (
                    f'{interface} has another native VLAN already: it is not carried there.'
                ))
    for device in draft.devices.values():
        for interface in device.interfaces.values():
            if interface.switched:
                native = untagged.get(interface.key)
                many = tagged.get(interface.key, set()) - {native}
                interface.owned |= {
                    'mode': 'tagged' if many else 'access' if native else None,
                    'untagged_vlan': native,
                    'tagged_vlans': tuple(sorted(many)),
                }


def _vlan(draft: Draft, resource: Resource) -> Ref | None:
    """The VLAN of the subnet that is attached; None where it has none, as one of hostBGP, or is not carried."""
    whole = text(mapping(resource.spec).get('subnet'))
    vpc, _, subnet = whole.partition('/')
    found = draft.get('VPC', vpc)
    said = mapping(mapping(found.spec if found else None).get('subnets')).get(subnet)
    if said is None:
        draft.complain(resource, VPCS, f'The subnet {shown(whole)} that it attaches is not in the fabric.')
        return None
    wanted = draft.wanted(vlan_key(vpc, subnet))
    if wanted is None and mapping(said).get('hostBGP') is not True:
        draft.complain(resource, VPCS, f'The subnet {shown(whole)} that it attaches has no VLAN that is carried.')
    return Ref(wanted.key) if wanted else None


def _interfaces(
    draft: Draft, resource: Resource, wires: dict[str, Wire], lags: dict[tuple[str, str], Interface],
) -> list[Interface]:
    """Both ends of the connection: LAGs on all switches of a bundle and on the server, else the ports."""
    name = text(mapping(resource.spec).get('connection'))
    wire = wires.get(name)
    if wire is None:
        there = 'is not carried either' if draft.get('Connection', name) else 'is not in the fabric'
        draft.complain(resource, VPCS, f'The connection {shown(name)} that it attaches to {there}.')
        return []
    if wire.member not in SERVED:
        draft.complain(resource, VPCS, (
            f'The connection {name} is of the type {wire.member}, and leads to no server: nothing can be attached.'
        ))
        return []
    if wire.member in BUNDLES:
        devices = dict.fromkeys(end.interface.device.key for end in wire.ends)
        return [lags[name, device] for device in devices if (name, device) in lags]
    return [end.interface for end in wire.ends]
