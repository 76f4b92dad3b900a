"""Show health checks of containers that this process is alive: it touches a file at each heartbeat.

The environment variable HEDGEHOG_LIFE_SIGN names the file. Without it nothing is written. A health check compares the
file's age with a limit; docs/deployment.md says which.
"""

import os
import stat
from pathlib import Path

from .records import log_once

__all__ = ('VARIABLE', 'remove_life_sign', 'touch_life_sign')

VARIABLE = 'HEDGEHOG_LIFE_SIGN'


def remove_life_sign() -> None:
    """Remove the file at the start of a process: an earlier process may have left it.

    A life sign is an empty file: anything else that the variable names, by mistake, is kept.
    """
    if path := os.environ.get(VARIABLE):
        try:
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode) and not found.st_size:
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            _log_failure(error)


def touch_life_sign() -> None:
    """Touch the file. Call this only when the heartbeat has succeeded, that is, when Redis has accepted it."""
    if path := os.environ.get(VARIABLE):
        try:
            Path(path).touch()
        except OSError as error:
            _log_failure(error)


def _log_failure(error: OSError) -> None:
    """Log once that the file cannot be written: the health check fails, the process continues."""
    log_once(f'The file that {VARIABLE} names cannot be written, so the health check fails: {error}')
