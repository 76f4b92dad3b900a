"""The inventory settings in the forms of a fabric."""

import json
from contextlib import suppress
from typing import Any

from dcim.choices import DeviceStatusChoices
from dcim.models import DeviceRole, Location, Site
from django import forms
from django.utils.translation import gettext_lazy as _
from tenancy.models import Tenant
from utilities.forms import add_blank_choice
from utilities.forms.fields import (
    CSVChoiceField,
    CSVModelChoiceField,
    CSVMultipleChoiceField,
    DynamicModelChoiceField,
    DynamicModelMultipleChoiceField,
)
from utilities.forms.rendering import FieldSet
from utilities.forms.widgets import BulkEditNullBooleanSelect

from ..choices import InventoryAdoptionChoices, InventoryRemovalChoices, InventoryScopeChoices
from ..models import Fabric
from ..roles import AMBIGUOUS, roles_by_slug
from .shared import yes_no

__all__ = (
    'INVENTORY_FIELDS', 'InventoryBulkEditMixin', 'InventoryFilterMixin', 'InventoryFormMixin', 'InventoryImportMixin',
)

# The settings as in the model, except the roles: each role has a picker of its own.
INVENTORY_FIELDS = (
    'inventory_enabled', 'inventory_auto_apply', 'inventory_site', 'inventory_location', 'inventory_tenant',
    'inventory_name_pattern', 'inventory_scope', 'inventory_adoption', 'inventory_removal', 'inventory_device_status',
    'inventory_stale_status',
)

# The settings whose choices NetBox's FIELD_CHOICES may have changed.
STATUS_FIELDS = ('inventory_device_status', 'inventory_stale_status')

# The device roles that can be chosen: Hedgehog's switch roles, and the other kinds that become devices.
ROLES = {
    'spine': _('Spines'),
    'server-leaf': _('Server leaves'),
    'border-leaf': _('Border leaves'),
    'mixed-leaf': _('Mixed leaves'),
    'virtual-edge': _('Virtual edges'),
    'server': _('Servers'),
    'gateway': _('Gateways'),
}


def _role_field(role: str) -> str:
    return f'role_{role.replace("-", "_")}'


ROLE_FIELDS = {role: _role_field(role) for role in ROLES}


def _field(name: str) -> Any:
    return Fabric._meta.get_field(name)


def _default_if_empty(name: str) -> Any:
    """Return a clean method that replaces a blank value by the model's default."""
    def clean(self: Any) -> Any:
        return self.cleaned_data.get(name) or _field(name).get_default()
    return clean


class InventoryFormMixin(forms.Form):
    """The inventory settings, with one picker for each device role."""

    inventory_site = DynamicModelChoiceField(
        label=_('Site'), queryset=Site.objects.all(), required=False, selector=True, quick_add=True,
        help_text=_field('inventory_site').help_text,
    )
    inventory_location = DynamicModelChoiceField(
        label=_('Location'), queryset=Location.objects.all(), required=False, quick_add=True,
        query_params={'site_id': '$inventory_site'}, help_text=_field('inventory_location').help_text,
    )
    inventory_tenant = DynamicModelChoiceField(
        label=_('Tenant'), queryset=Tenant.objects.all(), required=False, selector=True, quick_add=True,
        help_text=_field('inventory_tenant').help_text,
    )
    inventory_name_pattern = forms.CharField(
        label=_('Name pattern'), required=False, max_length=64, initial='{name}',
        help_text=_field('inventory_name_pattern').help_text,
    )
    inventory_scope = forms.MultipleChoiceField(
        label=_('Scope'), choices=InventoryScopeChoices, required=False,
        initial=_field('inventory_scope').get_default, help_text=_field('inventory_scope').help_text,
    )
    inventory_adoption = forms.ChoiceField(
        label=_('Adoption'), choices=InventoryAdoptionChoices, required=False, initial=InventoryAdoptionChoices.OFF,
        help_text=_field('inventory_adoption').help_text,
    )
    inventory_removal = forms.ChoiceField(
        label=_('Removal'), choices=InventoryRemovalChoices, required=False, initial=InventoryRemovalChoices.MARK,
        help_text=_field('inventory_removal').help_text,
    )
    inventory_device_status = forms.ChoiceField(
        label=_('Status of new devices'), choices=DeviceStatusChoices, required=False,
        initial=_field('inventory_device_status').get_default,
        help_text=_field('inventory_device_status').help_text,
    )
    inventory_stale_status = forms.ChoiceField(
        label=_('Status of stale devices'), choices=DeviceStatusChoices, required=False,
        initial=_field('inventory_stale_status').get_default, help_text=_field('inventory_stale_status').help_text,
    )

    inventory_fieldsets = (
        FieldSet(*INVENTORY_FIELDS, name=_('Inventory')),
        FieldSet(*ROLE_FIELDS.values(), name=_('Device roles')),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in STATUS_FIELDS:
            if getattr(self.instance, name) not in DeviceStatusChoices.values():
                # Without an empty choice a browser would send the first one.
                self.fields[name].choices = add_blank_choice(DeviceStatusChoices)
        mapping = self._stored_roles()
        chosen = roles_by_slug(mapping.values()) if mapping else {}
        for role, title in ROLES.items():
            self.fields[ROLE_FIELDS[role]] = DynamicModelChoiceField(
                label=title, queryset=DeviceRole.objects.all(), required=False, quick_add=True,
                help_text=_('Role for new devices. Created automatically if blank.'),
            )
            if found := chosen.get(mapping.get(role, '')):
                # A slug of several roles is rejected when the form is saved: the operator decides which is meant.
                self.initial.setdefault(ROLE_FIELDS[role], found[0])

    def _stored_roles(self) -> dict[str, str]:
        """Return the roles of the fabric that is edited, or of the one that is cloned: JSON in the page's address."""
        roles = self.instance.inventory_roles
        if not roles:
            with suppress(ValueError):
                roles = json.loads(str(self.initial.get('inventory_roles', '')))
        found = roles if isinstance(roles, dict) else {}
        return {role: slug for role, slug in found.items() if isinstance(slug, str)}

    clean_inventory_name_pattern = _default_if_empty('inventory_name_pattern')
    clean_inventory_adoption = _default_if_empty('inventory_adoption')
    clean_inventory_removal = _default_if_empty('inventory_removal')
    clean_inventory_device_status = _default_if_empty('inventory_device_status')
    clean_inventory_stale_status = _default_if_empty('inventory_stale_status')

    def clean(self) -> Any:
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        # Roles of a newer release, which this form does not know, are kept as long as they exist in NetBox.
        others = {role: slug for role, slug in (self.instance.inventory_roles or {}).items() if role not in ROLES}
        picked = {role: cleaned[name] for role, name in ROLE_FIELDS.items() if cleaned.get(name)}
        found = roles_by_slug([*others.values(), *(device_role.slug for device_role in picked.values())])
        for role, device_role in picked.items():
            if len(found[device_role.slug]) > 1:
                self.add_error(ROLE_FIELDS[role], AMBIGUOUS % {'slugs': device_role.slug})
        self.instance.inventory_roles = {
            role: slug
            for role, slug in {**others, **{role: device_role.slug for role, device_role in picked.items()}}.items()
            if len(found.get(slug, ())) == 1
        }
        return cleaned


class InventoryImportMixin(forms.Form):
    """The inventory settings as columns of a CSV file."""

    inventory_site = CSVModelChoiceField(
        label=_('Site'), queryset=Site.objects.all(), required=False, to_field_name='name',
        help_text=_('Site for new devices (name)'),
    )
    inventory_location = CSVModelChoiceField(
        label=_('Location'), queryset=Location.objects.all(), required=False, to_field_name='name',
        help_text=_('Location within the site (name)'),
    )
    inventory_tenant = CSVModelChoiceField(
        label=_('Tenant'), queryset=Tenant.objects.all(), required=False, to_field_name='name',
        help_text=_('Tenant for new objects (name)'),
    )
    inventory_scope = CSVMultipleChoiceField(
        label=_('Scope'), choices=InventoryScopeChoices, required=False, help_text=_('Object types to sync'),
    )
    inventory_adoption = CSVChoiceField(
        label=_('Adoption'), choices=InventoryAdoptionChoices, required=False,
        help_text=_('Adopt existing devices that match'),
    )
    inventory_removal = CSVChoiceField(
        label=_('Removal'), choices=InventoryRemovalChoices, required=False,
        help_text=_('Action for objects whose resource was removed from the fabric'),
    )
    inventory_device_status = CSVChoiceField(
        label=_('Status of new devices'), choices=DeviceStatusChoices, required=False,
        help_text=_('Status of new devices'),
    )
    inventory_stale_status = CSVChoiceField(
        label=_('Status of stale devices'), choices=DeviceStatusChoices, required=False,
        help_text=_('Status of devices removed from the fabric'),
    )

    # Columns that may be missing or empty: the model's default is used.
    inventory_optional = (
        'inventory_enabled', 'inventory_auto_apply', 'inventory_roles', 'inventory_name_pattern', 'inventory_scope',
        'inventory_adoption', 'inventory_removal', *STATUS_FIELDS,
    )

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        if data and data.get('inventory_site'):
            self.fields['inventory_location'].queryset = Location.objects.filter(site__name=data['inventory_site'])
        elif self.instance.inventory_site_id:
            self.fields['inventory_location'].queryset = Location.objects.filter(site=self.instance.inventory_site_id)


class InventoryBulkEditMixin(forms.Form):
    inventory_enabled = forms.NullBooleanField(
        label=_('Inventory'), required=False, widget=BulkEditNullBooleanSelect(),
    )
    inventory_auto_apply = forms.NullBooleanField(
        label=_('Apply without review'), required=False, widget=BulkEditNullBooleanSelect(),
    )
    inventory_site = DynamicModelChoiceField(label=_('Site'), queryset=Site.objects.all(), required=False)
    inventory_location = DynamicModelChoiceField(
        label=_('Location'), queryset=Location.objects.all(), required=False, quick_add=True,
        query_params={'site_id': '$inventory_site'}, help_text=_field('inventory_location').help_text,
    )
    inventory_tenant = DynamicModelChoiceField(label=_('Tenant'), queryset=Tenant.objects.all(), required=False)
    inventory_name_pattern = forms.CharField(label=_('Name pattern'), required=False, max_length=64)
    inventory_scope = forms.MultipleChoiceField(
        label=_('Scope'), choices=InventoryScopeChoices, required=False,
    )
    inventory_adoption = forms.ChoiceField(
        label=_('Adoption'), choices=add_blank_choice(InventoryAdoptionChoices), required=False, initial='',
    )
    inventory_removal = forms.ChoiceField(
        label=_('Removal'), choices=add_blank_choice(InventoryRemovalChoices), required=False, initial='',
    )
    inventory_device_status = forms.ChoiceField(
        label=_('Status of new devices'), choices=add_blank_choice(DeviceStatusChoices), required=False, initial='',
    )
    inventory_stale_status = forms.ChoiceField(
        label=_('Status of stale devices'), choices=add_blank_choice(DeviceStatusChoices), required=False, initial='',
    )

    inventory_fieldsets = (FieldSet(*INVENTORY_FIELDS, name=_('Inventory')),)
    inventory_nullable = ('inventory_location', 'inventory_tenant')


class InventoryFilterMixin(forms.Form):
    inventory_enabled = yes_no(_('Inventory'))
    inventory_site_id = DynamicModelMultipleChoiceField(
        queryset=Site.objects.all(), required=False, label=_('Site'),
    )
    inventory_location_id = DynamicModelMultipleChoiceField(
        queryset=Location.objects.all(), required=False, label=_('Location'),
        query_params={'site_id': '$inventory_site_id'},
    )
    inventory_tenant_id = DynamicModelMultipleChoiceField(
        queryset=Tenant.objects.all(), required=False, label=_('Tenant'),
    )
    inventory_adoption = forms.MultipleChoiceField(
        label=_('Adoption'), choices=InventoryAdoptionChoices, required=False,
    )
    inventory_removal = forms.MultipleChoiceField(
        label=_('Removal'), choices=InventoryRemovalChoices, required=False,
    )
    inventory_device_status = forms.MultipleChoiceField(
        label=_('Status of new devices'), choices=DeviceStatusChoices, required=False,
    )
    inventory_stale_status = forms.MultipleChoiceField(
        label=_('Status of stale devices'), choices=DeviceStatusChoices, required=False,
    )

    inventory_fieldsets = (
        FieldSet(
            'inventory_enabled', 'inventory_site_id', 'inventory_location_id', 'inventory_tenant_id',
            'inventory_adoption', 'inventory_removal', *STATUS_FIELDS, name=_('Inventory'),
        ),
    )
