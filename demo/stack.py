"""Run the whole system on one machine: PostgreSQL, Valkey, a Kubernetes API, NetBox, a worker and a scheduler."""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from demo import postgres, schema, valkey
from demo.kubeconfig import flatten
from demo.machine import ROOT, free_port, port_is_free
from demo.processes import Process, stop_all, tail

__all__ = ('QUEUE', 'Stack', 'StackError')

CACHE = ROOT / '.cache'
QUEUE = 'netbox_hedgehog.hedgehog_sync'
DATABASE = 'hedgehog_demo'
FABRIC = 'demo'

# Seconds until NetBox must respond.
PATIENCE = 90


class StackError(Exception):
    """The demo cannot run; the message says why and what to do."""


class Stack:
    """The processes of the demo. `directory` keeps their data between starts."""

    def __init__(
        self, directory: Path, *, interval: int, fresh: bool = False, say: Callable[[str], None] = print,
    ) -> None:
        self.directory = directory
        self.interval = interval
        self.say = say
        self.processes: list[Process] = []
        self._web_port = 0
        self.authorization = ''
        self.fabric_id = 0
        self.password = ''
        self.newest_job = 0
        self.kubeconfig = os.environ.get('DEMO_KUBECONFIG', '')
        self._fresh = fresh
        self._logs = directory / 'logs'
        self._postgres = postgres.server(directory / 'postgres', cache=CACHE, progress=say)
        self._valkey = valkey.server(directory / 'valkey')
        self._kubernetes = directory / 'kubernetes'

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self._web_port}'

    @property
    def admin_kubeconfig(self) -> str:
        """Return a kubeconfig that may have write access: the user's own, or the demo cluster's administrator's."""
        if self.kubeconfig:
            return flatten(Path(self.kubeconfig).expanduser())
        return (self._kubernetes / 'admin.kubeconfig').read_text()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and return when NetBox responds. Raises StackError and what the servers raise."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for old in self._logs.glob('*.log'):
            old.unlink()
        self._web_port = self._port('web', 8000)
        self._postgres.start()
        self._valkey.start()
        self._prepare_database()
        connection = self._own_kubeconfig() if self.kubeconfig else self._demo_cluster()
        seeded = self._seed(connection)
        self.fabric_id, self.authorization = seeded['fabric'], seeded['authorization']
        self.newest_job = seeded['newest_job']
        netbox = str(Path(sys.executable).with_name('netbox'))
        address = self.url.removeprefix('http://')
        self._run('netbox', netbox, 'runserver', '--noreload', '--insecure', address)
        # In addition to fabrics NetBox's own queues, for webhooks, notifications and imports.
        self._run('worker', netbox, 'rqworker', QUEUE, 'high', 'default', 'low')
        self._run('scheduler', netbox, 'rqscheduler')
        self.say('Starting NetBox, a worker and a scheduler …')
        self.wait(self._answers, PATIENCE, 'NetBox answers')

    def stop(self) -> None:
        stop_all(self.processes)
        self.processes.clear()
        self._valkey.stop()
        self._postgres.stop()

    def check(self) -> None:
        """Raise ProcessEnded if a process of the demo has ended."""
        for process in self.processes:
            process.check()

    def wait(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Return what `condition` returns, once that is true. Raises StackError if it takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            if found := condition():
                return found
            time.sleep(0.25)
        logs = '\n'.join(f'--- {process.name}\n{tail(process.log)}' for process in self.processes)
        raise StackError(f'Timed out after {seconds:.0f} s waiting until {what}. Last log lines:\n{logs}')

    def get(self, path: str) -> Any:
        """Return the JSON of NetBox's REST API at a path below /api/. Raises OSError, and so HTTPError."""
        request = urllib.request.Request(f'{self.url}/api/{path}', headers={'Authorization': self.authorization})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            return bool(self.get('status/'))
        except urllib.error.HTTPError as error:
            raise StackError(f'NetBox returned {error.code}: see {self._logs / "netbox.log"}') from None
        except OSError:
            return False

    def _prepare_database(self) -> None:
        template = schema.template(self._postgres, cache=CACHE, progress=self.say)
        remembered = self.directory / 'template'
        outdated = not remembered.exists() or remembered.read_text() != template
        exists = DATABASE in self._postgres.databases()
        if exists and (self._fresh or outdated):
            if not self._fresh:
                self.say('The tables have changed since the last start: the demo starts from scratch.')
            self._postgres.drop_database(DATABASE)
            exists = False
        if not exists:
            schema.clone(self._postgres, template, DATABASE)
            remembered.write_text(template)

    def _demo_cluster(self) -> dict[str, Any]:
        port = self._port('kubernetes', 6443)
        (self._kubernetes / 'viewer.kubeconfig').unlink(missing_ok=True)
        cluster = self._run(
            'kubernetes', sys.executable, '-m', 'demo.kubernetes_api', '--port', str(port),
            '--state', str(self._kubernetes),
        )
        self.wait((self._kubernetes / 'viewer.kubeconfig').exists, 30, f'the Kubernetes API runs (see {cluster.log})')
        return {
            'kubernetes_server': f'https://127.0.0.1:{port}',
            'kubernetes_token': (self._kubernetes / 'token').read_text().strip(),
            'kubernetes_ca_cert': (self._kubernetes / 'ca.crt').read_text(),
            'kubeconfig': '',
        }

    def _own_kubeconfig(self) -> dict[str, Any]:
        try:
            kubeconfig = flatten(Path(self.kubeconfig).expanduser())
        except (OSError, ValueError, KeyError) as error:
            raise StackError(f'DEMO_KUBECONFIG={self.kubeconfig} cannot be used: {error}') from None
        return {'kubeconfig': kubeconfig, 'kubernetes_server': '', 'kubernetes_token': '', 'kubernetes_ca_cert': ''}

    def _seed(self, connection: dict[str, Any]) -> Any:
        self.password = self._secret('password', 12)
        wanted = {
            'user': 'admin', 'password': self.password,
            'fabric': {
                'name': FABRIC, 'description': 'The demo’s fabric', 'sync_interval': self.interval, **connection,
            },
        }
        result = subprocess.run(
            [sys.executable, '-m', 'demo.seed'], input=json.dumps(wanted), capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, **self.environment},
        )
        try:
            made = json.loads(result.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            raise StackError(f'NetBox could not be set up:\n{result.stderr[-2000:]}') from None
        if 'error' in made:
            raise StackError(f'The fabric could not be created: {made["error"]}')
        return made

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of NetBox's processes."""
        return {
            'NETBOX_CONFIGURATION': 'demo.configuration',
            'DJANGO_SETTINGS_MODULE': 'netbox.settings',
            'PYTHONPATH': os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH')))),
            'PYTHONUNBUFFERED': '1',
            'HEDGEHOG_DATABASE_URL': self._postgres.url(DATABASE),
            'HEDGEHOG_REDIS_URL': self._valkey.url,
            'HEDGEHOG_SECRET_KEY': self._secret('secret-key', 50),
            'HEDGEHOG_HOME': str(self.directory / 'netbox'),
        }

    def _run(self, name: str, *command: str) -> Process:
        process = Process(name, command, self.environment, self._logs / f'{name}.log')
        self.processes.append(process)
        return process.start()

    def _secret(self, name: str, size: int) -> str:
        """Return a random text that stays the same between starts."""
        path = self.directory / name
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as file:
                file.write(secrets.token_urlsafe(size))
        return path.read_text()

    def _port(self, name: str, preferred: int) -> int:
        """Return a loopback port that stays the same between starts, unless somebody else takes it."""
        path = self.directory / f'{name}-port'
        if path.exists() and port_is_free(int(path.read_text())):
            return int(path.read_text())
        port = preferred if port_is_free(preferred) else free_port()
        path.write_text(str(port))
        return port
