"""Limit requests by a deadline, with sockets that keep it.

A socket's time-out limits the wait for the next bytes. A server that sends one byte a second never exceeds it, so each
read also checks the deadline of its thread.
"""

import math
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

__all__ = ('OpenSockets', 'TLSSocket', 'deadline', 'plain_socket', 'seconds_left')

_thread = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit everything that this thread connects to and reads, in seconds; an earlier outer deadline stays in force."""
    outer = getattr(_thread, 'deadline', math.inf)
    _thread.deadline = min(outer, time.monotonic() + seconds)
    try:
        yield
    finally:
        _thread.deadline = outer


def seconds_left() -> float:
    """Return the seconds until the deadline of this thread, infinity without one."""
    return float(getattr(_thread, 'deadline', math.inf)) - time.monotonic()


if TYPE_CHECKING:
    _Base = socket.socket
else:
    _Base = object


class _Timed(_Base):
    """A socket whose reads end at the deadline of the thread that reads."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        left, usual = seconds_left(), self.gettimeout()
        if left <= 0:
            raise TimeoutError('the deadline of the request has passed')
        if (usual is not None and usual <= left) or left == math.inf:
            return super().recv_into(*args, **options)
        self.settimeout(left)
        try:
            return super().recv_into(*args, **options)
        finally:
            self.settimeout(usual)


class PlainSocket(_Timed, socket.socket):
    """A socket without TLS."""


class TLSSocket(_Timed, ssl.SSLSocket):
    """A TLS socket, created by an SSLContext as its `sslsocket_class`."""


def plain_socket(connected: socket.socket, timeout: float | None) -> PlainSocket:
    """Return a PlainSocket that takes over a connected socket, with its own time-out."""
    family, kind, proto = connected.family, connected.type, connected.proto
    taken = PlainSocket(family, kind, proto, fileno=connected.detach())
    taken.settimeout(timeout)
    return taken


class OpenSockets:
    """The sockets of a connection pool, so that any thread can end what the others wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.closed = False

    def add(self, opened: socket.socket) -> None:
        """Add a socket; shut it down at once if close() was called before."""
        with self._lock:
            self._open.add(opened)
            if self.closed:
                _shut_down(opened)

    def close(self) -> None:
        """Shut all of them down, and every one that is added later."""
        with self._lock:
            self.closed = True
            for opened in self._open:
                _shut_down(opened)


def _shut_down(opened: socket.socket) -> None:
    # Not the TLS shutdown: another thread may be in the middle of a read.
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
