"""Ports that are routed: subnets of hostBGP, and what leads out of the fabric without a VLAN."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.manifest import shown
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, Options, Ref, Resource

from ....support.mapping_rules import check, said
from ....support.resources import make

VPC_VRF, EXTERNAL_VRF = Ref('vrf/vpc/rail'), Ref('vrf/external/isp')


def fabric(*more: Resource) -> Desired:
    ports = {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 10)}
    subnets = {
        'a': {
            'subnet': '10.7.0.0/25', 'hostBGP': True, 'vlan': 1050,
            'hostBGPExtraPrefixes': {'10.8.0.0/24': {'minPrefixLen': 26}},
        },
        'b': {'subnet': '10.7.1.0/25', 'hostBGP': True, 'vlan': 50},
        'c': {'subnet': '10.7.2.0/25', 'hostBGP': True},
    }
    resources = [
        make('SwitchProfile', 'x9', displayName='Acme X9', ports=ports, portProfiles={
            'p': {'speed': {'default': '100G'}},
        }),
        make('Switch', 'leaf', role='server-leaf', profile='x9'),
        make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 2999}]),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/8']),
        make('VPC', 'rail', ipv4Namespace='default', vlanNamespace='default', mode='l3vni', subnets=subnets),
    ]
    for number, subnet in enumerate(subnets, 1):
        link = {'server': {'port': f'node-{number}/nic'}, 'switch': {'port': f'leaf/E1/{number}'}}
        resources += [
            make('Server', f'node-{number}'),
            make('Connection', f'c-{number}', unbundled={'link': link}),
            make('VPCAttachment', f'a-{number}', connection=f'c-{number}', subnet=f'rail/{subnet}'),
        ]
    found = desired([*resources, *more], Options('dc-1', site=1))
    check(found)
    return found


def sentences(found: Desired) -> list[str]:
    return [said(issue) for issue in found.issues]


def interface(found: Desired, name: str) -> dict[str, Any]:
    (values,) = [
        obj.managed_fields for obj in found.of('dcim.interface')
        if obj.managed_fields.get('name') == name and obj.managed_fields['device'] == Ref('device/switch/leaf')
    ]
    return dict(values)


def test_a_subnet_of_host_bgp_is_routed_and_no_trunk() -> None:
    found = fabric()
    assert found.issues == []
    for port, subinterface in (('E1/1', 'E1/1.1050'), ('E1/2', 'E1/2.50')):
        values = interface(found, subinterface)
        assert (values['type'], values['vrf']) == ('virtual', VPC_VRF)
        assert values['parent'] == Ref(f'interface/switch/leaf/{port}')
        values = interface(found, port)
        assert (values['mode'], values['tagged_vlans'], values['vrf']) == (None, (), None)
    values = interface(found, 'E1/3')
    assert (values['mode'], values['tagged_vlans'], values['vrf']) == (None, (), VPC_VRF)
    assert not list(found.of('ipam.vlan'))
    assert not list(found.of('vpn.l2vpn'))


def test_extra_prefixes_of_host_bgp_are_prefixes_of_the_vpc() -> None:
    prefixes = {obj.managed_fields['prefix']: obj.managed_fields['vrf'] for obj in fabric().of('ipam.prefix')}
    assert prefixes['10.8.0.0/24'] == VPC_VRF


def vpc(name: str, **subnets: Any) -> Resource:
    return make('VPC', name, ipv4Namespace='default', vlanNamespace='default', mode='l3vni', subnets=subnets)


def test_an_extra_prefix_that_is_none_costs_nothing_else() -> None:
    found = fabric(vpc('other', a={
        'subnet': '10.9.0.0/24', 'hostBGP': True, 'hostBGPExtraPrefixes': {'10.9': {}, '10.10.0.0/24': {}},
    }))
    assert sentences(found) == ['Subnet a: 10.9 is not a prefix or has host bits set; skipped.']
    prefixes = {obj.managed_fields['prefix'] for obj in found.of('ipam.prefix')}
    assert {'10.9.0.0/24', '10.10.0.0/24'} <= prefixes


def test_an_extra_prefix_that_the_vpc_has_already_is_no_issue() -> None:
    """Its own subnet's, another subnet's, and an extra prefix of another subnet."""
    extra: dict[str, Any] = {'10.9.0.0/24': {}, '10.9.1.0/24': {}, '10.10.0.0/24': {}}
    found = fabric(vpc(
        'other',
        a={'subnet': '10.9.0.0/24', 'hostBGP': True, 'hostBGPExtraPrefixes': extra},
        b={'subnet': '10.9.1.0/24', 'hostBGP': True, 'hostBGPExtraPrefixes': extra},
    ))
    assert found.issues == []
    prefixes = [
        obj.managed_fields['prefix'] for obj in found.of('ipam.prefix')
        if obj.managed_fields['vrf'] == Ref('vrf/vpc/other')
    ]
    assert sorted(map(str, prefixes)) == ['10.10.0.0/24', '10.9.0.0/24', '10.9.1.0/24']


def test_an_extra_prefix_does_not_take_the_place_of_a_subnet() -> None:
    found = fabric(vpc(
        'other',
        a={'subnet': '10.9.0.0/24', 'hostBGP': True, 'hostBGPExtraPrefixes': {'10.9.1.0/24': {}}},
        b={
            'subnet': '10.9.1.0/24', 'gateway': '10.9.1.1', 'vlan': 1001,
            'dhcp': {'enable': True, 'range': {'start': '10.9.1.10', 'end': '10.9.1.99'}},
        },
    ))
    assert found.issues == []
    assert {'prefix/other/b', 'gateway/other/b', 'iprange/other/b'} <= set(found.objects)


@pytest.mark.parametrize('wrong', ['10.9.0', '10.7.0.0/25'])
def test_a_subnet_that_is_skipped_keeps_its_extra_prefixes(wrong: str) -> None:
    """One whose own prefix is invalid, or another subnet's."""
    found = fabric(vpc(
        'other',
        a={'subnet': '10.7.0.0/25', 'hostBGP': True},
        b={'subnet': wrong, 'hostBGP': True, 'hostBGPExtraPrefixes': {'10.9.1.0/24': {}}},
    ))
    assert len(found.issues) == 1
    assert any(obj.managed_fields['prefix'] == '10.9.1.0/24' for obj in found.of('ipam.prefix'))


@pytest.mark.parametrize(('wrong', 'said_of_it'), [
    (['10.8.0.0/24'], 'a list'), ('10.8.0.0/24', '10.8.0.0/24'), (5, '5'), (False, 'False'),
])
def test_extra_prefixes_of_the_wrong_type_are_an_issue(wrong: Any, said_of_it: str) -> None:
    found = fabric(vpc('other', a={'subnet': '10.9.0.0/24', 'hostBGP': True, 'hostBGPExtraPrefixes': wrong}))
    assert sentences(found) == [
        f'Subnet a: hostBGPExtraPrefixes is {said_of_it}, not a mapping of prefixes; the extra prefixes are skipped.',
    ]


@pytest.mark.parametrize('subnet', [{}, {'hostBGPExtraPrefixes': None}, {'hostBGPExtraPrefixes': {}}, {'vlan': 0}])
def test_what_a_subnet_does_not_set_is_no_issue(subnet: dict[str, Any]) -> None:
    assert fabric(vpc('other', a={'subnet': '10.9.0.0/24', 'hostBGP': True, **subnet})).issues == []


# What has the untagged traffic of a port


def attached(name: str, subnet: str, **spec: Any) -> Resource:
    """Another attachment to the Connection of E1/3, whose subnet is routed without a VLAN."""
    return make('VPCAttachment', name, connection='c-3', subnet=subnet, **spec)


def untagged(found: Desired) -> dict[str, Any]:
    """What E1/3 and its server say of untagged traffic; a field that is not there is not managed."""
    server = found.objects['interface/server/node-3/nic'].managed_fields
    return {
        **{name: value for name, value in interface(found, 'E1/3').items() if name in VLANS_AND_VRF},
        **{f'server {name}': value for name, value in server.items() if name in VLANS_AND_VRF},
    }


VLANS_AND_VRF = ('mode', 'untagged_vlan', 'tagged_vlans', 'vrf')
OTHERS = {
    'a VRF': (vpc('other', a={'subnet': '10.9.0.0/24', 'hostBGP': True}), 'other/a', {}),
    'a native VLAN': (vpc('other', a={'subnet': '10.9.0.0/24', 'vlan': 1200}), 'other/a', {'nativeVLAN': True}),
}


@pytest.mark.parametrize('other', OTHERS)
@pytest.mark.parametrize('name', ['0-first', 'z-last'])
def test_two_untagged_attachments_of_one_port_are_an_issue(name: str, other: str) -> None:
    """The port keeps its VRF and VLANs: which of the two it has does not follow from their names."""
    resource, subnet, spec = OTHERS[other]
    found = fabric(resource, attached(name, subnet, **spec))
    assert untagged(found) == {}
    assert {(issue.source.name, said(issue)) for issue in found.issues} == {
        (mine, f'VPCAttachment {others} puts the untagged traffic of {port} into another VRF or VLAN; skipped on this '
               'interface.')
        for mine, others in ((name, 'a-3'), ('a-3', name)) for port in ('leaf E1/3', 'node-3 nic')
    }


def test_two_untagged_attachments_of_one_vrf_are_no_issue() -> None:
    found = fabric(vpc('other', a={'subnet': '10.9.0.0/24', 'hostBGP': True}), attached('z', 'rail/c'))
    assert found.issues == []
    assert interface(found, 'E1/3')['vrf'] == VPC_VRF


@pytest.mark.parametrize('names', [('a', 'b'), ('b', 'a')])
def test_two_untagged_externals_of_one_port_are_an_issue(names: tuple[str, str]) -> None:
    found = fabric(
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('External', 'isp'), make('External', 'firewall'),
        make('ExternalAttachment', names[0], connection='up', external='isp', switch={'ip': '203.0.113.1/30'}),
        make('ExternalAttachment', names[1], connection='up', external='firewall', switch={'ip': '203.0.113.5/30'}),
    )
    assert {(issue.source.name, issue.code) for issue in found.issues} == {
        ('a', 'untagged-in-use'), ('b', 'untagged-in-use'),
    }
    assert 'vrf' not in interface(found, 'E1/9')
    assert not [obj for obj in found.of('ipam.ipaddress') if obj.managed_fields.get('assigned_object')]


WRONG = {
    'a VLAN out of range': {'subnet': '10.9.0.0/24', 'hostBGP': True, 'vlan': 4095},
    'no number': {'subnet': '10.9.0.0/24', 'hostBGP': True, 'vlan': False},
}


@pytest.mark.parametrize('wrong', WRONG)
@pytest.mark.parametrize('name', ['0-first', 'z-last'])
def test_a_vlan_that_is_none_does_not_decide_by_its_name(name: str, wrong: str) -> None:
    found = fabric(vpc('other', a=WRONG[wrong]), attached(name, 'other/a'))
    assert untagged(found) == {'vrf': VPC_VRF}
    assert [(issue.source.name, issue.code) for issue in found.issues] == [(name, 'vlan-out-of-range')]


@pytest.mark.parametrize('name', ['0-first', 'z-last'])
def test_an_external_that_is_not_there_does_not_decide_by_its_name(name: str) -> None:
    found = fabric(
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('External', 'isp'),
        make('ExternalAttachment', 'm', connection='up', external='isp', switch={'ip': '203.0.113.1/30'}),
        make('ExternalAttachment', name, connection='up', external='none', switch={'ip': '203.0.113.5/30', 'vlan': 9}),
    )
    assert [issue.code for issue in found.issues] == ['external-missing']
    assert interface(found, 'E1/9')['vrf'] == EXTERNAL_VRF


@pytest.mark.parametrize('vlan', [{}, {'vlan': 1200}])
def test_a_vrf_that_is_skipped_is_an_issue_of_the_attachment(vlan: dict[str, int]) -> None:
    name = 'v' * 99
    found = fabric(
        vpc(name, a={'subnet': '10.9.0.0/24', 'hostBGP': True, **vlan}),
        make('Connection', 'c-4', unbundled={'link': {
            'server': {'port': 'node-1/nic-2'}, 'switch': {'port': 'leaf/E1/4'},
        }}),
        make('VPCAttachment', 'a-4', connection='c-4', subnet=f'{name}/a'),
    )
    assert [(issue.source.kind, said(issue)) for issue in found.issues] == [
        ('VPC', 'The name is too long for a VRF (100 characters); skipped.'),
        ('VPCAttachment', f'The VRF of VPC {shown(name)} was skipped, and what leads to it.'),
    ]
    assert not {'mode', 'vrf'} & set(interface(found, 'E1/4'))


def test_a_vrf_of_an_external_that_is_skipped_is_said_so() -> None:
    name, link = 'e' * 95, {'switch': {'port': 'leaf/E1/8', 'ip': '10.7.9.1/24'}}
    found = fabric(
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('External', name), vpc('v' * 99),
        make('ExternalAttachment', 'x', connection='up', external=name, switch={'ip': '203.0.113.1/30'}),
        make('Connection', 'out', staticExternal={'withinVPC': 'v' * 99, 'link': link}),
    )
    assert [(issue.source.kind, said(issue)) for issue in found.issues if issue.code == 'vrf-skipped'] == [
        ('Connection', f'The VRF of VPC {shown("v" * 99)} was skipped, and what leads to it.'),
        ('ExternalAttachment', f'The VRF of External {shown(name)} was skipped, and what leads to it.'),
    ]
    assert 'vrf' not in interface(found, 'E1/8')
    assert 'vrf' not in interface(found, 'E1/9')


def test_an_untagged_external_puts_its_port_into_the_vrf() -> None:
    found = fabric(
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('External', 'isp', ipv4Namespace='default', inboundCommunity='65102:5000', outboundCommunity='5000:65102'),
        make(
            'ExternalAttachment', 'isp-up', connection='up', external='isp', switch={'ip': '203.0.113.1/30'},
            neighbor={'asn': 65010, 'ip': '203.0.113.2'},
        ),
    )
    assert found.issues == []
    assert interface(found, 'E1/9')['vrf'] == EXTERNAL_VRF


def test_an_untagged_static_attachment_of_an_external_puts_its_port_into_the_vrf() -> None:
    found = fabric(
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('External', 'isp', ipv4Namespace='default', static={'prefixes': ['0.0.0.0/0']}),
        make(
            'ExternalAttachment', 'isp-up', connection='up', external='isp',
            static={'ip': '203.0.113.1/30', 'remoteIP': '203.0.113.2'},
        ),
    )
    assert found.issues == []
    assert interface(found, 'E1/9')['vrf'] == EXTERNAL_VRF
    (address,) = [obj.managed_fields for obj in found.of('ipam.ipaddress')]
    assert (address['address'], address['vrf']) == ('203.0.113.1/30', EXTERNAL_VRF)


def test_an_untagged_static_external_of_a_vpc_puts_its_port_into_the_vrf() -> None:
    link = {'switch': {'port': 'leaf/E1/8', 'ip': '10.7.9.1/24', 'nextHop': '10.7.9.2'}}
    found = fabric(make('Connection', 'out', staticExternal={'withinVPC': 'rail', 'link': link}))
    assert found.issues == []
    assert interface(found, 'E1/8')['vrf'] == VPC_VRF


def test_attachments_of_both_types_without_addresses_of_one_external() -> None:
    """Unnumbered BGP, and static attachments beside it: after release 26.03."""
    found = fabric(
        *(make('Connection', f'up-{port}', external={'link': {'switch': {'port': f'leaf/E1/{port}'}}}) for port in (7, 8, 9)),
        make('External', 'isp', ipv4Namespace='default', static={'prefixes': ['0.0.0.0/0']}, inboundCommunity='65102:5000'),
        make(
            'ExternalAttachment', 'tagged', connection='up-7', external='isp', switch={'vlan': 300},
            neighbor={'asn': 65010}, bfd={},
        ),
        make('ExternalAttachment', 'untagged', connection='up-8', external='isp', switch={}, neighbor={'asn': 65010}),
        make(
            'ExternalAttachment', 'static', connection='up-9', external='isp',
            static={'ip': '203.0.113.1/30', 'remoteIP': '203.0.113.2'},
        ),
    )
    assert found.issues == []
    values = interface(found, 'E1/7.300')
    assert (values['type'], values['parent'], values['vrf']) == ('virtual', Ref('interface/switch/leaf/E1/7'), EXTERNAL_VRF)
    assert [interface(found, port)['vrf'] for port in ('E1/7', 'E1/8', 'E1/9')] == [None, EXTERNAL_VRF, EXTERNAL_VRF]
    addresses = [obj.managed_fields for obj in found.of('ipam.ipaddress')]
    assert [(address['address'], address['assigned_object']) for address in addresses] == [
        ('203.0.113.1/30', Ref('interface/switch/leaf/E1/9')),
    ]


@pytest.mark.parametrize('junk', [[], {}, ['x'], {'a': []}])
def test_an_address_of_an_external_that_is_none_is_reported(junk) -> None:
    found = fabric(
        make('External', 'isp', ipv4Namespace='default'),
        make('Connection', 'border', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('ExternalAttachment', 'exit', external='isp', connection='border', switch={'ip': junk}),
    )
    assert any('is not an IP address; skipped.' in sentence for sentence in sentences(found)) or not junk
    assert interface(found, 'E1/9')['vrf'] == EXTERNAL_VRF
