"""Many look at once, each on a database connection of its own, as processes do: one of them tells."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from netbox_hedgehog import events
from netbox_hedgehog.models import Fabric, FabricEvent

from ..support.empty_redis import _empty_redis, _time_for_events  # noqa: F401  # fixtures of every test here
from ..support.jobs import ago, make_fabric

LOOKERS = 12


@pytest.fixture
def fabric(django_db_blocker: Any) -> Iterator[Fabric]:
    """A stale fabric, committed: every connection sees it."""
    with django_db_blocker.unblock():
        made = make_fabric('race', sync_status='in_sync', last_sync=ago(hours=3), last_attempt=ago(hours=3))
        try:
            yield made
        finally:
            made.delete()


def look_at_once() -> None:
    barrier = threading.Barrier(LOOKERS)
    failures: list[Exception] = []

    def look() -> None:
        try:
            barrier.wait(30)
            for _ in range(3):
                events.raise_state_events()
                events.dispatch()
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(LOOKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures


def raised() -> list[str]:
    return sorted(FabricEvent.objects.values_list('event_type', flat=True))


def test_one_of_many_tells(fabric: Fabric) -> None:
    look_at_once()
    assert raised() == ['hedgehog_stale']
    Fabric.objects.update(sync_status='failed', last_attempt=timezone.now(), sync_error='No route.')
    look_at_once()
    assert raised() == ['hedgehog_stale', 'hedgehog_stale_ended', 'hedgehog_sync_failed']
    assert not FabricEvent.objects.filter(dispatched=None).exists()
