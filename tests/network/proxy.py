"""A network that can be ill: a TCP proxy on this machine, before one server.

It passes bytes on and looks at none of them, so that TLS is between the client and the server as ever, and the
certificate is the server's own. What is wrong with it holds for all connections, also for those that are open.
"""

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

__all__ = ('Illness', 'Proxy')

PIECE = 64 * 1024

# How often a second a slow line brings something.
DRIPS = 20

STALL, CLOSE, RESET = 'stall', 'close', 'reset'


@dataclass(frozen=True, slots=True)
class Illness:
    """What is wrong with the way from the server to its clients.

    `rate` are bytes a second. `pauses` are seconds, of which each piece waits up to so many. After `after` bytes of a
    connection, or what `marker` ends, `then` happens to it: stall, close or reset; to so many connections (`times`),
    or to all (None).
    """

    rate: float = 0
    pauses: float = 0
    after: int | None = None
    marker: bytes = b''
    then: str = ''
    times: int | None = None


HEALTHY = Illness()


class Proxy:
    """Passes on what comes to `url` to the server at `target`, and back, as well as its illness lets it.

    Use it as a context manager. Everything may be called from any thread.
    """

    def __init__(self, target: str, *, seed: int = 1) -> None:
        parts = urlsplit(target)
        self._scheme, self._host, self._target = parts.scheme, parts.hostname, parts.port
        self._illness = HEALTHY
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name='proxy', daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[Any]] = set()
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f'{self._scheme}://127.0.0.1:{self.port}'

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # What can be wrong

    def slow(self, bytes_a_second: float) -> None:
        """A thin line, on which something arrives all the time."""
        self._illness = Illness(rate=bytes_a_second)

    def lossy(self, seconds: float, *, after: int | None = None, times: int | None = None) -> None:
        """What was lost comes again, up to so many seconds later; `times` connections break after `after` bytes."""
        self._illness = Illness(pauses=seconds, after=after, then=RESET, times=times)

    def stall(self, after: int, *, times: int | None = None) -> None:
        """Nothing comes any more, and nobody says so. After 0 bytes: a black hole."""
        self._illness = Illness(after=after, then=STALL, times=times)

    def cut(self, after: int, *, times: int | None = None) -> None:
        """The connection is closed in the middle of an answer, as by a load balancer that is restarted."""
        self._illness = Illness(after=after, then=CLOSE, times=times)

    def cut_after(self, marker: bytes, *, times: int | None = None) -> None:
        """The connection is closed after these bytes, which are seen only where there is no TLS."""
        self._illness = Illness(marker=marker, then=CLOSE, times=times)

    def reset(self, after: int, *, times: int | None = None) -> None:
        """The connection is reset, as by a firewall that has forgotten it."""
        self._illness = Illness(after=after, then=RESET, times=times)

    def refuse(self) -> None:
        """Nobody listens any more, and open connections are reset."""
        self._call(self._end())

    def heal(self) -> None:
        """All is well. Connections that stall go on stalling until one side gives up."""
        self._illness = HEALTHY
        self._call(self._listen())

    # The thread

    def _call(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, '127.0.0.1', self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            answers, far = await asyncio.open_connection(self._host, self._target)
            ways = {asyncio.ensure_future(_pass(reader, far)), asyncio.ensure_future(self._answer(answers, writer))}
            try:
                # Whoever ends first ends both: HTTP has no half-closed connections.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            _reset(writer)  # the server is away
        except asyncio.CancelledError:
            _reset(writer)
        finally:
            self._open.discard(task)
            for one in filter(None, (writer, far)):
                one.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The way back, on which things go wrong."""
        passed = 0
        while data := await reader.read(PIECE):
            while data:
                ill = self._illness
                if ill.pauses:
                    await asyncio.sleep(self._chance.uniform(0, ill.pauses))
                step = len(data)
                if ill.rate:
                    step = min(step, max(1, int(ill.rate / DRIPS)))
                end = self._end_of(ill, passed, data)
                if end is not None:
                    step = min(step, end)
                writer.write(data[:step])
                await writer.drain()
                passed += step
                data = data[step:]
                if step == end and self._hit():
                    if ill.then == STALL:
                        await asyncio.Event().wait()  # till the client gives up
                    elif ill.then == RESET:
                        _reset(writer)
                    return
                if ill.rate:
                    await asyncio.sleep(step / ill.rate)

    def _end_of(self, ill: Illness, passed: int, data: bytes) -> int | None:
        """How many bytes of `data` pass before something happens to the connection, or None."""
        if ill.then and ill.times != 0:
            if ill.marker and (place := data.find(ill.marker)) >= 0:
                return place + len(ill.marker)
            if ill.after is not None and passed + len(data) >= ill.after:
                return max(0, ill.after - passed)
        return None

    def _hit(self) -> bool:
        """Whether this connection is one of those that it happens to."""
        ill = self._illness
        if ill.times is None:
            return bool(ill.then)
        if ill.times <= 0:
            return False
        self._illness = replace(ill, times=ill.times - 1)
        return True


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset, and not in order."""
    connection = writer.get_extra_info('socket')
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    writer.transport.abort()
