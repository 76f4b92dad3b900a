"""What a fabric's settings make of its inventory: scopes, names, roles, and two fabrics side by side."""

from itertools import combinations

import pytest

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import (
    ADDRESSING,
    CABLING,
    DEVICES,
    SCOPES,
    VPCS,
    Desired,
    ExistingRef,
    Options,
)

from ...support.mapping_rules import check
from ...support.resources import load, make

FABRIC = load('every-member')
WHOLE = desired(FABRIC, Options('dc-1', site=1))


def models(found: Desired) -> set[str]:
    return {obj.model for obj in found.objects.values()}


def carried(*scopes: str) -> Desired:
    return desired(FABRIC, Options('dc-1', site=1, scopes=frozenset(scopes)))


@pytest.mark.parametrize('scopes', [chosen for size in range(5) for chosen in combinations(SCOPES, size)])
def test_a_subject_that_is_off_is_not_carried_and_never_missed(scopes):
    found = carried(*scopes)
    check(found)
    assert {obj.scope for obj in found.objects.values()} <= set(scopes)
    assert found.issues == []
    # What is carried is what would be carried anyway.
    assert set(found.objects) <= set(WHOLE.objects)


@pytest.mark.parametrize('scopes', [(), (CABLING,)])
def test_nothing_comes_of_no_subject_nor_of_cables_without_devices(scopes):
    assert carried(*scopes).objects == {}


def test_devices_alone_have_interfaces_and_lags_and_no_addresses_or_vlans():
    found = carried(DEVICES)
    assert models(found) == {
        'dcim.manufacturer', 'dcim.devicetype', 'dcim.devicerole', 'dcim.platform', 'dcim.device', 'dcim.interface',
    }
    assert 'primary_ip4' not in found.objects['device/switch/leaf-1'].managed_fields
    port = found.objects['interface/switch/leaf-1/E1/9/1'].managed_fields
    assert not port.keys() & {'mode', 'untagged_vlan', 'tagged_vlans'}
    assert port['lag'] is not None


def test_addressing_without_devices_is_as_numbers():
    assert models(carried(ADDRESSING)) == {'ipam.rir', 'ipam.asn'}


def test_vpcs_without_devices_are_what_is_not_on_an_interface():
    found = carried(VPCS)
    assert models(found) == {
        'ipam.vrf', 'ipam.vlangroup', 'ipam.vlan', 'ipam.prefix', 'ipam.iprange', 'ipam.ipaddress', 'vpn.l2vpn',
        'vpn.l2vpntermination',
    }
    assert {obj.key.split('/')[0] for obj in found.of('ipam.ipaddress')} == {'gateway'}


def test_problems_of_a_subject_that_is_off_are_nobodys():
    broken = [*FABRIC, make('Switch', 'leaf-9'), make('VPC', 'vpc-9', subnets={'a': {'subnet': '?'}})]
    for scopes in ((DEVICES,), (VPCS,)):
        found = desired(broken, Options('dc-1', site=1, scopes=frozenset(scopes)))
        assert {problem.scope for problem in found.issues} == set(scopes)


def test_names_follow_the_pattern_and_keys_do_not():
    found = desired(FABRIC, Options('dc-1', site=1, name_pattern='{fabric}.{name}'))
    assert found.objects['device/switch/leaf-1'].managed_fields['name'] == 'dc-1.leaf-1'
    assert set(found.objects) == set(WHOLE.objects)


def test_a_range_that_the_vpc_leaves_open_is_the_one_that_is_served():
    vpc = make('VPC', 'v', subnets={
        'a': {'subnet': '10.0.1.0/24', 'hostBGP': True, 'dhcp': {'enable': True, 'range': {'start': '10.0.1.9'}}},
    })
    server = make('DHCPSubnet', 'v--a', startIP='10.0.1.2', endIP='10.0.1.250')
    (found,) = desired([vpc, server], Options('dc-1', site=1)).of('ipam.iprange')
    assert (found.managed_fields['start_address'], found.managed_fields['end_address']) == ('10.0.1.9/24', '10.0.1.250/24')


def test_roles_are_the_operators_where_there_are_any():
    found = desired(FABRIC, Options('dc-1', site=1, roles={'server-leaf': 7, 'gateway': 8, 'server': 9}))
    assert found.objects['device/switch/leaf-1'].create_only_fields['role'] == ExistingRef('dcim.devicerole', 7)
    assert found.objects['device/gateway/gateway-1'].create_only_fields['role'] == ExistingRef('dcim.devicerole', 8)
    assert found.objects['device/server/server-1'].create_only_fields['role'] == ExistingRef('dcim.devicerole', 9)
    assert {obj.key for obj in found.of('dcim.devicerole')} == {
        'devicerole/spine', 'devicerole/mixed-leaf', 'devicerole/border-leaf',
    }


def test_what_is_set_at_creation_only_is_no_field_that_is_owned():
    found = desired(FABRIC, Options('dc-1', site=1, location=2, tenant=3))
    for obj in found.objects.values():
        if not obj.shared:
            assert not obj.managed_fields.keys() & {'site', 'location', 'tenant', 'device_type', 'status', 'scope'}, obj.key
    for obj in found.of('dcim.device'):
        assert 'role' not in obj.managed_fields
        assert obj.create_only_fields['site'] == ExistingRef('dcim.site', 1)
        assert obj.create_only_fields['location'] == ExistingRef('dcim.location', 2)
        assert obj.create_only_fields['tenant'] == ExistingRef('tenancy.tenant', 3)
    never = {'rack', 'position', 'face', 'comments', 'asset_tag', 'contacts', 'custom_field_data', 'tags'}
    assert not any(obj.fields.keys() & never for obj in found.objects.values())
    owned_descriptions = [obj for obj in found.objects.values() if 'description' in obj.managed_fields]
    assert {obj.model for obj in owned_descriptions} == {'ipam.vrf'}


def test_two_fabrics_with_the_same_underlay_share_nothing_but_what_belongs_to_nobody():
    """Everything that NetBox wants to be unique differs between them; so does what people read."""
    first, second = (desired(FABRIC, Options(name, site=1, name_pattern='{fabric}-{name}')) for name in ('dc-1', 'dc-2'))

    def told_apart(found: Desired) -> set[object]:
        return {
            (obj.model, name, obj.managed_fields[name])
            for obj in found.objects.values() if not obj.shared and obj.model in
            ('dcim.device', 'ipam.vrf', 'ipam.vlangroup', 'vpn.l2vpn')
            for name in ('name', 'slug') if name in obj.managed_fields
        }

    assert len(told_apart(first)) == len(told_apart(second)) > 20
    assert not told_apart(first) & told_apart(second)
    # The addresses are the same, each in a VRF of its fabric's.
    assert [obj.managed_fields['address'] for obj in first.of('ipam.ipaddress')] == [
        obj.managed_fields['address'] for obj in second.of('ipam.ipaddress')
    ]
    assert all(obj.managed_fields['vrf'] for obj in first.of('ipam.ipaddress'))
    assert first.objects['vrf/underlay'].managed_fields['name'] == 'Underlay (dc-1)'
    assert second.objects['vrf/underlay'].managed_fields['name'] == 'Underlay (dc-2)'
    shared = [{obj.key: obj.managed_fields for obj in found.objects.values() if obj.shared} for found in (first, second)]
    assert shared[0] == shared[1]


@pytest.mark.parametrize(('first', 'second'), [
    (('dc', 'a-b'), ('dc-a', 'b')),
    (('DC 1', 'x'), ('dc-1', 'x')),
    (('dc--a', 'b'), ('dc', 'a--b')),
    (('é', 'x'), ('è', 'x')),
    (('x' * 100, 'a'), ('x' * 99 + 'y', 'a')),
])
def test_no_two_fabrics_have_a_slug_in_common(first, second):
    slugs, group_names = [], []
    for fabric, namespace in (first, second):
        resources = [make('VLANNamespace', namespace, ranges=[{'from': 1, 'to': 9}])]
        (group,) = desired(resources, Options(fabric, site=1)).of('ipam.vlangroup')
        slugs.append(group.managed_fields['slug'])
        group_names.append(group.managed_fields['name'])
    assert slugs[0] != slugs[1]
    assert group_names[0] != group_names[1]
    assert all(len(name) <= 100 for name in (*slugs, *group_names))
