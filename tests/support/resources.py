"""Fabrics to map: the sample fabric, one with every member of a Connection, generated ones."""

from pathlib import Path
from typing import Any

from demo.kubernetes_api import load_objects
from netbox_hedgehog.inventory.mapping.types import Resource

from .samples import DATA, large_fabric

HERE = Path(__file__).parent


def load(name: str) -> list[Resource]:
    """The resources of the fabric `sample`, or of the one in data/NAME.yaml."""
    return [as_resource(item) for item in load_objects(DATA if name == 'sample' else HERE / 'data' / f'{name}.yaml')]


def generated(*options: str) -> list[Resource]:
    """A generated fabric; skips the test where there is no generator."""
    return [as_resource(item) for item in large_fabric(*options)]


def as_resource(manifest: dict[str, Any]) -> Resource:
    return Resource(
        manifest['kind'], manifest['metadata']['name'], manifest.get('spec') or {}, manifest.get('status') or {},
        manifest['metadata'].get('generation', 0), manifest['metadata'].get('annotations') or {},
    )


def make(kind: str, name: str, **spec: Any) -> Resource:
    return Resource(kind, name, spec)


def small() -> list[Resource]:
    """One leaf, one spine, two servers and a VPC: all that an inventory is made of, and quickly made."""
    def ports(count: int) -> dict[str, Any]:
        return {
            'M1': {'nos': 'Management0', 'management': True},
            **{f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, count + 1)},
        }

    profile = {'displayName': 'Acme X4', 'nosType': 'sonic', 'portProfiles': {'p': {'speed': {'default': '25G'}}}}
    vpc = {
        'ipv4Namespace': 'default', 'vlanNamespace': 'default',
        'subnets': {'web': {
            'subnet': '10.0.1.0/24', 'gateway': '10.0.1.1', 'vlan': 1001,
            'dhcp': {'enable': True, 'range': {'start': '10.0.1.10', 'end': '10.0.1.99'}},
        }},
    }
    return [
        make('SwitchProfile', 'x4', **profile, ports=ports(4)),
        make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 1999}]),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/16']),
        make('Switch', 'spine-1', role='spine', profile='x4', asn=65100, ip='172.30.0.8/21',
             protocolIP='172.30.8.0/32', boot={'serial': 'S-SPINE-1'}),
        make('Switch', 'leaf-1', role='server-leaf', profile='x4', asn=65101, ip='172.30.0.9/21',
             protocolIP='172.30.8.2/32', vtepIP='172.30.12.0/32', boot={'serial': 'S-LEAF-1'}),
        make('Server', 'server-1', description='first'),
        make('Server', 'server-2'),
        make('Connection', 'spine-1--fabric--leaf-1', fabric={'links': [{
            'spine': {'port': 'spine-1/E1/1', 'ip': '172.30.128.0/31'},
            'leaf': {'port': 'leaf-1/E1/1', 'ip': '172.30.128.1/31'},
        }]}),
        make('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': {
            'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/2'},
        }}),
        make('Connection', 'server-2--bundled--leaf-1', bundled={'links': [
            {'server': {'port': 'server-2/eth0'}, 'switch': {'port': 'leaf-1/E1/3'}},
            {'server': {'port': 'server-2/eth1'}, 'switch': {'port': 'leaf-1/E1/4'}},
        ]}),
        make('Catalog', 'switch.leaf-1', portChannelIDs={'server-2--bundled--leaf-1': 1}),
        make('Catalog', 'vpcs', vpcVNIs={'vpc-1': 100}, vpcSubnetVNIs={'vpc-1': {'web': 101}}),
        make('VPC', 'vpc-1', **vpc),
        make('VPCAttachment', 'vpc-1--server-1', subnet='vpc-1/web', connection='server-1--unbundled--leaf-1'),
        make('VPCAttachment', 'vpc-1--server-2', subnet='vpc-1/web', connection='server-2--bundled--leaf-1',
             nativeVLAN=True),
    ]
