"""NetBox's global search learns of what a run has found: it hears of objects by signals, which bulk writes do not send.

The search index holds a row for each resource that people declare, with its name. Names never change (another name is
another resource), so only what is new is written: one statement a kind, and none where nothing is new.
"""

from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from extras.models import CachedValue
from netbox.search import FieldTypes, get_indexer
from netbox.search.backends import CachedValueSearchBackend, search_backend
from psycopg import sql

from ..hedgehog.kinds import Kind
from ..models import Discrepancy, Fabric, FabricResource

__all__ = ('index_new', 'leave_index')

_INDEX = sql.SQL("""
    INSERT INTO {cache} (id, timestamp, object_type_id, object_id, field, type, weight, value)
    SELECT gen_random_uuid(), now(), %(object_type)s, id, 'name', %(type)s, %(weight)s, name
    FROM {mirror} WHERE fabric_id = %(fabric)s AND kind = %(kind)s AND first_seen = %(now)s AND last_read = %(now)s
    AND NOT EXISTS (
        SELECT FROM {cache} AS held WHERE held.object_type_id = %(object_type)s AND held.object_id = {mirror}.id
    )
""").format(
    cache=sql.Identifier(CachedValue._meta.db_table), mirror=sql.Identifier(FabricResource._meta.db_table),
)


def index_new(fabric: Fabric, kind: Kind, now: datetime) -> None:
    """Let the search find the resources of a kind that were first seen at `now`, within the caller's transaction."""
    if kind.derived:
        return
    if not isinstance(search_backend, CachedValueSearchBackend):
        search_backend.cache(FabricResource.objects.filter(fabric=fabric, kind=kind.name, first_seen=now).iterator())
        return
    (field,) = get_indexer(FabricResource).fields
    with connection.cursor() as cursor:
        cursor.execute(_INDEX, {
            'object_type': ContentType.objects.get_for_model(FabricResource).pk, 'type': FieldTypes.STRING,
            'weight': field[1], 'fabric': fabric.pk, 'kind': kind.name, 'now': now,
        })


def leave_index(fabric: Fabric, using: str | None = None) -> None:
    """Let the search forget all that is written in bulk for a fabric, before that is deleted: a statement a model."""
    for model in (FabricResource, Discrepancy):
        rows = model._base_manager.using(using).filter(fabric=fabric)
        CachedValue.objects.using(using).filter(
            object_type=ContentType.objects.get_for_model(model), object_id__in=rows.values('pk'),
        )._raw_delete(using or CachedValue.objects.db)
