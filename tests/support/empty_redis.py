"""Fixtures for tests of jobs: each finds an empty Redis. The tests' Valkey is a private one."""

from typing import Any

import pytest

__all__ = ('_empty_redis', '_time_for_events')


@pytest.fixture(autouse=True)
def _empty_redis(settings: Any) -> None:
    from netbox_hedgehog.jobs import records
    from netbox_hedgehog.jobs.queue import connection

    connection().flushdb()
    records._named.clear()
    # django-rq waits for the commit, and a test's transaction is never committed.
    settings.RQ = {**settings.RQ, 'COMMIT_MODE': 'auto'}


@pytest.fixture(autouse=True)
def _time_for_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a heartbeat reach the last event on a busy machine too; the test of what it puts off sets its own time."""
    monkeypatch.setattr('netbox_hedgehog.jobs.scheduler.RAISING_EVENTS', 600.0)
