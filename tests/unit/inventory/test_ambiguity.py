"""Where several objects might be meant, none is taken: it is a conflict that names them."""

import pytest
from dcim.models import Device, Interface, Site
from ipam.models import VRF
from tenancy.models import Tenant

from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.inventory import fabric_of, synced
from .test_ownership import device_of_the_operator

pytestmark = pytest.mark.django_db

SERIAL = 'S-LEAF-1'


def at(site: str, name: str, **fields) -> Device:
    """A device of the operator's at a site of its own."""
    device = device_of_the_operator(name, **fields)
    Device.objects.filter(pk=device.pk).update(site=Site.objects.get_or_create(name=site, slug=site)[0])
    return device


def adopted() -> list[int]:
    return list(InventoryLink.objects.filter(
        origin='adopted', object_type__model='device',
    ).values_list('object_id', flat=True))


def test_two_devices_of_one_serial_number_are_a_conflict_that_names_them():
    one, two = device_of_the_operator('x1', serial=SERIAL), device_of_the_operator('x2', serial=SERIAL)
    fabric = fabric_of(inventory_adoption='serial')
    assert not [action for action in plan(fabric).actions if action.name == 'leaf-1']
    reconcile(fabric)
    assert adopted() == []
    row = Discrepancy.objects.get(key='device/switch/leaf-1')
    assert row.sentence.startswith(
        f'Device leaf-1 skipped: 2 objects have its serial number: x1 (#{one.pk}, active), x2 (#{two.pk}, active). '
        'Correct the serial number of the others.'
    )
    Device.objects.filter(pk=two.pk).update(serial='')
    reconcile(fabric)
    assert adopted() == [one.pk]


@pytest.mark.parametrize('status', ['decommissioning', 'inventory', 'offline', 'failed'])
def test_the_one_in_service_is_taken_whatever_comes_first(status):
    """As after a replacement: the old device still has the number, at another site or at this one."""
    stale = {'inventory_stale_status': 'failed'}  # what this fabric gives devices that are gone
    at('old', 'leaf-1-old', serial=SERIAL, status=status)
    device_of_the_operator('leaf-1-rma', serial=SERIAL, status=status)
    active = at('elsewhere', 'leaf-1-new', serial=SERIAL)
    reconcile(fabric_of(inventory_adoption='serial', **stale))
    assert adopted() == [active.pk]


def test_the_fabrics_own_site_comes_first():
    at('elsewhere', 'leaf-1', serial=SERIAL)
    here = device_of_the_operator('x', serial=SERIAL)
    Interface.objects.create(device=here, name='E1/1', type='other')
    reconcile(fabric_of(inventory_adoption='serial'))
    assert adopted() == [here.pk]
    assert not Discrepancy.objects.filter(type='conflict').exists()
    assert here.interfaces.filter(name='E1/1').count() == 1


def test_one_that_another_fabric_holds_is_not_one_to_choose_from():
    device_of_the_operator('x1', serial=SERIAL)
    reconcile(fabric_of(inventory_adoption='serial', name='other'))
    Fabric.objects.update(inventory_enabled=False)
    mine = device_of_the_operator('x2', serial=SERIAL)
    fabric = fabric_of(inventory_adoption='serial', inventory_name_pattern='{fabric}-{name}')
    reconcile(fabric)
    links = InventoryLink.objects.filter(fabric=fabric, key='device/switch/leaf-1')
    assert list(links.values_list('object_id', flat=True)) == [mine.pk]


def test_two_devices_of_one_name_and_of_different_tenants():
    tenants = [Tenant.objects.create(name=name, slug=name) for name in ('a', 'b')]
    for tenant in tenants:
        device_of_the_operator('leaf-1', tenant=tenant)
    fabric = synced(inventory_adoption='name')
    assert adopted() == []
    assert '2 objects have its name: leaf-1 (#' in Discrepancy.objects.get(type='conflict').sentence
    fabric.inventory_tenant = tenants[1]  # the fabric's own tenant tells which
    fabric.save()
    reconcile(fabric)
    assert adopted() == [Device.objects.get(tenant=tenants[1], name='leaf-1').pk]


def test_of_one_name_the_one_in_service_is_taken():
    device_of_the_operator('leaf-1', status='decommissioning')  # of no tenant, as the fabric
    active = device_of_the_operator('leaf-1', tenant=Tenant.objects.create(name='a', slug='a'))
    reconcile(fabric_of(inventory_adoption='name'))
    assert adopted() == [active.pk]


def test_two_vrfs_of_one_name():
    """NetBox does not ask VRFs for unique names."""
    for _ in range(2):
        VRF.objects.create(name='vpc-1 (dc-1)')
    reconcile(fabric_of(inventory_adoption='name'))
    assert not InventoryLink.objects.filter(key='vrf/vpc/vpc-1').exists()
    assert '2 objects have its name' in Discrepancy.objects.get(key='vrf/vpc/vpc-1').sentence
