"""Map what leads out of the fabric: externals, their attachments, and static external connections."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...hedgehog.manifest import is_unset, shown
from ...hedgehog.vpcs import read_external_attachment
from ...issue_codes import Code
from .addresses import GivenAddress, on_interface, subinterface
from .addressing import underlay
from .builder import Builder, Interface
from .connections import MappedConnection, MappedEnd
from .names import key
from .types import ADDRESSING, DEVICES, VPCS, Ref, Resource
from .vpcs import described

__all__ = ('build',)


@dataclass(frozen=True, slots=True)
class _Exit:
    """An interface that leads out of the fabric, its address, and its VRF: None for the underlay."""

    interface: Interface
    given: GivenAddress
    vrf: Ref | None


def build(builder: Builder, connections: dict[str, MappedConnection]) -> None:
    """Add the VRFs of externals, and the subinterfaces and addresses that lead to them."""
    if builder.includes(VPCS):
        for resource in builder.of('External'):
            managed = described(builder, f'ext@{resource.name}')
            builder.vrf(resource, VPCS, f'External {resource.name}', managed, 'external', resource.name)
    exits: list[_Exit] = []
    if builder.includes(VPCS, DEVICES):
        for resource in builder.of('ExternalAttachment'):
            exits += _attachment(builder, resource, connections)
        for resource in builder.excluded_of('ExternalAttachment'):
            _keep_excluded(resource, connections)
    for connection in connections.values():
        if connection.member.name == 'staticExternal':
            exits += _static(builder, connection)
    # After all of them: a port of several VRFs gets the address of none.
    for found in exits:
        if not found.interface.is_contested:
            _address(builder, found)


def _attachment(
    builder: Builder, resource: Resource, connections: dict[str, MappedConnection],
) -> Iterator[_Exit]:
    attachment = read_external_attachment(resource.spec)
    connection = connections.get(attachment.connection)
    if connection is not None and connection.member.name != 'external':
        connection = None
    ends = connection.ends if connection is not None else []
    vrf = Ref(key('vrf', 'external', attachment.external))
    if builder.find(vrf.key) is None:
        _report_no_vrf(
            builder, resource, 'External', attachment.external, Code.EXTERNAL_MISSING,
            external=shown(attachment.external),
        )
        _keep_vrf(resource, vrf, [end for end in ends if is_unset(attachment.vlan)])
        return
    if connection is None and builder.depends_on_excluded(resource, 'Connection', attachment.connection):
        return
    if connection is None:
        builder.report_missing(
            'Connection', resource, VPCS, Code.EXTERNAL_CONNECTION_MISSING, connection=shown(attachment.connection),
        )
        return
    if not connection.complete:
        builder.mark_undetermined(resource)
    for end in ends:
        interface = subinterface(builder, resource, VPCS, end.interface, attachment.vlan, vrf)
        given = GivenAddress(resource, VPCS, 'address', attachment.ip, f'External {attachment.external}')
        if interface is not None:
            yield _Exit(interface, given, vrf)


def _keep_excluded(resource: Resource, connections: dict[str, MappedConnection]) -> None:
    """Manage nothing of the untagged traffic of ports whose attachment a rule excludes."""
    attachment = read_external_attachment(resource.spec)
    connection = connections.get(attachment.connection)
    if connection is not None and is_unset(attachment.vlan):
        for end in connection.ends:
            end.interface.unclear = True


def _static(builder: Builder, connection: MappedConnection) -> Iterator[_Exit]:
    """Yield the ports that lead out without BGP: in the underlay, or in their VPC."""
    resource, within = connection.resource, connection.within_vpc
    scope = VPCS if within else ADDRESSING
    if not builder.includes(scope, DEVICES):
        return
    vrf = Ref(key('vrf', 'vpc', within)) if within else None
    if vrf is not None and builder.find(vrf.key) is None:
        _report_no_vrf(builder, resource, 'VPC', within, Code.VPC_MISSING, vpc=shown(within))
        _keep_vrf(resource, vrf, [end for end in connection.ends if is_unset(end.vlan)])
        return
    for end in connection.ends:
        interface = subinterface(builder, resource, scope, end.interface, end.vlan, vrf)
        given = GivenAddress(resource, scope, 'address', end.ip, f'Static external {resource.name}')
        if interface is not None:
            yield _Exit(interface, given, vrf)


def _report_no_vrf(
    builder: Builder, resource: Resource, kind: str, name: str, missing: Code, **parameters: str,
) -> None:
    """Report that a resource does not exist, or that its VRF was skipped; nothing of one that a rule excludes."""
    if builder.depends_on_excluded(resource, kind, name):
        return
    if builder.get(kind, name):
        builder.report_issue(resource, VPCS, Code.VRF_SKIPPED, kind=kind, name=shown(name))
    else:
        builder.report_missing(kind, resource, VPCS, missing, **parameters)


def _keep_vrf(resource: Resource, vrf: Ref, ends: list[MappedEnd]) -> None:
    """Manage no VRF of ports whose VRF cannot be determined now: it stays as it is."""
    for end in ends:
        end.interface.vrfs.setdefault(vrf, []).append(resource)


def _address(builder: Builder, found: _Exit) -> None:
    """Put the address on the port, or on the subinterface for its VLAN. Without a VRF it is one of the underlay."""
    if found.given.value not in (None, ''):
        on_interface(
            builder, found.interface, found.given, lambda: found.vrf or underlay(builder, found.given.resource),
        )
