"""DHCP reservations: addresses that a subnet keeps for hosts by their MAC addresses."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.manifest import mac_address
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, Options, Ref, Resource

from ....support.mapping_rules import check, said
from ....support.resources import make, small

MAC = '02:00:00:00:00:07'


def reserved(static: Any, *more: Resource, dhcp: bool = True, **subnet: Any) -> Desired:
    web = {
        'subnet': '10.0.1.0/24', 'gateway': '10.0.1.1', 'vlan': 1001,
        'dhcp': {'enable': dhcp, 'range': {'start': '10.0.1.10', 'end': '10.0.1.99'}, 'static': static}, **subnet,
    }
    others = [resource for resource in small() if resource.kind != 'VPC']
    vpc = make('VPC', 'vpc-1', ipv4Namespace='default', vlanNamespace='default', subnets={'web': web})
    found = desired([*others, vpc, *more], Options('dc-1', site=1))
    check(found)
    return found


def keys(found: Desired) -> dict[str, object]:
    return {
        obj.key.removeprefix('reservation/vpc-1/web/'): obj.fields['address'] for obj in found.of('ipam.ipaddress')
        if obj.key.startswith('reservation/')
    }


def test_each_is_a_reserved_address_in_the_vrf_of_the_vpc():
    found = reserved({MAC: {'ip': '10.0.1.20'}, '02:00:00:00:00:08': {'ip': '10.0.1.200'}})
    assert found.issues == []
    assert keys(found) == {MAC: '10.0.1.20/24', '02:00:00:00:00:08': '10.0.1.200/24'}
    fields = found.objects[f'reservation/vpc-1/web/{MAC}'].fields
    assert (fields['vrf'], fields['status']) == (Ref('vrf/vpc/vpc-1'), 'reserved')
    assert fields['description'] == f'DHCP reservation for {MAC} in vpc-1/web'


@pytest.mark.parametrize(('mac', 'value'), [
    (MAC, '10.0.2.20'), (MAC, '10.0.1.0'), (MAC, '10.0.1.255'), (MAC, '2001:db8::1'), (MAC, 'x'), (MAC, None), (MAC, 7),
    ('02:00:00:00:00', '10.0.1.20'), ('', '10.0.1.20'), ('02:00-00:00:00:07', '10.0.1.20'), ('host', '10.0.1.20'),
])
def test_one_that_is_none_is_an_issue_and_costs_nothing_else(mac, value):
    found = reserved({mac: {'ip': value}, '02:00:00:00:00:08': {'ip': '10.0.1.30'}})
    (issue,) = found.issues
    assert (issue.code, issue.source.name) == ('subnet-reservation-invalid', 'vpc-1')
    assert keys(found) == {'02:00:00:00:00:08': '10.0.1.30/24'}


@pytest.mark.parametrize('static', [None, 7, 'x', [], {}, ['10.0.1.20']])
def test_no_reservations(static):
    found = reserved(static)
    assert (keys(found), found.issues) == ({}, [])


def test_without_dhcp_nothing_is_reserved():
    found = reserved({MAC: {'ip': '10.0.1.20'}}, dhcp=False)
    assert (keys(found), found.issues) == ({}, [])


def test_an_address_that_is_in_use_is_not_reserved():
    link = {'switch': {'port': 'spine-1/E1/4', 'ip': '10.0.1.7/24'}}
    static = make('Connection', 'static', staticExternal={'link': link, 'withinVPC': 'vpc-1'})
    found = reserved({
        MAC: {'ip': '10.0.1.1'}, '02:00:00:00:00:08': {'ip': '10.0.1.7'}, '02:00:00:00:00:09': {'ip': '10.0.1.8'},
        '02:00:00:00:00:0A': {'ip': '10.0.1.8'}, '02-00-00-00-00-09': {'ip': '10.0.1.9'},
    }, static)
    assert [issue.code for issue in found.issues] == ['subnet-reservation-in-use'] * 3
    # By the order of the MAC addresses as they are written.
    assert keys(found) == {'02:00:00:00:00:09': '10.0.1.9/24', '02:00:00:00:00:0a': '10.0.1.8/24'}
    assert said(found.issues[0]).startswith('Subnet web: DHCP reservation of 10.0.1.')


@pytest.mark.parametrize(('value', 'found'), [
    ('AA:BB:CC:DD:EE:FF', 'aa:bb:cc:dd:ee:ff'), ('aa-bb-cc-dd-ee-ff', 'aa:bb:cc:dd:ee:ff'),
    ('aabb.ccdd.eeff', 'aa:bb:cc:dd:ee:ff'), ('00:00:5e:00:53:01:02:03', '00:00:5e:00:53:01:02:03'),
    ('aabbccddeeff', None), ('aa:bb:cc:dd:ee', None), ('aa:bb:cc:dd:ee:gg', None), ('aa', None), (None, None), (5, None),
])
def test_mac_addresses_are_read_as_go_reads_them(value, found):
    assert mac_address(value) == found
