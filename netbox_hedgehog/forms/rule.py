"""Forms of inventory rules."""

from typing import Any

from dcim.models import DeviceRole, Location, Site
from django import forms
from django.utils.translation import gettext_lazy as _
from extras.models import Tag
from netbox.forms import (
    PrimaryModelBulkEditForm,
    PrimaryModelFilterSetForm,
    PrimaryModelForm,
    PrimaryModelImportForm,
)
from tenancy.models import Tenant
from utilities.forms.fields import (
    CSVModelChoiceField,
    CSVModelMultipleChoiceField,
    CSVMultipleChoiceField,
    DynamicModelChoiceField,
    DynamicModelMultipleChoiceField,
    TagFilterField,
)
from utilities.forms.rendering import FieldSet
from utilities.forms.widgets import BulkEditNullBooleanSelect

from ..choices import InventoryRuleKindChoices
from ..models import Fabric, InventoryRule
from .shared import RestrictedFilterMixin, yes_no

__all__ = (
    'InventoryRuleBulkEditForm', 'InventoryRuleFilterForm', 'InventoryRuleForm', 'InventoryRuleImportForm',
)


def _help(name: str) -> Any:
    return InventoryRule._meta.get_field(name).help_text


class _ChecksTags(forms.Form):
    """A form that checks the tags which objects get: they are known here, and not in the model."""

    def clean(self) -> Any:
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        self._tags = cleaned.get('object_tags') or ()
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors:
            try:
                self.instance.check_tags(self._tags)
            except forms.ValidationError as error:
                self.add_error(None, error)


class InventoryRuleForm(_ChecksTags, PrimaryModelForm):
    fabric = DynamicModelChoiceField(label=_('Fabric'), queryset=Fabric.objects.all(), help_text=_help('fabric'))
    kinds = forms.MultipleChoiceField(
        label=_('Kinds'), choices=InventoryRuleKindChoices, required=False, help_text=_help('kinds'),
    )
    site = DynamicModelChoiceField(
        label=_('Site'), queryset=Site.objects.all(), required=False, selector=True, help_text=_help('site'),
    )
    location = DynamicModelChoiceField(
        label=_('Location'), queryset=Location.objects.all(), required=False, query_params={'site_id': '$site'},
        help_text=_help('location'),
    )
    tenant = DynamicModelChoiceField(
        label=_('Tenant'), queryset=Tenant.objects.all(), required=False, selector=True, help_text=_help('tenant'),
    )
    role = DynamicModelChoiceField(
        label=_('Device role'), queryset=DeviceRole.objects.all(), required=False, help_text=_help('role'),
    )
    object_tags = DynamicModelMultipleChoiceField(
        label=_('Tags of objects'), queryset=Tag.objects.all(), required=False, help_text=_help('object_tags'),
    )

    fieldsets = (
        FieldSet('fabric', 'name', 'weight', 'enabled', 'description', 'tags', name=_('Inventory rule')),
        FieldSet('kinds', 'names', 'label_selector', name=_('Resources')),
        FieldSet(
            'site', 'location', 'tenant', 'role', 'vrf_name', 'object_tags', name=_('Values of new objects'),
        ),
        FieldSet('exclude', name=_('Or exclude')),
    )

    class Meta:
        model = InventoryRule
        fields = (
            'fabric', 'name', 'weight', 'enabled', 'description', 'kinds', 'names', 'label_selector', 'site',
            'location', 'tenant', 'role', 'vrf_name', 'object_tags', 'exclude', 'owner', 'comments', 'tags',
        )


class InventoryRuleImportForm(_ChecksTags, PrimaryModelImportForm):
    fabric = CSVModelChoiceField(
        label=_('Fabric'), queryset=Fabric.objects.all(), to_field_name='name', help_text=_('Fabric (name)'),
    )
    kinds = CSVMultipleChoiceField(
        label=_('Kinds'), choices=InventoryRuleKindChoices, required=False, help_text=_help('kinds'),
    )
    site = CSVModelChoiceField(
        label=_('Site'), queryset=Site.objects.all(), required=False, to_field_name='name', help_text=_('Site (name)'),
    )
    location = CSVModelChoiceField(
        label=_('Location'), queryset=Location.objects.all(), required=False, to_field_name='name',
        help_text=_('Location within the site (name)'),
    )
    tenant = CSVModelChoiceField(
        label=_('Tenant'), queryset=Tenant.objects.all(), required=False, to_field_name='name',
        help_text=_('Tenant (name)'),
    )
    role = CSVModelChoiceField(
        label=_('Device role'), queryset=DeviceRole.objects.all(), required=False, to_field_name='slug',
        help_text=_('Device role (slug)'),
    )
    object_tags = CSVModelMultipleChoiceField(
        label=_('Tags of objects'), queryset=Tag.objects.all(), required=False, to_field_name='slug',
        help_text=_('Tags of new objects (slugs)'),
    )

    class Meta:
        model = InventoryRule
        fields = InventoryRuleForm.Meta.fields

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        for name in ('weight', 'enabled'):
            self.fields[name].required = False
        if data and data.get('site'):
            self.fields['location'].queryset = Location.objects.filter(site__name=data['site'])

    def clean(self) -> Any:
        cleaned = super().clean()
        for name in ('weight', 'enabled'):
            # Django takes a missing boolean for false, and refuses a missing number.
            if name in self.fields and name not in self.errors and self.data.get(name) in (None, ''):
                cleaned[name] = InventoryRule._meta.get_field(name).get_default()
        return cleaned


class InventoryRuleBulkEditForm(PrimaryModelBulkEditForm):
    model = InventoryRule
    weight = forms.IntegerField(label=_('Weight'), required=False, min_value=0, max_value=32767)
    enabled = forms.NullBooleanField(label=_('Enabled'), required=False, widget=BulkEditNullBooleanSelect())

    fieldsets = (FieldSet('weight', 'enabled', 'description', name=_('Inventory rule')),)
    nullable_fields = ('description', 'comments')


class InventoryRuleFilterForm(RestrictedFilterMixin, PrimaryModelFilterSetForm):
    model = InventoryRule
    fieldsets = (
        FieldSet('q', 'filter_id', 'tag'),
        FieldSet('fabric_id', 'enabled', 'exclude', 'kind', name=_('Inventory rule')),
        FieldSet('site_id', 'tenant_id', 'role_id', name=_('Values of new objects')),
        FieldSet('owner_group_id', 'owner_id', name=_('Ownership')),
    )
    fabric_id = DynamicModelMultipleChoiceField(queryset=Fabric.objects.all(), required=False, label=_('Fabric'))
    enabled = yes_no(_('Enabled'))
    exclude = yes_no(_('Exclude'))
    kind = forms.MultipleChoiceField(label=_('Kind'), choices=InventoryRuleKindChoices, required=False)
    site_id = DynamicModelMultipleChoiceField(queryset=Site.objects.all(), required=False, label=_('Site'))
    tenant_id = DynamicModelMultipleChoiceField(queryset=Tenant.objects.all(), required=False, label=_('Tenant'))
    role_id = DynamicModelMultipleChoiceField(queryset=DeviceRole.objects.all(), required=False, label=_('Role'))
    tag = TagFilterField(model)
