"""The private PostgreSQL server: who may use it, when it ends, and how it comes back."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from demo import machine, postgres, postgres_binaries
from demo.postgres import Postgres, Server, parse_database_url
from demo.postgres_binaries import PostgresError, find_binaries


@pytest.fixture(scope='module')
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory for the tests of this file; initdb takes most of a second."""
    # For root it is one in /var/tmp, as pytest's own lets nobody else in.
    directory = machine.place(tmp_path_factory.mktemp('postgres'))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def server(directory: Path) -> Iterator[Postgres]:
    with Postgres(directory, machine.ROOT / '.cache') as server:
        yield server


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until the condition holds; say whether it did in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_up(server: Server) -> bool:
    try:
        return server.execute('SELECT 1') == [(1,)]
    except psycopg.OperationalError:
        return False


def test_it_speaks_to_loopback_only_and_asks_for_the_password(server: Postgres) -> None:
    assert server.execute('SHOW listen_addresses') == [('127.0.0.1',)]
    wrong = Server({**server.settings, 'PASSWORD': 'wrong'})
    with pytest.raises(psycopg.OperationalError, match='password'):
        wrong.execute('SELECT 1')
    assert (server.directory / 'password').stat().st_mode & 0o077 == 0


def test_it_never_runs_as_root(server: Postgres) -> None:
    assert Path(f'/proc/{server.pid}').stat().st_uid != 0


def test_it_has_what_netbox_needs(server: Postgres) -> None:
    server.drop_database('needs')
    server.create_database('needs')
    server.execute("CREATE COLLATION natural_sort (provider = icu, locale = 'und-u-kn-true')", database='needs')
    server.execute('CREATE EXTENSION ltree', database='needs')
    server.execute('CREATE EXTENSION pg_trgm', database='needs')
    query = "SELECT x FROM (VALUES ('leaf-10'), ('leaf-9')) AS t (x) ORDER BY x COLLATE natural_sort"
    assert server.execute(query, database='needs') == [('leaf-9',), ('leaf-10',)]
    server.drop_database('needs')


def test_databases_are_created_copied_and_dropped(server: Postgres) -> None:
    server.create_database('original')
    server.execute('CREATE TABLE thing AS SELECT 42 AS answer', database='original')
    server.create_database('a "copy"', template='original')
    assert server.execute('SELECT answer FROM thing', database='a "copy"') == [(42,)]
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        server.create_database('original')
    with server.connect('original'):
        server.drop_database('original')
    server.drop_database('a "copy"')
    server.drop_database('a "copy"')
    assert server.databases() == ['postgres']


def test_it_is_shared_and_ends_with_its_last_user(directory: Path, server: Postgres) -> None:
    other = Postgres(directory).start()
    assert other.pid == server.pid
    server.stop()
    assert is_up(other)
    pid = other.pid
    other.stop()
    assert other.pid is None
    # It has said its last word; its parent may still have to take note of that.
    assert wait_for(lambda: not Path(f'/proc/{pid}').exists())


def test_it_comes_back_after_a_kill_on_the_same_port_with_its_data(directory: Path, server: Postgres) -> None:
    server.create_database('kept')
    server.execute('CHECKPOINT')
    port, pid = server.port, server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: not is_up(server))

    with Postgres(directory) as again:
        assert again.port == port
        assert again.pid != pid
        assert 'kept' in again.databases()
        again.drop_database('kept')


def test_a_stale_pid_file_with_the_number_of_another_process_is_no_obstacle(directory: Path, server: Postgres) -> None:
    server.stop()
    stale = server._data / 'postmaster.pid'
    stale.write_text(f'{os.getpid()}\n{server._data}\n0\n{server.port}\n\n127.0.0.1\n\nready\n')
    with Postgres(directory) as again:
        assert again.pid != os.getpid()
        assert is_up(again)


def test_it_ends_when_its_user_is_killed(directory: Path) -> None:
    script = (
        'import sys, time; from pathlib import Path; from demo.postgres import Postgres;'
        'print(Postgres(Path(sys.argv[1])).start().pid, flush=True); time.sleep(60)'
    )
    user = subprocess.Popen(
        [sys.executable, '-c', script, str(directory)], cwd=machine.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout is not None
    pid = int(user.stdout.readline())
    assert Path(f'/proc/{pid}').exists()
    user.kill()
    user.wait()
    assert wait_for(lambda: not Path(f'/proc/{pid}').exists())


def test_database_url_names_a_server_that_is_never_stopped(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DATABASE_URL', server.url())
    with postgres.server(Path('/nowhere')) as other:
        assert not isinstance(other, Postgres)
        assert other.databases() == server.databases()
    assert is_up(server)


def test_a_database_url_becomes_settings_and_back() -> None:
    url = 'postgresql://me%40home:p%2Fw@db.example:5433/net%20box?sslmode=require'
    settings = parse_database_url(url)
    assert settings == {
        'NAME': 'net box',
        'USER': 'me@home',
        'PASSWORD': 'p/w',
        'HOST': 'db.example',
        'PORT': '5433',
        'OPTIONS': {'sslmode': 'require'},
    }
    assert Server(settings).url() == url
    assert parse_database_url(Server(settings).url('other'))['NAME'] == 'other'
    assert parse_database_url('postgres:///x?host=/run/postgresql')['HOST'] == '/run/postgresql'


@pytest.mark.parametrize('url', ['mysql://host/name', 'name', 'postgresql://host:5432/', ''])
def test_a_url_that_is_not_one_of_postgresql_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match='atabase URL'):
        parse_database_url(url)


def test_an_unknown_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HEDGEHOG_POSTGRES_SOURCE', 'thin air')
    with pytest.raises(PostgresError, match='thin air'):
        find_binaries(tmp_path)


def test_without_any_postgresql_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in ('_installed', '_from_apt', 'from_npm'):
        monkeypatch.setattr(postgres_binaries, source, lambda *arguments: None)
    with pytest.raises(PostgresError, match='apt-get install postgresql'):
        find_binaries(tmp_path)
