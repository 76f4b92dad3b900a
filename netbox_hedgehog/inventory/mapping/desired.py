"""What a fabric wants NetBox to hold: custom resources in, NetBox objects out. Pure: no database, nothing raised."""

from collections.abc import Collection, Iterable

from . import addressing, attachments, cabling, connections, devices, externals, namespaces, vpcs
from .builder import Draft
from .types import Desired, Options, Resource

__all__ = ('desired',)


def desired(resources: Iterable[Resource], options: Options, unread: Collection[str] = ()) -> Desired:
    """Map the resources of one fabric.

    Takes the resources in any order, the fabric's settings, and the kinds that were never read in full: that a resource
    of one of these is absent says nothing. Returns what is wanted, each object after those that it refers to, and a
    problem for everything that cannot be carried: it costs that thing and nothing else. Raises nothing, whatever the
    resources hold.
    """
    draft = Draft(resources, options, unread)
    devices.draw(draft)
    wires = connections.wire(draft)
    lags = cabling.draw(draft, wires)
    addressing.draw(draft, wires)
    namespaces.draw(draft)
    vpcs.draw(draft)
    attachments.draw(draft, wires, lags)
    externals.draw(draft, wires)
    return draft.finish()
