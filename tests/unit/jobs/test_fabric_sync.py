"""A run of one fabric: on record from start to end, whichever end it takes."""

import pickle
import time
from typing import Any
from unittest.mock import patch

import pytest
from core.models import Job
from dcim.models import Site
from django.db import InterfaceError, OperationalError
from django.db import connection as database
from rq import SimpleWorker
from rq.job import Job as RQJob
from rq.timeouts import JobTimeoutException
from users.models import User

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, SyncRefused, execute_fabric_sync, execute_requested_run
from netbox_hedgehog.jobs.queue import connection, put_in_queue, queue, queue_name
from netbox_hedgehog.jobs.schedules import reconcile, schedule_id
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.sync.report import Report

from ...support.jobs import ago, locked, make_fabric, make_job, report, sync_answer, waiting

pytestmark = pytest.mark.django_db


def jobs(status: str = '') -> list[Job]:
    found = Job.objects.filter(name='Fabric sync').order_by('pk')
    return list(found.filter(status=status) if status else found)


def requested(fabric: Fabric, user: User | None = None) -> Job:
    """A run that somebody asked for, in the queue."""
    job = FabricSyncJob.request(fabric, user)
    put_in_queue(job)  # the commit of a test's transaction never comes
    return job


class TestRun:
    def test_a_good_one(self) -> None:
        fabric = make_fabric(last_sync=ago(hours=1), last_attempt=ago(hours=1), sync_error='old', sync_status='failed')
        with sync_answer():
            assert execute_fabric_sync(fabric.pk)['outcome'] == 'in_sync'
        (job,) = jobs()
        assert (job.status, job.object, job.user, job.queue_name) == ('completed', fabric, None, queue_name())
        assert job.started
        assert job.completed
        assert job.data['read'] == 2
        assert job.log_entries[-1]['message'].startswith('a: In sync. 2 resources of 1 kinds read')
        fabric.refresh_from_db()
        assert (fabric.sync_status, fabric.sync_error, fabric.connection_status) == ('in_sync', '', 'connected')
        assert fabric.last_sync > ago(minutes=1)
        assert fabric.last_attempt > ago(minutes=1)

    def test_a_failed_one_keeps_the_last_success(self) -> None:
        before = ago(hours=1)
        fabric = make_fabric(last_sync=before, last_attempt=before, sync_status='in_sync')
        with sync_answer(lambda fabric: report(fabric, error='The API server refused the token: 401.')):
            assert execute_fabric_sync(fabric.pk)['outcome'] == 'failed'
        (job,) = jobs()
        assert (job.status, job.error) == ('failed', 'The API server refused the token: 401.')
        fabric.refresh_from_db()
        assert (fabric.sync_status, fabric.last_sync) == ('failed', before)
        assert fabric.last_attempt > before
        assert fabric.sync_error == job.error

    @pytest.mark.parametrize('error', [JobTimeoutException('Task exceeded maximum timeout value (600 seconds)'), RuntimeError('a\nb')])
    def test_one_that_is_cut_short_says_so(self, error: Exception) -> None:
        fabric = make_fabric(sync_status='in_sync', last_sync=ago(hours=1))
        with sync_answer(error):
            execute_fabric_sync(fabric.pk)
        (job,) = jobs()
        assert job.status == 'errored'
        assert type(error).__name__ in job.error
        fabric.refresh_from_db()
        assert fabric.sync_status == 'failed'
        assert fabric.sync_error.startswith(('The sync took longer than ', 'The sync was interrupted by an error: '))
        assert '\n' not in fabric.sync_error
        assert fabric.last_sync < ago(minutes=30)

    def test_a_connection_that_a_time_out_has_broken_is_replaced(self) -> None:
        fabric = make_fabric()
        with (
            sync_answer(JobTimeoutException('late')), patch.object(type(database._connections[database._alias]), 'is_usable', lambda self: False),
            patch.object(type(database._connections[database._alias]), 'close') as close,
        ):
            execute_fabric_sync(fabric.pk)
        close.assert_called_once()

    def test_one_that_was_overtaken_leaves_the_last_word_to_the_newer_one(self) -> None:
        """Its session was cut, and with it its lock: another run was at work before it noticed."""
        fabric = make_fabric()
        newer = {'last_attempt': ago(minutes=-1), 'last_sync': ago(minutes=-1), 'sync_status': 'in_sync'}

        def overtaken(fabric: Fabric) -> Report:
            Fabric.objects.filter(pk=fabric.pk).update(**newer)
            raise OperationalError('terminating connection due to administrator command')

        with sync_answer(overtaken):
            execute_fabric_sync(fabric.pk)
        assert [job.status for job in jobs()] == ['errored']
        fabric.refresh_from_db()
        assert {name: getattr(fabric, name) for name in newer} == newer
        assert fabric.sync_error == ''

    @pytest.mark.parametrize('error', ['', 'No route.'])
    def test_one_that_was_overtaken_and_ends_with_a_report(self, error: str) -> None:
        fabric = make_fabric()
        newer = {'last_attempt': ago(minutes=-1), 'last_sync': ago(minutes=-1), 'last_report': {'whose': 'the newer'}}

        def overtaken(fabric: Fabric) -> Report:
            Fabric.objects.filter(pk=fabric.pk).update(sync_status='partial', sync_error='Newer.', **newer)
            return report(fabric, error=error)

        with sync_answer(overtaken):
            execute_fabric_sync(fabric.pk)
        fabric.refresh_from_db()
        assert {name: getattr(fabric, name) for name in newer} == newer
        assert (fabric.sync_status, fabric.sync_error) == ('partial', 'Newer.')

    def test_one_that_was_overtaken_in_its_inventory(self) -> None:
        site = Site.objects.create(name='s', slug='s')
        fabric = make_fabric(inventory_enabled=True, inventory_auto_apply=True, inventory_site=site)
        newer = {'last_attempt': ago(minutes=-1), 'last_report': {'whose': 'the newer'}, 'inventory_error': ''}

        def overtaken(fabric: Fabric, **options: Any) -> None:
            Fabric.objects.filter(pk=fabric.pk).update(**newer)
            raise OperationalError('server closed the connection unexpectedly')

        with sync_answer(), patch('netbox_hedgehog.jobs.inventory.reconcile', overtaken):
            execute_fabric_sync(fabric.pk)
        fabric.refresh_from_db()
        assert {name: getattr(fabric, name) for name in newer} == newer

    @pytest.mark.parametrize('error', [None, RuntimeError('e')])
    def test_one_whose_job_is_deleted_meanwhile_comes_back_and_says_why(self, error: Exception | None) -> None:
        fabric = make_fabric()

        def deleted(fabric: Fabric) -> Report:
            Job.objects.filter(object_id=fabric.pk).delete()
            if error:
                raise error
            return report(fabric)

        with sync_answer(deleted):
            execute_fabric_sync(fabric.pk)
        (job,) = jobs()
        assert job.status == ('errored' if error else 'completed')
        assert any('was deleted while it was running' in line['message'] for line in job.log_entries)

    def test_status_values_are_of_the_declared_choices(self) -> None:
        fabric = make_fabric()
        choices = {name: dict(Fabric._meta.get_field(name).flatchoices) for name in ('sync_status', 'connection_status')}
        for answer in (None, lambda fabric: report(fabric, error='e'), RuntimeError('e')):
            with sync_answer(answer):
                execute_fabric_sync(fabric.pk)
            fabric.refresh_from_db()
            for name, allowed in choices.items():
                assert getattr(fabric, name) in allowed

    def test_a_second_one_is_a_visible_skip(self) -> None:
        fabric = make_fabric(sync_status='syncing')
        with locked(fabric), sync_answer(AssertionError('this must not be read')):
            result = execute_fabric_sync(fabric.pk)
        assert result['outcome'] == 'skipped'
        (job,) = jobs()
        assert (job.status, job.data['outcome']) == ('completed', 'skipped')
        assert job.error == 'Skipped: another sync of this fabric is running.'
        fabric.refresh_from_db()
        assert fabric.sync_status == 'syncing', 'the other run says how it went'

    @pytest.mark.parametrize('change', [{'sync_enabled': False}, {'status': 'decommissioned'}])
    def test_nothing_is_read_that_is_switched_off(self, change: dict[str, object]) -> None:
        fabric = make_fabric(**change)
        with sync_answer(AssertionError('this must not be read')):
            assert execute_fabric_sync(fabric.pk)['outcome'] == 'skipped'
            assert execute_fabric_sync(fabric.pk + 1)['outcome'] == 'skipped'
        assert not jobs()

    def test_one_deleted_while_it_is_read_leaves_nothing(self) -> None:
        fabric = make_fabric()

        def delete(fabric: Fabric) -> Report:
            made = report(fabric)
            Fabric.objects.get(pk=fabric.pk).delete()
            return made

        with sync_answer(delete):
            execute_fabric_sync(fabric.pk)
        assert not Job.objects.filter(name='Fabric sync').exists()


class TestInAWorker:
    """The same through RQ: what its own record of the fixed id looks like afterwards."""

    def work(self) -> None:
        SimpleWorker([queue()], connection=connection()).work(burst=True)

    def enqueue(self, fabric: Fabric) -> RQJob:
        job = RQJob.fetch(schedule_id(fabric.pk), connection=connection())
        queue().enqueue_job(job)
        return job

    def test_the_fixed_id_can_be_run_for_ever(self) -> None:
        fabric = make_fabric()
        reconcile()
        with sync_answer():
            for _ in range(4):
                job = self.enqueue(fabric)
                self.work()
        assert len(jobs('completed')) == 4
        assert job.get_status() == 'finished'
        assert connection().ttl(job.key) == -1, 'the schedule keeps its job'
        # RQ keeps about a hundred results of an id: none of them is a whole report.
        assert 'kinds' not in job.return_value()
        assert connection().memory_usage(f'rq:results:{job.id}') < 4 * 2000
        assert reconcile()['unchanged'] == 1
        assert not connection().keys('rq:execution*')

    @pytest.mark.parametrize('error', [RuntimeError('x'), JobTimeoutException('late'), InterfaceError('gone')])
    def test_a_sync_that_fails_breaks_no_chain(self, error: Exception) -> None:
        fabric = make_fabric()
        reconcile()
        with sync_answer(error):
            job = self.enqueue(fabric)
            self.work()
        with patch('netbox_hedgehog.jobs.fabric_sync.FabricSyncJob.record', side_effect=error):
            self.enqueue(fabric)
            self.work()
        assert job.get_status() == 'failed', 'RQ knows of one whose record could not even be begun'
        assert reconcile()['unchanged'] == 1
        with sync_answer():
            self.enqueue(fabric)
            self.work()
        assert [job.status for job in jobs()] == ['errored', 'completed']
        assert connection().ttl(job.key) == -1

    @pytest.mark.parametrize('change', [{'sync_enabled': False}, None])
    def test_nothing_is_left_of_one_disabled_or_deleted_during_its_sync(self, change: dict[str, object] | None) -> None:
        fabric = make_fabric()
        reconcile()
        job = self.enqueue(fabric)

        def switch_off(fabric: Fabric) -> Report:
            made = report(fabric)
            if change is None:
                Fabric.objects.get(pk=fabric.pk).delete()
            else:
                Fabric.objects.filter(pk=fabric.pk).update(**change)
            reconcile()
            return made

        with sync_answer(switch_off):
            self.work()
        left = [key for key in connection().keys('*') if job.id.encode() in key]
        assert all(0 < connection().ttl(key) <= 60 for key in left), 'what RQ writes at the end of a run goes soon'
        assert all(score <= time.time() + 60 for _, score in connection().zrange(
            f'rq:finished:{queue_name()}', 0, -1, withscores=True,
        ))
        assert not waiting()

    def test_the_queue_carries_an_id_and_no_user(self) -> None:
        """RQ pickles what it is given: a job with its user would take the password's hash to Redis."""
        user = User.objects.create_user('asker', password='CANARY-password')
        job = requested(make_fabric(kubernetes_token='CANARY-token'), user)
        packed = RQJob.fetch(str(job.job_id), connection=connection())
        assert packed.args == (job.pk,)
        assert b'CANARY' not in pickle.dumps(packed.args) + packed.data
        with sync_answer():
            self.work()
        job.refresh_from_db()
        assert (job.status, job.user) == ('completed', user)


class TestRequest:
    def test_a_queued_sync(self) -> None:
        fabric = make_fabric()
        job = requested(fabric)
        assert waiting() == [str(job.job_id)]
        fabric.refresh_from_db()
        assert (job.status, fabric.sync_status) == ('pending', 'queued')
        assert RQJob.fetch(str(job.job_id), connection=connection()).timeout == 600

    def test_it_runs_inside_the_interval_too(self) -> None:
        fabric = make_fabric(last_sync=ago(seconds=1), last_attempt=ago(seconds=1), sync_status='in_sync')
        job = requested(fabric)
        with sync_answer():
            execute_requested_run(job.pk)
        job.refresh_from_db()
        assert job.data['read'] == 2

    def test_only_one_at_a_time(self) -> None:
        fabric = make_fabric()
        requested(fabric)
        with pytest.raises(SyncRefused, match='already queued'):
            FabricSyncJob.request(fabric)

    def test_not_beside_a_running_one(self) -> None:
        fabric = make_fabric()
        with locked(fabric), pytest.raises(SyncRefused, match='is already running'):
            FabricSyncJob.request(fabric)

    def test_not_beside_a_periodic_one_that_waits(self) -> None:
        fabric = make_fabric()
        connection().rpush(queue().key, schedule_id(fabric.pk))
        with pytest.raises(SyncRefused, match='scheduled sync of a is already queued'):
            FabricSyncJob.request(fabric)

    @pytest.mark.parametrize('status', ['syncing', 'queued'])
    def test_a_status_field_alone_never_refuses(self, status: str) -> None:
        assert FabricSyncJob.request(make_fabric(sync_status=status))

    @pytest.mark.parametrize('change', [{'sync_enabled': False}, {'status': 'planned'}])
    def test_not_of_a_fabric_that_is_not_read(self, change: dict[str, object]) -> None:
        with pytest.raises(SyncRefused, match='is not synced'):
            FabricSyncJob.request(make_fabric(**change))

    def test_a_fabric_disabled_while_the_sync_is_queued_is_not_synced(self) -> None:
        fabric = make_fabric()
        job = requested(fabric)
        Fabric.objects.update(sync_enabled=False)
        with sync_answer(AssertionError('this must not be read')):
            execute_requested_run(job.pk)
        job.refresh_from_db()
        assert (job.status, job.data['outcome']) == ('completed', 'skipped')
        assert 'is not synced' in job.error

    def test_an_entry_that_is_in_the_queue_twice_runs_once(self) -> None:
        job = requested(make_fabric())
        with sync_answer():
            execute_requested_run(job.pk)
        with sync_answer(AssertionError('this must not be read again')):
            execute_requested_run(job.pk)
        assert [job.status for job in jobs()] == ['completed']

    def test_a_job_that_was_deleted_is_not_run(self) -> None:
        job = requested(make_fabric())
        Job.objects.all().delete()
        with sync_answer(AssertionError('this must not be read')):
            execute_requested_run(job.pk)
        assert not jobs()


class TestPruning:
    @pytest.fixture(autouse=True)
    def _few_are_kept(self):
        kept = {'jobs_kept': 3, 'failed_jobs_kept': 5, 'job_timeout': 600}
        with patch('netbox_hedgehog.jobs.fabric_sync.get_plugin_config', lambda plugin, name: kept[name]):
            yield

    def test_the_newest_stay_and_failures_longer(self) -> None:
        fabric, other = make_fabric('a'), make_fabric('b')
        old = make_job(other, 'completed', age=100_000)
        good = [make_job(fabric, 'completed', age=1000 - number) for number in range(6)]
        bad = [make_job(fabric, 'errored' if number % 2 else 'failed', age=2000 - number) for number in range(9)]
        with sync_answer():
            execute_fabric_sync(fabric.pk)
        left = {job.pk for job in jobs()}
        assert {job.pk for job in good} & left == {job.pk for job in good[-2:]}, 'and the newest is the one that ran'
        assert {job.pk for job in bad} & left == {job.pk for job in bad[-5:]}
        assert old.pk in left

    def test_syncs_that_are_cut_short_are_pruned_too(self) -> None:
        fabric = make_fabric()
        for _ in range(8):
            with sync_answer(InterfaceError('gone')):
                execute_fabric_sync(fabric.pk)
        assert len(jobs('errored')) == 5

    def test_what_waits_or_runs_or_was_asked_for_by_a_person_stays(self) -> None:
        fabric, user = make_fabric(), User.objects.create_user('asker')
        stays = [make_job(fabric, status, age=9000) for status in ('pending', 'running')]
        stays += [make_job(fabric, 'completed', age=9000, user=user) for _ in range(6)]
        for number in range(6):
            make_job(fabric, 'completed', age=1000 - number)
        with sync_answer():
            execute_fabric_sync(fabric.pk)
        assert {job.pk for job in stays} <= {job.pk for job in jobs()}
