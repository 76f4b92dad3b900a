"""Two fabrics that are carried at the very same moment, each in a transaction of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from dcim.models import Cable, Device, DeviceRole, DeviceType, Manufacturer, Platform, Site
from django.db import DatabaseError, connection, connections
from ipam.models import ASN, RIR, VRF, Prefix

from netbox_hedgehog.inventory import reconcile as reconciling
from netbox_hedgehog.inventory.applying.transaction import inventory_user
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.inventory import fabric_of

SHARED = {Manufacturer: 'slug', DeviceType: 'slug', DeviceRole: 'slug', Platform: 'slug', RIR: 'slug', ASN: 'asn'}


@pytest.fixture
def database(services, django_db_blocker) -> Iterator[None]:
    """A database without a test's transaction around it, so that what one thread commits is there for the others."""
    name = services.new_database('hedgehog_at_once').rsplit('/', 1)[-1]
    settings = connections.settings['default']
    before = settings['NAME']
    connection.close()
    settings['NAME'] = connection.settings_dict['NAME'] = name
    with django_db_blocker.unblock():
        yield
        connection.close()
    settings['NAME'] = connection.settings_dict['NAME'] = before


def together(monkeypatch, fabrics: list[Fabric]) -> list[Exception]:
    """Reconcile them so that all have planned before any has written. Returns what was raised."""
    planned, build_plan = Barrier(len(fabrics), timeout=60), reconciling.build_plan

    def build_plan_and_wait(fabric, now):
        context = build_plan(fabric, now)
        planned.wait()
        return context

    def run(fabric):
        try:
            reconcile(fabric)
        except DatabaseError as error:
            return error
        finally:
            connection.close()

    with monkeypatch.context() as patch, ThreadPoolExecutor(len(fabrics)) as pool:
        patch.setattr(reconciling, 'build_plan', build_plan_and_wait)
        return [error for error in pool.map(run, fabrics) if error is not None]


def test_what_both_want_is_made_once_and_nothing_of_either_is_lost(database, monkeypatch):
    inventory_user()
    sites = [Site.objects.create(name=name, slug=name) for name in ('east', 'west')]
    fabrics = [fabric_of('every-member', name=site.name, inventory_site=site) for site in sites]
    errors = together(monkeypatch, fabrics)
    # Neither waits for the other in a circle: what both want is made in the same order.
    assert not errors
    for fabric in fabrics:
        fabric.refresh_from_db()
        assert fabric.inventory_error == ''
        assert reconcile(fabric).changes == 0
    for model, field in SHARED.items():
        values = list(model.objects.values_list(field, flat=True))
        assert values
        assert len(values) == len(set(values)), model
    east, west = (
        InventoryLink.objects.filter(fabric=fabric, shared=False).values_list('object_type', 'object_id')
        for fabric in fabrics
    )
    assert not set(east) & set(west)
    one, other = ({link.key for link in InventoryLink.objects.filter(fabric=fabric)} for fabric in fabrics)
    assert one == other
    for model in (Device, Cable, VRF, Prefix):
        held = InventoryLink.objects.filter(object_type__model=model._meta.model_name)
        assert {link.object_id for link in held} == set(model.objects.values_list('pk', flat=True))
    conflicts = Discrepancy.objects.filter(type='conflict')
    assert not conflicts, [row.sentence for row in conflicts]


def test_two_fabrics_that_want_the_same_names_at_the_same_site(database, monkeypatch):
    inventory_user()
    fabrics = [fabric_of(name=name) for name in ('east', 'west')]
    assert not together(monkeypatch, fabrics)
    # Who was first has the devices; the other says so, and takes nothing.
    for fabric in fabrics:
        fabric.refresh_from_db()
        assert reconcile(fabric).changes == 0
    names = list(Device.objects.values_list('name', flat=True))
    assert len(names) == len(set(names)) > 0
    held = InventoryLink.objects.filter(object_type__model='device', shared=False)
    assert sorted(link.object_id for link in held) == sorted(Device.objects.values_list('pk', flat=True))
    assert len({link.fabric_id for link in held}) == 1
    loser = next(fabric for fabric in fabrics if fabric.pk != held[0].fabric_id)
    assert f'is managed by fabric {held[0].fabric.name}' in ' '.join(
        Discrepancy.objects.filter(fabric=loser, type='conflict').values_list('sentence', flat=True)
    )
