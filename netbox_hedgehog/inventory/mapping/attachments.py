"""VPC attachments become VLANs on interfaces, at either end of the link."""

from ...hedgehog.manifest import mapping, shown, text
from ...issue_codes import Code
from .builder import Builder, Interface
from .connections import BUNDLES, SERVED, Wire
from .types import DEVICES, VPCS, Ref, Resource
from .vpcs import vlan_key

__all__ = ('build',)


def build(builder: Builder, wires: dict[str, Wire], lags: dict[tuple[str, str], Interface]) -> None:
    """Say of every interface that the fabric switches which VLANs are on it. None is a statement, too."""
    if not builder.includes(VPCS, DEVICES) or not builder.devices:
        return
    known = [builder.was_read(kind) for kind in ('VPCAttachment', 'Connection')]
    tagged: dict[str, set[Ref]] = {}
    untagged: dict[str, Ref] = {}
    unclear: set[str] = set()
    for resource in builder.of('VPCAttachment'):
        interfaces = _interfaces(builder, resource, wires, lags)
        vlan, clear = _vlan(builder, resource)
        native = mapping(resource.spec).get('nativeVLAN') is True
        for interface in interfaces:
            if vlan is None:
                unclear |= set() if clear else {interface.key}
            elif not native:
                tagged.setdefault(interface.key, set()).add(vlan)
            elif untagged.setdefault(interface.key, vlan) != vlan:
                unclear.add(interface.key)
                builder.report_issue(resource, VPCS, Code.NATIVE_VLAN_IN_USE, interface=str(interface))
    for device in builder.devices.values():
        for interface in device.interfaces.values():
            # An invalid VLAN is not the same as none: the interface keeps its VLANs.
            told = all(known) and not interface.unclear and interface.key not in unclear
            if interface.switched and told:
                native_vlan = untagged.get(interface.key)
                vlans = tagged.get(interface.key, set())
                if native_vlan is not None:
                    vlans.discard(native_vlan)
                interface.managed_fields |= {
                    'mode': 'tagged' if vlans else 'access' if native_vlan else None,
                    'untagged_vlan': native_vlan,
                    'tagged_vlans': tuple(sorted(vlans)),
                }


def _vlan(builder: Builder, resource: Resource) -> tuple[Ref | None, bool]:
    """The VLAN of the subnet that is attached, if any, and whether that is all that is to be said.

    A subnet of hostBGP may have none: its servers are routed to.
    """
    whole = text(mapping(resource.spec).get('subnet'))
    vpc, _, subnet = whole.partition('/')
    found = builder.get('VPC', vpc)
    subnets = mapping(mapping(found.spec if found else None).get('subnets'))
    if subnet not in subnets:
        builder.report_missing('VPC', resource, VPCS, Code.SUBNET_MISSING, subnet=shown(whole))
        return None, False
    added = builder.find(vlan_key(vpc, subnet))
    if added is not None:
        return Ref(added.key), True
    if mapping(subnets[subnet]).get('hostBGP') is True and mapping(subnets[subnet]).get('vlan') in (None, 0):
        return None, True
    builder.report_issue(resource, VPCS, Code.SUBNET_WITHOUT_VLAN, subnet=shown(whole))
    return None, False


def _interfaces(
    builder: Builder, resource: Resource, wires: dict[str, Wire], lags: dict[tuple[str, str], Interface],
) -> list[Interface]:
    """Both ends of the connection: LAGs on all switches of a bundle and on the server, else the ports."""
    name = text(mapping(resource.spec).get('connection'))
    wire = wires.get(name)
    if wire is None:
        code = Code.CONNECTION_SKIPPED if builder.get('Connection', name) else Code.CONNECTION_MISSING
        builder.report_missing('Connection', resource, VPCS, code, connection=shown(name))
        return []
    if wire.member not in SERVED:
        builder.report_issue(
            resource, VPCS, Code.CONNECTION_NOT_ATTACHABLE, connection=shown(name), type=wire.member,
        )
        return []
    if wire.member in BUNDLES:
        devices = dict.fromkeys(end.interface.device.key for end in wire.ends)
        return [lags[name, device] for device in devices if (name, device) in lags]
    return [end.interface for end in wire.ends]
