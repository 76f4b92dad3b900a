"""The images that the deployment starts from, where no registry can be reached: made of Debian's packages.

COMPOSE_TEST_BASE_IMAGE, COMPOSE_TEST_POSTGRES_IMAGE and COMPOSE_TEST_REDIS_IMAGE name others, such as the official ones.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .engine import EngineMissing, install, may_install, run

__all__ = ('Images', 'compose_v2', 'stand_ins')

HERE = Path(__file__).parent / 'standins'
CACHE = Path(__file__).resolve().parents[2] / '.cache' / 'compose'

SUITE = 'trixie'
PACKAGES = 'ca-certificates,python3,python3-venv'

# What this machine adds, so that containers reach the package indexes as it does itself.
AUTHORITIES = Path('/etc/ssl/certs/ca-certificates.crt')


@dataclass(frozen=True, slots=True)
class Images:
    """Names of images: of Python, PostgreSQL and Redis or Valkey."""

    base: str
    postgres: str
    redis: str


def stand_ins() -> Images:
    """The images to test with; what is not named is built, or taken from the last time."""
    named = [os.environ.get(f'COMPOSE_TEST_{name}_IMAGE', '') for name in ('BASE', 'POSTGRES', 'REDIS')]
    if all(named):
        return Images(*named)
    base = named[0] or _base()
    servers = _servers(base) if not (named[1] and named[2]) else ''
    return Images(base, named[1] or servers, named[2] or servers)


def _base() -> str:
    """Debian with Python, as python:3.13-slim is."""
    image = f'hedgehog-test-base:{_digest(SUITE, PACKAGES, AUTHORITIES.read_text(), Path(__file__).read_text())}'
    if _exists(image):
        return image
    archive = CACHE / f'{image.replace(":", "-")}.tar'
    if not archive.exists():
        for old in CACHE.glob('hedgehog-test-base-*.tar'):
            old.unlink()
        _bootstrap(archive)
    with archive.open('rb') as file:
        subprocess.run(['docker', 'import', '-', image], stdin=file, check=True, capture_output=True)
    return image


def _bootstrap(archive: Path) -> None:
    if not shutil.which('debootstrap'):
        if not may_install():
            raise EngineMissing('debootstrap, from Debian’s packages, makes the base image. Install it, or be root.')
        install('debootstrap')
    CACHE.mkdir(parents=True, exist_ok=True)
    print('Making a base image of Debian’s packages, once …', flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        root = Path(folder) / 'root'
        run('debootstrap', '--variant=minbase', f'--include={PACKAGES}', SUITE, str(root), timeout=1200)
        (root / 'usr/bin/python').symlink_to('python3')
        shutil.copy(AUTHORITIES, root / 'etc/ssl/certs/ca-certificates.crt')
        (root / 'etc/pip.conf').write_text(
            '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ntimeout = 180\n'
        )
        shutil.rmtree(root / 'var/cache/apt')
        shutil.rmtree(root / 'var/lib/apt/lists')
        partial = archive.with_suffix('.partial')
        run('tar', '-C', str(root), '-cf', str(partial), '.')
        partial.rename(archive)


def _servers(base: str) -> str:
    """PostgreSQL and Valkey, behind the contract of the official images."""
    recipe = ''.join(path.read_text() for path in sorted(HERE.iterdir()))
    image = f'hedgehog-test-servers:{_digest(base, recipe)}'
    if not _exists(image):
        print('Making an image of PostgreSQL and Valkey of Debian’s packages, once …', flush=True)
        run(
            'docker', 'build', '--build-arg', f'BASE={base}', '-f', str(HERE / 'servers.Dockerfile'), '-t', image,
            str(HERE), timeout=1200, env={**os.environ, 'DOCKER_BUILDKIT': '0'},
        )
    return image


def compose_v2(base: str) -> Path:
    """Compose v2, taken from the base image's suite. Raises RuntimeError where its packages cannot be had."""
    program = CACHE / f'compose-v2-{SUITE}-{platform.machine()}'
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            run(
                'docker', 'run', '--rm', '-v', f'{folder}:/out', '-w', '/out', base, 'sh', '-ec',
                'apt-get update -q; apt-get download -q docker-compose; dpkg-deb -x docker-compose_*.deb .',
            )
            found = next(Path(folder).glob('usr/libexec/docker/cli-plugins/docker-compose'))
            shutil.copy(found, program)
    return program


def _exists(image: str) -> bool:
    return not subprocess.run(['docker', 'image', 'inspect', image], capture_output=True).returncode


def _digest(*parts: str) -> str:
    return hashlib.sha256('\0'.join(parts).encode()).hexdigest()[:12]
