from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _
from netbox.tables import NetBoxTable, columns

from ..labels import field_label
from ..models import Discrepancy, InventoryLink
from ..presentation.values import ValueReader
from .objects import ObjectColumn, PlainExport, ResourceColumn, ViewerMixin

__all__ = ('DiscrepancyTable', 'InventoryLinkTable')

DECIDE_BUTTONS = """
{% load hedgehog_inventory %}
{% if perms.netbox_hedgehog.resolve_discrepancy %}
  {% for decision in record|decisions %}
    {% url 'plugins:netbox_hedgehog:discrepancy_resolve' pk=record.pk as decide_url %}
    <button class="btn btn-{{ decision.color }} btn-sm" type="submit" formmethod="post"
     title="{{ decision.label }}: {{ decision.help_text }}"
     formaction="{{ decide_url }}?decision={{ decision.name }}&amp;return_url={{ request.get_full_path|urlencode }}">
      <i class="mdi mdi-{{ decision.icon }}" aria-hidden="true"></i>
      <span class="visually-hidden">{{ decision.label }}</span>
    </button>
  {% endfor %}
{% endif %}
"""


class ValueColumn(tables.Column):
    """A value in the fabric or in NetBox, in words; related objects of a page are looked up at once."""

    def _text(self, record: Any, table: Any, value: Any, limit: int) -> str:
        if not hasattr(table, '_reader'):
            table._reader = ValueReader(table.viewer)
            if table.viewer:
                table._reader.load(
                    (row.model_label, row.field, value) for row in table.page_records if row.field
                    for value in (row.fabric_value, row.netbox_value)
                )
        return table._reader.text(record.model_label, record.field, value, limit)

    def render(self, record: Any, table: Any, value: Any) -> Any:
        return self._text(record, table, value, 80) or '—'

    def value(self, record: Any, table: Any, value: Any) -> Any:
        return self._text(record, table, value, 10_000)


class DiscrepancyTable(ViewerMixin, PlainExport, NetBoxTable):
    sentence = tables.Column(
        verbose_name=_('Issue'), linkify=True, attrs={'td': {'class': 'text-wrap', 'style': 'min-width: 18rem'}},
    )
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True, attrs={'td': {'class': 'text-nowrap'}})
    type = columns.ChoiceFieldColumn(verbose_name=_('Type'))
    scope = tables.Column(verbose_name=_('Scope'))
    kind = tables.Column(verbose_name=_('Kind'))
    name = ResourceColumn()
    object_type = columns.ContentTypeColumn(verbose_name=_('Object type'))
    object = ObjectColumn(verbose_name=_('Object'))
    field = tables.Column(verbose_name=_('Field'))
    fabric_value = ValueColumn(verbose_name=_('Fabric value'), orderable=False)
    netbox_value = ValueColumn(verbose_name=_('NetBox value'), orderable=False)
    state = columns.ChoiceFieldColumn(verbose_name=_('State'))
    since = columns.DateTimeColumn(verbose_name=_('Since'), attrs={'td': {'class': 'text-nowrap'}})
    last_seen = columns.DateTimeColumn(verbose_name=_('Last seen'))
    actions = columns.ActionsColumn(actions=(), extra_buttons=DECIDE_BUTTONS)

    class Meta(NetBoxTable.Meta):
        model = Discrepancy
        fields = (
            'pk', 'id', 'sentence', 'code', 'fabric', 'type', 'scope', 'kind', 'name', 'object_type', 'object',
            'field', 'fabric_value', 'netbox_value', 'state', 'since', 'last_seen',
        )
        default_columns = (
            'pk', 'sentence', 'fabric', 'type', 'name', 'object', 'fabric_value', 'netbox_value', 'state',
        )

    def render_field(self, record: Any, value: Any) -> Any:
        return field_label(record.model_label, value)

    def render_sentence(self, record: Any) -> Any:
        return record.message


class InventoryLinkTable(ViewerMixin, PlainExport, NetBoxTable):
    object = ObjectColumn(verbose_name=_('Object'))
    object_type = columns.ContentTypeColumn(verbose_name=_('Object type'))
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True, attrs={'td': {'class': 'text-nowrap'}})
    scope = tables.Column(verbose_name=_('Scope'))
    kind = tables.Column(verbose_name=_('Kind'))
    name = ResourceColumn()
    origin = columns.ChoiceFieldColumn(verbose_name=_('Origin'), linkify=True)
    shared = columns.BooleanColumn(verbose_name=_('Shared'))
    key = tables.Column(verbose_name=_('Key'), linkify=True)
    kept = tables.Column(verbose_name=_('NetBox value kept'), orderable=False)
    stale_since = columns.DateTimeColumn(verbose_name=_('Stale since'))
    stale_syncs = tables.Column(verbose_name=_('Stale syncs'))
    created = columns.DateTimeColumn(verbose_name=_('Created'))
    last_updated = columns.DateTimeColumn(verbose_name=_('Last updated'))
    actions = columns.ActionsColumn(actions=())

    class Meta(NetBoxTable.Meta):
        model = InventoryLink
        fields = (
            'pk', 'id', 'key', 'object_type', 'object', 'fabric', 'scope', 'kind', 'name', 'origin', 'shared', 'kept',
            'stale_since', 'stale_syncs', 'created', 'last_updated',
        )
        default_columns = ('object', 'object_type', 'fabric', 'kind', 'name', 'origin', 'stale_since')

    def render_kept(self, value: Any) -> Any:
        return ', '.join(value)
