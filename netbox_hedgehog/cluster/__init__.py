"""Talks to Kubernetes: give it credentials, it gives you objects. No Django model in here."""

from .client import ClientOptions, Cluster, Page
from .errors import BadAnswer, ClusterError, Expired, Forbidden, NotInstalled, Unreadable

__all__ = (
    'BadAnswer', 'ClientOptions', 'Cluster', 'ClusterError', 'Expired', 'Forbidden', 'NotInstalled', 'Page',
    'Unreadable',
)
