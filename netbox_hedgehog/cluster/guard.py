"""Open connections only to addresses that were checked.

The check is made when a connection is opened, on the very address that it is opened to. So a name that resolves
differently the second time (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
import threading
import time
from concurrent.futures import Future
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from .deadline import OpenSockets, plain_socket, seconds_left
from .egress import ANYWHERE, EgressPolicy

__all__ = ('guarded_pool',)

# Seconds for a name to be looked up. The system's resolver asks a second name server after five, and others later.
LONGEST_LOOKUP = 20

# The most addresses of a name that are tried: they share the time to connect.
MOST_ADDRESSES = 8


def guarded_pool(destinations: EgressPolicy, sockets: OpenSockets, **options: Any) -> urllib3.PoolManager:
    """Return a PoolManager that checks every new connection against `destinations` before it is opened.

    Its sockets are added to `sockets`.
    """

    class GuardedHTTP(_Guarded, HTTPConnection):
        pass

    class GuardedHTTPS(_Guarded, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = GuardedHTTP

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = GuardedHTTPS

    GuardedHTTP.destinations = GuardedHTTPS.destinations = destinations
    GuardedHTTP.sockets = GuardedHTTPS.sockets = sockets
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {'http': PlainPool, 'https': TLSPool}
    return manager


class _Guarded:
    """Open a connection only to an address that was checked."""

    destinations: EgressPolicy = ANYWHERE
    sockets: OpenSockets

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sockets.add(self.sock)  # type: ignore[attr-defined]

    def _new_conn(self) -> socket.socket:
        connection: Any = self
        if self.sockets.closed:
            raise NewConnectionError(connection, 'Failed to establish a new connection: the connections were closed')
        host, port = connection._dns_host.strip('[]'), connection.port
        self.destinations.check_host(host.rstrip('.'))
        try:
            found = _look_up(host, port)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(host, connection, reason) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in addresses:
            self.destinations.check_address(host.rstrip('.'), ipaddress.ip_address(text.partition('%')[0]))
        try:
            opened = _connect_to_any(connection, addresses[:MOST_ADDRESSES], port)
        except TimeoutError as error:
            raise ConnectTimeoutError(
                connection, f'Connection to {host} timed out. (connect timeout={connection.timeout})',
            ) from error
        except OSError as error:
            raise NewConnectionError(connection, f'Failed to establish a new connection: {error}') from error
        return plain_socket(opened, connection.timeout)


def _look_up(host: str, port: int) -> list[Any]:
    """Return the addresses of a host from the system's resolver.

    It has no time-out, so a thread waits for it, which ends when the resolver does.
    """
    answer: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM))
        except BaseException as error:
            answer.set_exception(error)

    if _is_address(host):
        ask()
    else:
        threading.Thread(target=ask, name='look up', daemon=True).start()
    try:
        return answer.result(max(0, min(LONGEST_LOOKUP, seconds_left())))
    except TimeoutError:
        raise socket.gaierror('the name server does not respond') from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition('%')[0])
    except ValueError:
        return False
    return True


def _connect_to_any(connection: Any, addresses: list[str], port: int) -> socket.socket:
    """Connect to the first address that responds.

    All share the time-out: each may wait for its part of what the ones before it have left.
    """
    failure: OSError = OSError('the host name has no address')
    ends = time.monotonic() + min(connection.timeout, seconds_left())
    for number, text in enumerate(addresses):
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError('timed out')
        try:
            return create_connection(
                (text, port), left / (len(addresses) - number), source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:  # also a time-out
            failure = error
    raise failure
