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
    namespaces,
    reservations,
    transceivers,
    untagged,
    vpcs,
)
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
    addressing.build(builder, mapped)
    namespaces.build(builder)
    vpcs.build(builder)
    attachments.build(builder, mapped, lags)
    externals.build(builder, mapped)
    untagged.build(builder)
    reservations.build(builder)
    return builder.finish()
