"""Write a plan to the mirror: in bulk, one transaction per kind, with a constant number of statements.

Rows are copied into a temporary table (COPY), and from there into the mirror: an UPDATE for existing rows, an INSERT
for new ones. A row that the mirror's other writer, a watch, has written since the plan was made is newer, and is
skipped.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from psycopg import sql

from ..hedgehog.kinds import Kind
from ..hedgehog.topology import is_in_spec
from ..models import Fabric, FabricResource, KindSync
from .compare import MirrorPlan, StoredRow, Write
from .sanitize import ENCODER, Key, stable
from .search import index_new

__all__ = ('apply', 'count_present', 'last_seen_in_cluster', 'lock_mirror', 'mark_seen', 'stored_rows')

# First number of the advisory lock that serializes those who write to a fabric's mirror.
WRITE_LOCK = 470_221

_READ = ('uid', 'generation', 'resource_version', 'labels', 'annotations', 'spec', 'status', 'fingerprint', 'created')
_NAMES = {
    'mirror': sql.Identifier(FabricResource._meta.db_table),
    'fabric': sql.Identifier(Fabric._meta.db_table),
    'kind_sync': sql.Identifier(KindSync._meta.db_table),
    'read': sql.SQL(', ').join(map(sql.Identifier, _READ)),
    'incoming': sql.SQL(', ').join(sql.Identifier('incoming', name) for name in _READ),
    'lock': sql.Literal(WRITE_LOCK),
}


def _statement(text: str) -> sql.Composed:
    return sql.SQL(text).format(**_NAMES)


# The lock on the fabric's row is the one that a foreign key takes, so nobody who edits the fabric waits for it. It is
# taken before those on its resources, as for a deletion of the fabric: the two cannot deadlock.
_HOLD = _statement(
    'SELECT pg_advisory_xact_lock({lock}, (id %% 2147483648)::integer) FROM {fabric} WHERE id = %s FOR KEY SHARE'
)

# `stored` and `stored_version` are the row that the plan found, and its resource version then; `stable` is the status
# of that row without volatile fields, where there are any.
_RECEIVE = _statement("""
    CREATE TEMPORARY TABLE netbox_hedgehog_incoming AS
    SELECT id AS stored, resource_version AS stored_version, status AS stable, namespace, name, {read}
    FROM {mirror} WITH NO DATA
""")
_COPY = _statement('COPY netbox_hedgehog_incoming (stored, stored_version, stable, namespace, name, {read}) FROM STDIN')

# The same name with another UID is another object: it was deleted and recreated.
_UPDATE = _statement("""
    UPDATE {mirror} AS existing SET
        ({read}) = ROW ({incoming}),
        last_read = %(now)s,
        missing_since = NULL,
        seen_until = NULL,
        first_seen = CASE WHEN existing.uid = incoming.uid THEN existing.first_seen ELSE %(now)s END,
        changed = CASE
            WHEN existing.fingerprint = incoming.fingerprint AND existing.missing_since IS NULL THEN existing.changed
            ELSE %(now)s END,
        previous = CASE
            WHEN existing.fingerprint = incoming.fingerprint THEN existing.previous
            ELSE jsonb_build_object(
                'uid', existing.uid, 'generation', existing.generation, 'labels', existing.labels,
                'annotations', existing.annotations, 'spec', existing.spec,
                'status', coalesce(incoming.stable, existing.status),
                'changed', existing.changed, 'last_read', existing.last_read, 'replaced', %(now)s::timestamptz
            ) END
    FROM netbox_hedgehog_incoming AS incoming
    WHERE existing.id = incoming.stored AND existing.resource_version = incoming.stored_version
""")
_INSERT = _statement("""
    INSERT INTO {mirror} (fabric_id, kind, namespace, name, {read}, first_seen, last_read, changed)
    SELECT %(fabric)s, %(kind)s, namespace, name, {read}, %(now)s, %(now)s, %(now)s
    FROM netbox_hedgehog_incoming WHERE stored IS NULL
    ON CONFLICT (fabric_id, kind, namespace, name) DO NOTHING
""")
# If the mirror has no rows of a kind, rows are copied into it directly: half the work for the largest syncs.
_EMPTY = _statement('SELECT NOT EXISTS (SELECT FROM {mirror} WHERE fabric_id = %(fabric)s AND kind = %(kind)s)')
_COPY_NEW = _statement("""
    COPY {mirror} (fabric_id, kind, first_seen, last_read, changed, namespace, name, {read}) FROM STDIN
""")

_MISSING = _statement("""
    UPDATE {mirror} AS existing SET
        missing_since = %(now)s,
        seen_until = greatest(
            existing.last_read, (SELECT last_read FROM {kind_sync} WHERE fabric_id = %(fabric)s AND kind = %(kind)s)
        )
    FROM unnest(%(ids)s::bigint[], %(versions)s::text[]) AS gone (id, version)
    WHERE existing.id = gone.id AND existing.resource_version = gone.version AND existing.missing_since IS NULL
""")
_COMPLETE = _statement("""
    INSERT INTO {kind_sync} AS existing (fabric_id, kind, last_read)
    SELECT %(fabric)s, kind, %(now)s FROM unnest(%(kinds)s::text[]) AS read (kind)
    ON CONFLICT (fabric_id, kind) DO UPDATE SET last_read = greatest(existing.last_read, excluded.last_read)
""")


def stored_rows(fabric: Fabric, kind: Kind, names: Iterable[str] | None = None) -> dict[Key, StoredRow]:
    """Return the mirror's rows of a kind, or of these names, by (namespace, name).

    One statement, without loading spec and status.
    """
    rows = FabricResource.objects.filter(fabric=fabric, kind=kind.name)
    fields: tuple[str, ...] = StoredRow._fields[1:-1]
    if fabric.topology_filter and is_in_spec(kind):
        rows = rows.annotate(topology=KeyTextTransform('fabric', KeyTransform('topology', 'spec')))
        fields = StoredRow._fields[1:]
    if names is not None:
        rows = rows.filter(name__in=names)
    found = rows.values_list('namespace', 'name', 'pk', *fields)
    return {(row[0], row[1]): StoredRow(*row[2:]) for row in found}


def count_present(fabric: Fabric, kind: Kind) -> int:
    """Return how many resources of a kind the mirror holds that are not missing."""
    return FabricResource.objects.filter(fabric=fabric, kind=kind.name, missing_since=None).count()


def last_seen_in_cluster(fabric: Fabric, kind: Kind, stored: Iterable[StoredRow]) -> datetime:
    """Return when the cluster last showed these rows of a kind. `stored` has at least one row."""
    complete = KindSync.objects.filter(fabric=fabric, kind=kind.name).values_list('last_read', flat=True)
    return max([*complete, *(row.last_read for row in stored)])


def apply(fabric: Fabric, kind: Kind, plan: MirrorPlan, now: datetime, *, complete: bool = True) -> int:
    """Write a kind's plan: all of it or nothing.

    Takes the fabric, the kind, its plan and the time of the sync. `complete` says that the plan is of a whole list,
    after which every resource that is present counts as seen at `now`. Returns how many rows were skipped because they
    are no longer what the plan was made for. Raises what the database raises.
    """
    left = 0
    complete = complete and not plan.nameless
    values: dict[str, Any] = {'fabric': fabric.pk, 'kind': kind.name, 'now': now}
    if not plan.writes and not plan.missing:
        if complete:
            mark_seen(fabric, [kind.name], now)
        return left
    with transaction.atomic(), connection.cursor() as cursor:
        lock_mirror(fabric)
        if plan.writes:
            left += len(plan.writes) - _write(cursor, kind, plan, values, complete)
            if plan.created:
                index_new(fabric, kind, now)
        if plan.missing:
            cursor.execute(_MISSING, {
                **values, 'ids': [row.pk for row in plan.missing],
                'versions': [row.resource_version for row in plan.missing],
            })
            left += len(plan.missing) - cursor.rowcount
        if complete:
            mark_seen(fabric, [kind.name], now)
    return left


def mark_seen(fabric: Fabric, kinds: list[str], now: datetime) -> None:
    """Record that all resources of these kinds that are not missing were seen at `now`: one statement for all."""
    if kinds:
        with connection.cursor() as cursor:
            cursor.execute(_COMPLETE, {'fabric': fabric.pk, 'kinds': sorted(kinds), 'now': now})


def _write(cursor: Any, kind: Kind, plan: MirrorPlan, values: dict[str, Any], complete: bool) -> int:
    """Write a plan's rows. Return how many were written."""
    if complete and plan.read == len(plan.created) and cursor.execute(_EMPTY, values).fetchone()[0]:
        same = (values['fabric'], kind.name, *[values['now']] * 3)
        with connection.wrap_database_errors, cursor.copy(_COPY_NEW) as copy:
            for write in plan.created:
                copy.write_row((*same, *_content(write)))
        return len(plan.created)
    stable_before, written = _stable_before(kind, plan), 0
    cursor.execute(_RECEIVE)
    with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
        for write in plan.writes:
            copy.write_row(_row(write, stable_before))
    for statement in (_UPDATE, _INSERT):
        cursor.execute(statement, values)
        written += cursor.rowcount
    cursor.execute('DROP TABLE netbox_hedgehog_incoming')
    return written


def lock_mirror(fabric: Fabric) -> None:
    """Lock the fabric's mirror until the transaction ends; wait for any other writer first."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [fabric.pk])


def _stable_before(kind: Kind, plan: MirrorPlan) -> dict[int, str]:
    """Return, for each row that a change replaces, its status without the volatile fields, as JSON."""
    ids = [
        stored.pk for observed, stored in plan.updated
        if stored is not None and stored.fingerprint != observed.fingerprint
    ] if kind.volatile else []
    if not ids:
        return {}
    rows = FabricResource.objects.filter(pk__in=ids).values_list('pk', 'status').iterator(chunk_size=100)
    return {pk: ENCODER.encode(stable(kind, status)) for pk, status in rows}


def _row(write: Write, stable_before: dict[int, str]) -> tuple[Any, ...]:
    stored = write.stored
    place = (stored.pk, stored.resource_version, stable_before.get(stored.pk)) if stored else (None, None, None)
    return *place, *_content(write)


def _content(write: Write) -> tuple[Any, ...]:
    seen = write.observed
    return (
        seen.namespace, seen.name, seen.uid, seen.generation, seen.resource_version, seen.labels_json,
        seen.annotations_json, seen.spec_json, seen.status_json, seen.fingerprint, seen.created,
    )
