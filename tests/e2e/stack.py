"""NetBox's real processes for a test: web server, workers, schedulers, on a database and a Valkey of their own."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
import redis
from psycopg.rows import dict_row

from demo.kubernetes_api import KubernetesAPI, load_objects
from demo.machine import free_port
from demo.processes import Process, stop_all, tail
from demo.valkey import Valkey
from tests.plugin import Services
from tests.support.real_cluster import RealCluster

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / 'demo' / 'data'
NETBOX = str(Path(sys.executable).with_name('netbox'))

PLUGIN_QUEUE = 'netbox_hedgehog.hedgehog_sync'
SCHEDULED = 'rq:scheduler:scheduled_jobs'

# What no log, no table and no key of Redis may ever show: a token has it in the middle.
CANARY = 'CANARY-e2e-3f9a'
TOKEN = f'{CANARY}-viewer'

Settings = Mapping[str, Any]

# The plugin's own: where its intervals are what is tested.
OWN_SETTINGS: Settings = {}

# The scheduler's intervals are shorter, and agents are read in every sync: a test is not mostly waiting.
QUICK: Settings = {'scheduler_interval': 1, 'heartbeat_interval': 2, 'status_interval': 0}

# Seconds that NetBox's processes get to come up.
PATIENCE = 60

# So many times longer may things take beside other workers of pytest-xdist, and whatever else the machine does.
BUSY = 4

# Prints the Authorization header of a superuser.
MAKE_USER = """
import django; django.setup()
from users.models import Token, User
token = Token(user=User.objects.create_superuser('tester'))
token.save()
print('HEADER', token.get_auth_header_prefix() + token.token)
"""

Row = dict[str, Any]


def sample_api(**options: Any) -> KubernetesAPI:
    """An API server with the sample fabric, which TOKEN may read."""
    objects = load_objects(DATA)
    for item in objects:
        item['metadata'].pop('uid', None)  # a cluster of its own
    api = KubernetesAPI(objects, **options)
    api.grant(TOKEN, 'viewer')
    return api


def schedule_id(fabric: int) -> str:
    return f'netbox_hedgehog-fabric-{fabric}'


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            if int(stat.read_text().rsplit(')', 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except (OSError, IndexError):
            continue
    return found


class Stack:
    """A NetBox of its own. `settings` are the plugin's; `mapping` turns NetBox's QUEUE_MAPPINGS for fabrics on.

    Everything it has started ends with stop(); what it logged is shown by whatever waits in vain.
    """

    def __init__(self, services: Services, name: str, folder: Path, *, mapping: bool = False, **settings: Any) -> None:
        self.services = services
        self.folder = folder
        self.queue = 'hedgehog_sync' if mapping else PLUGIN_QUEUE
        self.valkey = Valkey()
        self.processes: list[Process] = []
        self.fabrics: list[int] = []
        self._name = name
        self._mapping = mapping
        self._settings = settings
        self._header = ''
        self._web_port = 0
        self._numbers = itertools.count()
        self.database = ''

    @property
    def url(self) -> str:
        """Where the web server answers."""
        return f'http://127.0.0.1:{self._web_port}'

    @property
    def header(self) -> str:
        """The Authorization header of a superuser."""
        return self._header

    # Running

    def start(self, *, web: bool = True) -> Self:
        self.database = self.services.new_database(f'hedgehog_e2e_{self._name}')
        self.valkey.start()
        if web:
            made = subprocess.run(
                [sys.executable, '-c', MAKE_USER], env={**os.environ, **self.environment}, cwd=ROOT,
                capture_output=True, text=True,
            )
            self._header = made.stdout.rpartition('HEADER ')[2].strip()
            assert self._header, made.stderr
            self.web()
        return self

    def stop(self) -> None:
        stop_all(self.processes)
        self.processes.clear()
        self.valkey.stop()
        if self.database:
            self.services.drop_database(self.database)
        shutil.rmtree(self.folder / 'netbox', ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        return {
            'NETBOX_CONFIGURATION': 'demo.configuration',
            'DJANGO_SETTINGS_MODULE': 'netbox.settings',
            'PYTHONPATH': os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH')))),
            'PYTHONUNBUFFERED': '1',
            'HEDGEHOG_DATABASE_URL': self.database,
            'HEDGEHOG_REDIS_URL': self.valkey.url,
            'HEDGEHOG_HOME': str(self.folder / 'netbox'),
            'HEDGEHOG_PLUGIN_CONFIG': json.dumps(self._settings),
            'HEDGEHOG_QUEUE_MAPPING': '1' if self._mapping else '',
        }

    def process(self, name: str, *arguments: str, **environment: str) -> Process:
        """Starts `netbox <arguments>`."""
        name = f'{name}-{next(self._numbers)}'
        process = Process(name, [NETBOX, *arguments], {**self.environment, **environment}, self.folder / f'{name}.log')
        self.processes.append(process)
        return process.start()

    def web(self) -> Process:
        self._web_port = free_port()
        process = self.process('web', 'runserver', '--noreload', '--insecure', f'127.0.0.1:{self._web_port}')
        self.wait_until(lambda: self.answers('status/'), PATIENCE, 'NetBox answers')
        return process

    def worker(self) -> Process:
        """A worker that serves the plugin's queue already."""
        before = set(self.redis.smembers('rq:workers'))
        process = self.process('worker', 'rqworker', self.queue)
        self.wait_until(lambda: set(self.redis.smembers('rq:workers')) - before, PATIENCE, 'the worker is there')
        return process

    def scheduler(self) -> Process:
        """A scheduler that has shown its life sign already.

        Django's system checks import all of NetBox's pages: seconds, of which a scheduler needs nothing. Those of the
        demo, the deployment and the rounds of faults start with them. A worker keeps them: its children share the pages.
        """
        before = set(self.redis.keys('rq:scheduler_instance:*'))
        process = self.process('scheduler', 'rqscheduler', '--skip-checks')
        self.wait_until(
            lambda: set(self.redis.keys('rq:scheduler_instance:*')) - before, PATIENCE, 'the scheduler is there',
        )
        return process

    def end(self, *processes: Process) -> None:
        """Ends processes as a supervisor does."""
        stop_all(processes)
        for process in processes:
            self.processes.remove(process)
            self.folder.joinpath(f'{process.name}.log').rename(self.folder / f'{process.name}-{time.time_ns()}.ended')

    def reset(self) -> None:
        """Return to what start() left: the web server alone, no fabrics, an empty Redis."""
        self.clear()
        self.end(*(process for process in self.processes if not process.name.startswith('web')))
        self.redis.flushall()

    def kill(self, process: Process) -> None:
        """Kills a process and what it has started, as the kernel does when memory runs out."""
        pid = process.pid
        assert pid is not None
        for victim in (pid, *children(pid)):
            os.kill(victim, 9)
        self.end(process)

    def run(self, *arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `netbox <arguments>` to its end."""
        result = subprocess.run(
            [NETBOX, *arguments], env={**os.environ, **self.environment, **environment}, cwd=ROOT,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout * BUSY,
        )
        with (self.folder / 'commands.log').open('a') as log:
            log.write(f'$ {" ".join(arguments)}\n{result.stdout}{result.stderr}')
        return result

    def status(self, *arguments: str) -> tuple[int, Row]:
        """The exit code of `hedgehog_sync status --json`, and what it says."""
        result = self.run('hedgehog_sync', 'status', '--json', *arguments)
        assert result.stdout, result.stderr
        return result.returncode, json.loads(result.stdout)

    def state(self, fabric: int | None = None) -> str:
        """What the REST API says: a fabric's state, or everybody's health. Quicker than a command."""
        path = 'health/' if fabric is None else f'fabrics/{fabric}/status/'
        code, answer = self.call('GET', f'plugins/hedgehog/{path}')
        assert code == 200, answer
        return str(answer['state'])

    # Waiting

    def wait_until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Return what `condition` returns, once that is true. Fails with all logs when it takes too long.

        `seconds` are those of a quiet machine.
        """
        deadline = time.monotonic() + seconds * BUSY
        while True:
            if found := condition():
                return found
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        logs = '\n'.join(f'--- {process.name}\n{tail(process.log, 30)}' for process in self.processes)
        pytest.fail(f'Waited {seconds * BUSY:.0f} s in vain until {what}.\n{self.describe()}\n{logs}', pytrace=False)

    def describe(self) -> str:
        """How the fabrics stand, for a failure."""
        fabrics = self.sql('SELECT id, name, sync_status, last_attempt, last_sync, sync_error FROM netbox_hedgehog_fabric')
        jobs = self.sql('SELECT id, object_id, status, created, started, completed, error FROM core_job ORDER BY id')
        return '\n'.join(str(tuple(row.values())) for row in (*fabrics, *jobs))

    # Looking

    @property
    def redis(self) -> 'redis.Redis':
        return redis.Redis.from_url(self.valkey.url)

    def sql(self, query: str, *values: Any) -> list[Row]:
        with psycopg.connect(self.database, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    def row(self, fabric: int) -> Row:
        return self.sql('SELECT * FROM netbox_hedgehog_fabric WHERE id = %s', fabric)[0]

    def resources(self, fabric: int) -> list[Row]:
        return self.sql('SELECT * FROM netbox_hedgehog_fabricresource WHERE fabric_id = %s', fabric)

    def jobs(self, fabric: int, status: str = '') -> list[Row]:
        """The NetBox jobs of a fabric, the oldest first."""
        return self.sql(
            "SELECT * FROM core_job WHERE name = 'Fabric sync' AND object_id = %s AND status LIKE %s ORDER BY id",
            fabric, status or '%',
        )

    def due(self, fabric: int) -> float | None:
        """When rq-scheduler runs a fabric next, in seconds since 1970; None without a schedule."""
        score = self.redis.zscore(SCHEDULED, schedule_id(fabric))
        return None if score is None else float(score)

    def waiting(self, fabric: int | None = None) -> int:
        """How many entries wait in the queue: those of a fabric's schedule, or all."""
        entries = self.redis.lrange(f'rq:queue:{self.queue}', 0, -1)
        return len(entries) if fabric is None else entries.count(schedule_id(fabric).encode())

    def idle(self) -> bool:
        """Whether no schedule's run waits or is at work. In the order in which RQ moves a job, so that none is missed.

        What a killed worker had in hand stays in RQ's list of started jobs for a while: those of fabrics that have
        been deleted since do not count.
        """
        waits, ours = f'rq:queue:{self.queue}', {schedule_id(fabric) for fabric in self.fabrics}
        return not (
            self.redis.llen(waits) or self.redis.llen(f'{waits}:intermediate')
            or ours.intersection(entry.decode().split(':')[0] for entry in self.redis.zrange(f'rq:wip:{self.queue}', 0, -1))
        )

    def log(self) -> str:
        """All that all processes have ever said."""
        return '\n'.join(
            path.read_text(errors='replace') for path in self.folder.iterdir() if path.suffix in ('.log', '.ended')
        )

    # Doing

    def make_due(self, fabric: int, seconds_ago: float = 0) -> None:
        """Lets time pass: the fabric's schedule is due, since so many seconds."""
        self.redis.zadd(SCHEDULED, {schedule_id(fabric): time.time() - seconds_ago}, xx=True)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to NetBox's REST API: status and JSON."""
        request = urllib.request.Request(
            f'{self.url}/api/{path}', method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={'Authorization': self._header, 'Content-Type': 'application/json'},
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith((b'{', b'[')) else text.decode(errors='replace')

    def answers(self, path: str) -> bool:
        try:
            return self.call('GET', path)[0] < 500
        except OSError:
            return False

    def page(self, path: str) -> tuple[int, str]:
        """A page, as somebody who has not logged in sees it."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f'{self.url}/{path}', timeout=30,
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors='replace')

    def fabric(self, name: str, api: KubernetesAPI | RealCluster, **values: Any) -> int:
        """Creates a fabric through the REST API. Returns its id."""
        status, answer = self.call('POST', 'plugins/hedgehog/fabrics/', {
            'name': name, 'kubernetes_server': api.url, 'kubernetes_token': TOKEN, 'kubernetes_ca_cert': api.ca_pem,
            'sync_interval': 30, **values,
        })
        assert status == 201, answer
        self.fabrics.append(answer['id'])
        return int(answer['id'])

    def edit(self, fabric: int, **values: Any) -> Row:
        status, answer = self.call('PATCH', f'plugins/hedgehog/fabrics/{fabric}/', values)
        assert status == 200, answer
        return dict(answer)

    def delete(self, fabric: int) -> None:
        status, answer = self.call('DELETE', f'plugins/hedgehog/fabrics/{fabric}/')
        assert status == 204, answer
        self.fabrics.remove(fabric)

    def clear(self) -> None:
        """Deletes all fabrics, so that the next test begins with none."""
        for fabric in list(self.fabrics):
            self.delete(fabric)

    def runs(self, fabric: int, count: int, seconds: float, status: str = 'completed') -> list[Row]:
        """Waits until so many runs of a fabric have ended with a status, and returns them."""
        def enough() -> list[Row]:
            found = self.jobs(fabric, status)
            return found if len(found) >= count else []

        return list(self.wait_until(enough, seconds, f'fabric {fabric} has {count} runs that are {status}'))


class Stacks:
    """The NetBoxes of a test session: one for each set of settings, started when it is first asked for."""

    def __init__(self, services: Services, folders: pytest.TempPathFactory) -> None:
        self._services = services
        self._folders = folders
        self._started: dict[str, Stack] = {}

    def get(self, settings: Settings) -> Stack:
        key = json.dumps(settings, sort_keys=True)
        if key not in self._started:
            name = f'stack{len(self._started)}'
            self._started[key] = Stack(self._services, name, self._folders.mktemp(name), **settings).__enter__()
        return self._started[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for stack in self._started.values():
            stack.stop()


def overlaps(jobs: list[Row]) -> list[tuple[Row, Row]]:
    """The pairs of runs that were at work at the same time."""
    ran = sorted((job for job in jobs if job['started'] and not skipped(job)), key=lambda job: job['started'])
    return [
        (one, other) for one, other in itertools.pairwise(ran)
        if one['completed'] is None or other['started'] < one['completed']
    ]


def skipped(job: Row) -> bool:
    return bool(job['data']) and job['data'].get('outcome') == 'skipped'


def decoded(value: Any) -> str:
    """Bytes of Redis as text that can be searched: RQ packs some of them."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    texts = [raw]
    for unpack in (zlib.decompress, base64.b64decode):
        try:
            texts.append(unpack(raw))
        except (zlib.error, ValueError):
            continue
    return ' '.join(text.decode(errors='replace') for text in texts)


def everything_in_redis(connection: 'redis.Redis') -> str:
    """Every key of a Redis database with its value, as text."""
    parts = []
    for key in connection.scan_iter(count=1000):
        readers: dict[bytes, Callable[[bytes], Any]] = {
            b'hash': connection.hgetall, b'set': connection.smembers, b'stream': connection.xrange,
            b'list': lambda name: connection.lrange(name, 0, -1),
            b'zset': lambda name: connection.zrange(name, 0, -1), b'string': connection.get,
        }
        value = readers[connection.type(key)](key)
        items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        parts += [decoded(key), *(decoded(item) for item in (items if isinstance(items, list | set) else [items]))]
    return '\n'.join(parts)


def everything_in_database(stack: Stack) -> str:
    """Every row of every table, as text."""
    tables = stack.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with psycopg.connect(stack.database, autocommit=True) as connection:
        return '\n'.join(
            str(row[0]) for table in tables
            for row in connection.execute(f'SELECT to_jsonb(t)::text FROM "{table["tablename"]}" t').fetchall()
        )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
