from datetime import UTC, datetime
from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from netbox.tables import PrimaryModelTable, columns
from redis.exceptions import RedisError
from utilities.templatetags.builtins.filters import placeholder

from ..jobs.schedules import due_times
from ..models import Fabric
from ..models.fabric_state import duration_words
from ..templatetags.hedgehog import age
from .objects import PlainExport

__all__ = ('FabricTable',)

SYNC_BUTTON = """
{% load i18n %}
{% if perms.netbox_hedgehog.sync_fabric %}
  {% url 'plugins:netbox_hedgehog:fabric_sync' pk=record.pk as sync_url %}
  <button class="btn btn-primary btn-sm" type="submit" formmethod="post" {% if not record.may_sync %}disabled{% endif %}
   title="{% if record.may_sync %}{% trans "Sync now" %}{% else %}{% trans "Sync is disabled" %}{% endif %}"
   formaction="{{ sync_url }}?return_url={{ request.get_full_path|urlencode }}">
    <i class="mdi mdi-sync" aria-hidden="true"></i><span class="visually-hidden">{% trans "Sync now" %}</span>
  </button>
{% endif %}
"""


class SyncStateColumn(columns.ChoiceFieldColumn):
    """The derived sync state, which is not a model field."""

    def render(self, record: Any, bound_column: Any, value: Any) -> Any:
        return super().render(record=record, bound_column=bound_column, value=record.get_sync_state_display())


class AgeColumn(tables.Column):
    """A time in the past, shown as its age."""

    def render(self, value: Any) -> Any:
        words = _('%(time)s ago') % {'time': age(value)}
        return format_html('<span title="{}">{}</span>', f'{value:%Y-%m-%d %H:%M:%S} UTC', words)

    def value(self, value: Any) -> Any:
        return value.isoformat()


class NextSyncColumn(tables.Column):
    """When the next sync of a fabric is due; queried from Redis once for all rows of a page."""

    def _due(self, table: Any, pk: int) -> datetime | None:
        if not hasattr(table, '_due_times'):
            rows = table.page.object_list if getattr(table, 'page', None) else table.rows
            try:
                table._due_times = due_times(row.record.pk for row in rows)
            except (RedisError, OSError):
                table._due_times = {}
        due = table._due_times.get(pk)
        return datetime.fromtimestamp(due, UTC) if due else None

    def render(self, value: Any, table: Any) -> Any:
        due = self._due(table, value)
        if due is None:
            return placeholder('')
        left = round((due - datetime.now(UTC)).total_seconds())
        words = _('due') if left <= 0 else _('in %(time)s') % {'time': duration_words(left)}
        return format_html('<span title="{}">{}</span>', f'{due:%Y-%m-%d %H:%M:%S} UTC', words)

    def value(self, value: Any, table: Any) -> Any:
        due = self._due(table, value)
        return due.isoformat() if due else None


class FabricTable(PlainExport, PrimaryModelTable):
    name = tables.Column(verbose_name=_('Name'), linkify=True)
    status = columns.ChoiceFieldColumn(verbose_name=_('Status'))
    sync_state = SyncStateColumn(verbose_name=_('Sync state'), orderable=False)
    connection_status = columns.ChoiceFieldColumn(verbose_name=_('Connection'))
    last_sync = AgeColumn(verbose_name=_('Last success'))
    last_attempt = AgeColumn(verbose_name=_('Last attempt'))
    next_sync = NextSyncColumn(verbose_name=_('Next sync'), accessor='pk', orderable=False)
    sync_interval = tables.Column(verbose_name=_('Interval'))
    resource_count = columns.LinkedCountColumn(
        viewname='plugins:netbox_hedgehog:fabricresource_list', url_params={'fabric_id': 'pk'},
        verbose_name=_('Resources'),
    )
    sync_enabled = columns.BooleanColumn(verbose_name=_('Sync enabled'))
    scheduler_enabled = columns.BooleanColumn(verbose_name=_('Scheduler enabled'))
    watch_enabled = columns.BooleanColumn(verbose_name=_('Watch enabled'))
    verify_tls = columns.BooleanColumn(verbose_name=_('Verify TLS'))
    inventory_enabled = columns.BooleanColumn(verbose_name=_('Inventory'))
    inventory_auto_apply = columns.BooleanColumn(verbose_name=_('Apply without review'))
    inventory_site = tables.Column(verbose_name=_('Site'), linkify=True)
    inventory_location = tables.Column(verbose_name=_('Location'), linkify=True)
    inventory_tenant = tables.Column(verbose_name=_('Tenant'), linkify=True)
    inventory_adoption = columns.ChoiceFieldColumn(verbose_name=_('Adoption'))
    inventory_removal = columns.ChoiceFieldColumn(verbose_name=_('Removal'))
    inventory_device_status = columns.ChoiceFieldColumn(verbose_name=_('Status of new devices'))
    inventory_stale_status = columns.ChoiceFieldColumn(verbose_name=_('Status of stale devices'))
    last_inventory = AgeColumn(verbose_name=_('Last inventory sync'))
    inventory_error = tables.Column(verbose_name=_('Inventory error'))
    sync_error = tables.Column(verbose_name=_('Error'))
    notification_group = tables.Column(verbose_name=_('Notification group'), linkify=True)
    tags = columns.TagColumn(url_name='plugins:netbox_hedgehog:fabric_list')
    actions = columns.ActionsColumn(extra_buttons=SYNC_BUTTON)

    class Meta(PrimaryModelTable.Meta):
        model = Fabric
        fields = (
            'pk', 'id', 'name', 'status', 'sync_state', 'connection_status', 'last_sync', 'last_attempt', 'next_sync',
            'sync_interval', 'resource_count', 'sync_enabled', 'scheduler_enabled', 'kubernetes_server',
            'watch_enabled', 'kubernetes_namespace', 'topology_filter', 'verify_tls', 'inventory_enabled',
            'inventory_auto_apply', 'inventory_site', 'inventory_location', 'inventory_tenant', 'inventory_adoption',
            'inventory_removal', 'inventory_device_status', 'inventory_stale_status', 'last_inventory',
            'inventory_error', 'sync_error', 'notification_group', 'description', 'comments', 'tags', 'created',
            'last_updated',
        )
        default_columns = (
            'pk', 'name', 'status', 'sync_state', 'last_sync', 'next_sync', 'sync_interval', 'resource_count',
            'description',
        )

    def value_sync_state(self, record: Any) -> Any:
        return record.get_sync_state_display()

    def render_sync_interval(self, record: Any) -> Any:
        return record.sync_interval_words

    def value_sync_interval(self, record: Any) -> Any:
        return record.sync_interval
