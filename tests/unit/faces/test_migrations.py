"""The migrations say what the models say."""

from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from netbox_hedgehog import HedgehogPluginConfig, migrations

# The newest migration of each of NetBox's apps in the oldest NetBox that the plugin claims to work with.
OLDEST = '4.7.0'
NEWEST = {
    'circuits': 60, 'core': 26, 'dcim': 250, 'extras': 144, 'ipam': 97, 'tenancy': 26, 'users': 16, 'virtualization': 60,
    'vpn': 13, 'wireless': 23,
}


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    out = StringIO()
    try:
        call_command('makemigrations', 'netbox_hedgehog', check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(f'makemigrations would write:\n{out.getvalue()}')


def test_there_is_one_file_until_1_0() -> None:
    folder = Path(migrations.__file__).parent
    assert [path.name for path in folder.glob('[0-9]*.py')] == ['0001_initial.py']


def test_they_need_nothing_that_the_oldest_netbox_lacks() -> None:
    """makemigrations names the newest of those that are installed: where this fails, put NetBox 4.7.0's in their place."""
    assert HedgehogPluginConfig.min_version == OLDEST
    needed = {
        dependency for (app, _), migration in MigrationLoader(None).disk_migrations.items() if app == 'netbox_hedgehog'
        for dependency in migration.dependencies
    }
    assert {'dcim', 'extras', 'tenancy', 'users'} <= {app for app, _ in needed}
    assert [(app, name) for app, name in sorted(needed) if app in NEWEST and int(name[:4]) > NEWEST[app]] == []


def test_one_model_serves_every_kind() -> None:
    # The earlier plugin had a model for each of 12 kinds, and 56 migrations for them.
    names = {model.__name__ for model in apps.get_app_config('netbox_hedgehog').get_models()}
    assert names == {
        'CablingCheck', 'Discrepancy', 'Fabric', 'FabricCondition', 'FabricEvent', 'FabricResource',
        'InventoryCheckpoint', 'InventoryLink', 'InventoryLinkWrite', 'InventoryRule', 'KindSync', 'SwitchHealth',
    }
