"""Map VPC attachments to VLANs on the interfaces at both ends of a link."""

from collections.abc import Iterator
from dataclasses import replace

from ...hedgehog.manifest import address, shown
from ...hedgehog.vpcs import Subnet, SubnetConnection, read_subnet, read_vpc, read_vpc_attachment
from ...issue_codes import Code
from .addresses import GivenAddress, subinterface
from .addressing import UNDERLAY, Exit
from .builder import Builder, Interface
from .connections import MappedConnection
from .devices import runs_cumulus
from .types import DEVICES, VPCS, Ref, Resource
from .vpcs import vlan_key, vpc_vrf

__all__ = ('build',)

_VLAN_FIELDS = frozenset(('mode', 'untagged_vlan', 'tagged_vlans'))


def build(
    builder: Builder, connections: dict[str, MappedConnection], lags: dict[tuple[str, str], Interface],
) -> list[Exit]:
    """Set the VLANs of every interface whose VLANs the fabric manages. An empty set is a value, too.

    Returns the ports that are routed with an address of their own.
    """
    exits: list[Exit] = []
    if not builder.includes(VPCS, DEVICES):
        return exits
    known = [builder.was_read(kind) for kind in ('VPCAttachment', 'Connection')]
    tagged: dict[str, set[Ref]] = {}
    for resource in builder.of('VPCAttachment'):
        attachment = read_vpc_attachment(resource.spec, resource.annotations)
        if _is_of_excluded(builder, attachment):
            builder.mark_undetermined(resource)
            continue
        name = attachment.connection
        interfaces = _interfaces(builder, resource, name, connections.get(name), lags)
        subnet = _subnet(builder, resource, attachment)
        if subnet is None:
            is_determined = False
        elif interfaces and _is_always_routed(builder, connections[name]):
            # The port itself is in the VRF, with one network for it and the server.
            is_determined = _route(builder, resource, attachment, replace(subnet, vlan=None), interfaces)
            exits += _link(builder, resource, attachment, interfaces)
        elif subnet.host_bgp:
            is_determined = _route(builder, resource, attachment, subnet, interfaces)
        else:
            is_determined = _switch(builder, resource, attachment, interfaces, tagged)
        if not is_determined:
            # An invalid VLAN does not mean "no VLAN": the interface keeps its VLANs.
            for interface in interfaces:
                interface.unclear = True
    kept = _keep_excluded(builder, connections, lags)
    for interface in builder.interfaces:
        if interface.switched and all(known) and not interface.unclear and not interface.is_contested:
            vlans, stay = tagged.get(interface.key, set()), kept.get(interface.key, set())
            # A port of excluded attachments alone is not managed: its VLANs are not known to be none.
            if vlans or interface.native_vlans or not stay:
                _set_vlans(interface, vlans | stay)
    return exits


def _is_of_excluded(builder: Builder, attachment: SubnetConnection) -> bool:
    """Return whether a rule excludes the VPC of an attachment, or the namespace of its VLAN."""
    if builder.is_excluded('VPC', attachment.vpc):
        return True
    vpc = builder.get('VPC', attachment.vpc)
    return vpc is not None and builder.is_excluded('VLANNamespace', read_vpc(vpc.spec).vlan_namespace)


def _keep_excluded(
    builder: Builder, connections: dict[str, MappedConnection], lags: dict[tuple[str, str], Interface],
) -> dict[str, set[Ref]]:
    """Return the tagged VLANs of attachments that rules exclude, by interface: those that exist stay on it.

    Nothing is managed of untagged and routed traffic of an interface that is excluded.
    """
    kept: dict[str, set[Ref]] = {}
    read = [read_vpc_attachment(resource.spec, resource.annotations) for resource in builder.of('VPCAttachment')]
    found = [attachment for attachment in read if _is_of_excluded(builder, attachment)]
    for resource in builder.excluded_of('VPCAttachment'):
        found.append(read_vpc_attachment(resource.spec, resource.annotations))
    for attachment in found:
        vpc = builder.get_any('VPC', attachment.vpc)
        subnet = read_subnet(vpc.spec, attachment.subnet) if vpc else None
        connection = connections.get(attachment.connection)
        is_routed = connection is not None and _is_always_routed(builder, connection)
        is_tagged = subnet is not None and not (is_routed or subnet.host_bgp or attachment.native_vlan)
        for interface in _ends(attachment.connection, connection, lags) if connection else ():
            if is_tagged:
                kept.setdefault(interface.key, set()).add(Ref(vlan_key(attachment.vpc, attachment.subnet)))
            else:
                interface.unclear = True
    return kept


def _ends(
    name: str, connection: MappedConnection, lags: dict[tuple[str, str], Interface],
) -> list[Interface]:
    """Return the interfaces of a connection that have the VLANs: LAGs, or else the ports."""
    if not connection.member.lag:
        return [end.interface for end in connection.ends]
    devices = dict.fromkeys(end.interface.device.key for end in connection.ends)
    return [lags[name, device] for device in devices if (name, device) in lags]


def _set_vlans(interface: Interface, vlans: set[Ref]) -> None:
    """Set the VLANs of an interface, which may be none."""
    native_vlan = next(iter(interface.native_vlans), None)
    vlans = vlans - set(interface.native_vlans)
    interface.managed_fields |= {
        'mode': 'tagged' if vlans else 'access' if native_vlan else None,
        'untagged_vlan': native_vlan,
        'tagged_vlans': tuple(sorted(vlans)),
    }


def _subnet(builder: Builder, resource: Resource, attachment: SubnetConnection) -> Subnet | None:
    """Return the subnet that is attached. Returns None, with an issue, if it does not exist."""
    found = builder.get('VPC', attachment.vpc)
    subnet = read_subnet(found.spec, attachment.subnet) if found else None
    if subnet is None:
        builder.report_missing('VPC', resource, VPCS, Code.SUBNET_MISSING, subnet=shown(attachment.path))
    return subnet


def _route(
    builder: Builder, resource: Resource, attachment: SubnetConnection, subnet: Subnet, interfaces: list[Interface],
) -> bool:
    """Put the switches' ports into the VRF of the VPC: a subinterface for the subnet's VLAN, or else the port itself.

    The VLAN is no more than a tag between switch and server: there is no trunk, and it may be any. The fabric does not
    say how the server handles it. Returns whether the VRF is known, and the VLAN valid.
    """
    vrf = vpc_vrf(builder, attachment.vpc)
    # The underlay is no VRF of an interface.
    own = vrf if vrf != UNDERLAY else None
    for interface in interfaces:
        if not interface.device.is_switch:
            interface.yielding_fields |= _VLAN_FIELDS
        if own and not subnet.has_vlan:
            interface.vrfs.setdefault(own, []).append(resource)
    if builder.find(vrf.key) is None:
        builder.report_issue(resource, VPCS, Code.VRF_SKIPPED, kind='VPC', name=shown(attachment.vpc))
        return False
    if not subnet.has_vlan:
        return True
    ports = [interface for interface in interfaces if interface.device.is_switch]
    routed = [subinterface(builder, resource, VPCS, port, subnet.vlan, own) for port in ports]
    return None not in routed


def _is_always_routed(builder: Builder, connection: MappedConnection) -> bool:
    """Return whether the switch of a Connection has no VLANs. Bundles are not known to such switches."""
    return not connection.member.lag and any(runs_cumulus(builder, end.interface.device) for end in connection.ends)


def _link(
    builder: Builder, resource: Resource, attachment: SubnetConnection, interfaces: list[Interface],
) -> Iterator[Exit]:
    """Yield both ends of the link to a server, if the attachment gives its network: the switch has the odd address."""
    if attachment.link in (None, ''):
        return
    network = address(attachment.link)
    if network is None or network.version != 4 or network.network.prefixlen != 31:
        builder.report_issue(resource, VPCS, Code.LINK_NETWORK_INVALID, network=shown(attachment.link))
        builder.mark_undetermined(resource)
        return
    first, second = network.network
    for interface in interfaces:
        ip = f'{second if interface.device.is_switch else first}/31'
        given = GivenAddress(resource, VPCS, 'address', ip, f'Links of {attachment.vpc}')
        yield Exit(interface, given, vpc_vrf(builder, attachment.vpc))


def _switch(
    builder: Builder, resource: Resource, attachment: SubnetConnection, interfaces: list[Interface],
    tagged: dict[str, set[Ref]],
) -> bool:
    """Put the VLAN of the subnet on both ends. Returns whether it is known; an issue is reported if it is not."""
    vlan = Ref(vlan_key(attachment.vpc, attachment.subnet))
    for interface in interfaces:
        if attachment.native_vlan:
            interface.native_vlans.setdefault(vlan, []).append(resource)
        else:
            tagged.setdefault(interface.key, set()).add(vlan)
    if builder.find(vlan.key) is None:
        builder.report_issue(resource, VPCS, Code.SUBNET_WITHOUT_VLAN, subnet=shown(attachment.path))
        return False
    return True


def _interfaces(
    builder: Builder, resource: Resource, name: str, connection: MappedConnection | None,
    lags: dict[tuple[str, str], Interface],
) -> list[Interface]:
    """Return both ends of the connection: LAGs on all switches of a bundle and on the server, else the ports."""
    if connection is None and builder.depends_on_excluded(resource, 'Connection', name):
        return []
    if connection is None:
        code = Code.CONNECTION_SKIPPED if builder.get('Connection', name) else Code.CONNECTION_MISSING
        builder.report_missing('Connection', resource, VPCS, code, connection=shown(name))
        return []
    if not connection.member.attachable:
        builder.report_issue(
            resource, VPCS, Code.CONNECTION_NOT_ATTACHABLE, connection=shown(name), type=connection.member.name,
        )
        return []
    interfaces = _ends(name, connection, lags)
    devices = {end.interface.device.key for end in connection.ends}
    lacks_lags = connection.member.lag and len(interfaces) < len(devices)
    if not connection.complete or connection.ends_on_excluded or lacks_lags:
        builder.mark_undetermined(resource)
    return interfaces
