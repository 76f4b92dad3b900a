"""Run processes for the demo, tests and benchmarks: each has its own log, and ends with the process that started it."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from demo.machine import ROOT, die_with_parent

__all__ = ('NO_LOG', 'Process', 'ProcessEnded', 'stop_all', 'tail')

# Seconds that a process has to end by itself.
PATIENCE = 15

# The log of a process whose output nobody needs.
NO_LOG = Path(os.devnull)


class ProcessEnded(Exception):
    """A process that should run has ended; the message has its last log lines."""


class Process:
    """A process with a log. It ends when the thread that started it does: start it from the main thread."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._environment = environment
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process, with `environment` in addition to this process's own."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open('ab') as log:
            # Its own session: Ctrl-C in the terminal reaches only this process, which ends the others in order.
            self._popen = subprocess.Popen(
                self.command, cwd=ROOT, env={**os.environ, **self._environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent,
            )
        return self

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    @property
    def running(self) -> bool:
        """Return whether the process was started and still runs."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def ended(self) -> bool:
        """Return whether the process was started and no longer runs."""
        return self._popen is not None and self._popen.poll() is not None

    def check(self) -> None:
        """Raise ProcessEnded if the process has ended."""
        if self._popen is not None and self.ended:
            raise ProcessEnded(
                f'{self.name} has ended with code {self._popen.returncode}. '
                f'Its last words, in {self.log}:\n{tail(self.log)}'
            )

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._popen is not None and self.running:
            self._popen.send_signal(signal.SIGTERM)

    def stop(self, patience: float = PATIENCE) -> None:
        """End the process and wait for that; kill it if it takes longer than `patience` seconds."""
        self.ask_to_stop()
        if self._popen is None:
            return
        try:
            self._popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the process as a crash would, and wait until it is gone."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()


def stop_all(processes: Iterable[Process]) -> None:
    """End these processes at the same time, and wait for all of them."""
    processes = list(processes)
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop()


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return '\n'.join(log.read_text(errors='replace').splitlines()[-lines:]) if log.exists() else ''
