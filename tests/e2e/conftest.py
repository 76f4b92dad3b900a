"""Real processes. Each module has a NetBox of its own, and each of its tests begins without fabrics."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kubernetes_api import KubernetesAPI
from tests.plugin import Services

from .stack import TOKEN, Stack, sample_api

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker('e2e')


@pytest.fixture(scope='module')
def settings_of_stack() -> dict[str, object]:
    """The plugin's settings in a module's NetBox: its defaults."""
    return {}


@pytest.fixture(scope='module')
def module_stack(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory,
    settings_of_stack: dict[str, object],
) -> Iterator[Stack]:
    name = request.module.__name__.rpartition('.')[2].removeprefix('test_')
    with Stack(services, name, tmp_path_factory.mktemp(name), **settings_of_stack) as stack:
        yield stack


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
