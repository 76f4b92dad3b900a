"""Real processes. Modules that want the same settings share a NetBox, and each of their tests begins without fabrics."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kubernetes_api import KubernetesAPI
from tests.plugin import Services

from .stack import OWN_SETTINGS, TOKEN, Settings, Stack, Stacks, sample_api

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker('e2e')


@pytest.fixture(scope='session')
def stacks(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    with Stacks(services, tmp_path_factory) as stacks:
        yield stacks


@pytest.fixture(scope='module')
def module_stack(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[Stack]:
    """The NetBox with the settings that the module names as SETTINGS. Only its web server runs, and nothing is queued."""
    settings: Settings = getattr(request.module, 'SETTINGS', OWN_SETTINGS)
    stack = stacks.get(settings)
    yield stack
    stack.reset()


@pytest.fixture
def stack(module_stack: Stack) -> Iterator[Stack]:
    yield module_stack
    module_stack.clear()


@pytest.fixture(scope='module')
def module_api() -> Iterator[KubernetesAPI]:
    with sample_api() as api:
        yield api


@pytest.fixture
def api(module_api: KubernetesAPI) -> Iterator[KubernetesAPI]:
    """The sample fabric's API server; faults and rights are as ever before each test."""
    yield module_api
    module_api.faults.clear()
    module_api.start()
    module_api.grant(TOKEN, 'viewer')
    module_api.missing_kinds.clear()
