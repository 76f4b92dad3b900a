from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext_lazy as _
from extras.models import NotificationGroup
from netbox.forms import PrimaryModelForm
from utilities.forms.fields import DynamicModelChoiceField
from utilities.forms.rendering import FieldSet

from ..choices import FabricStatusChoices
from ..models import Fabric
from ..models.fabric import SECRET_FIELDS, SETTINGS_OF_ERRORS
from .inventory import INVENTORY_FIELDS, InventoryFormMixin

__all__ = ('FabricForm',)

SECRET_HELP = _('Leave blank to keep the stored value.')


class SecretTextarea(forms.Textarea):
    """A text area that is always rendered empty: a form with errors does not repeat a secret."""

    def format_value(self, value: Any) -> None:
        return None


# Fields whose errors keep a connection from being tested.
NEEDED_FOR_TEST = (*SETTINGS_OF_ERRORS['sync_error'], 'forget_secrets', NON_FIELD_ERRORS)


class FabricForm(InventoryFormMixin, PrimaryModelForm):
    """A fabric. Stored secrets are never shown; a blank field keeps the stored value.

    `test` takes a fabric that is about to be synced for the first time, and returns why it cannot be, as sentences. It
    is called last, when everything else is right.
    """

    kubernetes_token = forms.CharField(
        label=_('Kubernetes token'),
        required=False,
        widget=forms.PasswordInput(attrs={'autocomplete': 'new-password', 'class': 'form-control'}),
        help_text=Fabric._meta.get_field('kubernetes_token').help_text,
    )
    kubeconfig = forms.CharField(
        label=_('Kubeconfig'),
        required=False,
        strip=False,
        widget=SecretTextarea(attrs={'rows': 5, 'class': 'font-monospace', 'autocomplete': 'off'}),
        help_text=Fabric._meta.get_field('kubeconfig').help_text,
    )
    notification_group = DynamicModelChoiceField(
        label=_('Notification group'),
        queryset=NotificationGroup.objects.all(),
        required=False,
        quick_add=True,
        help_text=Fabric._meta.get_field('notification_group').help_text,
    )
    forget_secrets = forms.BooleanField(
        label=_('Clear stored credentials'),
        required=False,
        help_text=_('Remove the stored token and kubeconfig before saving the values entered here.'),
    )

    fieldsets = (
        FieldSet('name', 'status', 'description', 'tags', name=_('Fabric')),
        FieldSet(
            'kubernetes_server', 'kubernetes_token', 'kubernetes_ca_cert', 'kubernetes_namespace', 'verify_tls',
            'topology_filter', name=_('Connection'),
        ),
        FieldSet('kubeconfig', 'in_cluster', 'forget_secrets', name=_('Other connection methods')),
        FieldSet(
            'sync_enabled', 'scheduler_enabled', 'sync_interval', 'watch_enabled', 'notification_group',
            name=_('Synchronization'),
        ),
        *InventoryFormMixin.inventory_fieldsets,
    )

    class Meta:
        model = Fabric
        fields = [
            'name', 'status', 'description', 'kubernetes_server', 'kubernetes_token', 'kubernetes_ca_cert',
            'kubernetes_namespace', 'topology_filter', 'verify_tls', 'kubeconfig', 'in_cluster', 'sync_enabled',
            'scheduler_enabled', 'sync_interval', 'watch_enabled', 'notification_group', *INVENTORY_FIELDS,
            'owner', 'comments', 'tags',
        ]
        widgets = {
            'kubernetes_ca_cert': forms.Textarea(attrs={
                'rows': 5, 'class': 'font-monospace', 'placeholder': '-----BEGIN CERTIFICATE-----',
            }),
        }

    def __init__(self, *args: Any, test: Callable[[Fabric], list[str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._test = test
        self._was_synced = bool(self.instance.pk) and self.instance.status in FabricStatusChoices.READ
        self._stored = {name: getattr(self.instance, name) for name in SECRET_FIELDS}
        for name in SECRET_FIELDS:
            # Not even the encrypted value leaves the database.
            self.initial.pop(name, None)
            if self._stored[name]:
                self.fields[name].help_text = SECRET_HELP
                self.fields[name].widget.attrs['placeholder'] = '••••••••'
        if self.instance.pk:
            self.fields['sync_interval'].help_text = _('Sync interval in seconds. Current: {words}.').format(
                words=self.instance.sync_interval_words,
            )
        if not any(self._stored.values()):
            del self.fields['forget_secrets']

    def clean(self) -> Any:
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        for name in SECRET_FIELDS:
            if cleaned.get(name):
                continue
            if cleaned.get('forget_secrets'):
                # Set on the instance: Django does not change fields that a request does not contain.
                setattr(self.instance, name, '')
            else:
                cleaned[name] = self._stored[name]
        return cleaned

    @property
    def connection_errors(self) -> list[str]:
        """What is wrong with the connection as it was entered, as sentences."""
        return [
            error if name == NON_FIELD_ERRORS else f'{self.fields[name].label}: {error}'
            for name, errors in self.errors.items() if name in NEEDED_FOR_TEST for error in errors
        ]

    def _post_clean(self) -> None:
        super()._post_clean()
        begins = self.instance.status in FabricStatusChoices.READ and not self._was_synced
        if self._test is None:
            return
        sentences = self._test(self.instance) if begins and not self.errors else []
        if sentences:
            hint = _('Nothing was saved. Correct the connection, or save the fabric with the status Planned.')
            self.add_error(self._connection_field(), [*sentences, hint])
        self._ask_again()

    def _ask_again(self) -> None:
        """Say beside an entered secret that it is lost: without that, the next attempt would be saved without it."""
        if not self.errors:
            return
        for name in SECRET_FIELDS:
            if self.data.get(self.add_prefix(name)) and name not in self.errors:
                self.add_error(name, _('Enter it again. Nothing was saved, and secrets are not shown again.'))

    def _connection_field(self) -> str:
        """Return the field beside which errors of the connection are shown."""
        if self.instance.in_cluster:
            return 'in_cluster'
        return 'kubeconfig' if self.instance.kubeconfig else 'kubernetes_server'
