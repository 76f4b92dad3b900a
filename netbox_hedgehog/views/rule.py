"""Inventory rules: their list, pages and forms, and the tab of a fabric that shows what they match."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from extras.ui.panels import CustomFieldsPanel, TagsPanel
from netbox.object_actions import AddObject, BulkDelete, BulkEdit, BulkExport, BulkImport, BulkRename
from netbox.ui import attrs, layout, panels
from netbox.ui.breadcrumbs import Breadcrumb, filtered_list_url
from netbox.ui.panels import CommentsPanel
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from .. import filtersets, forms, tables
from ..hedgehog.rules import Conditions, PatternError
from ..models import Fabric, InventoryRule
from ..presentation.rules import Matches, conditions_in_words, matches_of, values_in_words
from .counts import rule_count

__all__ = (
    'FabricRulesView', 'InventoryRuleBulkDeleteView', 'InventoryRuleBulkEditView', 'InventoryRuleBulkImportView',
    'InventoryRuleBulkRenameView', 'InventoryRuleDeleteView', 'InventoryRuleEditView', 'InventoryRuleListView',
    'InventoryRuleView',
)

# How many matching resources a rule's page names.
NAMED = 50

WITH_RELATED = InventoryRule.objects.select_related(
    'fabric', 'site', 'location', 'tenant', 'role',
).prefetch_related('object_tags')


@register_model_view(InventoryRule, 'list', path='', detail=False)
class InventoryRuleListView(generic.ObjectListView):
    queryset = InventoryRule.objects.all()
    filterset = filtersets.InventoryRuleFilterSet
    filterset_form = forms.InventoryRuleFilterForm
    table = tables.InventoryRuleTable
    actions = (AddObject, BulkImport, BulkExport, BulkEdit, BulkRename, BulkDelete)


class RulePanel(panels.ObjectAttributesPanel):
    title = _('Inventory rule')
    fabric = attrs.RelatedObjectAttr('fabric', linkify=True)
    name = attrs.TextAttr('name')
    weight = attrs.NumericAttr('weight')
    enabled = attrs.BooleanAttr('enabled')
    description = attrs.TextAttr('description')


class RuleMatchesPanel(panels.ObjectPanel):
    """What the rule is for, and the resources that match now."""

    title = _('Matching resources')
    template_name = 'netbox_hedgehog/panels/rule_matches.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        rule, user = context['object'], context['request'].user
        try:
            matches = matches_of(rule.fabric, [rule.conditions], user)[0]
        except PatternError as error:
            return {**super().get_context(context), 'error': str(error)}
        return {
            **super().get_context(context),
            'conditions': conditions_in_words(rule), 'matches': matches, 'named': matches.resources[:NAMED],
            'more': max(0, len(matches.resources) - NAMED),
            'may_view_resources': user.has_perm('netbox_hedgehog.view_fabricresource'),
        }


class RuleValuesPanel(panels.ObjectPanel):
    title = _('Values of new objects')
    template_name = 'netbox_hedgehog/panels/rule_values.html'


@register_model_view(InventoryRule)
class InventoryRuleView(generic.ObjectView):
    queryset = InventoryRule.objects.select_related('fabric', 'site', 'location', 'tenant', 'role')
    template_name = 'generic/object.html'
    layout = layout.SimpleLayout(
        left_panels=[RulePanel(), RuleValuesPanel(), TagsPanel(), CommentsPanel()],
        right_panels=[RuleMatchesPanel(), CustomFieldsPanel()],
        breadcrumbs=[
            Breadcrumb('fabric', url=filtered_list_url('plugins:netbox_hedgehog:inventoryrule_list', 'fabric_id')),
        ],
    )


@register_model_view(InventoryRule, 'add', detail=False)
@register_model_view(InventoryRule, 'edit')
class InventoryRuleEditView(generic.ObjectEditView):
    queryset = InventoryRule.objects.all()
    form = forms.InventoryRuleForm


@register_model_view(InventoryRule, 'delete')
class InventoryRuleDeleteView(generic.ObjectDeleteView):
    queryset = InventoryRule.objects.all()


@register_model_view(InventoryRule, 'bulk_import', path='import', detail=False)
class InventoryRuleBulkImportView(generic.BulkImportView):
    queryset = InventoryRule.objects.all()
    model_form = forms.InventoryRuleImportForm
    template_name = 'netbox_hedgehog/bulk_import.html'


@register_model_view(InventoryRule, 'bulk_edit', path='edit', detail=False)
class InventoryRuleBulkEditView(generic.BulkEditView):
    queryset = WITH_RELATED
    filterset = filtersets.InventoryRuleFilterSet
    table = tables.InventoryRuleTable
    form = forms.InventoryRuleBulkEditForm


@register_model_view(InventoryRule, 'bulk_rename', path='rename', detail=False)
class InventoryRuleBulkRenameView(generic.BulkRenameView):
    queryset = InventoryRule.objects.all()
    filterset = filtersets.InventoryRuleFilterSet


@register_model_view(InventoryRule, 'bulk_delete', path='delete', detail=False)
class InventoryRuleBulkDeleteView(generic.BulkDeleteView):
    queryset = WITH_RELATED
    filterset = filtersets.InventoryRuleFilterSet
    table = tables.InventoryRuleTable


@register_model_view(Fabric, 'rules')
class FabricRulesView(generic.ObjectView):
    """The rules of a fabric in their order, with what each of them matches now."""

    queryset = Fabric.objects.select_related('inventory_site', 'inventory_location', 'inventory_tenant')
    template_name = 'netbox_hedgehog/fabric_rules.html'
    actions = ()
    tab = ViewTab(
        label=_('Rules'), badge=rule_count, permission='netbox_hedgehog.view_inventoryrule', weight=520,
        visible=lambda fabric: bool(fabric.inventory_enabled or rule_count(fabric)),
    )

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        rules = WITH_RELATED.restrict(request.user, 'view').filter(fabric=instance).order_by('weight', 'name')
        return {
            'rules': _rows(instance, list(rules), request.user),
            'may_view_resources': request.user.has_perm('netbox_hedgehog.view_fabricresource'),
            'on_rules': True,
        }


def _rows(fabric: Fabric, rules: list[InventoryRule], user: Any) -> list[dict[str, Any]]:
    rows = []
    read: list[tuple[dict[str, Any], Conditions]] = []
    for rule in rules:
        row: dict[str, Any] = {
            'rule': rule, 'conditions': conditions_in_words(rule), 'matches': Matches(),
            'values': values_in_words(rule, rule.object_tags.all()),
        }
        try:
            read.append((row, rule.conditions))
        except PatternError as error:
            row['error'] = str(error)
        rows.append(row)
    for (row, _conditions), matches in zip(
        read, matches_of(fabric, [conditions for _row, conditions in read], user), strict=True,
    ):
        row['matches'] = matches
    return rows
