"""Map DHCP reservations of VPC subnets to addresses in the VRFs of the VPCs."""

from typing import Any

from ...hedgehog.manifest import Network, address, is_host, mac_address, network, shown
from ...hedgehog.vpcs import Subnet, read_vpc
from ...issue_codes import Code
from .builder import Builder
from .names import key
from .types import VPCS, Ref, Resource
from .vpcs import vpc_vrf

__all__ = ('build',)


def build(builder: Builder) -> None:
    """Add the reservations of each subnet that is mapped. Gateways and addresses on interfaces have been added before.

    An address that is in use already is not reserved.
    """
    if not builder.includes(VPCS):
        return
    for resource in builder.of('VPC'):
        vrf = builder.find(vpc_vrf(builder, resource.name).key)
        for subnet in read_vpc(resource.spec).subnets.values() if vrf else ():
            prefix = network(subnet.prefix)
            if vrf and prefix and subnet.dhcp and builder.find(key('prefix', resource.name, subnet.name)):
                for mac, value in subnet.reservations:
                    _add(builder, resource, subnet, (Ref(vrf.key), prefix), (mac, value))


def _add(
    builder: Builder, resource: Resource, subnet: Subnet, space: tuple[Ref, Network], reservation: tuple[str, Any],
) -> None:
    (vrf, prefix), (name, value) = space, reservation
    mac, found = mac_address(name), address(value)
    about = {'subnet': shown(subnet.name), 'mac': shown(name), 'address': shown(value)}
    if mac is None or found is None or not is_host(found.ip, prefix):
        builder.report_issue(resource, VPCS, Code.SUBNET_RESERVATION_INVALID, prefix=str(prefix), **about)
        return
    own_key = key('reservation', resource.name, subnet.name, mac)
    if builder.find(own_key) or builder.reserve(resource.source, 'address', vrf.key, str(found.ip)):
        builder.report_issue(resource, VPCS, Code.SUBNET_RESERVATION_IN_USE, **about)
        return
    builder.add(
        'ipam.ipaddress', own_key, resource.source, VPCS,
        # It may take over an address that was on an interface.
        {'address': f'{found.ip}/{prefix.prefixlen}', 'vrf': vrf, 'assigned_object': None, 'role': None},
        builder.assigned(
            resource.source, status='reserved',
            description=f'DHCP reservation for {mac} in {resource.name}/{subnet.name}'[:200],
        ),
    )
