"""Check the health of a container: exit 0 if the process that it is there for is alive.

probe.py web                    NetBox's status API responds, and has asked the database
probe.py worker QUEUE [QUEUE…]  a worker in this container serves these queues, and its heartbeat is fresh
probe.py scheduler              a scheduler in this container keeps its key in Redis alive
probe.py watcher                a watcher in this container has a recent sign of life

Otherwise exits 1, with a sentence. Runs every few seconds in every container, so it does not start Django: it reads
NetBox's configuration and asks Redis or the web server.
"""

import os
import runpy
import socket
import sys
from datetime import UTC, datetime
from typing import Any

CONFIGURATION = '/opt/netbox/netbox/conf/configuration.py'

# Seconds. A worker sends a heartbeat every 30, busy or idle.
FRESH = 75
TIMEOUT = 5


class Unhealthy(Exception):
    """The text says what is wrong."""


class Redis:
    """A minimal Redis client on the standard library.

    Importing a real one costs six times the CPU of everything else, in every container, every few seconds.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answers = connection.makefile('rb')

    def ask(self, *words: object) -> Any:
        """Return the response to a command: text, a number, None, or a list of these. Raises Unhealthy for an error."""
        parts = [str(word).encode() for word in words]
        request = b'*%d\r\n' % len(parts) + b''.join(b'$%d\r\n%s\r\n' % (len(part), part) for part in parts)
        self._connection.sendall(request)
        return self._answer()

    def record(self, key: str) -> dict[str, str]:
        """Return a hash as a dictionary."""
        fields = self.ask('HGETALL', key)
        return dict(zip(fields[::2], fields[1::2], strict=True))

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise Unhealthy('Redis has closed the connection.')
        kind, rest = line[:1], line[1:-2].decode(errors='replace')
        if kind == b'-':
            raise Unhealthy(f'Redis returned an error: {rest}')
        if kind == b'$':
            return None if rest == '-1' else self._answers.read(int(rest) + 2)[:-2].decode(errors='replace')
        if kind == b'*':
            return [self._answer() for _ in range(int(rest))]
        return int(rest) if kind == b':' else rest


def main(role: str, *queues: str) -> None:
    """Check one process of the container. Raises Unhealthy."""
    configuration = runpy.run_path(CONFIGURATION)
    if role == 'web':
        web(configuration)
    elif role == 'worker':
        worker(connect(configuration), queues)
    elif role == 'scheduler':
        scheduler(connect(configuration))
    elif role == 'watcher':
        watcher(connect(configuration))
    else:
        raise Unhealthy(f'Unknown check {role}.')


def web(configuration: dict[str, Any]) -> None:
    """Check that NetBox and its database respond. Raises Unhealthy."""
    from http.client import HTTPConnection

    host = next((name.lstrip('.') for name in configuration['ALLOWED_HOSTS'] if name != '*'), 'localhost')
    path = '/'.join(filter(None, (str(configuration.get('BASE_PATH', '')).strip('/'), 'api/status/')))
    connection = HTTPConnection('127.0.0.1', 8080, timeout=TIMEOUT)
    # An invalid token: NetBox asks the database for it before it refuses, so the refusal shows that both respond.
    connection.request('GET', f'/{path}', headers={'Host': host, 'Authorization': 'Token health-check'})
    answer = connection.getresponse()
    text = answer.read().decode(errors='replace')
    if answer.status != 403 or 'Invalid v1 token' not in text:
        raise Unhealthy(f'The status API returned {answer.status} {answer.reason}.')


def worker(redis: Redis, queues: tuple[str, ...]) -> None:
    """Check that a worker of this container serves these queues. Raises Unhealthy."""
    records = [redis.record(key) for key in redis.ask('SMEMBERS', f'rq:workers:{queues[0]}')]
    mine = [record for record in records if _is_here(record)]
    if not mine:
        raise Unhealthy(f'No worker of this container is registered for {queues[0]}.')
    served = {name for record in mine for name in record.get('queues', '').split(',')}
    if missing := [name for name in queues if name not in served]:
        raise Unhealthy(f'The worker does not serve {", ".join(missing)}.')
    age = min((datetime.now(UTC) - _moment(record['last_heartbeat'])).total_seconds() for record in mine)
    if age > FRESH:
        raise Unhealthy(f'The worker’s last heartbeat is {age:.0f} s old.')


def scheduler(redis: Redis) -> None:
    """Check that a scheduler of this container is registered. Raises Unhealthy."""
    cursor = '0'
    while True:
        cursor, keys = redis.ask('SCAN', cursor, 'MATCH', 'rq:scheduler_instance:*', 'COUNT', 5000)
        for key in keys:
            record = redis.record(key)
            if 'death' not in record and _is_here(record):
                return
        if cursor == '0':
            break
    raise Unhealthy('No scheduler of this container keeps its key in Redis alive.')


def watcher(redis: Redis) -> None:
    """Check that a watcher of this container has a recent sign of life. Raises Unhealthy."""
    now = redis.ask('TIME')[0]
    names = redis.ask('ZRANGEBYSCORE', 'netbox_hedgehog:watchers', now, '+inf')
    if not any(name.startswith(f'{socket.gethostname()}.') for name in names):
        raise Unhealthy('No watcher of this container has shown a sign of life lately.')


def _is_here(record: dict[str, str]) -> bool:
    """Return whether a record in Redis was written in this container, since it was last started."""
    return (
        record.get('hostname') == socket.gethostname()
        and record.get('pid_namespace') == os.readlink('/proc/self/ns/pid')
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def connect(configuration: dict[str, Any]) -> Redis:
    """Return a connection to the Redis of NetBox's tasks, as NetBox's configuration describes it."""
    tasks = configuration['REDIS']['tasks']
    host, port = tasks.get('HOST', 'localhost'), int(tasks.get('PORT', 6379))
    if tasks.get('SENTINELS'):
        from redis.sentinel import Sentinel

        host, port = Sentinel(tasks['SENTINELS'], socket_timeout=TIMEOUT).discover_master(tasks['SENTINEL_SERVICE'])
    connection = socket.create_connection((host, port), TIMEOUT)
    if tasks.get('SSL'):
        import ssl

        context = ssl.create_default_context(cafile=tasks.get('CA_CERT_PATH') or None)
        if tasks.get('INSECURE_SKIP_TLS_VERIFY'):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(connection, server_hostname=host)
    redis = Redis(connection)
    if password := tasks.get('PASSWORD'):
        redis.ask('AUTH', *filter(None, (tasks.get('USERNAME'), password)))
    if database := int(tasks.get('DATABASE', 0)):
        redis.ask('SELECT', database)
    return redis


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    except Exception as error:
        print(error if isinstance(error, Unhealthy) else f'{type(error).__name__}: {error}', file=sys.stderr)
        sys.exit(1)
