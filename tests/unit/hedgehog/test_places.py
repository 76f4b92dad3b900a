"""Where manifests hold what people look for, whatever their shape."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.connections import MEMBERS
from netbox_hedgehog.hedgehog.places import PLACES, found_in, predicates
from netbox_hedgehog.hedgehog.plugged import read_server_links
from netbox_hedgehog.hedgehog.sightings import read_leases, read_port_sightings, read_serials
from netbox_hedgehog.hedgehog.terms import read_term

VPC = {'subnets': {'web': {
    'subnet': '10.0.1.0/24', 'gateway': '10.0.1.1', 'vlan': 1001,
    'dhcp': {'static': {'02:00:00:00:01:10': {'ip': '10.0.1.9'}}},
}}}


def says(kind: str, spec: Any, entered: str) -> list[tuple[str, int]]:
    return [(hit.says, hit.distance) for hit in found_in(kind, 'x', spec, read_term(entered))]


@pytest.mark.parametrize(('entered', 'expected'), [
    ('10.0.1.1', [('gateway of subnet x/web', 0), ('subnet x/web, VLAN 1001, gateway 10.0.1.1', 9)]),
    ('10.0.1.9', [
        ('subnet x/web, VLAN 1001, gateway 10.0.1.1', 9), ('DHCP reservation for 02:00:00:00:01:10 in x/web', 0),
    ]),
    ('0200.0000.0110', [('DHCP reservation of 10.0.1.9 in x/web', 0)]),
    ('10.0.1.0/24', [('subnet x/web, VLAN 1001, gateway 10.0.1.1', 0)]),
    ('10.0.1.128/25', [('subnet x/web, VLAN 1001, gateway 10.0.1.1', 1)]),
    ('10.0.0.0/16', []),
    ('1001', [('VLAN of subnet x/web, 10.0.1.0/24', 0)]),
    ('X/web', [('subnet 10.0.1.0/24, VLAN 1001, gateway 10.0.1.1', 0)]),
    ('y/web', []),
    ('x/we', []),
    ('AS1001', []),
])
def test_a_vpc(entered: str, expected: list[tuple[str, int]]) -> None:
    assert says('VPC', VPC, entered) == expected


@pytest.mark.parametrize(('kind', 'spec', 'entered', 'expected'), [
    ('Switch', {'ip': '172.30.0.8/21'}, '172.30.0.8', 'management address of switch x'),
    ('Switch', {'boot': {'serial': 'ACM1'}}, 'acm1', 'serial number of switch x'),
    ('Gateway', {'vtepMAC': 'CA:FE:BA:BE:01:01'}, 'cafe.babe.0101', 'VTEP MAC address of gateway x'),
    ('VLANNamespace', {'ranges': [{'from': 1000, 'to': 1999}]}, '1500', 'VLAN in the range 1000–1999 of VLAN namespace x'),
    ('VLANNamespace', {'ranges': [{'from': 1000}]}, '1000', 'VLAN in the range 1000–1000 of VLAN namespace x'),
    ('Catalog', {'vpcVNIs': {'ext@internet': 300}}, 'VNI 300', 'VNI of external internet'),
    ('VPCInfo', {'vni': 300}, '300', 'VNI of VPC x'),
    ('DHCPSubnet', {'subnet': 'management', 'cidrBlock': '172.30.0.0/21'}, '172.30.0.0/21', 'DHCP subnet x'),
    ('GatewayPeering', {'peering': {'ext.wan': {'expose': [{'ips': [{'cidr': '192.0.2.0/31'}]}]}}}, '192.0.2.1',
     'exposed prefix of external wan in gateway peering x'),
    ('GatewayPeering', {'peering': {'red': {'expose': [{'as': [{'cidr': '192.0.2.9/32'}]}]}}}, '192.0.2.9',
     'prefix by which gateway peering x exposes VPC red'),
    ('VPCInterconnect', {'remote': {'prefixes': ['10.9.0.0/16']}}, '10.9.8.0/24', 'remote prefix of VPC interconnect x'),
    ('VPCInterconnect', {'links': [{'vlan': 300}]}, 'VLAN 300', 'VLAN of VPC interconnect x'),
    ('VPCInterconnect', {'links': [{'remoteASN': 64501}]}, 'AS64501', 'remote AS number of VPC interconnect x'),
    ('ExternalAttachment', {'neighbor': {'asn': 64500}}, 'AS64500', 'AS number of the neighbor in external attachment x'),
])
def test_other_kinds(kind: str, spec: Any, entered: str, expected: str) -> None:
    assert [hit for hit, _ in says(kind, spec, entered)] == [expected]


def test_every_member_of_a_connection_that_has_addresses() -> None:
    for member in MEMBERS.values():
        ends = {end: {'port': f'{end}-1/E1/1', 'ip': f'172.30.128.{place}/31'} for place, end in enumerate(member.ends)}
        for name in member.lists:
            spec = {member.name: {name: ends if name == 'link' else [ends]}}
            assert says('Connection', spec, '172.30.128.0') == [(f'address of {member.ends[0]}-1 E1/1 (Connection x)', 0)]


@pytest.mark.parametrize('value', [None, 7, 'text', [], [[]], {'subnets': 5}, {'subnets': {'a': 1}}, {'subnets': {'a': {'dhcp': {'static': 3}}}}])
def test_specs_of_unknown_shape_have_nothing(value: Any) -> None:
    for entered in ('10.0.1.1', '02:00:00:00:01:10', '1001', 'leaf', '10.0.0.0/8'):
        term = read_term(entered)
        for place in PLACES:
            assert list(found_in(place.kind, 'x', value, term)) == []
        assert list(read_leases(value, term)) == []
        assert list(read_port_sightings(value, term)) == []
        assert list(read_serials(value if isinstance(value, str) else '', value, term)) == []
    assert read_server_links('x', value) is None


def test_only_kinds_that_can_have_a_term_are_asked() -> None:
    assert set(predicates(read_term('VNI 100'))) == {'Catalog', 'VPCInfo'}
    assert set(predicates(read_term('leaf-01'))) == {'Switch'}
    assert set(predicates(read_term('vpc-01/default'))) == {'Switch', 'VPC'}
    assert predicates(read_term('a')) == {}


def test_the_parents_of_an_address_are_not_built_for_each_prefix() -> None:
    term = read_term('2001:db8::1')
    assert term.parents is read_term('2001:db8::1').parents
