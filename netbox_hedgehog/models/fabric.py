from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from netbox.constants import CENSOR_TOKEN, CENSOR_TOKEN_CHANGED
from netbox.models import PrimaryModel
from netbox.models.features import JobsMixin
from utilities.exceptions import AbortRequest

from ..choices import ConnectionStatusChoices, FabricStatusChoices
from ..cluster.egress import configured
from ..cluster.kubeconfig import Credentials, KubeconfigError, check_server, parse_kubeconfig
from ..fields import DecryptionError, EncryptedStr, EncryptedTextField, decrypt
from .fabric_state import MIN_SYNC_INTERVAL, OLDER_ERROR, FabricQuerySet, FabricState
from .inventory import InventorySettings

__all__ = ('MIN_SYNC_INTERVAL', 'Fabric')

SECRET_FIELDS = ('kubernetes_token', 'kubeconfig')

# The settings that decide where a stored secret is sent.
CONNECTION_FIELDS = ('kubernetes_server', 'kubernetes_ca_cert', 'verify_tls')

# Recorded by syncs and connection tests with update(); saving an existing fabric does not write them.
RECORDED = (
    'connection_status', 'sync_status', 'last_attempt', 'last_sync', 'sync_error', 'last_report',
    'unsupported_kinds', 'inventory_unconfirmed', 'last_inventory', 'inventory_error',
)

# The settings that an error may be about: once one of them has been changed, the error says that it is older.
SETTINGS_OF_ERRORS = {
    'sync_error': (
        'kubernetes_server', 'kubernetes_token', 'kubernetes_ca_cert', 'kubernetes_namespace', 'verify_tls',
        'kubeconfig', 'in_cluster', 'topology_filter',
    ),
    'inventory_error': (
        'inventory_enabled', 'inventory_auto_apply', 'inventory_site_id', 'inventory_location_id',
        'inventory_tenant_id', 'inventory_roles', 'inventory_name_pattern', 'inventory_scope', 'inventory_adoption',
        'inventory_removal', 'inventory_device_status', 'inventory_stale_status',
    ),
}


class Fabric(FabricState, InventorySettings, JobsMixin, PrimaryModel):
    """One Hedgehog fabric: its connection, its schedule, and the result of its last sync."""

    name = models.CharField(
        verbose_name=_('name'),
        max_length=100,
        unique=True,
        help_text=_('Unique name, also used in metrics.'),
    )
    status = models.CharField(
        verbose_name=_('status'),
        max_length=30,
        choices=FabricStatusChoices,
        default=FabricStatusChoices.ACTIVE,
        help_text=_('Planned and decommissioned fabrics are not synced.'),
    )

    kubernetes_server = models.CharField(
        verbose_name=_('Kubernetes server'),
        max_length=500,
        blank=True,
        help_text=_("Address of the fabric's Kubernetes API, for example https://control-1.example.com:6443"),
    )
    kubernetes_token = EncryptedTextField(
        verbose_name=_('Kubernetes token'),
        blank=True,
        default='',
        help_text=_('Bearer token of a read-only ServiceAccount. Stored encrypted and never shown again.'),
    )
    kubernetes_ca_cert = models.TextField(
        verbose_name=_('Kubernetes CA certificate'),
        blank=True,
        help_text=_('CA certificate of the API server, in PEM. Leave blank to use the system CA store.'),
    )
    kubernetes_namespace = models.CharField(
        verbose_name=_('Kubernetes namespace'),
        max_length=63,
        default='default',
        # It is part of the path of a request: `..` in it would list all namespaces.
        validators=[
            RegexValidator(
                r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z',
                message=_('Use lowercase letters, digits and hyphens only, for example “default”.'),
            ),
        ],
        help_text=_('Hedgehog accepts its resources in “default” only.'),
    )
    topology_filter = models.CharField(
        verbose_name=_('topology filter'),
        max_length=63,
        blank=True,
        validators=[
            RegexValidator(
                r'^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z',
                message=_('Use lowercase letters, digits, hyphens and dots only, for example “backend”.'),
            ),
        ],
        help_text=_(
            'Name of one Hedgehog fabric, for a controller with several: only its resources are synced. Leave blank to '
            'sync everything.'
        ),
    )
    verify_tls = models.BooleanField(
        verbose_name=_('verify TLS'),
        default=True,
        help_text=_('Verify the API server’s certificate. If disabled, the token may be sent to an untrusted server.'),
    )
    kubeconfig = EncryptedTextField(
        verbose_name=_('kubeconfig'),
        blank=True,
        default='',
        help_text=_(
            'Alternative to server and token: a kubeconfig with embedded credentials '
            '(kubectl config view --flatten --minify --raw). Stored encrypted and never shown again.'
        ),
    )
    in_cluster = models.BooleanField(
        verbose_name=_('in-cluster'),
        default=False,
        help_text=_('Use the pod’s service account (workers run in this cluster).'),
    )

    notification_group = models.ForeignKey(
        to='extras.NotificationGroup',
        on_delete=models.SET_NULL,
        related_name='+',
        verbose_name=_('notification group'),
        blank=True,
        null=True,
        help_text=_('Group to notify in addition to subscribers.'),
    )

    objects = FabricQuerySet.as_manager()

    clone_fields = (
        'status', 'kubernetes_server', 'kubernetes_ca_cert', 'kubernetes_namespace', 'topology_filter', 'verify_tls',
        'in_cluster', 'sync_enabled', 'scheduler_enabled', 'sync_interval', 'watch_enabled', 'inventory_auto_apply',
        'inventory_site', 'inventory_location', 'inventory_tenant', 'inventory_name_pattern', 'inventory_scope',
        'inventory_adoption', 'inventory_removal', 'inventory_device_status', 'inventory_stale_status',
        'inventory_roles', 'notification_group',
    )

    class Meta:
        ordering = ('name',)
        verbose_name = _('fabric')
        verbose_name_plural = _('fabrics')
        permissions = [
            ('sync', 'Sync fabrics and test their connection'),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sync_interval__gte=MIN_SYNC_INTERVAL),
                name='%(app_label)s_%(class)s_sync_interval_min',
                violation_error_message=_('The sync interval must be at least 30 seconds.'),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the settings. The RECORDED fields of an existing fabric are not written.

        A sync may have recorded something since this instance was loaded. To write these fields, name them in
        `update_fields`. Raises AbortRequest, with a sentence, when the fabric has been deleted since it was loaded.
        """
        exists = self.pk is not None and not self._state.adding and kwargs.get('using') in (None, self._state.db)
        if not exists or kwargs.get('force_insert') or kwargs.get('update_fields') is not None:
            super().save(*args, **kwargs)
            return
        before = self._stored_settings()
        skipped = {*RECORDED, *self.get_deferred_fields()}
        kwargs['update_fields'] = [
            field.attname for field in self._meta.concrete_fields
            if not field.primary_key and field.attname not in skipped
        ]
        try:
            super().save(*args, **kwargs)
        except self.NotUpdated:
            raise AbortRequest(_(
                '%(fabric)s was deleted while you were editing it. Nothing was saved. Add it again if you need it.'
            ) % {'fabric': self}) from None
        self._outdate_errors(before)

    def _stored_settings(self) -> dict[str, Any]:
        """Return the stored values of the settings that errors may be about."""
        names = {name for names in SETTINGS_OF_ERRORS.values() for name in names} - self.get_deferred_fields()
        return type(self)._base_manager.using(self._state.db).filter(pk=self.pk).values(*names).first() or {}

    def _outdate_errors(self, before: dict[str, Any]) -> None:
        """Mark errors as older than a change of these settings, as they may no longer apply."""
        changed = [
            error for error, names in SETTINGS_OF_ERRORS.items()
            if any(name in before and _differs(name, before[name], getattr(self, name)) for name in names)
        ]
        if not changed:
            return
        rows = type(self)._base_manager.using(self._state.db).filter(pk=self.pk)
        prefix = f'{OLDER_ERROR}{timezone.now():%Y-%m-%d %H:%M:%S} UTC: '
        for error in changed:
            current = rows.exclude(**{error: ''}).exclude(**{f'{error}__startswith': OLDER_ERROR})
            current.update(**{error: Concat(models.Value(prefix), error, output_field=models.TextField())})
        if 'sync_error' in changed:
            rows.update(connection_status=ConnectionStatusChoices.UNKNOWN)
        self.refresh_from_db(fields=(*changed, 'connection_status'))

    # Secrets

    @property
    def has_token(self) -> bool:
        return bool(self.kubernetes_token)

    @property
    def has_kubeconfig(self) -> bool:
        return bool(self.kubeconfig)

    @property
    def has_connection(self) -> bool:
        """Whether there is anything to connect to."""
        return bool(self.in_cluster or self.kubeconfig or self.kubernetes_server)

    @property
    def credentials_words(self) -> str:
        """The kind of the stored credentials, in words."""
        if self.in_cluster:
            return _('Pod service account')
        if self.has_kubeconfig:
            return _('Kubeconfig (stored encrypted)')
        return _('Token (stored encrypted)') if self.has_token else _('None')

    def credentials(self) -> Credentials:
        """Return the decrypted credentials for this fabric's cluster.

        Raises KubeconfigError or DecryptionError, with a sentence for the operator.
        """
        if self.in_cluster:
            return Credentials(in_cluster=True, verify_tls=self.verify_tls)
        if self.kubeconfig:
            return parse_kubeconfig(decrypt(self.kubeconfig), verify_tls=self.verify_tls)
        if not self.kubernetes_server:
            raise KubeconfigError('No connection configured. Enter a Kubernetes server or a kubeconfig.')
        return Credentials(
            server=check_server(self.kubernetes_server),
            token=decrypt(self.kubernetes_token),
            ca_pem=self.kubernetes_ca_cert,
            verify_tls=self.verify_tls,
        )

    # Export templates and custom links are templates that people write: none of them may call this.
    credentials.alters_data = True  # type: ignore[attr-defined]

    def serialize_object(self, exclude: Any = None) -> Any:
        data = super().serialize_object(exclude=exclude)
        for name in SECRET_FIELDS:
            if data.get(name):
                data[name] = CENSOR_TOKEN
        return data

    def snapshot(self) -> None:
        super().snapshot()
        self._secrets_before = {name: getattr(self, name) for name in SECRET_FIELDS}

    def to_objectchange(self, action: str) -> Any:
        objectchange = super().to_objectchange(action)
        before = getattr(self, '_secrets_before', {})
        for name in SECRET_FIELDS:
            shown = objectchange.postchange_data and objectchange.postchange_data.get(name)
            if shown and getattr(self, name) != before.get(name, ''):
                objectchange.postchange_data[name] = CENSOR_TOKEN_CHANGED
        return objectchange

    # Validation

    def clean(self) -> None:
        super().clean()
        kubeconfig = '' if isinstance(self.kubeconfig, EncryptedStr) else self.kubeconfig
        if kubeconfig:
            try:
                configured().check_server(parse_kubeconfig(kubeconfig, verify_tls=self.verify_tls).server)
            except KubeconfigError as error:
                raise ValidationError({'kubeconfig': str(error)}) from None
        if self.kubernetes_server:
            try:
                self.kubernetes_server = check_server(self.kubernetes_server)
                configured().check_server(self.kubernetes_server)
            except KubeconfigError as error:
                raise ValidationError({'kubernetes_server': str(error)}) from None
        if self.kubernetes_ca_cert and 'BEGIN CERTIFICATE' not in self.kubernetes_ca_cert:
            raise ValidationError({
                'kubernetes_ca_cert': _('Not a PEM certificate: the BEGIN CERTIFICATE line is missing.'),
            })
        self._check_secrets_are_for_this_connection()
        if sum(map(bool, (self.kubernetes_server, self.kubeconfig, self.in_cluster))) > 1:
            raise ValidationError(_(
                'Use only one connection method: server and token, kubeconfig, or in-cluster. Clear the others.'
            ))

    def _check_secrets_are_for_this_connection(self) -> None:
        """Keep users who may change a fabric, but do not know its secrets, from having them sent to another server.

        A secret reaches another server by another address; or at the same address, for somebody who controls network or
        DNS, if the certificate is not verified or is signed by another CA.
        """
        kept = [name for name in SECRET_FIELDS if getattr(self, name) and isinstance(getattr(self, name), EncryptedStr)]
        if not self.pk or not kept:
            return
        before = Fabric.objects.only(*CONNECTION_FIELDS, *SECRET_FIELDS).filter(pk=self.pk).first()
        if before is None:
            return  # save() says that it was deleted
        if any(getattr(before, name) != getattr(self, name) for name in kept):
            # The values below belong to another secret. Two requests at once must not do what neither of them may.
            raise ValidationError(_(
                'The stored credentials changed while you were editing this fabric. Nothing was saved. Reload it and '
                'try again.'
            ))
        if 'kubernetes_token' in kept and (reason := self._why_token_is_asked_for_again(before)):
            raise ValidationError({'kubernetes_token': reason})
        if 'kubeconfig' in kept and before.verify_tls and not self.verify_tls:
            # Not for a field: imports and bulk edits have no field for it.
            raise ValidationError(_(
                'To disable TLS verification, enter the kubeconfig again.'
            ))

    def _why_token_is_asked_for_again(self, before: Any) -> Any:
        if before.kubernetes_server != self.kubernetes_server:
            return _('The server has changed. Enter the token again.')
        if before.verify_tls and not self.verify_tls:
            return _('To disable TLS verification, enter the token again.')
        if before.kubernetes_ca_cert.split() != self.kubernetes_ca_cert.split():
            return _('The CA certificate has changed. Enter the token again.')
        return None

    def get_status_color(self) -> str | None:
        return FabricStatusChoices.colors.get(self.status)

def _differs(name: str, before: Any, now: Any) -> bool:
    """Return whether a setting has another value. Encrypting the same secret gives another text each time."""
    if before == now or name not in SECRET_FIELDS:
        return bool(before != now)
    try:
        return decrypt(before) != decrypt(now)
    except DecryptionError:
        return True
