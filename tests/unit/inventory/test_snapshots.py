"""What tests begin with is the same, whether it was built or copied: tests/support/snapshots.py."""

import pytest
from dcim.models import Device, Site
from django.db import transaction
from users.models import User

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models.checkpoint import InventoryLinkWrite

from ...support import snapshots
from ...support.inventory import synced
from ...support.mirror_contents import dump

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_remembered(monkeypatch):
    monkeypatch.setattr(snapshots, '_snapshots', {})


def taken_back(look):
    """What a function returns, whose writing is taken back."""
    with transaction.atomic():
        found = look()
        transaction.set_rollback(True)
    return found


def everything():
    """All rows but those that a trigger adds for each statement that writes managed objects: a copy is one more."""
    synced()
    return sorted(row for row in dump() if row[0] != InventoryLinkWrite._meta.db_table)


def test_a_copy_is_what_was_built():
    built, copied = (taken_back(everything) for _ in range(2))
    assert snapshots._snapshots
    assert built == copied
    assert not reconcile(synced()).changes


def test_settings_and_resources_have_copies_of_their_own():
    def policy(name):
        return taken_back(lambda: synced(inventory_removal=name).inventory_removal)

    assert [policy(name) for name in ('mark', 'delete', 'mark', 'delete')] == ['mark', 'delete', 'mark', 'delete']


def test_what_a_test_has_written_before_is_built_upon():
    taken_back(synced)
    site = Site.objects.create(name='DC', slug='dc')
    synced()
    assert {device.site for device in Device.objects.all()} == {site}


def test_users_of_a_test_stay_beside_a_copy():
    taken_back(synced)
    User.objects.create_user('somebody')
    synced()
    assert set(User.objects.values_list('username', flat=True)) == {'somebody', 'hedgehog'}
    assert Device.objects.count() == 4
