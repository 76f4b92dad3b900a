"""Map custom resources to desired NetBox objects. Pure: no database, nothing raised."""

from collections.abc import Collection, Iterable

from . import (
    addressing,
    agents,
    attachments,
    cabling,
    connections,
    devices,
    externals,
    macs,
    mclag,
    namespaces,
    port_vlans,
    reservations,
    transceivers,
    untagged,
    vpc_interfaces,
    vpcs,
)
from .addressing import place_exits
from .builder import Builder
from .types import Desired, Options, Resource

__all__ = ('desired',)


def desired(resources: Iterable[Resource], options: Options, unread: Collection[str] = ()) -> Desired:
    """Map the resources of one fabric.

    Takes the resources in any order, the fabric's settings, and the kinds that were never read in full: a missing
    resource of one of these means nothing. Returns the desired objects, each after those that it refers to, and an
    issue for everything that cannot be synced: only that thing is skipped. Raises nothing, whatever the resources hold.
    """
    builder = Builder(resources, options, unread)
    devices.build(builder)
    mapped = connections.build(builder)
    cages = agents.cages_of(builder)
    lags = cabling.build(builder, mapped, cages)
    transceivers.build(builder, cages)
    macs.build(builder, mapped)
    vlan_interfaces = port_vlans.build(builder, mapped)
    addressing.build(builder, mapped, vlan_interfaces)
    mclag.build(builder, mapped)
    namespaces.build(builder)
    vpcs.build(builder)
    exits = attachments.build(builder, mapped, lags)
    exits += externals.build(builder, mapped)
    # After all of them: a port of several VRFs gets the address of none.
    place_exits(builder, exits)
    vpc_interfaces.build(builder, mapped)
    untagged.build(builder)
    reservations.build(builder)
    return builder.finish()
