"""A way into a server on this machine's loopback interface, for containers; it can be shut."""

import contextlib
import socket
import threading
from typing import Self

__all__ = ('Gate',)


class Gate:
    """Passes connections to `address` on to a loopback port.

    While it is held, what comes in is accepted and goes no further: a run that reads through it stays in the middle.
    """

    def __init__(self, address: str, target: int) -> None:
        self._listener = socket.create_server((address, 0))
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self.arrivals = 0

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()
        return f'https://{host}:{port}'

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self.arrivals += 1
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self._open.wait()
            with socket.create_connection(('127.0.0.1', self._target)) as server:
                back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                back.start()
                self._copy(client, server)
                back.join()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
