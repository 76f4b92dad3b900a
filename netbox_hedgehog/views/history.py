"""History of a fabric and its resources: chart of syncs, recent changes, and the last change of a resource."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.choices import JobStatusChoices
from core.models import Job
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from netbox.ui import panels

from ..diagrams.history import DrawnSync, describe_syncs, draw_syncs
from ..hedgehog.diff import ABSENT, differences
from ..jobs.recovery import sync_jobs
from ..models import Fabric, FabricResource
from ..sync.sanitize import stable

__all__ = ('ChangePanel', 'ChangesPanel', 'SyncChartPanel')

# How many syncs the chart shows, how many changes the panel lists, and how many fields of a change.
SYNCS_SHOWN = 120
CHANGES_SHOWN = 10
FIELDS_NAMED = 3
FIELDS_SHOWN = 200

# How much of a field's value is shown.
LONGEST_VALUE = 1000

PARTS = ('labels', 'annotations', 'spec', 'status')


class SyncChartPanel(panels.ObjectPanel):
    """A fabric's syncs as a chart."""

    title = _('Syncs over time')
    template_name = 'netbox_hedgehog/panels/sync_chart.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        syncs = _syncs(context['request'], context['object'])
        found = {**super().get_context(context), 'syncs': syncs}
        if syncs:
            fabric = context['object']
            interval = fabric.sync_interval if fabric.is_scheduled else 0
            found |= {
                'svg': mark_safe(draw_syncs(syncs, timezone.localtime(), interval)),  # noqa: S308
                'description': describe_syncs(syncs),
            }
        return found

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['syncs'])


def _syncs(request: HttpRequest, fabric: Fabric) -> list[Any] | None:
    """Return a fabric's last syncs that have ended, the oldest first, without their report of each kind."""
    if not request.user.has_perm('core.view_job'):
        return []
    rows = Job.objects.restrict(request.user, 'view').filter(
        pk__in=sync_jobs().filter(object_id=fabric.pk).values('pk'), status__in=JobStatusChoices.TERMINAL_STATE_CHOICES,
    ).order_by('-created').values(
        'pk', 'created', 'started', 'completed', 'status', 'error', 'data__outcome', 'data__seconds', 'data__created',
        'data__updated', 'data__missing', 'data__error',
    )[:SYNCS_SHOWN]
    return [_sync(row) for row in reversed(rows)]


def _sync(row: dict[str, Any]) -> DrawnSync:
    started = row['started'] or row['created']
    outcome = row['data__outcome']
    if outcome not in ('in_sync', 'partial', 'failed', 'skipped', 'cancelled'):
        outcome = 'in_sync' if row['status'] == JobStatusChoices.STATUS_COMPLETED else 'failed'
    seconds = row['data__seconds']
    if not isinstance(seconds, int | float):
        seconds = max(0.0, (row['completed'] - started).total_seconds()) if row['completed'] else 0.0
    counts = (row['data__created'], row['data__updated'], row['data__missing'])
    changes = sum(count for count in counts if isinstance(count, int))
    message = str(row['data__error'] or row['error'] or '')
    return DrawnSync(
        Job(pk=row['pk']).get_absolute_url(), timezone.localtime(started), outcome, seconds, changes, message[:300],
    )


@dataclass
class Change:
    """A change of a resource."""

    resource: FabricResource
    when: datetime
    what: str
    words: str
    icon: str


class ChangesPanel(panels.ObjectPanel):
    """The most recent changes in a fabric, by resource."""

    title = _('Recent changes')
    template_name = 'netbox_hedgehog/panels/changes.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resources = FabricResource.objects.restrict(context['request'].user, 'view').filter(fabric=context['object'])
        changed = resources.order_by('-changed')[:CHANGES_SHOWN]
        missing = resources.filter(missing_since__isnull=False).order_by('-missing_since').defer(
            'spec', 'status', 'previous', 'labels', 'annotations',
        )[:CHANGES_SHOWN]
        changes = [_change(resource) for resource in changed] + [
            Change(resource, resource.missing_since, 'missing', _('deleted'), 'minus-circle-outline')
            for resource in missing
        ]
        changes.sort(key=lambda change: change.when, reverse=True)
        return {**super().get_context(context), 'changes': changes[:CHANGES_SHOWN]}

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['changes'])


def _change(resource: FabricResource) -> Change:
    if resource.first_seen == resource.changed:
        return Change(resource, resource.changed, 'new', _('new'), 'plus-circle-outline')
    fields = _fields(resource)
    names = [field.name for field in fields]
    if not names:
        words = _('changed')
    elif len(names) > FIELDS_NAMED:
        words = _('{fields} and {count} more').format(
            fields=', '.join(names[:FIELDS_NAMED]), count=len(names) - FIELDS_NAMED)
    else:
        words = ', '.join(names)
    return Change(resource, resource.changed, 'changed', words, 'circle-edit-outline')


def _fields(resource: FabricResource) -> list[Any]:
    """Return the fields that the last change of a resource changed, without those that change all the time."""
    previous = resource.previous
    if not isinstance(previous, dict):
        return []
    now = {name: getattr(resource, name) for name in PARTS}
    before = {name: previous.get(name) or {} for name in PARTS}
    if resource.kind_row is not None:
        now['status'] = stable(resource.kind_row, now['status'])
        before['status'] = stable(resource.kind_row, before['status'])
    return differences(before, now, limit=FIELDS_SHOWN)


class ChangePanel(panels.ObjectPanel):
    """The fields that the last change of a resource changed."""

    title = _('Last change')
    template_name = 'netbox_hedgehog/panels/change.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resource = context['object']
        previous = resource.previous if isinstance(resource.previous, dict) else {}
        fields = _fields(resource)
        return {
            **super().get_context(context),
            'fields': [(field, _value(field.before), _value(field.after)) for field in fields],
            'more': len(fields) == FIELDS_SHOWN,
            'replaced': _moment(previous.get('replaced')),
            'since': _moment(previous.get('changed')),
            'recreated': bool(previous) and previous.get('uid') != resource.uid,
            'previous': previous,
        }

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['fields'])


def _value(value: Any) -> str:
    """Return a value as indented JSON; '' if there is none."""
    if value is ABSENT:
        return ''
    text = value if isinstance(value, str) and value else json.dumps(value, indent=1, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f'{text[:LONGEST_VALUE]}…'


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
