"""Interfaces that only switches have: those of VLANs, PortChannels of MCLAG domains, proxied externals, Cumulus links."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.vpcs import LINK_ANNOTATION
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import ADDRESSING, CABLING, DEVICES, VPCS, Desired, Options, Ref, Resource

from ....support.mapping_rules import check, said
from ....support.resources import make

UNDERLAY = Ref('vrf/underlay')


def switch(name: str, nos: str = 'sonic-bcm-base', silicon: str = 'acme-asic', **spec: Any) -> list[Resource]:
    """A switch with nine ports, and its profile."""
    ports = {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 10)}
    profile = {'displayName': 'Acme X9', 'nosType': nos, 'switchSilicon': silicon, 'portProfiles': {'p': {'speed': {'default': '100G'}}}}
    return [
        make('SwitchProfile', f'x9-{nos}', ports=ports, **profile),
        make('Switch', name, role='server-leaf', profile=f'x9-{nos}', **spec),
    ]


# What the fabric declares: agents report no hardware here.
DECLARED = (DEVICES, CABLING, ADDRESSING, VPCS)


def mapped(*resources: Resource, unread: tuple[str, ...] = (), scopes: tuple[str, ...] = DECLARED) -> Desired:
    options = Options('dc-1', site=1, scopes=frozenset(scopes))
    found = desired(resources, options, unread)
    check(found)
    return found


def interface(found: Desired, name: str, device: str = 'leaf') -> dict[str, Any]:
    """The managed fields of an interface; {} if there is none."""
    named = [
        obj.managed_fields for obj in found.of('dcim.interface')
        if obj.fields['name'] == name and obj.fields['device'].key.endswith(f'/{device}')
    ]
    return dict(named[0]) if named else {}


def addresses(found: Desired) -> dict[str, tuple[str, str, str | None]]:
    """Each address on an interface: the interface, the VRF, the role."""
    return {
        obj.fields['address']: (obj.fields['assigned_object'].key, obj.fields['vrf'].key, obj.fields['role'])
        for obj in found.of('ipam.ipaddress') if obj.fields.get('assigned_object')
    }


def sentences(found: Desired) -> list[str]:
    return [said(issue) for issue in found.issues]


# Ports whose address is on the interface of a VLAN


def mesh(vlans: Any = None, silicon: str = 'acme-asic', **options: Any) -> Desired:
    links = [{'leaf1': {'port': 'leaf/E1/1', 'ip': '172.30.128.0/31'}, 'leaf2': {'port': 'other/E1/1', 'ip': '172.30.128.1/31'}}]
    catalog = [make('Catalog', 'switch.leaf', th5WorkaroundVLANs=vlans)] if vlans is not None else []
    return mapped(
        *switch('leaf', silicon=silicon), make('Switch', 'other', role='server-leaf', profile='x9-sonic-bcm-base'), *catalog,
        make('Connection', 'leaf--mesh--other', mesh={'links': links}), **options,
    )


def test_the_address_of_a_port_with_a_vlan_of_its_own_is_on_the_interface_of_that_vlan():
    found = mesh({'E1/1': 3900})
    port, svi = interface(found, 'E1/1'), interface(found, 'Vlan3900')
    vlan = found.objects[port['untagged_vlan'].key]
    assert (port['mode'], vlan.fields['vid'], port['tagged_vlans']) == ('access', 3900, ())
    assert (svi['type'], svi['parent'], svi['vrf'], svi['enabled']) == ('virtual', None, None, True)
    assert addresses(found)['172.30.128.0/31'][:2] == ('vlaninterface/leaf/E1/1', 'vrf/underlay')
    group = found.objects[vlan.fields['group'].key]
    assert (group.fields['name'], group.fields['vid_ranges']) == ('leaf ports (dc-1)', '3900-3900')
    assert found.issues == []


@pytest.mark.parametrize('vlans', [None, {}, {'E1/7': 3900}, {'E9/9': 3900}, 'text', {'': 3900}])
def test_without_a_number_for_the_port_nothing_changes(vlans):
    plain, found = mesh(), mesh(vlans)
    assert found.objects == plain.objects
    assert addresses(found)['172.30.128.0/31'][0] == 'interface/switch/leaf/E1/1'


# The first is the name in the profile of Celestica DS5000.
@pytest.mark.parametrize('silicon', ['Broadcom TH5', 'broadcom-th5', ''])
def test_without_the_catalog_of_a_switch_that_may_need_such_vlans_its_port_stays_as_it_is(silicon):
    found = mesh(silicon=silicon)
    assert '172.30.128.0/31' not in addresses(found)
    assert 'mode' not in interface(found, 'E1/1')
    assert 'portvlangroup/leaf' in found.kept
    assert {source.name for source in found.undetermined} == {'leaf--mesh--other'}
    assert sentences(found)[0] == (
        'No Catalog switch.leaf, which says whether leaf E1/1 needs a VLAN of its own. '
        'VLAN and address of the port are not updated.'
    )


@pytest.mark.parametrize('silicon', ['Broadcom TH4G', 'Broadcom TD3-X7 3.2T', 'vs'])
def test_without_the_catalog_of_any_other_switch_the_address_is_on_the_port(silicon):
    found = mesh(silicon=silicon)
    assert addresses(found)['172.30.128.0/31'][0] == 'interface/switch/leaf/E1/1'
    assert sentences(found) == []


def test_while_catalogs_were_never_read_that_is_the_only_issue():
    found = mesh(silicon='Broadcom TH5', unread=('Catalog',))
    assert '172.30.128.0/31' not in addresses(found)
    assert [str(issue.code) for issue in found.issues] == ['kind-not-synced']


@pytest.mark.parametrize('wrong', [0, -1, 4095, '3900', True, [3900]])
def test_a_number_that_is_no_vlan_leaves_port_and_address_as_they_are(wrong):
    found = mesh({'E1/1': wrong})
    assert '172.30.128.0/31' not in addresses(found)
    assert 'mode' not in interface(found, 'E1/1')
    assert {source.name for source in found.undetermined} == {'leaf--mesh--other'}
    assert [sentence.partition(' is ')[2] for sentence in sentences(found)] == ['out of range (1–4094); skipped.']


def test_two_ports_do_not_share_the_interface_of_a_vlan():
    links = [
        {'leaf1': {'port': f'leaf/E1/{number}', 'ip': f'172.30.128.{number * 2}/31'}, 'leaf2': {'port': f'other/E1/{number}'}}
        for number in (1, 2)
    ]
    found = mapped(
        *switch('leaf'), make('Switch', 'other', role='server-leaf', profile='x9-sonic-bcm-base'),
        make('Catalog', 'switch.leaf', th5WorkaroundVLANs={'E1/1': 3900, 'E1/2': 3900}),
        make('Connection', 'leaf--mesh--other', mesh={'links': links}),
    )
    assert addresses(found).keys() == {'172.30.128.2/31'}
    assert 'Interface Vlan3900 skipped' in sentences(found)[0]


def test_without_vpcs_in_scope_there_is_the_address_but_no_vlan():
    found = mesh({'E1/1': 3900}, scopes=(DEVICES, CABLING, ADDRESSING))
    assert addresses(found)['172.30.128.0/31'][0] == 'vlaninterface/leaf/E1/1'
    assert not list(found.of('ipam.vlan'))
    assert 'mode' not in interface(found, 'E1/1')


def test_the_port_to_a_gateway_has_its_address_there_too():
    link = {'gateway': {'port': 'gw/eno1', 'ip': '172.30.128.1/31'}, 'switch': {'port': 'leaf/E1/2', 'ip': '172.30.128.0/31'}}
    found = mapped(
        *switch('leaf'), make('Gateway', 'gw'), make('Catalog', 'switch.leaf', th5WorkaroundVLANs={'E1/2': 3901}),
        make('Connection', 'gw--leaf', gateway={'links': [link]}),
    )
    assert addresses(found)['172.30.128.0/31'][0] == 'vlaninterface/leaf/E1/2'
    assert addresses(found)['172.30.128.1/31'][0] == 'interface/gateway/gw/eno1'


# MCLAG domains


def domain(name: str, first: str, second: str, subnet: Any = '172.30.95.0/31') -> list[Resource]:
    def link(number: int) -> dict[str, Any]:
        return {'switch1': {'port': f'{first}/E1/{number}'}, 'switch2': {'port': f'{second}/E1/{number}'}}

    return [
        *switch(first), *switch(second),
        *(make('Agent', switch_name, config={'mclagSessionSubnet': subnet}) for switch_name in (first, second)),
        make('Connection', name, mclagDomain={
            'peerLinks': [link(1), link(2)], 'sessionLinks': [link(3), link(4)],
        }),
    ]


def test_an_mclag_domain_has_a_trunk_for_all_vlans_and_a_session():
    # The Connection may name either switch first: the order of names decides.
    found = mapped(*domain('b--domain--a', 'b', 'a'))
    for name in ('a', 'b'):
        peer, session = interface(found, 'PortChannel250', name), interface(found, 'PortChannel251', name)
        assert (peer['type'], peer['mode'], peer['enabled']) == ('lag', 'tagged-all', True)
        assert (session['type'], session['mode'], session['enabled']) == ('lag', None, True)
        members = {
            number: found.objects[interface(found, f'E1/{number}', name)['lag'].key].fields['name'] for number in (1, 2, 3, 4)
        }
        assert members == {1: 'PortChannel250', 2: 'PortChannel250', 3: 'PortChannel251', 4: 'PortChannel251'}
    on = {address: place[0] for address, place in addresses(found).items()}
    assert on == {
        '172.30.95.0/31': 'lag/switch/a/b--domain--a/sessionLinks', '172.30.95.1/31': 'lag/switch/b/b--domain--a/sessionLinks',
    }
    assert len(list(found.of('dcim.cable'))) == 4
    assert found.issues == []


@pytest.mark.parametrize('subnet', [None, '', 'x', 5, ['172.30.95.0/31']])
def test_a_session_whose_network_nobody_says_has_no_address(subnet):
    found = mapped(*domain('a--domain--b', 'a', 'b', subnet))
    assert addresses(found) == {}
    assert interface(found, 'PortChannel251', 'a')
    assert found.issues == []


def test_sessions_of_several_domains_have_the_same_addresses():
    found = mapped(*domain('a--domain--b', 'a', 'b'), *domain('c--domain--d', 'c', 'd'))
    assert [obj.fields['role'] for obj in found.of('ipam.ipaddress')] == ['anycast'] * 4
    assert found.issues == []


def test_a_domain_without_session_links_has_no_session():
    found = mapped(*switch('a'), *switch('b'), make('Connection', 'a--domain--b', mclagDomain={
        'peerLinks': [{'switch1': {'port': 'a/E1/1'}, 'switch2': {'port': 'b/E1/1'}}],
    }))
    assert interface(found, 'PortChannel250', 'a')
    assert not interface(found, 'PortChannel251', 'a')


# VPCs of the mode l3flat


def vpc(name: str, subnet: str = '10.1.0.0/24', mode: str = 'l3flat', vlan: int = 1001, **more: Any) -> Resource:
    gateway = subnet.replace('.0/24', '.1')
    return make('VPC', name, ipv4Namespace='default', vlanNamespace='default', mode=mode, subnets={
        'a': {'subnet': subnet, 'gateway': gateway, 'vlan': vlan, **more},
    })


NAMESPACES = (
    make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 2999}]),
    make('IPv4Namespace', 'default', subnets=['10.0.0.0/8']),
)


def test_a_flat_vpc_has_no_vrf_but_the_underlay():
    dhcp = {'enable': True, 'range': {'start': '10.1.0.10', 'end': '10.1.0.99'}, 'static': {'02:00:00:00:00:01': {'ip': '10.1.0.5'}}}
    found = mapped(*NAMESPACES, vpc('flat', dhcp=dhcp), make('Catalog', 'vpcs', vpcVNIs={'flat': 100}))
    assert [obj.fields['name'] for obj in found.of('ipam.vrf')] == ['IPv4 namespace default (dc-1)', 'Underlay (dc-1)']
    own = [obj for obj in found.objects.values() if obj.source.name == 'flat' and 'vrf' in obj.fields]
    assert {obj.model for obj in own} == {'ipam.prefix', 'ipam.iprange', 'ipam.ipaddress'}
    assert len(own) == 4
    assert {obj.fields['vrf'] for obj in own} == {UNDERLAY}
    assert found.issues == []


def test_flat_vpcs_cannot_have_one_subnet():
    found = mapped(*NAMESPACES, vpc('one'), vpc('two', vlan=1002))
    assert [(issue.source.name, str(issue.code)) for issue in found.issues] == [('two', 'subnet-prefix-in-use')]


def test_without_addresses_in_scope_a_flat_vpc_brings_the_vrf_itself():
    found = mapped(*NAMESPACES, vpc('flat'), scopes=(VPCS,))
    assert found.objects['vrf/underlay'].scope == VPCS
    assert found.objects['prefix/flat/a'].fields['vrf'] == UNDERLAY


def test_what_leads_out_of_a_flat_vpc_is_in_no_vrf_of_its_own():
    link = {'switch': {'port': 'leaf/E1/8', 'ip': '10.9.0.1/24', 'nextHop': '10.9.0.2'}}
    found = mapped(
        *NAMESPACES, *switch('leaf'), vpc('flat'), make('Connection', 'out', staticExternal={'withinVPC': 'flat', 'link': link}),
    )
    assert interface(found, 'E1/8')['vrf'] is None
    assert addresses(found)['10.9.0.1/24'][1] == 'vrf/underlay'


# Interfaces for the VRFs of a switch


def used(*more: Resource, irb: Any, unread: tuple[str, ...] = ()) -> Desired:
    """One leaf with a server that is attached to the VPC "red"."""
    link = {'server': {'port': 'node/nic'}, 'switch': {'port': 'leaf/E1/1'}}
    return mapped(
        *NAMESPACES, *switch('leaf'), make('Server', 'node'), make('Connection', 'c', unbundled={'link': link}),
        vpc('red', mode='l3vni'), vpc('blue', '10.2.0.0/24', 'l3vni', 1002), vpc('green', '10.3.0.0/24', 'l3vni', 1003),
        make('VPCAttachment', 'red--node', connection='c', subnet='red/a'),
        make('Catalog', 'switch.leaf', irbVLANs=irb), *more, unread=unread,
    )


ALL = {'red': 3000, 'blue': 3001, 'green': 3002, 'ext@isp': 3003}


def routed(found: Desired) -> dict[str, str]:
    return {
        obj.fields['name']: obj.fields['vrf'].key for obj in found.of('dcim.interface') if obj.fields['name'].startswith('Vlan')
    }


def test_a_switch_has_an_interface_in_the_vrf_of_each_vpc_that_is_attached_to_it():
    assert routed(used(irb=ALL)) == {'Vlan3000': 'vrf/vpc/red'}


def test_a_switch_has_the_vpcs_that_peer_with_those_and_not_the_peers_of_these():
    peers = [
        make('VPCPeering', 'red--blue', permit=[{'red': {}, 'blue': {}}]),
        make('VPCPeering', 'blue--green', permit=[{'blue': {}, 'green': {}}]),
    ]
    assert routed(used(*peers, irb=ALL)) == {'Vlan3000': 'vrf/vpc/red', 'Vlan3001': 'vrf/vpc/blue'}


def test_a_switch_has_externals_and_the_vpcs_that_peer_with_them():
    more = [
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/9'}}}),
        make('External', 'isp', ipv4Namespace='default'),
        make('ExternalAttachment', 'isp', connection='up', external='isp', switch={'ip': '203.0.113.1/30', 'vlan': 10}),
        make('ExternalPeering', 'green--isp', permit={'vpc': {'name': 'green'}, 'external': {'name': 'isp'}}),
    ]
    assert routed(used(*more, irb=ALL)) == {
        'Vlan3000': 'vrf/vpc/red', 'Vlan3002': 'vrf/vpc/green', 'Vlan3003': 'vrf/external/isp',
    }


def test_a_switch_has_the_vpc_that_serves_dhcp_to_its_subnets_and_the_one_of_a_static_external():
    link = {'server': {'port': 'node/b'}, 'switch': {'port': 'leaf/E1/2'}}
    out = {'switch': {'port': 'leaf/E1/8', 'ip': '10.9.0.1/24'}}
    more = [
        vpc('pink', '10.4.0.0/24', 'l3vni', 1004, dhcp={'relay': '10.2.0.9/32', 'relayVPC': 'blue'}),
        make('Connection', 'd', unbundled={'link': link}),
        make('VPCAttachment', 'pink--node', connection='d', subnet='pink/a'),
        make('Connection', 'out', staticExternal={'withinVPC': 'green', 'link': out}),
    ]
    assert routed(used(*more, irb={**ALL, 'pink': 3004})).keys() == {'Vlan3000', 'Vlan3001', 'Vlan3002', 'Vlan3004'}


@pytest.mark.parametrize('irb', [{}, None, {'red': 0}, {'red': '3000'}, {'red': 5000}, []])
def test_a_vrf_without_a_number_yet_has_no_interface_and_loses_none(irb):
    found = used(irb=irb)
    assert routed(found) == {}
    assert {(source.kind, source.name) for source in found.undetermined} == {('Catalog', 'switch.leaf')}
    assert found.issues == []


@pytest.mark.parametrize('kind', ['VPCPeering', 'ExternalPeering', 'ExternalAttachment', 'External', 'VPCAttachment'])
def test_a_kind_that_was_never_read_costs_no_interface(kind):
    found = used(irb=ALL, unread=(kind,))
    assert routed(found) == {}
    assert ('Catalog', 'switch.leaf') in {(source.kind, source.name) for source in found.undetermined}


# Static externals behind a proxy


def proxied(*switches: str, offset: Any = 3, subnet: Any = '172.30.16.0/22') -> Desired:
    found: list[Resource] = [*NAMESPACES, make('External', 'isp', ipv4Namespace='default', static={'prefixes': ['0.0.0.0/0']})]
    for name in switches:
        found += [
            *switch(name), make('Agent', name, config={'proxyExternalSubnet': subnet}),
            make('Catalog', f'switch.{name}', staticExternalSubnetOffsets={f'{name}--isp': offset}),
            make('Connection', f'{name}--up', external={'link': {'switch': {'port': f'{name}/E1/9'}}}),
            make('ExternalAttachment', f'{name}--isp', connection=f'{name}--up', external='isp', static={
                'proxy': True, 'remoteIP': '203.0.113.1', 'vlan': 10,
            }),
        ]
    return mapped(*found)


def test_the_address_of_a_proxied_external_is_a_pair_of_the_network_for_them():
    found = proxied('leaf')
    assert addresses(found) == {
        '172.30.16.6/31': ('subinterface/externalattachment/leaf--isp/leaf', 'vrf/external/isp', None),
    }
    assert [obj.fields['prefix'] for obj in found.of('ipam.prefix') if obj.fields['vrf'].key == 'vrf/external/isp'] == ['172.30.16.6/31']
    assert found.issues == []


def test_switches_number_the_pairs_for_themselves():
    found = proxied('one', 'two')
    assert sorted((obj.fields['address'], obj.fields['role']) for obj in found.of('ipam.ipaddress')) == [
        ('172.30.16.6/31', 'anycast'), ('172.30.16.6/31', 'anycast'),
    ]
    assert found.issues == []


@pytest.mark.parametrize(('offset', 'subnet'), [
    (None, '172.30.16.0/22'), ('3', '172.30.16.0/22'), (-1, '172.30.16.0/22'), (3, None), (3, 'x'), (3, 5), (3, 'fd00::/64'),
])
def test_a_pair_that_nobody_says_is_no_address(offset, subnet):
    found = proxied('leaf', offset=offset, subnet=subnet)
    assert addresses(found) == {}
    assert interface(found, 'E1/9.10')
    assert found.issues == []


def test_a_pair_beyond_the_network_is_an_issue():
    found = proxied('leaf', offset=4, subnet='172.30.16.0/29')
    assert addresses(found) == {}
    assert sentences(found) == [
        'The network for proxied externals, 172.30.16.0/29, has no pair of addresses number 4; address skipped.',
    ]
    assert list(addresses(proxied('leaf', offset=3, subnet='172.30.16.0/29'))) == ['172.30.16.6/31']


# Switches with Cumulus Linux


def cumulus(link: Any = '10.3.0.4/31', nos: str = 'cumulus-vx', bundle: bool = False) -> Desired:
    cable = {'server': {'port': 'node/nic'}, 'switch': {'port': 'leaf/E1/1'}}
    member = {'bundled': {'links': [cable]}} if bundle else {'unbundled': {'link': cable}}
    annotations = {} if link is None else {LINK_ANNOTATION: link}
    return mapped(
        *NAMESPACES, *switch('leaf', nos), make('Server', 'node'), make('Connection', 'c', **member), vpc('red', mode='l3vni'),
        make('Catalog', 'switch.leaf', irbVLANs={'red': 3000}, portChannelIDs={'c': 1}),
        Resource('VPCAttachment', 'red--node', {'connection': 'c', 'subnet': 'red/a'}, annotations=annotations),
    )


def test_the_link_to_a_server_of_a_cumulus_switch_has_its_network_in_the_vrf():
    found = cumulus()
    port, nic = interface(found, 'E1/1'), interface(found, 'nic', 'node')
    assert (port['vrf'], port['mode'], port['untagged_vlan'], port['tagged_vlans']) == (Ref('vrf/vpc/red'), None, None, ())
    assert (nic['mode'], nic['tagged_vlans']) == (None, ())
    assert addresses(found) == {
        '10.3.0.4/31': ('interface/server/node/nic', 'vrf/vpc/red', None),
        '10.3.0.5/31': ('interface/switch/leaf/E1/1', 'vrf/vpc/red', None),
    }
    assert not interface(found, 'Vlan3000')
    assert found.issues == []


def test_either_address_of_the_link_names_its_network():
    assert cumulus('10.3.0.5/31').objects == cumulus('10.3.0.4/31').objects


def test_without_a_network_the_port_of_a_cumulus_switch_is_in_the_vrf_nevertheless():
    found = cumulus(None)
    assert interface(found, 'E1/1')['vrf'] == Ref('vrf/vpc/red')
    assert addresses(found) == {}


@pytest.mark.parametrize('wrong', ['10.3.0.4/30', '10.3.0.4', 'fd00::/127', 'x'])
def test_a_network_of_a_link_that_is_none_is_an_issue(wrong):
    found = cumulus(wrong)
    assert addresses(found) == {}
    assert interface(found, 'E1/1')['vrf'] == Ref('vrf/vpc/red')
    assert sentences(found) == [
        f'The network of the link to the server, {wrong}, is not an IPv4 prefix of two addresses (/31); addresses skipped.',
    ]


@pytest.mark.parametrize(('nos', 'bundle'), [('sonic-bcm-base', False), ('cumulus-vx', True)])
def test_other_switches_and_bundles_do_not_know_such_links(nos, bundle):
    found = cumulus(nos=nos, bundle=bundle)
    name = 'PortChannel1' if bundle else 'E1/1'
    assert (interface(found, name)['mode'], interface(found, name).get('vrf')) == ('tagged', None)
    assert addresses(found) == {}


# MTU


def mtus(config: Any = None, mtu: Any = None, member: str = 'unbundled', nos: str = 'sonic-bcm-base', **more: Any) -> Desired:
    cable = {'server': {'port': 'node/nic'}, 'switch': {'port': 'leaf/E1/1'}}
    settings = {'link': cable} if member == 'unbundled' else {'links': [cable]}
    return mapped(
        *switch('leaf', nos), make('Server', 'node'), make('Connection', 'c', **{member: {**settings, 'mtu': mtu}}),
        make('Catalog', 'switch.leaf', portChannelIDs={'c': 1}), make('Agent', 'leaf', config=config), **more,
    )


CONFIG = {'fabricMTU': 9100, 'serverFacingMTUOffset': 64}


def test_ports_to_servers_have_the_mtu_of_the_fabric_unless_a_connection_says_another():
    assert interface(mtus(CONFIG), 'E1/1')['mtu'] == 9036
    assert interface(mtus(CONFIG, mtu=1500), 'E1/1')['mtu'] == 1500
    assert 'mtu' not in interface(mtus(CONFIG), 'nic', 'node')
    assert interface(mtus(CONFIG), 'E1/2')['mtu'] is None


@pytest.mark.parametrize('member', ['bundled', 'eslag', 'mclag'])
def test_bundles_have_the_mtu_of_the_fabric_whatever_they_say(member):
    found = mtus(CONFIG, mtu=1500, member=member)
    assert [interface(found, name)['mtu'] for name in ('E1/1', 'PortChannel1')] == [9036, 9036]


@pytest.mark.parametrize('config', [None, {}, {'fabricMTU': None}, {'fabricMTU': 'x'}, {'fabricMTU': 64, 'serverFacingMTUOffset': 64}])
def test_an_mtu_that_nobody_says_is_none(config):
    assert interface(mtus(config), 'E1/1')['mtu'] is None


def test_an_mtu_is_not_managed_while_agents_were_never_read():
    assert 'mtu' not in interface(mtus(None, unread=('Agent',)), 'E1/1')
    assert interface(mtus(None, mtu=1500, unread=('Agent',)), 'E1/1')['mtu'] == 1500


def test_the_mtu_of_a_cumulus_switch_is_its_own():
    assert interface(mtus(CONFIG, nos='cumulus-mlx'), 'E1/1')['mtu'] is None


def test_ports_of_cumulus_linux_have_the_names_of_the_switch_as_labels():
    ports = {f'E1/{number}': {'nos': str(number), 'baseNOSName': 'swp', 'profile': 'p'} for number in (1, 2)}
    found = mapped(
        make('SwitchProfile', 'wave', displayName='Wave 2', nosType='cumulus-mlx', switchSilicon='acme-sp', ports=ports,
             portProfiles={'p': {'speed': {'default': '10G'}}}),
        make('Switch', 'leaf', role='server-leaf', profile='wave'),
    )
    assert [interface(found, f'E1/{number}')['label'] for number in (1, 2)] == ['swp1', 'swp2']
