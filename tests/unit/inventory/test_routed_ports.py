"""Ports that come into a VRF and leave it: subnets of hostBGP, untagged externals, and what people have set."""

from typing import Any

import pytest
from dcim.models import Interface
from ipam.models import VLAN, VRF, Prefix

from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.operations import accept_fabric_value
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Discrepancy, Fabric

from ...support.inventory import again, grace_is_over, mirror, settled
from ...support.resources import make

pytestmark = pytest.mark.django_db


def resources(*more: Resource, attached: bool = True, **subnet: Any) -> list[Resource]:
    """One leaf with a server on E1/1, attached to a subnet of the VPC "rail"."""
    ports = {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 4)}
    link = {'server': {'port': 'node/nic'}, 'switch': {'port': 'leaf/E1/1'}}
    found = [
        make('SwitchProfile', 'x9', displayName='Acme X9', ports=ports, portProfiles={
            'p': {'speed': {'default': '100G'}},
        }),
        make('Switch', 'leaf', role='server-leaf', profile='x9'),
        make('Server', 'node'),
        make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 2999}]),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/8']),
        make('VPC', 'rail', ipv4Namespace='default', vlanNamespace='default', mode='l3vni', subnets={
            'a': {'subnet': '10.7.0.0/25', **subnet},
        }),
        make('Connection', 'c', unbundled={'link': link}),
        *more,
    ]
    return [*found, make('VPCAttachment', 'a', connection='c', subnet='rail/a')] if attached else found


def port(name: str = 'E1/1') -> Interface:
    return Interface.objects.get(device__name='leaf', name=name)


@pytest.fixture
def fabric() -> Fabric:
    fabric = settled(resources(vlan=1100), inventory_removal='delete')
    assert (port().mode, list(port().tagged_vlans.values_list('vid', flat=True)), port().vrf) == ('tagged', [1100], None)
    return fabric


def test_a_subnet_becomes_one_of_host_bgp_and_is_none_again(fabric):
    vrf = VRF.objects.get(name__startswith='rail')
    again(fabric, resources(vlan=1100, hostBGP=True))
    assert not port().mode
    assert (port().tagged_vlans.count(), port().vrf) == (0, None)
    assert (port('E1/1.1100').vrf, port('E1/1.1100').parent) == (vrf, port())
    assert not Discrepancy.objects.exclude(type='orphan').exists()
    grace_is_over(fabric)
    again(fabric, resources(vlan=1100, hostBGP=True))
    assert not VLAN.objects.exists()
    again(fabric, resources(hostBGP=True))
    assert port().vrf == vrf
    again(fabric, resources(vlan=1100))
    assert (port().mode, port().vrf) == ('tagged', None)
    grace_is_over(fabric)
    again(fabric, resources(vlan=1100))
    assert not Interface.objects.filter(name__contains='.').exists()
    assert not Discrepancy.objects.exists()


def test_a_port_leaves_the_vrf_with_its_attachment(fabric):
    again(fabric, resources(hostBGP=True))
    assert port().vrf is not None
    again(fabric, resources(hostBGP=True, attached=False))
    assert port().vrf is None


def test_the_vrf_of_a_person_stays_on_a_port_that_the_fabric_does_not_route(fabric):
    theirs = VRF.objects.create(name='Mine')
    Interface.objects.filter(pk=port('E1/3').pk).update(vrf=theirs)
    again(fabric, resources(vlan=1100))
    assert port('E1/3').vrf == theirs
    assert not Discrepancy.objects.exists()


def test_the_vrf_of_a_person_on_a_port_that_the_fabric_routes_is_a_discrepancy(fabric):
    theirs = VRF.objects.create(name='Mine')
    Interface.objects.filter(pk=port().pk).update(vrf=theirs)
    again(fabric, resources(hostBGP=True))
    assert port().vrf == theirs
    row = Discrepancy.objects.get(type='field')
    assert (row.field, row.object) == ('vrf', port())


def test_the_vrf_of_a_person_stays_that_the_fabric_said_for_a_while(fabric):
    vrf = VRF.objects.get(name__startswith='rail')
    Interface.objects.filter(pk=port().pk).update(vrf=vrf)
    again(fabric, resources(hostBGP=True))
    again(fabric, resources(hostBGP=True, attached=False))
    assert port().vrf == vrf
    assert not Discrepancy.objects.filter(type='field').exists()


def test_a_vrf_that_the_fabric_no_longer_has_cannot_be_used(fabric):
    theirs = VRF.objects.create(name='Mine')
    Interface.objects.filter(pk=port().pk).update(vrf=theirs)
    again(fabric, resources(hostBGP=True))
    mirror(fabric, resources(hostBGP=True, attached=False))
    acceptance = accept_fabric_value(Discrepancy.objects.filter(field='vrf'))
    assert acceptance.refusals == ['Switch leaf has no value for VRF now: the NetBox value is kept.']
    assert port().vrf == theirs


def test_a_vrf_that_is_unclear_now_cannot_be_used(fabric):
    theirs = VRF.objects.create(name='Mine')
    Interface.objects.filter(pk=port().pk).update(vrf=theirs)
    again(fabric, resources(hostBGP=True))
    other = make('VPC', 'other', subnets={'a': {'subnet': '10.9.0.0/24', 'hostBGP': True}})
    mirror(fabric, resources(other, make('VPCAttachment', 'b', connection='c', subnet='other/a'), hostBGP=True))
    acceptance = accept_fabric_value(Discrepancy.objects.filter(field='vrf'))
    assert acceptance.refusals == ['Switch leaf has no value for VRF now: the NetBox value is kept.']


# What is on the server's side of a routed port, or beside it


def nic() -> Interface:
    return Interface.objects.get(device__name='node')


def test_the_vlan_of_a_person_on_a_routed_prefix_is_theirs(fabric):
    again(fabric, resources(vlan=1100, hostBGP=True))
    prefix = Prefix.objects.get(prefix='10.7.0.0/25')
    assert prefix.vlan is None
    theirs = VLAN.objects.create(name='tag', vid=1100)
    Prefix.objects.filter(pk=prefix.pk).update(vlan=theirs)
    again(fabric, resources(vlan=1100, hostBGP=True))
    prefix.refresh_from_db()
    assert prefix.vlan == theirs
    assert not Discrepancy.objects.filter(type='field').exists()


@pytest.mark.parametrize('vlan', [{'vlan': 1100}, {}])
def test_the_tag_of_a_person_on_the_port_of_a_routed_server_is_theirs(fabric, vlan):
    again(fabric, resources(hostBGP=True, **vlan))
    assert (nic().mode, nic().tagged_vlans.count()) == (None, 0)
    theirs = VLAN.objects.create(name='tag', vid=1100)
    Interface.objects.filter(pk=nic().pk).update(mode='tagged')
    nic().tagged_vlans.set([theirs])
    again(fabric, resources(hostBGP=True, **vlan))
    assert (nic().mode, list(nic().tagged_vlans.all())) == ('tagged', [theirs])
    assert not Discrepancy.objects.filter(type='field').exists()


def test_the_tag_of_a_person_stays_when_the_port_of_a_server_becomes_routed(fabric):
    ours, theirs = VLAN.objects.get(), VLAN.objects.create(name='tag', vid=1200)
    nic().tagged_vlans.add(theirs)
    again(fabric, resources(vlan=1100, hostBGP=True))
    assert (nic().mode, list(nic().tagged_vlans.order_by('vid'))) == ('tagged', [ours, theirs])
    assert not Discrepancy.objects.filter(type='field').exists()


def test_what_was_written_to_the_port_of_a_server_goes_also_if_one_of_its_vlans_was_deleted(fabric):
    def two(**subnet):
        found = resources(make('VPCAttachment', 'b', connection='c', subnet='rail/b'), vlan=1100, **subnet)
        vpc = next(resource for resource in found if resource.kind == 'VPC')
        vpc.spec['subnets']['b'] = {'subnet': '10.8.0.0/24', 'vlan': 1200, **subnet}
        return found

    again(fabric, two())
    assert nic().tagged_vlans.count() == 2
    Prefix.objects.filter(vlan__vid=1200).update(vlan=None)
    VLAN.objects.get(vid=1200).delete()
    again(fabric, two(hostBGP=True))
    assert (nic().mode, nic().tagged_vlans.count()) == (None, 0)
    assert not Discrepancy.objects.filter(type='field').exists()


def test_the_tag_of_a_person_on_the_routed_port_of_a_switch_is_a_discrepancy(fabric):
    again(fabric, resources(hostBGP=True))
    Interface.objects.filter(pk=port().pk).update(mode='access', untagged_vlan=VLAN.objects.create(name='tag', vid=1100))
    again(fabric, resources(hostBGP=True))
    assert set(Discrepancy.objects.filter(type='field').values_list('field', flat=True)) == {'mode', 'untagged_vlan'}


# What two attachments make of one port


def test_a_port_of_two_vrfs_keeps_the_one_that_it_has(fabric):
    again(fabric, resources(hostBGP=True))
    vrf = port().vrf
    other = make('VPC', 'other', subnets={'a': {'subnet': '10.9.0.0/24', 'hostBGP': True}})
    again(fabric, resources(other, make('VPCAttachment', 'b', connection='c', subnet='other/a'), hostBGP=True))
    assert port().vrf == vrf
    assert set(Discrepancy.objects.filter(code='untagged-in-use').values_list('name', flat=True)) == {'a', 'b'}
    again(fabric, resources(other, make('VPCAttachment', 'b', connection='c', subnet='other/a'), hostBGP=True, attached=False))
    assert port().vrf.name.startswith('other')


def test_an_external_that_cannot_be_determined_leaves_the_port_where_it_is(fabric):
    border = make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/2'}}})
    external = make('External', 'isp', ipv4Namespace='default')
    attachment = make('ExternalAttachment', 'isp', connection='up', external='isp', switch={'ip': '203.0.113.1/30'})
    again(fabric, resources(border, external, attachment, vlan=1100))
    vrf = port('E1/2').vrf
    assert vrf.name.startswith('External isp')
    again(fabric, resources(border, attachment, vlan=1100))
    assert port('E1/2').vrf == vrf
    again(fabric, resources(border, vlan=1100))
    assert port('E1/2').vrf is None


def test_extra_prefixes_come_and_go(fabric):
    extra = {'10.8.0.0/24': {'minPrefixLen': 26}, '10.9.0.0/24': {}}
    again(fabric, resources(hostBGP=True, hostBGPExtraPrefixes=extra))
    assert Prefix.objects.filter(vrf__name__startswith='rail').count() == 3
    again(fabric, resources(hostBGP=True, hostBGPExtraPrefixes={'10.9.0.0/24': {}}))
    grace_is_over(fabric)
    again(fabric, resources(hostBGP=True, hostBGPExtraPrefixes={'10.9.0.0/24': {}}))
    found = Prefix.objects.filter(vrf__name__startswith='rail').values_list('prefix', flat=True)
    assert sorted(map(str, found)) == ['10.7.0.0/25', '10.9.0.0/24']


def test_an_extra_prefix_of_its_own_does_not_stop_removals(fabric):
    extra = {'10.7.0.0/25': {}}
    again(fabric, resources(hostBGP=True, vlan=1100, hostBGPExtraPrefixes={**extra, '10.8.0.0/24': {}}))
    again(fabric, resources(hostBGP=True, vlan=1100, hostBGPExtraPrefixes=extra))
    grace_is_over(fabric)
    again(fabric, resources(hostBGP=True, vlan=1100, hostBGPExtraPrefixes=extra))
    assert [str(prefix.prefix) for prefix in Prefix.objects.filter(vrf__name__startswith='rail')] == ['10.7.0.0/25']
    assert not Discrepancy.objects.exists()


def test_an_extra_prefix_becomes_a_subnet_and_stays_the_same_prefix(fabric):
    again(fabric, resources(hostBGP=True, hostBGPExtraPrefixes={'10.8.0.0/24': {}}))
    prefix = Prefix.objects.get(prefix='10.8.0.0/24')
    found = resources(hostBGP=True)
    vpc = next(resource for resource in found if resource.kind == 'VPC')
    vpc.spec['subnets']['b'] = {'subnet': '10.8.0.0/24', 'hostBGP': True}
    again(fabric, found)
    assert Prefix.objects.get(prefix='10.8.0.0/24') == prefix
    assert not Discrepancy.objects.exclude(type='orphan').exists()


def test_an_attachment_whose_vrf_is_skipped_keeps_its_subinterface(fabric):
    again(fabric, resources(hostBGP=True, vlan=1100))
    subinterface = port('E1/1.1100')
    found = [
        make('VPC', 'r' * 99, **resource.spec) if resource.kind == 'VPC'
        else make('VPCAttachment', 'a', connection='c', subnet=f'{"r" * 99}/a') if resource.kind == 'VPCAttachment'
        else resource for resource in resources(hostBGP=True, vlan=1100)
    ]
    for _ in range(2):
        mirror(fabric, found)
        reconcile(fabric, confirmed=True)
        grace_is_over(fabric)
    subinterface.refresh_from_db()
    assert Discrepancy.objects.filter(code='vrf-skipped', name='a').exists()


@pytest.mark.parametrize('wrong', [['10.8.0.0/24'], '10.8.0.0/24', 5, {'x': 1}, None])
def test_extra_prefixes_that_are_none_cost_nothing_else(fabric, wrong):
    again(fabric, resources(hostBGP=True, hostBGPExtraPrefixes=wrong))
    assert port().vrf is not None
