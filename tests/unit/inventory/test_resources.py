"""What the mappers get out of the database is what the API sent, as far as they ask for it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.resources import KINDS, resources_of
from netbox_hedgehog.models import Fabric, FabricResource

from ...support.mirror_contents import expected
from ...support.rendering import OPTIONS
from ...support.resources import load
from ...support.samples import samples, text

pytestmark = pytest.mark.django_db


def mirror(fabric: Fabric, **changes: object) -> None:
    now = timezone.now()
    FabricResource.objects.bulk_create(
        FabricResource(fabric=fabric, **expected(item), first_seen=now, last_read=now, changed=now, **changes)
        for item in samples()
    )


@pytest.fixture
def fabric() -> Fabric:
    fabric = Fabric.objects.create(name='dc-1')
    mirror(fabric)
    return fabric


def test_the_mirror_is_mapped_as_the_cluster_is(fabric):
    mirror(Fabric.objects.create(name='dc-2'))
    found = desired(resources_of(fabric), OPTIONS['sample'])
    as_sent = desired(load('sample'), OPTIONS['sample'])
    assert list(found.objects.items()) == list(as_sent.objects.items())
    assert found.issues == as_sent.issues


def test_one_statement_reads_what_mappers_ask_for_and_nothing_else(fabric):
    with CaptureQueriesContext(connection) as statements:
        found = list(resources_of(fabric))
    assert len(statements) == 1
    assert {resource.kind for resource in found} == set(KINDS) & {item['kind'] for item in samples()}
    assert 'heartbeat' not in text([resource.status for resource in found]).lower()


def test_what_is_missing_from_the_fabric_is_not_there(fabric):
    FabricResource.objects.filter(kind='Server').update(missing_since=timezone.now())
    assert 'Server' not in {resource.kind for resource in resources_of(fabric)}
    assert 'Switch' in {resource.kind for resource in resources_of(fabric)}
