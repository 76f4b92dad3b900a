"""What agents report becomes modules, MAC addresses and cable types, and is touched only when it changes."""

from typing import Any

import pytest
from core.models import ObjectChange
from dcim.models import Cable, Device, Interface, MACAddress, Manufacturer, Module, ModuleBay, ModuleType

from netbox_hedgehog.choices import InventoryScopeChoices
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.hardware import agent, optic, port
from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.resources import small

pytestmark = pytest.mark.django_db

ALL = list(InventoryScopeChoices.values())
MAC = '02:00:00:00:00:01'


def reporting(serial: str = 'S1', mac: str = MAC, **more: Any) -> list[Resource]:
    """A fabric whose two switches report a transceiver in E1/1 and an empty cage, and the addresses of two ports."""
    cages, ports = {'E1/1': optic(serial, **more), 'E1/2': {}}, {'E1/1': port(mac), 'M1': port('02:00:00:00:00:02')}
    return [*small(), agent('leaf-1', cages, ports), agent('spine-1', {'E1/1': optic('S9', **more)})]


def silent(*resources: Resource) -> list[Resource]:
    return [*small(), *resources]


@pytest.fixture
def fabric() -> Fabric:
    return synced(reporting(), inventory_scope=ALL, inventory_removal='delete')


def module(switch: str = 'leaf-1', cage: str = 'E1/1') -> Module:
    return Module.objects.get(device__name=switch, module_bay__name=cage)


def uplink() -> Interface:
    return Interface.objects.get(device__name='leaf-1', name='E1/1')


def test_a_new_fabric_has_what_it_declares_and_what_agents_report_only_if_somebody_wants_it():
    fabric = fabric_of(reporting())
    assert fabric.inventory_scope == ['devices', 'cabling', 'addressing', 'vpcs']
    reconcile(fabric)
    assert (Module.objects.count(), MACAddress.objects.count(), Cable.objects.exclude(type=None).count()) == (0, 0, 0)
    assert not Discrepancy.objects.exists()


def test_transceivers_addresses_and_the_type_of_a_cable(fabric):
    found = module()
    assert (found.serial, found.module_type.manufacturer.name, found.module_type.model) == ('S1', 'ACME OPTICS', 'AO-25G')
    assert found.module_type.part_number == 'AO-25G'
    bays = ModuleBay.objects.filter(device__name='leaf-1').values_list('name', 'installed_module__serial')
    assert set(bays) == {('E1/1', 'S1'), ('E1/2', None)}
    assert str(uplink().primary_mac_address) == MAC
    assert str(Interface.objects.get(device__name='leaf-1', name='M1').mac_address) == '02:00:00:00:00:02'
    assert Cable.objects.get(terminations__termination_id=uplink().pk).type == 'mmf'
    device = Device.objects.get(name='leaf-1')
    assert (device.module_bay_count, ModuleType.objects.get().module_count) == (2, 2)
    # A module of NetBox that owns its port would take it along when it is deleted.
    assert uplink().module is None
    assert not Discrepancy.objects.exists()


def test_a_second_sync_writes_nothing_whatever_sways(fabric):
    before = ObjectChange.objects.count()
    for temp in (30, 40):
        mirror(fabric, reporting(temp=temp, voltage=temp / 10, oper=f'{temp}'))
        assert reconcile(fabric).changes == 0
    assert ObjectChange.objects.count() == before


def test_a_swapped_transceiver_is_one_change_of_its_module(fabric):
    before = module().pk
    mirror(fabric, reporting('S2', vendorPart='AO-25G-X'))
    report = reconcile(fabric)
    found = module()
    assert (found.pk, found.serial, found.module_type.model) == (before, 'S2', 'AO-25G-X')
    changes = ObjectChange.objects.filter(request_id=report.request_id, changed_object_type__model='module')
    assert changes.filter(changed_object_id=found.pk).count() == 1
    assert reconcile(fabric).changes == 0


@pytest.mark.parametrize('resources', [
    silent(), silent(agent('leaf-1'), agent('spine-1')), silent(Resource('Agent', 'leaf-1', {})),
], ids=['no agents', 'empty state', 'no state'])
def test_silence_removes_nothing(fabric, resources):
    mirror(fabric, resources)
    for _ in range(2):
        report = reconcile(fabric)
        grace_is_over(fabric)
    assert (report.changes, Module.objects.count(), MACAddress.objects.count()) == (0, 2, 2)
    assert not InventoryLink.objects.exclude(stale_since=None).exists()
    assert uplink().primary_mac_address is not None
    assert Cable.objects.get(terminations__termination_id=uplink().pk).type == 'mmf'
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize('cages', [{'E1/1': {}, 'E1/2': {}}, {'E1/2': {}}], ids=['empty', 'not listed'])
def test_a_pulled_transceiver_goes_as_the_policy_says_and_its_bay_stays(fabric, cages):
    pulled = [*small(), agent('leaf-1', cages), agent('spine-1', {'E1/1': optic('S9')})]
    mirror(fabric, pulled)
    reconcile(fabric)
    assert Module.objects.filter(device__name='leaf-1').exists()
    grace_is_over(fabric)
    reconcile(fabric)
    assert not Module.objects.filter(device__name='leaf-1').exists()
    assert ModuleBay.objects.filter(device__name='leaf-1').count() == 2


def test_a_switch_goes_with_its_bays_modules_and_addresses_although_its_agent_is_silent(fabric):
    gone = [item for item in small() if 'spine-1' not in item.name]
    leaf = next(item for item in reporting() if (item.kind, item.name) == ('Agent', 'leaf-1'))
    mirror(fabric, [*gone, leaf])
    for _ in range(2):
        reconcile(fabric, confirmed=True)
        grace_is_over(fabric)
    assert not Device.objects.filter(name='spine-1').exists()
    assert (Module.objects.count(), MACAddress.objects.count()) == (1, 2)
    assert not Discrepancy.objects.exists()


def test_types_that_contradict_each_other_clear_only_the_type_that_the_plugin_wrote(fabric):
    def of(descr: str) -> list[Resource]:
        return [*small(), agent('leaf-1', {'E1/1': optic('S1')}), agent('spine-1', {'E1/1': optic('S9', descr=descr)})]

    mirror(fabric, of('25G LR'))
    reconcile(fabric)
    assert Cable.objects.get(terminations__termination_id=uplink().pk).type is None
    Cable.objects.filter(terminations__termination_id=uplink().pk).update(type='mmf-om4')
    assert reconcile(fabric).changes == 0
    mirror(fabric, of('25G'))
    assert reconcile(fabric).changes == 0
    assert not Discrepancy.objects.exists()


# What people have entered


def theirs() -> None:
    """A module and an address that a person has entered, on the device that the fabric has, too."""
    device = Device.objects.get(name='leaf-1')
    bay = ModuleBay.objects.create(device=device, name='E1/1')
    maker = Manufacturer.objects.create(name='Other', slug='other')
    kind = ModuleType.objects.create(manufacturer=maker, model='X')
    Module.objects.create(device=device, module_bay=bay, module_type=kind, serial='THEIRS', asset_tag='A1')
    mac = MACAddress.objects.create(mac_address='02:00:00:00:00:99', assigned_object=uplink())
    Interface.objects.filter(pk=uplink().pk).update(primary_mac_address=mac)


@pytest.fixture
def entered() -> Fabric:
    fabric = synced(reporting())
    theirs()
    fabric.inventory_scope = ALL
    return fabric


def test_a_module_of_a_person_is_a_conflict_and_a_primary_address_a_difference(entered):
    reconcile(entered)
    assert (module().serial, str(uplink().primary_mac_address)) == ('THEIRS', '02:00:00:00:00:99')
    rows = set(Discrepancy.objects.values_list('type', 'object_type__model', 'field'))
    assert rows == {('conflict', 'modulebay', ''), ('field', 'interface', 'primary_mac_address')}
    assert plan(entered).actions == []


def test_with_adoption_it_is_taken_over_and_keeps_what_differs(entered):
    entered.inventory_adoption = 'name'
    reconcile(entered)
    assert module().serial == 'THEIRS'
    rows = set(Discrepancy.objects.filter(object_type__model='module').values_list('type', 'field'))
    assert rows == {('field', 'serial'), ('field', 'module_type')}


def test_a_person_keeps_a_serial_number_and_an_address_that_they_have_corrected(fabric):
    Module.objects.filter(pk=module().pk).update(serial='READ FROM THE LABEL')
    MACAddress.objects.filter(pk=uplink().primary_mac_address_id).update(mac_address='02:00:00:00:00:77')
    assert reconcile(fabric).changes == 0
    rows = set(Discrepancy.objects.values_list('type', 'object_type__model', 'field'))
    assert rows == {('field', 'module', 'serial'), ('field', 'macaddress', 'mac_address')}


def test_templates_of_a_module_type_add_nothing(fabric):
    kind = ModuleType.objects.get()
    kind.interfacetemplates.create(name='{module}', type='25gbase-x-sfp28')
    ports = Interface.objects.count()
    mirror(fabric, [
        *small(), agent('leaf-1', {'E1/1': optic('S1'), 'E1/2': optic('S2')}), agent('spine-1', {'E1/1': optic('S9')}),
    ])
    reconcile(fabric)
    assert (module(cage='E1/2').serial, Interface.objects.count()) == ('S2', ports)
    assert not Discrepancy.objects.exists()


def test_a_disabled_scope_keeps_what_there_is(fabric):
    fabric.inventory_scope = list(InventoryScopeChoices.DECLARED)
    before = Module.objects.count(), MACAddress.objects.count()
    for _ in range(2):
        assert reconcile(fabric).changes == 0
    assert before == (Module.objects.count(), MACAddress.objects.count())
    assert set(Discrepancy.objects.values_list('code', flat=True)) == {'scope-disabled'}
