"""Loaded before Django's settings (-p tests.plugin): gives the tests a PostgreSQL and a Valkey of their own."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import pytest
from redis import Redis

from demo import postgres, schema, valkey

CACHE = Path(__file__).resolve().parent.parent / '.cache'


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
    return f'NetBox {version("netbox")}, Python {python}, PostgreSQL {postgres_version.split()[0]}, {store}{beside}'


def pytest_report_header() -> str:
    return f'on: {versions()}'


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    SERVICES.start()
    os.environ['NETBOX_CONFIGURATION'] = 'demo.configuration'
    os.environ['HEDGEHOG_DATABASE_URL'] = SERVICES.new_database('hedgehog_test')
    os.environ['HEDGEHOG_REDIS_URL'] = SERVICES.valkey.url
    os.environ['HEDGEHOG_DEVELOPER'] = '1'  # for makemigrations --check


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    from django.db import connections

    connections.close_all()
    SERVICES.stop()
