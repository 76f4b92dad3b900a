"""What runs in the containers beside NetBox: its configuration, and the health checks' probe; what makes them."""

import os
import runpy
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from netbox_hedgehog.jobs.scheduler import HedgehogScheduler
from netbox_hedgehog.jobs.worker import PID_NAMESPACE, pid_namespace
from netbox_hedgehog.watch.leases import Leases
from tests.plugin import Services

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ('SECRET_KEY', 'API_TOKEN_PEPPER', 'DB_PASSWORD', 'REDIS_PASSWORD', 'REDIS_CACHE_PASSWORD')
QUEUE = 'netbox_hedgehog.hedgehog_sync'


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a container: one secret each, and nothing else."""
    for name in list(os.environ):
        if name.startswith(('DB_', 'REDIS_', 'EMAIL_')):
            monkeypatch.delenv(name)
    for name in SECRETS:
        monkeypatch.setenv(name, f'value of {name}')
    return monkeypatch


def configuration() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / 'configuration' / 'configuration.py'))


class TestConfiguration:

    def test_it_needs_nothing_but_secrets(self, environment: pytest.MonkeyPatch) -> None:
        found = configuration()
        assert found['DATABASES']['default']['HOST'] == 'postgres'
        assert found['DATABASES']['default']['PASSWORD'] == 'value of DB_PASSWORD'
        assert found['REDIS']['tasks']['HOST'] == 'redis'
        assert found['REDIS']['caching']['PASSWORD'] == 'value of REDIS_CACHE_PASSWORD'
        assert found['API_TOKEN_PEPPERS'] == {1: 'value of API_TOKEN_PEPPER'}
        assert 'EMAIL' not in found

    def test_a_file_brings_a_secret_too(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / 'password').write_text('from the file\n')
        environment.setenv('DB_PASSWORD_FILE', str(tmp_path / 'password'))
        assert configuration()['DATABASES']['default']['PASSWORD'] == 'from the file'
        environment.setenv('DB_PASSWORD_FILE', str(tmp_path / 'none'))
        with pytest.raises(RuntimeError, match=r'DB_PASSWORD_FILE=.*/none cannot be read: No such file'):
            configuration()

    @pytest.mark.parametrize(('name', 'value', 'sentence'), [
        ('SECRET_KEY', '', 'SECRET_KEY is not set, and neither is SECRET_KEY_FILE.'),
        ('DB_CONN_MAX_AGE', 'long', "DB_CONN_MAX_AGE must be a number, not 'long'."),
        ('DEBUG', 'maybe', "DEBUG must be true or false, not 'maybe'."),
    ])
    def test_what_cannot_be_meant_is_said(
        self, environment: pytest.MonkeyPatch, name: str, value: str, sentence: str,
    ) -> None:
        environment.setenv(name, value)
        with pytest.raises(RuntimeError) as refused:
            configuration()
        assert str(refused.value) == sentence

    def test_lists_and_switches(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv('ALLOWED_HOSTS', 'a.example.com, b.example.com')
        environment.setenv('SECURE_COOKIES', 'yes')
        environment.setenv('EMAIL_SERVER', 'mail')
        found = configuration()
        assert found['ALLOWED_HOSTS'] == ['a.example.com', 'b.example.com']
        assert (found['SESSION_COOKIE_SECURE'], found['EMAIL']['SERVER']) == (True, 'mail')

    def test_only_the_health_checks_own_refusal_stays_out_of_the_log(self) -> None:
        keep = runpy.run_path(str(ROOT / 'configuration' / 'logging.py'))['_is_not_the_health_check']
        assert not keep(SimpleNamespace(name='django.request', args=('Forbidden', '/api/status/')))
        assert keep(SimpleNamespace(name='django.request', args=('Forbidden', '/api/dcim/sites/')))
        assert keep(SimpleNamespace(name='netbox', args=()))

    def test_an_operators_extra_file_has_the_last_word(self, tmp_path: Path) -> None:
        """Whatever the others are named: also on PLUGINS, so that plugins.py needs no change."""
        for path in (ROOT / 'configuration').glob('*.py'):
            (tmp_path / path.name).write_text("PLUGINS = ['netbox_hedgehog']\nLOGGING = 'ours'\n")
        (tmp_path / 'extra.py').write_text("PLUGINS = ['netbox_hedgehog', 'another']\n")
        (tmp_path / 'zebra.py').write_text("PLUGINS = ['zebra']\n")
        (tmp_path / 'ldap_config.py').write_text("LOGGING = 'NetBox reads this by itself'\n")
        loader = (ROOT / 'docker' / 'configuration.py').read_text().replace('/etc/netbox/config', str(tmp_path))
        (tmp_path / 'loader').write_text(loader)
        found = runpy.run_path(str(tmp_path / 'loader'))
        assert (found['PLUGINS'], found['LOGGING']) == (['netbox_hedgehog', 'another'], 'ours')


class TestWhatIsBuilt:

    def test_what_an_operator_adds_is_neither_built_in_nor_committed(self) -> None:
        """As Docker does it: the last pattern that fits a path, or a folder above it, decides."""
        lines = (ROOT / '.dockerignore').read_text().splitlines()

        def built_in(path: str) -> bool:
            names = [path, *(str(parent) for parent in Path(path).parents)]
            taken = True
            for pattern in (line for line in lines if not line.startswith('#')):
                # Docker's * ends at a slash, that of fnmatch does not.
                if any(fnmatch(name, pattern.lstrip('!')) and name.count('/') == pattern.count('/') for name in names):
                    taken = pattern.startswith('!')
            return taken

        ours = {path.name for path in (ROOT / 'configuration').glob('*.py')} - {'extra.py', 'ldap_config.py'}
        assert ours == {'configuration.py', 'logging.py', 'plugins.py'}
        assert all(built_in(f'configuration/{name}') for name in ours)
        assert built_in('netbox_hedgehog/jobs/worker.py')
        ignored = (ROOT / '.gitignore').read_text().splitlines()
        for name in ('configuration/extra.py', 'configuration/ldap_config.py', '.env'):
            assert not built_in(name)
            assert name in ignored


class TestSecrets:

    def test_a_file_that_is_there_is_completed_and_closed_to_others(self, tmp_path: Path) -> None:
        (tmp_path / 'docker').mkdir()
        shutil.copy(ROOT / 'docker' / 'env.sh', tmp_path / 'docker')
        env = tmp_path / '.env'
        env.write_text('SECRET_KEY=mine\nNETBOX_PORT=80')  # as an editor may leave it: without a last line end
        env.chmod(0o644)
        subprocess.run(['sh', tmp_path / 'docker' / 'env.sh'], check=True, capture_output=True)
        assert stat.S_IMODE(env.stat().st_mode) == 0o600
        lines = env.read_text().splitlines()
        assert lines[:2] == ['SECRET_KEY=mine', 'NETBOX_PORT=80']
        assert {line.partition('=')[0] for line in lines[2:]} == {
            'API_TOKEN_PEPPER', 'DB_PASSWORD', 'REDIS_PASSWORD', 'REDIS_CACHE_PASSWORD', 'SUPERUSER_NAME',
            'SUPERUSER_PASSWORD',
        }


class TestProbe:

    @pytest.fixture
    def redis(self, services: Services) -> Iterator[Redis]:
        redis = Redis.from_url(services.valkey.url, db=9)
        redis.flushdb()
        yield redis
        redis.flushdb()
        redis.close()

    def probe(self, redis: Redis, *arguments: str) -> str:
        """What the probe complains of, or ''."""
        namespace = runpy.run_path(str(ROOT / 'docker' / 'probe.py'))
        options = redis.connection_pool.connection_kwargs
        tasks = {'HOST': options['host'], 'PORT': options['port'], 'DATABASE': 9, 'PASSWORD': options.get('password')}
        client = namespace['connect']({'REDIS': {'tasks': tasks}})
        try:
            if arguments[0] == 'worker':
                namespace['worker'](client, arguments[1:])
            else:
                namespace[arguments[0]](client)
        except namespace['Unhealthy'] as error:
            return str(error)
        return ''

    def worker(self, redis: Redis, queues: str = QUEUE, age: float = 1, **fields: str) -> None:
        beat = datetime.now(UTC) - timedelta(seconds=age)
        redis.hset('rq:worker:w', mapping={
            'hostname': socket.gethostname(), PID_NAMESPACE: pid_namespace(), 'queues': queues,
            'last_heartbeat': f'{beat:%Y-%m-%dT%H:%M:%S.%fZ}', **fields,
        })
        for queue in queues.split(','):
            redis.sadd(f'rq:workers:{queue}', 'rq:worker:w')

    def test_a_worker_that_beats_on_its_queues_is_healthy(self, redis: Redis) -> None:
        self.worker(redis, 'high,default,low')
        assert self.probe(redis, 'worker', 'high', 'default', 'low') == ''

    @pytest.mark.parametrize(('fields', 'sentence'), [
        ({'hostname': 'elsewhere'}, f'No worker of this container is registered for {QUEUE}.'),
        ({PID_NAMESPACE: 'pid:[1]'}, f'No worker of this container is registered for {QUEUE}.'),
        ({'age': 100}, 'The worker’s last heartbeat is 100 s old.'),
    ])
    def test_another_ones_or_an_old_heartbeat_does_not_count(
        self, redis: Redis, fields: dict[str, Any], sentence: str,
    ) -> None:
        self.worker(redis, **fields)
        assert self.probe(redis, 'worker', QUEUE) == sentence

    def test_a_worker_on_the_wrong_queue_does_not_count(self, redis: Redis) -> None:
        self.worker(redis, 'default')
        assert self.probe(redis, 'worker', QUEUE) == f'No worker of this container is registered for {QUEUE}.'
        assert self.probe(redis, 'worker', 'default', 'low') == 'The worker does not serve low.'

    def test_a_watcher_is_alive_while_it_shows_it(self, redis: Redis) -> None:
        dead = 'No watcher of this container has shown a sign of life lately.'
        assert self.probe(redis, 'watcher') == dead
        Leases('another-host.1', redis).renew([])
        assert self.probe(redis, 'watcher') == dead
        leases = Leases(f'{socket.gethostname()}.1', redis)
        leases.renew([])
        assert self.probe(redis, 'watcher') == ''
        leases.give_back()
        assert self.probe(redis, 'watcher') == dead

    def test_a_scheduler_is_alive_while_its_key_is(self, redis: Redis) -> None:
        dead = 'No scheduler of this container keeps its key in Redis alive.'
        assert self.probe(redis, 'scheduler') == dead
        scheduler = HedgehogScheduler(connection=redis)
        scheduler.register_birth()
        assert self.probe(redis, 'scheduler') == ''
        redis.hset(scheduler.key, 'hostname', 'elsewhere')
        assert self.probe(redis, 'scheduler') == dead
        redis.hset(scheduler.key, 'hostname', socket.gethostname())
        scheduler.register_death()
        assert self.probe(redis, 'scheduler') == dead
