from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices, InventoryScopeChoices
from ..issues import render

__all__ = ('Discrepancy',)


class Discrepancy(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """A difference between fabric and NetBox that needs a decision.

    A reconcile writes and removes these rows; a person decides, which sets `state`.
    """

    fabric = models.ForeignKey(
        verbose_name=_('fabric'),
        to='netbox_hedgehog.Fabric',
        # signals.py deletes them with one statement; CASCADE would load every row.
        on_delete=models.DO_NOTHING,
        related_name='discrepancies',
        help_text=_('The fabric that differs from NetBox.'),
    )
    type = models.CharField(
        verbose_name=_('type'),
        max_length=20,
        choices=DiscrepancyTypeChoices,
        help_text=_('Type of difference.'),
    )
    scope = models.CharField(
        verbose_name=_('scope'),
        max_length=20,
        choices=InventoryScopeChoices,
        help_text=_('Part of the inventory concerned.'),
    )
    key = models.CharField(
        verbose_name=_('key'),
        max_length=300,
        blank=True,
        help_text=_('Internal key of the object within the fabric; blank if none.'),
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
        help_text=_('Kind of the resource concerned.'),
    )
    name = models.CharField(
        verbose_name=_('resource'),
        max_length=253,
        help_text=_('Name of the resource concerned.'),
    )
    link = models.ForeignKey(
        verbose_name=_('managed object'),
        to='netbox_hedgehog.InventoryLink',
        on_delete=models.CASCADE,
        related_name='discrepancies',
        null=True,
        blank=True,
        help_text=_('The managed object, if any.'),
    )
    object_type = models.ForeignKey(
        verbose_name=_('object type'),
        to='contenttypes.ContentType',
        on_delete=models.CASCADE,
        related_name='+',
        null=True,
        blank=True,
        help_text=_('Type of the NetBox object.'),
    )
    object_id = models.PositiveBigIntegerField(
        verbose_name=_('object ID'),
        null=True,
        blank=True,
        help_text=_('ID of the NetBox object.'),
    )
    object = GenericForeignKey('object_type', 'object_id')
    field = models.CharField(
        verbose_name=_('field'),
        max_length=63,
        blank=True,
        help_text=_('Field that differs; blank for the whole object.'),
    )
    fabric_value = models.JSONField(
        verbose_name=_('fabric value'),
        null=True,
        blank=True,
        help_text=_('Value in the fabric; related objects by ID.'),
    )
    netbox_value = models.JSONField(
        verbose_name=_('NetBox value'),
        null=True,
        blank=True,
        help_text=_('Value in NetBox; related objects by ID.'),
    )
    refused = models.JSONField(
        verbose_name=_('refused changes'),
        default=list,
        blank=True,
        editable=False,
        help_text=_('Digests of the changes that NetBox rejected for this reason.'),
    )
    code = models.CharField(
        verbose_name=_('code'),
        max_length=50,
        blank=True,
        help_text=_('The code of the issue, independent of language and wording.'),
    )
    parameters = models.JSONField(
        verbose_name=_('parameters'),
        default=dict,
        blank=True,
        help_text=_('The values in the sentence, by name.'),
    )
    digest = models.CharField(
        verbose_name=_('digest'),
        max_length=32,
        blank=True,
        editable=False,
        help_text=_('Tells issues without a key from each other.'),
    )
    sentence = models.TextField(
        verbose_name=_('issue'),
        help_text=_('What is wrong and what to do.'),
    )
    state = models.CharField(
        verbose_name=_('state'),
        max_length=20,
        choices=DiscrepancyStateChoices,
        default=DiscrepancyStateChoices.OPEN,
        help_text=_('Open, NetBox value kept, or ignored.'),
    )
    since = models.DateTimeField(
        verbose_name=_('since'),
        help_text=_('When a sync first detected it.'),
    )
    last_seen = models.DateTimeField(
        verbose_name=_('last seen'),
        help_text=_('When a sync last detected it.'),
    )

    class Meta:
        ordering = ('fabric', 'scope', 'kind', 'name', 'field', 'pk')
        verbose_name = _('discrepancy')
        verbose_name_plural = _('discrepancies')
        permissions = [
            ('resolve', 'Resolve discrepancies: use the fabric value, keep the NetBox value, or ignore'),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=('fabric', 'type', 'key', 'kind', 'name', 'field', 'digest'),
                name='%(app_label)s_%(class)s_unique',
            ),
        ]
        indexes = [
            models.Index(fields=('object_type', 'object_id')),
            models.Index(fields=('fabric', 'state')),
        ]

    def __str__(self) -> str:
        return self.message[:100]

    @property
    def message(self) -> str:
        """The sentence in the active language. `sentence` is stored in NetBox's own, for search and exports."""
        return render(self.code, self.parameters) or self.sentence

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:discrepancy', args=[self.pk])

    @property
    def model_label(self) -> str:
        """The label of the NetBox object's model, such as dcim.device, or ''."""
        if self.object_type_id is None:
            return ''
        content_type = ContentType.objects.get_for_id(self.object_type_id)
        return f'{content_type.app_label}.{content_type.model}'

    def get_type_color(self) -> str:
        return DiscrepancyTypeChoices.colors.get(self.type)

    def get_state_color(self) -> str:
        return DiscrepancyStateChoices.colors.get(self.state)
