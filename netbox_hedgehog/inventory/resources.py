"""Load the mirror's rows for the mappers, which are pure."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db.models import BigIntegerField, Count, DecimalField, F, Func, JSONField, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform

from ..hedgehog.vpcs import LINK_ANNOTATION
from ..models import Fabric, FabricResource, KindSync
from .mapping.types import CABLE_TYPES, MAC_ADDRESSES, SCOPES, TRANSCEIVERS, Resource

__all__ = ('KINDS', 'content_of', 'resources_of', 'unread_kinds')

# The kinds that mappers use. Others are not loaded.
KINDS = (
    'Agent', 'Catalog', 'Connection', 'DHCPSubnet', 'External', 'ExternalAttachment', 'ExternalPeering', 'Gateway',
    'IPv4Namespace', 'Server', 'Switch', 'SwitchProfile', 'VLANNamespace', 'VPC', 'VPCAttachment', 'VPCPeering',
)


# What mappers read of an Agent's state, and for which scopes; () for all of them.
STATES: dict[str, tuple[str, ...]] = {
    'nos': (), 'transceivers': (TRANSCEIVERS, CABLE_TYPES), 'interfaces': (MAC_ADDRESSES,),
}

# What agents measure anew with each heartbeat, and no mapper reads (hedgehog/kinds.py). It is not loaded: otherwise
# the content of a mirror would never stay the same.
_STATE = {
    'nos': Func('status__state__nos', output_field=JSONField(), template='''(
        SELECT CASE jsonb_typeof(nos) WHEN 'object' THEN nos - 'uptime' ELSE nos END
        FROM (SELECT %(expressions)s AS nos) AS reported
    )'''),
    'transceivers': Func('status__state__transceivers', output_field=JSONField(), template='''(
        SELECT jsonb_object_agg(cage, CASE jsonb_typeof(entry)
            WHEN 'object' THEN entry - ARRAY['temp', 'voltage', 'channels'] ELSE entry END)
        FROM (SELECT %(expressions)s AS cages) AS reported,
            jsonb_each(CASE jsonb_typeof(cages) WHEN 'object' THEN cages END) AS each (cage, entry)
    )'''),
    'interfaces': F('status__state__interfaces'),
}


def resources_of(
    fabric: Fabric, scopes: Collection[str] = SCOPES, with_labels: bool = False,
) -> Iterator[Resource]:
    """Return the resources of a fabric that are not missing: one SQL statement, streamed.

    Their labels are loaded only `with_labels`.

    Most of a mirror is the status of Agents, which changes with every heartbeat. Only what identifies the switch is
    loaded of it, and what the enabled scopes need; of annotations, only the one that mappers read.
    """
    names = _states(scopes)
    columns = [*_columns(names), *(['labels'] if with_labels else [])]
    for kind, name, spec, generation, link, *values in _rows(fabric).values_list(*columns).iterator(chunk_size=1000):
        state = {part: value for part, value in zip(names, values, strict=False) if value}
        yield Resource(
            kind, name, spec, {'state': state} if state else {}, generation,
            labels=(values[-1] or {}) if with_labels else {},
            annotations={LINK_ANNOTATION: link} if link else {},
        )


def content_of(fabric: Fabric) -> str:
    """Return a digest of all that mappers read of a fabric's mirror: two SQL statements, without loading it.

    It is the sum of 64-bit hashes, which PostgreSQL computes, of what resources_of() returns with labels for the
    fabric's scopes; and which kinds were ever synced. A row is hashed as text: PostgreSQL's hash of jsonb is linear,
    and stays the same if two values that are 32 apart swap places.
    """
    columns = [*_columns(_states(fabric.inventory_scope)), 'labels']
    row_hash = Func(
        *columns, template='hashtextextended(CAST(ROW(%(expressions)s) AS text), 0)',
        output_field=BigIntegerField(),
    )
    found = _rows(fabric).aggregate(
        count=Count('pk'), total=Sum(row_hash, output_field=DecimalField(max_digits=40, decimal_places=0)),
    )
    kinds = KindSync.objects.filter(fabric=fabric).order_by('kind').values_list('kind', flat=True)
    text = f'{found["count"]} {found["total"]} {" ".join(kinds)}'
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(fabric: Fabric) -> QuerySet[FabricResource]:
    rows = FabricResource._base_manager.filter(fabric=fabric, kind__in=KINDS, missing_since=None).order_by()
    return rows.annotate(link=KeyTextTransform(LINK_ANNOTATION, 'annotations'))


def _states(scopes: Collection[str]) -> list[str]:
    """Return which parts of an Agent's state mappers read for these scopes."""
    return [name for name, needed in STATES.items() if not needed or not set(needed).isdisjoint(scopes)]


def _columns(states: Iterable[str]) -> list[Any]:
    return ['kind', 'name', 'spec', 'generation', 'link', *(_STATE[name] for name in states)]


def unread_kinds(fabric: Fabric) -> frozenset[str]:
    """Return the kinds that mappers use and that were never synced in full for this fabric."""
    read = KindSync.objects.filter(fabric=fabric, kind__in=KINDS).values_list('kind', flat=True)
    return frozenset(KINDS).difference(read)
