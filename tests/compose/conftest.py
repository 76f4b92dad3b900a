"""One deployment for all tests in here, which go through its life in order: the files' numbers say which."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kubernetes_api import load_objects
from demo.machine import ROOT
from tests.support.real_cluster import RealCluster, why_not

from .deployment import Deployment
from .engine import Engine, EngineMissing
from .gate import Gate
from .images import Images, stand_ins

DATA = ROOT / 'demo' / 'data'

# For work on these tests: a folder in which the deployment is kept from session to session, as it is.
KEPT = os.environ.get('COMPOSE_TEST_KEPT', '')


class Figures:
    """What was measured: printed at the end, for docs/deployment.md."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.started = time.monotonic()

    def add(self, what: str, value: str) -> None:
        self.lines.append(f'{what}: {value}')


FIGURES = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES.lines:
        terminalreporter.section('measured')
        for line in FIGURES.lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope='session')
def figures() -> Figures:
    return FIGURES


@pytest.fixture(scope='session')
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    try:
        with Engine(tmp_path_factory.mktemp('engine') / 'dockerd.log') as engine:
            yield engine
    except EngineMissing as missing:
        pytest.exit(str(missing), returncode=1)


@pytest.fixture(scope='session')
def images(engine: Engine) -> Images:
    started = time.monotonic()
    images = stand_ins()
    FIGURES.add('Stand-ins for the base images', f'{time.monotonic() - started:.0f} s')
    return images


@pytest.fixture(scope='session')
def deployment(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The deployment, which tests start. Whatever they leave, and whatever an earlier session left, is removed."""
    folder = Path(KEPT) if KEPT else tmp_path_factory.mktemp('deployment') / 'netbox-hedgehog'
    folder.mkdir(exist_ok=True)
    deployment = Deployment(folder, images)
    deployment.type('make env')
    if KEPT:
        yield deployment
        return
    deployment.docker_compose('down', '-v', '--remove-orphans', '-t', '5')
    yield deployment
    deployment.docker_compose('down', '-v', '--remove-orphans', '-t', '5', check=False)


@pytest.fixture(scope='session')
def cluster() -> Iterator[RealCluster]:
    if reason := why_not():
        pytest.skip(reason)
    with RealCluster() as cluster:
        cluster.load(load_objects(DATA))
        yield cluster


@pytest.fixture(scope='session')
def gate(engine: Engine, cluster: RealCluster) -> Iterator[Gate]:
    """The cluster as containers reach it."""
    with Gate(engine.address(), int(cluster.url.rpartition(':')[2])) as gate:
        yield gate


@pytest.fixture
def open_gate(gate: Gate) -> Iterator[Gate]:
    yield gate
    gate.release()


@pytest.fixture(scope='session')
def connection(cluster: RealCluster, gate: Gate) -> dict[str, str]:
    """What a fabric needs to know. The server's certificate is for the loopback address, behind the gate."""
    kubeconfig = cluster.kubeconfig('viewer-token').replace(
        f'server: {cluster.url}', f'server: {gate.url}\n    tls-server-name: localhost',
    )
    assert gate.url in kubeconfig
    return {'kubeconfig': kubeconfig}


@pytest.fixture(scope='session')
def fabric(deployment: Deployment, connection: dict[str, str]) -> int:
    """The fabric of test_2_sync.py, for those who look at what becomes of it."""
    found = deployment.get('plugins/hedgehog/fabrics/?name=minute')['results'][0]['id']
    deployment.edit(found, **connection)
    return int(found)
