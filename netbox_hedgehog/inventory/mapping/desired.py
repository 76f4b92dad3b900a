"""Map custom resources to desired NetBox objects. Pure: no database, nothing raised."""

from collections.abc import Collection, Iterable

from . import addressing, attachments, cabling, connections, devices, externals, namespaces, vpcs
from .builder import Builder
from .types import Desired, Options, Resource

__all__ = ('desired',)


def desired(resources: Iterable[Resource], options: Options, unread: Collection[str] = ()) -> Desired:
    """Map the resources of one fabric.

    Takes the resources in any order, the fabric's settings, and the kinds that were never read in full: that a resource
    of one of these is absent says nothing. Returns the desired objects, each after those that it refers to, and an
    issue for everything that cannot be synced: only that thing is skipped. Raises nothing, whatever the resources hold.
    """
    builder = Builder(resources, options, unread)
    devices.build(builder)
    wires = connections.wire(builder)
    lags = cabling.build(builder, wires)
    addressing.build(builder, wires)
    namespaces.build(builder)
    vpcs.build(builder)
    attachments.build(builder, wires, lags)
    externals.build(builder, wires)
    return builder.finish()
