"""The mirror's rows, as the mappers read them. This is where the inventory's pure part ends."""

from collections.abc import Iterator

from ..models import Fabric, FabricResource, KindReading
from .mapping.types import Resource

__all__ = ('KINDS', 'resources_of', 'unread_kinds')

# What a mapper asks for. A kind that none asks for is not loaded.
KINDS = (
    'Agent', 'Catalog', 'Connection', 'DHCPSubnet', 'External', 'ExternalAttachment', 'Gateway', 'IPv4Namespace',
    'Server', 'Switch', 'SwitchProfile', 'VLANNamespace', 'VPC', 'VPCAttachment',
)


def resources_of(fabric: Fabric) -> Iterator[Resource]:
    """The resources that the mirror holds of a fabric, without those that are missing: one statement, streamed.

    An Agent's status is most of a mirror, and changes with every heartbeat: of it only what the switch says of its
    own make is loaded.
    """
    rows = FabricResource.objects.filter(fabric=fabric, kind__in=KINDS, missing_since=None).order_by()
    for kind, name, spec, nos, generation in rows.values_list(
        'kind', 'name', 'spec', 'status__state__nos', 'generation',
    ).iterator(chunk_size=1000):
        yield Resource(kind, name, spec, {'state': {'nos': nos}} if nos else {}, generation)


def unread_kinds(fabric: Fabric) -> frozenset[str]:
    """Return the kinds that mappers ask for and that were never read in full of this fabric."""
    read = KindReading.objects.filter(fabric=fabric, kind__in=KINDS).values_list('kind', flat=True)
    return frozenset(KINDS).difference(read)
