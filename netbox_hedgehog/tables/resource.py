from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _
from netbox.tables import NetBoxTable, columns

from ..hedgehog.kinds import Column, Kind, pick
from ..models import FabricResource
from ..presentation.values import short
from .objects import PlainExport

__all__ = ('FabricResourceTable', 'kind_columns', 'short')


class ManifestColumn(tables.Column):
    """One of a kind's own columns."""

    def __init__(self, column: Column) -> None:
        super().__init__(verbose_name=column.title, accessor='manifest', orderable=False, empty_values=())
        self.path = column.path

    def render(self, value: Any) -> Any:
        return short(pick(value, self.path)) or '—'

    def value(self, value: Any) -> Any:
        return short(pick(value, self.path), limit=10_000)


def kind_columns(kind: Kind) -> list[tuple[str, ManifestColumn]]:
    return [(f'own_{index}', ManifestColumn(column)) for index, column in enumerate(kind.columns)]


class FabricResourceTable(PlainExport, NetBoxTable):
    name = tables.Column(verbose_name=_('Name'), linkify=True)
    kind = tables.Column(verbose_name=_('Kind'))
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True)
    namespace = tables.Column(verbose_name=_('Namespace'))
    generation = tables.Column(verbose_name=_('Generation'))
    created = columns.DateTimeColumn(verbose_name=_('Created'))
    first_seen = columns.DateTimeColumn(verbose_name=_('First seen'))
    last_seen = columns.DateTimeColumn(verbose_name=_('Last seen'))
    last_read = columns.DateTimeColumn(verbose_name=_('Last fetched'))
    changed = columns.DateTimeColumn(verbose_name=_('Changed'))
    missing_since = columns.DateTimeColumn(verbose_name=_('Deleted since'))
    actions = columns.ActionsColumn(actions=())

    class Meta(NetBoxTable.Meta):
        model = FabricResource
        fields = (
            'pk', 'id', 'name', 'kind', 'fabric', 'namespace', 'uid', 'generation', 'resource_version', 'created',
            'first_seen', 'last_seen', 'last_read', 'changed', 'missing_since',
        )
        default_columns = ('name', 'kind', 'fabric', 'changed', 'last_seen', 'missing_since')

    # Set by the view, on a subclass, where the list shows one kind only.
    one_kind: Kind | None = None

    def __init__(self, *args: Any, extra_columns: Any = None, **kwargs: Any) -> None:
        self.own_columns = kind_columns(self.one_kind) if self.one_kind else []
        super().__init__(*args, extra_columns=[*(extra_columns or []), *self.own_columns], **kwargs)

    def _set_columns(self, selected_columns: Any) -> None:
        # The list was filtered by kind for the sake of its own columns: they are always shown, right after the name.
        own = [name for name, _ in self.own_columns]
        rest = [name for name in selected_columns if name not in ('name', *own)]
        super()._set_columns(['name', *own, *rest])
