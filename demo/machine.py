"""Provide what the demo's servers need of this machine: a user, a directory, a port, an end with their parent."""

import ctypes
import hashlib
import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = (
    'HOST', 'ROOT', 'MachineError', 'die_with_parent', 'free_port', 'identity', 'place', 'port_is_free', 'reachable',
    'unprivileged_user',
)

ROOT = Path(__file__).resolve().parent.parent
HOST = '127.0.0.1'

_libc = ctypes.CDLL(None) if sys.platform == 'linux' else None


class MachineError(Exception):
    """This machine lacks something; the message says what to do."""


def unprivileged_user() -> pwd.struct_passwd | None:
    """Return the user that runs PostgreSQL, which refuses to run as root; None if this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in ('postgres', 'nobody'):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise MachineError('PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody.')


def identity() -> dict[str, Any]:
    """Return the arguments that make subprocess run a command as the unprivileged user."""
    user = unprivileged_user()
    return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []} if user else {}


def reachable(path: Path) -> bool:
    """Return whether the user that runs PostgreSQL can enter the deepest existing directory of this path."""
    while not path.exists():
        path = path.parent
    command = ['/bin/sh', '-c', 'test -x "$1"', 'sh', str(path)]
    return subprocess.run(command, cwd='/', **identity()).returncode == 0


def place(directory: Path) -> Path:
    """Create and return this directory, or one in /var/tmp named after it if PostgreSQL's user cannot enter it.

    Raises MachineError if the one in /var/tmp belongs to another user.
    """
    directory = directory.resolve()
    if not reachable(directory):
        directory = Path('/var/tmp') / f'netbox-hedgehog-{hashlib.sha256(bytes(directory)).hexdigest()[:12]}'
        # Any user may create names in /var/tmp, so make sure that this one is ours.
        directory.mkdir(mode=0o755, exist_ok=True)
        if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
            raise MachineError(f'{directory} belongs to another user. Remove it and try again.')
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def free_port() -> int:
    """Return a TCP port that is free on the loopback interface right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process a signal when its parent ends; for preexec_fn. No effect elsewhere."""
    if _libc is not None:
        PR_SET_PDEATHSIG = 1
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
