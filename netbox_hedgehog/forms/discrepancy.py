from core.models import ObjectType
from django import forms
from django.utils.translation import gettext_lazy as _
from netbox.forms.mixins import SavedFiltersMixin
from utilities.forms import BOOLEAN_WITH_BLANK_CHOICES, FilterForm
from utilities.forms.fields import ContentTypeMultipleChoiceField, DynamicModelMultipleChoiceField
from utilities.forms.rendering import FieldSet
from utilities.forms.widgets import DateTimePicker

from ..choices import (
    DiscrepancyStateChoices,
    DiscrepancyTypeChoices,
    InventoryOriginChoices,
    InventoryScopeChoices,
)
from ..models import Discrepancy, Fabric, InventoryLink
from ..models.resource import KIND_CHOICES
from .restricted import RestrictedFilterMixin

__all__ = ('DiscrepancyFilterForm', 'InventoryLinkFilterForm')

# The apps whose objects an inventory creates.
APPS = ('dcim', 'ipam', 'vpn', 'tenancy')


class _OfFabricFilterForm(RestrictedFilterMixin, SavedFiltersMixin, FilterForm):
    fabric_id = DynamicModelMultipleChoiceField(queryset=Fabric.objects.all(), required=False, label=_('Fabric'))
    scope = forms.MultipleChoiceField(label=_('Scope'), choices=InventoryScopeChoices, required=False)
    kind = forms.MultipleChoiceField(label=_('Kind'), choices=KIND_CHOICES, required=False)
    object_type_id = ContentTypeMultipleChoiceField(
        queryset=ObjectType.objects.filter(app_label__in=APPS), required=False, label=_('Object type'),
    )


class DiscrepancyFilterForm(_OfFabricFilterForm):
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


class InventoryLinkFilterForm(_OfFabricFilterForm):
    model = InventoryLink
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet(
            'fabric_id', 'scope', 'kind', 'object_type_id', 'origin', 'stale', 'shared', name=_('Managed object'),
        ),
    )
    origin = forms.MultipleChoiceField(label=_('Origin'), choices=InventoryOriginChoices, required=False)
    stale = forms.NullBooleanField(
        label=_('Removed from fabric'), required=False, widget=forms.Select(choices=BOOLEAN_WITH_BLANK_CHOICES),
    )
    shared = forms.NullBooleanField(
        label=_('Shared'), required=False, widget=forms.Select(choices=BOOLEAN_WITH_BLANK_CHOICES),
    )
