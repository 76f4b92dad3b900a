"""Prefixes that addresses are in: of the underlay, and of what leads out of the fabric."""

from ipaddress import ip_interface

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import SCOPES, Desired, Options, Resource

from ....support.mapping_rules import check
from ....support.resources import load, make, small


def fabric(*more: Resource, **options: frozenset[str]) -> Desired:
    found = desired([*small(), *more], Options('dc-1', site=1, **options))
    check(found)
    return found


def prefixes(found: Desired) -> dict[tuple[str, str], str]:
    """The description of each prefix that comes from the fabric, by VRF and prefix."""
    return {
        (str(obj.managed_fields['vrf'].key), str(obj.managed_fields['prefix'])): str(obj.fields['description'])
        for obj in found.of('ipam.prefix') if obj.source.kind == 'Fabric'
    }


def external(name: str = 'isp', ip: str = '203.0.113.1/30', port: str = 'spine-1/E1/3') -> list[Resource]:
    return [
        make('Connection', f'up-{name}', external={'link': {'switch': {'port': port}}}),
        make('External', name, ipv4Namespace='default'),
        make('ExternalAttachment', name, connection=f'up-{name}', external=name, switch={'ip': ip, 'vlan': 300}),
    ]


def static(ip: str, **more: str) -> Resource:
    link = {'switch': {'port': 'spine-1/E1/4', 'ip': ip}}
    return make('Connection', 'static', staticExternal={'link': link, **more})


def test_addresses_have_prefixes_but_for_host_routes():
    assert prefixes(fabric()) == {
        ('vrf/underlay', '172.30.0.0/21'): 'Management', ('vrf/underlay', '172.30.128.0/31'): 'Fabric links',
    }


def test_each_address_on_an_interface_is_in_a_prefix_of_its_vrf():
    found = desired(load('every-member'), Options('dc-1', site=1))
    known = {(obj.managed_fields['vrf'], obj.managed_fields['prefix']) for obj in found.of('ipam.prefix')}
    for obj in found.of('ipam.ipaddress'):
        address = str(obj.managed_fields['address'])
        network = str(ip_interface(address).network)
        assert address.endswith(('/32', '/128')) or (obj.managed_fields['vrf'], network) in known, address


def test_what_leads_out_of_the_fabric_has_prefixes_in_its_own_vrf():
    found = fabric(*external(), static('10.99.0.1/24'))
    assert found.issues == []
    assert prefixes(found).items() >= {
        ('vrf/external/isp', '203.0.113.0/30'): 'External isp', ('vrf/underlay', '10.99.0.0/24'): 'Static external static',
    }.items()


def test_a_subnet_of_the_vpc_is_not_added_again():
    found = fabric(static('10.0.1.7/24', withinVPC='vpc-1'))
    assert found.issues == []
    assert ('vrf/vpc/vpc-1', '10.0.1.0/24') not in prefixes(found)
    found = fabric(static('10.0.9.7/24', withinVPC='vpc-1'))
    assert ('vrf/vpc/vpc-1', '10.0.9.0/24') in prefixes(found)


def test_ipv6():
    gateway = {'eth1': {'ips': ['2001:db8::1/64', '2001:db8:1::1/127', '2001:db8:2::1/128', '2001:db8:3::1']}}
    found = fabric(make('Gateway', 'gw', interfaces=gateway))
    assert {prefix for _vrf, prefix in prefixes(found)} == {
        '172.30.0.0/21', '172.30.128.0/31', '2001:db8::/64', '2001:db8:1::/127',
    }


def test_an_address_that_is_skipped_has_no_prefix():
    found = fabric(*external(ip='203.0.113.0/30'))
    assert [issue.code for issue in found.issues] == ['address-not-usable']
    assert not [vrf for vrf, _prefix in prefixes(found) if vrf == 'vrf/external/isp']


def test_they_are_of_the_scope_of_their_addresses_and_need_devices():
    more = external()
    for scope, vrfs in (('addressing', {'vrf/underlay'}), ('vpcs', {'vrf/external/isp'})):
        found = fabric(*more, scopes=frozenset(('devices', scope)))
        assert {vrf for vrf, _prefix in prefixes(found)} == vrfs
        assert {obj.scope for obj in found.of('ipam.prefix') if obj.source.kind == 'Fabric'} == {scope}
    assert prefixes(fabric(*more, scopes=frozenset(SCOPES) - {'devices'})) == {}
