"""Map the VLANs for routing between subnets to interfaces of switches: each shows that the switch has a VRF."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from ...hedgehog.catalogs import EXTERNAL_REQUEST, catalog_of_group
from ...hedgehog.connections import ports_named, read_connection
from ...hedgehog.manifest import vlan_id
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
from .types import DEVICES, VPCS, Ref, Resource

__all__ = ('build',)

# The kinds that decide which VRFs a switch has.
_NEEDED = (
    'Catalog', 'Connection', 'External', 'ExternalAttachment', 'ExternalPeering', 'VPC', 'VPCAttachment', 'VPCPeering',
)


# Those that a rule may exclude: a switch still has what it has by them.
_EXCLUDABLE = ('Connection', 'External', 'ExternalAttachment', 'Switch', 'VPC', 'VPCAttachment')


@dataclass(slots=True)
class _Uses:
    """What a switch is used by, directly: VPCs and Externals."""

    vpcs: set[str] = field(default_factory=set)
    externals: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Place:
    """The switches of a Connection; whether they are an MCLAG domain; and the VPC that it is within, or ''."""

    switches: frozenset[str]
    is_domain: bool
    within_vpc: str


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
    places = {name: _place(connection) for name, connection in connections.items()}
    for name, requests in _requests(builder, places, builder.of).items():
        device = builder.devices.get(('Switch', name))
        if device is None or runs_cumulus(builder, device):
            continue
        for request, vrf in requests.items():
            _add(builder, device, request, vrf)
    if any(any(builder.excluded_of(kind)) for kind in _EXCLUDABLE):
        _keep_excluded(builder)


def _place(connection: MappedConnection) -> _Place:
    devices = [end.interface.device for end in connection.ends]
    switches = frozenset(device.resource.name for device in devices if device.is_switch)
    return _Place(switches, bool(connection.member.channels), connection.within_vpc)


def _keep_excluded(builder: Builder) -> None:
    """Keep the interfaces that switches have by what a rule excludes."""
    def everything(kind: str) -> Iterator[Resource]:
        return chain(builder.of(kind), builder.excluded_of(kind))

    places: dict[str, _Place] = {}
    for resource in everything('Connection'):
        read = read_connection(resource.name, resource.spec)
        switches = frozenset(name for name, _ in ports_named(resource.spec) if builder.get_any('Switch', name))
        places[resource.name] = _Place(switches, bool(read.member and read.member.channels), read.within_vpc)
    for name, requests in _requests(builder, places, everything).items():
        for request in requests:
            builder.keep(_key(name, request))


def _requests(
    builder: Builder, places: dict[str, _Place], of: Callable[[str], Iterator[Resource]],
) -> dict[str, dict[str, Ref]]:
    """Return the VRFs of each switch, by the names that Catalogs have for them.

    `of` returns the resources of a kind that count.
    """
    vpcs = {resource.name: resource for resource in of('VPC')}
    used = _direct_uses(places, vpcs, of)
    peers = [set(permit) for resource in of('VPCPeering') for permit in read_permits(resource.spec)]
    exposed = [read_external_permit(resource.spec) for resource in of('ExternalPeering')]
    found: dict[str, dict[str, Ref]] = {}
    for switch, uses in used.items():
        names = set(uses.vpcs).union(*(peer for peer in peers if peer & uses.vpcs))
        names |= {permit.vpc for permit in exposed if permit.external in uses.externals}
        routed = [name for name in sorted(names) if name in vpcs and not read_vpc(vpcs[name].spec).is_flat]
        found[switch] = {name: Ref(key('vrf', 'vpc', name)) for name in routed}
        for name in sorted(uses.externals):
            found[switch][f'{EXTERNAL_REQUEST}{name}'] = Ref(key('vrf', 'external', name))
    return found


def _direct_uses(
    places: dict[str, _Place], vpcs: dict[str, Resource], of: Callable[[str], Iterator[Resource]],
) -> dict[str, _Uses]:
    """Return by switch the VPCs that are attached to it or that lead out of it, and Externals at its ports."""
    used: dict[str, _Uses] = {}

    def at(name: str) -> list[_Uses]:
        """Return what is known of each switch of a Connection."""
        found = places.get(name)
        return [used.setdefault(switch, _Uses()) for switch in sorted(found.switches)] if found else []

    for resource in of('VPCAttachment'):
        attachment = read_vpc_attachment(resource.spec)
        vpc = vpcs.get(attachment.vpc)
        subnet = read_vpc(vpc.spec).subnets.get(attachment.subnet) if vpc else None
        for uses in at(attachment.connection):
            uses.vpcs.add(attachment.vpc)
            if subnet and subnet.dhcp_relay_vpc:
                uses.vpcs.add(subnet.dhcp_relay_vpc)
    # The two switches of an MCLAG domain have the subnets of each other.
    for name, place in places.items():
        pair = at(name) if place.is_domain else []
        shared: set[str] = set().union(*(uses.vpcs for uses in pair))
        for uses in pair:
            uses.vpcs |= shared
    for resource in of('ExternalAttachment'):
        external = read_external_attachment(resource.spec)
        for uses in at(external.connection):
            uses.externals.add(external.external)
    for name, place in places.items():
        for uses in at(name) if place.within_vpc else ():
            uses.vpcs.add(place.within_vpc)
    return used


def _key(switch: str, request: str) -> str:
    return key('irb', switch, request)


def _add(builder: Builder, device: Device, request: str, vrf: Ref) -> None:
    """Add the interface of one VRF of a switch, as soon as the controller has assigned its VLAN.

    As long as its VRF or its Catalog cannot be found, the interface that the switch has is kept.
    """
    name = catalog_of_group(device.resource.name, device.resource.spec)
    resource = builder.get('Catalog', name)
    vid = vlan_id(catalog(builder, name).irb_vlans.get(request))
    if resource is None or builder.find(vrf.key) is None:
        builder.keep(_key(device.resource.name, request))
        return
    if vid is None:
        builder.mark_undetermined(resource)
        return
    interface = f'Vlan{vid}'
    added = builder.add_interface(Interface(
        device, interface, _key(device.resource.name, request), resource.source,
        {'name': interface, 'type': 'virtual', 'parent': None, 'enabled': True, 'vrf': vrf}, scope=VPCS,
    ))
    if added is None:
        builder.report_issue(
            resource, VPCS, Code.INTERFACE_NAME_IN_USE, device=str(device), interface=interface,
        )
