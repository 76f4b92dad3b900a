"""What NetBox's start costs: nothing where it does not matter, and nothing that is away keeps it from starting."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from demo.kubernetes_api import KubernetesAPI
from demo.machine import free_port
from demo.processes import stop_all
from tests.plugin import Services

from .stack import BUSY, PATIENCE, Stack

QUIET = {'PYTHONWARNINGS': 'error::RuntimeWarning'}


class Doorbell:
    """A port on which nobody serves, and that counts who knocks."""

    def __enter__(self) -> 'Doorbell':
        self.rings = 0
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def _count(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.rings += 1
            visitor.close()


# How often NetBox itself knocks: its checks look into its cache once, with or without plugins.
@pytest.mark.parametrize(('rings', 'arguments'), [
    (1, ['check']),
    (0, ['collectstatic', '--dry-run', '--no-input', '--verbosity=0']),
    (0, ['hedgehog_sync', '--help']),
])
def test_a_command_without_need_of_them_calls_neither_redis_nor_database(
    services: Services, tmp_path: Path, rings: int, arguments: list[str],
) -> None:
    with Doorbell() as redis, Doorbell() as database:
        result = Stack(services, 'nothing', tmp_path).run(
            *arguments, **QUIET,
            HEDGEHOG_REDIS_URL=f'redis://127.0.0.1:{redis.port}',
            HEDGEHOG_DATABASE_URL=f'postgresql://nobody:x@127.0.0.1:{database.port}/none',
        )
        assert result.returncode == 0, result.stderr
        assert 'Warning' not in result.stderr
        assert (redis.rings, database.rings) == (rings, 0)


def test_a_command_about_the_database_does_not_call_redis(services: Services, tmp_path: Path) -> None:
    stack = Stack(services, 'migrations', tmp_path)
    stack.database = services.new_database('hedgehog_e2e_migrations')
    try:
        for arguments in (['migrate', '--check'], ['makemigrations', '--check', '--dry-run', 'netbox_hedgehog']):
            with Doorbell() as redis:
                result = stack.run(
                    *arguments, **QUIET, HEDGEHOG_REDIS_URL=f'redis://127.0.0.1:{redis.port}', HEDGEHOG_DEVELOPER='1',
                )
                assert result.returncode == 0, result.stdout + result.stderr
                assert redis.rings == 1, 'but for the one look that NetBox itself takes'
    finally:
        services.drop_database(stack.database)


def test_netbox_starts_without_redis_and_sets_up_the_schedules_when_it_comes(
    services: Services, tmp_path: Path,
) -> None:
    with Stack(services, 'late_redis', tmp_path, scheduler_interval=1) as stack, KubernetesAPI() as api:
        fabric = stack.fabric('one', api)
        (web,) = stack.processes
        stack.end(web)
        stack.valkey.kill()
        web = stack.process('web', 'runserver', '--noreload', '--insecure', f'127.0.0.1:{stack._web_port}', **QUIET)
        said = 'The schedules of the fabrics cannot be set up yet; retrying'
        stack.wait_until(lambda: stack.page('login/')[0] if listens(stack) else 0, PATIENCE, 'NetBox answers')
        stack.wait_until(lambda: said in web.log.read_text(), 10, 'the log says that Redis is away')
        stack.valkey.start()
        # Nobody but the web server is there to do it.
        stack.wait_until(lambda: stack.due(fabric), 30, 'the schedule stands')
        assert web.log.read_text().count(said) == 1
        stack.wait_until(lambda: 'Schedules of 1 fabrics are in place' in web.log.read_text(), 5, 'the log says so')
        assert 'RuntimeWarning' not in web.log.read_text()
        web.check()
        assert stack.page('login/')[0] == 200


def listens(stack: Stack) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', stack._web_port)) == 0


def test_netbox_starts_on_a_database_without_tables(services: Services, tmp_path: Path) -> None:
    stack, name = Stack(services, 'empty', tmp_path), f'hedgehog_e2e_empty_{os.getpid()}'
    services.postgres.create_database(name)
    try:
        stack.database = services.postgres.url(name)
        stack.valkey.start()
        stack._web_port = free_port()
        web = stack.process('web', 'runserver', '--noreload', '--insecure', f'127.0.0.1:{stack._web_port}', **QUIET)
        deadline = time.monotonic() + PATIENCE * BUSY
        said = 'The schedules of the fabrics cannot be set up yet; retrying'
        while not (listens(stack) and said in web.log.read_text()):
            web.check()
            assert time.monotonic() < deadline, web.log.read_text()
            time.sleep(0.2)
        assert 'RuntimeWarning' not in web.log.read_text()
        assert web.log.read_text().count(said) == 1
    finally:
        stop_all(stack.processes)
        stack.valkey.stop()
        services.postgres.drop_database(name)
