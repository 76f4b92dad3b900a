from datetime import datetime

from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin
from utilities.querysets import RestrictedQuerySet

from ..accounts import AnyUser
from ..hedgehog.kinds import KIND_BY_NAME, KINDS, Kind, pick

__all__ = ('MANIFEST', 'FabricResource', 'KindSync', 'counted_resources')

# The large columns: kilobytes a row, up to 40 for an Agent. Lists do not load them.
MANIFEST = ('spec', 'status', 'labels', 'annotations', 'previous')

KIND_CHOICES = [(kind.name, kind.title) for kind in KINDS]


class KindSync(models.Model):
    """When all of a fabric's resources of one kind were last listed: each that is not missing was seen then.

    One row a kind, so that a sync without changes writes as many rows as there are kinds, not resources. And one of
    SwitchHealth: the start of the sync that last recorded it.
    """

    fabric = models.ForeignKey(
        to='netbox_hedgehog.Fabric',
        on_delete=models.DO_NOTHING,  # as for FabricResource
        related_name='+',
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
    )
    last_read = models.DateTimeField(
        verbose_name=_('last fetched'),
    )

    _netbox_private = True

    class Meta:
        verbose_name = _('sync time of a kind')
        verbose_name_plural = _('sync times of kinds')
        constraints = [
            models.UniqueConstraint(fields=('fabric', 'kind'), name='%(app_label)s_%(class)s_unique_kind'),
        ]


class FabricResourceManager(models.Manager.from_queryset(RestrictedQuerySet)):  # type: ignore[misc]  # built by Django
    """Resources with `last_seen`: when a list last showed the resource."""

    def get_queryset(self) -> QuerySet:
        kind_sync = KindSync.objects.filter(fabric=models.OuterRef('fabric'), kind=models.OuterRef('kind'))
        return super().get_queryset().annotate(last_seen=Coalesce(
            'seen_until', Greatest('last_read', models.Subquery(kind_sync.values('last_read'))),
        ))


class FabricResource(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """One custom resource of a fabric, as last fetched: one model for every kind.

    A sync or a watch writes these rows, in bulk and without a change log: `changed` is when a change was last detected.
    """

    fabric = models.ForeignKey(
        verbose_name=_('fabric'),
        to='netbox_hedgehog.Fabric',
        # signals.py deletes a fabric's mirror with one statement; CASCADE would load and log every row.
        on_delete=models.DO_NOTHING,
        related_name='resources',
        help_text=_('The fabric it belongs to.'),
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
        choices=KIND_CHOICES,
        help_text=_('Kind of custom resource, such as Switch or VPC.'),
    )
    namespace = models.CharField(
        verbose_name=_('namespace'),
        max_length=63,
        help_text=_('Namespace in the cluster.'),
    )
    name = models.CharField(
        verbose_name=_('name'),
        max_length=253,
        help_text=_('Name in the cluster, unique within kind and namespace.'),
    )
    uid = models.CharField(
        verbose_name=_('UID'),
        max_length=64,
        help_text=_('UID in the cluster. A recreated resource has a new one.'),
    )
    generation = models.BigIntegerField(
        verbose_name=_('generation'),
        default=0,
        help_text=_('Generation of the spec.'),
    )
    resource_version = models.CharField(
        verbose_name=_('resource version'),
        max_length=64,
        help_text=_('Kubernetes resource version when last fetched.'),
    )
    labels = models.JSONField(
        verbose_name=_('labels'),
        default=dict,
        help_text=_('Kubernetes labels.'),
    )
    annotations = models.JSONField(
        verbose_name=_('annotations'),
        default=dict,
        help_text=_('Kubernetes annotations, without those that repeat the spec.'),
    )
    spec = models.JSONField(
        verbose_name=_('spec'),
        default=dict,
        help_text=_('Declared state. Of Agents, whose spec contains secrets, only what addresses and MTUs come from.'),
    )
    status = models.JSONField(
        verbose_name=_('status'),
        default=dict,
        help_text=_('Reported state (selected fields).'),
    )
    fingerprint = models.CharField(
        verbose_name=_('fingerprint'),
        max_length=48,
        editable=False,
        help_text=_('Digest that detects changes.'),
    )
    created = models.DateTimeField(
        verbose_name=_('created'),
        null=True,
        help_text=_('When the resource was created in the cluster.'),
    )
    first_seen = models.DateTimeField(
        verbose_name=_('first seen'),
        help_text=_('When a sync first detected it.'),
    )
    last_read = models.DateTimeField(
        verbose_name=_('last fetched'),
        help_text=_('When the data shown was last fetched.'),
    )
    seen_until = models.DateTimeField(
        verbose_name=_('seen until'),
        null=True,
        blank=True,
        editable=False,
        help_text=_('When a deleted resource was last seen.'),
    )
    changed = models.DateTimeField(
        verbose_name=_('changed'),
        help_text=_('When a sync last detected a change.'),
    )
    missing_since = models.DateTimeField(
        verbose_name=_('deleted since'),
        null=True,
        blank=True,
        help_text=_('When a full sync first found it deleted.'),
    )
    previous = models.JSONField(
        verbose_name=_('previous version'),
        null=True,
        blank=True,
        editable=False,
        help_text=_('Data before the last change: uid, generation, labels, annotations, spec and the stable part of '
                    'the status; since when it was valid (changed), when it was last fetched (last_read) and when it '
                    'was replaced.'),
    )

    objects = FabricResourceManager()

    # Annotated by the manager.
    last_seen: datetime | None = None

    class Meta:
        ordering = ('fabric', 'kind', 'namespace', 'name')
        verbose_name = _('fabric resource')
        verbose_name_plural = _('fabric resources')
        constraints = [
            models.UniqueConstraint(
                fields=('fabric', 'kind', 'namespace', 'name'),
                name='%(app_label)s_%(class)s_unique_name',
            ),
        ]
        indexes = [
            models.Index(fields=('kind', 'name')),
            models.Index(fields=('name',)),
            models.Index(fields=('-changed',)),
            models.Index(fields=('fabric', '-changed')),
            models.Index(fields=('fabric', 'missing_since'), condition=models.Q(missing_since__isnull=False),
                         name='netbox_hedgehog_missing'),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:fabricresource', args=[self.pk])

    @property
    def kind_row(self) -> Kind | None:
        """This resource's row in hedgehog/kinds.py; None if a later release has removed its kind."""
        return KIND_BY_NAME.get(self.kind)

    @property
    def api_version(self) -> str:
        return self.kind_row.api_version if self.kind_row else ''

    @property
    def manifest(self) -> dict:
        """The dictionary to which the paths in hedgehog/kinds.py refer."""
        return {
            'name': self.name,
            'namespace': self.namespace,
            'generation': self.generation,
            'labels': self.labels,
            'annotations': self.annotations,
            'spec': self.spec,
            'status': self.status,
        }

    @property
    def own_columns(self) -> list[tuple[str, object]]:
        """The titles and values of this kind's own columns."""
        if self.kind_row is None:
            return []
        manifest = self.manifest
        return [(column.title, pick(manifest, column.path)) for column in self.kind_row.columns]


def counted_resources(user: AnyUser) -> models.Expression:
    """Return an annotation of fabrics: the number of resources that a user may view."""
    resources = FabricResource.objects.restrict(user, 'view').filter(fabric=models.OuterRef('pk'))
    return Coalesce(
        models.Subquery(resources.order_by().values('fabric').annotate(count=models.Count('*')).values('count')), 0,
    )
