from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _
from netbox.tables import NetBoxTable, columns

from ..models import FabricEvent
from .objects import PlainExport

__all__ = ('FabricEventTable',)


class EventTypeColumn(columns.ChoiceFieldColumn):
    """The title of an event type, which is registered with NetBox instead of being a choice of the field."""

    def render(self, record: Any, bound_column: Any, value: Any) -> Any:
        return super().render(record=record, bound_column=bound_column, value=record.get_event_type_display())


class FabricEventTable(PlainExport, NetBoxTable):
    created = columns.DateTimeColumn(verbose_name=_('Time'), linkify=True, timespec='seconds')
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True)
    event_type = EventTypeColumn(verbose_name=_('Event'))
    message = tables.Column(verbose_name=_('Message'), attrs={'td': {'class': 'text-wrap'}})
    dispatched = columns.DateTimeColumn(verbose_name=_('Dispatched'), timespec='seconds')
    error = tables.Column(verbose_name=_('Error'))
    actions = columns.ActionsColumn(actions=())

    class Meta(NetBoxTable.Meta):
        model = FabricEvent
        fields = ('pk', 'id', 'created', 'fabric', 'event_type', 'message', 'dispatched', 'error')
        default_columns = ('created', 'fabric', 'event_type', 'message')
