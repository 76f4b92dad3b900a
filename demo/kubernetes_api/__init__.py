"""A small Kubernetes API server for Hedgehog's custom resources, in a thread: for the demo, and for tests.

    with KubernetesAPI(load_objects('demo/data')) as api:
        ...  # api.url, api.ca_pem, 'viewer-token'

It answers as a real API server does where a client that reads custom resources can tell, and can be made to fail in
all the ways that matter to one (`api.faults`). It does not check objects against their schema, run admission webhooks
or finalizers, nor know namespaces: any may be used.
"""

from .access import ADMIN, NOBODY, VIEWER, VPC_EDITOR, Access, User, limited_to
from .errors import APIError
from .faults import Faults
from .resources import Manifest, Resource, load_objects, load_resources, multiplied
from .server import KubernetesAPI, Request
from .tls import Authority

__all__ = (
    'ADMIN',
    'NOBODY',
    'VIEWER',
    'VPC_EDITOR',
    'APIError',
    'Access',
    'Authority',
    'Faults',
    'KubernetesAPI',
    'Manifest',
    'Request',
    'Resource',
    'User',
    'limited_to',
    'load_objects',
    'load_resources',
    'multiplied',
)
