"""A run of the inventory: what it writes, and that it writes nothing more."""

import pytest
from dcim.models import Device, DeviceRole
from django.db import connection
from django.test.utils import CaptureQueriesContext

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Discrepancy

from ...support.inventory import fabric_of, synced

pytestmark = pytest.mark.django_db


def writes(queries: CaptureQueriesContext) -> list[str]:
    """The statements that write, but for the fabric's own bookkeeping."""
    return [
        query['sql'][:150] for query in queries.captured_queries
        if query['sql'].lstrip().split()[0] in ('INSERT', 'UPDATE', 'DELETE')
        and not query['sql'].startswith('UPDATE "netbox_hedgehog_fabric"')
        and 'SET "last_seen"' not in query['sql']
    ]


@pytest.mark.parametrize('name', ['small', 'sample', 'every-member'])
def test_the_second_sync_writes_nothing(name):
    fabric = fabric_of(name)
    assert reconcile(fabric).changes
    with CaptureQueriesContext(connection) as queries:
        again = reconcile(fabric)
    assert again.changes == 0
    # But for what it compared, so that the next one need not.
    assert [sql for sql in writes(queries) if 'inventorycheckpoint' not in sql] == []


@pytest.mark.parametrize(('slugs', 'words'), [
    (('twice', 'twice'), 'Several device roles have the slug twice'),
    (('other',), 'No device role has the slug twice'),
])
def test_a_role_that_cannot_be_told_is_told_and_not_guessed(slugs, words):
    """In NetBox a slug is unique only among the children of one role."""
    parent = None
    for slug in slugs:
        parent = DeviceRole.objects.create(name=f'Role {slug}', slug=slug, parent=parent)
    fabric = synced('sample', inventory_roles={'server-leaf': 'twice'})
    told = Discrepancy.objects.get(fabric=fabric, name='server-leaf')
    assert (told.type, told.scope) == ('unmatched', 'devices')
    assert words in told.sentence
    assert Device.objects.get(name='leaf-01').role.slug == 'server-leaf'
    # over with the next run, once somebody has said which is meant
    DeviceRole.objects.filter(pk=parent.pk).update(slug='mine')
    fabric.inventory_roles = {'server-leaf': 'mine'}
    fabric.save()
    reconcile(fabric)
    assert not Discrepancy.objects.filter(fabric=fabric, name='server-leaf').exists()
