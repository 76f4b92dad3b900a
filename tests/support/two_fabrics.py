"""A controller with two Hedgehog fabrics: the sample as `default`, and a small one, `backend`, as Hedgehog labels it."""

import copy
from typing import Any

from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, TOPOLOGY

from .fake_cluster import HEDGEHOG_FABRIC, INTERCONNECT
from .samples import Manifest, samples

__all__ = ('BACKEND', 'SHARED', 'made', 'two_fabrics')

# What belongs to no Hedgehog fabric.
SHARED = ('SwitchProfile', 'ServerProfile', 'VLANNamespace', 'Server', 'Catalog')


def made(kind: str, name: str, fabric: str = '', labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    """An object of a Hedgehog fabric, with the label that Hedgehog gives it; of none if `fabric` is empty."""
    metadata: Manifest = {'name': name, 'namespace': 'default', 'labels': labels or {}}
    if fabric:
        spec['topology'] = {'fabric': fabric}
        metadata['labels'][f'fabric.fabric.githedgehog.com/{fabric}'] = 'true'
    return {'apiVersion': KIND_BY_NAME[kind].api_version, 'kind': kind, 'metadata': metadata, 'spec': spec}


def _backend() -> list[Manifest]:
    leaf = {'profile': 'vs', 'role': 'server-leaf', 'asn': 65201, 'ip': '172.31.0.9/21'}
    link = {'server': {'port': 'server-01/enp9s1'}, 'switch': {'port': 'back-01/E1/1'}}
    subnets = {'default': {'subnet': '10.77.1.0/24', 'vlan': 1007, 'dhcp': {'enable': True}}}
    agent = made('Agent', 'back-01')
    agent['status'] = {'lastHeartbeat': '2026-11-28T10:00:00Z', 'state': {'nos': {'serialNumber': 'B1'}}}
    return [
        made('IPv4Namespace', 'back', 'backend', subnets=['10.77.0.0/16']),
        made('Switch', 'back-01', 'backend', **leaf),
        made('Connection', 'server-01--back-01', 'backend', unbundled={'link': link}),
        made('VPC', 'back', 'backend', ipv4Namespace='back', vlanNamespace='default', subnets=subnets),
        made('VPCAttachment', 'back--server-01', 'backend', subnet='back/default', connection='server-01--back-01'),
        made('Gateway', 'back-gw', 'backend', asn=65299, protocolIP='172.31.8.9/32'),
        agent,
        made('GatewayAgent', 'back-gw'),
        made('DHCPSubnet', 'back--default', labels={'fabric.githedgehog.com/vpc': 'back'}, subnet='back/default'),
        made('VPCInfo', 'back', 'backend', vni=700),
    ]


# The names of the other fabric's own resources, by kind.
BACKEND = {(item['kind'], item['metadata']['name']) for item in _backend()}


def two_fabrics(*, labeled: bool = True) -> list[Manifest]:
    """All objects of the controller; not `labeled` where the names are in the specs alone."""
    default = copy.deepcopy(HEDGEHOG_FABRIC)
    backend = copy.deepcopy(HEDGEHOG_FABRIC)
    backend['metadata']['name'] = 'backend'
    interconnect = copy.deepcopy(INTERCONNECT)
    objects = [default, backend, interconnect, *samples(), *_backend()]
    for item in objects:
        kind, labels = KIND_BY_NAME[item['kind']], item['metadata'].setdefault('labels', {})
        if item['kind'] == 'DHCPSubnet' and '/' in item['spec']['subnet']:
            labels['fabric.githedgehog.com/vpc'] = item['spec']['subnet'].partition('/')[0]
        if labeled and kind.topology == TOPOLOGY:
            fabric = item['spec'].get('topology', {}).get('fabric', 'default')
            labels[f'fabric.fabric.githedgehog.com/{fabric}'] = 'true'
        elif not labeled:
            item['metadata']['labels'] = {key: value for key, value in labels.items() if not key.startswith('fabric.fabric.')}
    return objects
