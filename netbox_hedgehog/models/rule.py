"""The rules of a fabric's inventory: what the objects of certain resources get instead of the fabric's settings."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import PrimaryModel

from ..choices import InventoryRuleKindChoices
from ..hedgehog.rules import (
    APPLIES_TO,
    Conditions,
    PatternError,
    parse_names,
    parse_selector,
    read_conditions,
)
from ..naming import is_vrf_pattern

__all__ = ('InventoryRule',)

# What a rule gives, by field; object_tags are checked where they are known: in forms and in the API.
VALUES = ('site', 'location', 'tenant', 'role', 'vrf_name')


class InventoryRule(PrimaryModel):
    """Which resources of a fabric get another site, tenant, role, VRF name or tags, or are excluded.

    Rules are read in the order of their weight. A value comes from the first matching rule that sets it, or else from
    the fabric's settings. What a rule gives is set when an object is created.
    """

    fabric = models.ForeignKey(
        to='netbox_hedgehog.Fabric',
        on_delete=models.CASCADE,
        related_name='inventory_rules',
        verbose_name=_('fabric'),
        help_text=_('The fabric whose inventory the rule is for.'),
    )
    name = models.CharField(
        verbose_name=_('name'),
        max_length=100,
        help_text=_('Unique within the fabric.'),
    )
    weight = models.PositiveSmallIntegerField(
        verbose_name=_('weight'),
        default=100,
        help_text=_('The lowest weight is read first. The first match that sets a value decides.'),
    )
    enabled = models.BooleanField(
        verbose_name=_('enabled'),
        default=True,
        help_text=_('Uncheck to skip this rule.'),
    )
    kinds = ArrayField(
        base_field=models.CharField(max_length=63, choices=InventoryRuleKindChoices),
        verbose_name=_('kinds'),
        default=list,
        blank=True,
        help_text=_('Kinds of resources. Leave blank for all kinds.'),
    )
    names = models.CharField(
        verbose_name=_('names'),
        max_length=500,
        blank=True,
        help_text=_(
            'Names of resources, with * and ?, separated by commas; with ! in front a pattern excludes. '
            'Example: leaf-*, !leaf-9*'
        ),
    )
    label_selector = models.CharField(
        verbose_name=_('label selector'),
        max_length=500,
        blank=True,
        help_text=_('Labels of resources, as in Kubernetes. Example: row=a, env in (prod, stage), !legacy'),
    )
    site = models.ForeignKey(
        to='dcim.Site',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('site'),
        blank=True,
        null=True,
        help_text=_('Site of new devices and VLAN groups.'),
    )
    location = models.ForeignKey(
        to='dcim.Location',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('location'),
        blank=True,
        null=True,
        help_text=_('Location of new devices, within the site.'),
    )
    tenant = models.ForeignKey(
        to='tenancy.Tenant',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('tenant'),
        blank=True,
        null=True,
        help_text=_('Tenant of new objects.'),
    )
    role = models.ForeignKey(
        to='dcim.DeviceRole',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('device role'),
        blank=True,
        null=True,
        help_text=_('Role of new devices.'),
    )
    vrf_name = models.CharField(
        verbose_name=_('VRF name'),
        max_length=100,
        blank=True,
        help_text=_('Name of the VRFs of new VPCs: {vpc} and {fabric} stand for their names. Example: {fabric}-{vpc}'),
    )
    object_tags = models.ManyToManyField(
        to='extras.Tag',
        related_name='+',
        verbose_name=_('tags of objects'),
        blank=True,
        help_text=_('Tags of new objects. Tags of all matching rules add up.'),
    )
    exclude = models.BooleanField(
        verbose_name=_('exclude'),
        default=False,
        help_text=_('Exclude these resources: no objects are created for them. Existing objects are kept as they are.'),
    )

    clone_fields = (
        'fabric', 'weight', 'enabled', 'kinds', 'names', 'label_selector', 'site', 'location', 'tenant', 'role',
        'vrf_name', 'object_tags', 'exclude',
    )

    class Meta:
        ordering = ('fabric', 'weight', 'name')
        verbose_name = _('inventory rule')
        verbose_name_plural = _('inventory rules')
        constraints = [
            models.UniqueConstraint(
                fields=('fabric', 'name'), name='%(app_label)s_%(class)s_unique_name',
                violation_error_message=_('The fabric has a rule of this name already.'),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:inventoryrule', args=[self.pk])

    @property
    def conditions(self) -> Conditions:
        """Which resources the rule is for. Raises PatternError."""
        return read_conditions(self.kinds, self.names, self.label_selector)

    def clean(self) -> None:
        super().clean()
        errors: dict[str, Any] = {}
        for name, parse in (('names', parse_names), ('label_selector', parse_selector)):
            try:
                parse(getattr(self, name))
            except PatternError as error:
                errors[name] = str(error)
        if self.location is not None and self.location.site_id != self.site_id:
            errors['location'] = _('This location is not within the selected site.')
        if self.vrf_name and not is_vrf_pattern(self.vrf_name):
            errors['vrf_name'] = _('May contain {vpc} and {fabric}, and no other braces. Example: {fabric}-{vpc}')
        given = [name for name in VALUES if getattr(self, name)]
        for name in given:
            if name not in errors and (sentence := self.why_not(name)):
                errors[name] = sentence
        if self.exclude and given:
            errors['exclude'] = _('A rule that excludes resources cannot set anything. Clear one or the other.')
        if errors:
            raise ValidationError(errors)

    def why_not(self, name: str) -> Any:
        """Return why a value does not apply to the rule's kinds; '' if it applies to one of them."""
        applies_to = APPLIES_TO[name]
        if not self.kinds or set(self.kinds).intersection(applies_to):
            return ''
        titles = dict(InventoryRuleKindChoices)
        return _('Does not apply to these kinds, only to: %(kinds)s.') % {
            'kinds': ', '.join(str(titles[kind]) for kind in applies_to),
        }

    def check_tags(self, tags: Any) -> None:
        """Check the tags that objects get. Raises ValidationError, also where the rule would do nothing at all."""
        if not tags and not self.exclude and not any(getattr(self, name) for name in VALUES):
            raise ValidationError(_('The rule does nothing. Set at least one value, or exclude the resources.'))
        if tags and self.exclude:
            raise ValidationError({
                'object_tags': _('A rule that excludes resources cannot set anything. Clear one or the other.'),
            })
        if tags and (sentence := self.why_not('object_tags')):
            raise ValidationError({'object_tags': sentence})
