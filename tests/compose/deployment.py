"""docker-compose as an operator uses it, on a copy of the repository of its own."""

import json
import os
import pty
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from demo.machine import ROOT, free_port

from .engine import run
from .images import Images

__all__ = ('IMAGE', 'PROJECT', 'SERVICES', 'Container', 'Deployment', 'moment')

PROJECT = 'hedgehog-compose-test'
IMAGE = 'netbox-hedgehog:compose-test'
SERVICES = (
    'netbox', 'netbox-rq-scheduler', 'netbox-rq-worker-hedgehog', 'netbox-worker', 'postgres', 'redis', 'redis-cache',
)
WORKER, SCHEDULER = 'netbox-rq-worker-hedgehog', 'netbox-rq-scheduler'

# How psql ends where there is no connection, and the seconds a starting PostgreSQL gets.
NO_CONNECTION = 2
STARTS = 60

# Lines of a container's log that are shown where something was waited for in vain.
LAST_WORDS = 40

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a service, as the engine describes it."""

    id: str
    service: str
    running: bool
    health: str
    pid: int
    restarts: int
    image: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    text: str


class Deployment:
    """One deployment. `compose` is the program; its variables are those of .env and `variables`."""

    def __init__(self, folder: Path, images: Images, compose: Sequence[str] = ('docker-compose',)) -> None:
        self.folder = folder
        self.compose = list(compose)
        port = folder / 'port'
        if not port.exists():
            port.write_text(str(free_port()))
        self.port = int(port.read_text())
        self.variables = {
            'COMPOSE_PROJECT_NAME': PROJECT, 'NETBOX_IMAGE': IMAGE, 'NETBOX_PORT': str(self.port),
            'BASE_IMAGE': images.base, 'POSTGRES_IMAGE': images.postgres, 'REDIS_IMAGE': images.redis,
        }
        self._header = ''
        _copy_repository(folder)

    # Doing

    def docker_compose(self, *arguments: str, check: bool = True, timeout: float = 1800, **variables: str) -> Said:
        """Run docker-compose. Raises AssertionError, with what it said, where it fails and `check` is set."""
        done = subprocess.run(
            [*self.compose, *arguments], cwd=self.folder, env=self._environment(**variables), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
        )
        assert not check or done.returncode == 0, f'{" ".join(arguments)}: {done.stdout[-4000:]}\n{self.last_words()}'
        return Said(done.returncode, done.stdout)

    def type(self, command: str, check: bool = True, timeout: float = 300) -> Said:
        """A command as a person types it, in the deployment's folder and at a terminal."""
        if self.compose != ['docker-compose']:
            command = command.replace('docker-compose', ' '.join(self.compose), 1)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ['timeout', str(timeout), 'sh', '-c', command], cwd=self.folder, env=self._environment(), stdin=theirs,
            stdout=theirs, stderr=theirs, start_new_session=True,
        )
        os.close(theirs)
        said = b''
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the terminal is closed
                break
            if not piece:
                break
            said += piece
        os.close(ours)
        code = process.wait()
        text = re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', said.decode(errors='replace')).replace('\r\n', '\n')
        assert not check or code == 0, f'{command} ends with {code}: {text[-4000:]}'
        return Said(code, text)

    def manage(self, command: str, check: bool = True) -> Said:
        """A management command in the web container, as README has it."""
        return self.type(f'docker-compose exec netbox python manage.py {command}', check)

    def in_container(self, service: str, *command: str, check: bool = True, index: int = 1) -> Said:
        return self.docker_compose('exec', '-T', f'--index={index}', service, *command, check=check)

    def up(self, *arguments: str, **variables: str) -> float:
        """docker-compose up -d, until everything is healthy. Returns the seconds that took."""
        started = time.monotonic()
        self.docker_compose('up', '-d', *arguments, **variables)
        self.wait_until(self.all_healthy, 300, 'every service is healthy')
        return time.monotonic() - started

    def kill(self, container: Container) -> None:
        """SIGKILL for a container's first process, as the kernel does when memory runs out."""
        os.kill(container.pid, 9)

    # Asking the engine

    def containers(self, service: str = '') -> list[Container]:
        """The containers of the deployment, or of a service, running or not."""
        filters = ['--filter', f'label=com.docker.compose.project={PROJECT}']
        if service:
            filters += ['--filter', f'label=com.docker.compose.service={service}']
        ids = run('docker', 'ps', '-aq', '--no-trunc', *filters).split()
        if not ids:
            return []
        return [
            Container(
                id=found['Id'], service=found['Config']['Labels']['com.docker.compose.service'],
                running=found['State']['Running'], health=found['State'].get('Health', {}).get('Status', ''),
                pid=found['State']['Pid'], restarts=found['RestartCount'], image=found['Image'],
            )
            for found in json.loads(run('docker', 'inspect', *ids))
        ]

    def one(self, service: str) -> Container:
        found = self.containers(service)
        assert len(found) == 1, found
        return found[0]

    def healthy(self, service: str) -> bool:
        found = self.containers(service)
        return bool(found) and all(one.running and one.health == 'healthy' for one in found)

    def all_healthy(self) -> bool:
        found = self.containers()
        return {one.service for one in found} >= set(SERVICES) and all(
            one.running and one.health == 'healthy' for one in found
        )

    def log(self, service: str) -> str:
        return self.docker_compose('logs', '--no-color', service, check=False).text

    def last_words(self) -> str:
        said = []
        for one in self.containers():
            log = subprocess.run(
                ['docker', 'logs', '--tail', str(LAST_WORDS), one.id], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
            ).stdout
            checks = run('docker', 'inspect', '--format', '{{range .State.Health.Log}}{{.Output}}{{end}}', one.id)
            said.append(f'--- {one.service}: running {one.running}, {one.health}. {checks[-300:]}\n{log}')
        return '\n'.join(said)

    def wait_until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """What `condition` returns, once that is true. Fails with everybody's last words when it takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            if found := condition():
                return found
            assert time.monotonic() < deadline, f'{seconds:.0f} s in vain until {what}.\n{self.last_words()}'
            time.sleep(1)

    # Asking NetBox

    def log_in(self) -> None:
        """Get an API token with the password that `make env` made."""
        secrets = dict(
            line.split('=', 1) for line in (self.folder / '.env').read_text().splitlines() if not line.startswith('#')
        )
        status, answer = self.call('POST', 'users/tokens/provision/', {
            'username': secrets['SUPERUSER_NAME'], 'password': secrets['SUPERUSER_PASSWORD'],
        })
        assert status == 201, answer
        self._header = f'Bearer nbt_{answer["key"]}.{answer["token"]}'
        status, answer = self.call('GET', 'status/')
        assert status == 200, answer

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to NetBox's REST API: status and JSON."""
        if not self._header and 'provision' not in path:
            self.log_in()
        request = urllib.request.Request(
            f'http://127.0.0.1:{self.port}/api/{path}', method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json'} | ({'Authorization': self._header} if self._header else {}),
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith((b'{', b'[')) else text.decode(errors='replace')

    def get(self, path: str) -> Any:
        status, answer = self.call('GET', path)
        assert status == 200, answer
        return answer

    def fabric(self, name: str, **values: Any) -> int:
        """Create a fabric over REST. Returns its id."""
        status, answer = self.call('POST', 'plugins/hedgehog/fabrics/', {'name': name, **values})
        assert status == 201, answer
        return int(answer['id'])

    def row(self, fabric: int) -> Row:
        return dict(self.get(f'plugins/hedgehog/fabrics/{fabric}/'))

    def edit(self, fabric: int, **values: Any) -> None:
        status, answer = self.call('PATCH', f'plugins/hedgehog/fabrics/{fabric}/', values)
        assert status == 200, answer

    def runs(self, *fabrics: int) -> list[Row]:
        """The NetBox jobs of these fabrics, the oldest first."""
        found: list[Row] = []
        while True:
            page = self.get(f'core/jobs/?name=Fabric+sync&ordering=id&limit=500&offset={len(found)}')
            found += page['results']
            if len(found) >= page['count'] or not page['results']:
                return [job for job in found if job['object_id'] in fabrics]

    def sql(self, statement: str) -> list[list[str]]:
        """Rows of a query, while NetBox itself may be away and once PostgreSQL takes connections."""
        psql = ('psql', '-h', '/run/postgresql', '-U', 'netbox', '-d', 'netbox', '-AtF', '\t', '-c', statement)
        self.wait_until(
            lambda: self.in_container('postgres', *psql[:-2], '-c', 'SELECT 1', check=False).code != NO_CONNECTION,
            STARTS, 'PostgreSQL takes connections',
        )
        return [line.split('\t') for line in self.in_container('postgres', *psql).text.splitlines()]

    def status(self, service: str = 'netbox') -> tuple[int, Row]:
        """hedgehog_sync status --json in a container: its exit code and what it says."""
        said = self.in_container(service, 'python', 'manage.py', 'hedgehog_sync', 'status', '--json', check=False)
        start = said.text.find('{')
        return said.code, json.loads(said.text[start:]) if start >= 0 else {'problems': [said.text]}

    def _environment(self, **variables: str) -> dict[str, str]:
        # Not as a part of the make that runs these tests.
        ours = {name: value for name, value in os.environ.items() if name not in ('MAKEFLAGS', 'MAKELEVEL', 'MFLAGS')}
        return {**ours, **self.variables, **variables, 'PYTHONWARNINGS': 'ignore'}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _copy_repository(folder: Path) -> None:
    """What git has, or would have: a clone, with what is not committed yet."""
    names = run('git', '-C', str(ROOT), 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')
    for name in filter(None, names):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for path in (folder, *folder.rglob('*')):
        # As a clone has them under the usual umask: containers read them as another user.
        path.chmod(0o755 if path.is_dir() or path.suffix == '.sh' else 0o644)
