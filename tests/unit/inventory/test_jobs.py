"""The inventory as a part of each run, and as a job of its own."""

from unittest.mock import patch

import pytest
from core.models import Job
from dcim.models import Device
from users.models import User

from netbox_hedgehog.inventory.errors import InventoryRefused, NotPermitted, PlanMoved
from netbox_hedgehog.inventory.reconcile import plan
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync, execute_requested_run
from netbox_hedgehog.jobs.inventory import APPLY, InventoryJob
from netbox_hedgehog.models import FabricResource

from ...support.inventory import fabric_of
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
