"""How soon a change is in NetBox, and what a watch takes while nothing happens. Goal 8."""

import asyncio
import os
import ssl
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .world import ROOT, Result, cluster, fabric_of, memory, percentile, process

NAMESPACE = 'benchmarks-empty'  # nothing is in it, and a watch of nothing is one all the same


def results(objects: int, changes: int, fabrics: int) -> list[Result]:
    import psycopg
    from django.db import connection

    from netbox_hedgehog.hedgehog.kinds import KINDS
    from netbox_hedgehog.models import Fabric

    with cluster(objects) as api:
        fabric = fabric_of(api, 'watched', watch_enabled=True)
        more = [
            fabric_of(api, f'watched-{number}', watch_enabled=True, kubernetes_namespace=NAMESPACE)
            for number in range(fabrics - 1)
        ]
        watcher = process('watcher', 'hedgehog_sync', 'watch')
        parameters = {
            name: value for name, value in connection.get_connection_params().items()
            if name in ('dbname', 'user', 'password', 'host', 'port')
        }
        try:
            with psycopg.connect(**parameters, autocommit=True) as database:
                def value() -> str | None:
                    row = database.execute(
                        "SELECT spec->>'description' FROM netbox_hedgehog_fabricresource WHERE fabric_id = %s "
                        "AND kind = 'Server' AND name = 'server-000000'", [fabric.pk],
                    ).fetchone()
                    return row[0] if row else None

                delays = [_delay(api, value, number) for number in range(-3, changes)][3:]
            watches = fabrics * len(KINDS)
            figure = (
                f'{memory(watcher.pid):.0f} MB with {watches} watches of {fabrics} fabrics, '
                f'{len(list(Path(f"/proc/{watcher.pid}/task").iterdir()))} threads'
            )
            ways = {
                way: _child(way, api, min(watches, 440)) for way in ('threads', 'asyncio')
            }
        finally:
            watcher.stop()
            Fabric.objects.filter(pk__in=[fabric.pk, *(one.pk for one in more)]).update(watch_enabled=False)
    median, late = statistics.median(delays), percentile(delays, 0.99)
    return [
        Result(f'a change among {objects} objects is in NetBox after, median of {changes}', f'{median:.2f} s',
               'at most 1 s', median <= 1),
        Result('the same, 99th percentile', f'{late:.2f} s', 'at most 3 s', late <= 3),
        Result('the watcher process', figure),
        Result('an idle watch takes, as a thread / as an asyncio task with a client of its own',
               ' / '.join(f'{1000 * size:.0f} KB' for size in ways.values())),
    ]


def _delay(api: Any, value: Any, number: int) -> float:
    text = f'change {number}'
    start = time.perf_counter()
    api.patch('Server', 'server-000000', {'spec': {'description': text}})
    end = start + 120
    while value() != text:
        if time.perf_counter() > end:
            raise RuntimeError('the change did not come')
        time.sleep(0.005)
    return time.perf_counter() - start


def _child(way: str, api: Any, watches: int) -> float:
    done = subprocess.run(
        [sys.executable, '-m', 'benchmarks.watching', way, api.url, str(watches)], cwd=ROOT, check=True,
        capture_output=True, text=True, input=api.ca_pem, env=os.environ,
    )
    return float(done.stdout.split()[-1])


def child(way: str, url: str, watches: int) -> None:
    """Opens so many watches and prints the MB that one takes."""
    ca_pem = sys.stdin.read()
    if way == 'threads':
        print(_threads(url, ca_pem, watches))
    else:
        print(asyncio.run(_tasks(url, ca_pem, watches)))


def _threads(url: str, ca_pem: str, watches: int) -> float:
    from netbox_hedgehog.cluster.client import Cluster
    from netbox_hedgehog.cluster.kubeconfig import Credentials
    from netbox_hedgehog.cluster.watch import events
    from netbox_hedgehog.hedgehog.kinds import KINDS

    threading.stack_size(512 * 1024)
    opened = threading.Semaphore(0)
    before = 0.0
    with Cluster(Credentials(server=url, token='viewer-token', ca_pem=ca_pem)) as api:
        version = next(api.pages(KINDS[0], NAMESPACE)).version

        def watch() -> None:
            for _ in events(api, KINDS[0], NAMESPACE, version, opened=lambda _: opened.release()):
                pass

        for number in range(watches + 1):
            threading.Thread(target=watch, daemon=True).start()
            opened.acquire(timeout=30)
            if not number:
                before = memory()
        return (memory() - before) / watches


async def _tasks(url: str, ca_pem: str, watches: int) -> float:
    import aiohttp

    from netbox_hedgehog.hedgehog.kinds import KINDS

    kind = KINDS[0]
    path = f'{url}/apis/{kind.group}/{kind.version}/namespaces/{NAMESPACE}/{kind.plural}'
    context = ssl.create_default_context(cadata=ca_pem)
    before = 0.0
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context), headers={'Authorization': 'Bearer viewer-token'},
    ) as session:
        async with session.get(path) as answer:
            version = (await answer.json())['metadata']['resourceVersion']
        responses = []
        for number in range(watches + 1):
            responses.append(await session.get(f'{path}?watch=1&resourceVersion={version}'))
            if not number:
                before = memory()
        return (memory() - before) / watches


if __name__ == '__main__':
    child(sys.argv[1], sys.argv[2], int(sys.argv[3]))
