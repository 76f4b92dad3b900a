"""The wheel carries the whole plugin, and a NetBox that has nothing else of this repository loads it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import Distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import netbox_hedgehog

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('wheel')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '-w', folder, ROOT],
        check=True,
    )
    return next(folder.glob('*.whl'))


def test_the_wheel_has_every_file(wheel: Path) -> None:
    here = {
        str(path.relative_to(ROOT)) for path in (ROOT / 'netbox_hedgehog').rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    there = {name for name in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in name}
    assert there == here
    assert 'netbox_hedgehog/migrations/0001_initial.py' in there


STARTS = """
import django; django.setup()
import json, netbox_hedgehog
from importlib.metadata import version
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
call_command("check")
call_command("hedgehog_sync", "onboard", stdout=open("role.yaml", "w"))
pages = [reverse("plugins:netbox_hedgehog:overview"), "/api/plugins/hedgehog/health/", "/login/"]
print("FOUND", json.dumps({
    "file": netbox_hedgehog.__file__, "version": version("netbox-hedgehog"),
    "answers": [Client().get(page).status_code for page in pages], "worker": settings.RQ["WORKER_CLASS"],
    "role": "kind: ClusterRole" in open("role.yaml").read(),
}))
"""


def test_pip_installs_it_into_a_plain_netbox_that_then_starts(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', venv], check=True)
    python = venv / 'bin' / 'python'
    packages = Path(sysconfig.get_path('purelib', vars={'base': str(venv), 'platbase': str(venv)}))
    # NetBox and its packages, without what makes the checkout importable: .pth files there are not followed.
    (packages / 'netbox.pth').write_text(sysconfig.get_path('purelib') + '\n')
    # Its requirements are NetBox's packages, which are there: none is fetched, and --no-deps says nothing of them.
    subprocess.run(
        [sys.executable, '-m', 'pip', '--python', python, 'install', '--quiet', '--no-deps', '--no-index', wheel],
        check=True,
    )
    shutil.copytree(ROOT / 'demo', tmp_path / 'demo', ignore=shutil.ignore_patterns('__pycache__'))
    started = subprocess.run(
        [python, '-c', STARTS], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': str(tmp_path), 'DJANGO_SETTINGS_MODULE': 'netbox.settings'},
    )
    assert started.returncode == 0, started.stderr
    found = json.loads(started.stdout.rpartition('FOUND ')[2])
    assert found == {
        'file': str(packages / 'netbox_hedgehog' / '__init__.py'), 'version': netbox_hedgehog.__version__,
        'answers': [302, 403, 200], 'worker': 'netbox_hedgehog.jobs.worker.HedgehogWorker', 'role': True,
    }
    # What the wheel says it needs is satisfied by what is there.
    needed = Distribution.at(next(packages.glob('netbox_hedgehog-*.dist-info'))).requires or []
    for requirement in map(Requirement, needed):
        if requirement.marker is None or requirement.marker.evaluate({'extra': ''}):
            assert requirement.specifier.contains(version(requirement.name)), requirement
