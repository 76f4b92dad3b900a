from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin

from ..choices import InventoryOriginChoices, InventorySubjectChoices

__all__ = ('InventoryLink',)


class InventoryLink(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """Which NetBox object came from which resource of which fabric, and what was last written to it.

    What is not in here the plugin does not own. Rows are written by a run of the inventory and by nobody else.
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
        help_text=_('The name of the wanted object within its fabric.'),
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
        help_text=_('The kind of the resource that it comes from.'),
    )
    name = models.CharField(
        verbose_name=_('resource'),
        max_length=253,
        help_text=_('The name of the resource that it comes from.'),
    )
    subject = models.CharField(
        verbose_name=_('subject'),
        max_length=20,
        choices=InventorySubjectChoices,
        help_text=_('Which part of the inventory it belongs to.'),
    )
    object_type = models.ForeignKey(
        verbose_name=_('object type'),
        to='contenttypes.ContentType',
        on_delete=models.CASCADE,
        related_name='+',
        help_text=_('The type of NetBox’s object.'),
    )
    object_id = models.PositiveBigIntegerField(
        verbose_name=_('object ID'),
        help_text=_('The number of NetBox’s object.'),
    )
    object = GenericForeignKey('object_type', 'object_id')
    origin = models.CharField(
        verbose_name=_('origin'),
        max_length=20,
        choices=InventoryOriginChoices,
        help_text=_('Whether the plugin made the object, or took over one that was there.'),
    )
    shared = models.BooleanField(
        verbose_name=_('shared'),
        default=False,
        help_text=_('An object that others use too, such as a device type: never changed, marked or deleted.'),
    )
    written = models.JSONField(
        verbose_name=_('last written'),
        default=dict,
        help_text=_('The owned fields and the values that were last written; related objects by their IDs.'),
    )
    kept = models.JSONField(
        verbose_name=_('kept'),
        default=list,
        help_text=_('Fields in which somebody decided for NetBox’s value: not owned any more.'),
    )
    stale_since = models.DateTimeField(
        verbose_name=_('stale since'),
        null=True,
        blank=True,
        help_text=_('Since when its resource has been gone from the fabric.'),
    )
    stale_runs = models.PositiveIntegerField(
        verbose_name=_('stale runs'),
        default=0,
        help_text=_('In how many runs of the inventory the object has not been wanted any more.'),
    )
    before_stale = models.JSONField(
        verbose_name=_('before it was stale'),
        default=dict,
        help_text=_('What marking the object as stale has replaced.'),
    )
    created = models.DateTimeField(
        verbose_name=_('created'), auto_now_add=True,
        help_text=_('When the link was made.'),
    )
    last_updated = models.DateTimeField(
        verbose_name=_('last updated'), auto_now=True,
        help_text=_('When the link was last written.'),
    )

    class Meta:
        ordering = ('fabric', 'key')
        verbose_name = _('inventory link')
        verbose_name_plural = _('inventory links')
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
