"""Map what leads out of the fabric: externals, their attachments, and static external connections."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...hedgehog.catalogs import catalog_of_switch
from ...hedgehog.manifest import address, is_unset, number, shown
from ...hedgehog.vpcs import read_external_attachment
from ...issue_codes import Code
from .addresses import GivenAddress, subinterface
from .addressing import UNDERLAY, Exit
from .builder import Builder, Interface, agent_config, catalog
from .connections import MappedConnection, MappedEnd
from .names import key
from .types import ADDRESSING, DEVICES, VPCS, Ref, Resource
from .vpcs import described, vpc_vrf

__all__ = ('build',)


def build(builder: Builder, connections: dict[str, MappedConnection]) -> list[Exit]:
    """Add the VRFs of externals, and the subinterfaces that lead to them. Returns these with their addresses."""
    if builder.includes(VPCS):
        for resource in builder.of('External'):
            managed = described(builder, f'ext@{resource.name}')
            builder.vrf(resource, VPCS, f'External {resource.name}', managed, 'external', resource.name)
    exits: list[Exit] = []
    if builder.includes(VPCS, DEVICES):
        for resource in builder.of('ExternalAttachment'):
            exits += _attachment(builder, resource, connections)
        for resource in builder.excluded_of('ExternalAttachment'):
            _keep_excluded(resource, connections)
    exits = _with_shared(exits)
    for connection in connections.values():
        if connection.member.name == 'staticExternal':
            exits += _static(builder, connection)
    return exits


def _with_shared(exits: list[Exit]) -> list[Exit]:
    """Let an address be anycast that the controller has assigned on several switches: numbers are a switch's own."""
    counts = Counter((found.vrf, found.given.value) for found in exits if found.is_assigned)
    return [replace(found, role='anycast') if _is_repeated(found, counts) else found for found in exits]


def _is_repeated(found: Exit, counts: Counter[tuple[Ref | None, Any]]) -> bool:
    # What a manifest gives as an address may be anything, also what cannot be counted.
    return found.is_assigned and counts[found.vrf, found.given.value] > 1


def _attachment(
    builder: Builder, resource: Resource, connections: dict[str, MappedConnection],
) -> Iterator[Exit]:
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
    if not connection.complete or connection.ends_on_excluded:
        builder.mark_undetermined(resource)
    for end in ends:
        interface = subinterface(builder, resource, VPCS, end.interface, attachment.vlan, vrf)
        ip = _proxy_address(builder, resource, end.interface) if attachment.proxy else attachment.ip
        given = GivenAddress(resource, VPCS, 'address', ip, f'External {attachment.external}')
        if interface is not None:
            yield Exit(interface, given, vrf, is_assigned=attachment.proxy)


def _keep_excluded(resource: Resource, connections: dict[str, MappedConnection]) -> None:
    """Manage nothing of the untagged traffic of ports whose attachment a rule excludes."""
    attachment = read_external_attachment(resource.spec)
    connection = connections.get(attachment.connection)
    if connection is not None and is_unset(attachment.vlan):
        for end in connection.ends:
            end.interface.unclear = True


def _proxy_address(builder: Builder, resource: Resource, port: Interface) -> str | None:
    """Return the address with which a switch answers for a static external; None as long as it is not assigned.

    It is the first one of a pair: the controller numbers the pairs of a network that switches know from their Agents.
    """
    switch = port.device.resource.name
    network = address(agent_config(builder, switch).proxy)
    if builder.get('Agent', switch) is None or builder.get('Catalog', catalog_of_switch(switch)) is None:
        builder.mark_undetermined(resource)
    place = number(catalog(builder, catalog_of_switch(switch)).proxy_offsets.get(resource.name))
    if network is None or network.version != 4 or place is None or place < 0:
        return None
    pairs = network.network
    if 2 * place + 1 >= pairs.num_addresses:
        builder.report_issue(resource, VPCS, Code.PROXY_NETWORK_TOO_SMALL, network=str(pairs), number=place)
        return None
    return f'{pairs.network_address + 2 * place}/31'


def _static(builder: Builder, connection: MappedConnection) -> Iterator[Exit]:
    """Yield the ports that lead out without BGP: in the underlay, or in their VPC."""
    resource, within = connection.resource, connection.within_vpc
    scope = VPCS if within else ADDRESSING
    if not builder.includes(scope, DEVICES):
        return
    vrf = vpc_vrf(builder, within) if within else None
    if vrf is not None and builder.find(vrf.key) is None:
        _report_no_vrf(builder, resource, 'VPC', within, Code.VPC_MISSING, vpc=shown(within))
        _keep_vrf(resource, vrf, [end for end in connection.ends if is_unset(end.vlan)])
        return
    for end in connection.ends:
        # The underlay is no VRF of an interface.
        interface = subinterface(builder, resource, scope, end.interface, end.vlan, vrf if vrf != UNDERLAY else None)
        given = GivenAddress(resource, scope, 'address', end.ip, f'Static external {resource.name}')
        if interface is not None:
            yield Exit(interface, given, vrf)


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

