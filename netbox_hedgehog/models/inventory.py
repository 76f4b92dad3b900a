"""What a fabric's settings say of its inventory; a part of Fabric, in a file of its own."""

from dcim.choices import DeviceStatusChoices
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..choices import InventoryAdoptionChoices, InventoryRemovalChoices, InventorySubjectChoices
from ..naming import is_name_pattern
from ..roles import AMBIGUOUS, UNKNOWN, roles_by_slug

__all__ = ('InventorySettings', 'all_subjects')


def all_subjects() -> list[str]:
    return [value for value, *_rest in InventorySubjectChoices.CHOICES]


class InventorySettings(models.Model):
    """Whether and how a fabric is carried into DCIM and IPAM, and what a run has held back."""

    inventory_enabled = models.BooleanField(
        verbose_name=_('inventory'),
        default=False,
        help_text=_('Carry this fabric into NetBox’s devices, cables, VRFs, prefixes and VLANs.'),
    )
    inventory_site = models.ForeignKey(
        to='dcim.Site',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('site'),
        blank=True,
        null=True,
        help_text=_('Where the fabric’s devices are made. Required for an inventory.'),
    )
    inventory_location = models.ForeignKey(
        to='dcim.Location',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('location'),
        blank=True,
        null=True,
        help_text=_('Given to new devices, within the site; never changed on those that stand.'),
    )
    inventory_tenant = models.ForeignKey(
        to='tenancy.Tenant',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('tenant'),
        blank=True,
        null=True,
        help_text=_('Given to new objects; never changed on those that stand.'),
    )
    inventory_roles = models.JSONField(
        verbose_name=_('role mapping'),
        default=dict,
        blank=True,
        help_text=_(
            'Device roles by slug, as JSON: {"spine": "spine-switch", "server-leaf": "leaf", "server": "host"}. '
            'Roles that are not named here are made.'
        ),
    )
    inventory_name_pattern = models.CharField(
        verbose_name=_('name pattern'),
        max_length=64,
        default='{name}',
        help_text=_('How devices are named: {name} is the resource’s name, {fabric} the fabric’s.'),
    )
    inventory_device_status = models.CharField(
        verbose_name=_('status of new devices'),
        max_length=50,
        choices=DeviceStatusChoices,
        default='active',
        help_text=_('Status of the devices that the inventory creates.'),
    )
    inventory_stale_status = models.CharField(
        verbose_name=_('status of stale devices'),
        max_length=50,
        choices=DeviceStatusChoices,
        default='decommissioning',
        help_text=_('Status of devices that are removed from the fabric.'),
    )
    inventory_subjects = ArrayField(
        base_field=models.CharField(max_length=20, choices=InventorySubjectChoices),
        verbose_name=_('subjects'),
        default=all_subjects,
        blank=True,
        help_text=_('What is carried.'),
    )
    inventory_adoption = models.CharField(
        verbose_name=_('adoption'),
        max_length=20,
        choices=InventoryAdoptionChoices,
        default=InventoryAdoptionChoices.OFF,
        help_text=_('Whether existing devices are taken over. The dry run shows which.'),
    )
    inventory_removal = models.CharField(
        verbose_name=_('removal'),
        max_length=20,
        choices=InventoryRemovalChoices,
        default=InventoryRemovalChoices.MARK,
        help_text=_('What happens to objects whose resource has gone from the fabric.'),
    )
    # What a run would have removed and did not: Plan.held, the digest that confirms it, since when.
    inventory_held = models.JSONField(
        verbose_name=_('held back'), blank=True, null=True, editable=False,
        help_text=_('What a run would have removed and did not, and the digest that confirms it.'),
    )
    last_inventory = models.DateTimeField(
        verbose_name=_('last inventory'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('When NetBox’s objects were last brought in line with the mirror.'),
    )
    inventory_error = models.TextField(
        verbose_name=_('inventory error'),
        blank=True,
        editable=False,
        help_text=_('Why the inventory could not be brought in line.'),
    )

    class Meta:
        abstract = True

    def clean_fields(self, exclude=None):
        # NetBox's FIELD_CHOICES may offer neither default: that is the business of fabrics with an inventory.
        unused = () if self.inventory_enabled else ('inventory_device_status', 'inventory_stale_status')
        super().clean_fields(exclude={*(exclude or ()), *unused})

    def clean(self):
        super().clean()
        if self.inventory_enabled and not self.inventory_site:
            raise ValidationError({'inventory_site': _('An inventory needs a site: choose where its devices stand.')})
        if self.inventory_enabled and not self.inventory_subjects:
            raise ValidationError({
                'inventory_subjects': _('Nothing would be carried: choose at least one subject, or switch it off.'),
            })
        if self.inventory_location and self.inventory_location.site_id != self.inventory_site_id:
            raise ValidationError({
                'inventory_location': _('This location is not at the site of the inventory: choose one that is.'),
            })
        if not is_name_pattern(self.inventory_name_pattern):
            raise ValidationError({
                'inventory_name_pattern': _(
                    'A pattern has {name} in it, may have {fabric}, and no other braces: for example {fabric}-{name}.'
                ),
            })
        self._clean_roles()

    def _clean_roles(self):
        roles = self.inventory_roles
        if not isinstance(roles, dict) or not all(isinstance(slug, str) for slug in roles.values()):
            raise ValidationError({
                'inventory_roles': _('Enter an object of role slugs, such as {"spine": "spine-switch"}, or {}.'),
            })
        found = roles_by_slug(roles.values())
        for words, wrong in (
            (UNKNOWN, set(roles.values()) - found.keys()),
            (AMBIGUOUS, {slug for slug, pks in found.items() if len(pks) > 1}),
        ):
            if wrong:
                raise ValidationError({'inventory_roles': words % {'slugs': ', '.join(sorted(wrong))}})

    def get_inventory_adoption_color(self):
        return InventoryAdoptionChoices.colors.get(self.inventory_adoption)

    def get_inventory_device_status_color(self):
        return DeviceStatusChoices.colors.get(self.inventory_device_status)

    def get_inventory_stale_status_color(self):
        return DeviceStatusChoices.colors.get(self.inventory_stale_status)

    def get_inventory_removal_color(self):
        return InventoryRemovalChoices.colors.get(self.inventory_removal)
