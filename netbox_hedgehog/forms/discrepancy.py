from core.models import ObjectType
from django import forms
from django.utils.translation import gettext_lazy as _
from utilities.forms.fields import ContentTypeMultipleChoiceField
from utilities.forms.rendering import FieldSet
from utilities.forms.widgets import DateTimePicker

from ..choices import (
    DiscrepancyStateChoices,
    DiscrepancyTypeChoices,
    InventoryOriginChoices,
    InventoryScopeChoices,
)
from ..models import Discrepancy, InventoryLink
from ..models.resource import KIND_CHOICES
from .shared import OfFabricFilterForm, yes_no

__all__ = ('DiscrepancyFilterForm', 'InventoryLinkFilterForm')

# The apps whose objects an inventory creates.
APPS = ('dcim', 'ipam', 'vpn', 'tenancy')


class _InventoryFilterForm(OfFabricFilterForm):
    scope = forms.MultipleChoiceField(label=_('Scope'), choices=InventoryScopeChoices, required=False)
    kind = forms.MultipleChoiceField(label=_('Kind'), choices=KIND_CHOICES, required=False)
    object_type_id = ContentTypeMultipleChoiceField(
        queryset=ObjectType.objects.filter(app_label__in=APPS), required=False, label=_('Object type'),
    )


class DiscrepancyFilterForm(_InventoryFilterForm):
    model = Discrepancy
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet('fabric_id', 'state', 'type', 'scope', 'kind', 'object_type_id', name=_('Discrepancy')),
        FieldSet('since__gte', 'since__lte', name=_('Since')),
    )
    type = forms.MultipleChoiceField(label=_('Type'), choices=DiscrepancyTypeChoices, required=False)
    state = forms.MultipleChoiceField(label=_('State'), choices=DiscrepancyStateChoices, required=False)
    since__gte = forms.DateTimeField(required=False, label=_('After'), widget=DateTimePicker())
    since__lte = forms.DateTimeField(required=False, label=_('Before'), widget=DateTimePicker())


class InventoryLinkFilterForm(_InventoryFilterForm):
    model = InventoryLink
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet(
            'fabric_id', 'scope', 'kind', 'object_type_id', 'origin', 'stale', 'shared', name=_('Managed object'),
        ),
    )
    origin = forms.MultipleChoiceField(label=_('Origin'), choices=InventoryOriginChoices, required=False)
    stale = yes_no(_('Removed from fabric'))
    shared = yes_no(_('Shared'))
