"""What can be made to go wrong, while the API runs."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

REASONS = {
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    410: 'Expired',
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
    504: 'Timeout',
}


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong with the requests whose path and query match."""

    match: re.Pattern[str]
    times: int | None  # None: until cleared
    after: int  # so many matching requests pass first
    seconds: float = 0
    status: int = 0  # 0: answer as usual
    body: bytes | None = None  # None: a Status
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False  # close the connection without an answer
    cut: bool = False  # close the connection in the middle of the answer
    gate: threading.Event | None = None  # answer once it is set

    @property
    def final(self) -> bool:
        """Whether it decides the answer; the others only hold it up."""
        return bool(self.status or self.drop or self.cut)


class Faults:
    r"""The faults that wait for requests. Each request meets the first that decides its answer, and all delays.

    Of every method: `times` says how many requests are hit (None: all of them until `clear`), `after` how many
    matching requests pass before, and `match` is a regular expression searched in path and query
    (r'/switches\?', r'continue=\w').
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def answer(
        self,
        status: int,
        *,
        times: int | None = 1,
        match: str = '',
        after: int = 0,
        retry_after: int | None = None,
        body: bytes | None = None,
        content_type: str = 'application/json',
    ) -> None:
        """Answers with this HTTP status and a Status body, or `body`. `retry_after`: seconds for that header."""
        headers = {'Content-Type': content_type}
        if retry_after is not None:
            headers['Retry-After'] = str(retry_after)
        self._add(Fault(re.compile(match), times, after, status=status, body=body, headers=headers))

    def delay(self, seconds: float, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Answers only after so many seconds."""
        self._add(Fault(re.compile(match), times, after, seconds=seconds))

    def hold(self, *, match: str = '', after: int = 0) -> threading.Event:
        """Answers only after the event that this returns has been set, or the faults have been cleared."""
        gate = threading.Event()
        self._add(Fault(re.compile(match), None, after, gate=gate))
        return gate

    def drop(self, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Closes the connection without an answer."""
        self._add(Fault(re.compile(match), times, after, drop=True))

    def cut(self, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Closes the connection when half of the answer has been sent (of a watch: after its first events)."""
        self._add(Fault(re.compile(match), times, after, cut=True))

    def invalid_json(self, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Answers 200 with JSON that ends too early."""
        self.answer(200, times=times, match=match, after=after, body=b'{"apiVersion": "v1", "items": [{"kind": ')

    def html(self, status: int = 200, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Answers with a page, as a proxy or a login portal in between does."""
        page = b'<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>'
        self.answer(status, times=times, match=match, after=after, body=page, content_type='text/html; charset=utf-8')

    def redirect(
        self, location: str, *, status: int = 302, times: int | None = 1, match: str = '', after: int = 0
    ) -> None:
        """Sends the client to another URL."""
        headers = {'Location': location, 'Content-Type': 'text/html; charset=utf-8'}
        self._add(Fault(re.compile(match), times, after, status=status, body=b'', headers=headers))

    def clear(self) -> None:
        """Takes back all faults that still wait, and answers what is held."""
        with self._lock:
            for fault in self._waiting:
                if fault.gate is not None:
                    fault.gate.set()
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """How many faults have not been used up."""
        return len(self._waiting)

    def meet(self, path: str) -> list[Fault]:
        """The faults that a request with this path and query meets, used up by it."""
        met: list[Fault] = []
        with self._lock:
            for fault in self._waiting:
                if not fault.match.search(path) or (fault.final and any(other.final for other in met)):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                met.append(fault)
                if fault.times is not None:
                    fault.times -= 1
            self._waiting = [fault for fault in self._waiting if fault.times != 0]
        return met

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)
