"""recover(): what a killed process left behind is found and said, and nothing that is alive is touched."""

from unittest.mock import patch

import pytest
from core.models import Job
from django.utils import timezone
from rq.job import Job as RQJob

from netbox_hedgehog.events import raise_state_events
from netbox_hedgehog.jobs import recovery
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.jobs.queue import connection, put_in_queue
from netbox_hedgehog.jobs.recovery import INVENTORY_JOB_NAME, recover
from netbox_hedgehog.models import Fabric, FabricEvent

from ...support.jobs import ago, locked, make_fabric, make_job, waiting

pytestmark = pytest.mark.django_db

NOTHING = {'killed': 0, 'requeued': 0, 'orphaned': 0}


def status(job: Job) -> str:
    job.refresh_from_db()
    return str(job.status)


def test_a_sync_without_its_lock_was_killed() -> None:
    began = ago(minutes=1)
    fabric = make_fabric(sync_status='syncing', last_attempt=began, last_sync=ago(hours=1))
    job = make_job(fabric, 'running', started=began)
    assert recover() == {**NOTHING, 'killed': 1}
    fabric.refresh_from_db()
    assert status(job) == 'errored'
    assert job.completed
    assert 'its worker was killed' in job.error
    assert (fabric.sync_status, fabric.sync_error) == ('failed', job.error)
    assert fabric.last_sync < ago(minutes=30)
    assert recover() == NOTHING


def test_a_killed_inventory_change_says_to_apply_the_plan_again() -> None:
    job = make_job(make_fabric(), 'running', name=INVENTORY_JOB_NAME, started=ago(minutes=1))
    assert recover() == {**NOTHING, 'killed': 1}
    assert status(job) == 'errored'
    assert job.error.startswith('The inventory change that began at ')
    assert job.error.endswith('Review the plan and apply it again.')


def test_a_sync_that_holds_its_lock_is_alive() -> None:
    fabric = make_fabric(sync_status='syncing', last_attempt=ago(minutes=1))
    job = make_job(fabric, 'running', started=ago(minutes=1))
    with locked(fabric):
        assert recover() == NOTHING
    fabric.refresh_from_db()
    assert (status(job), fabric.sync_status) == ('running', 'syncing')


def test_a_sync_that_ends_while_it_is_looked_at_keeps_its_outcome() -> None:
    """Between reading the rows and reading the locks: the run ended well, and another one has begun."""
    fabric = make_fabric(sync_status='syncing', last_attempt=ago(minutes=1))
    job = make_job(fabric, 'running', started=ago(minutes=1))

    def meanwhile() -> set[int]:
        Job.objects.filter(pk=job.pk).update(status='completed', completed=timezone.now())
        Fabric.objects.filter(pk=fabric.pk).update(last_attempt=timezone.now())
        return set()

    with patch.object(recovery, 'locked_fabrics', meanwhile):
        assert recover() == NOTHING
    fabric.refresh_from_db()
    assert (status(job), fabric.sync_status) == ('completed', 'syncing')


def test_a_queued_sync_that_redis_lost_is_queued_again() -> None:
    fabric = make_fabric(sync_status='queued')
    job = make_job(fabric, 'pending')
    assert recover() == {**NOTHING, 'requeued': 1}
    assert waiting() == [str(job.job_id)]
    assert recover() == NOTHING, 'once is enough'
    assert RQJob.fetch(str(job.job_id), connection=connection()).args == (job.pk,)


def test_a_sync_whose_worker_was_killed_before_it_began_is_queued_again() -> None:
    """RQ keeps such an entry beside the queue, and looks after it only minutes later."""
    fabric = make_fabric(sync_status='queued')
    job = make_job(fabric, 'pending')
    put_in_queue(job)
    connection().lpop(f'rq:queue:{job.queue_name}')
    assert recover() == {**NOTHING, 'requeued': 1}
    assert waiting() == [str(job.job_id)]


def test_one_that_is_on_its_way_or_at_work_is_left_alone() -> None:
    young, begun = make_fabric('young'), make_fabric('begun')
    make_job(young, 'pending', age=1)
    make_job(begun, 'pending')
    with locked(begun):
        assert recover() == NOTHING
    assert not waiting()


@pytest.mark.parametrize('ended', ['failed', 'canceled', 'stopped', 'finished'])
def test_one_that_rq_has_given_up_is_failed_and_not_tried_for_ever(ended: str) -> None:
    fabric = make_fabric(sync_status='partial', sync_error='403.')
    raise_state_events()
    Fabric.objects.update(sync_status='queued')
    job = make_job(fabric, 'pending')
    put_in_queue(job)
    connection().lpop(f'rq:queue:{job.queue_name}')
    connection().hset(RQJob.key_for(str(job.job_id)), 'status', ended)
    assert recover() == NOTHING
    assert status(job) == 'errored'
    assert 'Start it again' in job.error
    recover()
    fabric.refresh_from_db()
    assert fabric.sync_status == 'partial', 'what its last run said'


def test_a_fabric_for_which_nothing_waits_is_not_queued_for_ever() -> None:
    fabric = make_fabric(sync_status='queued')
    recover()
    fabric.refresh_from_db()
    assert fabric.sync_status == 'never_synced'


@pytest.mark.parametrize('told', [True, False], ids=['told', 'not told yet'])
def test_one_that_failed_without_a_report_does_not_recover_by_waiting(told: bool) -> None:
    """A run that is killed leaves the report of the one before."""
    fabric = make_fabric(
        sync_status='failed', sync_error='The sync took longer than 600 s (setting job_timeout).', last_attempt=ago(seconds=9),
        last_sync=ago(seconds=300), last_report={'outcome': 'in_sync'},
    )
    if told:
        raise_state_events()
    FabricSyncJob.request(fabric)
    Job.objects.all().delete()
    recover()
    raise_state_events()
    fabric.refresh_from_db()
    assert fabric.sync_status == 'failed'
    assert [event.event_type for event in FabricEvent.objects.all()] == ['hedgehog_sync_failed']


def test_one_that_was_well_is_well_again() -> None:
    fabric = make_fabric(sync_status='in_sync', last_sync=ago(seconds=9), last_report={'outcome': 'in_sync'})
    FabricSyncJob.request(fabric)
    Job.objects.all().delete()
    recover()
    fabric.refresh_from_db()
    assert fabric.sync_status == 'in_sync'


def test_the_jobs_of_others_are_not_touched() -> None:
    foreign = Job.objects.create(name='Report', job_id='7e4f0f5e-95a9-4d2c-9d6b-7e0d3b4a8a11', status='running', started=ago(days=1))
    other = make_job(make_fabric(), 'running')
    Job.objects.filter(pk=other.pk).update(name='Something else')
    assert recover() == NOTHING
    assert (status(foreign), status(other)) == ('running', 'running')


def test_a_sync_whose_job_came_back_after_its_fabric_had_gone_leaves_none() -> None:
    """It saved its job once more, after the fabric and its jobs were deleted and before it was stopped."""
    fabric = make_fabric()
    job = make_job(fabric, 'completed')
    kept = make_job(make_fabric('b'), 'completed')
    Fabric.objects.get(pk=fabric.pk).delete()
    job.save()
    with locked(fabric):
        assert recover() == NOTHING
    assert recover() == {**NOTHING, 'orphaned': 1}
    assert list(Job.objects.filter(pk__in=(job.pk, kept.pk))) == [kept]
    assert recover() == NOTHING
