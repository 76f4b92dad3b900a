"""Whatever cannot be carried is a problem, says what is wrong, and costs nothing but itself."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, Issue, Options, Resource

from ....support.mapping_rules import check, said
from ....support.resources import load, make

OPTIONS = Options('dc-2', site=1)
WHOLE = desired(load('every-member'), OPTIONS)


class Edited:
    """The fabric with every member, and what somebody has done to it."""

    def __init__(self) -> None:
        self.resources = {(item.kind, item.name): copy.deepcopy(item) for item in load('every-member')}

    def spec(self, kind: str, name: str) -> Any:
        return self.resources[kind, name].spec

    def remove(self, kind: str, name: str) -> None:
        del self.resources[kind, name]

    def add(self, kind: str, name: str, **spec: Any) -> None:
        self.resources[kind, name] = make(kind, name, **spec)

    def replace(self, kind: str, name: str, spec: Any) -> None:
        self.resources[kind, name] = Resource(kind, name, spec)


def map_with(edit: Callable[[Edited], object], options: Options = OPTIONS) -> Desired:
    edited = Edited()
    edit(edited)
    found = desired(edited.resources.values(), options)
    check(found)
    return found


def sentences(problems: list[Issue]) -> list[str]:
    return [f'{problem.source.kind} {problem.source.name}: {said(problem)}' for problem in problems]


def lost(found: Desired) -> set[str]:
    return set(WHOLE.objects) - set(found.objects)


def test_the_fabric_as_it_is_has_none():
    assert WHOLE.issues == []


def links(edited: Edited, connection: str, member: str) -> Any:
    return edited.spec('Connection', connection)[member]['links']


FIREWALL_NETWORK = 'network/vrf/external/firewall/192.0.2.0/30'

# What is done to the fabric; the sentences that follow; the objects that are lost by it.
FAULTS: dict[str, tuple[Callable[[Edited], object], list[str], set[str]]] = {
    'a server that is not there': (
        lambda f: f.remove('Server', 'server-1'),
        [
            'Connection server-1--unbundled--leaf-1: References server-1/enp1, but server server-1 does not exist.',
            'Connection server-1--unbundled--leaf-2: References server-1/enp2, but server server-1 does not exist.',
        ],
        {
            'device/server/server-1', 'interface/server/server-1/enp1', 'interface/server/server-1/enp2',
            'cable/server/server-1/enp1', 'cable/server/server-1/enp2',
        },
    ),
    'a port that the switch does not have': (
        lambda f: links(f, 'server-2--bundled--leaf-1', 'bundled')[1]['switch'].update(port='leaf-1/E1/77'),
        [
            'Connection server-2--bundled--leaf-1: References leaf-1/E1/77, but the profile of leaf-1 has no such port.',
        ],
        {'cable/server/server-2/enp2'},
    ),
    'a port without a device': (
        lambda f: links(f, 'server-2--bundled--leaf-1', 'bundled')[1]['switch'].update(port='E1'),
        [
            'Connection server-2--bundled--leaf-1: Invalid port E1 (switch); skipped. Write it as device/port.',
        ],
        {'cable/server/server-2/enp2'},
    ),
    'no port': (
        lambda f: links(f, 'server-2--bundled--leaf-1', 'bundled')[1].update(switch=7),
        [
            'Connection server-2--bundled--leaf-1: Invalid port nothing (switch); skipped. Write it as device/port.',
        ],
        {'cable/server/server-2/enp2'},
    ),
    'a port that two connections have': (
        lambda f: links(f, 'spine-1--fabric--leaf-1', 'fabric')[0]['leaf'].update(port='leaf-1/E1/1'),
        [
            'Connection spine-1--fabric--leaf-1: Port leaf-1/E1/1 is already used by Connection server-1--unbundled--leaf-1; skipped. A port has one cable.',
        ],
        {'cable/switch/leaf-1/E1/8/1', 'address/interface/switch/leaf-1/E1/8/1'},
    ),
    'a port twice in one connection, written both ways': (
        lambda f: links(f, 'spine-1--fabric--leaf-1', 'fabric')[1]['leaf'].update(port='leaf-1/E1/8/1'),
        [
            'Connection spine-1--fabric--leaf-1: References leaf-1/E1/8/1 twice. A port has one cable.',
        ],
        {'cable/switch/leaf-1/E1/10/1', 'address/interface/switch/leaf-1/E1/10/1'},
    ),
    'a connection of a type to come': (
        lambda f: f.replace('Connection', 'leaf-2--mesh--leaf-3', {'hyperlink': {'links': []}}),
        [
            'Connection leaf-2--mesh--leaf-3: Unknown connection type (hyperlink); skipped.',
        ],
        {
            'cable/switch/leaf-2/E1/8/1', 'address/interface/switch/leaf-2/E1/8/1',
            'address/vlaninterface/leaf-3/E1/8/1', 'network/vrf/underlay/172.30.128.10/31',
            'vlaninterface/leaf-3/E1/8/1', 'portvlan/leaf-3/E1/8/1', 'portvlangroup/leaf-3',
        },
    ),
    'a connection of two types': (
        lambda f: f.spec('Connection', 'leaf-2--vpc-loopback').update(external={}),
        [
            'Connection leaf-2--vpc-loopback: The connection has several types (external, vpcLoopback); skipped. Keep one of them.',
        ],
        {'cable/switch/leaf-2/E1/3'},
    ),
    'a connection of nothing': (
        lambda f: f.replace('Connection', 'leaf-2--vpc-loopback', None),
        [
            'Connection leaf-2--vpc-loopback: The connection has no ports; skipped.',
        ],
        {'cable/switch/leaf-2/E1/3'},
    ),
    'links that are none': (
        lambda f: f.spec('Connection', 'leaf-2--vpc-loopback')['vpcLoopback'].update(links='leaf-2/E1/3'),
        [
            'Connection leaf-2--vpc-loopback: The field links is not a valid list of links; links that cannot be read are skipped.',
        ],
        {'cable/switch/leaf-2/E1/3'},
    ),
    'an MTU that is none': (
        lambda f: f.spec('Connection', 'server-1--unbundled--leaf-1')['unbundled'].update(mtu=70000),
        [
            'Connection server-1--unbundled--leaf-1: Invalid MTU 70000; MTU not set.',
        ],
        set(),
    ),
    'an MTU of the wrong type': (
        lambda f: f.spec('Connection', 'server-1--unbundled--leaf-1')['unbundled'].update(mtu=False),
        [
            'Connection server-1--unbundled--leaf-1: Invalid MTU False; MTU not set.',
        ],
        set(),
    ),
    'a LAG without a number': (
        lambda f: f.spec('Catalog', 'redundancy.es-1')['portChannelIDs'].pop('server-2--bundled--leaf-1'),
        [
            'Connection server-2--bundled--leaf-1: No PortChannel number assigned yet (Catalog redundancy.es-1). LAG on leaf-1 and its attachments skipped.',
        ],
        {'lag/switch/leaf-1/server-2--bundled--leaf-1'},
    ),
    'two LAGs with one number': (
        lambda f: f.spec('Catalog', 'redundancy.es-1')['portChannelIDs'].update({'server-2--bundled--leaf-1': 2}),
        [
            'Connection server-2--eslag--leaf-1--leaf-2: LAG PortChannel2 and its attachments skipped: leaf-1 already has an interface of that name, or the name is longer than 64 characters.',
        ],
        {'lag/switch/leaf-1/server-2--eslag--leaf-1--leaf-2'},
    ),
    'a switch without a profile': (
        lambda f: (f.spec('Switch', 'spine-1').pop('profile'), f.remove('Connection', 'spine-1--gateway--gateway-1')),
        [
            'Connection spine-1--fabric--leaf-1: References spine-1/E1/8, but switch spine-1 was skipped.',
            'Connection spine-1--fabric--leaf-1: References spine-1/E1/9/1, but switch spine-1 was skipped.',
            'Switch spine-1: No switch profile is set, so the ports are unknown; skipped.',
        ],
        {key for key in WHOLE.objects if 'spine-1' in key} | {
            'devicerole/spine', 'cable/switch/leaf-1/E1/8/1', 'cable/switch/leaf-1/E1/10/1',
            'cable/gateway/gateway-1/enp2s1', 'cable/gateway/gateway-1/enp2s2',
            'interface/gateway/gateway-1/enp2s2', 'address/interface/gateway/gateway-1/enp2s2/172.30.128.23',
            'network/vrf/underlay/172.30.128.22/31',
        },
    ),
    'a profile that is not there': (
        lambda f: f.add('Switch', 'leaf-9', role='spine', profile='none-such'),
        [
            'Switch leaf-9: Switch profile none-such does not exist, so the ports are unknown; skipped.',
        ],
        set(),
    ),
    'a breakout that the port cannot do': (
        lambda f: f.spec('Switch', 'leaf-2').update(portBreakouts={'E1/8': '8x10G', 'E1/99': '4x25G'}),
        [
            'Switch leaf-2: Breakout 8x10G of port E1/8 is not supported by the switch profile; 1x100G is used.',
            'Switch leaf-2: A speed or breakout is set for port E1/99, which the switch profile does not have.',
        ],
        set(),
    ),
    'a speed that is none': (
        lambda f: f.spec('Switch', 'leaf-2').update(portSpeeds={'E1/5': 'fast'}),
        [
            'Switch leaf-2: Invalid speed fast of port E1/5; the default is used. Write it as 25G.',
        ],
        set(),
    ),
    'a serial number without end': (
        lambda f: f.spec('Switch', 'leaf-2').update(boot={'serial': '1' * 51}),
        [
            'Switch leaf-2: Serial number 111111111111111111111111111111111111111111111111111 is longer than 50 characters; not set.',
        ],
        set(),
    ),
    'a name without end': (
        lambda f: f.add('Server', 's' * 65),
        [
            'Server sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss: The device name is longer than 64 characters; skipped.',
        ],
        set(),
    ),
    'a server that is called as a switch is': (
        lambda f: f.add('Server', 'leaf-1'),
        [
            'Server leaf-1: Switch leaf-1 has the same device name (leaf-1); skipped. Rename one of them.',
        ],
        set(),
    ),
    'a management address that is none': (
        lambda f: f.spec('Switch', 'leaf-2').update(ip='172.30.0.300/21'),
        [
            'Switch leaf-2: 172.30.0.300/21 (ip) is not an IP address; skipped.',
        ],
        {'address/interface/switch/leaf-2/M1'},
    ),
    'a management address that is a network': (
        lambda f: f.spec('Switch', 'leaf-2').update(ip='172.30.0.0/21'),
        [
            'Switch leaf-2: 172.30.0.0/21 (ip) is a network or broadcast address, which no interface can have; skipped.',
        ],
        {'address/interface/switch/leaf-2/M1'},
    ),
    'an address of two switches': (
        lambda f: f.spec('Switch', 'leaf-2').update(protocolIP='172.30.8.1/32'),
        [
            'Switch leaf-2: 172.30.8.1/32 (protocolIP) is already used by Switch leaf-1; skipped. Change one of them.',
        ],
        {'address/loopback/switch/leaf-2/Loopback1'},
    ),
    'an address of a link that is none': (
        lambda f: links(f, 'leaf-2--mesh--leaf-3', 'mesh')[0]['leaf1'].update(ip='here'),
        [
            'Connection leaf-2--mesh--leaf-3: here (ip of leaf-2 E1/8/1) is not an IP address; skipped.',
        ],
        {'address/interface/switch/leaf-2/E1/8/1'},
    ),
    'two masks of one address': (
        lambda f: f.spec('Gateway', 'gateway-1')['interfaces']['enp2s1'].update(ips=['172.30.128.21/24']),
        [
            'Connection spine-1--gateway--gateway-1: 172.30.128.21/31 (ip of gateway-1 enp2s1) skipped: Gateway gateway-1 assigns 172.30.128.21/24 to gateway-1 enp2s1. Correct one of them.',
        ],
        set(),
    ),
    'an AS number that is none': (
        lambda f: f.spec('Switch', 'leaf-2').update(asn=2**32),
        [
            'Switch leaf-2: ASN 4294967296 is out of range (1–4294967295); skipped.',
        ],
        {'asn/65102'},
    ),
    'an AS number of the wrong type': (
        lambda f: f.spec('Switch', 'leaf-2').update(asn=False),
        [
            'Switch leaf-2: ASN False is out of range (1–4294967295); skipped.',
        ],
        {'asn/65102'},
    ),
    'a VLAN of a subnet of the wrong type': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['default'].update(vlan=False),
        [
            'VPC vpc-2: Subnet default: VLAN False is not in VLAN namespace default; VLAN skipped.',
            'VPCAttachment vpc-2--default--server-2--eslag--leaf-1--leaf-2: Subnet vpc-2/default has no valid VLAN; attachment skipped.',
        ],
        {'vlan/vpc-2/default', 'l2vpn/vpc-2/default', 'l2vpntermination/vpc-2/default'},
    ),
    'a VLAN namespace that is not there': (
        lambda f: f.spec('VPC', 'vpc-3').update(vlanNamespace='none'),
        [
            'VPC vpc-3: Subnet default: VLAN namespace none does not exist or was skipped; VLAN skipped.',
            'VPCAttachment vpc-3--default--server-2--mclag--leaf-3--leaf-4: Subnet vpc-3/default has no valid VLAN; attachment skipped.',
        ],
        {'vlan/vpc-3/default'},
    ),
    'a VLAN namespace without VLANs': (
        lambda f: f.add('VLANNamespace', 'empty', ranges=[{'from': 5000, 'to': 4999}, 'x']),
        [
            'VLANNamespace empty: No valid VLAN range; the VLAN group and its VLANs are not created.',
            'VLANNamespace empty: VLAN range 5000 to 4999 is invalid (1–4094); skipped.',
            'VLANNamespace empty: VLAN range nothing to nothing is invalid (1–4094); skipped.',
        ],
        set(),
    ),
    'ranges that overlap': (
        lambda f: f.spec('VLANNamespace', 'default')['ranges'].append({'from': 1099, 'to': 1200}),
        [
            'VLANNamespace default: VLAN range 1099 to 1200 overlaps another one; skipped.',
        ],
        set(),
    ),
    'an IPv4 namespace that is not there': (
        lambda f: f.spec('VPC', 'vpc-3').update(ipv4Namespace='none'),
        [
            'VPC vpc-3: IPv4 namespace none does not exist.',
        ],
        set(),
    ),
    'subnets of a namespace that are none': (
        lambda f: f.spec('IPv4Namespace', 'other').update(subnets=['10.1.0.0/16', '10.1.0.0/16', '10.2.0.1/16', 7]),
        [
            'IPv4Namespace other: Subnet 10.2.0.1/16 is not a prefix or has host bits set; skipped.',
            'IPv4Namespace other: Subnet 7 is not a prefix or has host bits set; skipped.',
            'IPv4Namespace other: Subnet 10.1.0.0/16 is listed more than once.',
        ],
        {'container/other/10.0.0.0/16'},
    ),
    'a VLAN that another subnet has': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['default'].update(vlan=1001),
        [
            'VPC vpc-2: Subnet default: VLAN 1001 or its name vpc-2--default is already used by VPC vpc-1; VLAN skipped.',
            'VPCAttachment vpc-2--default--server-2--eslag--leaf-1--leaf-2: Subnet vpc-2/default has no valid VLAN; attachment skipped.',
        ],
        {'vlan/vpc-2/default', 'l2vpn/vpc-2/default', 'l2vpntermination/vpc-2/default'},
    ),
    'a VLAN outside of its namespace': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['default'].update(vlan=1500),
        [
            'VPC vpc-2: Subnet default: VLAN 1500 is not in VLAN namespace default; VLAN skipped.',
            'VPCAttachment vpc-2--default--server-2--eslag--leaf-1--leaf-2: Subnet vpc-2/default has no valid VLAN; attachment skipped.',
        ],
        {'vlan/vpc-2/default', 'l2vpn/vpc-2/default', 'l2vpntermination/vpc-2/default'},
    ),
    'a subnet with neither VLAN nor hostBGP': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['hosts'].pop('hostBGP'),
        [
            'VPC vpc-2: Subnet hosts: neither a VLAN nor hostBGP is set; the prefix has no VLAN.',
            'VPCAttachment vpc-2--hosts--server-1--unbundled--leaf-2: Subnet vpc-2/hosts has no valid VLAN; attachment skipped.',
        ],
        set(),
    ),
    'a gateway outside of its subnet': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['default'].update(gateway='10.0.99.1'),
        [
            'VPC vpc-2: Subnet default: gateway 10.0.99.1 is not an address in 10.0.3.0/24; skipped.',
        ],
        {'gateway/vpc-2/default'},
    ),
    'a DHCP range outside of its subnet': (
        lambda f: f.spec('VPC', 'vpc-1')['subnets']['default']['dhcp'].update(range={'start': '10.0.1.9', 'end': '::1'}),
        [
            'VPC vpc-1: Subnet default: DHCP range 10.0.1.9 to ::1 is not in 10.0.1.0/24; skipped.',
        ],
        {'iprange/vpc-1/default'},
    ),
    'DHCP without a range': (
        lambda f: f.spec('VPC', 'vpc-1')['subnets']['default']['dhcp'].pop('range'),
        [
            'VPC vpc-1: Subnet default: DHCP range nothing to nothing is not in 10.0.1.0/24; skipped.',
        ],
        {'iprange/vpc-1/default'},
    ),
    'DHCP ranges that overlap': (
        lambda f: f.spec('VPC', 'vpc-1')['subnets'].update(larger={
            'subnet': '10.0.0.0/16', 'hostBGP': True,
            'dhcp': {'enable': True, 'range': {'start': '10.0.0.9', 'end': '10.0.1.10'}},
        }),
        [
            'VPC vpc-1: Subnet larger: DHCP range 10.0.0.9 to 10.0.1.10 overlaps another of the VPC; skipped.',
        ],
        set(),
    ),
    'a prefix that is none': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['default'].update(subnet='10.0.3.1/24'),
        [
            'VPC vpc-2: Subnet default: 10.0.3.1/24 is not a prefix or has host bits set; skipped.',
        ],
        {'prefix/vpc-2/default', 'gateway/vpc-2/default'},
    ),
    'two subnets with one prefix': (
        lambda f: f.spec('VPC', 'vpc-2')['subnets']['hosts'].update(subnet='10.0.3.0/24'),
        [
            'VPC vpc-2: Subnet hosts: prefix 10.0.3.0/24 is already used by another subnet of vpc-2; skipped.',
        ],
        {'prefix/vpc-2/hosts'},
    ),
    'a subnet whose name is too long for a VLAN': (
        lambda f: f.spec('VPC', 'vpc-3')['subnets'].update({'n' * 60: {'subnet': '10.9.0.0/24', 'vlan': 1050}}),
        [
            'VPC vpc-3: Subnet nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn: VLAN name vpc-3--nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn is longer than 64 characters; VLAN skipped.',
        ],
        set(),
    ),
    'a VPC whose name is too long for a VRF': (
        lambda f: f.add('VPC', 'v' * 95, ipv4Namespace='default', subnets={}),
        [
            'VPC vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv: The name is too long for a VRF (100 characters); skipped.',
        ],
        set(),
    ),
    'a subnet without a VNI': (
        lambda f: f.spec('Catalog', 'vpcs')['vpcSubnetVNIs'].pop('vpc-2'),
        [
            'VPC vpc-2: Subnet default: no VNI assigned yet (Catalog vpcs); L2VPN skipped.',
        ],
        {'l2vpn/vpc-2/default', 'l2vpntermination/vpc-2/default'},
    ),
    'an attachment of a subnet that is not there': (
        lambda f: f.add('VPCAttachment', 'x', subnet='vpc-1/none', connection='server-1--unbundled--leaf-2'),
        [
            'VPCAttachment x: Subnet vpc-1/none does not exist; attachment skipped.',
        ],
        set(),
    ),
    'an attachment to nothing': (
        lambda f: f.add('VPCAttachment', 'x', subnet='vpc-1/default', connection='none'),
        [
            'VPCAttachment x: Connection none does not exist; attachment skipped.',
        ],
        set(),
    ),
    'an attachment to a link between switches': (
        lambda f: f.add('VPCAttachment', 'x', subnet='vpc-1/default', connection='spine-1--fabric--leaf-1'),
        [
            'VPCAttachment x: Connection spine-1--fabric--leaf-1 (type fabric) leads to no server; nothing can be attached to it.',
        ],
        set(),
    ),
    'two native VLANs': (
        lambda f: f.add(
            'VPCAttachment', 'x', subnet='vpc-2/default', connection='server-1--unbundled--leaf-1', nativeVLAN=True,
        ),
        # Which of the two the switch obeys does not follow from their names: both have the issue.
        [
            'VPCAttachment vpc-1--native--server-1--unbundled--leaf-1: leaf-1 E1/1 already has another native VLAN; skipped on this interface.',
            'VPCAttachment vpc-1--native--server-1--unbundled--leaf-1: server-1 enp1 already has another native VLAN; skipped on this interface.',
            'VPCAttachment x: leaf-1 E1/1 already has another native VLAN; skipped on this interface.',
            'VPCAttachment x: server-1 enp1 already has another native VLAN; skipped on this interface.',
        ],
        set(),
    ),
    'an external that is not there': (
        lambda f: f.remove('External', 'firewall'),
        [
            'ExternalAttachment leaf-4--firewall: External firewall does not exist; skipped.',
            'ExternalAttachment leaf-4--firewall--proxy: External firewall does not exist; skipped.',
        ],
        {
            'vrf/external/firewall', 'subinterface/externalattachment/leaf-4--firewall/leaf-4',
            'address/subinterface/externalattachment/leaf-4--firewall/leaf-4', FIREWALL_NETWORK,
            'subinterface/externalattachment/leaf-4--firewall--proxy/leaf-4',
            'address/subinterface/externalattachment/leaf-4--firewall--proxy/leaf-4',
            'network/vrf/external/firewall/172.30.16.4/31', 'irb/leaf-4/ext@firewall',
        },
    ),
    'an external attached to a server': (
        lambda f: f.spec('ExternalAttachment', 'leaf-4--firewall').update(connection='server-1--unbundled--leaf-1'),
        [
            'ExternalAttachment leaf-4--firewall: Connection server-1--unbundled--leaf-1 does not exist or is not external; skipped.',
        ],
        {
            'subinterface/externalattachment/leaf-4--firewall/leaf-4',
            'address/subinterface/externalattachment/leaf-4--firewall/leaf-4', FIREWALL_NETWORK,
        },
    ),
    'two attachments with one VLAN on a port': (
        lambda f: f.add(
            'ExternalAttachment', 'x', external='firewall', connection='leaf-4--external--isp',
            switch={'ip': '192.0.2.9/30', 'vlan': 300},
        ),
        [
            'ExternalAttachment x: Interface E1/8/1.300 skipped: leaf-4 already has an interface of that name, or the name is longer than 64 characters.',
        ],
        set(),
    ),
    'two attachments without a VLAN on a port': (
        lambda f: f.add(
            'ExternalAttachment', 'x', external='isp', connection='leaf-4--external--flat',
            switch={'ip': '192.0.2.9/30'},
        ),
        [
            'ExternalAttachment x: 192.0.2.9/30 (address) skipped: ExternalAttachment leaf-4--isp--flat assigns 192.0.2.5/30 to leaf-4 E1/4. Correct one of them.',
        ],
        set(),
    ),
    'two externals without a VLAN on a port': (
        lambda f: f.add(
            'ExternalAttachment', 'x', external='firewall', connection='leaf-4--external--flat',
            switch={'ip': '192.0.2.9/30'},
        ),
        # The VRF of the port is unknown, and so is its address, which stays as it is.
        [
            'ExternalAttachment leaf-4--isp--flat: ExternalAttachment x puts the untagged traffic of leaf-4 E1/4 into another VRF or VLAN; skipped on this interface.',
            'ExternalAttachment x: ExternalAttachment leaf-4--isp--flat puts the untagged traffic of leaf-4 E1/4 into another VRF or VLAN; skipped on this interface.',
        ],
        {'address/interface/switch/leaf-4/E1/4', 'network/vrf/external/isp/192.0.2.4/30'},
    ),
    'a VLAN of a subinterface that is none': (
        lambda f: f.spec('ExternalAttachment', 'leaf-4--isp')['switch'].update(vlan=4095),
        [
            'ExternalAttachment leaf-4--isp: VLAN 4095 is out of range (1–4094); skipped.',
        ],
        {
            'subinterface/externalattachment/leaf-4--isp/leaf-4',
            'address/subinterface/externalattachment/leaf-4--isp/leaf-4', 'network/vrf/external/isp/192.0.2.0/30',
        },
    ),
    'a static external within a VPC that is not there': (
        lambda f: f.spec('Connection', 'leaf-3--static-external--vpc-1')['staticExternal'].update(withinVPC='none'),
        [
            'Connection leaf-3--static-external--vpc-1: VPC none does not exist; skipped.',
        ],
        # The switch has the VPC no more, nor that which peers with it.
        {'address/interface/switch/leaf-3/E1/5', 'network/vrf/vpc/vpc-1/10.0.250.0/24', 'irb/leaf-3/vpc-2'},
    ),
    'a gateway whose port is called as its loopback is': (
        lambda f: f.spec('Gateway', 'gateway-1')['interfaces'].update(Loopback1={'ips': ['172.30.130.1/24']}),
        [
            'Gateway gateway-1: A port has the name of the loopback, Loopback1; loopback for protocolIP skipped.',
        ],
        {'loopback/gateway/gateway-1/Loopback1', 'address/loopback/gateway/gateway-1/Loopback1'},
    ),
    'a name that Kubernetes does not give': (
        lambda f: f.add('Server', 'a/b'),
        [
            'Server a/b: The name is not a valid Kubernetes name; skipped.',
        ],
        set(),
    ),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_a_fault_says_what_is_wrong_and_costs_nothing_else(fault):
    edit, expected, costs = FAULTS[fault]
    found = map_with(edit)
    assert sentences(found.issues) == expected
    assert lost(found) == costs


UNSURE: dict[str, tuple[Callable[[Edited], object], str, str]] = {
    'the LAG of a port': (
        lambda f: f.remove('Catalog', 'redundancy.es-1'), 'interface/switch/leaf-1/E1/2', 'lag',
    ),
    'the VLANs of a port': (
        lambda f: f.spec('VPC', 'vpc-1')['subnets']['default'].update(vlan=9), 'interface/switch/leaf-1/E1/1',
        'tagged_vlans',
    ),
    'the VLAN of a prefix': (
        lambda f: f.spec('VPC', 'vpc-1')['subnets']['default'].update(vlan=9), 'prefix/vpc-1/default', 'vlan',
    ),
    'the MTU of a port': (
        lambda f: f.spec('Connection', 'server-1--unbundled--leaf-1')['unbundled'].update(mtu=-1),
        'interface/switch/leaf-1/E1/1', 'mtu',
    ),
    'the VNI of a VPC': (
        lambda f: f.spec('Catalog', 'vpcs')['vpcVNIs'].pop('vpc-1'), 'vrf/vpc/vpc-1', 'description',
    ),
    'the serial number of a switch': (
        lambda f: f.spec('Switch', 'spine-1')['boot'].pop('serial'), 'device/switch/spine-1', 'serial',
    ),
    'the address of a switch': (
        lambda f: f.spec('Switch', 'leaf-2').update(ip='?'), 'device/switch/leaf-2', 'primary_ip4',
    ),
}


@pytest.mark.parametrize('what', UNSURE)
def test_what_cannot_be_told_is_not_owned_rather_than_emptied(what):
    edit, key, field = UNSURE[what]
    assert field in WHOLE.objects[key].managed_fields
    found = map_with(edit)
    assert field not in found.objects[key].fields
    # Everything else of the object is as it was, but for what goes with the field.
    others = set(WHOLE.objects[key].managed_fields) - set(found.objects[key].managed_fields)
    assert others == ({'mode', 'untagged_vlan', 'tagged_vlans', 'vrf'} if field == 'tagged_vlans' else {field})


GONE: dict[str, tuple[Callable[[Edited], object], str, str, object]] = {
    'a LAG': (
        lambda f: f.remove('Connection', 'server-2--bundled--leaf-1'), 'interface/switch/leaf-1/E1/9/1', 'lag', None,
    ),
    'a VLAN on a port': (
        lambda f: f.remove('VPCAttachment', 'vpc-1--default--server-1--unbundled--leaf-1'),
        'interface/switch/leaf-1/E1/1', 'tagged_vlans', (),
    ),
    'a native VLAN': (
        lambda f: f.remove('VPCAttachment', 'vpc-1--native--server-1--unbundled--leaf-1'),
        'interface/switch/leaf-1/E1/1', 'untagged_vlan', None,
    ),
    'an MTU': (
        lambda f: f.spec('Connection', 'server-1--unbundled--leaf-1')['unbundled'].pop('mtu'),
        'interface/switch/leaf-1/E1/1', 'mtu', None,
    ),
    'a connection': (
        lambda f: f.remove('Connection', 'server-1--unbundled--leaf-1'), 'interface/switch/leaf-1/E1/1', 'enabled', False,
    ),
    'the VLAN of a subnet': (
        lambda f: f.replace('VPC', 'vpc-3', {
            'ipv4Namespace': 'other', 'subnets': {'default': {'subnet': '10.0.1.0/24', 'hostBGP': True}},
        }), 'prefix/vpc-3/default', 'vlan', None,
    ),
}


@pytest.mark.parametrize('what', GONE)
def test_what_the_fabric_has_taken_back_is_emptied(what):
    edit, key, field, empty = GONE[what]
    assert WHOLE.objects[key].managed_fields[field] != empty
    found = map_with(edit)
    assert {problem.source.kind for problem in found.issues} <= {'VPCAttachment'}  # to the connection that is gone
    assert found.objects[key].managed_fields[field] == empty


def test_a_name_pattern_that_cannot_be_filled_in_costs_no_device():
    found = map_with(lambda f: None, Options('dc-2', site=1, name_pattern='{name'))
    assert {obj.managed_fields['name'] for obj in found.of('dcim.device')} >= {'leaf-1', 'server-1', 'gateway-1'}
    assert 'Switch leaf-1: The name pattern {name is invalid; the resource name is used.' in sentences(found.issues)


def test_a_pattern_that_gives_all_one_name_carries_one_device():
    found = map_with(lambda f: None, Options('dc-2', site=1, name_pattern='{fabric}'))
    assert [obj.key for obj in found.of('dcim.device')] == ['device/switch/leaf-1']
    assert 'Switch leaf-2: Switch leaf-1 has the same device name (dc-2); skipped. Rename one of them.' \
        in sentences(found.issues)
