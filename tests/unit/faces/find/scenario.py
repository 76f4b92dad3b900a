"""A fabric made up for finding: leases of known and unknown hosts, LLDP, reservations, serial numbers."""

from typing import Any

from netbox_hedgehog.inventory.mapping.types import Resource

from ....support.resources import make

MAC_OF_DB, MAC_OF_WEB, MAC_UNKNOWN, MAC_OF_PORT = (
    '0c:20:12:fe:00:01', '0c:20:12:fe:00:02', '0c:20:12:fe:00:03', '0c:20:12:fe:00:aa',
)


def lease(ip: str, host: str) -> dict[str, Any]:
    return {'ip': ip, 'hostname': host, 'expiry': '2099-01-01T00:00:00Z'}


def scenario() -> list[Resource]:
    profile = {
        'displayName': 'Acme', 'nosType': 'sonic', 'portProfiles': {
            'sfp': {'speed': {'default': '25G'}},
            'qsfp': {'breakout': {'default': '1x100G', 'supported': {'1x100G': {'offsets': ['0']}}}},
        },
        'ports': {
            **{f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'sfp'} for number in range(1, 5)},
            **{f'E1/{number}': {'baseNOSName': f'Ethernet{number}', 'profile': 'qsfp'} for number in range(55, 57)},
        },
    }
    subnets = {
        'backend': {'subnet': '10.0.1.0/24', 'gateway': '10.0.1.1', 'vlan': 1001,
                    'dhcp': {'enable': True, 'static': {'02:00:00:00:01:10': {'ip': '10.0.1.150'}}}},
        'web': {'subnet': '10.0.2.0/24', 'gateway': '10.0.2.1', 'vlan': 1002, 'dhcp': {'enable': True}},
    }
    agent = {'state': {
        'nos': {'serialNumber': 'S-LEAF-1'},
        'interfaces': {
            'E1/1': {'mac': MAC_OF_PORT, 'lldpNeighbors': [
                {'sysName': 'db-9.example.com', 'portID': MAC_UNKNOWN, 'portDescr': 'eth0'},
            ]},
            'E1/2': {'mac': MAC_OF_PORT},
        },
        'transceivers': {'E1/55': {'serial': 'XCVR-0055'}},
    }}
    return [
        make('SwitchProfile', 'acme', **profile),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/16']),
        make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 1999}, {'from': 2500}]),
        make('Switch', 'leaf-01', role='server-leaf', profile='acme', asn=65101, ip='172.30.0.9/21',
             protocolIP='172.30.8.2/32', boot={'serial': 'S-LEAF-1', 'mac': '0c:20:12:ff:00:01'}),
        Resource('Agent', 'leaf-01', {}, agent),
        make('Server', 'server-02', description='database'),
        make('Server', 'server-03'),
        make('Server', 'server-04'),
        make('Connection', 'server-02--bundled--leaf-01', bundled={'links': [
            {'server': {'port': 'server-02/enp2s1'}, 'switch': {'port': 'leaf-01/E1/55'}},
            {'server': {'port': 'server-02/enp2s2'}, 'switch': {'port': 'leaf-01/E1/56'}},
        ]}),
        make('Connection', 'server-03--unbundled--leaf-01', unbundled={'link': {
            'server': {'port': 'server-03/eth0'}, 'switch': {'port': 'leaf-01/E1/1'},
        }}),
        make('Connection', 'server-04--unbundled--leaf-01', unbundled={'link': {
            'server': {'port': 'server-04/eth0'}, 'switch': {'port': 'leaf-01/E1/2'},
        }}),
        make('Catalog', 'switch.leaf-01', portChannelIDs={'server-02--bundled--leaf-01': 2}),
        make('Catalog', 'vpcs', vpcVNIs={'vpc-01': 100}, vpcSubnetVNIs={'vpc-01': {'backend': 101, 'web': 102}}),
        make('VPCInfo', 'vpc-01', vni=100),
        make('VPC', 'vpc-01', ipv4Namespace='default', vlanNamespace='default', subnets=subnets),
        make('VPCAttachment', 'vpc-01--backend--server-02', subnet='vpc-01/backend',
             connection='server-02--bundled--leaf-01'),
        make('VPCAttachment', 'vpc-01--web--server-03', subnet='vpc-01/web', connection='server-03--unbundled--leaf-01'),
        make('VPCAttachment', 'vpc-01--web--server-04', subnet='vpc-01/web', connection='server-04--unbundled--leaf-01'),
        Resource('DHCPSubnet', 'vpc-01--backend', {'subnet': 'vpc-01/backend', 'cidrBlock': '10.0.1.0/24', 'vrf': 'vpc-01'}, {
            'allocated': {MAC_OF_DB: lease('10.0.1.57', 'db-3')},
        }),
        Resource('DHCPSubnet', 'vpc-01--web', {'subnet': 'vpc-01/web', 'cidrBlock': '10.0.2.0/24', 'vrf': 'vpc-01'}, {
            'allocated': {
                MAC_OF_WEB: lease('10.0.2.20', 'server-04'),
                MAC_UNKNOWN: lease('10.0.2.21', 'db-9'),
                '0c:20:12:fe:00:04': lease('10.0.2.22', 'nobody'),
            },
        }),
    ]
