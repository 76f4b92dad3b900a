"""A PostgreSQL that may be killed, fill its disk and come back, and a Valkey that may lose all it had."""

import ctypes
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

from demo import postgres
from demo.machine import ROOT, place
from demo.valkey import Valkey
from tests.plugin import Services

CACHE = ROOT / '.cache'

# Room for the templates, the test's database and their log, and for what a run of the faults adds to it.
DISK_MB = 768

# Few, so that it is soon reached.
CONNECTIONS = 60

OPTIONS = {
    'max_connections': str(CONNECTIONS),
    # What is written ahead shall not need most of a small disk.
    'min_wal_size': '32MB',
    'max_wal_size': '96MB',
}


class Disk:
    """A small file system of our own, in memory: it can be filled without harm to anybody else.

    It is mounted where only this process and its children see it, so that nothing is left behind, however this ends.
    `why_not` says why there is none: only root may mount one, and only on Linux.
    """

    def __init__(self, path: Path) -> None:
        self.path = place(path)
        self.why_not = self._mount()

    @property
    def _filler(self) -> Path:
        return self.path / 'filler'

    def fill(self) -> None:
        """Leaves no byte free."""
        with self._filler.open('ab', buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def _mount(self) -> str:
        if not hasattr(os, 'unshare') or os.geteuid() != 0:
            return 'only root may mount a small disk, on Linux'
        try:
            os.unshare(os.CLONE_NEWNS)
            libc = ctypes.CDLL(None, use_errno=True)
            MS_REC, MS_PRIVATE = 0x4000, 1 << 18
            for source, target, kind, flags, options in (
                (b'none', b'/', None, MS_REC | MS_PRIVATE, None),
                (b'tmpfs', os.fsencode(self.path), b'tmpfs', 0, f'size={DISK_MB}m,mode=755'.encode()),
            ):
                if libc.mount(source, target, kind, flags, options):
                    return f'no small disk can be mounted: {os.strerror(ctypes.get_errno())}'
        except OSError as error:
            return f'no small disk can be mounted: {error.strerror}'
        return ''


class KillablePostgres(postgres.Postgres):
    """Our own server, which keeps what it has promised to keep: a commit that is lost here would be a bug."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, cache=CACHE, durable=True)
        self._options = {**self._options, **OPTIONS}

    @property
    def runs(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is None

    def kill(self) -> None:
        """Kills the server as the kernel does when memory runs out; its processes follow when they notice."""
        pid = self.pid
        if pid is not None and self.runs:
            os.kill(pid, signal.SIGKILL)

    def restart(self) -> bool:
        """Starts it again where it has ended. Returns whether it answers; where it does not, the log says why."""
        if self.runs:
            return True
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None
        try:
            self.start()
        except postgres.PostgresError:
            return False
        return True

    def stop(self) -> None:
        if self._lease is None or self.runs:
            super().stop()
        else:
            os.close(self._lease)
            self._lease = None


class KillableServices(Services):
    """PostgreSQL for one session of faults, on a small disk where that can be had."""

    postgres: KillablePostgres

    def __init__(self) -> None:
        self.disk = Disk(CACHE / 'faults' / 'disk')
        where = CACHE / 'faults' / 'postgres' if self.disk.why_not else self.disk.path / 'postgres'
        self.postgres = KillablePostgres(where)
        self._databases = []

    def start(self) -> None:
        self.postgres.start()

    def stop(self) -> None:
        self.disk.free()
        self.postgres.restart()
        for name in self._databases:
            self.postgres.drop_database(name)
        self.postgres.stop()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class ForgetfulValkey(Valkey):
    """A server that keeps its data over a kill, unless it is told to forget."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix='hedgehog-faults-valkey-'))
        super().__init__(self._home)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.running

    def forget(self) -> None:
        """Loses all it had on disk, while it is down."""
        shutil.rmtree(self._home / 'appendonlydir', ignore_errors=True)

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._home, ignore_errors=True)


def load_average() -> float:
    """How many processes want a core, of each core: 1 and less means that nobody waits."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


__all__ = ('CONNECTIONS', 'Disk', 'ForgetfulValkey', 'KillablePostgres', 'KillableServices', 'load_average')

