"""What runs in the containers beside NetBox: its configuration, and the health checks; what makes them."""

import os
import re
import runpy
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from netbox_hedgehog.jobs.worker import WORKER_TTL

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ('SECRET_KEY', 'API_TOKEN_PEPPER', 'DB_PASSWORD', 'REDIS_PASSWORD', 'REDIS_CACHE_PASSWORD')


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


class TestLifeSign:
    """The health check of workers, scheduler and watcher, as the shell of a container runs it."""

    @pytest.fixture(params=['docker-compose.yml', 'netbox-docker.md', 'kubernetes.md'])
    def check(self, request: pytest.FixtureRequest) -> str:
        page = ROOT / ('docs' if request.param.endswith('.md') else '') / request.param
        (command,) = set(re.findall(r"'(find .*HEDGEHOG_LIFE_SIGN.*)'", page.read_text()))
        return str(command).replace('$$', '$')

    def healthy(self, check: str, file: Path) -> bool:
        environment = {**os.environ, 'HEDGEHOG_LIFE_SIGN': str(file)}
        return subprocess.run(['sh', '-c', check], env=environment, capture_output=True).returncode == 0

    @pytest.mark.parametrize(('age', 'healthy'), [(0, True), (60, True), (90, False), (86400, False), (-7200, False)])
    def test_a_fresh_file_is_healthy_and_an_old_one_is_not(
        self, check: str, age: float, healthy: bool, tmp_path: Path,
    ) -> None:
        file = tmp_path / 'life sign'
        file.touch()
        touched = time.time() - age
        os.utime(file, (touched, touched))
        assert self.healthy(check, file) is healthy

    def test_without_a_file_nobody_is_healthy(self, check: str, tmp_path: Path) -> None:
        (tmp_path / 'fresh').touch()
        assert not self.healthy(check, tmp_path / 'none')
        assert not self.healthy(check, tmp_path)

    def test_all_services_but_the_web_server_are_checked_by_it(self) -> None:
        services = yaml.safe_load((ROOT / 'docker-compose.yml').read_text())['services']
        ours = {name: service for name, service in services.items() if name.startswith('netbox-')}
        assert len(ours) == 4
        assert all('HEDGEHOG_LIFE_SIGN' in service['healthcheck']['test'][1] for service in ours.values())
        image = (ROOT / 'docker' / 'Dockerfile').read_text()
        assert re.search(r'^ENV HEDGEHOG_LIFE_SIGN=/tmp/', image, re.M)
        assert services['netbox']['healthcheck']['test'] == ['CMD', 'python', '/opt/netbox/docker/check_web.py']

    def test_a_heartbeat_comes_twice_before_a_file_is_too_old(self) -> None:
        command = yaml.safe_load((ROOT / 'docker-compose.yml').read_text())['services']['netbox-worker']['command']
        worker_ttls = {int(command[command.index('--worker-ttl') + 1]), WORKER_TTL}
        # RQ waits 15 seconds less than that for a job, and then sends a heartbeat.
        assert all(2 * (worker_ttl - 15) < 75 for worker_ttl in worker_ttls)


class TestWebServer:
    """Its health check, against a server that answers in NetBox's place."""

    @pytest.fixture
    def answer(self) -> dict[str, Any]:
        return {'status': 403, 'text': '{"detail": "Invalid v1 token"}'}

    @pytest.fixture
    def check(self, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
        def check(**configuration: Any) -> dict[str, Any]:
            namespace = runpy.run_path(str(ROOT / 'docker' / 'check_web.py'))
            asked: dict[str, Any] = {}

            class Connection:
                def __init__(self, *address: Any, timeout: float) -> None:
                    asked['address'] = address

                def request(self, method: str, path: str, headers: dict[str, str]) -> None:
                    asked.update(path=path, host=headers['Host'])

                def getresponse(self) -> SimpleNamespace:
                    text = answer['text'].encode()
                    return SimpleNamespace(status=answer['status'], reason='Reason', read=lambda: text)

            main = namespace['main']
            with monkeypatch.context() as patched:
                patched.setitem(main.__globals__, 'HTTPConnection', Connection)
                patched.setattr(runpy, 'run_path', lambda path: {'ALLOWED_HOSTS': ['*'], **configuration})
                try:
                    main()
                except namespace['Unhealthy'] as error:
                    asked['unhealthy'] = str(error)
            return asked

        return check

    def test_the_refusal_of_its_token_is_health(self, check: Callable[..., dict[str, Any]]) -> None:
        assert check() == {'address': ('127.0.0.1', 8080), 'path': '/api/status/', 'host': 'localhost'}
        found = check(ALLOWED_HOSTS=['*', '.example.com'], BASE_PATH='netbox/')
        assert (found['path'], found['host']) == ('/netbox/api/status/', 'example.com')

    @pytest.mark.parametrize(('status', 'text'), [(500, 'broken'), (403, 'another refusal'), (200, '{}')])
    def test_another_answer_is_not(
        self, status: int, text: str, answer: dict[str, Any], check: Callable[..., dict[str, Any]],
    ) -> None:
        answer.update(status=status, text=text)
        assert check()['unhealthy'] == f'The status API returned {status} Reason.'
