"""Send GET requests to an API server, with the `kubernetes` package's configuration and the plugin's own transport.

Failures are retried, waits are limited, and every error has a sentence for the person who must act.
"""

import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout

from . import bodies, messages
from .credentials import api_client
from .deadline import OpenSockets, deadline, seconds_left
from .egress import ANYWHERE, EgressPolicy
from .errors import ClusterError, Unreachable, Unreadable
from .kubeconfig import Credentials

__all__ = ('JSON', 'Answer', 'ClientOptions', 'Transport')

# Seconds. The limit of each wait between two tries, whatever Retry-After says; and of all waits for a failing server
# together, because otherwise every kind would wait as long: then it is reported, and the next sync tries again.
LONGEST_WAIT = 20
RETRY_BUDGET = 60

# Seconds. The limit of a request, including connection and headers, however steadily bytes arrive.
LONGEST_ANSWER = 300

JSON = 'application/json'

# The decompressed body of a response, and its bytes on the wire.
Answer = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Limits for requests to an API server. Times in seconds, sizes in bytes.

    Time-outs for a connection, for the next bytes of a response, and for a whole response; the time to wait for a
    failing server, and the number of retries; allowed destinations; and the largest response (decompressed), total of a
    kind, object as stored, and number of objects of a kind.
    """

    connect_timeout: float = 5
    read_timeout: float = 30
    longest_answer: float = LONGEST_ANSWER
    retry_budget: float = RETRY_BUDGET
    retries: int = 4
    destinations: EgressPolicy = ANYWHERE
    max_answer_size: int = 32 * 1024 * 1024
    max_kind_size: int = 512 * 1024 * 1024
    max_object_size: int = 2 * 1024 * 1024
    max_objects: int = 100_000


class Transport:
    """A connection to one API server. Use it as a context manager."""

    def __init__(self, credentials: Credentials, options: ClientOptions | None = None) -> None:
        self.options = options or ClientOptions()
        self._sockets = OpenSockets()
        self._client = api_client(credentials, self.options.destinations, self._sockets)
        self.server: str = self._client.configuration.host
        self._pool = self._client.rest_client.pool_manager
        self.renew_retry_budget()

    def renew_retry_budget(self) -> None:
        """Reset the time to wait for a failing server, as for each sync."""
        self._retry_budget = self.options.retry_budget

    def lower_limits(self, **at_most: float) -> None:
        """Lower ClientOptions to these values for all further requests; none is raised."""
        self.options = replace(self.options, **{
            name: min(getattr(self.options, name), most) for name, most in at_most.items()
        })

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and send no more requests. Threads that wait for a response get an error."""
        self._sockets.close()
        self._pool.clear()

    def get(
        self, path: str, query: dict[str, Any] | None = None, accept: str = JSON, most: int | None = None,
    ) -> Answer:
        """Return the decompressed body of a GET, and its bytes on the wire. Repeats requests after transient errors.

        `most` is the largest body in bytes, if that is less than usual.
        """
        most = min(most or self.options.max_answer_size, self.options.max_answer_size)
        longest_wait = min(LONGEST_WAIT, self.options.retry_budget)
        url = self.server + path + (f'?{urlencode(query)}' if query else '')
        timeout = Timeout(connect=self.options.connect_timeout, read=self.options.read_timeout)
        retry = Retry(
            total=self.options.retries,
            backoff_factor=0.3,
            backoff_jitter=0.3,
            backoff_max=longest_wait,
            retry_after_max=int(longest_wait),
        )
        while True:
            try:
                response, body = self._answered(url, accept, timeout, most)
            except HTTPError as error:
                retry = self._again(retry, url, error)
                self._wait(retry)
                continue
            if response.status in messages.TRANSIENT and retry.total and self._retry_budget > 0:
                retry = retry.increment('GET', url, response=response)
                self._wait(retry, response)
                continue
            if response.status != 200:
                raise self.refusal(response.status, path, body=body)
            return body, response.tell()

    def _answered(self, url: str, accept: str, timeout: Timeout, most: int) -> tuple[BaseHTTPResponse, bytes]:
        """Return the response to one GET, and its body.

        Raises as request() and _body(), and Unreachable if all of that takes too long.
        """
        with deadline(self.options.longest_answer):
            try:
                # urllib3's own retries are disabled: they would not repeat a truncated body, and would follow
                # redirects.
                response = self.request(url, accept, timeout)
                return response, self._body(response, most)
            except HTTPError:
                if seconds_left() > 0:
                    raise
                raise Unreachable(
                    f'{self.server} took more than {self.options.longest_answer:g} s to send a response. Check the '
                    'network path to it.'
                ) from None

    def _body(self, response: BaseHTTPResponse, most: int) -> bytes:
        """Return the body of a response, decompressed as it arrives; stop reading one that becomes too large.

        Raises HTTPError, and Unreadable for a body that is too large, except for a refusal, whose body is not needed.
        """
        parts, weight = [], 0
        try:
            for chunk in bodies.inflated(response):
                weight += len(chunk)
                if max(weight, response.tell()) > most:
                    if response.status != 200:
                        response.close()
                        return b''
                    raise Unreadable(
                        f'{self.server} sent a response of more than {most} bytes; it was skipped '
                        '(setting max_answer_size).'
                    )
                parts.append(chunk)
        except BaseException:
            response.close()
            raise
        return b''.join(parts)

    def request(self, url: str, accept: str, timeout: Timeout) -> BaseHTTPResponse:
        """Return the response to one GET, whatever its status, before its body is read.

        Raises urllib3's HTTPError, and TLSFailed and DestinationDenied, for which a retry is pointless.
        """
        headers = {'Accept': accept, 'Accept-Encoding': 'gzip', 'User-Agent': 'netbox-hedgehog'}
        headers |= {auth['key']: auth['value'] for auth in self._client.configuration.auth_settings().values()}
        try:
            return self._pool.request(
                'GET', url, headers=headers, timeout=timeout, retries=False, redirect=False,
                preload_content=False,
            )
        except SSLError as error:
            if messages.hung_up(error):
                raise
            raise messages.tls_failed(self.server, error) from None

    def _again(self, retry: Retry, url: str, error: HTTPError) -> Retry:
        try:
            return retry.increment('GET', url, error=error)
        except (MaxRetryError, HTTPError):
            raise self.unreachable(error) from None

    def _wait(self, retry: Retry, response: BaseHTTPResponse | None = None) -> None:
        start = time.monotonic()
        try:
            retry.sleep(response)
        except (InvalidHeader, ValueError, OverflowError):
            retry.sleep()  # an unreadable Retry-After
        self._retry_budget -= time.monotonic() - start

    def unreachable(self, error: HTTPError, silence: float | None = None) -> Unreachable:
        """Return the Unreachable for an error of the transport.

        `silence` is the time-out between bytes that was used, in seconds, if it was not `read_timeout`.
        """
        silence = self.options.read_timeout if silence is None else silence
        return messages.unreachable(self.server, error, self.options.connect_timeout, silence)

    def refusal(self, status: int, path: str, verb: str = 'list', body: bytes = b'') -> ClusterError:
        """Return the error for a response with a status other than 200.

        `verb` is what was requested, and `body` is the response's body, if known.
        """
        return messages.refusal(self.server, status, path, verb, body)

    def decoded(self, body: bytes) -> dict[str, Any]:
        """Return a body as a JSON object. Raises BadAnswer; before decoding if that would take much memory or stack."""
        return bodies.decoded(body, self.server, self.options.max_answer_size)
