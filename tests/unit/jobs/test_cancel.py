"""A run ends because somebody says so, and what is written of it says who."""

from typing import Any
from unittest.mock import patch

import pytest
from core.models import Job

from netbox_hedgehog.events import raise_state_events
from netbox_hedgehog.hedgehog.kinds import KINDS
from netbox_hedgehog.jobs.cancel import CancelRefused, cancel_sync
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, execute_requested_run
from netbox_hedgehog.jobs.progress import active_job, progress_of
from netbox_hedgehog.jobs.queue import connection, put_in_queue, queue, queue_name
from netbox_hedgehog.jobs.recovery import INVENTORY_JOB_NAME, recover
from netbox_hedgehog.jobs.schedules import schedule_id
from netbox_hedgehog.models import Fabric, FabricEvent
from netbox_hedgehog.sync.report import READ, KindReport

from ...support.jobs import ago, locked, make_fabric, make_job, report, sync_answer, waiting

pytestmark = pytest.mark.django_db


def state(fabric: Fabric) -> str:
    return str(Fabric.objects.values_list('sync_status', flat=True).get(pk=fabric.pk))


class TestCancel:
    def test_what_waits_is_taken_out_of_the_queue(self) -> None:
        fabric = make_fabric(sync_status='in_sync', last_sync=ago(seconds=5))
        job = FabricSyncJob.request(fabric)
        put_in_queue(job)
        assert waiting() == [str(job.job_id)]
        assert cancel_sync(fabric, 'alice') == f'The queued sync of a (job {job.pk}) is cancelled.'
        job.refresh_from_db()
        assert (job.status, job.error, job.data['outcome']) == ('failed', 'Cancelled by alice.', 'cancelled')
        assert job.completed
        assert (waiting(), state(fabric)) == ([], 'in_sync')
        with sync_answer(AssertionError('this must not be read')):
            execute_requested_run(job.pk)

    @pytest.mark.parametrize('before', ['failed', 'partial'])
    def test_a_fabric_is_as_it_was_and_nothing_is_told(self, before: str) -> None:
        fabric = make_fabric(sync_status=before, sync_error='No route.', last_attempt=ago(seconds=5))
        raise_state_events()
        FabricSyncJob.request(fabric)
        cancel_sync(fabric, 'alice')
        raise_state_events()
        assert state(fabric) == before
        assert FabricEvent.objects.count() == 1
        assert Fabric.objects.get().sync_error == 'No route.'

    def test_one_never_read_is_never_read(self) -> None:
        fabric = make_fabric()
        FabricSyncJob.request(fabric)
        cancel_sync(fabric, 'alice')
        assert state(fabric) == 'never_synced'

    def test_a_periodic_one_that_waits(self) -> None:
        fabric = make_fabric()
        connection().rpush(queue().key, schedule_id(fabric.pk))
        assert 'The next one runs on schedule' in cancel_sync(fabric, 'alice')
        assert waiting() == []

    def test_nothing_to_cancel(self) -> None:
        with pytest.raises(CancelRefused, match='No sync of a is queued or running'):
            cancel_sync(make_fabric(), 'alice')

    def test_one_that_no_worker_has_is_left_alone(self) -> None:
        """A run in a shell, say: what cannot be stopped is not said to be."""
        fabric = make_fabric(sync_status='syncing')
        job = make_job(fabric, 'running')
        with locked(fabric), pytest.raises(CancelRefused, match='No RQ worker is running job'):
            cancel_sync(fabric, 'alice')
        job.refresh_from_db()
        assert (job.status, state(fabric)) == ('running', 'syncing')

    def test_one_whose_job_was_deleted_and_that_no_worker_has(self) -> None:
        fabric = make_fabric(sync_status='syncing')
        with locked(fabric), pytest.raises(CancelRefused, match='No RQ worker is running the sync of a, '):
            cancel_sync(fabric, 'alice')
        make_job(fabric, 'pending')
        with locked(fabric), pytest.raises(CancelRefused, match='No RQ worker is running the sync of a, '):
            cancel_sync(fabric, 'alice')

    def test_a_change_of_the_inventory_is_not_taken_for_nothing(self) -> None:
        fabric = make_fabric()
        job = make_job(fabric, 'running', name=INVENTORY_JOB_NAME)
        with locked(fabric), pytest.raises(CancelRefused, match=rf'An inventory change of a is running \(job {job.pk}\)'):
            cancel_sync(fabric, 'alice')

    def test_a_worker_that_is_idle_is_told_nothing(self) -> None:
        """It would kill itself. Of a job whose record was deleted it still says that it is its current one."""
        fabric, redis = make_fabric(), connection()
        key = 'rq:worker:w'
        redis.hset(key, mapping={'birth': '2026-01-01T00:00:00.000000Z', 'state': 'idle'})
        redis.hset(key, 'current_job', schedule_id(fabric.pk))
        redis.sadd(f'rq:workers:{queue_name()}', key)
        with redis.pubsub() as heard:
            heard.subscribe('rq:pubsub:w')
            assert heard.get_message(timeout=5)['type'] == 'subscribe'
            with locked(fabric), pytest.raises(CancelRefused, match='No RQ worker is running'):
                cancel_sync(fabric, 'alice')
            redis.publish('rq:pubsub:w', 'the end')
            assert heard.get_message(timeout=5)['data'] == b'the end'

    def test_one_whose_process_is_gone_is_recorded(self) -> None:
        fabric = make_fabric(sync_status='syncing', last_sync=ago(seconds=50))
        job = make_job(fabric, 'running')
        assert 'is cancelled' in cancel_sync(fabric, 'alice')
        job.refresh_from_db()
        assert (job.status, state(fabric)) == ('failed', 'in_sync')

    def test_the_beat_that_finds_it_dead_first_knows_why(self) -> None:
        fabric = make_fabric(sync_status='syncing', last_sync=ago(seconds=50))
        job = make_job(fabric, 'running')
        with patch('netbox_hedgehog.jobs.cancel._stop', lambda *args: recover()):
            assert 'is cancelled' in cancel_sync(fabric, 'alice')
        job.refresh_from_db()
        assert (job.status, job.error, state(fabric)) == ('failed', 'Cancelled by alice.', 'in_sync')

    def test_one_that_ends_by_itself_meanwhile_keeps_its_own_outcome(self) -> None:
        fabric = make_fabric(sync_status='in_sync')
        job = make_job(fabric, 'running')

        def ends(*args: Any) -> None:
            Job.objects.filter(pk=job.pk).update(status='completed', data={'outcome': 'in_sync'})

        with patch('netbox_hedgehog.jobs.cancel._stop', ends), pytest.raises(CancelRefused, match='finished before'):
            cancel_sync(fabric, 'alice')
        job.refresh_from_db()
        assert (job.status, job.data['outcome']) == ('completed', 'in_sync')


class TestProgress:
    def test_kind_by_kind(self) -> None:
        fabric, seen = make_fabric(), []

        def read(fabric: Fabric, progress: Any, paged: Any = None) -> Any:
            for kind in KINDS[:2]:
                progress(KindReport(kind.name, outcome=READ, read=10, created=1, missing=1))
                job = active_job(fabric)
                assert job is not None
                shown = progress_of(job)
                seen.append((shown.done, shown.total, shown.now, shown.read, shown.changes, len(shown.log)))
            return report(fabric)

        with (
            patch('netbox_hedgehog.jobs.fabric_sync.sync_fabric', read),
            patch('netbox_hedgehog.jobs.fabric_sync.PROGRESS_EVERY', 0),
        ):
            execute_requested_run(FabricSyncJob.request(fabric).pk)
        assert seen == [
            (1, len(KINDS), KINDS[1].title_plural, 10, 2, 1), (2, len(KINDS), KINDS[2].title_plural, 20, 4, 2),
        ]
        assert active_job(fabric) is None
        assert 'progress' not in Job.objects.get().data

    def test_the_one_at_work_comes_before_the_one_that_waits(self) -> None:
        fabric = make_fabric()
        make_job(fabric, 'pending')
        running = make_job(fabric, 'running')
        assert active_job(fabric) == running
