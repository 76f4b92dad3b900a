"""Each test finds an empty Redis: the tests' Valkey is a private one."""

import pytest


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    from netbox_hedgehog.jobs.queue import connection

    connection().flushdb()
