"""Fixtures of several rooms: a Kubernetes API, and a fabric whose cluster that is."""

from collections.abc import Iterator

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.models import Fabric

from ..support.mirror_contents import fabric_of


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """A Kubernetes API with nothing in it."""
    with KubernetesAPI() as server:
        yield server


@pytest.fixture
def fabric(api: KubernetesAPI) -> Fabric:
    """A fabric whose cluster that is."""
    return fabric_of(api)
