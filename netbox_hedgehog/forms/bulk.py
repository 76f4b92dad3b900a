from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from extras.models import NotificationGroup
from netbox.forms import PrimaryModelBulkEditForm, PrimaryModelImportForm
from utilities.forms import add_blank_choice
from utilities.forms.fields import CSVChoiceField, CSVModelChoiceField, DynamicModelChoiceField
from utilities.forms.rendering import FieldSet
from utilities.forms.widgets import BulkEditNullBooleanSelect

from ..choices import FabricStatusChoices
from ..models import Fabric
from .inventory import INVENTORY_FIELDS, InventoryBulkEditMixin, InventoryImportMixin

__all__ = ('FabricBulkEditForm', 'FabricImportForm')


class FabricBulkEditForm(InventoryBulkEditMixin, PrimaryModelBulkEditForm):
    model = Fabric
    status = forms.ChoiceField(
        label=_('Status'), choices=add_blank_choice(FabricStatusChoices), required=False, initial='',
    )
    sync_enabled = forms.NullBooleanField(
        label=_('Sync enabled'), required=False, widget=BulkEditNullBooleanSelect(),
    )
    scheduler_enabled = forms.NullBooleanField(
        label=_('Scheduler enabled'), required=False, widget=BulkEditNullBooleanSelect(),
    )
    sync_interval = forms.IntegerField(
        label=_('Sync interval'), required=False, help_text=_('Sync interval in seconds.'),
        validators=Fabric._meta.get_field('sync_interval').validators,
    )
    watch_enabled = forms.NullBooleanField(
        label=_('Watch enabled'), required=False, widget=BulkEditNullBooleanSelect(),
    )
    notification_group = DynamicModelChoiceField(
        label=_('Notification group'), queryset=NotificationGroup.objects.all(), required=False,
    )
    verify_tls = forms.NullBooleanField(
        label=_('Verify TLS'), required=False, widget=BulkEditNullBooleanSelect(),
    )

    topology_filter = forms.CharField(
        label=_('Topology filter'), required=False, max_length=63,
        validators=Fabric._meta.get_field('topology_filter').validators,
        help_text=Fabric._meta.get_field('topology_filter').help_text,
    )

    fieldsets = (
        FieldSet('status', 'description', name=_('Fabric')),
        FieldSet(
            'sync_enabled', 'scheduler_enabled', 'sync_interval', 'watch_enabled', 'notification_group',
            name=_('Synchronization'),
        ),
        FieldSet('verify_tls', 'topology_filter', name=_('Connection')),
        *InventoryBulkEditMixin.inventory_fieldsets,
    )
    nullable_fields = (
        'description', 'comments', 'notification_group', 'topology_filter', *InventoryBulkEditMixin.inventory_nullable,
    )


class FabricImportForm(InventoryImportMixin, PrimaryModelImportForm):
    status = CSVChoiceField(
        label=_('Status'), choices=FabricStatusChoices, required=False, help_text=_('Operational status'),
    )
    kubernetes_token = forms.CharField(label=_('Kubernetes token'), required=False)
    notification_group = CSVModelChoiceField(
        label=_('Notification group'), queryset=NotificationGroup.objects.all(), to_field_name='name', required=False,
        help_text=_('Name of the notification group'),
    )

    class Meta:
        model = Fabric
        fields = (
            'name', 'status', 'description', 'kubernetes_server', 'kubernetes_token', 'kubernetes_ca_cert',
            'kubernetes_namespace', 'topology_filter', 'verify_tls', 'in_cluster', 'sync_enabled', 'scheduler_enabled',
            'sync_interval', 'watch_enabled', 'notification_group', *INVENTORY_FIELDS, 'inventory_roles',
            'owner', 'comments', 'tags',
        )

    # Columns that may be missing or empty: then the model's default is used. Django would reject the numbers
    # and take the booleans for false, TLS verification among them.
    optional = (
        'status', 'kubernetes_namespace', 'verify_tls', 'in_cluster', 'sync_enabled', 'scheduler_enabled',
        'sync_interval', 'watch_enabled', *InventoryImportMixin.inventory_optional,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored_token = self.instance.kubernetes_token
        for name in self.optional:
            self.fields[name].required = False

    def clean_kubernetes_token(self) -> str:
        # Updating other columns of a fabric by CSV keeps its token.
        return self.cleaned_data.get('kubernetes_token') or self._stored_token

    def clean(self) -> Any:
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        for name in self.optional:
            if name in self.fields and name not in self.errors and self.data.get(name) in (None, ''):
                cleaned[name] = Fabric._meta.get_field(name).get_default()
        return cleaned
