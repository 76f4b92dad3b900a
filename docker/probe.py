"""The containers' health checks: is what this very container is there for alive?

probe.py web                    NetBox's status API answers, and asked the database for it
probe.py worker QUEUE [QUEUE…]  a worker in this container serves these queues, and its heartbeat is fresh
probe.py scheduler              a scheduler in this container keeps its key in Redis alive

Exits 0, or 1 with a sentence. It runs every few seconds in every container, so it starts no Django: it reads NetBox's
configuration and asks Redis or the web server.
"""

import os
import runpy
import socket
import sys
from datetime import UTC, datetime
from typing import Any

CONFIGURATION = '/opt/netbox/netbox/conf/configuration.py'

# Seconds. A worker beats every 30, at work or not.
FRESH = 75
TIMEOUT = 5


class Unhealthy(Exception):
    """The text says what is wrong."""


def main(role: str, *queues: str) -> None:
    configuration = runpy.run_path(CONFIGURATION)
    if role == 'web':
        web(configuration)
    elif role == 'worker':
        worker(_redis(configuration), queues)
    elif role == 'scheduler':
        scheduler(_redis(configuration))
    else:
        raise Unhealthy(f'There is no check called {role}.')


def web(configuration: dict[str, Any]) -> None:
    from http.client import HTTPConnection

    host = next((name.lstrip('.') for name in configuration['ALLOWED_HOSTS'] if name != '*'), 'localhost')
    path = '/'.join(filter(None, (str(configuration.get('BASE_PATH', '')).strip('/'), 'api/status/')))
    connection = HTTPConnection('127.0.0.1', 8080, timeout=TIMEOUT)
    # A token that cannot exist: NetBox asks the database for it before it says no, so the "no" shows that both answer.
    connection.request('GET', f'/{path}', headers={'Host': host, 'Authorization': 'Token health-check'})
    answer = connection.getresponse()
    text = answer.read().decode(errors='replace')
    if answer.status != 403 or 'Invalid v1 token' not in text:
        raise Unhealthy(f'The status API answers {answer.status} {answer.reason}.')


def worker(redis: Any, queues: tuple[str, ...]) -> None:
    mine = []
    for key in redis.smembers(f'rq:workers:{queues[0]}'):
        record = redis.hgetall(key)
        if _is_here(record):
            mine.append(record)
    if not mine:
        raise Unhealthy(f'No worker of this container is registered for {queues[0]}.')
    served = {name for record in mine for name in record.get('queues', '').split(',')}
    if missing := [name for name in queues if name not in served]:
        raise Unhealthy(f'The worker does not serve {", ".join(missing)}.')
    age = min((datetime.now(UTC) - _moment(record['last_heartbeat'])).total_seconds() for record in mine)
    if age > FRESH:
        raise Unhealthy(f'The worker’s last heartbeat is {age:.0f} s old.')


def scheduler(redis: Any) -> None:
    for key in redis.scan_iter(match='rq:scheduler_instance:*', count=5000):
        record = redis.hgetall(key)
        if 'death' not in record and _is_here(record):
            return
    raise Unhealthy('No scheduler of this container keeps its key in Redis alive.')


def _is_here(record: dict[str, str]) -> bool:
    """Whether a record in Redis was written in this container, and since it was started last."""
    return (
        record.get('hostname') == socket.gethostname()
        and record.get('pid_namespace') == os.readlink('/proc/self/ns/pid')
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _redis(configuration: dict[str, Any]) -> Any:
    """A connection to the Redis of NetBox's tasks, as NetBox's configuration describes it."""
    from redis import Redis
    from redis.sentinel import Sentinel

    tasks = configuration['REDIS']['tasks']
    options: dict[str, Any] = {
        'username': tasks.get('USERNAME') or None, 'password': tasks.get('PASSWORD') or None,
        'db': tasks.get('DATABASE', 0), 'ssl': bool(tasks.get('SSL')), 'decode_responses': True,
        'socket_timeout': TIMEOUT, 'socket_connect_timeout': TIMEOUT,
    }
    if options['ssl']:
        options['ssl_cert_reqs'] = 'none' if tasks.get('INSECURE_SKIP_TLS_VERIFY') else 'required'
        options['ssl_ca_certs'] = tasks.get('CA_CERT_PATH') or None
    if sentinels := tasks.get('SENTINELS'):
        return Sentinel(sentinels, socket_timeout=TIMEOUT).master_for(tasks['SENTINEL_SERVICE'], **options)
    return Redis(tasks.get('HOST', 'localhost'), int(tasks.get('PORT', 6379)), **options)


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    except Exception as error:
        print(error if isinstance(error, Unhealthy) else f'{type(error).__name__}: {error}', file=sys.stderr)
        sys.exit(1)
