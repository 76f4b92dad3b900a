"""A plan is written to the mirror: in bulk, one transaction a kind."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from ..kinds import Kind
from ..models import Fabric, FabricResource
from .compare import Held, Plan, Write
from .observe import Key

__all__ = ('BATCH', 'apply', 'held_rows')

BATCH = 1000

# What a new reading replaces in a row that stands. `fabric`, `kind`, `namespace` and `name` are what it is found by.
_REPLACED = (
    'uid', 'generation', 'resource_version', 'labels', 'annotations', 'spec', 'status', 'fingerprint', 'created',
    'first_seen', 'last_seen', 'changed', 'missing_since',
)


def held_rows(fabric: Fabric, kind: Kind) -> dict[Key, Held]:
    """What the mirror holds of a kind, by (namespace, name): one statement, and no spec or status loaded."""
    rows = FabricResource.objects.filter(fabric=fabric, kind=kind.name).values_list(
        'namespace', 'name', 'pk', *Held._fields[1:],
    )
    return {(row[0], row[1]): Held(*row[2:]) for row in rows.iterator(chunk_size=5000)}


def apply(fabric: Fabric, kind: Kind, plan: Plan, now: datetime) -> None:
    """Write a kind's plan: all of it or nothing.

    A number of statements that does not grow with the number of objects, but for one a batch of 1,000 rows.
    """
    with transaction.atomic():
        _hold(fabric)
        FabricResource.objects.bulk_create(
            (_row(fabric, kind, write, now) for write in _changes(plan, now)),
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=('fabric', 'kind', 'namespace', 'name'),
            update_fields=_REPLACED,
        )
        gone = [row.pk for row in plan.missing]
        for start in range(0, len(gone), 10 * BATCH):
            FabricResource.objects.filter(pk__in=gone[start:start + 10 * BATCH]).update(missing_since=now)
        if not plan.nameless:
            FabricResource.objects.filter(fabric=fabric, kind=kind.name, missing_since=None).update(last_seen=now)


def _hold(fabric: Fabric) -> None:
    """Take the fabric's row before its resources', as a deletion of the fabric does: the two cannot block each other.

    The lock is the one that a foreign key takes, so nobody who edits the fabric waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM {Fabric._meta.db_table} WHERE id = %s FOR KEY SHARE', [fabric.pk])


def _changes(plan: Plan, now: datetime) -> Iterable[tuple[Write, datetime, datetime]]:
    """Each write with its first_seen and changed."""
    for write in plan.created:
        yield write, now, now
    for write in plan.updated:
        # The same name with another uid is another object: it was deleted and made anew.
        same = write.held is not None and write.held.uid == write.observed.uid
        yield write, write.held.first_seen if same and write.held else now, now
    for write in plan.refreshed:
        assert write.held is not None
        yield write, write.held.first_seen, write.held.changed


def _row(fabric: Fabric, kind: Kind, change: tuple[Write, datetime, datetime], now: datetime) -> FabricResource:
    (observed, _), first_seen, changed = change
    return FabricResource(
        fabric=fabric, kind=kind.name, namespace=observed.namespace, name=observed.name, uid=observed.uid,
        generation=observed.generation, resource_version=observed.resource_version, labels=observed.labels,
        annotations=observed.annotations, spec=observed.spec, status=observed.status,
        fingerprint=observed.fingerprint, created=observed.created, first_seen=first_seen, last_seen=now,
        changed=changed, missing_since=None,
    )
