"""Load the mirror's rows for the mappers, which are pure."""

from collections.abc import Iterator

from ..models import Fabric, FabricResource, KindSync
from .mapping.types import Resource

__all__ = ('KINDS', 'resources_of', 'unread_kinds')

# The kinds that mappers use. Others are not loaded.
KINDS = (
    'Agent', 'Catalog', 'Connection', 'DHCPSubnet', 'External', 'ExternalAttachment', 'Gateway', 'IPv4Namespace',
    'Server', 'Switch', 'SwitchProfile', 'VLANNamespace', 'VPC', 'VPCAttachment',
)


def resources_of(fabric: Fabric, with_labels: bool = False) -> Iterator[Resource]:
    """Return the resources of a fabric that are not missing: one SQL statement, streamed.

    Their labels are loaded only `with_labels`.

    Most of a mirror is the status of Agents, which changes with every heartbeat. Only what identifies the switch is
    loaded of it.
    """
    rows = FabricResource.objects.filter(fabric=fabric, kind__in=KINDS, missing_since=None).order_by()
    columns = ['kind', 'name', 'spec', 'status__state__nos', 'generation', *(['labels'] if with_labels else [])]
    for kind, name, spec, nos, generation, *labels in rows.values_list(*columns).iterator(chunk_size=1000):
        yield Resource(kind, name, spec, {'state': {'nos': nos}} if nos else {}, generation, *labels)


def unread_kinds(fabric: Fabric) -> frozenset[str]:
    """Return the kinds that mappers use and that were never synced in full for this fabric."""
    read = KindSync.objects.filter(fabric=fabric, kind__in=KINDS).values_list('kind', flat=True)
    return frozenset(KINDS).difference(read)
