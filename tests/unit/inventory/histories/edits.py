"""What people do in NetBox. To add one, write a small function below and mark it with @edit.

An edit changes objects as NetBox's pages do: keep() asks full_clean() first, and what NetBox refuses does not happen.
It raises Impossible, by asking world.one() and the like, where there is nothing to be changed so.
"""

from collections.abc import Callable
from typing import Any

from circuits.models import Circuit, CircuitTermination, CircuitType, Provider
from core.models import ObjectType
from dcim.models import (
    Cable,
    Device,
    DeviceRole,
    DeviceType,
    FrontPort,
    Interface,
    InventoryItem,
    Location,
    MACAddress,
    Manufacturer,
    Module,
    ModuleBay,
    ModuleType,
    PortMapping,
    Rack,
    RearPort,
    Site,
    VirtualChassis,
)
from extras.models import CustomField, Tag
from ipam.models import VLAN, VRF, IPAddress, IPRange, Prefix, Service, VLANGroup
from tenancy.models import Tenant
from vpn.models import L2VPN, L2VPNTermination

from netbox_hedgehog.inventory import operations
from netbox_hedgehog.inventory.disable import disable_inventory
from netbox_hedgehog.models import Discrepancy

from .world import Impossible, World

__all__ = ('EDITS',)

Edit = Callable[[World], None]

EDITS: dict[str, Edit] = {}


def edit(function: Edit) -> Edit:
    EDITS[function.__name__] = function
    return function


def keep(instance: Any, **fields: Any) -> Any:
    """Save an object with these fields, as one of NetBox's forms does."""
    for name, value in fields.items():
        setattr(instance, name, value)
    instance.full_clean()
    instance.save()
    return instance


# Devices


@edit
def a_device_gets_another_serial_number(world):
    keep(world.one_managed(Device), serial=world.one(('MINE', 'LEAF1', '')))


@edit
def a_device_is_renamed(world):
    keep(world.one_managed(Device), name=world.one(('mine', 'server-4', 'leaf-3', 'leaf-1')))


@edit
def a_device_gets_comments_and_an_asset_tag(world):
    number = world.new_number()
    keep(world.one_managed(Device), comments=f'comment {number}', asset_tag=f'A{number}', description='mine')


@edit
def a_device_gets_another_status(world):
    keep(world.one_managed(Device), status=world.one(('planned', 'offline', 'decommissioning', 'active')))


@edit
def a_device_gets_another_type_role_and_tenant(world):
    kind, role = world.their_device().device_type, DeviceRole.objects.get(slug='mine')
    tenant = Tenant.objects.get_or_create(name='T', slug='t')[0]
    keep(world.one_managed(Device), device_type=kind, role=role, tenant=world.one((tenant, None)))


@edit
def a_device_moves_to_another_site(world):
    keep(world.one_managed(Device), site=Site.objects.get(slug='dc2'), location=None, rack=None)


@edit
def a_device_is_put_into_a_rack(world):
    device = world.one_managed(Device)
    rack = Rack.objects.get_or_create(name='R', site=device.site)[0]
    location = Location.objects.get_or_create(name='L', slug='l', site=device.site)[0]
    keep(device, rack=world.one((rack, None)), location=location if rack.location_id else None)


@edit
def a_device_is_deleted(world):
    world.one_managed(Device).delete()


@edit
def a_device_loses_its_primary_address(world):
    keep(world.one(item for item in world.managed(Device) if item.primary_ip4_id), primary_ip4=None)


@edit
def a_device_gets_another_primary_address(world):
    device = world.one_managed(Device)
    address = world.one(IPAddress.objects.filter(interface__device=device).order_by('pk'))
    keep(device, **{world.one(('primary_ip4', 'oob_ip')): address})


@edit
def a_device_becomes_master_of_a_chassis(world):
    device = world.one(item for item in world.managed(Device) if item.virtual_chassis_id is None)
    chassis = keep(VirtualChassis(name=f'chassis-{world.new_number()}'))
    keep(device, virtual_chassis=chassis, vc_position=1)
    keep(chassis, master=device)


@edit
def a_device_gets_a_service_and_an_inventory_item(world):
    device = world.one_managed(Device)
    keep(InventoryItem(device=device, name=f'item-{world.new_number()}'))
    keep(Service(parent=device, name=f'ssh-{world.new_number()}', port_mappings=['tcp/22']))


@edit
def a_device_gets_a_tag(world):
    world.one_managed(Device).tags.add(Tag.objects.get_or_create(name='mine', slug='mine')[0])


@edit
def a_person_makes_a_device_that_the_fabric_may_want(world):
    name = world.one(('server-4', 'server-5', 'leaf-3', 'leaf-4', 'server-1', 'host-1', 'LEAF-3', 'gateway-1'))
    site = world.one(Site.objects.filter(slug__in=('dc', 'dc2')).order_by('slug'))
    device = world.their_device(name, site=site, serial=world.one(('', 'LEAF1', 'LEAF3', 'READ')))
    for port in world.some(('eth0', 'M1', 'E1/1', 'E1/2', 'Loopback1'), 3):
        keep(Interface(device=device, name=port, type='25gbase-x-sfp28', mtu=1234, description='mine'))


@edit
def a_person_deletes_a_device_of_theirs(world):
    device = world.one(Device.objects.filter(device_type__slug='box').order_by('pk'))
    if device.pk in {item.pk for item in world.managed(Device)}:
        raise Impossible
    device.delete()


@edit
def a_protection_rule_is_set(world):
    world.protection_rules = world.one((
        {'DCIM.device': [{'status': {'eq': 'offline'}}]}, {'ipam.vlan': [{'status': {'eq': 'reserved'}}]},
        {'dcim.cable': [{'status': {'neq': 'connected'}}]}, {'ipam.vrf': [{'description': {'eq': 'gone'}}]}, {},
    ))


# Interfaces


@edit
def an_interface_is_described(world):
    keep(world.one_managed(Interface), description=f'mine {world.new_number()}', mark_connected=False)


@edit
def an_interface_gets_another_mtu(world):
    keep(world.one_managed(Interface), mtu=world.one((1400, None)))


@edit
def an_interface_is_renamed(world):
    keep(world.one_managed(Interface), name=world.one(('mine', 'PortChannel2', 'PortChannel4', 'E1/5/2', 'eth1')))


@edit
def an_interface_gets_another_type_and_is_shut(world):
    keep(world.one_managed(Interface), type=world.one(('10gbase-t', 'virtual', 'lag', 'other')), enabled=False)


@edit
def an_interface_is_deleted(world):
    world.one_managed(Interface).delete()


@edit
def an_interface_is_marked_as_connected(world):
    keep(world.one(item for item in world.managed(Interface) if item.cable_id is None), mark_connected=True)


@edit
def a_person_adds_an_interface_to_a_device(world):
    name = world.one(('theirs', 'eth1', 'eth2', 'bond0', 'PortChannel3', 'Loopback2', 'E1/6', 'E1/5/3', 'E1/1.77'))
    keep(Interface(device=world.one_managed(Device), name=name, type='virtual'))


@edit
def an_interface_of_theirs_joins_a_lag(world):
    lag = world.one(item for item in world.managed(Interface) if item.type == 'lag')
    keep(Interface(device=lag.device, name=f'member-{world.new_number()}', type='25gbase-x-sfp28', lag=lag))


@edit
def an_interface_leaves_its_lag(world):
    keep(world.one(item for item in world.managed(Interface) if item.lag_id), lag=None)


@edit
def an_interface_of_theirs_stands_below_a_port(world):
    port = world.one(item for item in world.managed(Interface) if item.type not in ('virtual', 'lag'))
    keep(Interface(device=port.device, name=f'{port.name}.{world.new_number()}', type='virtual', parent=port))


@edit
def an_interface_is_put_into_a_vrf(world):
    vrf = world.one(VRF.objects.order_by('pk'))
    keep(world.one_managed(Interface), vrf=vrf)


@edit
def a_vlan_of_theirs_is_put_on_an_interface(world):
    vlan = keep(VLAN(vid=world.random.randrange(2, 900), name=f'theirs-{world.new_number()}'))
    port = keep(world.one_managed(Interface), mode='tagged', untagged_vlan=world.one((vlan, None)))
    port.tagged_vlans.add(vlan)


@edit
def a_vlan_is_taken_off_an_interface(world):
    port = world.one(item for item in world.managed(Interface) if item.mode)
    keep(port, untagged_vlan=None)
    port.tagged_vlans.clear()


@edit
def an_interface_loses_its_mode(world):
    port = world.one(item for item in world.managed(Interface) if item.mode)
    port.tagged_vlans.clear()
    keep(port, mode='', untagged_vlan=None)


@edit
def a_vlan_of_the_fabrics_is_put_on_an_interface_of_theirs(world):
    vlan = world.one_managed(VLAN)
    port = world.their_port(mode='tagged', untagged_vlan=world.one((vlan, None)))
    port.tagged_vlans.set([vlan])


@edit
def an_interface_gets_a_mac_address(world):
    port = world.one_managed(Interface)
    address = keep(MACAddress(mac_address=f'02:00:00:00:00:{world.new_number():02x}', assigned_object=port))
    keep(port, primary_mac_address=address)


@edit
def an_address_of_a_port_is_corrected_or_deleted(world):
    address = world.one_managed(MACAddress)
    if world.one((True, False)):
        keep(address, mac_address='02:00:00:00:00:01')
    else:
        address.delete()


# Modules


@edit
def a_person_installs_a_module_in_a_bay_of_theirs(world):
    device = world.one_managed(Device)
    bay = keep(ModuleBay(device=device, name=world.one(('E1/1', 'E1/5', 'Slot 1'))))
    kind = ModuleType.objects.get_or_create(manufacturer=Manufacturer.objects.first(), model='theirs')[0]
    keep(Module(device=device, module_bay=bay, module_type=kind, serial='MINE'))


@edit
def a_module_gets_another_serial_number_type_and_asset_tag(world):
    kind = ModuleType.objects.get_or_create(manufacturer=Manufacturer.objects.first(), model='theirs')[0]
    module = world.one_managed(Module)
    keep(
        module, serial=world.one(('MINE', 'A', '')), module_type=world.one((kind, module.module_type)),
        asset_tag=f'M{world.new_number()}',
    )


@edit
def a_module_moves_to_another_bay(world):
    module = world.one_managed(Module)
    keep(module, module_bay=world.one(ModuleBay.objects.filter(device=module.device, installed_module=None)))


@edit
def a_module_or_its_bay_is_deleted(world):
    module = world.one_managed(Module)
    world.one((module, module.module_bay)).delete()


# Cables


@edit
def a_cable_is_deleted(world):
    world.one_managed(Cable).delete()


@edit
def a_cable_is_led_to_a_patch_panel(world):
    panel = world.their_device()
    rear = keep(RearPort(device=panel, name='R1', type='lc'))
    front = keep(FrontPort(device=panel, name='F1', type='lc'))
    keep(PortMapping(
        device=panel, front_port=front, front_port_position=1, rear_port=rear, rear_port_position=1,
    ))
    rewire(world.one_managed(Cable), world.one(('a', 'b')), FrontPort.objects.get(pk=front.pk))


@edit
def a_cable_is_led_to_a_circuit(world):
    provider = Provider.objects.get_or_create(name='P', slug='p')[0]
    kind = CircuitType.objects.get_or_create(name='T', slug='t')[0]
    circuit = keep(Circuit(cid=f'C{world.new_number()}', provider=provider, type=kind))
    end = keep(CircuitTermination(circuit=circuit, termination=Site.objects.get(slug='dc'), term_side='A'))
    rewire(world.one_managed(Cable), world.one(('a', 'b')), CircuitTermination.objects.get(pk=end.pk))


@edit
def a_cable_is_led_to_a_device_of_theirs(world):
    rewire(world.one_managed(Cable), world.one(('a', 'b')), world.their_port())


@edit
def a_cable_is_led_to_another_port_of_the_fabrics(world):
    free = world.one(item for item in world.managed(Interface) if item.cable_id is None and item.type not in (
        'virtual', 'lag'))
    rewire(world.one_managed(Cable), world.one(('a', 'b')), free)


@edit
def a_cable_is_made_again_by_hand_the_other_way_round(world):
    cable = world.one_managed(Cable)
    a, b = cable.a_terminations, cable.b_terminations
    cable.delete()
    keep(Cable(
        a_terminations=[type(item).objects.get(pk=item.pk) for item in b],
        b_terminations=[type(item).objects.get(pk=item.pk) for item in a],
    ))


@edit
def a_cable_of_theirs_takes_a_free_port(world):
    free = world.one(item for item in world.managed(Interface) if item.cable_id is None and item.type not in (
        'virtual', 'lag'))
    keep(Cable(a_terminations=[free], b_terminations=[world.their_port()]))


@edit
def a_cable_gets_a_label_color_and_status(world):
    keep(world.one_managed(Cable), label=f'mine {world.new_number()}', color='ff0000', status='planned')


@edit
def a_person_removes_a_cable_of_theirs(world):
    ours = {item.pk for item in world.managed(Cable)}
    world.one(item for item in Cable.objects.order_by('pk') if item.pk not in ours).delete()


# VLANs


@edit
def a_vlan_gets_another_id(world):
    keep(world.one_managed(VLAN), vid=world.random.randrange(1000, 1012))


@edit
def a_vlan_is_renamed(world):
    keep(world.one_managed(VLAN), name=world.one(('mine', 'vpc-1--web', 'vpc-3--web')))


@edit
def a_vlan_is_deleted(world):
    world.one_managed(VLAN).delete()


@edit
def a_vlan_leaves_its_group(world):
    keep(world.one_managed(VLAN), group=None)


@edit
def a_vlan_is_reserved(world):
    keep(world.one_managed(VLAN), status='reserved', description='mine')


@edit
def a_vlan_of_theirs_is_in_a_group_of_the_fabrics(world):
    vid = world.random.randrange(1000, 1010)
    keep(VLAN(group=world.one_managed(VLANGroup), vid=vid, name=world.one((f'theirs-{vid}', 'vpc-3--web'))))


@edit
def a_vlan_group_gets_other_ranges(world):
    from utilities.data import string_to_ranges

    keep(world.one_managed(VLANGroup), vid_ranges=string_to_ranges(world.one(('1000-1050', '900-1100'))))


@edit
def a_vlan_group_is_renamed_or_moved(world):
    group = world.one_managed(VLANGroup)
    if world.random.random() < 0.5:
        keep(group, name=f'mine {world.new_number()}', slug=f'mine-{world.new_number()}')
    else:
        keep(group, scope=None)


@edit
def a_vlan_group_is_deleted(world):
    world.one_managed(VLANGroup).delete()


# Addresses


@edit
def a_vrf_is_renamed(world):
    keep(world.one_managed(VRF), name=f'mine {world.new_number()}', description=world.one(('mine', '')))


@edit
def a_vrf_does_not_ask_for_unique_addresses(world):
    keep(world.one_managed(VRF), enforce_unique=False)


@edit
def a_vrf_gets_a_route_distinguisher(world):
    keep(world.one_managed(VRF), rd=f'65000:{world.new_number()}')


@edit
def a_vrf_is_deleted(world):
    world.one_managed(VRF).delete()


@edit
def a_vrf_of_theirs_has_a_name_of_the_fabrics(world):
    keep(VRF(name=world.one(('vpc-3 (dc-1)', 'vpc-1 (dc-2)', 'External isp (dc-2)')), description='mine'))


@edit
def a_prefix_of_theirs_is_in_a_vrf_of_the_fabrics(world):
    number = world.random.randrange(1, 9)
    prefix = world.one((f'10.0.{number}.0/24', f'10.0.{number}.0/25', '10.0.0.0/8'))
    keep(Prefix(vrf=world.one_managed(VRF), prefix=prefix, description='mine'))


@edit
def a_prefix_is_changed(world):
    keep(world.one_managed(Prefix), status='reserved', description='mine', is_pool=True)


@edit
def a_prefix_gets_another_vrf_or_vlan(world):
    vlan = keep(VLAN(vid=77, name=f'theirs-{world.new_number()}'))
    changes = world.one(({'vlan': vlan}, {'vrf': None}, {'vrf': VRF.objects.order_by('pk').last()}, {'vlan': None}))
    keep(world.one_managed(Prefix), **changes)


@edit
def a_prefix_is_deleted(world):
    world.one_managed(Prefix).delete()


@edit
def an_address_is_deleted(world):
    world.one_managed(IPAddress).delete()


@edit
def an_address_gets_another_role_or_name(world):
    keep(world.one_managed(IPAddress), role=world.one(('', 'anycast', 'vip', 'secondary')), dns_name='mine.example')


@edit
def an_address_is_changed(world):
    keep(world.one_managed(IPAddress), address=f'172.30.0.{world.random.randrange(1, 9)}/21')


@edit
def an_address_moves_to_another_interface(world):
    keep(world.one_managed(IPAddress), assigned_object=world.one((None, *Interface.objects.order_by('pk'))))


@edit
def an_address_moves_to_another_vrf(world):
    keep(world.one_managed(IPAddress), vrf=world.one((None, *VRF.objects.order_by('pk'))))


@edit
def an_address_of_theirs_is_in_a_vrf_of_the_fabrics(world):
    number = world.random.randrange(1, 9)
    address = world.one((f'172.30.0.{number}/21', f'172.30.12.{number}/32', f'10.0.{number}.1/24', f'10.0.{number}.254/24'))
    role = world.one(('', 'anycast'))
    keep(IPAddress(vrf=world.one_managed(VRF), address=address, role=role, assigned_object=world.one((
        None, world.their_port()))))


@edit
def an_address_of_theirs_is_on_an_interface_of_the_fabrics(world):
    port = world.one_managed(Interface)
    address = keep(IPAddress(address=f'198.51.100.{world.new_number()}/24', assigned_object=port))
    if world.random.random() < 0.5:
        keep(Device.objects.get(pk=port.device_id), primary_ip4=address)


@edit
def an_address_of_theirs_is_behind_one_of_the_fabrics(world):
    keep(IPAddress(address=f'203.0.113.{world.new_number()}/24', nat_inside=world.one_managed(IPAddress)))


@edit
def a_range_is_changed(world):
    found = world.one_managed(IPRange)
    start = found.start_address
    start.value += world.random.randrange(1, 5)
    keep(found, start_address=start, description='mine', mark_utilized=True)


@edit
def a_range_is_deleted(world):
    world.one_managed(IPRange).delete()


@edit
def a_range_of_theirs_is_in_a_vrf_of_the_fabrics(world):
    number = world.random.randrange(1, 6)
    populated = world.one((True, False))
    keep(IPRange(
        vrf=world.one_managed(VRF), start_address=f'10.0.{number}.{world.one((1, 120))}/24',
        end_address=f'10.0.{number}.200/24', mark_populated=populated,
    ))


# L2VPNs


@edit
def an_l2vpn_is_changed(world):
    keep(world.one_managed(L2VPN), identifier=world.one((None, 7)), name=f'mine {world.new_number()}')


@edit
def an_l2vpn_is_deleted(world):
    world.one_managed(L2VPN).delete()


@edit
def a_termination_is_deleted(world):
    world.one_managed(L2VPNTermination).delete()


@edit
def a_termination_moves_to_an_l2vpn_of_theirs(world):
    number = world.new_number()
    l2vpn = keep(L2VPN(name=f'theirs {number}', slug=f'theirs-{number}', type='vxlan'))
    keep(world.one_managed(L2VPNTermination), l2vpn=l2vpn)


@edit
def a_vlan_of_theirs_is_in_an_l2vpn_of_the_fabrics(world):
    vlan = keep(VLAN(vid=world.random.randrange(2, 900), name=f'theirs-{world.new_number()}'))
    keep(L2VPNTermination(l2vpn=world.one_managed(L2VPN), assigned_object=vlan))


# What refers to the fabric's objects, and what is decided about them


@edit
def a_custom_field_refers_to_an_object(world):
    field = CustomField.objects.filter(name='seen').first()
    if field is None:
        field = keep(CustomField(
            name='seen', type='object', related_object_type=ObjectType.objects.get_for_model(Device),
        ))
        field.object_types.set([ObjectType.objects.get_for_model(Site)])
    site = Site.objects.get(slug='dc2')
    site.custom_field_data['seen'] = world.one_managed(Device).pk
    keep(site)


@edit
def a_person_uses_the_fabrics_value(world):
    operations.accept_fabric_value([world.one(Discrepancy.objects.filter(type='field').order_by('key', 'field'))])


@edit
def a_person_keeps_netboxs_value(world):
    operations.keep_netbox_value([world.one(Discrepancy.objects.filter(type__in=('field', 'deleted')).order_by('key', 'field'))])


@edit
def a_person_reopens_what_they_decided(world):
    operations.reopen([world.one(Discrepancy.objects.exclude(state='open').order_by('key', 'field'))])


@edit
def a_person_has_what_was_deleted_created_again(world):
    operations.recreate(list(Discrepancy.objects.filter(type='deleted')))


@edit
def a_person_ignores_a_discrepancy(world):
    operations.ignore([world.one(Discrepancy.objects.order_by('type', 'key', 'field', 'kind', 'name'))])


@edit
def a_person_leaves_everything_and_adopts_it_by_name(world):
    disable_inventory(world.fabric)
    world.change_settings(inventory_enabled=True, inventory_adoption='name')


@edit
def a_device_type_of_the_fabrics_is_renamed(world):
    kind = world.one(DeviceType.objects.order_by('pk'))
    keep(kind, model=f'mine {world.new_number()}', u_height=2)


@edit
def a_manufacturer_of_the_fabrics_is_renamed(world):
    maker = world.one(Manufacturer.objects.order_by('pk'))
    keep(maker, name=f'mine {world.new_number()}')


# Parts of edits


def rewire(cable: Any, side: str, end: Any) -> None:
    """Lead one end of a cable to something else, as a person does on the cable's page."""
    cable = Cable.objects.get(pk=cable.pk)
    keep(cable, **{f'{side}_terminations': [end]})
