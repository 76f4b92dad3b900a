from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin

from ..choices import InventoryOriginChoices, InventorySubjectChoices

__all__ = ('InventoryLink',)


class InventoryLink(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """A managed object: the NetBox object, the resource and fabric it comes from, and what was last written to it.

    What has no row here is not managed by the plugin. Rows are written by a reconcile and by nobody else.
    """

    fabric = models.ForeignKey(
        verbose_name=_('fabric'),
        to='netbox_hedgehog.Fabric',
        # signals.py deletes them with one statement; CASCADE would load every row.
        on_delete=models.DO_NOTHING,
        related_name='inventory_links',
        help_text=_('The fabric that the object comes from.'),
    )
    key = models.CharField(
        verbose_name=_('key'),
        max_length=300,
        help_text=_('Internal key of the object within the fabric.'),
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
        help_text=_('Kind of the source resource.'),
    )
    name = models.CharField(
        verbose_name=_('resource'),
        max_length=253,
        help_text=_('Name of the source resource.'),
    )
    subject = models.CharField(
        verbose_name=_('scope'),
        max_length=20,
        choices=InventorySubjectChoices,
        help_text=_('Part of the inventory it belongs to.'),
    )
    object_type = models.ForeignKey(
        verbose_name=_('object type'),
        to='contenttypes.ContentType',
        on_delete=models.CASCADE,
        related_name='+',
        help_text=_('Type of the NetBox object.'),
    )
    object_id = models.PositiveBigIntegerField(
        verbose_name=_('object ID'),
        help_text=_('ID of the NetBox object.'),
    )
    object = GenericForeignKey('object_type', 'object_id')
    origin = models.CharField(
        verbose_name=_('origin'),
        max_length=20,
        choices=InventoryOriginChoices,
        help_text=_('Whether the plugin created, adopted or found the object.'),
    )
    shared = models.BooleanField(
        verbose_name=_('shared'),
        default=False,
        help_text=_('Also used by others, such as a device type: created if missing, never modified.'),
    )
    written = models.JSONField(
        verbose_name=_('last written'),
        default=dict,
        help_text=_('Managed fields and their last written values; related objects by ID.'),
    )
    kept = models.JSONField(
        verbose_name=_('kept'),
        default=list,
        help_text=_('Fields for which the NetBox value is kept.'),
    )
    stale_since = models.DateTimeField(
        verbose_name=_('stale since'),
        null=True,
        blank=True,
        help_text=_('When its resource was found removed from the fabric.'),
    )
    stale_runs = models.PositiveIntegerField(
        verbose_name=_('stale syncs'),
        default=0,
        help_text=_('Number of inventory syncs since its resource was removed.'),
    )
    before_stale = models.JSONField(
        verbose_name=_('values before stale'),
        default=dict,
        help_text=_('Values replaced when the object was marked stale.'),
    )
    created = models.DateTimeField(
        verbose_name=_('created'), auto_now_add=True,
        help_text=_('When this record was created.'),
    )
    last_updated = models.DateTimeField(
        verbose_name=_('last updated'), auto_now=True,
        help_text=_('When this record was last updated.'),
    )

    class Meta:
        ordering = ('fabric', 'key')
        verbose_name = _('managed object')
        verbose_name_plural = _('managed objects')
        constraints = [
            models.UniqueConstraint(fields=('fabric', 'key'), name='%(app_label)s_%(class)s_unique_key'),
            # Two fabrics never take each other's objects.
            models.UniqueConstraint(
                fields=('object_type', 'object_id'), condition=models.Q(shared=False),
                name='%(app_label)s_%(class)s_unique_object',
            ),
        ]
        indexes = [
            models.Index(fields=('object_id', 'object_type')),
            models.Index(fields=('fabric', 'kind', 'name')),
        ]

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:inventorylink', args=[self.pk])

    def get_origin_color(self) -> str:
        return InventoryOriginChoices.colors.get(self.origin)
