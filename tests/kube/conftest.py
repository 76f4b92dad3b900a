"""A real API server, once for all tests in here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.real_cluster import RealCluster, why_not

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker('kube')


@pytest.fixture(scope='session')
def real_cluster() -> Iterator[RealCluster]:
    if reason := why_not():
        pytest.skip(reason)
    with RealCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(real_cluster: RealCluster) -> RealCluster:
    """The same server, with nothing in it."""
    real_cluster.wipe()
    return real_cluster
