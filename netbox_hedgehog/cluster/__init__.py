"""Talks to Kubernetes: give it credentials, it gives you objects. No Django model in here."""

from .client import ClientOptions, Cluster, Page
from .errors import ClusterError, Expired, Forbidden, NotInstalled

__all__ = ('ClientOptions', 'Cluster', 'ClusterError', 'Expired', 'Forbidden', 'NotInstalled', 'Page')
