"""Decide the VRF of each port of a switch: that of its untagged traffic. A port has one at most."""

from ...issue_codes import Code
from .builder import Builder, Interface
from .types import DEVICES, VPCS, Resource

__all__ = ('build',)


def build(builder: Builder) -> None:
    """Set the VRFs of ports. A port without one is in none as soon as all that may give it one is known."""
    if not builder.includes(VPCS, DEVICES):
        return
    all_known = not any(map(builder.is_unread, ('Connection', 'VPCAttachment', 'ExternalAttachment')))
    for interface in builder.interfaces:
        if interface.is_contested:
            _report(builder, interface)
        elif interface.device.is_switch:
            _set_vrf(builder, interface, all_known)


def _set_vrf(builder: Builder, interface: Interface, all_known: bool) -> None:
    vrf = next(iter(interface.vrfs), None)
    if vrf is not None:
        # One that cannot be determined now is not "none": the port keeps its VRF.
        if builder.find(vrf.key):
            interface.managed_fields['vrf'] = vrf
    elif interface.switched and not interface.unclear and all_known:
        interface.managed_fields['vrf'] = None


def _report(builder: Builder, interface: Interface) -> None:
    """Report an issue with each resource that uses the port untagged: which of them the switch obeys is unknown."""
    networks = [*interface.native_vlans.values(), *interface.vrfs.values()]
    for resources in networks:
        other = min((user for users in networks if users is not resources for user in users), key=_source)
        for resource in resources:
            if interface.vrfs:
                builder.report_issue(
                    resource, VPCS, Code.UNTAGGED_IN_USE, interface=str(interface), kind=other.kind, name=other.name,
                )
            else:
                builder.report_issue(resource, VPCS, Code.NATIVE_VLAN_IN_USE, interface=str(interface))


def _source(resource: Resource) -> tuple[str, str]:
    return resource.kind, resource.name
