"""Panels of the inventory pages."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from netbox.ui import panels

from ..accounts import AnyUser
from ..choices import InventoryScopeChoices
from ..labels import field_label
from ..models import FabricResource
from ..presentation.values import ValueReader, viewable
from .counts import inventory_counts

__all__ = (
    'ComparisonPanel', 'DiscrepancyPanel', 'InventoryPanel', 'LinkDiscrepanciesPanel', 'LinkPanel',
    'OpenDiscrepanciesPanel', 'WrittenPanel', 'concerned',
)


def concerned(user: AnyUser, row: Any) -> dict[str, Any]:
    """Return the NetBox object and resource of a discrepancy or managed object, as far as the user may view them."""
    objects = viewable([(row.object_type_id, row.object_id)], user)
    resource = FabricResource.objects.restrict(user, 'view').filter(
        fabric=row.fabric_id, kind=row.kind, name=row.name,
    ).defer('spec', 'status', 'labels', 'annotations', 'previous').first()
    return {'netbox_object': objects.get((row.object_type_id, row.object_id)), 'resource': resource}


class _ConcernedPanel(panels.ObjectPanel):
    """A panel that shows the result of concerned()."""

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {
            **super().get_context(context),
            'netbox_object': context.get('netbox_object'),
            'resource': context.get('resource'),
        }


class DiscrepancyPanel(_ConcernedPanel):
    title = _('Discrepancy')
    template_name = 'netbox_hedgehog/panels/discrepancy.html'


class ComparisonPanel(_ConcernedPanel):
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


class LinkPanel(_ConcernedPanel):
    title = _('Managed object')
    template_name = 'netbox_hedgehog/panels/link.html'


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
