"""What people have entered meets rules, modules and topology filters."""

import pytest
from dcim.models import Cable, Device, Interface, MACAddress, Manufacturer, Module, ModuleBay, ModuleType, Site
from extras.models import Tag
from ipam.models import VRF, IPAddress, Prefix

from netbox_hedgehog.choices import InventoryScopeChoices
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.operations import keep_netbox_value
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, InventoryLink, InventoryRule

from ...support.hardware import agent, optic, port
from ...support.inventory import again, fabric_of, grace_is_over, removed, synced
from ...support.machines import plane
from ...support.resources import make, small
from .test_rules import apply_rules, rule, settled
from .test_topology_filter import backend, choose, everything, second, shared  # noqa: F401

pytestmark = pytest.mark.django_db
ALL = list(InventoryScopeChoices.values())


def reporting():
    return [*small(), agent('leaf-1', {'E1/1': optic('S1'), 'E1/2': {}}, {'E1/1': port('02:00:00:00:00:01')}),
            agent('spine-1', {'E1/1': optic('S9')})]


def test_a_rule_that_named_a_vrf_is_deleted():
    fabric = fabric_of()
    naming = rule(fabric, 'vpcs', kinds=['VPC'], vrf_name='{vpc}')
    reconcile(fabric)
    assert VRF.objects.filter(name='vpc-1').exists()
    naming.delete()
    assert settled(fabric)
    assert VRF.objects.filter(name='vpc-1').exists()
    assert not Discrepancy.objects.exists()


def test_a_rule_that_has_renamed_a_vrf_is_deleted():
    fabric = synced()
    naming = rule(fabric, 'vpcs', kinds=['VPC'], vrf_name='{vpc}')
    apply_rules(fabric)
    assert VRF.objects.filter(name='vpc-1').exists()
    naming.delete()
    report = reconcile(fabric)
    assert VRF.objects.filter(name='vpc-1').exists()
    assert report.changes == 0
    assert not Discrepancy.objects.exists()


def test_a_person_names_a_vrf_after_the_rule_that_named_it_is_gone():
    fabric = fabric_of()
    naming = rule(fabric, 'vpcs', kinds=['VPC'], vrf_name='{vpc}')
    reconcile(fabric)
    naming.delete()
    VRF.objects.filter(name='vpc-1').update(name='Mine')
    assert settled(fabric)
    assert VRF.objects.filter(name='Mine').exists()
    assert not Discrepancy.objects.exists()
    link = InventoryLink.objects.get(object_type__model='vrf', kind='VPC', name='vpc-1')
    assert 'name' not in link.written
    VRF.objects.filter(name='Mine').update(name='vpc-1 (dc-1)')
    assert settled(fabric)
    VRF.objects.filter(name='vpc-1 (dc-1)').update(name='Other')
    reconcile(fabric)
    assert Discrepancy.objects.get().field == 'name', 'it had the fabric’s name meanwhile'


def test_modules_of_an_excluded_switch_stay():
    fabric = synced(reporting(), inventory_scope=ALL, inventory_removal='delete')

    def hardware():
        return [set(model.objects.values_list('pk', flat=True)) for model in (Module, MACAddress)]

    before = hardware()
    rule(fabric, kinds=['Switch'], exclude=True)
    for _ in range(2):
        reconcile(fabric, confirmed=True)
        grace_is_over(fabric)
    assert hardware() == before
    assert not plan(fabric).actions
    InventoryRule.objects.all().delete()
    assert settled(fabric)


def test_a_label_of_a_person_stays_when_the_connection_is_renamed():
    fabric = synced()
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    cable.label = 'mine'
    cable.save()
    found = [resource for resource in small() if resource.name not in ('server-1--unbundled--leaf-1', 'vpc-1--server-1')]
    found += [make('Connection', 'renamed', unbundled={'link': {
        'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/2'}}})]
    again(fabric, found)
    cable.refresh_from_db()
    assert cable.label == 'mine'
    assert not Discrepancy.objects.filter(field='label').exists()


def test_nothing_is_deleted_that_a_paused_fabric_may_take_over(everything):  # noqa: F811
    device = Device.objects.get(name='back-1')
    other = second()
    reconcile(other)
    other.inventory_enabled = False
    other.save()
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    grace_is_over(everything)
    reconcile(everything, confirmed=True)
    assert Device.objects.filter(pk=device.pk).exists()


def test_nothing_is_deleted_if_the_other_fabric_appears_after_the_grace(everything):  # noqa: F811
    device = Device.objects.get(name='back-1')
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    grace_is_over(everything)
    second()
    reconcile(everything, confirmed=True)
    assert Device.objects.filter(pk=device.pk).exists()


def test_decisions_hold_after_a_handover(everything):  # noqa: F811
    device = Device.objects.get(name='back-1')
    device.serial = 'MINE'
    device.save()
    cable = Cable.objects.get(label='server-2--back-1')
    cable.delete()
    reconcile(everything)
    keep_netbox_value(Discrepancy.objects.filter(field='serial'))
    keep_netbox_value(Discrepancy.objects.filter(type='deleted'))
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    other = second()
    reconcile(everything, confirmed=True)
    reconcile(other)
    assert not reconcile(other).changes
    device.refresh_from_db()
    assert device.serial == 'MINE'
    assert not Cable.objects.filter(label='server-2--back-1').exists(), 'a person deleted it'
    found = Discrepancy.objects.get(type='deleted')
    assert (found.fabric, found.state) == (other, 'kept')
    assert InventoryLink.objects.get(object_type__model='device', object_id=device.pk).fabric == other


def test_what_a_person_deleted_is_not_remembered_for_a_fabric_with_objects_of_its_own(everything):  # noqa: F811
    Prefix.objects.get(prefix='10.7.1.0/24').delete()
    reconcile(everything)
    other = second()
    reconcile(other)
    assert InventoryLink.objects.filter(fabric=other, object_type__model='prefix', kind='VPC', name='back').exists()
    choose(everything, 'default', small())
    for _ in range(2):
        reconcile(everything, confirmed=True)
    links = InventoryLink.objects.filter(fabric=everything, object_type__model='prefix', kind='VPC', name='back')
    assert not links.exists()
    assert not Discrepancy.objects.filter(fabric=everything, type='deleted').exists()


def test_two_fabrics_swap_their_filters(everything):  # noqa: F811
    pks = set(Device.objects.values_list('pk', flat=True))
    other = second()
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    reconcile(other)
    # swapped: the first takes backend, the second takes default
    choose(everything, 'backend', [*shared(), *backend()])
    choose(other, 'default', small())
    for _ in range(3):
        reconcile(everything, confirmed=True)
        reconcile(other, confirmed=True)
    grace_is_over(everything)
    grace_is_over(other)
    for _ in range(2):
        reconcile(everything, confirmed=True)
        reconcile(other, confirmed=True)
    assert not reconcile(everything).changes
    assert not reconcile(other).changes
    assert set(Device.objects.values_list('pk', flat=True)) == pks


def test_a_vpc_becomes_flat_and_comes_back():
    def flat(mode):
        return [
            Resource('VPC', found.name, {**found.spec, 'mode': mode}) if found.kind == 'VPC' else found
            for found in small()
        ]

    fabric = synced(flat('l3vni'), inventory_removal='delete')
    pk = Prefix.objects.get(prefix='10.0.1.0/24').pk
    vrf = VRF.objects.get(name='vpc-1 (dc-1)')
    mine = IPAddress.objects.create(address='10.0.1.50/24', vrf=vrf)
    again(fabric, flat('l3flat'))
    grace_is_over(fabric)
    again(fabric, flat('l3flat'))
    assert IPAddress.objects.filter(pk=mine.pk, vrf=vrf).exists()
    again(fabric, flat('l3vni'))
    assert Prefix.objects.get(prefix='10.0.1.0/24').pk == pk
    assert not Discrepancy.objects.exists()
    assert IPAddress.objects.filter(pk=mine.pk, vrf=vrf).exists()


def test_a_device_that_is_adopted_stays_at_its_site_whatever_a_rule_says():
    annex = Site.objects.create(name='Annex', slug='annex')
    earlier = synced(name='earlier')
    leaf = Device.objects.get(name='leaf-1')
    InventoryLink.objects.all().delete()
    Device.objects.exclude(pk=leaf.pk).delete()
    earlier.delete()
    fabric = fabric_of(inventory_adoption='name')
    rule(fabric, kinds=['Switch'], site=annex, tags=[Tag.objects.create(name='Lab', slug='lab')])
    reconcile(fabric)
    leaf.refresh_from_db()
    assert leaf.site.name == 'DC'
    assert not leaf.tags.exists()
    assert settled(fabric)


def test_the_mtu_stays_without_the_agent():
    config = {'config': {'fabricMTU': 9100, 'serverFacingMTUOffset': 64}}
    fabric = synced([*small(), make('Agent', 'leaf-1', **config)])
    assert Interface.objects.get(device__name='leaf-1', name='E1/2').mtu == 9036
    again(fabric, small())
    assert Interface.objects.get(device__name='leaf-1', name='E1/2').mtu == 9036


def test_a_persons_module_bay_and_mac_address_stay_theirs():
    fabric = synced(small(), inventory_removal='delete', inventory_adoption='name')
    leaf = Device.objects.get(name='leaf-1')
    maker = Manufacturer.objects.create(name='Acme  Optics', slug='mine')
    kind = ModuleType.objects.create(manufacturer=maker, model='other')
    bay = ModuleBay.objects.create(device=leaf, name='E1/1', description='mine')
    module = Module.objects.create(device=leaf, module_bay=bay, module_type=kind, serial='THEIRS', asset_tag='A1')
    interface = Interface.objects.get(device=leaf, name='E1/1')
    mac = MACAddress.objects.create(mac_address='02:00:00:00:00:99', assigned_object=interface)
    interface.primary_mac_address = mac
    interface.save()
    fabric.inventory_scope = ALL
    fabric.save()
    again(fabric, reporting())
    pulled = [*small(), agent('leaf-1', {'E1/1': {}, 'E1/2': {}}), agent('spine-1', {'E1/1': optic('S9')})]
    removed(fabric, pulled)
    module.refresh_from_db()
    assert (module.serial, module.module_type, module.module_bay.description) == ('THEIRS', kind, 'mine')
    interface.refresh_from_db()
    assert interface.primary_mac_address == mac


def test_shared_servers_with_rules_to_different_sites():
    annex = Site.objects.create(name='Annex', slug='annex')
    east, west = (fabric_of(plane(name, range(1, 3)), name=name, inventory_removal='delete') for name in ('east', 'west'))
    for fabric in (east, west):
        reconcile(fabric)
    pks = set(Device.objects.values_list('pk', flat=True))
    rule(west, kinds=['Server'], site=annex)
    for fabric in (east, west):
        assert settled(fabric)
    for fabric in (east, west):
        grace_is_over(fabric)
        reconcile(fabric)
    rule(east, 'servers', kinds=['Server'], exclude=True)
    for fabric in (east, west):
        assert settled(fabric)
    assert set(Device.objects.values_list('pk', flat=True)) == pks


def test_an_excluded_resource_goes_and_comes_back():
    fabric = synced(inventory_removal='delete')
    server = Device.objects.get(name='server-1')
    rule(fabric, kinds=['Server'], names='server-1', exclude=True)
    assert settled(fabric)
    gone = [resource for resource in small() if 'server-1' not in resource.name]
    again(fabric, gone)
    again(fabric, small())
    assert Device.objects.filter(pk=server.pk).exists()
    grace_is_over(fabric)
    again(fabric, small())
    assert Device.objects.filter(pk=server.pk).exists()
