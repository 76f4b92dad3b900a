"""A fabric read from the demo's Kubernetes API, once for all tests that show what is in it."""

from pathlib import Path

from demo.kubernetes_api import KubernetesAPI, load_objects
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.sync.run import sync_fabric

DATA = Path(__file__).parents[2] / 'demo' / 'data'

# The kinds that the demo's fabric has no object of.
SERVER_PROFILE = {
    'apiVersion': 'wiring.githedgehog.com/v1beta1',
    'kind': 'ServerProfile',
    'metadata': {'name': 'gpu-8', 'namespace': 'default'},
    'spec': {},
}

HEDGEHOG_FABRIC = {
    'apiVersion': 'wiring.githedgehog.com/v1beta1',
    'kind': 'Fabric',
    'metadata': {'name': 'default', 'namespace': 'default'},
    'spec': {
        'leafASNStart': 65101, 'leafASNEnd': 65533,
        'domains': {'default': {'spineASN': 65100, 'gatewayASN': 65534}},
    },
}
INTERCONNECT = {
    'apiVersion': 'vpc.githedgehog.com/v1beta1',
    'kind': 'VPCInterconnect',
    'metadata': {'name': 'backend', 'namespace': 'default'},
    'spec': {
        'topology': {'fabric': 'default', 'domain': 'default'}, 'ipv4Namespace': 'default',
        'links': [{'connection': 'leaf-03--external--internet', 'vlan': 310, 'remoteASN': 65300}],
        'local': {'vpc-01': {'subnets': ['default']}}, 'remote': {'prefixes': ['10.99.0.0/16']},
    },
}
NEWER = (SERVER_PROFILE, HEDGEHOG_FABRIC, INTERCONNECT)

# What people who write to a cluster might want a browser to run.
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
HOSTILE_SERVER = {
    'apiVersion': 'wiring.githedgehog.com/v1beta1',
    'kind': 'Server',
    'metadata': {
        'name': 'hostile', 'namespace': 'default', 'labels': {'x': HOSTILE}, 'annotations': {f'k{HOSTILE}': HOSTILE},
    },
    'spec': {'description': HOSTILE, 'profile': HOSTILE},
}


def cluster() -> KubernetesAPI:
    return KubernetesAPI([*load_objects(DATA), *NEWER])


def connect(api: KubernetesAPI, name: str = 'demo', **values) -> Fabric:
    return Fabric.objects.create(**{
        'name': name, 'kubernetes_server': api.url, 'kubernetes_token': 'viewer-token',
        'kubernetes_ca_cert': api.ca_pem, **values,
    })


def read(api: KubernetesAPI, name: str = 'demo', **values) -> Fabric:
    """A fabric whose mirror holds what the API holds."""
    fabric = connect(api, name, **values)
    report = sync_fabric(fabric)
    assert report.outcome == 'in_sync', report.error
    Fabric.objects.filter(pk=fabric.pk).update(
        sync_status=report.outcome, last_sync=report.started, last_attempt=report.started, last_report=report.as_dict(),
    )
    fabric.refresh_from_db()
    return fabric
