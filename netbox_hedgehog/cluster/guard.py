"""Connections go only where they may: to an address that was checked, and to that very address.

The check is made when a connection is opened, on the address that it is opened to. So a name that answers otherwise
the second time it is asked for (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from ..destinations import ANYWHERE, Destinations

__all__ = ('guarded_pool',)


def guarded_pool(destinations: Destinations, **options: Any) -> urllib3.PoolManager:
    """A PoolManager whose every new connection is checked against `destinations` before it is opened."""

    class GuardedHTTP(_Guarded, HTTPConnection):
        pass

    class GuardedHTTPS(_Guarded, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = GuardedHTTP

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = GuardedHTTPS

    GuardedHTTP.destinations = GuardedHTTPS.destinations = destinations
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {'http': PlainPool, 'https': TLSPool}
    return manager


class _Guarded:
    """Opens a connection only to an address that was checked, and to that very address."""

    destinations: Destinations = ANYWHERE

    def _new_conn(self) -> socket.socket:
        connection: Any = self
        host, port = connection._dns_host.strip('[]'), connection.port
        self.destinations.check_host(host.rstrip('.'))
        try:
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(host, connection, reason) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in addresses:
            self.destinations.check_address(host.rstrip('.'), ipaddress.ip_address(text.partition('%')[0]))
        failure: OSError = OSError('the name has no address')
        for text in addresses:
            try:
                return create_connection(
                    (text, port), connection.timeout, source_address=connection.source_address,
                    socket_options=connection.socket_options,
                )
            except OSError as error:  # a time-out is one too
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(
                connection, f'Connection to {host} timed out. (connect timeout={connection.timeout})',
            ) from failure
        raise NewConnectionError(connection, f'Failed to establish a new connection: {failure}') from failure
