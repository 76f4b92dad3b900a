"""A sync is short only if nothing can have changed: whatever NetBox, the mirror or the plugin records is found."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from circuits.models import Provider
from core.models import ObjectChange
from dcim.models import Cable, Device, Interface, Site
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from extras.models import Tag
from netbox.context_managers import event_tracking
from netbox.models.features import ChangeLoggingMixin
from tenancy.models import Tenant
from users.models import User
from utilities.request import NetBoxFakeRequest

from netbox_hedgehog.choices import InventoryScopeChoices, SyncStatusChoices
from netbox_hedgehog.inventory.checkpoints import APPS, find_unchanged
from netbox_hedgehog.inventory.reconcile import build_plan, reconcile
from netbox_hedgehog.inventory.resources import content_of
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, execute_fabric_sync, execute_requested_run
from netbox_hedgehog.models import (
    Fabric,
    FabricResource,
    InventoryCheckpoint,
    InventoryLink,
    InventoryLinkWrite,
    InventoryRule,
    KindSync,
)

from ...support.inventory import fabric_of
from ...support.jobs import report as report_of
from ...support.jobs import sync_answer

pytestmark = pytest.mark.django_db

SETTINGS = settings.PLUGINS_CONFIG['netbox_hedgehog']
Change = Callable[[Fabric], Any]


def at_rest(**values: Any) -> Fabric:
    """A fabric whose last full reconcile found nothing to write."""
    fabric = fabric_of(**values)
    reconcile(fabric)
    reconcile(fabric)
    assert InventoryCheckpoint.objects.filter(fabric=fabric).exists()
    fabric.refresh_from_db()
    return fabric


def is_unchanged(fabric: Fabric, **later: float) -> bool:
    fabric.refresh_from_db()
    return find_unchanged(fabric, timezone.now() + timedelta(**later)) is not None


def saved(instance: Any, **fields: Any) -> None:
    instance.snapshot()
    for name, value in fields.items():
        setattr(instance, name, value)
    instance.save()


def any_link() -> InventoryLink:
    return InventoryLink.objects.order_by('pk')[0]


# What a person does in NetBox, and what the fabric does.
FOUND: dict[str, Change] = {
    'a device is renamed': lambda fabric: saved(Device.objects.first(), name='mine'),
    'a device is deleted': lambda fabric: Device.objects.first().delete(),
    'a device gets a tag': lambda fabric: Device.objects.first().tags.add(Tag.objects.create(name='t', slug='t')),
    'a device gets comments': lambda fabric: saved(Device.objects.first(), comments='mine'),
    'a cable is deleted': lambda fabric: Cable.objects.first().delete(),
    'a port is added': lambda fabric: Interface.objects.create(device=Device.objects.first(), name='x', type='other'),
    'the site is renamed': lambda fabric: saved(fabric.inventory_site, name='other'),
    'another site is added': lambda fabric: Site.objects.create(name='S', slug='s'),
    'a tenant is added': lambda fabric: Tenant.objects.create(name='t', slug='t'),
    'a rule is added': lambda fabric: InventoryRule.objects.create(fabric=fabric, name='r', names='leaf-*'),
    'a setting is changed': lambda fabric: Fabric.objects.update(inventory_removal='delete'),
    'the name pattern is changed': lambda fabric: Fabric.objects.update(inventory_name_pattern='{name}-x'),
    'another fabric is added': lambda fabric: Fabric.objects.create(name='dc-2', inventory_site=fabric.inventory_site),
    'a value is kept': lambda fabric: InventoryLink.objects.filter(pk=any_link().pk).update(kept=['name']),
    'a link is removed': lambda fabric: any_link().delete(),
    'a link is handed over': lambda fabric: InventoryLink.objects.filter(pk=any_link().pk).update(
        fabric=Fabric.objects.create(name='dc-2')),
    'a spec changes': lambda fabric: FabricResource.objects.filter(kind='Server').update(spec={'description': 'x'}),
    'labels change': lambda fabric: FabricResource.objects.filter(kind='Server').update(labels={'a': 'b'}),
    'two resources swap specs': lambda fabric: swap_specs(),
    'a resource is deleted': lambda fabric: FabricResource.objects.filter(name='server-1').update(
        missing_since=timezone.now()),
    'a kind is synced first': lambda fabric: KindSync.objects.filter(kind='Gateway').delete(),
    'the last inventory sync failed': lambda fabric: Fabric.objects.update(inventory_error='broken'),
}

# What concerns no inventory, or is not recorded by NetBox and waits for the full reconcile.
NOT_FOUND: dict[str, Change] = {
    'nothing': lambda fabric: None,
    'a heartbeat': lambda fabric: FabricResource.objects.update(resource_version='9', last_read=timezone.now()),
    'a kind of no inventory': lambda fabric: FabricResource.objects.create(
        fabric=fabric, kind='SwitchGroup', namespace='default', name='x', uid='x', resource_version='1', fingerprint='x',
        first_seen=timezone.now(), last_read=timezone.now(), changed=timezone.now()),
    'a provider is added': lambda fabric: Provider.objects.create(name='p', slug='p'),
    'a stale sync is counted': lambda fabric: InventoryLink.objects.update(stale_syncs=1),
    'SQL past the change log': lambda fabric: Device.objects.update(comments='mine'),
}


def swap_specs() -> None:
    one, other = FabricResource.objects.filter(kind='Switch').order_by('name')[:2]
    FabricResource.objects.filter(pk=one.pk).update(spec=other.spec)
    FabricResource.objects.filter(pk=other.pk).update(spec=one.spec)


def happens_to(fabric: Fabric, change: Change) -> Iterator[None]:
    """Let a change happen as NetBox records it, and take it back."""
    user = User.objects.get_or_create(username='person')[0]
    with transaction.atomic():
        with event_tracking(NetBoxFakeRequest({'id': uuid4(), 'user': user, 'META': {}})):
            change(fabric)
        yield
        transaction.set_rollback(True)


def test_what_may_have_changed_is_found():
    fabric = at_rest()
    found = {}
    for name, change in {**FOUND, **NOT_FOUND}.items():
        for _ in happens_to(fabric, change):
            found[name] = not is_unchanged(fabric)
        assert is_unchanged(fabric), f'not taken back: {name}'
    assert found == dict.fromkeys(FOUND, True) | dict.fromkeys(NOT_FOUND, False)


def test_upgrades_settings_and_time_ask_for_a_full_reconcile(monkeypatch):
    fabric = at_rest()
    assert is_unchanged(fabric)
    assert is_unchanged(fabric, minutes=59)
    assert not is_unchanged(fabric, minutes=61)
    assert not is_unchanged(fabric, minutes=-1)  # the clock was ahead
    with monkeypatch.context() as changed:
        changed.setitem(SETTINGS, 'full_reconcile_interval', 60)
        assert is_unchanged(fabric, seconds=40)
        assert not is_unchanged(fabric, seconds=80)
    for setting, value in (('removal_grace_hours', 1), ('removal_grace_syncs', 9), ('removal_guard_percent', 50)):
        with monkeypatch.context() as changed:
            changed.setitem(SETTINGS, setting, value)
            assert not is_unchanged(fabric)
    with patch.object(apps.get_app_config('netbox_hedgehog'), 'version', '99'):
        assert not is_unchanged(fabric)
    with patch.object(settings.RELEASE, 'version', '99'):
        assert not is_unchanged(fabric)
    assert is_unchanged(fabric)


def test_it_takes_four_statements_whatever_the_size():
    small, large = at_rest(), at_rest(resources='sample', name='dc-2')
    reconcile(small)  # after the other one has written
    small.refresh_from_db()
    for fabric in (small, large):
        with CaptureQueriesContext(connection) as statements:
            assert find_unchanged(fabric, timezone.now())
        assert len(statements) == 4


def test_a_short_sync_writes_nothing_and_says_when_everything_was_compared():
    fabric = at_rest()
    reconciled, last_write = fabric.last_inventory, InventoryLinkWrite.objects.latest('pk').pk
    report = reconcile(fabric, only_if_changed=True)
    assert report.unchanged_since == reconciled
    assert report.unchanged == reconcile(fabric).unchanged > 30
    assert report.sentence == (
        f'Done: no changes. Nothing has changed since the full reconcile at {reconciled:%Y-%m-%d %H:%M:%S} UTC.'
    )
    assert report.as_dict()['unchanged_since'] == reconciled.isoformat()
    assert InventoryLinkWrite.objects.latest('pk').pk == last_write


def test_a_short_sync_does_not_look_fresher_than_it_is(admin_client):
    fabric = at_rest()
    reconciled = fabric.last_inventory
    with sync_answer():
        execute_fabric_sync(fabric.pk)
    fabric.refresh_from_db()
    assert fabric.last_inventory == reconciled
    assert reconciled < fabric.inventory_checked < timezone.now()
    assert b'Nothing has changed since, as checked' in admin_client.get(fabric.get_absolute_url()).content
    reconcile(fabric)
    assert fabric.inventory_checked is None


def test_there_is_no_checkpoint_after_something_was_written():
    fabric = at_rest()
    FabricResource.objects.filter(kind='Server', name='server-1').update(missing_since=timezone.now())
    assert reconcile(fabric, only_if_changed=True).changes
    assert not InventoryCheckpoint.objects.exists()
    assert not reconcile(fabric, only_if_changed=True).unchanged_since
    assert reconcile(fabric, only_if_changed=True).unchanged_since


def test_there_is_no_checkpoint_where_it_cannot_be_known():
    fabric = at_rest()
    table = ObjectChange._meta.db_table
    with psycopg.connect(**connection.get_connection_params() | {'cursor_factory': psycopg.Cursor}) as other:
        # As an INSERT does until its commit: the record of somebody else may get a lower ID than one that was seen.
        other.execute(f'LOCK TABLE {table} IN ROW EXCLUSIVE MODE')
        reconcile(fabric)
        assert not InventoryCheckpoint.objects.exists()
    reconcile(fabric)
    assert InventoryCheckpoint.objects.exists()
    other_fabric = Fabric.objects.create(name='dc-2', inventory_site=fabric.inventory_site)
    InventoryRule.objects.create(fabric=other_fabric, name='r', label_selector='row=a', exclude=True)
    reconcile(fabric)
    assert not InventoryCheckpoint.objects.exists()


def test_a_removal_is_due_by_time_alone(monkeypatch):
    monkeypatch.setitem(SETTINGS, 'full_reconcile_interval', 10**9)
    fabric = at_rest(inventory_removal='delete')
    FabricResource.objects.filter(kind='Server', name='server-1').update(missing_since=timezone.now())
    reconcile(fabric, confirmed=True)
    counted = 0
    while not InventoryCheckpoint.objects.exists():
        reconcile(fabric, only_if_changed=True)
        counted += 1
    assert counted == SETTINGS['removal_grace_syncs'] + 1  # each of them counts, so each is full
    checkpoint = InventoryCheckpoint.objects.get()
    stale = InventoryLink.objects.filter(stale_since__isnull=False).order_by('stale_since')
    assert checkpoint.due == stale[0].stale_since + timedelta(hours=SETTINGS['removal_grace_hours'])
    assert is_unchanged(fabric, hours=23)
    assert not is_unchanged(fabric, hours=24)


def test_scheduled_syncs_are_short_and_requested_ones_are_full():
    fabric = fabric_of()

    def since(report: dict[str, Any]) -> Any:
        return report['inventory']['unchanged_since']

    with sync_answer():
        assert [bool(since(execute_fabric_sync(fabric.pk))) for _ in range(3)] == [False, False, True]
        job = FabricSyncJob.request(fabric)
        execute_requested_run(job.pk)
        job.refresh_from_db()
        assert since(job.data) is None
        assert since(execute_fabric_sync(fabric.pk))
    with sync_answer(partial_report):
        assert since(execute_fabric_sync(fabric.pk)) is None


def partial_report(fabric: Fabric) -> Any:
    found = report_of(fabric)
    found.outcome = SyncStatusChoices.PARTIAL
    return found


def test_all_that_a_plan_reads_is_watched():
    """A table that a plan reads belongs to a model with a change log, in an app that counts; or a digest or a trigger
    has it.
    """
    fabric = at_rest(resources='sample')
    Fabric.objects.update(inventory_adoption='serial', inventory_removal='delete', topology_filter='x')
    InventoryRule.objects.create(fabric=fabric, name='r', label_selector='row=a', exclude=True)
    InventoryLink.objects.filter(object_type=ContentType.objects.get_for_model(Device)).delete()
    fabric.refresh_from_db()
    with CaptureQueriesContext(connection) as statements:
        build_plan(fabric, timezone.now())
    read = {table for entry in statements for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', entry['sql'])}
    watched = {
        'django_content_type',  # never changes
        'extras_taggeditem',  # a change of an object's tags is one of the object
        'netbox_hedgehog_inventorylink',  # a trigger
        'netbox_hedgehog_fabricresource', 'netbox_hedgehog_kindsync',  # the digest of the mirror
    }
    for model in apps.get_models(include_auto_created=True):
        owner = getattr(model._meta, 'auto_created', None) or model
        if issubclass(owner, ChangeLoggingMixin) and owner._meta.app_label in APPS:
            watched.add(model._meta.db_table)
    assert {'dcim_device', 'dcim_cabletermination', 'netbox_hedgehog_inventoryrule'} <= read
    assert read - watched == set()


def test_two_modules_that_swap_places_are_found_however_far_apart_these_are():
    """PostgreSQL's hash of jsonb is the same after two values have swapped places that are 32 apart."""
    fabric = at_rest(inventory_scope=[*InventoryScopeChoices.values()])
    modules = {f'E1/{port}': {'vendor': 'V', 'part': 'P', 'serial': f'S{port}'} for port in range(10, 74)}
    swapped = {**modules, 'E1/10': modules['E1/42'], 'E1/42': modules['E1/10']}
    agent = FabricResource.objects.filter(fabric=fabric, kind='Switch').order_by('name')[0]
    digests = set()
    for transceivers in (modules, swapped):
        FabricResource.objects.filter(pk=agent.pk).update(
            kind='Agent', status={'state': {'transceivers': transceivers}},
        )
        digests.add(content_of(fabric))
    assert len(digests) == 2


def test_what_agents_measure_with_each_heartbeat_changes_nothing():
    fabric = at_rest(inventory_scope=[*InventoryScopeChoices.values()])
    agent = FabricResource.objects.filter(fabric=fabric, kind='Switch').order_by('name')[0]

    def content(uptime: str, temp: float, serial: str, odd: Any = None) -> str:
        cage = {'vendor': 'V', 'serial': serial, 'temp': temp, 'voltage': temp, 'channels': {'1': {'out': temp}}}
        state = {'nos': {'uptime': uptime, 'serialNumber': serial}, 'transceivers': {'E1/1': cage, 'E1/2': odd}}
        FabricResource.objects.filter(pk=agent.pk).update(kind='Agent', status={'state': state})
        return content_of(fabric)

    assert content('1 day', 40.5, 'S1') == content('2 days', 41, 'S1')
    assert len({content('1 day', 40, 'S1'), content('1 day', 40, 'S2'), content('1 day', 40, 'S1', 'odd')}) == 3
    for transceivers in ([], 'none', 7, None):
        FabricResource.objects.filter(pk=agent.pk).update(status={'state': {'transceivers': transceivers}})
        assert content_of(fabric)


@pytest.mark.parametrize('log', ['last_change', 'last_link_write'])
def test_a_log_that_begins_again_is_found(log):
    """After TRUNCATE … RESTART IDENTITY or a restored table new rows have lower IDs than the checkpoint knows."""
    fabric = at_rest()
    InventoryCheckpoint.objects.update(**{log: F(log) + 1000})
    assert not is_unchanged(fabric)
    reconcile(fabric)
    assert is_unchanged(fabric)


def test_managed_objects_are_restored_whatever_the_search_path_is():
    """pg_restore and the output of pg_dump set an empty one: a restore of data alone fires the trigger."""
    at_rest()
    before = InventoryLinkWrite.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), set_config('search_path', '', true)")
        schema = cursor.fetchone()[0]
        cursor.execute(f'UPDATE {schema}.netbox_hedgehog_inventorylink SET name = name')
        cursor.execute(f"SELECT set_config('search_path', '{schema}', true)")
    assert InventoryLinkWrite.objects.count() == before + 1


@pytest.mark.xfail(strict=True, reason='until full_reconcile_interval is over')
def test_a_many_to_many_field_that_a_request_changes_later_is_found():
    """NetBox adds it to the entry that the same request has made for the object before: there is no new one."""
    fabric = at_rest()
    interface = Interface.objects.filter(pk__in=InventoryLink.objects.filter(
        fabric=fabric, object_type=ContentType.objects.get_for_model(Interface)).values('object_id'))[0]
    tag, user = Tag.objects.create(name='t', slug='t'), User.objects.create(username='importer')
    with event_tracking(NetBoxFakeRequest({'id': uuid4(), 'user': user, 'META': {}})):
        saved(interface, label='mine')
        while not InventoryCheckpoint.objects.exists() or not is_unchanged(fabric):
            reconcile(fabric)
        interface.tags.add(tag)
    assert not is_unchanged(fabric)


def test_nothing_is_left_of_old_writes_and_of_a_deleted_fabric():
    fabric = at_rest()
    InventoryLinkWrite.objects.update(at=timezone.now() - timedelta(days=3))
    FabricResource.objects.filter(kind='Server', name='server-1').update(missing_since=timezone.now())
    reconcile(fabric)
    assert 0 < InventoryLinkWrite.objects.count() < 10
    reconcile(fabric)
    assert InventoryCheckpoint.objects.exists()
    fabric.delete()
    assert not InventoryCheckpoint.objects.exists()
