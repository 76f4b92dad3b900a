from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _
from netbox.tables import PrimaryModelTable, columns

from ..choices import InventoryRuleKindChoices
from ..models import InventoryRule
from .objects import PlainExport

__all__ = ('InventoryRuleTable',)


class InventoryRuleTable(PlainExport, PrimaryModelTable):
    name = tables.Column(verbose_name=_('Name'), linkify=True)
    fabric = tables.Column(verbose_name=_('Fabric'), linkify=True)
    weight = tables.Column(verbose_name=_('Weight'))
    enabled = columns.BooleanColumn(verbose_name=_('Enabled'))
    kinds = tables.Column(verbose_name=_('Kinds'))
    names = tables.Column(verbose_name=_('Names'))
    label_selector = tables.Column(verbose_name=_('Label selector'))
    site = tables.Column(verbose_name=_('Site'), linkify=True)
    location = tables.Column(verbose_name=_('Location'), linkify=True)
    tenant = tables.Column(verbose_name=_('Tenant'), linkify=True)
    role = columns.ColoredLabelColumn(verbose_name=_('Device role'))
    vrf_name = tables.Column(verbose_name=_('VRF name'))
    object_tags = columns.ManyToManyColumn(verbose_name=_('Tags of objects'), orderable=False)
    exclude = columns.BooleanColumn(verbose_name=_('Exclude'))
    tags = columns.TagColumn(url_name='plugins:netbox_hedgehog:inventoryrule_list')

    class Meta(PrimaryModelTable.Meta):
        model = InventoryRule
        fields = (
            'pk', 'id', 'name', 'fabric', 'weight', 'enabled', 'kinds', 'names', 'label_selector', 'site', 'location',
            'tenant', 'role', 'vrf_name', 'object_tags', 'exclude', 'description', 'comments', 'tags', 'created',
            'last_updated',
        )
        default_columns = (
            'pk', 'weight', 'name', 'fabric', 'enabled', 'kinds', 'names', 'label_selector', 'site', 'tenant', 'role',
            'exclude',
        )

    def render_kinds(self, value: Any) -> Any:
        titles = dict(InventoryRuleKindChoices)
        return ', '.join(str(titles.get(kind, kind)) for kind in value)

    def value_kinds(self, value: Any) -> Any:
        return ','.join(value)
