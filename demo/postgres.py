"""Run a private PostgreSQL server for the demo and the tests: find or fetch, start, share and end it.

The server belongs to its current users. Every user holds a shared lock on a file (the lease); a small supervisor
process owns the server and waits for that lock. When the last user releases it, or is killed, the supervisor gets the
lock and ends the server. So nothing is left behind, and two test runs can share one server.
"""

import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import psycopg
from psycopg import sql

from demo.machine import HOST, ROOT, die_with_parent, free_port, identity, place, port_is_free, unprivileged_user
from demo.postgres_binaries import PostgresError, Progress, find_binaries, last_line

START_TIMEOUT = 60  # seconds; a recovery after a kill takes a few
STOP_TIMEOUT = 30  # seconds
USER = 'hedgehog'

# The data need not be flushed to disk: it can be rebuilt from the sample fabric.
FLEETING = {
    'fsync': 'off',
    'full_page_writes': 'off',
    'synchronous_commit': 'off',
    'wal_level': 'minimal',
    'max_wal_senders': '0',
}
OPTIONS = {
    'max_connections': '200',
    'jit': 'off',
    'timezone': 'UTC',
}


def parse_database_url(url: str) -> dict[str, Any]:
    """Return NetBox's DATABASE settings for a URL: postgresql://user:password@host:port/name?sslmode=require.

    Raises ValueError if it is not a PostgreSQL URL or names no database.
    """
    parts = urlsplit(url)
    if parts.scheme not in ('postgres', 'postgresql'):
        raise ValueError(f'A database URL begins with postgresql://, not with {parts.scheme or "nothing"}://.')
    name = unquote(parts.path.lstrip('/'))
    if not name:
        raise ValueError('The database URL names no database: postgresql://user:password@host:port/name')
    options = dict(parse_qsl(parts.query))
    settings: dict[str, Any] = {
        'NAME': name,
        'USER': unquote(parts.username or ''),
        'PASSWORD': unquote(parts.password or ''),
        # In libpq a host in the query names a socket directory.
        'HOST': options.pop('host', None) or unquote(parts.hostname or ''),
        'PORT': options.pop('port', None) or str(parts.port or ''),
    }
    return settings | ({'OPTIONS': options} if options else {})


class Server:
    """A PostgreSQL server that runs already, reached with NetBox's DATABASE settings; never started, never stopped."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    @classmethod
    def from_url(cls, url: str) -> 'Server':
        """Return the server that a database URL names. Raises ValueError for a malformed URL."""
        return Server(parse_database_url(url))

    def start(self) -> Self:
        return self

    def stop(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def settings(self) -> dict[str, Any]:
        """Return NetBox's DATABASE settings: NAME, USER, PASSWORD, HOST, PORT and OPTIONS, if given."""
        return dict(self._settings)

    def url(self, name: str | None = None) -> str:
        """Return the URL of a database on this server, by default of the one in the settings. Includes the password."""
        value = self.settings
        query = dict(value.get('OPTIONS', {}))
        host = value['HOST']
        if host.startswith('/'):
            query['host'], host = host, ''
        user = quote(value['USER'], safe='') + (f':{quote(value["PASSWORD"], safe="")}' if value['PASSWORD'] else '')
        address = (f'{user}@' if user else '') + (f'[{host}]' if ':' in host else host)
        address += f':{value["PORT"]}' if value['PORT'] else ''
        return f'postgresql://{address}/{quote(name or value["NAME"], safe="")}' + (
            f'?{urlencode(query)}' if query else ''
        )

    def connect(self, database: str | None = None) -> psycopg.Connection[Any]:
        """Return an autocommit connection. Raises psycopg.OperationalError without a response in 10 seconds."""
        value = self.settings
        return psycopg.connect(
            dbname=database or value['NAME'],
            user=value['USER'] or None,
            password=value['PASSWORD'] or None,
            host=value['HOST'] or None,
            port=value['PORT'] or None,
            autocommit=True,
            connect_timeout=10,
            **value.get('OPTIONS', {}),
        )

    def execute(
        self, query: str | sql.Composed, parameters: Sequence[Any] = (), database: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Run one statement in its own connection and return its rows (none for a command)."""
        with self.connect(database) as connection:
            cursor = connection.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def databases(self) -> list[str]:
        """Return the names of all databases that accept connections or could, without the built-in templates."""
        rows = self.execute("SELECT datname FROM pg_database WHERE datname !~ '^template[01]$' ORDER BY datname")
        return [name for (name,) in rows]

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy of another one without connections.

        Raises psycopg.errors.DuplicateDatabase if it exists.
        """
        query = sql.SQL('CREATE DATABASE {}').format(sql.Identifier(name))
        if template:
            # Copying files is the faster strategy for a few thousand small relations on a server without fsync.
            query += sql.SQL(' TEMPLATE {} STRATEGY FILE_COPY').format(sql.Identifier(template))
        self.execute(query)

    def drop_database(self, name: str) -> None:
        """Drop a database, even if it is in use; no error if it does not exist."""
        self.execute(sql.SQL('DROP DATABASE IF EXISTS {} WITH (FORCE)').format(sql.Identifier(name)))


class Postgres(Server):
    """Our own server: its data in `directory`, listening on 127.0.0.1 and on a socket in there.

    Several processes may use the same directory; the server runs until the last of them has stopped or ended. `cache`
    keeps fetched programs (default: the directory); `progress` is called with a line before what takes time. With
    `durable` it writes like a server that keeps its data, to measure the cost of that.
    """

    def __init__(
        self, directory: Path, cache: Path | None = None, progress: Progress = print, durable: bool = False,
    ) -> None:
        self._options = OPTIONS if durable else FLEETING | OPTIONS
        self.directory = place(directory)
        self._cache = cache or directory
        self._progress = progress
        self._lease: int | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Return NetBox's DATABASE settings, with the maintenance database as NAME. Known after the first start."""
        return {
            'NAME': 'postgres',
            'USER': USER,
            'PASSWORD': self._read('password'),
            'HOST': HOST,
            'PORT': self._read('port'),
        }

    @property
    def port(self) -> int:
        """Return the TCP port, the same at every start as long as nobody else takes it."""
        return int(self._read('port'))

    @property
    def pid(self) -> int | None:
        """Return the server's process id from its pid file; None without such a file."""
        try:
            return int((self._data / 'postmaster.pid').read_text().split('\n')[0])
        except (OSError, ValueError):
            return None

    def start(self) -> Self:
        """Start the server, or join the one that runs on this directory. Raises PostgresError if that fails."""
        if self._lease is not None:
            return self
        with self._alone():
            lease = os.open(self.directory / 'lease', os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # Waits while a supervisor ends a server that its last user has released.
                fcntl.flock(lease, fcntl.LOCK_SH)
                if not self._answers():
                    binaries = find_binaries(self._cache, self._progress)
                    self._initialise(binaries)
                    self._clear_stale_pid()
                    self._launch(binaries)
            except BaseException:
                os.close(lease)
                raise
            self._lease = lease
        return self

    def stop(self) -> None:
        """Release the server; if nobody else uses it, shut it down fast and wait until it has ended."""
        if self._lease is None:
            return
        lease, self._lease = self._lease, None
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Granted at once if others use it. If the supervisor is already ending the server: granted when it has.
            fcntl.flock(lease, fcntl.LOCK_SH)
            return
        else:
            self._shut_down()
        finally:
            os.close(lease)
        if self._supervisor is not None:
            self._supervisor.wait(STOP_TIMEOUT)
            self._supervisor = None

    def __repr__(self) -> str:
        return f'<Postgres in {self.directory}>'

    @property
    def _data(self) -> Path:
        # One directory per major version: a newer server cannot read an older one's files.
        try:
            return self.directory / f'data-{self._read("version")}'
        except FileNotFoundError:
            return self.directory / 'data'

    def _read(self, name: str) -> str:
        return (self.directory / name).read_text().strip()

    def _write(self, name: str, value: str, mode: int = 0o600) -> Path:
        """Write a small file atomically, readable only for the server's user and ours."""
        path = self.directory / name
        scratch = path.with_suffix('.new')
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, 'w') as file:
            file.write(f'{value}\n')
        if user := unprivileged_user():
            os.chown(scratch, user.pw_uid, user.pw_gid)
        scratch.replace(path)
        return path

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock that lets one process at a time start the server."""
        lock = os.open(self.directory / 'lock', os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _answers(self) -> bool:
        """Return whether this very server responds, and not another one that took its port."""
        try:
            (row,) = self.execute('SHOW data_directory')
        except (OSError, psycopg.OperationalError):
            return False
        return Path(row[0]).resolve() == self._data.resolve()

    def _initialise(self, binaries: Path) -> None:
        """Create the data directory if there is none for this version."""
        version = subprocess.run([binaries / 'postgres', '--version'], capture_output=True, text=True, check=True)
        number = re.search(r'\d+', version.stdout)
        assert number is not None
        self._write('version', number[0])
        if not (self.directory / 'password').exists():
            self._write('password', secrets.token_urlsafe(24))
        if self._data.exists():
            return
        self._progress(f'Creating a PostgreSQL {number[0]} cluster …')
        scratch = self.directory / 'data.new'
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        if user := unprivileged_user():
            os.chown(scratch, user.pw_uid, user.pw_gid)
        command = [
            str(binaries / 'initdb'),
            f'--pgdata={scratch}',
            f'--username={USER}',
            f'--pwfile={self.directory / "password"}',
            '--auth=scram-sha-256',
            '--encoding=UTF8',
            # ICU sorts the same on every machine; NetBox needs it anyway.
            '--locale=C',
            '--locale-provider=icu',
            '--icu-locale=und',
            '--no-sync',
        ]
        result = subprocess.run(command, cwd='/', capture_output=True, text=True, **identity())
        if result.returncode:
            raise PostgresError(f'initdb failed: {last_line(result.stderr or result.stdout)}')
        scratch.rename(self._data)

    def _clear_stale_pid(self) -> None:
        """Remove the pid file of a killed server: a process that reused its id would block the start."""
        pid = self.pid
        if pid is not None and not self._owns(pid):
            (self._data / 'postmaster.pid').unlink(missing_ok=True)

    def _owns(self, pid: int) -> bool:
        """Return whether this process is the server of this directory, and not one that reused a dead server's id."""
        if Path('/proc/self').exists():
            try:
                command = Path(f'/proc/{pid}/cmdline').read_bytes()
            except OSError:
                return False
        else:
            command = subprocess.run(['ps', '-ww', '-o', 'args=', '-p', str(pid)], capture_output=True).stdout
        return os.fsencode(self._data) in command

    def _launch(self, binaries: Path) -> None:
        """Start supervisor and server and wait until the server responds."""
        if not (self.directory / 'port').exists() or not port_is_free(self.port):
            self._write('port', str(free_port()))
        sockets = str(self.directory / 'socket')
        os.makedirs(sockets, mode=0o700, exist_ok=True)
        if user := unprivileged_user():
            os.chown(sockets, user.pw_uid, user.pw_gid)
        options = {
            'listen_addresses': HOST,
            'port': str(self.port),
            # The path of a socket is limited to 107 bytes.
            'unix_socket_directories': sockets if len(os.fsencode(sockets)) < 80 else '',
            **self._options,
        }
        arguments = [item for key, value in options.items() for item in ('-c', f'{key}={value}')]
        server = [str(binaries / 'postgres'), '-D', str(self._data), *arguments]
        command = [sys.executable, '-m', 'demo.postgres', str(self.directory / 'lease'), *server]
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with open(self.directory / 'log', 'ab') as log:
                begin = log.tell()
                # Its own session: Ctrl-C in a terminal must not end the server before its users.
                self._supervisor = subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            while self._supervisor.poll() is None:
                if self._answers():
                    return
                if time.monotonic() > deadline:
                    self._supervisor.kill()
                    self._supervisor.wait()
                    raise PostgresError(f'PostgreSQL did not answer in {START_TIMEOUT} s; see {self.directory}/log.')
                time.sleep(0.05)
            said = (self.directory / 'log').read_bytes()[begin:].decode(errors='replace')
            # After a kill -9 its children need a moment to notice; until then their shared memory is in use.
            if 'shared memory block' not in said or time.monotonic() > deadline:
                raise PostgresError(f'PostgreSQL does not start: {last_line(said)}')
            time.sleep(0.2)

    def _shut_down(self) -> None:
        """End the server: fast, and immediately if that takes too long."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            pid = self.pid
            if pid is None or not self._owns(pid):
                return
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + STOP_TIMEOUT
            while time.monotonic() < deadline:
                if self.pid != pid or not self._owns(pid):
                    return
                time.sleep(0.02)
        raise PostgresError(f'PostgreSQL (process {self.pid}) does not end.')


def server(
    directory: Path, cache: Path | None = None, progress: Progress = print, durable: bool = False,
) -> Server:
    """Return the server to use, not started: the one that DATABASE_URL names, else our own in `directory`."""
    if url := os.environ.get('DATABASE_URL'):
        return Server.from_url(url)
    return Postgres(directory, cache, progress, durable)


# --- The supervisor: python -m demo.postgres LEASE COMMAND… ---


def supervise(lease: Path, command: list[str]) -> int:
    """Run the server until it ends or until nobody holds the lease; return its exit code."""
    process = subprocess.Popen(command, cwd='/', preexec_fn=lambda: die_with_parent(signal.SIGINT), **identity())
    # Held until this process ends, and the server with it: a new start waits for that.
    lock = os.open(lease, os.O_RDWR)

    def end_after_last_user() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process.send_signal(signal.SIGINT)

    threading.Thread(target=end_after_last_user, daemon=True).start()
    return process.wait()


if __name__ == '__main__':
    sys.exit(supervise(Path(sys.argv[1]), sys.argv[2:]))
