"""What leads out of the fabric: externals, their attachments, and static external connections."""

from typing import Any

from ...hedgehog.manifest import mapping, shown, text
from ...issue_codes import Code
from .addresses import on_interface, subinterface
from .addressing import underlay
from .builder import Builder, Interface
from .connections import Wire
from .names import key
from .types import ADDRESSING, DEVICES, VPCS, Ref, Resource
from .vpcs import described

__all__ = ('build',)


def build(builder: Builder, wires: dict[str, Wire]) -> None:
    """Add the VRFs of externals, and the subinterfaces and addresses that lead to them."""
    if builder.includes(VPCS):
        for resource in builder.of('External'):
            managed = described(builder, f'ext@{resource.name}')
            builder.vrf(resource, VPCS, f'External {resource.name}', managed, 'external', resource.name)
    if builder.includes(VPCS, DEVICES):
        for resource in builder.of('ExternalAttachment'):
            _attachment(builder, resource, wires)
    for wire in wires.values():
        if wire.member == 'staticExternal':
            _static(builder, wire)


def _attachment(builder: Builder, resource: Resource, wires: dict[str, Wire]) -> None:
    spec = mapping(resource.spec)
    external, name = text(spec.get('external')), text(spec.get('connection'))
    vrf = builder.find(key('vrf', 'external', external))
    if vrf is None:
        builder.report_missing('External', resource, VPCS, Code.EXTERNAL_MISSING, external=shown(external))
        return
    wire = wires.get(name)
    if wire is None or wire.member != 'external':
        builder.report_missing(
            'Connection', resource, VPCS, Code.EXTERNAL_CONNECTION_MISSING, connection=shown(name),
        )
        return
    said = mapping(spec.get('static')) or mapping(spec.get('switch'))
    for end in wire.ends:
        _stand(builder, resource, VPCS, end.interface, said, Ref(vrf.key))


def _static(builder: Builder, wire: Wire) -> None:
    """The address of a port that leads out without BGP: in the underlay, or in the VPC that it is within."""
    within = text(wire.said.get('withinVPC'))
    subject = VPCS if within else ADDRESSING
    if not builder.includes(subject, DEVICES):
        return
    vrf = builder.find(key('vrf', 'vpc', within)) if within else None
    if within and vrf is None:
        builder.report_missing('VPC', wire.resource, VPCS, Code.VPC_MISSING, vpc=shown(within))
        return
    for end in wire.ends:
        _stand(builder, wire.resource, subject, end.interface, end.said, Ref(vrf.key) if vrf else None)


def _stand(
    builder: Builder, resource: Resource, subject: str, port: Interface, said: Any, vrf: Ref | None,
) -> None:
    """Put the address on the port, or on the subinterface for its VLAN. Without a VRF it is one of the underlay."""
    interface = subinterface(builder, resource, subject, port, said.get('vlan'), vrf)
    value = said.get('ip')
    if interface is not None and value not in (None, ''):
        on_interface(
            builder, resource, subject, interface, 'address', value, lambda: vrf or underlay(builder, resource),
        )
