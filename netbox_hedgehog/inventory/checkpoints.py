"""Tell with a few SQL statements that nothing can have changed since the last full reconcile of a fabric.

A full reconcile that has nothing to write leaves a checkpoint: how far NetBox's change log and the writes of managed
objects had come before it loaded anything, and digests of the mirror, the settings and the versions. While all of these
are the same, another reconcile would find the same. What bypasses the change log (SQL, `QuerySet.update()`, scripts
without a request) is found by the full reconcile that comes at least every `full_reconcile_interval`.

Where it cannot be known that nothing has changed, there is no checkpoint: see store().
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.models import ObjectChange
from django.apps import apps
from django.conf import settings as netbox_settings
from django.db import connection
from netbox.config import get_config
from netbox.plugins.utils import get_plugin_config
from psycopg import sql

from ..models import Fabric, InventoryCheckpoint, InventoryLinkWrite, InventoryRule
from .handover import may_hand_over
from .options import policy_of
from .planning.context import PlanContext
from .planning.model_specs import MODEL_SPECS
from .planning.policy import Policy
from .planning.pruning import due, next_due
from .report import InventoryReport
from .resources import content_of

__all__ = ('Position', 'discard', 'find_unchanged', 'position_of', 'store')

# The apps with the models that a plan reads. A change of any of their objects counts: which ones matter depends on more
# than is known without planning.
APPS = sorted({label.partition('.')[0] for label in MODEL_SPECS} | {InventoryRule._meta.app_label})

# What the mappers and the planner read of a fabric itself.
SETTINGS = (
    'name', 'topology_filter', 'inventory_site_id', 'inventory_location_id', 'inventory_tenant_id', 'inventory_roles',
    'inventory_name_pattern', 'inventory_scope', 'inventory_adoption',
)

_CHANGES, _WRITES = ObjectChange._meta.db_table, InventoryLinkWrite._meta.db_table
_NAMES = {
    'changes': sql.Identifier(_CHANGES), 'writes': sql.Identifier(_WRITES),
    'changes_name': sql.Literal(_CHANGES), 'writes_name': sql.Literal(_WRITES),
}

# Whoever has inserted a row holds this lock until the commit. IDs are assigned before it: while somebody does, a lower
# ID than the highest one may still appear.
_POSITION = sql.SQL("""
    SELECT
        (SELECT coalesce(max(id), 0) FROM {changes}),
        (SELECT coalesce(max(id), 0) FROM {writes}),
        NOT EXISTS (
            SELECT FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'
            AND relation IN ({changes_name}::regclass, {writes_name}::regclass)
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND pid IS DISTINCT FROM pg_backend_pid()
        )
""").format(**_NAMES)

# A newest row that is older than the checkpoint knows: IDs may have begun again, and then new rows have lower ones.
_HAS_CHANGED = sql.SQL("""
    SELECT
        (SELECT coalesce(max(id), 0) FROM {changes}) < %(last_change)s
        OR (SELECT coalesce(max(id), 0) FROM {writes}) <> %(last_link_write)s
        OR EXISTS (
            SELECT FROM {changes} AS change JOIN django_content_type AS type ON type.id = change.changed_object_type_id
            WHERE change.id > %(last_change)s AND (%(any_model)s OR type.app_label = ANY (%(apps)s))
        )
""").format(**_NAMES)

# Older than the longest interval, and a day for what was in progress; by the clock that `at` is of.
_PRUNE = sql.SQL("""
    DELETE FROM {writes} WHERE id IN (
        SELECT id FROM {writes} WHERE at < now() - interval '2 days' ORDER BY id FOR UPDATE SKIP LOCKED
    )
""").format(**_NAMES)


@dataclass(frozen=True, slots=True)
class Position:
    """How far both logs had come, and digests of the rest.

    `is_settled` says that no transaction in progress had written to the logs.
    """

    last_change: int
    last_link_write: int
    is_settled: bool
    content: str
    settings: str


def position_of(fabric: Fabric, now: datetime) -> Position:
    """Return the position to be stored after a full reconcile. To be called before that loads anything."""
    with connection.cursor() as cursor:
        cursor.execute(_POSITION)
        last_change, last_link_write, is_settled = cursor.fetchone()
    return Position(last_change, last_link_write, is_settled, content_of(fabric), _settings_digest(fabric, now))


def find_unchanged(fabric: Fabric, now: datetime) -> InventoryCheckpoint | None:
    """Return the fabric's checkpoint if a full reconcile would find now what it found then; None if that is unknown.

    At most four SQL statements, whatever the number of objects.
    """
    checkpoint = InventoryCheckpoint.objects.filter(fabric=fabric).first()
    if checkpoint is None or fabric.inventory_error or not _is_recent(checkpoint, now):
        return None
    if checkpoint.settings != _settings_digest(fabric, now):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_HAS_CHANGED, {
            'last_change': checkpoint.last_change, 'last_link_write': checkpoint.last_link_write,
            'any_model': checkpoint.any_model_matters, 'apps': APPS,
        })
        if cursor.fetchone()[0]:
            return None
    return checkpoint if checkpoint.content == content_of(fabric) else None


def store(context: PlanContext, position: Position, report: InventoryReport) -> None:
    """Store a checkpoint after a full reconcile that had nothing to write, or discard the fabric's.

    None is stored if a transaction in progress might have changed something that the plan has not seen; if the next
    sync counts for the grace of a stale object; or if the plan depends on the mirrors of other fabrics: because of a
    handover, or as other fabrics' rules match labels. To be called in the transaction of the reconcile.
    """
    policy = policy_of(context.fabric, context.now)
    stale = [context.current.managed[context.plan.renamed_keys.get(key, key)] for key in context.plan.stale]
    next_removal = next_due(stale, policy)
    is_due_already = next_removal is not None and next_removal <= context.now
    if not position.is_settled or is_due_already or _depends_on_other_mirrors(context.fabric):
        discard(context.fabric)
        return
    checkpoint = InventoryCheckpoint(
        fabric=context.fabric, reconciled=context.now, due=next_removal,
        last_change=position.last_change, last_link_write=position.last_link_write,
        any_model_matters=bool(due(stale, policy)),
        content=position.content, settings=position.settings,
        outcome={
            'digest': report.digest, 'unchanged': report.unchanged, 'findings': report.findings,
            'requires_confirmation': report.requires_confirmation,
        },
    )
    columns = [field.name for field in InventoryCheckpoint._meta.fields if field.name not in ('id', 'fabric')]
    InventoryCheckpoint.objects.bulk_create(
        [checkpoint], update_conflicts=True, unique_fields=['fabric'], update_fields=columns,
    )


def discard(fabric: Fabric) -> None:
    """Delete the fabric's checkpoint, and what no checkpoint refers to any more."""
    InventoryCheckpoint.objects.filter(fabric=fabric).delete()
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE)


def _is_recent(checkpoint: InventoryCheckpoint, now: datetime) -> bool:
    """Return whether no full reconcile is due by time. One in the future was stored by a clock that was wrong."""
    interval = timedelta(seconds=get_plugin_config('netbox_hedgehog', 'full_reconcile_interval'))
    is_current = checkpoint.reconciled <= now < checkpoint.reconciled + interval
    return is_current and (checkpoint.due is None or now < checkpoint.due)


def _depends_on_other_mirrors(fabric: Fabric) -> bool:
    rules = InventoryRule.objects.filter(enabled=True).exclude(fabric=fabric).exclude(label_selector='')
    return rules.exists() or may_hand_over(fabric)


def _settings_digest(fabric: Fabric, now: datetime) -> str:
    """Return a digest of all that decides about a plan beside rows of the database."""
    policy: Policy = policy_of(fabric, now)
    named: dict[str, Any] = {name: getattr(fabric, name) for name in SETTINGS}
    versions = (apps.get_app_config(Fabric._meta.app_label).version, netbox_settings.RELEASE.full_version)
    text = json.dumps([
        versions, get_config().version, netbox_settings.LANGUAGE_CODE, named, policy.removal, policy.grace_syncs,
        policy.grace.total_seconds(), policy.guard_percent, policy.guard_least, policy.unconfirmed_totals,
        policy.device_status, policy.stale_status, sorted(policy.device_statuses),
    ], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
