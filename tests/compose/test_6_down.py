"""Down and up, with docker-compose 1.29 and with Compose v2; and nothing that stays behind."""

import re

import pytest

from .conftest import Figures
from .deployment import PROJECT, SCHEDULER, WORKER, Deployment
from .engine import run
from .images import Images, compose_v2
from .test_1_start import PS_NAME
from .test_3_faults import GOES_ON, goes_on, last_sync, schedules


def test_down_and_up_keeps_data_and_schedules(deployment: Deployment, fabric: int, figures: Figures) -> None:
    before, wanted = last_sync(deployment, fabric), schedules(deployment).keys()
    resources = deployment.get('plugins/hedgehog/resources/?limit=1')['count']
    deployment.docker_compose('down')
    assert deployment.containers() == []
    deployment.docker_compose('up', '-d', 'redis')
    assert schedules(deployment).keys() == wanted, 'the schedules were on disk'
    figures.add('Healthy from existing volumes', f'{deployment.up():.0f} s')
    assert deployment.get('plugins/hedgehog/resources/?limit=1')['count'] == resources
    goes_on(deployment, fabric, before)
    deployment.wait_until(lambda: deployment.status()[0] == 0, GOES_ON, 'status says that all is well')


def test_compose_v2_runs_the_same_files(deployment: Deployment, fabric: int, images: Images) -> None:
    try:
        program = compose_v2(images.base)
    except RuntimeError as error:
        pytest.skip(f'Compose v2 cannot be had here: {error}')
    before = last_sync(deployment, fabric)
    deployment.docker_compose('down')
    first, deployment.compose = deployment.compose, [str(program)]
    try:
        print(deployment.docker_compose('version').text)
        deployment.up()
        said = deployment.docker_compose('ps').text
        print(said)
        for service in (WORKER, SCHEDULER):
            assert re.search(rf'{PS_NAME}{service}.1.*Up.*\(healthy\)', said), said
        assert ' scheduled: ' in deployment.manage('hedgehog_sync bootstrap').text
        assert 'healthy: ' in deployment.manage('hedgehog_sync status').text
        goes_on(deployment, fabric, before)
        deployment.docker_compose('down')
    finally:
        deployment.compose = first


def test_down_with_volumes_leaves_nothing(deployment: Deployment) -> None:
    deployment.docker_compose('up', '-d', 'redis', 'postgres')
    deployment.docker_compose('down', '-v')
    assert deployment.containers() == []
    for what in ('volume', 'network'):
        assert PROJECT not in run('docker', what, 'ls')
