"""Loaded before Django's settings (-p tests.plugin): gives the tests a PostgreSQL and a Valkey of their own.

With pytest-xdist (-n) every worker has a database and a Valkey of its own, on one PostgreSQL server. The controller runs
no test: it starts the server and builds the template first, so that the workers only copy it.
"""

import os
import platform
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from demo import postgres, schema, valkey

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / '.cache'

# pytest-xdist's name of this process: gw0, gw1, …; none without -n and in the controller.
WORKER = os.environ.get('PYTEST_XDIST_WORKER', '')
WORKER_NUMBER = int(WORKER.removeprefix('gw') or 0)


class Services:
    """The servers of one test session, and the databases made on them."""

    def __init__(self) -> None:
        self.postgres = postgres.server(CACHE / 'tests' / 'postgres', cache=CACHE)
        self.valkey = valkey.server()
        self._databases: list[str] = []

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()

    def new_database(self, name: str) -> str:
        """A database with NetBox's schema and nothing in it, dropped at the end. Returns its URL."""
        name = f'{name}_{os.getpid()}'
        if name in self.postgres.databases():
            self.postgres.drop_database(name)
        schema.clone(self.postgres, schema.template(self.postgres, cache=CACHE), name)
        self._databases.append(name)
        return self.postgres.url(name)

    @property
    def redis_url(self) -> str:
        """The URL of this process' Valkey, or of its own two databases on the server that REDIS_URL names."""
        if isinstance(self.valkey, valkey.Valkey):
            return self.valkey.url
        parts = urlsplit(self.valkey.url)
        first = int(parts.path.strip('/') or 0)
        return parts._replace(path=f'/{first + 2 * WORKER_NUMBER}').geturl()

    def build_template(self) -> None:
        """Build the schema that new_database() copies, when it is missing."""
        schema.template(self.postgres, cache=CACHE)

    def drop_database(self, url: str) -> None:
        name = url.rsplit('/', 1)[-1]
        self.postgres.drop_database(name)
        self._databases.remove(name)

    def stop(self) -> None:
        for name in self._databases:
            self.postgres.drop_database(name)
        self.valkey.stop()
        self.postgres.stop()


SERVICES = Services()


def versions() -> str:
    """What these tests run on, the servers as they say themselves."""
    ((postgres_version,),) = SERVICES.postgres.execute('SHOW server_version')
    with Redis.from_url(SERVICES.valkey.url) as connection:
        about = connection.info('server')
    store = f'Valkey {about["valkey_version"]}' if 'valkey_version' in about else f'Redis {about["redis_version"]}'
    python = platform.python_version()
    plugins = os.environ.get('HEDGEHOG_PLUGINS', '')
    beside = f', Branching {version("netboxlabs-netbox-branching")}' if 'netbox_branching' in plugins else ''
    if f'rq=={version("rq")}\n' not in (ROOT / 'constraints.txt').read_text():
        beside += f', RQ {version("rq")}'
    return f'NetBox {version("netbox")}, Python {python}, PostgreSQL {postgres_version.split()[0]}, {store}{beside}'


def pytest_report_header() -> str:
    return f'on: {versions()}'


def is_controller(config: pytest.Config) -> bool:
    """Return whether this process only hands the tests to pytest-xdist's workers."""
    return bool(getattr(config.known_args_namespace, 'numprocesses', None)) and not WORKER


def group_of(nodeid: str) -> str:
    """Return which tests a test runs with, on one worker: those of its file, or of all files with the same SETTINGS.

    The latter share a NetBox: see tests/e2e/stack.py. Of tests/unit, where nothing is shared beyond a class, a class or
    a single test: a property of many examples would keep one worker long after the others have ended.
    """
    file, _, within = nodeid.partition('::')
    if file.startswith('tests/unit/'):
        return f'{file}::{within.partition("::")[0]}' if '::' in within else nodeid
    settings = re.search(r'^SETTINGS = .*', (ROOT / file).read_text(), re.M)
    return settings[0] if settings else file


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadgroup keep groups together. pytest-xdist's own groups are lost on pytest 9."""
    if config.getvalue('dist') != 'loadgroup':
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Grouped(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    SERVICES.start()
    if is_controller(early_config):
        SERVICES.build_template()
        database_url = SERVICES.postgres.url()
    else:
        database_url = SERVICES.new_database('hedgehog_test')
    os.environ['NETBOX_CONFIGURATION'] = 'demo.configuration'
    os.environ['HEDGEHOG_DATABASE_URL'] = database_url
    os.environ['HEDGEHOG_REDIS_URL'] = SERVICES.redis_url
    os.environ['HEDGEHOG_HOME'] = str(CACHE / 'tests' / f'netbox-{os.getpid()}')
    os.environ['HEDGEHOG_DEVELOPER'] = '1'  # for makemigrations --check


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    from django.db import connections

    connections.close_all()
    SERVICES.stop()
    shutil.rmtree(os.environ['HEDGEHOG_HOME'], ignore_errors=True)
