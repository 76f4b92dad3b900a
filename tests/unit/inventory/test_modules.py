"""Ports that a person has made a part of a module: no run stops at them, and nothing of the operator's goes with them."""

import pytest
from dcim.models import Cable, Device, Interface, Manufacturer, Module, ModuleBay, ModuleType
from utilities.serialization import serialize_object

from netbox_hedgehog.inventory.planning.plan import DELETE
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy

from ...support.inventory import grace_is_over, mirror, synced
from ...support.resources import small
from .test_ownership import device_of_the_operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def fabric():
    made = synced(inventory_removal='delete')
    return made


def module_in(device, bay='slot'):
    """A module of the operator's, in a bay of a device."""
    maker = Manufacturer.objects.get_or_create(name='M', slug='m')[0]
    kind = ModuleType.objects.get_or_create(manufacturer=maker, model='line card')[0]
    bay = ModuleBay.objects.create(device=device, name=bay)
    return Module.objects.create(device=device, module_bay=bay, module_type=kind)


def into(module, **port):
    """A person makes a port of the fabric's a part of the module."""
    interface = Interface.objects.get(**port)
    interface.module = module
    interface.full_clean()
    interface.save()
    return interface


def as_it_is(instance):
    return serialize_object(type(instance).objects.get(pk=instance.pk))


def gone(fabric, name):
    mirror(fabric, [resource for resource in small() if name not in resource.name])
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)


def test_a_port_of_a_module_is_kept_true_as_any_other(fabric):
    leaf = Device.objects.get(name='leaf-1')
    module = module_in(leaf)
    mine = Interface.objects.create(device=leaf, module=module, name='mine', type='other')
    ports = [into(module, device=leaf, name=name) for name in ('E1/1', 'E1/2')]
    before = [as_it_is(each) for each in (module, mine)]
    assert reconcile(fabric).changes == 0
    assert plan(fabric).actions == []
    mirror(fabric, [resource for resource in small() if resource.name != 'server-1--unbundled--leaf-1'])
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)
    assert not Cable.objects.filter(label='server-1--unbundled--leaf-1').exists()
    assert [Interface.objects.get(pk=port.pk).module for port in ports] == [module, module]
    assert [as_it_is(each) for each in (module, mine)] == before


def test_a_device_with_a_module_of_the_operators_is_not_removed(fabric):
    leaf = Device.objects.get(name='leaf-1')
    module = module_in(leaf)
    mine = Interface.objects.create(device=leaf, module=module, name='mine', type='other')
    port = into(module, device=leaf, name='E1/2')
    before = [as_it_is(each) for each in (module, module.module_bay, mine, port)]
    gone(fabric, 'leaf-1')
    assert [as_it_is(each) for each in (module, module.module_bay, mine)] == before[:3]
    assert Interface.objects.filter(pk=port.pk, device=leaf, module=module).exists()
    row = Discrepancy.objects.get(type='protected', object_id=leaf.pk, object_type__model='device')
    assert 'would be deleted with it' in row.sentence


def test_a_module_that_was_moved_to_another_device_keeps_its_ports(fabric):
    spine = Device.objects.get(name='spine-1')
    module = module_in(spine)
    port = into(module, device=spine, name='E1/4')
    mine = device_of_the_operator('mine')
    bay = ModuleBay.objects.create(device=mine, name='slot')
    module = Module.objects.get(pk=module.pk)
    module.device, module.module_bay = mine, bay
    module.full_clean()
    module.save()
    port.refresh_from_db()
    assert port.device == mine, 'NetBox moves what belongs to a module'
    for _ in range(3):
        reconcile(fabric)
    assert DELETE not in {action.type for action in plan(fabric).attempted}
    assert Interface.objects.filter(pk=port.pk, device=mine, module=module).exists()
    gone(fabric, 'spine-1')
    assert Module.objects.filter(pk=module.pk, device=mine).exists()
    assert Interface.objects.filter(pk=port.pk, device=mine, module=module).exists()
