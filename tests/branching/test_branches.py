"""What becomes of fabrics, and of the objects that they have made, when branches are synced, merged and reverted."""

import pytest
from core.models import ObjectType
from dcim.models import Cable, CableTermination, Device, Interface, MACAddress, Site
from django.apps import apps
from django.db import connection, models
from django.db.models import ProtectedError
from django.db.models.deletion import PROTECT
from ipam.models import ASN, VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from netbox_branching.models import ChangeDiff
from netbox_branching.utilities import activate_branch, supports_branching
from vpn.models import L2VPN, L2VPNTermination

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.jobs.queue import connection as redis
from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, schedule_id
from netbox_hedgehog.models import Discrepancy, Fabric, FabricEvent, FabricResource, InventoryLink

from ..support.inventory import grace_is_over, mirror
from ..support.pages import OTHER_TOKEN
from ..support.resources import make, small
from .world import api_client, everything, merge, new_branch, new_fabric, new_site, revert, sync

OURS = list(apps.get_app_config('netbox_hedgehog').get_models())

# All that an inventory writes.
WRITTEN = (
    Device, Interface, Cable, CableTermination, MACAddress, VRF, Prefix, IPAddress, IPRange, VLANGroup, VLAN, ASN, L2VPN,
    L2VPNTermination,
)

# When a row was written; and the traced path of a cable, which NetBox Branching does not trace when it syncs a branch.
NOT_COMPARED = ('created', 'last_updated', '_path_id')


def objects() -> dict[str, list]:
    """What is there of WRITTEN in the active branch, or in main."""
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in NOT_COMPARED}
            for row in model.objects.order_by('pk').values()
        ]
        for model in WRITTEN
    }


def differences(branch):
    """What is not in a branch as it is in main: model, ID and field."""
    with activate_branch(branch):
        in_branch = objects()
    found = []
    for model, rows in objects().items():
        main, theirs = ({row['id']: row for row in side} for side in (rows, in_branch[model]))
        found += [(model, pk, 'row') for pk in main.keys() ^ theirs.keys()]
        for pk in main.keys() & theirs.keys():
            found += [(model, pk, name, value, theirs[pk][name]) for name, value in main[pk].items() if theirs[pk][name] != value]
    return found


@pytest.fixture
def edit(user):
    """Change a device in a branch, as somebody does there."""
    def change(branch, device, **values):
        response = api_client(user, branch).patch(f'/api/dcim/devices/{device.pk}/', values, format='json')
        assert response.status_code == 200, response.content
    return change


def other(resources, kind, name, **spec):
    """Resources, one of which has other values in its spec."""
    return [
        make(kind, name, **{**each.spec, **spec}) if (each.kind, each.name) == (kind, name) else each
        for each in resources
    ]


def test_no_branch_has_a_table_of_the_plugin(user, branch):
    assert not any(supports_branching(model) for model in OURS)
    assert not ObjectType.objects.filter(app_label='netbox_hedgehog', features__contains=['branching']).exists()
    with connection.cursor() as cursor:
        cursor.execute('SELECT tablename FROM pg_tables WHERE schemaname = %s', [branch.schema_name])
        tables = {name for name, in cursor.fetchall()}
    assert 'dcim_device' in tables
    assert not {name for name in tables if 'hedgehog' in name}


def test_nothing_of_a_branch_can_change_a_fabric_through_its_foreign_keys():
    """A branch's connection finds main's tables where it has none of its own: an UPDATE of a cascade would, too."""
    for model in OURS:
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and supports_branching(field.related_model):
                assert field.remote_field.on_delete is PROTECT, field


def test_a_site_of_a_fabric_cannot_be_deleted_in_a_branch(user, fabric, branch):
    with activate_branch(branch), pytest.raises(ProtectedError):
        Site.objects.get(pk=fabric.inventory_site_id).delete()
    assert Fabric.objects.get(pk=fabric.pk).inventory_site is not None


def test_what_a_sync_writes_in_main_comes_into_a_branch(user):
    """Created, changed and deleted: the change log of bulk writes is all that a branch is synced from."""
    site = new_site()
    branch = new_branch(user)
    fabric = new_fabric(site, inventory_removal='delete')
    sync(branch, user)
    assert differences(branch) == []
    gone = ('server-1', 'server-1--unbundled--leaf-1', 'vpc-1--server-1')
    left = [each for each in small() if each.name not in gone]
    mirror(fabric, [make('Server', 'server-3'), *other(left, 'Switch', 'leaf-1', boot={'serial': 'S-NEW'})])
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    assert reconcile(fabric, confirmed=True).counts['delete']
    sync(branch, user)
    assert differences(branch) == []
    branch.delete()
    fabric.delete()


def test_a_conflict_with_what_a_sync_writes_is_shown(user, edit):
    fabric = new_fabric()
    branch = new_branch(user)
    device = Device.objects.get(name=f'{fabric.name}-leaf-1')
    edit(branch, device, serial='IN-BRANCH')
    mirror(fabric, other(small(), 'Switch', 'leaf-1', boot={'serial': 'IN-MAIN'}))
    reconcile(fabric)
    assert Device.objects.get(pk=device.pk).serial == 'IN-MAIN'
    diff = ChangeDiff.objects.get(branch=branch, object_id=device.pk)
    assert (diff.current['serial'], diff.conflicts) == ('IN-MAIN', ['serial'])
    branch.delete()
    fabric.delete()


def test_a_history_of_branches_leaves_a_fabric_its_secrets_and_its_schedule(user, edit):
    """Edited in main, and its objects in branches, which are synced, merged and reverted, by both strategies."""
    fabric = new_fabric()
    device = Device.objects.get(name=f'{fabric.name}-leaf-1')
    for strategy in ('iterative', 'squash'):
        branch = new_branch(user, merge_strategy=strategy)
        edit(branch, device, comments=f'from {strategy}')
        fabric = Fabric.objects.get(pk=fabric.pk)
        fabric.snapshot()
        fabric.sync_interval, fabric.kubernetes_token = 90, OTHER_TOKEN
        fabric.save()
        before = everything()
        sync(branch, user)
        merge(branch, user)
        assert Device.objects.get(pk=device.pk).comments == f'from {strategy}'
        revert(branch, user)
        assert Device.objects.get(pk=device.pk).comments == ''
        after = everything()
        for name in ('Fabric', 'FabricResource', 'InventoryLink', 'Discrepancy', 'FabricEvent', 'FabricCondition'):
            assert after[name] == before[name], name
        assert Fabric.objects.get(pk=fabric.pk).credentials().token == OTHER_TOKEN
        assert redis().zscore(SCHEDULED_JOBS, schedule_id(fabric.pk))
        branch.delete()
    fabric.delete()


def test_a_device_that_was_deleted_in_a_branch_is_left_to_the_sync_after_the_merge(user):
    fabric = new_fabric()
    branch = new_branch(user)
    device = Device.objects.get(name=f'{fabric.name}-server-1')
    client = api_client(user, branch)
    assert client.delete(f'/api/dcim/devices/{device.pk}/').status_code == 204
    before = InventoryLink.objects.filter(fabric=fabric).count()
    assert reconcile(fabric).changes == 0
    assert InventoryLink.objects.filter(fabric=fabric).count() == before
    merge(branch, user)
    assert not Device.objects.filter(pk=device.pk).exists()
    reconcile(fabric)
    assert Discrepancy.objects.filter(fabric=fabric, type='deleted', name='server-1').exists()
    revert(branch, user)
    assert Device.objects.get(pk=device.pk).name == device.name
    reconcile(fabric)
    assert not Discrepancy.objects.filter(fabric=fabric).exists()
    branch.delete()
    fabric.delete()


def test_a_fabric_deleted_in_main_is_gone_in_its_branches_and_stays_gone(user, edit):
    fabric = new_fabric()
    branch = new_branch(user)
    edit(branch, Device.objects.get(name=f'{fabric.name}-leaf-1'), comments='planned')
    pk = fabric.pk
    fabric.delete()
    assert api_client(user, branch).get(f'/api/plugins/hedgehog/fabrics/{pk}/').status_code == 404
    sync(branch, user)
    merge(branch, user)
    revert(branch, user)
    for model in (FabricResource, InventoryLink, Discrepancy, FabricEvent):
        assert not model.objects.filter(fabric_id=pk).exists(), model
    assert not Fabric.objects.filter(pk=pk).exists()
    assert redis().zscore(SCHEDULED_JOBS, schedule_id(pk)) is None
    branch.delete()


def test_a_branch_that_is_older_than_the_plugin_is_migrated(user):
    branch = new_branch(user)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {branch.schema_name}.django_migrations WHERE app = 'netbox_hedgehog'")
    assert [name for app, name in branch.pending_migrations if app == 'netbox_hedgehog']
    branch.migrate(user)
    branch.refresh_from_db()
    assert branch.status == 'ready'
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename LIKE '%%hedgehog%%'", [branch.schema_name])
        assert cursor.fetchone() == (0,)
    branch.delete()
