"""Panels on NetBox's own pages: the fabric of an object, its managed fields, and its discrepancies."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models import F, OuterRef, Subquery
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from netbox.plugins import PluginTemplateExtension

from .choices import DiscrepancyStateChoices
from .labels import field_label
from .models import Discrepancy, Fabric, FabricResource, InventoryLink
from .presentation.cabling import checks_of_links
from .presentation.device_facts import device_facts, with_facts

__all__ = ('FromFabricPanel', 'any_inventory', 'template_extensions')

MODELS = (
    'dcim.device', 'dcim.interface', 'dcim.cable', 'dcim.devicetype', 'dcim.modulebay', 'dcim.module',
    'dcim.moduletype', 'dcim.macaddress', 'ipam.vrf', 'ipam.prefix', 'ipam.vlan', 'ipam.vlangroup', 'ipam.ipaddress',
    'ipam.iprange', 'ipam.asn', 'vpn.l2vpn',
)

# On the pages of these, the panel shows the state of the link.
CABLED = ('dcim.interface', 'dcim.cable')
DEVICE = 'dcim.device'

# How many fabrics (of a shared object) and discrepancies a panel shows.
SHOWN = 5

KEY = 'netbox_hedgehog.any_inventory'
# Seconds after which the question is asked again, for what is written past the signals.
REMEMBERED = 300


def any_inventory() -> bool:
    """Return whether any fabric has an inventory, so that NetBox's pages cost nothing otherwise."""
    found = cache.get(KEY)
    if found is None:
        found = Fabric.objects.filter(inventory_enabled=True).exists() or InventoryLink.objects.exists()
        cache.set(KEY, found, REMEMBERED)
    return found


@receiver((post_save, post_delete), sender=Fabric, dispatch_uid='netbox_hedgehog_any_inventory')
def _ask_again(**kwargs: Any) -> None:
    cache.delete(KEY)


class FromFabricPanel(PluginTemplateExtension):
    models = list(MODELS)

    def right_page(self) -> str:
        user, instance = self.context['request'].user, self.context['object']
        if not any_inventory() or not (
            user.has_perm('netbox_hedgehog.view_inventorylink') or user.has_perm('netbox_hedgehog.view_discrepancy')
        ):
            return ''
        about = {'object_type': ContentType.objects.get_for_model(instance), 'object_id': instance.pk}
        resource = FabricResource._base_manager.filter(
            fabric=OuterRef('fabric'), kind=OuterRef('kind'), name=OuterRef('name'),
        ).order_by(F('missing_since').desc(nulls_first=True)).values('pk')[:1]
        label = instance._meta.label_lower
        rows = InventoryLink.objects.restrict(user, 'view').filter(**about).select_related('fabric').annotate(
            resource_id=Subquery(resource),
        )
        links = list((with_facts(rows, user) if label == DEVICE else rows)[:SHOWN])
        discrepancies = list(
            Discrepancy.objects.restrict(user, 'view').filter(state=DiscrepancyStateChoices.OPEN, **about)
            .select_related('fabric')[:SHOWN]
        )
        if not links and not discrepancies:
            return ''
        checks = checks_of_links(user, links) if label in CABLED else []
        for link in links:
            link.facts = device_facts(link) if label == DEVICE else None
            link.fields = [field_label(label, name) for name in link.written if name not in link.kept]
            link.kept_fields = [field_label(label, name) for name in link.kept]
        return self.render('netbox_hedgehog/panels/from_fabric.html', {
            'links': links, 'discrepancies': discrepancies, 'checks': checks,
        })


template_extensions = [FromFabricPanel]
