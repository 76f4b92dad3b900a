from typing import Any

import django_tables2 as tables
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from netbox.tables import NetBoxTable, columns
from utilities.templatetags.builtins.filters import placeholder

from ..models import CablingCheck
from ..templatetags.hedgehog import cabling_badge
from .health import LOUD, short_duration
from .objects import PlainExport

__all__ = ('CablingCheckTable',)


class CablingCheckTable(PlainExport, NetBoxTable):
    switch = tables.Column(verbose_name=_('Switch'), linkify=True, attrs={'td': {'class': 'text-nowrap'}})
    port = tables.Column(verbose_name=_('Port'), attrs={'td': {'class': 'text-nowrap'}})
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True, attrs={'td': {'class': 'text-nowrap'}})
    declared = tables.Column(
        verbose_name=_('Declared neighbor'), order_by=('peer', 'peer_port'), attrs={'td': {'class': 'text-nowrap'}},
    )
    seen = tables.Column(verbose_name=_('Seen neighbor'))
    state = tables.Column(verbose_name=_('State'), order_by=('rank', 'switch', 'port'), empty_values=())
    explanation = tables.Column(
        verbose_name=_('Explanation'), orderable=False, attrs={'td': {'style': 'min-width: 15rem'}},
    )
    since = tables.Column(verbose_name=_('Since'))
    read_at = tables.Column(verbose_name=_('Data as of'))
    actions = columns.ActionsColumn(actions=())

    class Meta(NetBoxTable.Meta):
        model = CablingCheck
        fields = (
            'pk', 'id', 'switch', 'port', 'fabric', 'connection', 'state', 'declared', 'seen', 'seen_by_peer',
            'is_issue', 'explanation', 'hint', 'since', 'read_at',
        )
        default_columns = (
            'switch', 'port', 'fabric', 'state', 'declared', 'seen', 'explanation', 'since', 'read_at',
        )
        row_attrs = {'data-state': lambda record: record.state}

    def render_state(self, record: Any) -> Any:
        return cabling_badge(record.state)

    def value_state(self, record: Any) -> Any:
        return record.state

    def render_since(self, record: Any) -> Any:
        return self._age(record.since, '')

    def value_since(self, record: Any) -> Any:
        return record.since.isoformat()

    def render_read_at(self, record: Any) -> Any:
        return self._age(record.read_at, LOUD if record.is_outdated else '')

    def value_read_at(self, record: Any) -> Any:
        return record.read_at.isoformat()

    def render_explanation(self, value: Any) -> Any:
        return value or placeholder('')

    @staticmethod
    def _age(moment: Any, style: str) -> Any:
        return format_html(
            '<span class="text-nowrap {}" title="{} UTC">{}</span>', style, f'{moment:%Y-%m-%d %H:%M:%S}',
            _('{time} ago').format(time=short_duration((timezone.now() - moment).total_seconds())),
        )
