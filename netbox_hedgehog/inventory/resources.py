"""Load the mirror's rows for the mappers, which are pure."""

from collections.abc import Collection, Iterator

from django.db.models.fields.json import KeyTextTransform

from ..hedgehog.vpcs import LINK_ANNOTATION
from ..models import Fabric, FabricResource, KindSync
from .mapping.types import CABLE_TYPES, MAC_ADDRESSES, SCOPES, TRANSCEIVERS, Resource

__all__ = ('KINDS', 'resources_of', 'unread_kinds')

# The kinds that mappers use. Others are not loaded.
KINDS = (
    'Agent', 'Catalog', 'Connection', 'DHCPSubnet', 'External', 'ExternalAttachment', 'ExternalPeering', 'Gateway',
    'IPv4Namespace', 'Server', 'Switch', 'SwitchProfile', 'VLANNamespace', 'VPC', 'VPCAttachment', 'VPCPeering',
)


# What mappers read of an Agent's state, and for which scopes; () for all of them.
STATES: dict[str, tuple[str, ...]] = {
    'nos': (), 'transceivers': (TRANSCEIVERS, CABLE_TYPES), 'interfaces': (MAC_ADDRESSES,),
}


def resources_of(
    fabric: Fabric, scopes: Collection[str] = SCOPES, with_labels: bool = False,
) -> Iterator[Resource]:
    """Return the resources of a fabric that are not missing: one SQL statement, streamed.

    Their labels are loaded only `with_labels`.

    Most of a mirror is the status of Agents, which changes with every heartbeat. Only what identifies the switch is
    loaded of it, and what the enabled scopes need; of annotations, only the one that mappers read.
    """
    names = [name for name, needed in STATES.items() if not needed or not set(needed).isdisjoint(scopes)]
    paths = [f'status__state__{name}' for name in names]
    rows = FabricResource.objects.filter(fabric=fabric, kind__in=KINDS, missing_since=None).order_by()
    rows = rows.annotate(link=KeyTextTransform(LINK_ANNOTATION, 'annotations'))
    columns = ['kind', 'name', 'spec', 'generation', 'link', *paths, *(['labels'] if with_labels else [])]
    for kind, name, spec, generation, link, *values in rows.values_list(*columns).iterator(chunk_size=1000):
        state = {part: value for part, value in zip(names, values, strict=False) if value}
        yield Resource(
            kind, name, spec, {'state': state} if state else {}, generation,
            labels=(values[-1] or {}) if with_labels else {},
            annotations={LINK_ANNOTATION: link} if link else {},
        )


def unread_kinds(fabric: Fabric) -> frozenset[str]:
    """Return the kinds that mappers use and that were never synced in full for this fabric."""
    read = KindSync.objects.filter(fabric=fabric, kind__in=KINDS).values_list('kind', flat=True)
    return frozenset(KINDS).difference(read)
