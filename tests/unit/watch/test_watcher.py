"""The watcher's process: what it does while Redis is away, and that it ends where the database has outgrown it."""

import logging
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from fakeredis import FakeRedis, FakeServer

from netbox_hedgehog.watch import watcher as module
from netbox_hedgehog.watch.leases import LEASE, Leases, live_watchers, watched_fabrics
from netbox_hedgehog.watch.watcher import FabricWatch, Watcher

from ...support.jobs import make_fabric

pytestmark = pytest.mark.django_db


class Followed:
    """Stands in for the threads that follow one fabric."""

    def __init__(self, fabric: Any, database: Any) -> None:
        self.connection = module.connection_of(fabric)
        self.services_line = False

    def start(self) -> None:
        self.services_line = True

    def stop(self) -> None:
        self.services_line = False

    def error(self) -> str:
        return ''


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """A watcher that asks the database in this thread, which sees what the test's transaction holds."""
    monkeypatch.setattr(Watcher, '_ask', lambda self, function, *args: function(*args))
    monkeypatch.setattr(module, 'FabricWatch', Followed)
    return Watcher(heartbeat=0)


def test_without_redis_it_lets_go_in_time_and_goes_on_afterwards(
    watcher: Watcher, caplog: pytest.LogCaptureFixture,
) -> None:
    server = FakeServer()
    watcher.leases = Leases('one', FakeRedis(server=server))
    fabric = make_fabric(watch_enabled=True)
    watcher._heartbeat_tick()
    (watch,) = watcher._watches.values()

    server.connected = False
    watcher._heartbeat_tick()
    assert watch.services_line, 'the lease still holds'
    watcher.leases._renewed -= LEASE + 1  # as much later
    watcher._heartbeat_tick()
    assert (watch.services_line, watcher._watches) == (False, {}), 'another watcher may have taken it by now'
    assert caplog.text.count('cannot reach the database or Redis; retrying: ConnectionError') == 1, 'said once'

    server.connected = True
    watcher._heartbeat_tick()
    assert watcher._watches[fabric.pk].services_line


def test_one_that_the_database_has_outgrown_ends_and_lets_go(
    watcher: Watcher, caplog: pytest.LogCaptureFixture,
) -> None:
    fabric = make_fabric(watch_enabled=True)
    watcher._heartbeat_tick()
    (watch,) = watcher._watches.values()
    assert (watch.services_line, watched_fabrics([fabric.pk])) == (True, {fabric.pk})

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('netbox_hedgehog', '0999_of_tomorrow', now())",
        )
    watchdog = threading.Timer(20, watcher.stop)
    watchdog.start()
    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit) as end:
        watcher.run()
    watchdog.cancel()

    assert end.value.code == 1, 'what supervises it starts the right one'
    assert 'newer release (netbox_hedgehog.0999_of_tomorrow)' in caplog.text
    assert (watch.services_line, watched_fabrics([fabric.pk]), live_watchers()) == (False, set(), [])
    with pytest.raises(RuntimeError, match='after shutdown'):
        watcher._database.submit(print)  # what a thread of a watch would write by


def test_a_watch_that_was_stopped_writes_nothing_more() -> None:
    watch = FabricWatch(make_fabric(), lambda function, *args: function(*args), kinds=())
    taken = []
    followers: Any = [
        SimpleNamespace(version='1', flush=lambda: (taken.append('first'), watch.stop())),
        SimpleNamespace(version='1', flush=lambda: taken.append('second')),
    ]
    watch._changed.set()
    watch._write(followers)
    assert taken == ['first']


def test_a_change_of_the_topology_filter_starts_its_watches_again(watcher: Watcher) -> None:
    fabric = make_fabric('filtered', watch_enabled=True)
    watcher._keep({fabric.pk}, {fabric.pk: fabric})
    first = watcher._watches[fabric.pk]
    watcher._keep({fabric.pk}, {fabric.pk: fabric})
    assert watcher._watches[fabric.pk] is first
    fabric.topology_filter = 'backend'
    watcher._keep({fabric.pk}, {fabric.pk: fabric})
    assert watcher._watches[fabric.pk] is not first
