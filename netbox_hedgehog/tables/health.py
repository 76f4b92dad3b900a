from typing import Any

import django_tables2 as tables
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from netbox.tables import NetBoxTable, columns
from utilities.templatetags.builtins.filters import placeholder

from ..models import SwitchHealth
from ..templatetags.hedgehog import STATE_ICONS, state_badge
from .objects import PlainExport

__all__ = ('SwitchHealthTable',)

# How many issues a row shows in full.
SHOWN = 1

# For values that must not be overlooked. The theme's plain text-danger is too faint in dark mode.
LOUD = 'text-danger-emphasis fw-bold'


def short_duration(seconds: float) -> str:
    """Return a duration for a narrow column: its two largest units, such as 1d 2h."""
    parts: list[str] = []
    rest = max(0, round(seconds))
    for size, unit in ((86400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')):
        count, rest = divmod(rest, size)
        if count or (unit == 's' and not parts):
            parts.append(f'{count}{unit}')
    return ' '.join(parts[:2])


class CountColumn(tables.Column):
    """A number of faults, highlighted unless zero."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(attrs={'td': {'class': 'text-end'}, 'th': {'class': 'text-end'}}, **kwargs)

    def render(self, value: Any) -> Any:
        if not value:
            return format_html('<span class="text-secondary">{}</span>', value)
        return format_html('<strong class="text-danger-emphasis">{}</strong>', value)

    def value(self, value: Any) -> Any:
        return value


class FlagColumn(tables.Column):
    """A fault that is shown as an icon and a word if present."""

    def __init__(self, word: Any, icon: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word, self.icon = word, icon

    def render(self, value: Any) -> Any:
        if not value:
            return placeholder('')
        return format_html(
            '<span class="text-nowrap text-danger-emphasis"><i class="mdi mdi-{}" aria-hidden="true"></i> {}</span>',
            self.icon, self.word,
        )

    def value(self, value: Any) -> Any:
        return value


class SwitchHealthTable(PlainExport, NetBoxTable):
    name = tables.Column(verbose_name=_('Name'), linkify=True, attrs={'td': {'class': 'text-nowrap'}})
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True, attrs={'td': {'class': 'text-nowrap'}})
    state = tables.Column(verbose_name=_('State'), orderable=False, empty_values=())
    heartbeat = tables.Column(verbose_name=_('Heartbeat'), empty_values=())
    read_at = tables.Column(verbose_name=_('Last fetched'))
    heartbeat_stale = FlagColumn(_('unresponsive'), 'heart-broken', verbose_name=_('Unresponsive'))
    no_agent = FlagColumn(_('no agent'), 'account-question', verbose_name=_('No agent'))
    applied_generation = tables.Column(verbose_name=_('Applied generation'), empty_values=())
    reboot_required = FlagColumn(_('required'), 'restart-alert', verbose_name=_('Reboot'))
    interfaces_down = CountColumn(verbose_name=_('Links down'))
    bgp_down = CountColumn(verbose_name=_('BGP down'))
    bfd_down = CountColumn(verbose_name=_('BFD down'))
    cabling_issues = CountColumn(verbose_name=_('Cabling'))
    temperatures = CountColumn(verbose_name=_('Temp'))
    psus = CountColumn(verbose_name=_('PSU'))
    fans = CountColumn(verbose_name=_('Fan'))
    findings = tables.Column(
        verbose_name=_('Issues'), accessor='sentences', orderable=False, empty_values=(),
        attrs={'td': {'style': 'min-width: 15rem'}},
    )
    agent = tables.Column(verbose_name=_('Agent'), linkify=True)
    actions = columns.ActionsColumn(actions=())

    class Meta(NetBoxTable.Meta):
        model = SwitchHealth
        fields = (
            'pk', 'id', 'name', 'kind', 'fabric', 'role', 'group', 'state', 'heartbeat', 'read_at', 'heartbeat_stale',
            'no_agent', 'generation', 'applied_generation', 'reboot_required', 'interfaces_down', 'bgp_down',
            'bfd_down', 'cabling_issues', 'temperatures', 'psus', 'fans', 'findings', 'version', 'software', 'agent',
        )
        default_columns = (
            'name', 'fabric', 'state', 'findings', 'heartbeat', 'read_at', 'applied_generation', 'reboot_required',
            'interfaces_down', 'cabling_issues', 'bgp_down', 'temperatures', 'psus', 'fans',
        )
        row_attrs = {'data-state': lambda record: record.state}

    def render_state(self, record: Any) -> Any:
        return state_badge(record.state)

    def value_state(self, record: Any) -> Any:
        return record.state

    def render_heartbeat(self, record: Any) -> Any:
        """Render the age of the last heartbeat when it was fetched; the current age is not known."""
        if record.heartbeat is None:
            return placeholder('')
        return format_html(
            '<span class="text-nowrap {}" title="{}">{}</span>', LOUD if record.heartbeat_stale else '',
            _('Last heartbeat at {heartbeat} UTC, fetched at {read} UTC').format(
                heartbeat=f'{record.heartbeat:%Y-%m-%d %H:%M:%S}', read=f'{record.read_at:%Y-%m-%d %H:%M:%S}',
            ),
            _('{time} old').format(time=short_duration(record.heartbeat_age)),
        )

    def value_heartbeat(self, record: Any) -> Any:
        return record.heartbeat.isoformat() if record.heartbeat else None

    def render_read_at(self, record: Any) -> Any:
        return format_html(
            '<span class="text-nowrap {}" title="{} UTC">{}</span>', LOUD if record.is_outdated else '',
            f'{record.read_at:%Y-%m-%d %H:%M:%S}',
            _('{time} ago').format(time=short_duration((timezone.now() - record.read_at).total_seconds())),
        )

    def value_read_at(self, record: Any) -> Any:
        return record.read_at.isoformat()

    def render_applied_generation(self, record: Any) -> Any:
        if record.generation is None:
            return placeholder('')
        if not record.pending:
            return record.applied_generation
        applied = record.applied_generation or 0
        return format_html(
            '<span class="text-nowrap text-danger-emphasis">'
            '<i class="mdi mdi-timer-sand" aria-hidden="true"></i> {}</span>',
            _('{applied} of {current}').format(applied=applied, current=record.generation),
        )

    def value_applied_generation(self, record: Any) -> Any:
        return record.applied_generation

    def render_findings(self, record: Any) -> Any:
        findings = record.findings_with_age
        lines = format_html_join(
            '', '<div><i class="mdi mdi-{} {}" aria-hidden="true"></i> {}</div>',
            ((*STATE_ICONS[finding['level']], finding['sentence']) for finding in findings[:SHOWN]),
        )
        if len(findings) > SHOWN:
            more = _('and {count} more').format(count=len(findings) - SHOWN)
            lines += format_html('<div><a href="{}">{}</a></div>', record.get_absolute_url(), more)
        return lines or placeholder('')

    def value_findings(self, record: Any) -> Any:
        return ' '.join(record.sentences)
