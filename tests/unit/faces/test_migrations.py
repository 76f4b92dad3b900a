"""The migrations say what the models say."""

from io import StringIO

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    out = StringIO()
    try:
        call_command('makemigrations', 'netbox_hedgehog', check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(f'makemigrations would write:\n{out.getvalue()}')
