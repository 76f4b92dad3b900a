"""Each test finds an empty Redis: the tests' Valkey is a private one."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _empty_redis(settings: Any) -> None:
    from netbox_hedgehog.jobs import records
    from netbox_hedgehog.jobs.queue import connection

    connection().flushdb()
    records._named.clear()
    # django-rq waits for the commit, and a test's transaction is never committed.
    settings.RQ = {**settings.RQ, 'COMMIT_MODE': 'auto'}


@pytest.fixture(autouse=True)
def _time_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine too a beat gets to the last event; the test of what it puts off sets a time of its own."""
    monkeypatch.setattr('netbox_hedgehog.jobs.scheduler.TELLING', 600.0)
