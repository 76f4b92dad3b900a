"""The migrations say what the models say."""

from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

from netbox_hedgehog import migrations


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


def test_one_model_serves_every_kind() -> None:
    # The earlier plugin had a model for each of 12 kinds, and 56 migrations for them.
    names = {model.__name__ for model in apps.get_app_config('netbox_hedgehog').get_models()}
    assert names == {
        'Discrepancy', 'Fabric', 'FabricCondition', 'FabricEvent', 'FabricResource', 'InventoryLink', 'KindReading', 'SwitchHealth',
    }
