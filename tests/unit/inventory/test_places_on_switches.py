"""What moves between places of a switch: addresses to and from VLAN interfaces, VPCs between VRFs; labels of cables."""

from typing import Any

import pytest
from dcim.models import Cable, Interface
from ipam.models import VLAN, VRF, IPAddress, IPRange, Prefix

from netbox_hedgehog.hedgehog.vpcs import LINK_ANNOTATION
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ...support.inventory import again, fabric_of, grace_is_over, mirror, removed, synced
from ...support.resources import make

pytestmark = pytest.mark.django_db


def profile(nos: str = 'sonic-bcm-base') -> Resource:
    ports = {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 7)}
    return make(
        'SwitchProfile', 'x6', displayName='Acme X6', nosType=nos, switchSilicon='Broadcom TH5', ports=ports,
        portProfiles={'p': {'speed': {'default': '100G'}}},
    )


def leaf(name: str) -> Resource:
    return make('Switch', name, role='server-leaf', profile='x6')


def port(name: str, device: str = 'a') -> Interface:
    return Interface.objects.get(device__name=device, name=name)


def address(value: str) -> IPAddress:
    return IPAddress.objects.get(address=value)


# Addresses on VLAN interfaces


def mesh(vlans: Any = None, names: tuple[str, str] = ('a', 'b')) -> list[Resource]:
    links = [
        {'leaf1': {'port': f'a/E1/{number}', 'ip': f'172.30.128.{2 * number}/31'},
         'leaf2': {'port': f'b/E1/{number}', 'ip': f'172.30.128.{2 * number + 1}/31'}}
        for number in (1, 2)
    ]
    return [
        profile(), leaf('a'), leaf('b'), make('Connection', 'a--mesh--b', mesh={'links': links}),
        make('Catalog', 'switch.a', th5WorkaroundVLANs=vlans or {}), make('Catalog', 'switch.b', th5WorkaroundVLANs={}),
    ]


def test_an_address_moves_to_the_interface_of_a_vlan_and_back():
    fabric = synced(mesh(), inventory_removal='delete')
    before = address('172.30.128.2/31')
    assert before.assigned_object == port('E1/1')
    again(fabric, mesh({'E1/1': 3900, 'E1/2': 3901}))
    after = address('172.30.128.2/31')
    assert (after.pk, after.assigned_object) == (before.pk, port('Vlan3900'))
    assert (port('E1/1').mode, port('E1/1').untagged_vlan.vid) == ('access', 3900)
    assert (port('Vlan3900').parent, port('Vlan3900').type) == (None, 'virtual')
    # The controller may number them anew, in a circle too.
    again(fabric, mesh({'E1/1': 3901, 'E1/2': 3900}))
    assert address('172.30.128.2/31').assigned_object == port('Vlan3901')
    assert port('E1/1').untagged_vlan.vid == 3901
    removed(fabric, mesh())
    assert address('172.30.128.2/31').assigned_object == port('E1/1')
    assert (address('172.30.128.2/31').pk, port('E1/1').mode) == (before.pk, None)
    assert not VLAN.objects.exists()
    assert not Interface.objects.filter(name__startswith='Vlan').exists()
    assert not Discrepancy.objects.exists()


def test_an_address_that_a_person_has_moved_stays_there():
    fabric = synced(mesh())
    IPAddress.objects.filter(address='172.30.128.2/31').update(assigned_object_id=port('E1/6').pk)
    for _ in range(2):
        mirror(fabric, mesh({'E1/1': 3900}))
        reconcile(fabric)
    assert address('172.30.128.2/31').assigned_object == port('E1/6')
    assert Discrepancy.objects.exists()


def test_the_interface_of_a_vlan_that_a_person_has_made_is_a_conflict():
    fabric = synced(mesh())
    theirs = Interface.objects.create(device=port('E1/1').device, name='Vlan3900', type='virtual', description='mine')
    again(fabric, mesh({'E1/1': 3900}))
    theirs.refresh_from_db()
    assert theirs.description == 'mine'
    assert Discrepancy.objects.filter(type='conflict').exists()


# VPCs that change their VRF


def vpc(mode: str) -> list[Resource]:
    subnet = {
        'subnet': '10.1.0.0/24', 'gateway': '10.1.0.1', 'vlan': 1001,
        'dhcp': {'enable': True, 'range': {'start': '10.1.0.10', 'end': '10.1.0.99'}, 'static': {'02:00:00:00:00:01': {'ip': '10.1.0.5'}}},
    }
    return [
        profile(), leaf('a'), make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 1999}]),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/8']),
        make('VPC', 'red', ipv4Namespace='default', vlanNamespace='default', mode=mode, subnets={'a': subnet}),
        make('Catalog', 'vpcs', vpcVNIs={'red': 100}),
    ]


def test_a_vpc_becomes_flat_and_is_none_again():
    fabric = fabric_of(vpc('l3vni'), inventory_removal='delete')
    again(fabric, vpc('l3vni'))
    prefix, span = Prefix.objects.get(prefix='10.1.0.0/24'), IPRange.objects.get()
    gateway, reserved = address('10.1.0.1/24'), address('10.1.0.5/24')
    assert prefix.vrf.name == 'red (dc-1)'
    for mode, vrf in (('l3flat', 'Underlay (dc-1)'), ('l3vni', 'red (dc-1)')):
        removed(fabric, vpc(mode))
        for found in (prefix, span, gateway, reserved):
            found.refresh_from_db()
            assert found.vrf.name == vrf
    assert not VRF.objects.filter(name='Underlay (dc-1)').exists()
    assert not Discrepancy.objects.exists()


def test_the_vrf_of_a_vpc_that_became_flat_stays_while_something_of_a_person_is_in_it():
    fabric = fabric_of(vpc('l3vni'), inventory_removal='delete')
    again(fabric, vpc('l3vni'))
    vrf = VRF.objects.get(name='red (dc-1)')
    theirs = Prefix.objects.create(prefix='10.99.0.0/24', vrf=vrf)
    removed(fabric, vpc('l3flat'))
    theirs.refresh_from_db()
    assert theirs.vrf == vrf
    assert Prefix.objects.get(prefix='10.1.0.0/24').vrf.name == 'Underlay (dc-1)'


# MCLAG domains that are no more, interfaces of VRFs


def domain() -> list[Resource]:
    def link(number: int) -> dict[str, Any]:
        return {'switch1': {'port': f'a/E1/{number}'}, 'switch2': {'port': f'b/E1/{number}'}}

    return [
        profile(), leaf('a'), leaf('b'),
        *(make('Agent', name, config={'mclagSessionSubnet': '172.30.95.0/31'}) for name in ('a', 'b')),
        make('Connection', 'a--domain--b', mclagDomain={'peerLinks': [link(1), link(2)], 'sessionLinks': [link(3)]}),
    ]


def test_an_mclag_domain_comes_and_goes():
    fabric = synced([profile(), leaf('a'), leaf('b')], inventory_removal='delete')
    again(fabric, domain())
    assert (port('PortChannel250').mode, port('E1/1').lag, port('E1/3').lag) == (
        'tagged-all', port('PortChannel250'), port('PortChannel251'),
    )
    assert address('172.30.95.1/31').assigned_object == port('PortChannel251', 'b')
    removed(fabric, [profile(), leaf('a'), leaf('b')])
    assert not Interface.objects.filter(type='lag').exists()
    assert not Cable.objects.exists()
    assert not IPAddress.objects.exists()
    assert not Discrepancy.objects.exists()


def attached(irb: Any, *more: Resource) -> list[Resource]:
    link = {'server': {'port': 'node/nic'}, 'switch': {'port': 'a/E1/1'}}
    return [
        *vpc('l3vni'), make('Server', 'node'), make('Connection', 'c', unbundled={'link': link}),
        make('Catalog', 'switch.a', irbVLANs=irb), *more,
    ]


ATTACHMENT = make('VPCAttachment', 'red--node', connection='c', subnet='red/a')


def test_the_interface_of_a_vrf_follows_its_number_and_leaves_with_the_vpc():
    fabric = fabric_of(attached({'red': 3000}, ATTACHMENT), inventory_removal='delete')
    again(fabric, attached({'red': 3000}, ATTACHMENT))
    first = port('Vlan3000')
    assert first.vrf.name == 'red (dc-1)'
    again(fabric, attached({'red': 3007}, ATTACHMENT))
    assert port('Vlan3007').pk == first.pk
    # The controller numbers again: nothing is known for a while, and nothing is removed.
    removed(fabric, attached({}, ATTACHMENT))
    assert port('Vlan3007').pk == first.pk
    assert not InventoryLink.objects.filter(fabric=fabric, stale_since__isnull=False).exists()
    removed(fabric, attached({'red': 3007}))
    assert not Interface.objects.filter(name__startswith='Vlan').exists()
    assert not Discrepancy.objects.exists()


# Links to servers of Cumulus switches


def link(network: str | None) -> list[Resource]:
    found = [resource for resource in attached({}) if resource.kind != 'SwitchProfile']
    annotations = {LINK_ANNOTATION: network} if network else {}
    return [
        *found, profile('cumulus-vx'),
        Resource('VPCAttachment', 'red--node', dict(ATTACHMENT.spec), annotations=annotations),
    ]


def test_the_addresses_of_a_link_are_read_from_the_annotation_and_follow_it():
    fabric = fabric_of(link('10.3.0.4/31'), inventory_removal='delete')
    again(fabric, link('10.3.0.4/31'))
    nic = Interface.objects.get(device__name='node')
    assert (address('10.3.0.5/31').assigned_object, address('10.3.0.4/31').assigned_object) == (port('E1/1'), nic)
    assert address('10.3.0.5/31').vrf == port('E1/1').vrf == VRF.objects.get(name='red (dc-1)')
    before = address('10.3.0.5/31').pk
    again(fabric, link('10.3.0.8/31'))
    assert address('10.3.0.9/31').pk == before
    removed(fabric, link(None))
    assert not IPAddress.objects.filter(address__net_host_contained='10.3.0.0/16').exists()
    assert not Discrepancy.objects.exists()


# Labels of cables


def wired(name: str, end: str = 'E1/1') -> list[Resource]:
    cable = {'server': {'port': 'node/nic'}, 'switch': {'port': f'a/{end}'}}
    return [profile(), leaf('a'), make('Server', 'node'), make('Connection', name, unbundled={'link': cable})]


def test_the_label_of_a_cable_follows_its_connection():
    fabric = synced(wired('old'))
    cable = Cable.objects.get()
    assert cable.label == 'old'
    again(fabric, wired('new'))
    cable.refresh_from_db()
    assert cable.label == 'new'
    again(fabric, wired('n' * 101, 'E1/2'))
    cable.refresh_from_db()
    assert cable.label == ''
    again(fabric, wired('newer'))
    cable.refresh_from_db()
    assert cable.label == 'newer'
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize('label', ['A-17', ''])
def test_the_label_of_a_person_stays_and_is_no_discrepancy(label):
    fabric = synced(wired('old'))
    Cable.objects.update(label=label)
    again(fabric, wired('new'))
    assert Cable.objects.get().label == label
    assert not plan(fabric).actions
    assert not Discrepancy.objects.exists()


def test_the_label_of_an_adopted_cable_is_its_own():
    fabric = synced(wired('old'))
    # As a person has connected and labeled it, by chance as the fabric does.
    InventoryLink.objects.filter(fabric=fabric, key__startswith='cable/').delete()
    fabric.inventory_adoption = 'name'
    fabric.save()
    again(fabric, wired('old'))
    assert InventoryLink.objects.get(key__startswith='cable/').origin == 'adopted'
    again(fabric, wired('new'))
    assert Cable.objects.get().label == 'old'
    assert not Discrepancy.objects.exists()
    grace_is_over(fabric)
