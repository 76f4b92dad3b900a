"""A wrong sync can be undone: by the next correct sync, by the change log, and never by nothing."""

from collections import Counter

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import Cable, Device, Interface
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from ipam.models import VLAN, VRF, IPAddress, IPRange, Prefix
from users.models import User
from vpn.models import L2VPN

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Fabric

from ..support.inventory import fabric_of, grace_is_over, mirror
from ..support.resources import make, small

MODELS = (Device, Interface, Cable, VRF, Prefix, VLAN, IPAddress, IPRange, L2VPN)
TIMES = ('created', 'last_updated')


def state() -> dict[tuple[str, int], dict]:
    """NetBox's objects, field by field, without the times at which they were written."""
    return {
        (model._meta.label_lower, instance.pk): {
            name: value for name, value in instance.serialize_object().items() if name not in TIMES
        }
        for model in MODELS for instance in model.objects.all()
    }


def wrong() -> list:
    """What a control node tells after a bad restore: one server less, and others' values for a switch and a subnet."""
    found = [item for item in small() if 'server-1' not in item.name]
    for number, item in enumerate(found):
        if (item.kind, item.name) == ('Switch', 'leaf-1'):
            found[number] = make('Switch', 'leaf-1', **{**item.spec, 'boot': {'serial': 'WRONG'}, 'ip': '172.30.0.99/21'})
        elif item.kind == 'VPC':
            subnets = {'web': {**item.spec['subnets']['web'], 'vlan': 1500, 'gateway': '10.0.1.254'}}
            found[number] = make('VPC', item.name, **{**item.spec, 'subnets': subnets})
    return found


@pytest.fixture
def fabric(db) -> Fabric:
    fabric = fabric_of()
    reconcile(fabric)
    # What people have added to what the plugin has made.
    Device.objects.filter(name='leaf-1').update(comments='Rack key at the desk', asset_tag='A-1')
    return fabric


def test_the_next_correct_sync_undoes_a_wrong_one(fabric: Fabric) -> None:
    before = state()
    mirror(fabric, wrong())
    assert reconcile(fabric).changes
    assert state() != before
    mirror(fabric, small())
    reconcile(fabric)
    after = state()
    for key, fields in before.items():
        assert after.get(key) == fields, key
    assert reconcile(fabric).changes == 0


def test_what_was_removed_meanwhile_is_made_again_without_what_people_had_added(fabric: Fabric) -> None:
    """Only after the grace, and only where the fabric says *delete*; the change log holds what was on it."""
    Fabric.objects.filter(pk=fabric.pk).update(inventory_removal='delete')
    fabric.refresh_from_db()
    Device.objects.filter(name='server-1').update(comments='By hand')
    old = Device.objects.get(name='server-1').pk
    mirror(fabric, [item for item in small() if 'server-1' not in item.name])
    reconcile(fabric)
    assert Device.objects.filter(name='server-1').exists()
    grace_is_over(fabric)
    reconcile(fabric)
    assert not Device.objects.filter(name='server-1').exists()
    mirror(fabric, small())
    reconcile(fabric)
    again = Device.objects.get(name='server-1')
    assert (again.pk == old, again.comments) == (False, '')
    gone = ObjectChange.objects.get(changed_object_type=ObjectType.objects.get_for_model(Device), changed_object_id=old,
                                    action='delete')
    assert gone.prechange_data['comments'] == 'By hand'


def test_the_change_log_holds_what_a_wrong_sync_has_overwritten(fabric: Fabric) -> None:
    """Each field of each object that it changed, before and after, under one request and one name."""
    before = state()
    mirror(fabric, wrong())
    report = reconcile(fabric)
    changes = {
        (f'{change.changed_object_type.app_label}.{change.changed_object_type.model}', change.changed_object_id): change
        for change in ObjectChange.objects.filter(request_id=report.request_id).order_by('-pk')
    }
    assert {change.user for change in changes.values()} == {User.objects.get(username='hedgehog')}
    counted = Counter()
    for key, fields in state().items():
        if key not in before:
            assert changes[key].action == 'create', key
            continue
        differs = [name for name, value in fields.items() if before[key].get(name) != value]
        for name in differs:
            assert changes[key].prechange_data[name] == before[key][name], (key, name)
            assert changes[key].postchange_data[name] == fields[name], (key, name)
            counted[name] += 1
    assert counted['serial'] == 1
    assert counted['status'] >= 1
    for key in before.keys() - state().keys():
        assert changes[key].action == 'delete', key
        assert changes[key].prechange_data


def test_a_sync_that_lost_most_of_a_fabric_removes_nothing(fabric: Fabric) -> None:
    mirror(fabric, [item for item in small() if item.kind not in ('Server', 'Connection', 'VPC', 'VPCAttachment')])
    before = state()
    report = reconcile(fabric)
    assert report.requires_confirmation
    after = state()
    assert before.keys() <= after.keys()
    assert [key for key, fields in before.items() if fields.get('status') != after[key].get('status')] == []
    mirror(fabric, small())
    reconcile(fabric)
    assert state() == before


# Migrations. Tables of a hundred thousand rows, which web and workers use while a release is rolled out.

LARGE = ('fabricresource', 'inventorylink', 'discrepancy')


def long_locks(migration: migrations.Migration) -> list[str]:
    """The operations of a migration that would hold up readers or writers of a large table."""
    found = []
    for operation in migration.operations:
        model = getattr(operation, 'model_name_lower', '') or getattr(operation, 'model_name', '').lower()
        what = type(operation).__name__
        if isinstance(operation, (migrations.RunPython, migrations.RunSQL)) and migration.atomic:
            found.append(f'{what} in one transaction: batches in a migration with atomic = False')
        if model not in LARGE:
            continue
        if what == 'AddIndex':
            found.append(f'AddIndex on {model}: AddIndexConcurrently')
        elif what == 'RemoveIndex':
            found.append(f'RemoveIndex on {model}: RemoveIndexConcurrently')
        elif what == 'AddConstraint':
            found.append(f'AddConstraint on {model}: AddConstraintNotValid, and ValidateConstraint after it')
        elif what == 'AlterField':
            found.append(f'AlterField on {model}: a new column, filled in batches')
        elif what == 'AddField' and not (operation.field.null or operation.field.has_db_default()):
            found.append(f'AddField on {model}: null, or db_default')
    return found


def test_migrations_take_no_long_locks() -> None:
    """The first one makes empty tables; of all that follow each operation is looked at."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    plugin = {name: migration for (app, name), migration in loader.disk_migrations.items() if app == 'netbox_hedgehog'}
    assert '0001_initial' in plugin
    for name, migration in plugin.items():
        if name != '0001_initial':
            assert long_locks(migration) == [], name


def test_what_would_take_a_long_lock_is_found() -> None:
    class Bad(migrations.Migration):
        operations = [
            migrations.AddIndex('fabricresource', models.Index(fields=['uid'], name='x')),
            migrations.AlterField('fabricresource', 'uid', models.CharField(max_length=70)),
            migrations.AddField('inventorylink', 'note', models.TextField(default='')),
            migrations.AddConstraint('discrepancy', models.UniqueConstraint(fields=['name'], name='y')),
            migrations.RunPython(migrations.RunPython.noop),
        ]

    class Good(migrations.Migration):
        atomic = False
        operations = [
            migrations.AddField('inventorylink', 'note', models.TextField(null=True)),
            migrations.AddField('inventorylink', 'other', models.TextField(db_default='')),
            migrations.AddField('fabric', 'other', models.TextField(default='')),
            migrations.RunPython(migrations.RunPython.noop),
        ]

    assert len(long_locks(Bad('0002_bad', 'netbox_hedgehog'))) == 5
    assert long_locks(Good('0002_good', 'netbox_hedgehog')) == []
