"""Panels of the inventory pages."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from netbox.ui import attrs, panels

from ..accounts import AnyUser
from ..choices import InventoryScopeChoices
from ..labels import field_label
from ..models import FabricResource
from ..presentation.values import ValueReader, viewable
from .attrs import AgeAttr, ResourceAttr
from .counts import inventory_counts

__all__ = (
    'ComparisonPanel', 'DiscrepancyPanel', 'InventoryPanel', 'LinkDiscrepanciesPanel', 'LinkPanel',
    'OpenDiscrepanciesPanel', 'WrittenPanel', 'add_concerned',
)


def add_concerned(user: AnyUser, row: Any) -> None:
    """Set `netbox_object` and `resource` of a discrepancy or managed object, as far as the user may view them."""
    objects = viewable([(row.object_type_id, row.object_id)], user)
    row.netbox_object = objects.get((row.object_type_id, row.object_id))
    row.resource = FabricResource.objects.restrict(user, 'view').filter(
        fabric=row.fabric_id, kind=row.kind, name=row.name,
    ).defer('spec', 'status', 'labels', 'annotations', 'previous').first()


class DiscrepancyPanel(panels.ObjectAttributesPanel):
    title = _('Discrepancy')
    message = attrs.TextAttr('message', label=_('Issue'), style='text-wrap')
    state = attrs.ChoiceAttr('state')
    type = attrs.ChoiceAttr('type')
    fabric = attrs.RelatedObjectAttr('fabric', linkify=True)
    scope = attrs.ChoiceAttr('scope')
    resource = ResourceAttr()
    netbox_object = attrs.GenericForeignKeyAttr('netbox_object', label=_('NetBox object'), linkify=True)
    link = attrs.RelatedObjectAttr('link', label=_('Managed object'), linkify=True)
    since = attrs.DateTimeAttr('since')
    last_seen = attrs.DateTimeAttr('last_seen')


class ComparisonPanel(panels.ObjectPanel):
    title = _('Comparison')
    template_name = 'netbox_hedgehog/panels/comparison.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        row = context['object']
        reader = ValueReader(context['request'].user)
        reader.load((row.model_label, row.field, value) for value in (row.fabric_value, row.netbox_value))
        return {
            **super().get_context(context),
            'field': field_label(row.model_label, row.field) if row.field else '',
            'fabric_text': reader.text(row.model_label, row.field, row.fabric_value, 5000),
            'netbox_text': reader.text(row.model_label, row.field, row.netbox_value, 5000),
        }

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['field'] or context['fabric_text'] or context['netbox_text'])


class LinkPanel(panels.ObjectAttributesPanel):
    title = _('Managed object')
    netbox_object = attrs.GenericForeignKeyAttr('netbox_object', label=_('NetBox object'), linkify=True)
    fabric = attrs.RelatedObjectAttr('fabric', linkify=True)
    resource = ResourceAttr()
    key = attrs.TextAttr('key', style='font-monospace text-break')
    scope = attrs.ChoiceAttr('scope')
    origin = attrs.ChoiceAttr('origin')
    shared = attrs.BooleanAttr('shared')
    stale_since = attrs.DateTimeAttr('stale_since')
    last_sync = AgeAttr('fabric.last_sync', label=_('Fabric last synced'))


class WrittenPanel(panels.ObjectPanel):
    title = _('Managed fields')
    template_name = 'netbox_hedgehog/panels/written.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        link = context['object']
        label = f'{link.object_type.app_label}.{link.object_type.model}'
        reader = ValueReader(context['request'].user)
        reader.load((label, name, value) for name, value in link.written.items())
        fields = [
            (field_label(label, name), reader.text(label, name, value, 1000), name in link.kept)
            for name, value in sorted(link.written.items())
        ]
        return {**super().get_context(context), 'fields': fields}


class LinkDiscrepanciesPanel(panels.ObjectsTablePanel):
    """The discrepancies of a managed object."""

    def __init__(self) -> None:
        super().__init__(
            'netbox_hedgehog.discrepancy', filters={'link_id': lambda context: context['object'].pk},
            exclude_columns=['pk', 'fabric', 'object', 'name', 'actions'], title=_('Discrepancies'),
        )


class OpenDiscrepanciesPanel(panels.ObjectsTablePanel):
    """A fabric's open discrepancies."""

    def __init__(self) -> None:
        super().__init__(
            'netbox_hedgehog.discrepancy', title=_('Open discrepancies'),
            filters={'fabric_id': lambda context: context['object'].pk, 'state': 'open'},
            exclude_columns=['pk', 'fabric', 'state', 'actions'],
        )

    def should_render(self, context: dict[str, Any]) -> bool:
        return super().should_render(context) and bool(inventory_counts(context['object']).open)


class InventoryPanel(panels.ObjectPanel):
    """A fabric's inventory settings, and the counts of its managed objects."""

    title = _('Inventory')
    template_name = 'netbox_hedgehog/panels/inventory.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        fabric = context['object']
        return {
            **super().get_context(context),
            'counts': inventory_counts(fabric),
            'can_sync': context.get('can_sync'),
            'scopes': [label for value, label in InventoryScopeChoices if value in fabric.inventory_scope],  # type: ignore[attr-defined]  # ChoiceSet's metaclass
        }
