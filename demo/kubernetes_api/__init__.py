"""Serve Hedgehog's custom resources like a Kubernetes API, in a thread: for the demo, and for tests.

    with KubernetesAPI(load_objects('demo/data')) as api:
        ...  # api.url, api.ca_pem, 'viewer-token'

Its responses are those of a real API server, as far as a client that reads custom resources can tell, and it can be
made to fail in all ways that matter to a client (`api.faults`). It does not check objects against their schema, does
not run admission webhooks or finalizers, and accepts any namespace.
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
