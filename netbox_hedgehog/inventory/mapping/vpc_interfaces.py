"""Map the VLANs for routing between subnets to interfaces of switches: each shows that the switch has a VRF."""

from dataclasses import dataclass, field

from ...hedgehog.catalogs import EXTERNAL_REQUEST, catalog_of_group
from ...hedgehog.manifest import number
from ...hedgehog.vpcs import (
    read_external_attachment,
    read_external_permit,
    read_permits,
    read_vpc,
    read_vpc_attachment,
)
from ...issue_codes import Code
from .builder import Builder, Device, Interface, catalog
from .connections import MappedConnection
from .devices import runs_cumulus
from .names import key
from .types import DEVICES, VPCS, Ref

__all__ = ('build',)

_LARGEST_VLAN = 4094

# The kinds that decide which VRFs a switch has.
_NEEDED = (
    'Catalog', 'Connection', 'External', 'ExternalAttachment', 'ExternalPeering', 'VPC', 'VPCAttachment', 'VPCPeering',
)


@dataclass(slots=True)
class _Uses:
    """What a switch is used by, directly: VPCs and Externals."""

    vpcs: set[str] = field(default_factory=set)
    externals: set[str] = field(default_factory=set)


def build(builder: Builder, connections: dict[str, MappedConnection]) -> None:
    """Add an interface for each VRF of a switch, named after the VLAN that its Catalog has for it, such as Vlan3001.

    The VLAN has no object: it is the switch's own, or that of its redundancy group, and on no port.
    """
    if not builder.includes(VPCS, DEVICES):
        return
    if any(map(builder.is_unread, _NEEDED)):
        for resource in builder.of('Catalog'):
            builder.mark_undetermined(resource)
        return
    used = _direct_uses(builder, connections)
    peers = [set(permit) for resource in builder.of('VPCPeering') for permit in read_permits(resource.spec)]
    exposed = [read_external_permit(resource.spec) for resource in builder.of('ExternalPeering')]
    for device in builder.devices.values():
        if device.key not in used or runs_cumulus(builder, device):
            continue
        uses = used[device.key]
        vpcs = set(uses.vpcs).union(*(peer for peer in peers if peer & uses.vpcs))
        vpcs |= {permit.vpc for permit in exposed if permit.external in uses.externals}
        for name in sorted(vpcs):
            found = builder.get('VPC', name)
            if found and not read_vpc(found.spec).is_flat:
                _add(builder, device, name, Ref(key('vrf', 'vpc', name)))
        for name in sorted(uses.externals):
            _add(builder, device, f'{EXTERNAL_REQUEST}{name}', Ref(key('vrf', 'external', name)))


def _direct_uses(builder: Builder, connections: dict[str, MappedConnection]) -> dict[str, _Uses]:
    """Return by switch the VPCs that are attached to it or that lead out of it, and Externals at its ports."""
    used: dict[str, _Uses] = {}

    def at(name: str) -> list[_Uses]:
        """Return what is known of each switch of a Connection."""
        found = connections.get(name)
        switches = {end.interface.device.key for end in found.ends if end.interface.device.is_switch} if found else ()
        return [used.setdefault(switch, _Uses()) for switch in switches]

    for resource in builder.of('VPCAttachment'):
        attachment = read_vpc_attachment(resource.spec)
        vpc = builder.get('VPC', attachment.vpc)
        subnet = read_vpc(vpc.spec).subnets.get(attachment.subnet) if vpc else None
        for uses in at(attachment.connection):
            uses.vpcs.add(attachment.vpc)
            if subnet and subnet.dhcp_relay_vpc:
                uses.vpcs.add(subnet.dhcp_relay_vpc)
    # The two switches of an MCLAG domain have the subnets of each other.
    for name, connection in connections.items():
        pair = at(name) if connection.member.channels else []
        shared: set[str] = set().union(*(uses.vpcs for uses in pair))
        for uses in pair:
            uses.vpcs |= shared
    for resource in builder.of('ExternalAttachment'):
        external = read_external_attachment(resource.spec)
        for uses in at(external.connection):
            uses.externals.add(external.external)
    for name, connection in connections.items():
        for uses in at(name) if connection.within_vpc else ():
            uses.vpcs.add(connection.within_vpc)
    return used


def _add(builder: Builder, device: Device, request: str, vrf: Ref) -> None:
    """Add the interface of one VRF of a switch, as soon as the controller has assigned its VLAN."""
    name = catalog_of_group(device.resource.name, device.resource.spec)
    resource = builder.get('Catalog', name)
    vid = number(catalog(builder, name).irb_vlans.get(request))
    if resource is None or builder.find(vrf.key) is None:
        return
    if vid is None or not 1 <= vid <= _LARGEST_VLAN:
        builder.mark_undetermined(resource)
        return
    interface = f'Vlan{vid}'
    added = builder.add_interface(Interface(
        device, interface, key('irb', device.resource.name, request), resource.source,
        {'name': interface, 'type': 'virtual', 'parent': None, 'enabled': True, 'vrf': vrf}, scope=VPCS,
    ))
    if added is None:
        builder.report_issue(
            resource, VPCS, Code.INTERFACE_NAME_IN_USE, device=str(device), interface=interface,
        )
