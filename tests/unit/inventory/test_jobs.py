"""The inventory as a part of each run, and as a job of its own."""

from unittest.mock import patch

import pytest
from core.models import Job
from dcim.models import Device
from django.utils import timezone
from users.models import User

from netbox_hedgehog.inventory.disable import disable_inventory
from netbox_hedgehog.inventory.errors import InventoryRefused, NotPermitted, PlanMoved
from netbox_hedgehog.inventory.reconcile import plan
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync, execute_requested_run
from netbox_hedgehog.jobs.inventory import APPLY, InventoryJob
from netbox_hedgehog.models import Fabric, FabricResource

from ...support.inventory import fabric_of, synced
from ...support.jobs import sync_answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return User.objects.create(username='person', is_superuser=True)


def test_a_periodic_sync_reconciles_what_it_has_read():
    fabric = fabric_of()
    with sync_answer():
        report = execute_fabric_sync(fabric.pk)
    assert report['inventory']['counts']['create'] > 30
    assert Device.objects.filter(name='leaf-1').exists()
    fabric.refresh_from_db()
    assert fabric.last_inventory
    assert fabric.last_report['inventory']['sentence']


def test_a_fabric_without_an_inventory_is_only_read():
    fabric = fabric_of(inventory_enabled=False)
    with sync_answer():
        report = execute_fabric_sync(fabric.pk)
    assert 'inventory' not in report
    assert not Device.objects.exists()


def test_a_new_inventory_waits_until_somebody_has_applied_the_first_plan(person):
    fabric = fabric_of(inventory_auto_apply=False)
    with sync_answer():
        report = execute_fabric_sync(fabric.pk)
    assert 'inventory' not in report
    assert not Device.objects.exists()
    (job,) = Job.objects.filter(object_id=fabric.pk)
    messages = [entry['message'] for entry in job.log_entries]
    assert 'dc-1: inventory sync is waiting for a review of the first plan.' in messages
    fabric.refresh_from_db()
    assert fabric.waits_for_review
    assert (fabric.sync_status, fabric.inventory_error) == ('in_sync', '')

    requested = InventoryJob.request(fabric, person, APPLY, plan(fabric).digest)
    execute_requested_run(requested.pk)
    assert Device.objects.filter(name='leaf-1').exists()
    FabricResource.objects.filter(kind='Server', name='server-1').update(missing_since=timezone.now())
    with sync_answer():
        report = execute_fabric_sync(fabric.pk)
    assert report['inventory']['counts']['mark'] > 0


def test_a_pause_does_not_ask_for_a_review_and_a_disabled_inventory_does():
    fabric = synced()
    Fabric.objects.update(inventory_auto_apply=False, inventory_enabled=False)
    fabric.refresh_from_db()
    fabric.inventory_enabled = True
    assert not fabric.waits_for_review
    disable_inventory(fabric)
    fabric.refresh_from_db()
    fabric.inventory_enabled = True
    assert fabric.waits_for_review


def test_a_failure_of_the_inventory_is_its_own():
    fabric = fabric_of()
    with sync_answer(), patch('netbox_hedgehog.jobs.inventory.reconcile', side_effect=RuntimeError('broken')):
        report = execute_fabric_sync(fabric.pk)
    fabric.refresh_from_db()
    assert fabric.sync_status == 'in_sync'
    assert fabric.inventory_error == 'RuntimeError: broken'
    assert fabric.last_inventory is None
    assert report['inventory']['error']
    with sync_answer():
        execute_fabric_sync(fabric.pk)
    fabric.refresh_from_db()
    assert fabric.inventory_error == ''


def test_an_apply_is_a_job_that_does_what_was_seen(person):
    fabric = fabric_of()
    job = InventoryJob.request(fabric, person, APPLY, plan(fabric).digest)
    with pytest.raises(InventoryRefused, match='already queued or running'):
        InventoryJob.request(fabric, person)
    execute_requested_run(job.pk)
    job.refresh_from_db()
    assert job.status == 'completed'
    assert job.data['counts']['create'] > 30


def test_an_apply_of_a_plan_that_moved_fails_with_a_sentence(person):
    fabric = fabric_of()
    job = InventoryJob.request(fabric, person, APPLY, plan(fabric).digest)
    FabricResource.objects.filter(fabric=fabric, kind='Server').delete()
    execute_requested_run(job.pk)
    job.refresh_from_db()
    assert job.status == 'failed'
    assert 'Review it again' in job.error
    assert not Device.objects.exists()


def test_a_plan_that_is_not_the_one_seen_is_refused_at_once(person):
    with pytest.raises(PlanMoved):
        InventoryJob.request(fabric_of(), person, APPLY, 'another')
    assert not Job.objects.exists()


def test_who_may_not_is_told_at_once():
    with pytest.raises(NotPermitted):
        InventoryJob.request(fabric_of(), User.objects.create(username='nobody'))
    assert not Job.objects.exists()
