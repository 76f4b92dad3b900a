"""What leads out of the fabric: externals, their attachments, and static external connections."""

from typing import Any

from ...hedgehog.manifest import mapping, shown, text
from .addresses import on_interface, subinterface
from .addressing import underlay
from .builder import Draft, Interface
from .connections import Wire
from .names import key
from .types import ADDRESSING, DEVICES, VPCS, Ref, Resource
from .vpcs import described

__all__ = ('draw',)


def draw(draft: Draft, wires: dict[str, Wire]) -> None:
    """Want the VRFs of externals, and draw the subinterfaces and addresses that lead to them."""
    if draft.carries(VPCS):
        for resource in draft.of('External'):
            owned = described(draft, f'ext@{resource.name}')
            draft.vrf(resource, VPCS, f'External {resource.name}', owned, 'external', resource.name)
    if draft.carries(VPCS, DEVICES):
        for resource in draft.of('ExternalAttachment'):
            _attachment(draft, resource, wires)
    for wire in wires.values():
        if wire.member == 'staticExternal':
            _static(draft, wire)


def _attachment(draft: Draft, resource: Resource, wires: dict[str, Wire]) -> None:
    spec = mapping(resource.spec)
    external, name = text(spec.get('external')), text(spec.get('connection'))
    vrf = draft.wanted(key('vrf', 'external', external))
    if vrf is None:
        draft.complain_absence(
            'External', resource, VPCS, f'The external {shown(external)} is not in the fabric: it is not carried.',
        )
        return
    wire = wires.get(name)
    if wire is None or wire.member != 'external':
        draft.complain_absence('Connection', resource, VPCS, (
            f'The connection {shown(name)} is not in the fabric, or not an external one: it is not carried.'
        ))
        return
    said = mapping(spec.get('static')) or mapping(spec.get('switch'))
    for end in wire.ends:
        _stand(draft, resource, VPCS, end.interface, said, Ref(vrf.key))


def _static(draft: Draft, wire: Wire) -> None:
    """The address of a port that leads out without BGP: in the underlay, or in the VPC that it is within."""
    within = text(wire.said.get('withinVPC'))
    subject = VPCS if within else ADDRESSING
    if not draft.carries(subject, DEVICES):
        return
    vrf = draft.wanted(key('vrf', 'vpc', within)) if within else None
    if within and vrf is None:
        draft.complain_absence(
            'VPC', wire.resource, VPCS,
            f'The VPC {shown(within)} that it is within is not in the fabric: it is not carried.',
        )
        return
    for end in wire.ends:
        _stand(draft, wire.resource, subject, end.interface, end.said, Ref(vrf.key) if vrf else None)


def _stand(
    draft: Draft, resource: Resource, subject: str, port: Interface, said: Any, vrf: Ref | None,
) -> None:
    """Put the address on the port, or on the subinterface for its VLAN. Without a VRF it is one of the underlay."""
    interface = subinterface(draft, resource, subject, port, said.get('vlan'), vrf)
    value = said.get('ip')
    if interface is not None and value not in (None, ''):
        on_interface(
            draft, resource, subject, interface, 'address', value, lambda: vrf or underlay(draft, resource),
        )
