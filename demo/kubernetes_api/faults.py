"""Inject faults while the API runs."""

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
    """A fault for the requests whose path and query match."""

    match: re.Pattern[str]
    times: int | None  # None: until cleared
    after: int  # this many matching requests pass first
    seconds: float = 0
    status: int = 0  # 0: respond as usual
    body: bytes | None = None  # None: a Status
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False  # close the connection without a response
    cut: bool = False  # close the connection in the middle of the response
    gate: threading.Event | None = None  # respond once it is set

    @property
    def final(self) -> bool:
        """Return whether it decides the response; the others only delay it."""
        return bool(self.status or self.drop or self.cut)


class Faults:
    r"""The pending faults. A request gets the first that decides its response, and all delays.

    In every method `times` is how many requests are affected (None: all until `clear`), `after` how many matching
    requests pass first, and `match` is a regular expression that is searched in path and query
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
        """Respond with this HTTP status and a Status body, or `body`. `retry_after`: seconds for that header."""
        headers = {'Content-Type': content_type}
        if retry_after is not None:
            headers['Retry-After'] = str(retry_after)
        self._add(Fault(re.compile(match), times, after, status=status, body=body, headers=headers))

    def delay(self, seconds: float, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Respond only after this many seconds."""
        self._add(Fault(re.compile(match), times, after, seconds=seconds))

    def hold(self, *, match: str = '', after: int = 0) -> threading.Event:
        """Respond only after the returned event has been set, or the faults have been cleared."""
        gate = threading.Event()
        self._add(Fault(re.compile(match), None, after, gate=gate))
        return gate

    def drop(self, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Close the connection without a response."""
        self._add(Fault(re.compile(match), times, after, drop=True))

    def cut(self, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Close the connection after half of the response (of a watch: after its first events)."""
        self._add(Fault(re.compile(match), times, after, cut=True))

    def invalid_json(self, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Respond with 200 and truncated JSON."""
        self.answer(200, times=times, match=match, after=after, body=b'{"apiVersion": "v1", "items": [{"kind": ')

    def html(self, status: int = 200, *, times: int | None = 1, match: str = '', after: int = 0) -> None:
        """Respond with a page, as a proxy or a login portal in between does."""
        page = b'<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>'
        self.answer(status, times=times, match=match, after=after, body=page, content_type='text/html; charset=utf-8')

    def redirect(
        self, location: str, *, status: int = 302, times: int | None = 1, match: str = '', after: int = 0
    ) -> None:
        """Redirect the client to another URL."""
        headers = {'Location': location, 'Content-Type': 'text/html; charset=utf-8'}
        self._add(Fault(re.compile(match), times, after, status=status, body=b'', headers=headers))

    def clear(self) -> None:
        """Remove all pending faults, and respond to held requests."""
        with self._lock:
            for fault in self._waiting:
                if fault.gate is not None:
                    fault.gate.set()
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """Return how many faults have not been used up."""
        return len(self._waiting)

    def meet(self, path: str) -> list[Fault]:
        """Return the faults that apply to a request with this path and query, and count them as used."""
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
