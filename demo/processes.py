"""Run the demo's processes: each with its own log, all ended with the demo."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.machine import ROOT, die_with_parent

__all__ = ('Process', 'ProcessEnded', 'tail')

# Seconds that a process has to end by itself.
PATIENCE = 15


class ProcessEnded(Exception):
    """A process that should run has ended; the message has its last log lines."""


class Process:
    """A process of the demo. It ends when this process does, however that happens."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._environment = environment
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open('ab') as log:
            # Its own process group: Ctrl-C in the terminal reaches the demo alone, which ends the others in order.
            self._popen = subprocess.Popen(
                self.command, cwd=ROOT, env={**os.environ, **self._environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

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
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        self.ask_to_stop()
        if self._popen is None:
            return
        try:
            self._popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return '\n'.join(log.read_text(errors='replace').splitlines()[-lines:]) if log.exists() else ''
