from datetime import datetime, timedelta
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Coalesce, Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from netbox.constants import CENSOR_TOKEN, CENSOR_TOKEN_CHANGED
from netbox.models import PrimaryModel
from netbox.models.features import JobsMixin
from utilities.exceptions import AbortRequest
from utilities.querysets import RestrictedQuerySet

from ..choices import ConnectionStatusChoices, FabricStatusChoices, SyncStateChoices, SyncStatusChoices
from ..cluster.egress import configured
from ..cluster.kubeconfig import Credentials, KubeconfigError, check_server, parse_kubeconfig
from ..fields import EncryptedStr, SealedTextField, SealError, decrypt
from .inventory import InventorySettings

__all__ = ('MIN_SYNC_INTERVAL', 'Fabric')

# Seconds. Below this a run would often still be at work when the next one is due.
MIN_SYNC_INTERVAL = 30
MAX_SYNC_INTERVAL = 7 * 24 * 3600

# Seconds that a run may be late, beyond one whole interval, before a fabric counts as stale.
GRACE = 30

SECRET_FIELDS = ('kubernetes_token', 'kubeconfig')

# Whom a stored secret is sent to.
CONNECTION_FIELDS = ('kubernetes_server', 'kubernetes_ca_cert', 'verify_tls')

# What runs and connection tests record of a fabric, by update(): saving one that stands leaves it as it is.
RECORDED = (
    'connection_status', 'sync_status', 'last_attempt', 'last_sync', 'sync_error', 'last_report', 'inventory_held',
    'last_inventory', 'inventory_error',
)

# The settings that an error may be about: once one of them has been changed, the error says that it is older.
SETTINGS_OF_ERRORS = {
    'sync_error': (
        'kubernetes_server', 'kubernetes_token', 'kubernetes_ca_cert', 'kubernetes_namespace', 'verify_tls',
        'kubeconfig', 'in_cluster',
    ),
    'inventory_error': (
        'inventory_enabled', 'inventory_site_id', 'inventory_location_id', 'inventory_tenant_id', 'inventory_roles',
        'inventory_name_pattern', 'inventory_subjects', 'inventory_adoption', 'inventory_removal',
        'inventory_device_status', 'inventory_stale_status',
    ),
}
OLDER_ERROR = 'Before the change at '

# Fabric.may_sync, as the database is asked for it.
READABLE = models.Q(sync_enabled=True, status__in=FabricStatusChoices.READ)

# Fabric.is_failing, as the database is asked for it.
FAILING = models.Q(sync_status__in=SyncStatusChoices.TROUBLED) | (
    models.Q(sync_status__in=SyncStatusChoices.UNDER_WAY) & ~models.Q(sync_error='')
)


def duration_words(seconds: int) -> str:
    """A number of seconds as people say it, such as 1 hour 30 minutes."""
    parts = []
    for size, one, many in (
        (86400, '%d day', '%d days'), (3600, '%d hour', '%d hours'), (60, '%d minute', '%d minutes'),
        (1, '%d second', '%d seconds'),
    ):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(ngettext(one, many, count) % count)
    return ' '.join(parts[:2])


class FabricQuerySet(RestrictedQuerySet):
    """The derived states of fabrics as questions to the database; each is the twin of a property of Fabric."""

    def readable(self) -> Self:
        """Fabrics that may be read at all: Fabric.may_sync."""
        return self.filter(READABLE)

    def scheduled(self) -> Self:
        """Fabrics that want periodic runs: Fabric.is_scheduled."""
        return self.readable().filter(scheduler_enabled=True)

    def watched(self) -> Self:
        """Fabrics whose changes are to be taken as they happen: Fabric.is_watched."""
        return self.readable().filter(watch_enabled=True)

    def failing(self) -> Self:
        """Fabrics whose last run that ended was none of all that there is: Fabric.is_failing."""
        return self.filter(FAILING)

    def overdue(self) -> Self:
        """Fabrics whose runs do not come as they should, with `overdue_at`: Fabric.overdue_since."""
        sign = models.Case(
            models.When(FAILING, then=models.F('last_attempt')),
            default=models.F('last_sync'),
        )
        grace = models.ExpressionWrapper(
            models.F('sync_interval') * models.Value(timedelta(seconds=2), output_field=models.DurationField()),
            output_field=models.DurationField(),
        )
        due = models.ExpressionWrapper(
            Coalesce(sign, 'created', output_field=models.DateTimeField()) + grace + timedelta(seconds=GRACE),
            output_field=models.DateTimeField(),
        )
        return self.scheduled().annotate(overdue_at=due).filter(overdue_at__lt=timezone.now())


class Fabric(InventorySettings, JobsMixin, PrimaryModel):
    """One Hedgehog fabric: how its Kubernetes API is reached, when it is read, and what came of it."""

    name = models.CharField(
        verbose_name=_('name'),
        max_length=100,
        unique=True,
        help_text=_('As people call it; in NetBox and in metrics.'),
    )
    status = models.CharField(
        verbose_name=_('status'),
        max_length=30,
        choices=FabricStatusChoices,
        default=FabricStatusChoices.ACTIVE,
        help_text=_('Planned and decommissioned fabrics are not read.'),
    )

    kubernetes_server = models.CharField(
        verbose_name=_('Kubernetes server'),
        max_length=500,
        blank=True,
        help_text=_("Address of the fabric's Kubernetes API, for example https://control-1.example.com:6443"),
    )
    kubernetes_token = SealedTextField(
        verbose_name=_('Kubernetes token'),
        blank=True,
        default='',
        help_text=_('Bearer token of a read-only ServiceAccount. Stored encrypted and never shown again.'),
    )
    kubernetes_ca_cert = models.TextField(
        verbose_name=_('Kubernetes CA certificate'),
        blank=True,
        help_text=_('PEM certificate that signed the API server’s. Empty: the authorities this machine trusts.'),
    )
    kubernetes_namespace = models.CharField(
        verbose_name=_('Kubernetes namespace'),
        max_length=63,
        default='default',
        # What a request's path is made of: `..` in it would read all namespaces.
        validators=[
            RegexValidator(
                r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z',
                message=_('A namespace has lower-case letters, digits, and hyphens between them: for example default.'),
            ),
        ],
        help_text=_('Hedgehog accepts its resources in “default” only.'),
    )
    verify_tls = models.BooleanField(
        verbose_name=_('verify TLS'),
        default=True,
        help_text=_('Check the API server’s certificate. Without this the token goes to whoever answers.'),
    )
    kubeconfig = SealedTextField(
        verbose_name=_('kubeconfig'),
        blank=True,
        default='',
        help_text=_(
            'Instead of server and token: a kubeconfig with everything embedded '
            '(kubectl config view --flatten --minify --raw). Stored encrypted and never shown again.'
        ),
    )
    in_cluster = models.BooleanField(
        verbose_name=_('in-cluster'),
        default=False,
        help_text=_('NetBox’s workers run in this very cluster: use the service account of their pod.'),
    )

    sync_enabled = models.BooleanField(
        verbose_name=_('sync enabled'),
        default=True,
        help_text=_('Off: this fabric is not read at all, neither on schedule nor by hand.'),
    )
    scheduler_enabled = models.BooleanField(
        verbose_name=_('scheduler enabled'),
        default=True,
        help_text=_('Off: this fabric is read only when somebody asks for it.'),
    )
    sync_interval = models.PositiveIntegerField(
        verbose_name=_('sync interval'),
        default=300,
        validators=[
            MinValueValidator(
                MIN_SYNC_INTERVAL,
                message=_(
                    '%(limit_value)s seconds is the shortest interval: enter %(limit_value)s or more. '
                    'To stop periodic runs, switch “Scheduler enabled” off.'
                ),
            ),
            MaxValueValidator(
                MAX_SYNC_INTERVAL,
                message=_('A week (%(limit_value)s seconds) is the longest interval: enter a smaller number.'),
            ),
        ],
        help_text=_('Seconds between two periodic runs.'),
    )
    notification_group = models.ForeignKey(
        to='extras.NotificationGroup',
        on_delete=models.SET_NULL,
        related_name='+',
        verbose_name=_('notification group'),
        blank=True,
        null=True,
        help_text=_('Who is notified when this fabric fails, is stale or recovers, beside those who subscribed to it.'),
    )

    watch_enabled = models.BooleanField(
        verbose_name=_('watch enabled'),
        default=False,
        help_text=_(
            'Changes are taken as they happen, by a process of its own (hedgehog_sync watch). Periodic runs go on.'
        ),
    )

    connection_status = models.CharField(
        verbose_name=_('connection'),
        max_length=30,
        choices=ConnectionStatusChoices,
        default=ConnectionStatusChoices.UNKNOWN,
        editable=False,
        help_text=_('Whether its API server answered when it was last called.'),
    )
    sync_status = models.CharField(
        verbose_name=_('sync status'),
        max_length=30,
        choices=SyncStatusChoices,
        default=SyncStatusChoices.NEVER_SYNCED,
        editable=False,
        help_text=_('What the last run came to. Shown as stale or disabled where that is so.'),
    )
    last_attempt = models.DateTimeField(
        verbose_name=_('last attempt'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('When the last run began, whatever came of it.'),
    )
    last_sync = models.DateTimeField(
        verbose_name=_('last success'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('When the last run that read everything began.'),
    )
    sync_error = models.TextField(
        verbose_name=_('sync error'),
        blank=True,
        editable=False,
        help_text=_('Why the last run failed or was partial, and what to do.'),
    )
    last_report = models.JSONField(
        verbose_name=_('last report'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('What the last run read, kind by kind.'),
    )

    objects = FabricQuerySet.as_manager()

    clone_fields = (
        'status', 'kubernetes_server', 'kubernetes_ca_cert', 'kubernetes_namespace', 'verify_tls', 'in_cluster',
        'sync_enabled', 'scheduler_enabled', 'sync_interval', 'watch_enabled', 'inventory_site', 'inventory_location',
        'inventory_tenant', 'inventory_name_pattern', 'inventory_subjects', 'inventory_adoption', 'inventory_removal',
        'inventory_device_status', 'inventory_stale_status', 'notification_group',
    )

    class Meta:
        ordering = ('name',)
        verbose_name = _('fabric')
        verbose_name_plural = _('fabrics')
        permissions = [
            ('sync', 'Read fabrics and test their connection'),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sync_interval__gte=MIN_SYNC_INTERVAL),
                name='%(app_label)s_%(class)s_sync_interval_min',
                violation_error_message=_('The sync interval must be 30 seconds or more.'),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs):
        """Save what people set. Of a fabric that stands, RECORDED is left to whoever records it.

        A run may have recorded something since this instance was loaded. Who means these fields names them in
        `update_fields`. Raises AbortRequest, with a sentence, when the fabric has been deleted since it was loaded.
        """
        stands = self.pk is not None and not self._state.adding and kwargs.get('using') in (None, self._state.db)
        if not stands or kwargs.get('force_insert') or kwargs.get('update_fields') is not None:
            super().save(*args, **kwargs)
            return
        before = self._stored_settings()
        left = {*RECORDED, *self.get_deferred_fields()}
        kwargs['update_fields'] = [
            field.attname for field in self._meta.concrete_fields if not field.primary_key and field.attname not in left
        ]
        try:
            super().save(*args, **kwargs)
        except self.NotUpdated:
            raise AbortRequest(_(
                '%(fabric)s has been deleted since you opened it: nothing was saved. To have it again, add it anew.'
            ) % {'fabric': self}) from None
        self._outdate_errors(before)

    def _stored_settings(self) -> dict[str, Any]:
        """The settings that errors may be about, as the database has them."""
        names = {name for names in SETTINGS_OF_ERRORS.values() for name in names} - self.get_deferred_fields()
        return type(self)._base_manager.using(self._state.db).filter(pk=self.pk).values(*names).first() or {}

    def _outdate_errors(self, before: dict[str, Any]) -> None:
        """Let errors from before a change of these settings say so: nobody knows whether they still hold."""
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
        """Which credentials are stored, in words, without showing any."""
        if self.in_cluster:
            return _('Service account of the pod')
        if self.has_kubeconfig:
            return _('Kubeconfig (stored encrypted)')
        return _('Token (stored encrypted)') if self.has_token else _('None')

    def credentials(self) -> Credentials:
        """What it takes to call this fabric's cluster, secrets opened.

        Raises KubeconfigError or SealError, with a sentence for the operator.
        """
        if self.in_cluster:
            return Credentials(in_cluster=True, verify_tls=self.verify_tls)
        if self.kubeconfig:
            return parse_kubeconfig(decrypt(self.kubeconfig), verify_tls=self.verify_tls)
        if not self.kubernetes_server:
            raise KubeconfigError('This fabric has no connection: enter a Kubernetes server, or a kubeconfig.')
        return Credentials(
            server=check_server(self.kubernetes_server),
            token=decrypt(self.kubernetes_token),
            ca_pem=self.kubernetes_ca_cert,
            verify_tls=self.verify_tls,
        )

    # Export templates and custom links are templates that people write: none of them may call this.
    credentials.alters_data = True

    def serialize_object(self, exclude=None):
        data = super().serialize_object(exclude=exclude)
        for name in SECRET_FIELDS:
            if data.get(name):
                data[name] = CENSOR_TOKEN
        return data

    def snapshot(self):
        super().snapshot()
        self._secrets_before = {name: getattr(self, name) for name in SECRET_FIELDS}

    def to_objectchange(self, action):
        objectchange = super().to_objectchange(action)
        before = getattr(self, '_secrets_before', {})
        for name in SECRET_FIELDS:
            shown = objectchange.postchange_data and objectchange.postchange_data.get(name)
            if shown and getattr(self, name) != before.get(name, ''):
                objectchange.postchange_data[name] = CENSOR_TOKEN_CHANGED
        return objectchange

    # Validation

    def clean(self):
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
                'kubernetes_ca_cert': _('This is not a PEM certificate: it has no BEGIN CERTIFICATE line.'),
            })
        self._check_secrets_are_for_this_connection()
        if sum(map(bool, (self.kubernetes_server, self.kubeconfig, self.in_cluster))) > 1:
            raise ValidationError(_(
                'A fabric has one way to its cluster: a server with a token, or a kubeconfig, or in-cluster. '
                'Empty the others.'
            ))

    def _check_secrets_are_for_this_connection(self):
        """Who may change a fabric but does not know its secrets must not have them sent to a server of their own.

        That takes another address; or the same one, another's place in the network or in DNS, and a certificate that
        nobody checks, or that an authority of theirs has signed.
        """
        kept = [name for name in SECRET_FIELDS if getattr(self, name) and isinstance(getattr(self, name), EncryptedStr)]
        if not self.pk or not kept:
            return
        before = Fabric.objects.only(*CONNECTION_FIELDS, *SECRET_FIELDS).filter(pk=self.pk).first()
        if before is None:
            return  # save() says that it was deleted
        if any(getattr(before, name) != getattr(self, name) for name in kept):
            # What is compared below is another secret's. Two requests at once must not do what none of them may.
            raise ValidationError(_(
                'The stored credentials have been changed since you opened this fabric. Nothing was saved: open it '
                'again.'
            ))
        if 'kubernetes_token' in kept and (reason := self._why_token_is_asked_for_again(before)):
            raise ValidationError({'kubernetes_token': reason})
        if 'kubeconfig' in kept and before.verify_tls and not self.verify_tls:
            # Of no field: imports and bulk edits have none for it.
            raise ValidationError(_(
                'The stored kubeconfig was entered with TLS verification: enter the kubeconfig again to switch '
                'verification off.'
            ))

    def _why_token_is_asked_for_again(self, before):
        if before.kubernetes_server != self.kubernetes_server:
            return _('The stored token was entered for another server: enter it again for this one.')
        if before.verify_tls and not self.verify_tls:
            return _('The stored token was entered with TLS verification: enter it again to switch verification off.')
        if before.kubernetes_ca_cert.split() != self.kubernetes_ca_cert.split():
            return _('The stored token was entered with another CA certificate: enter it again for this one.')
        return None

    # Derived state

    @property
    def may_sync(self) -> bool:
        """Whether this fabric may be read at all."""
        return self.sync_enabled and self.status in FabricStatusChoices.READ

    @property
    def is_scheduled(self) -> bool:
        """Whether periodic runs are wanted: what should be scheduled follows from this, and from nothing else."""
        return self.may_sync and self.scheduler_enabled

    @property
    def is_watched(self) -> bool:
        """Whether changes are to be taken as they happen."""
        return self.may_sync and self.watch_enabled

    @property
    def is_failing(self) -> bool:
        """Whether the last run that ended failed or was partial; the next one, waiting or at work, changes nothing."""
        if self.sync_status in SyncStatusChoices.UNDER_WAY:
            # What went wrong stands until a run ends and says something else.
            return bool(self.sync_error)
        return self.sync_status in SyncStatusChoices.TROUBLED

    @property
    def sync_error_is_older(self) -> bool:
        """Whether the error is from before the connection was changed."""
        return self.sync_error.startswith(OLDER_ERROR)

    @property
    def inventory_error_is_older(self) -> bool:
        """Whether the inventory's error is from before its settings were changed."""
        return self.inventory_error.startswith(OLDER_ERROR)

    @property
    def grace(self) -> int:
        """Seconds after the last sign of life at which a scheduled fabric counts as stale."""
        return 2 * self.sync_interval + GRACE

    @property
    def overdue_since(self) -> datetime | None:
        """When this fabric became stale, or None while its runs come as they should.

        A fabric that fails is not stale for it: somebody tries. Any other is, once its last success is too old, also
        while the run is at work that may put an end to it.
        """
        if not self.is_scheduled:
            return None
        sign = self.last_attempt if self.is_failing else self.last_sync
        due = (sign or self.created or timezone.now()) + timedelta(seconds=self.grace)
        return due if due < timezone.now() else None

    @property
    def sync_state(self) -> str:
        """The state people are shown, one of SyncStateChoices."""
        if not self.may_sync:
            return SyncStateChoices.DISABLED
        if self.overdue_since:
            return SyncStateChoices.STALE
        return self.sync_status

    @property
    def sync_interval_words(self) -> str:
        """The interval as people say it, such as 1 hour 30 minutes."""
        return duration_words(self.sync_interval)

    def get_sync_state_display(self):
        return dict(SyncStateChoices)[self.sync_state]

    def get_sync_state_color(self):
        return SyncStateChoices.colors.get(self.sync_state)

    def get_status_color(self):
        return FabricStatusChoices.colors.get(self.status)

    def get_connection_status_color(self):
        return ConnectionStatusChoices.colors.get(self.connection_status)

    def get_sync_status_color(self):
        return SyncStatusChoices.colors.get(self.sync_status)


def _differs(name: str, before: Any, now: Any) -> bool:
    """Return whether a setting has another value. A seal of the same secret is another text each time."""
    if before == now or name not in SECRET_FIELDS:
        return bool(before != now)
    try:
        return decrypt(before) != decrypt(now)
    except SealError:
        return True
