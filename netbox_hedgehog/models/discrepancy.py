from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices, InventorySubjectChoices

__all__ = ('Discrepancy',)


class Discrepancy(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """Something in which fabric and NetBox do not agree, and that no run may settle by itself.

    A run writes and removes these rows; a person decides by `state`.
    """

    fabric = models.ForeignKey(
        to='netbox_hedgehog.Fabric',
        # signals.py deletes them with one statement; CASCADE would load every row.
        on_delete=models.DO_NOTHING,
        related_name='discrepancies',
    )
    type = models.CharField(
        verbose_name=_('type'),
        max_length=20,
        choices=DiscrepancyTypeChoices,
    )
    subject = models.CharField(
        verbose_name=_('subject'),
        max_length=20,
        choices=InventorySubjectChoices,
    )
    key = models.CharField(
        verbose_name=_('key'),
        max_length=300,
        blank=True,
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
    )
    name = models.CharField(
        verbose_name=_('resource'),
        max_length=253,
    )
    link = models.ForeignKey(
        to='netbox_hedgehog.InventoryLink',
        on_delete=models.CASCADE,
        related_name='discrepancies',
        null=True,
        blank=True,
    )
    object_type = models.ForeignKey(
        to='contenttypes.ContentType',
        on_delete=models.CASCADE,
        related_name='+',
        null=True,
        blank=True,
    )
    object_id = models.PositiveBigIntegerField(
        null=True,
        blank=True,
    )
    object = GenericForeignKey('object_type', 'object_id')
    field = models.CharField(
        verbose_name=_('field'),
        max_length=63,
        blank=True,
    )
    fabric_value = models.JSONField(
        verbose_name=_('fabric’s value'),
        null=True,
        blank=True,
    )
    netbox_value = models.JSONField(
        verbose_name=_('NetBox’s value'),
        null=True,
        blank=True,
    )
    sentence = models.TextField(
        verbose_name=_('what'),
    )
    state = models.CharField(
        verbose_name=_('state'),
        max_length=20,
        choices=DiscrepancyStateChoices,
        default=DiscrepancyStateChoices.OPEN,
    )
    since = models.DateTimeField(
        verbose_name=_('since'),
    )
    last_seen = models.DateTimeField(
        verbose_name=_('last seen'),
    )

    class Meta:
        ordering = ('fabric', 'subject', 'kind', 'name', 'field', 'pk')
        verbose_name = _('discrepancy')
        verbose_name_plural = _('discrepancies')
        permissions = [
            ('resolve', 'Decide discrepancies for the fabric, for NetBox, or ignore them'),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=('fabric', 'type', 'key', 'kind', 'name', 'field', 'sentence'),
                name='%(app_label)s_%(class)s_unique',
            ),
        ]
        indexes = [
            models.Index(fields=('object_type', 'object_id')),
            models.Index(fields=('fabric', 'state')),
        ]

    def __str__(self) -> str:
        return self.sentence[:100]

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:discrepancy', args=[self.pk])

    @property
    def model_label(self) -> str:
        """The model of NetBox's object, such as dcim.device, or ''."""
        if self.object_type_id is None:
            return ''
        content_type = ContentType.objects.get_for_id(self.object_type_id)
        return f'{content_type.app_label}.{content_type.model}'

    def get_type_color(self) -> str:
        return DiscrepancyTypeChoices.colors.get(self.type)

    def get_state_color(self) -> str:
        return DiscrepancyStateChoices.colors.get(self.state)
