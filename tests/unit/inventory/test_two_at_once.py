"""Two fabrics that are carried at the very same moment, each in a transaction of its own."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Barrier, Condition, get_ident

import pytest
from dcim.models import Cable, Device, DeviceRole, DeviceType, Interface, Manufacturer, Platform, Site
from django.db import DatabaseError, connection, connections, transaction
from ipam.models import ASN, RIR, VRF, Prefix

from netbox_hedgehog.inventory import reconcile as reconciling
from netbox_hedgehog.inventory.applying.transaction import inventory_user
from netbox_hedgehog.inventory.disable import disable_inventory
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.inventory import fabric_of, mirror
from ...support.machines import plane
from ...support.resources import make
from .test_ownership import device_of_the_operator

# Each has a database of its own, and waits for locks.
pytestmark = pytest.mark.system

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

    def build_plan_and_wait(*arguments):
        context = build_plan(*arguments)
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
    assert 'is managed by another fabric' in ' '.join(
        Discrepancy.objects.filter(fabric=loser, type='conflict').values_list('sentence', flat=True)
    )


def test_two_fabrics_that_create_the_same_servers_at_the_same_moment_share_them(database, monkeypatch):
    inventory_user()
    fabrics = [fabric_of(plane(name, range(1, 9)), name=name) for name in ('east', 'west')]
    assert not together(monkeypatch, fabrics)
    assert not Discrepancy.objects.exists()
    names = list(Device.objects.values_list('name', flat=True))
    assert sorted(names) == sorted({*names, 'east-leaf', 'west-leaf', *(f'node-{number}' for number in range(1, 9))})
    for fabric in fabrics:
        fabric.refresh_from_db()
        assert fabric.inventory_error == ''
        assert reconcile(fabric).changes == 0
    assert Cable.objects.count() == 24
    assert InventoryLink.objects.filter(object_type__model='device', shared=True).count() == 8


# What fabrics share, while both write


def in_thread(act: Callable[[], object]) -> object:
    try:
        return act()
    finally:
        connection.close()


def somebody_waits() -> bool:
    """Whether another transaction waits for a lock of this one."""
    with connection.cursor() as cursor:
        cursor.execute('SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))')
        return cursor.fetchone() is not None


def overlapping(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Commit the first only when the second is done, or waits for it."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            running: Future = pool.submit(in_thread, second)
            while not wait([running], timeout=0.01).done and not somebody_waits():
                pass
        running.result()


def meeting_at(statement: str, acts: list[Callable[[], object]], time: int = 1) -> None:
    """Let all be at such a statement, for the first or a later time, before one executes it.

    Those that wait for the lock of another are not waited for.
    """
    changed, arrived = Condition(), Counter()

    def meet(execute, sql, params, many, context):
        if isinstance(sql, str) and sql.startswith(statement):
            with changed:
                arrived[get_ident()] += 1
                changed.notify_all()
                while arrived[get_ident()] == time and not all_there() and not somebody_waits():
                    changed.wait(0.01)
        return execute(sql, params, many, context)

    def all_there() -> bool:
        return sum(count >= time for count in arrived.values()) == len(acts)

    def run(act):
        try:
            with connection.execute_wrapper(meet):
                return act()
        finally:
            arrived[get_ident()] += time  # nobody waits for one that has ended

    with ThreadPoolExecutor(len(acts)) as pool:
        for running in [pool.submit(in_thread, partial(run, act)) for act in acts]:
            running.result()


def pair(*servers: int, **settings) -> list[Fabric]:
    """Two fabrics with the same servers, which the first one manages."""
    inventory_user()
    fabrics = [fabric_of(plane(name, servers), name=name, **settings) for name in ('east', 'west')]
    for fabric in fabrics:
        reconcile(fabric)
    return fabrics


def managers(name: str) -> list[str]:
    links = InventoryLink.objects.filter(object_type__model='device', shared=False)
    return list(links.filter(object_id=Device.objects.get(name=name).pk).values_list('fabric__name', flat=True))


def sync(*fabrics: Fabric) -> None:
    for fabric in fabrics:
        fabric.refresh_from_db()
        reconcile(fabric, confirmed=True)
        assert fabric.inventory_error == ''


def test_a_server_that_both_lose_at_the_same_moment_is_stale(database, monkeypatch):
    east, west = pair(1)
    for fabric in (east, west):
        mirror(fabric, plane(fabric.name, []))
    assert not together(monkeypatch, [east, west])
    sync(east, west)
    assert len(managers('node-1')) == 1
    assert Device.objects.get(name='node-1').status == 'decommissioning'
    assert InventoryLink.objects.filter(object_type__model='device', name='node-1').count() == 1


def test_one_loses_a_server_while_the_other_disables_its_inventory(database):
    east, west = pair(1)
    mirror(west, plane('west', []))
    overlapping(lambda: disable_inventory(east), lambda: reconcile(west))
    sync(west)
    assert managers('node-1') == ['west']
    assert Device.objects.get(name='node-1').status == 'decommissioning'


def test_a_fabric_begins_to_share_while_the_manager_disables_its_inventory(database):
    east, west = pair(1)
    disable_inventory(west)
    Fabric.objects.filter(pk=west.pk).update(inventory_enabled=True, inventory_adoption='name')
    west.refresh_from_db()
    overlapping(lambda: disable_inventory(east), lambda: reconcile(west))
    sync(west)
    assert managers('node-1') == ['west']
    assert not Discrepancy.objects.exists()


def test_the_manager_disables_its_inventory_while_a_fabric_begins_to_share(database):
    inventory_user()
    east, west = (fabric_of(plane(name, [1]), name=name) for name in ('east', 'west'))
    reconcile(east)
    overlapping(lambda: reconcile(west), lambda: disable_inventory(east))
    assert managers('node-1') == ['west']
    sync(west)
    assert not Discrepancy.objects.exists()


def test_two_fabrics_that_manage_what_the_other_shares_end_at_the_same_moment(database):
    """Each manages one server and shares the other's: neither waits for the other in a circle."""
    inventory_user()
    east, west = fabric_of(plane('east', [1]), name='east'), fabric_of(plane('west', [3]), name='west')
    sync(east, west)
    for fabric in (east, west):
        mirror(fabric, plane(fabric.name, [1, 3]))
    sync(east, west)
    assert (managers('node-1'), managers('node-3')) == (['east'], ['west'])
    meeting_at('DELETE FROM "netbox_hedgehog_inventorylink"', [
        lambda: disable_inventory(east), lambda: disable_inventory(west),
    ])
    assert not InventoryLink.objects.exists()


def test_two_fabrics_that_connect_the_same_servers_at_the_same_moment(database):
    """NetBox counts the ports of a device in its row: both write the rows of both servers, in orders of their own."""
    east, west = pair(1, 2, 3)
    for fabric, ports in ((east, (1, 2, 1)), (west, (0, 1, 2))):
        resources = plane(fabric.name, [1, 2, 3])
        for server, count in enumerate(ports, 1):
            resources += [_connection(fabric.name, server, port) for port in range(count)]
        mirror(fabric, resources)
    meeting_at('UPDATE "dcim_device" SET "interface_count"', [lambda: reconcile(east), lambda: reconcile(west)], time=2)
    sync(east, west)
    counts = {device.name: device.interface_count for device in Device.objects.filter(name__startswith='node')}
    assert counts == {'node-1': 3, 'node-2': 9, 'node-3': 5}


def _connection(fabric: str, server: int, port: int) -> Resource:
    return make('Connection', f'more-{server}-{port}', unbundled={'link': {
        'server': {'port': f'node-{server}/{fabric}-more{port}'},
        'switch': {'port': f'{fabric}-leaf/E1/{20 + 2 * server + port}'},
    }})


def test_two_fabrics_adopt_one_device_at_the_same_moment(database, monkeypatch):
    inventory_user()
    fabrics = [fabric_of(plane(name, [1]), name=name, inventory_adoption='name') for name in ('east', 'west')]
    device = device_of_the_operator('node-1')
    Interface.objects.create(device=device, name='west0', type='other')
    assert not together(monkeypatch, fabrics)
    sync(*fabrics)
    assert len(managers('node-1')) == 1
    assert set(device.interfaces.values_list('name', flat=True)) == {'east0', 'west0'}
    assert not Discrepancy.objects.filter(type='conflict').exists()
    assert not any(plan(fabric).actions for fabric in fabrics)


def test_two_fabrics_adopt_one_switch_at_the_same_moment(database, monkeypatch):
    """A switch belongs to one fabric: the other one says so, and syncs everything else."""
    inventory_user()
    device_of_the_operator('leaf-1')
    fabrics = [fabric_of(name=name, inventory_adoption='name') for name in ('east', 'west')]
    assert not together(monkeypatch, fabrics)
    sync(*fabrics)
    assert len(managers('leaf-1')) == 1
    rows = Discrepancy.objects.filter(type='conflict', key='device/switch/leaf-1')
    assert len(rows) == 1
