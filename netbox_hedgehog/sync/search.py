"""Add what a sync has found to NetBox's global search, which indexes on signals that bulk writes do not send.

The search index has a row with the name of each resource that people declare. Names never change (another name is
another resource), so only new resources are written: one statement per kind, and none without new resources.
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
        SELECT FROM {cache} AS cached WHERE cached.object_type_id = %(object_type)s AND cached.object_id = {mirror}.id
    )
""").format(
    cache=sql.Identifier(CachedValue._meta.db_table), mirror=sql.Identifier(FabricResource._meta.db_table),
)


def index_new(fabric: Fabric, kind: Kind, now: datetime) -> None:
    """Index the resources of a kind that were first seen at `now`, within the caller's transaction."""
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
    """Remove a fabric's rows from the index before the fabric is deleted: one statement per model."""
    for model in (FabricResource, Discrepancy):
        rows = model._base_manager.using(using).filter(fabric=fabric)
        CachedValue.objects.using(using).filter(
            object_type=ContentType.objects.get_for_model(model), object_id__in=rows.values('pk'),
        )._raw_delete(using or CachedValue.objects.db)
