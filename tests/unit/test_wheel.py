"""The wheel carries the whole plugin, and a NetBox that has nothing else of this repository loads it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

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


def test_a_netbox_without_this_checkout_loads_it(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', venv], check=True)
    python = venv / 'bin' / 'python'
    packages = Path(sysconfig.get_path('purelib', vars={'base': str(venv), 'platbase': str(venv)}))
    # NetBox and its packages, without what makes the checkout importable: .pth files there are not followed.
    (packages / 'netbox.pth').write_text(sysconfig.get_path('purelib') + '\n')
    zipfile.ZipFile(wheel).extractall(packages)
    shutil.copytree(ROOT / 'demo', tmp_path / 'demo', ignore=shutil.ignore_patterns('__pycache__'))
    checked = subprocess.run(
        [python, '-c', 'import django; django.setup()\n'
         'import netbox_hedgehog\nfrom django.core.management import call_command\n'
         'from django.template.loader import get_template\n'
         'get_template("netbox_hedgehog/overview.html")\ncall_command("check")\n'
         'print("FROM", netbox_hedgehog.__file__)'],
        cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(tmp_path), 'DJANGO_SETTINGS_MODULE': 'netbox.settings'},
        capture_output=True, text=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert f'FROM {packages}' in checked.stdout
