"""Rows of an inventory, made by hand: what a run would have written."""

from core.models import ObjectType
from dcim.models import Device, DeviceRole, DeviceType, Manufacturer, Site
from django.utils import timezone

from netbox_hedgehog.models import Discrepancy, InventoryLink

from ....support.pages import make_fabric


def make_site(name='DC 1') -> Site:
    return Site.objects.create(name=name, slug=name.lower().replace(' ', '-'))


def make_device(site, name='leaf-1', **values) -> Device:
    manufacturer, _ = Manufacturer.objects.get_or_create(name='Celestica', slug='celestica')
    device_type, _ = DeviceType.objects.get_or_create(manufacturer=manufacturer, model='DS4000', slug='ds4000')
    role, _ = DeviceRole.objects.get_or_create(name='Spine', slug='spine')
    return Device.objects.create(site=site, name=name, device_type=device_type, role=role, **values)


def make_link(fabric, instance, kind='Switch', name=None, **values) -> InventoryLink:
    name = name or str(instance)
    return InventoryLink.objects.create(**{
        'fabric': fabric, 'key': f'{instance._meta.model_name}/{name}', 'kind': kind, 'name': name,
        'scope': 'devices', 'object_type': ObjectType.objects.get_for_model(instance), 'object_id': instance.pk,
        'origin': 'created', 'written': {'name': str(instance)}, **values,
    })


def make_discrepancy(fabric, link=None, **values) -> Discrepancy:
    now = timezone.now()
    about = {
        'key': link.key, 'kind': link.kind, 'name': link.name, 'scope': link.scope,
        'object_type': link.object_type, 'object_id': link.object_id, 'link': link,
    } if link else {'kind': 'Switch', 'name': 'leaf-9', 'scope': 'devices'}
    return Discrepancy.objects.create(**{
        'fabric': fabric, 'type': 'field', 'field': 'serial', 'fabric_value': 'ABC', 'netbox_value': 'XYZ',
        'sentence': 'The serial number was changed in NetBox.', 'since': now, 'last_seen': now, **about, **values,
    })


def inventory_fabric(name='a', **values):
    """A fabric with an inventory at a site of its own."""
    values = {'inventory_enabled': True, 'inventory_auto_apply': True, **values}
    return make_fabric(name, inventory_site=make_site(f'Site of {name}'), **values)
