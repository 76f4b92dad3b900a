"""The file that health checks of containers look at: who touches it, when, and what happens if that fails."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import django_rq
import pytest
import rq
import rq_scheduler
from django_rq import get_scheduler
from redis.exceptions import ConnectionError as RedisDown
from utilities.rqworker import NetBoxRQWorker

from netbox_hedgehog.jobs.life_sign import VARIABLE, remove_life_sign, touch_life_sign
from netbox_hedgehog.jobs.queue import queue_name
from netbox_hedgehog.jobs.worker import HedgehogWorker
from netbox_hedgehog.watch.leases import Leases
from netbox_hedgehog.watch.watcher import Watcher


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / 'life-sign'
    monkeypatch.setenv(VARIABLE, str(file))
    return file


@pytest.fixture
def worker() -> HedgehogWorker:
    worker = django_rq.get_worker(queue_name())
    assert isinstance(worker, HedgehogWorker)
    return worker


def redis_away(thing: Any) -> Any:
    return patch.object(type(thing.connection), 'execute_command', side_effect=RedisDown)


def test_nothing_is_written_unless_it_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: HedgehogWorker,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    remove_life_sign()
    worker.heartbeat()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_logged_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / 'missing' / 'life-sign'))
    for _ in range(3):
        touch_life_sign()
    assert caplog.text.count(f'The file that {VARIABLE} names cannot be written') == 1


def test_what_is_no_life_sign_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, folder, link, target = (tmp_path / name for name in ('content', 'folder', 'link', 'target'))
    content.write_text('of somebody')
    folder.mkdir()
    target.touch()
    link.symlink_to(target)
    for path in (content, folder, link):
        monkeypatch.setenv(VARIABLE, str(path))
        remove_life_sign()
        touch_life_sign()
    assert content.read_text() == 'of somebody'
    assert folder.is_dir()
    assert link.is_symlink()
    assert target.exists()


class TestWorker:
    @pytest.mark.parametrize('queue', [queue_name(), 'default'])
    def test_it_touches_the_file_at_each_heartbeat_on_every_queue(self, queue: str, file: Path) -> None:
        worker = django_rq.get_worker(queue)
        worker.heartbeat()
        first = file.stat().st_mtime_ns
        worker.heartbeat()
        assert file.stat().st_mtime_ns > first

    def test_it_starts_without_the_file_of_an_earlier_process(self, file: Path, worker: HedgehogWorker) -> None:
        file.touch()
        with patch.object(NetBoxRQWorker, 'bootstrap') as bootstrap:
            worker.bootstrap('INFO')
        bootstrap.assert_called_once_with('INFO')
        assert not file.exists()

    def test_a_heartbeat_that_redis_has_not_accepted_is_none(self, file: Path, worker: HedgehogWorker) -> None:
        with redis_away(worker), pytest.raises(RedisDown):
            worker.heartbeat()
        assert not file.exists()
        # A fork that executes a job collects its heartbeat for later, too.
        with worker.connection.pipeline() as pipe:
            worker.heartbeat(60, pipeline=pipe)
        assert not file.exists()

    def test_it_is_alive_during_a_long_job(self, file: Path, worker: HedgehogWorker) -> None:
        worker.register_birth()
        job = django_rq.get_queue(queue_name()).enqueue(print)
        execution = worker.prepare_execution(job)
        # As RQ calls it: since 3.0 the worker no longer keeps the execution itself.
        during = (job,) if rq.VERSION < '3' else (job, execution)
        worker.maintain_heartbeats(*during)
        assert file.exists()
        file.unlink()
        with patch.object(NetBoxRQWorker, 'maintain_heartbeats', side_effect=RedisDown), pytest.raises(RedisDown):
            worker.maintain_heartbeats(*during)
        assert not file.exists()


class TestScheduler:
    def test_it_touches_the_file_if_redis_accepts_the_heartbeat(self, file: Path) -> None:
        scheduler = get_scheduler(interval=60)
        with redis_away(scheduler):
            scheduler.heartbeat()
        assert not file.exists()
        scheduler.heartbeat()
        assert file.exists()

    def test_a_standby_is_alive(self, file: Path) -> None:
        first, standby = get_scheduler(interval=60), get_scheduler(interval=60)
        assert first.acquire_lock()
        standby.heartbeat()
        assert not standby.acquire_lock()
        assert file.exists()

    def test_it_starts_without_the_file_of_an_earlier_process(self, file: Path) -> None:
        file.touch()
        with patch.object(rq_scheduler.Scheduler, 'run') as run:
            get_scheduler(interval=60).run(burst=True)
        run.assert_called_once_with(True)
        assert not file.exists()


@pytest.mark.django_db
class TestWatcher:
    @pytest.fixture
    def watcher(self, monkeypatch: pytest.MonkeyPatch) -> Watcher:
        monkeypatch.setattr(Watcher, '_ask', lambda self, function, *args: function(*args))
        return Watcher(heartbeat=0)

    def test_it_touches_the_file_if_its_leases_are_renewed(self, file: Path, watcher: Watcher) -> None:
        with patch.object(Leases, 'renew', side_effect=RedisDown):
            watcher._heartbeat_tick()
        assert not file.exists()
        watcher._heartbeat_tick()
        assert file.exists()

    def test_it_starts_without_the_file_of_an_earlier_process(self, file: Path, watcher: Watcher) -> None:
        file.touch()
        watcher.stop()
        watcher.run()
        assert not file.exists()
