"""The inventory settings of a fabric."""

from datetime import datetime
from typing import Any

from dcim.choices import DeviceStatusChoices
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..choices import InventoryAdoptionChoices, InventoryRemovalChoices, InventoryScopeChoices
from ..naming import is_name_pattern
from ..roles import AMBIGUOUS, UNKNOWN, roles_by_slug

__all__ = ('InventorySettings', 'default_scope')


def default_scope() -> list[str]:
    return list(InventoryScopeChoices.DECLARED)


class InventorySettings(models.Model):
    """Whether and how a fabric is reconciled with DCIM and IPAM, and which removals need confirmation."""

    inventory_enabled = models.BooleanField(
        verbose_name=_('inventory'),
        default=False,
        help_text=_('Create and update NetBox devices, cables, VRFs, prefixes and VLANs from this fabric.'),
    )
    inventory_auto_apply = models.BooleanField(
        verbose_name=_('apply without review'),
        default=False,
        help_text=_(
            'Create NetBox objects with the next sync. If disabled, nothing is written until a user has applied the '
            'first plan.'
        ),
    )
    inventory_site = models.ForeignKey(
        to='dcim.Site',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('site'),
        blank=True,
        null=True,
        help_text=_('Site for new devices (required).'),
    )
    inventory_location = models.ForeignKey(
        to='dcim.Location',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('location'),
        blank=True,
        null=True,
        help_text=_('Applied to new devices only.'),
    )
    inventory_tenant = models.ForeignKey(
        to='tenancy.Tenant',
        on_delete=models.PROTECT,
        related_name='+',
        verbose_name=_('tenant'),
        blank=True,
        null=True,
        help_text=_('Applied to new objects only.'),
    )
    inventory_roles = models.JSONField(
        verbose_name=_('role mapping'),
        default=dict,
        blank=True,
        help_text=_(
            'Device roles by slug, as JSON: {"spine": "spine-switch", "server-leaf": "leaf", "server": "host"}. '
            'Other roles are created automatically.'
        ),
    )
    inventory_name_pattern = models.CharField(
        verbose_name=_('name pattern'),
        max_length=64,
        default='{name}',
        help_text=_('Device names: {name} is the name of the resource, {fabric} that of the fabric.'),
    )
    inventory_device_status = models.CharField(
        verbose_name=_('status of new devices'),
        max_length=50,
        choices=DeviceStatusChoices,
        default='active',
        help_text=_('Status of new devices.'),
    )
    inventory_stale_status = models.CharField(
        verbose_name=_('status of stale devices'),
        max_length=50,
        choices=DeviceStatusChoices,
        default='decommissioning',
        help_text=_('Status of devices removed from the fabric.'),
    )
    inventory_scope = ArrayField(
        base_field=models.CharField(max_length=20, choices=InventoryScopeChoices),
        verbose_name=_('scope'),
        default=default_scope,
        blank=True,
        help_text=_('Object types to sync. Transceivers, MAC addresses and cable types need devices.'),
    )
    inventory_adoption = models.CharField(
        verbose_name=_('adoption'),
        max_length=20,
        choices=InventoryAdoptionChoices,
        default=InventoryAdoptionChoices.OFF,
        help_text=_('Adopt existing devices that match. Preview in Dry run.'),
    )
    inventory_removal = models.CharField(
        verbose_name=_('removal'),
        max_length=20,
        choices=InventoryRemovalChoices,
        default=InventoryRemovalChoices.MARK,
        help_text=_('Action for objects whose resource was removed from the fabric.'),
    )
    # Plan.requires_confirmation, the digest that confirms it, and since when.
    inventory_unconfirmed = models.JSONField(
        verbose_name=_('awaiting confirmation'), blank=True, null=True, editable=False,
        help_text=_('Removals that need confirmation, and the digest that confirms them.'),
    )
    last_inventory = models.DateTimeField(
        verbose_name=_('last inventory sync'),
        blank=True,
        null=True,
        editable=False,
        help_text=_('When NetBox objects were last compared with the fabric in full.'),
    )
    inventory_error = models.TextField(
        verbose_name=_('inventory error'),
        blank=True,
        editable=False,
        help_text=_('Why the last inventory sync failed.'),
    )

    class Meta:
        abstract = True

    @property
    def waits_for_review(self) -> bool:
        """Whether scheduled syncs write nothing to the inventory, because no user has applied the first plan yet."""
        return self.inventory_enabled and not self.inventory_auto_apply and self.last_inventory is None

    @property
    def inventory_checked(self) -> datetime | None:
        """When the last sync found that nothing has changed since `last_inventory`; None if it was a full reconcile."""
        report: dict[str, Any] = (getattr(self, 'last_report', None) or {}).get('inventory') or {}
        since = report.get('unchanged_since')
        if not since or datetime.fromisoformat(since) != self.last_inventory:
            return None
        return datetime.fromisoformat(report['started'])

    def clean_fields(self, exclude: Any = None) -> None:
        # NetBox's FIELD_CHOICES may offer neither default: that matters to fabrics with an inventory only.
        unused = () if self.inventory_enabled else ('inventory_device_status', 'inventory_stale_status')
        super().clean_fields(exclude={*(exclude or ()), *unused})

    def clean(self) -> None:
        super().clean()
        if self.inventory_enabled and not self.inventory_site:
            raise ValidationError({'inventory_site': _('Select a site.')})
        if self.inventory_enabled and not self.inventory_scope:
            raise ValidationError({
                'inventory_scope': _('Select at least one object type, or disable the inventory.'),
            })
        if self.inventory_location and self.inventory_location.site_id != self.inventory_site_id:
            raise ValidationError({
                'inventory_location': _('This location is not within the selected site.'),
            })
        if not is_name_pattern(self.inventory_name_pattern):
            raise ValidationError({
                'inventory_name_pattern': _(
                    'Must contain {name}; may contain {fabric}. Example: {fabric}-{name}'
                ),
            })
        self._clean_roles()

    def _clean_roles(self) -> None:
        roles = self.inventory_roles
        if not isinstance(roles, dict) or not all(isinstance(slug, str) for slug in roles.values()):
            raise ValidationError({
                'inventory_roles': _('Enter a JSON object of role slugs, such as {"spine": "spine-switch"}, or {}.'),
            })
        found = roles_by_slug(roles.values())
        for words, wrong in (
            (UNKNOWN, set(roles.values()) - found.keys()),
            (AMBIGUOUS, {slug for slug, pks in found.items() if len(pks) > 1}),
        ):
            if wrong:
                raise ValidationError({'inventory_roles': words % {'slugs': ', '.join(sorted(wrong))}})

    def get_inventory_adoption_color(self) -> str | None:
        return InventoryAdoptionChoices.colors.get(self.inventory_adoption)

    def get_inventory_device_status_color(self) -> str | None:
        return DeviceStatusChoices.colors.get(self.inventory_device_status)

    def get_inventory_stale_status_color(self) -> str | None:
        return DeviceStatusChoices.colors.get(self.inventory_stale_status)

    def get_inventory_removal_color(self) -> str | None:
        return InventoryRemovalChoices.colors.get(self.inventory_removal)
