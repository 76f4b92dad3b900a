"""Load the mirror's rows for the mappers, which are pure."""

from collections.abc import Iterator

from django.db.models.fields.json import KeyTextTransform

from ..hedgehog.vpcs import LINK_ANNOTATION
from ..models import Fabric, FabricResource, KindSync
from .mapping.types import Resource

__all__ = ('KINDS', 'resources_of', 'unread_kinds')

# The kinds that mappers use. Others are not loaded.
KINDS = (
    'Agent', 'Catalog', 'Connection', 'DHCPSubnet', 'External', 'ExternalAttachment', 'ExternalPeering', 'Gateway',
    'IPv4Namespace', 'Server', 'Switch', 'SwitchProfile', 'VLANNamespace', 'VPC', 'VPCAttachment', 'VPCPeering',
)


def resources_of(fabric: Fabric) -> Iterator[Resource]:
    """Return the resources of a fabric that are not missing: one SQL statement, streamed.

    Most of a mirror is the status of Agents, which changes with every heartbeat. Only what identifies the switch is
    loaded of it; of annotations, only the one that mappers read.
    """
    rows = FabricResource.objects.filter(fabric=fabric, kind__in=KINDS, missing_since=None).order_by()
    rows = rows.annotate(link=KeyTextTransform(LINK_ANNOTATION, 'annotations'))
    for kind, name, spec, nos, generation, link in rows.values_list(
        'kind', 'name', 'spec', 'status__state__nos', 'generation', 'link',
    ).iterator(chunk_size=1000):
        status = {'state': {'nos': nos}} if nos else {}
        yield Resource(kind, name, spec, status, generation, {LINK_ANNOTATION: link} if link else {})


def unread_kinds(fabric: Fabric) -> frozenset[str]:
    """Return the kinds that mappers use and that were never synced in full for this fabric."""
    read = KindSync.objects.filter(fabric=fabric, kind__in=KINDS).values_list('kind', flat=True)
    return frozenset(KINDS).difference(read)
