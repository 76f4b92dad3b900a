"""A Docker engine and docker-compose: those of this machine, or Debian's packages where there are none."""

import ipaddress
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from demo.processes import Process

__all__ = ('Engine', 'EngineMissing', 'run')

# Seconds until a started engine must answer, and until one that is stopped must have ended.
PATIENCE = 60

PACKAGES = {'docker': 'docker.io', 'docker-compose': 'docker-compose'}


class EngineMissing(Exception):
    """The text says what is missing and how to get it."""


def run(*command: str, timeout: float = 600, **options: object) -> str:
    """What a command prints. Raises RuntimeError, with its last words, where it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)}\nends with {done.returncode}: {(done.stderr or done.stdout)[-3000:]}')
    return str(done.stdout)


class Engine:
    """The engine while the context lasts; one that was started here ends with it."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._daemon: Process | None = None

    def __enter__(self) -> Self:
        missing = [package for tool, package in PACKAGES.items() if not shutil.which(tool)]
        if not self.answers() and not shutil.which('dockerd'):
            missing = ['docker.io', *(package for package in missing if package != 'docker.io')]
        if missing:
            self._install(missing)
        if not self.answers():
            self._start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._daemon is not None:
            self._daemon.stop(PATIENCE)

    @staticmethod
    def answers() -> bool:
        return bool(shutil.which('docker')) and not subprocess.run(
            ['docker', 'version', '--format', '{{.Server.Version}}'], capture_output=True,
        ).returncode

    @staticmethod
    def address() -> str:
        """The address under which containers reach this machine: the first of Docker's own network."""
        subnet = run('docker', 'network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Subnet}}')
        return str(next(ipaddress.ip_network(subnet.strip()).hosts()))

    def _install(self, packages: Sequence[str]) -> None:
        if not may_install():
            raise EngineMissing(
                f'The deployment is tested on a Docker engine, and this machine lacks {" and ".join(packages)}. '
                'Install them, or run this as root on Debian.'
            )
        install(*packages)

    def _start(self) -> None:
        if os.geteuid() != 0:
            raise EngineMissing(
                'No Docker engine answers. Start it, and see that this user may use it (docker version), '
                'or run this as root.'
            )
        self._daemon = Process('dockerd', ['dockerd'], {}, self.log).start()
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self._daemon.ended or time.monotonic() > deadline:
                raise EngineMissing(f'The Docker engine does not start:\n{self.log.read_text()[-2000:]}')
            time.sleep(0.5)


def may_install() -> bool:
    return os.geteuid() == 0 and Path('/etc/debian_version').exists()


def install(*packages: str) -> None:
    """Install Debian packages. Raises RuntimeError."""
    print(f'Installing {", ".join(packages)} with apt-get …', flush=True)
    run('apt-get', 'update', '-q')
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    run('apt-get', 'install', '-y', '-q', '--no-install-recommends', *packages, env=environment)
