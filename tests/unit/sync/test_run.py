"""A fabric is read into the database: whole, partly, or not at all, and the report says which."""

import dataclasses
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from demo.kubernetes_api import KubernetesAPI, multiplied
from netbox_hedgehog.cluster import client as client_module
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS, Kind
from netbox_hedgehog.models import Fabric, FabricResource, SwitchHealth
from netbox_hedgehog.sync import listing as listing_module
from netbox_hedgehog.sync import run as run_module
from netbox_hedgehog.sync.apply import apply, stored_rows
from netbox_hedgehog.sync.compare import compare
from netbox_hedgehog.sync.listing import Listing
from netbox_hedgehog.sync.report import READ, KindReport, Report
from netbox_hedgehog.sync.run import RESTARTS, sync_fabric, sync_kind
from netbox_hedgehog.sync.run import test_connection as try_connection
from netbox_hedgehog.sync.switch_health import record_health

from ...support.mirror_contents import dump, expected, fabric_of, kind_report, mirrored
from ...support.samples import LAST_APPLIED, Manifest, large_fabric, manifest, samples, text

pytestmark = pytest.mark.django_db

SERVER = KIND_BY_NAME['Server']


def in_order(items: list[Manifest]) -> list[dict[str, Any]]:
    rows = [expected(item) for item in items]
    # The database's own order of names.
    places = {
        (row['kind'], row['namespace'], row['name']): place for place, row in enumerate(mirrored())
    }
    assert len(places) == len(rows)
    return sorted(rows, key=lambda row: places[row['kind'], row['namespace'], row['name']])


def assert_exact(api: KubernetesAPI) -> None:
    objects = api.objects()
    rows, wanted = mirrored(), in_order(objects)
    for row, want in zip(rows, wanted, strict=True):
        assert row == want


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """The sample fabric."""
    with KubernetesAPI(samples()) as server:
        yield server


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr('urllib3.util.retry.time.sleep', lambda seconds: None)


@pytest.fixture
def small_pages(monkeypatch):
    """Every list comes in pages of two."""
    pages = run_module.Cluster.pages
    monkeypatch.setattr(
        run_module.Cluster, 'pages', lambda self, kind, namespace, **options: pages(self, kind, namespace, 2, **options),
    )


@pytest.fixture
def every_status(settings, monkeypatch):
    """Statuses that move by themselves are read in every run."""
    monkeypatch.setitem(settings.PLUGINS_CONFIG['netbox_hedgehog'], 'status_interval', 0)


# All is well


def test_the_sample_is_mirrored_exactly(api, fabric):
    report = sync_fabric(fabric)
    assert (report.outcome, report.error) == ('in_sync', '')
    assert (report.total('read'), report.total('created')) == (64, 64)
    assert_exact(api)
    assert [kind.outcome for kind in report.kinds] == ['read'] * len(KINDS)
    assert report.total('bytes') > 100_000
    assert report.total('pages') == len(KINDS)


def test_page_after_page(api, fabric, small_pages):
    report = sync_fabric(fabric)
    assert report.total('pages') > 32
    assert_exact(api)


def test_a_second_sync_changes_nothing(api, fabric):
    first = sync_fabric(fabric)
    before = list(FabricResource.objects.order_by('pk').values())
    report = sync_fabric(fabric)
    assert [report.total(name) for name in ('created', 'updated', 'missing', 'unchanged')] == [0, 0, 0, 64]
    for row in before:
        assert row.pop('last_seen') == first.started
    after = list(FabricResource.objects.order_by('pk').values())
    for row in after:
        assert row.pop('last_seen') == report.started
    assert after == before


def test_heartbeats_are_stored_and_are_no_change(api, fabric, every_status):
    api.beat(15)  # agents apply what was still to do
    first = sync_fabric(fabric)
    api.beat(3600)
    report = sync_fabric(fabric)
    assert (report.total('updated'), report.total('unchanged')) == (0, 64)
    assert_exact(api)
    assert set(FabricResource.objects.values_list('changed', flat=True)) == {first.started}


def test_a_change(api, fabric):
    first = sync_fabric(fabric)
    api.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    second = sync_fabric(fabric)
    assert (second.total('updated'), kind_report(second, 'Server').updated) == (1, 1)
    row = FabricResource.objects.get(kind='Server', name='server-01')
    assert (row.spec['description'], row.first_seen, row.changed) == ('moved', first.started, second.started)
    assert_exact(api)


def test_gone_and_back(api, fabric):
    first = sync_fabric(fabric)
    gone = api.get('Server', 'server-01')
    without = {'kind': 'ServerList', 'metadata': {}, 'items': api.objects('Server')[1:]}
    api.faults.answer(200, times=2, match='/servers', body=json.dumps(without).encode())
    second = sync_fabric(fabric)
    row = FabricResource.objects.get(kind='Server', name='server-01')
    assert (second.total('missing'), row.missing_since, row.last_seen) == (1, second.started, first.started)
    assert row.spec == gone['spec'], 'nothing is removed'
    third = sync_fabric(fabric)
    row.refresh_from_db()
    assert (third.total('missing'), row.missing_since) == (0, second.started)
    fourth = sync_fabric(fabric)
    row = FabricResource.objects.get(pk=row.pk)
    assert (fourth.total('updated'), fourth.total('created')) == (1, 0)
    assert (row.missing_since, row.first_seen, row.last_seen) == (None, first.started, fourth.started)
    assert_exact(api)


def test_deleted_and_recreated_between_two_syncs(api, fabric):
    sync_fabric(fabric)
    item = api.get('Server', 'server-01')
    pk = FabricResource.objects.get(kind='Server', name='server-01').pk
    api.delete('Server', 'server-01')
    del item['metadata']['uid']
    api.put(item)
    report = sync_fabric(fabric)
    row = FabricResource.objects.get(kind='Server', name='server-01')
    assert report.total('updated') == 1
    assert (row.pk, row.first_seen) == (pk, report.started)
    assert_exact(api)


def test_statuses_that_move_by_themselves_are_read_now_and_then(api, fabric, monkeypatch):
    api.beat(15)  # agents apply what was still to do
    first = sync_fabric(fabric)
    api.beat(3600)
    api.patch('Agent', 'leaf-02', {'spec': {'newField': 1}})
    before = dict(FabricResource.objects.filter(kind='Agent').values_list('name', 'status'))
    second = sync_fabric(fabric)
    rested, read = (FabricResource.objects.get(kind='Agent', name=name) for name in ('leaf-01', 'leaf-02'))
    assert rested.status == before['leaf-01']
    assert (rested.last_read, rested.last_seen) == (first.started, second.started)
    assert read.status == expected(api.get('Agent', 'leaf-02'))['status'], 'somebody changed it'
    assert read.last_read == second.started
    later = second.started + timedelta(seconds=61)
    monkeypatch.setattr(run_module.timezone, 'now', lambda: later)
    third = sync_fabric(fabric)
    assert third.total('unchanged') == 64
    assert_exact(api)
    assert FabricResource.objects.get(kind='Agent', name='leaf-01').last_read == later


def test_the_version_that_a_change_replaced(api, fabric, every_status):
    first = sync_fabric(fabric)
    assert not FabricResource.objects.filter(previous__isnull=False).exists()
    before = api.get('Agent', 'leaf-01'), api.get('VPC', 'vpc-01')
    api.patch('Agent', 'leaf-01', {'status': {'version': 'v9'}})
    api.patch('VPC', 'vpc-01', {'spec': {'mode': 'l3vni'}, 'metadata': {'labels': {'a': 'b'}}})
    second = sync_fabric(fabric)
    for _ in range(2):
        api.beat(3600)
        api.patch('VPC', 'vpc-02', {'metadata': {'annotations': {LAST_APPLIED: '{}'}}})
        sync_fabric(fabric)
    agent, vpc = (FabricResource.objects.get(kind=kind, name=name).previous for kind, name in (
        ('Agent', 'leaf-01'), ('VPC', 'vpc-01'),
    ))
    assert FabricResource.objects.get(kind='VPC', name='vpc-02').previous is None, 'a mere refresh'
    assert agent['status']['version'] == before[0]['status']['version']
    assert 'lastHeartbeat' in before[0]['status']
    assert 'lastHeartbeat' not in agent['status']
    assert agent['spec'] == expected(before[0])['spec']
    want = expected(before[1])
    # PostgreSQL leaves out a moment's final zeros.
    moments = {name: datetime.fromisoformat(vpc.pop(name)) for name in ('changed', 'last_read', 'replaced')}
    assert moments == {'changed': first.started, 'last_read': first.started, 'replaced': second.started}
    assert vpc == {name: want[name] for name in ('uid', 'generation', 'labels', 'annotations', 'spec', 'status')}


def test_only_what_differs_is_read_in_full(api, fabric):
    sync_fabric(fabric)
    api.requests.clear()
    api.patch('VPC', 'vpc-01', {'spec': {'mode': 'l3vni'}})
    report = sync_fabric(fabric)
    assert (report.total('updated'), report.total('unchanged')) == (1, 63)
    assert [request.query for request in api.requests if 'as=Partial' not in request.headers['accept'] and 'vpcs' in request.path] == [
        {'fieldSelector': 'metadata.name=vpc-01'},
    ]
    assert_exact(api)


def test_a_page_of_which_much_differs_is_read_again(api, fabric, monkeypatch):
    monkeypatch.setattr(listing_module, 'FEW', 1)
    sync_fabric(fabric)
    first = [item['metadata']['name'] for item in api.objects('Connection')]
    for name in first[:5]:
        api.patch('Connection', name, {'metadata': {'labels': {'moved': 'yes'}}})
    pages = run_module.Cluster.pages
    change = iter(first[5:])

    def small(self, kind, namespace, **options):
        """Pages of three, after each of which another connection goes."""
        for page in pages(self, kind, namespace, 3, **options):
            if kind.name == 'Connection':
                api.delete('Connection', next(change))
            yield page

    monkeypatch.setattr(run_module.Cluster, 'pages', small)
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('updated'), report.total('missing')) == ('in_sync', 5, 0)
    assert report.total('read') == 64, 'the list as it was when it began'
    report = sync_fabric(fabric)
    assert report.total('missing') > 0


def test_gone_before_it_was_read_in_full(api, fabric, monkeypatch):
    """Listed, and no longer there a moment later: held, it is missing; new, it has never been there for us."""
    first = sync_fabric(fabric)
    api.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    api.put({**samples('Server')[0], 'metadata': {'name': 'brief', 'namespace': 'default'}})
    objects = run_module.Cluster.objects

    def late(self, kind, namespace, names):
        api.delete('Server', 'server-01')
        api.delete('Server', 'brief')
        return objects(self, kind, namespace, names)

    monkeypatch.setattr(run_module.Cluster, 'objects', late)
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('missing'), report.total('created')) == ('in_sync', 1, 0)
    gone = FabricResource.objects.get(kind='Server', name='server-01')
    assert (gone.missing_since, gone.last_seen) == (report.started, first.started)


def test_newer_than_the_list_said(api, fabric, monkeypatch):
    sync_fabric(fabric)
    api.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    objects = run_module.Cluster.objects

    def late(self, kind, namespace, names):
        api.patch('Server', 'server-01', {'spec': {'description': 'moved on'}})
        return objects(self, kind, namespace, names)

    monkeypatch.setattr(run_module.Cluster, 'objects', late)
    assert sync_fabric(fabric).total('updated') == 1
    assert_exact(api)


def test_a_server_that_knows_nothing_of_metadata_alone(api, fabric, monkeypatch):
    sync_fabric(fabric)
    monkeypatch.setattr(client_module, 'METADATA', client_module.JSON)
    api.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    report = sync_fabric(fabric)
    assert (report.total('updated'), report.total('unchanged'), report.total('pages')) == (1, 63, len(KINDS))
    assert_exact(api)


@pytest.mark.parametrize(('status', 'outcome'), [(403, 'partial'), (500, 'partial'), (401, 'failed')])
def test_what_differs_cannot_be_read(api, fabric, status, outcome):
    """Then the kind counts as not read."""
    sync_fabric(fabric)
    before = mirrored(kind='Server')
    api.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    api.delete('Server', 'server-02')
    api.faults.answer(status, times=None, match='/servers.*fieldSelector')
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('missing')) == (outcome, 0)
    assert mirrored(kind='Server') == before


def test_what_was_written_since_the_plan_was_made_is_left(api, fabric):
    """A watch and a run write to the same mirror: the newer word stays, whoever writes last."""
    sync_fabric(fabric)
    held = stored_rows(fabric, SERVER)
    api.patch('Server', 'server-01', {'spec': {'description': 'older'}})
    older = compare(SERVER, held, [api.get('Server', 'server-01')])
    api.patch('Server', 'server-01', {'spec': {'description': 'newer'}})
    api.put({**samples('Server')[0], 'metadata': {'name': 'new', 'namespace': 'default'}})
    created = compare(SERVER, {}, [{**api.get('Server', 'new'), 'spec': {'description': 'older'}}])
    sync_fabric(fabric)
    before = list(FabricResource.objects.filter(kind='Server').order_by('pk').values())
    older.missing = []
    for plan in (older, created):
        apply(fabric, SERVER, plan, timezone.now(), complete=False)
    assert list(FabricResource.objects.filter(kind='Server').order_by('pk').values()) == before
    missing = compare(SERVER, {('default', 'server-01'): held['default', 'server-01']}, [])
    apply(fabric, SERVER, missing, timezone.now(), complete=False)
    assert not FabricResource.objects.exclude(missing_since=None).exists()


def test_health_is_recorded_where_it_may_have_changed(api, fabric, monkeypatch):
    recorded: list[Any] = []
    monkeypatch.setattr(run_module, 'record_health', lambda *args: recorded.append(record_health(*args)))
    first = sync_fabric(fabric)
    sync_fabric(fabric)
    api.patch('VPC', 'vpc-01', {'spec': {'mode': 'l3vni'}})
    sync_fabric(fabric)
    assert len(recorded) == 1, 'nothing of a switch has moved since'
    api.patch('Switch', 'leaf-01', {'spec': {'description': 'moved'}})
    sync_fabric(fabric)
    assert len(recorded) == 2
    later = first.started + timedelta(seconds=70)
    monkeypatch.setattr(run_module.timezone, 'now', lambda: later)
    sync_fabric(fabric)
    assert len(recorded) == 3, 'time alone may have turned one silent'


def test_health_is_recorded_after_a_watch_has_written(api, fabric):
    """To the sync that follows, what the watch wrote is unchanged."""
    sync_fabric(fabric)
    api.patch('Agent', 'spine-01', {'status': {'state': {'nos': {'softwareVersion': 'new'}}}})
    agent = KIND_BY_NAME['Agent']
    stored = stored_rows(fabric, agent)
    watched = compare(agent, stored, [api.get('Agent', 'spine-01')])
    watched.missing = [stored['default', 'leaf-01']]
    apply(fabric, agent, watched, timezone.now(), complete=False)
    api.delete('Agent', 'leaf-01')
    assert sync_fabric(fabric).total('missing') == 0
    health = {row.name: row for row in SwitchHealth.objects.filter(fabric=fabric)}
    assert (health['leaf-01'].no_agent, health['spine-01'].software) == (True, 'new')


def test_two_fabrics_do_not_meet(api, fabric):
    sync_fabric(fabric)
    with KubernetesAPI([item for item in samples() if item['kind'] == 'VPC']) as other:
        second = fabric_of(other, name='g')
        sync_fabric(second)
    assert FabricResource.objects.filter(fabric=fabric, missing_since=None).count() == 64
    assert set(second.resources.values_list('kind', flat=True)) == {'VPC'}


def test_only_the_namespace_of_the_fabric_is_read(api, fabric):
    api.put({**samples('Server')[0], 'metadata': {'name': 'elsewhere', 'namespace': 'other'}})
    assert sync_fabric(fabric).total('read') == 64


# Partly


def test_forbidden_kinds(api, fabric):
    sync_fabric(fabric)
    api.delete('Server', 'server-01')
    api.delete('VPC', samples('VPC')[0]['metadata']['name'])
    before = list(FabricResource.objects.exclude(kind='VPC').order_by('pk').values())
    fabric.kubernetes_token = 'vpc-editor-token'
    report = sync_fabric(fabric)
    assert report.outcome == 'partial'
    assert 'may not list 23 kinds (403)' in report.error
    assert 'Server,' in report.error
    assert 'VPC,' not in report.error
    assert (kind_report(report, 'Server').outcome, kind_report(report, 'VPC').outcome) == ('forbidden', 'read')
    assert sum(kind.outcome == 'forbidden' for kind in report.kinds) == 23
    assert list(FabricResource.objects.exclude(kind='VPC').order_by('pk').values()) == before
    assert FabricResource.objects.filter(kind='VPC', missing_since=report.started).count() == 1


def test_a_kind_that_is_neither_granted_nor_served_is_not_installed(api, fabric):
    """A role of before does not grant a newer kind, and Kubernetes answers 403 for what is not there, too."""
    api.missing_kinds.add('GatewayGroup')
    api.faults.answer(403, times=None, match='gatewaygroups')
    report = sync_fabric(fabric)
    assert report.outcome == 'in_sync'
    assert kind_report(report, 'GatewayGroup').outcome == 'not_installed'
    assert 'GatewayGroup' in try_connection(fabric).not_installed


def test_a_filter_for_the_default_fabric_where_hedgehog_fabrics_are_neither_granted_nor_served(api, fabric):
    api.missing_kinds.add('Fabric')
    api.faults.answer(403, times=None, match='v1beta1/namespaces/default/fabrics')
    fabric.topology_filter = 'default'
    assert sync_fabric(fabric).outcome == 'in_sync'


def test_everything_forbidden(api):
    report = sync_fabric(fabric_of(api, 'nobody-token'))
    assert report.outcome == 'failed'
    assert '403' in report.error


def test_kind_not_installed(api, fabric):
    api.missing_kinds.update({'GatewayGroup', 'Catalog'})
    report = sync_fabric(fabric)
    assert (report.outcome, report.error) == ('in_sync', '')
    assert kind_report(report, 'GatewayGroup').outcome == 'not_installed'
    assert 'not installed' in kind_report(report, 'GatewayGroup').sentence()


def test_a_kind_that_is_not_served_any_more_is_no_success(api, fabric):
    """Its CustomResourceDefinition was deleted, or serves another version: nobody confirms what the mirror holds."""
    last = sync_fabric(fabric)
    rows = FabricResource.objects.filter(kind='VPC')
    before = list(rows.values())
    api.missing_kinds.add('VPC')
    for _ in range(2):
        report = sync_fabric(fabric)
        assert (report.outcome, report.total('missing')) == ('partial', 0)
        assert report.error == (
            f'VPC is no longer served; {len(before)} resources are shown as of {last.started:%Y-%m-%d %H:%M:%S} UTC. Check '
            'whether its CustomResourceDefinition was deleted or serves another version. If the kind was removed for '
            'good, confirm the removal on the fabric’s page.'
        )
        assert kind_report(report, 'VPC').outcome == 'not_served'
        assert kind_report(report, 'VPC').sentence() == report.error
        assert list(rows.values()) == before
        assert rows.first().last_seen == last.started, 'nobody has seen it since'
    api.missing_kinds.clear()
    assert sync_fabric(fabric).outcome == 'in_sync'


def test_a_kind_of_which_all_are_missing_may_go(api, fabric):
    sync_fabric(fabric)
    for item in samples('GatewayGroup'):
        api.delete('GatewayGroup', item['metadata']['name'])
    sync_fabric(fabric)
    api.missing_kinds.add('GatewayGroup')
    assert sync_fabric(fabric).outcome == 'in_sync'


def test_an_address_where_nothing_is_served_any_more(api, fabric):
    """Another server answers: what the mirror holds stays, and the sentence is about the address."""
    sync_fabric(fabric)
    api.missing_kinds.update(kind.name for kind in KINDS)
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert 'this is the API server of a Hedgehog control node' in report.error
    assert not FabricResource.objects.exclude(missing_since=None).exists()


def test_a_sign_in_page_is_told_once(api, fabric):
    api.faults.html(403, times=None)
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert report.error == (
        f'{api.url} refused access (403) and does not respond like a Kubernetes API. If a sign-in page or a proxy '
        "responds at this address, enter the API server's own address."
    )


@pytest.mark.parametrize('version', ['', '1'])
def test_a_page_that_cannot_be_listed_again_is_read_one_by_one(api, fabric, monkeypatch, version):
    """A server that gives lists no version, or that has forgotten it: what its second answer lacks is still there."""
    monkeypatch.setattr(listing_module, 'FEW', 1)
    sync_fabric(fabric)
    names = [item['metadata']['name'] for item in api.objects('Server')]
    for name in names:
        api.patch('Server', name, {'metadata': {'labels': {'moved': 'yes'}}})
    cluster = run_module.Cluster
    listed, whole = cluster._listed, cluster.full_pages

    def unversioned(self, kind, query, body, size):
        page, metadata = listed(self, kind, query, body, size)
        return dataclasses.replace(page, query={**query, **({'resourceVersion': version} if version else {})}), metadata

    def some(self, kind, namespace, page):
        for piece in whole(self, kind, namespace, dataclasses.replace(page, query={'limit': 2})):
            yield piece
            return

    monkeypatch.setattr(cluster, '_listed', unversioned)
    monkeypatch.setattr(cluster, 'full_pages', some)
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.read, servers.updated, servers.missing) == (len(names), len(names), 0)


def test_no_kind_installed(api, fabric):
    api.missing_kinds.update(kind.name for kind in KINDS)
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert 'this is the API server of a Hedgehog control node' in report.error


def test_a_kind_that_cannot_be_listed(api, fabric):
    sync_fabric(fabric)
    api.delete('Server', 'server-01')
    api.faults.answer(500, times=None, match='/servers')
    report = sync_fabric(fabric)
    assert report.outcome == 'partial'
    assert 'failed to list servers (500)' in report.error
    assert FabricResource.objects.exclude(missing_since=None).count() == 0
    assert len(report.kinds) == len(KINDS), 'the others are read'


def test_nonsense_in_mid_list(api, fabric, small_pages):
    sync_fabric(fabric)
    for item in api.objects('Connection')[:2]:
        api.delete('Connection', item['metadata']['name'])
    api.faults.html(match=r'/connections.*continue', after=1)
    report = sync_fabric(fabric)
    assert report.outcome == 'partial'
    assert not FabricResource.objects.exclude(missing_since=None).exists()
    assert sync_fabric(fabric).total('missing') == 2


def test_lists_that_expire_are_read_again(api, fabric, small_pages):
    api.faults.answer(410, match='/switches.*continue')
    api.faults.answer(410, match='/connections.*continue')
    api.faults.answer(410, match='/connections.*continue', after=2)
    report = sync_fabric(fabric)
    assert report.outcome == 'in_sync'
    assert not api.faults.waiting
    assert report.total('read') == 64
    assert_exact(api)


def test_a_list_that_always_expires(api, fabric, small_pages):
    sync_fabric(fabric)
    api.delete('Connection', samples('Connection')[0]['metadata']['name'])
    api.requests.clear()
    api.faults.answer(410, times=None, match='/connections.*continue')
    report = sync_fabric(fabric)
    assert report.outcome == 'partial'
    assert 'connections expired' in report.error
    assert sum('connections' in request.path for request in api.requests) == 2 * RESTARTS
    assert not FabricResource.objects.exclude(missing_since=None).exists()


def test_objects_that_cannot_be_stored_cost_only_themselves(api, fabric):
    sync_fabric(fabric)
    listed = {'kind': 'ServerList', 'metadata': {'resourceVersion': '9'}, 'items': [
        manifest('good', spec={'description': 'x'}), manifest('nul', spec={'a': '\x00'}),
        manifest('half', spec={'a': '\ud800'}), {**manifest('nan'), 'spec': {'a': float('nan')}},
        manifest('no-uid', uid=None), 'nonsense', manifest('\x00\ud800'), manifest('n' * 300), manifest(namespace='n' * 64),
        *(item for item in api.objects('Server')[1:]),
    ]}
    api.faults.answer(200, match='/servers', body=json.dumps(listed).encode())
    report = sync_fabric(fabric)
    servers = kind_report(report, 'Server')
    assert (report.outcome, servers.outcome, servers.created, len(servers.errors)) == ('partial', 'read', 1, 8)
    assert {'nul', 'half', 'nan', 'no-uid'} <= {error.split(': ')[1] for error in servers.errors}
    assert FabricResource.objects.filter(kind='Server').count() == len(samples('Server')) + 1
    # Nameless objects may be any of the absent: they are neither missing nor seen.
    absent = FabricResource.objects.get(kind='Server', name='server-01')
    assert (absent.missing_since, absent.last_seen < report.started) == (None, True)
    Fabric.objects.filter(pk=fabric.pk).update(last_report=report.as_dict(), sync_error=report.error)


def test_fields_of_a_newer_release(api, fabric):
    """Schema drift: kept in a spec, not in a status, and no error."""
    api.patch('Switch', 'leaf-01', {'spec': {'newField': {'a': [1]}}})
    api.patch('Agent', 'leaf-01', {'status': {'newSecret': 'CANARY'}})
    report = sync_fabric(fabric)
    assert report.outcome == 'in_sync'
    assert FabricResource.objects.get(kind='Switch', name='leaf-01').spec['newField'] == {'a': [1]}
    assert 'newSecret' not in FabricResource.objects.get(kind='Agent', name='leaf-01').status


# Not at all


def test_one_kind_is_counted_as_one() -> None:
    report = Report(fabric='a', started=timezone.now(), kinds=[KindReport('Server', outcome=READ)])
    report.conclude(timezone.now(), 'The API server closed the connection.')
    assert report.error == 'The API server closed the connection. 1 kind was synced before that.'


def test_wrong_token(api):
    report = sync_fabric(fabric_of(api, 'revoked-token'))
    assert report.outcome == 'failed'
    assert report.error.startswith('The API server rejected the credentials (401).')
    assert len(api.requests) == 1
    assert FabricResource.objects.count() == 0


def test_token_revoked_during_a_sync(api, fabric):
    sync_fabric(fabric)
    api.faults.answer(401, times=None, match='/ipv4namespaces')
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert '401' in report.error
    assert '3 kinds were synced before that' in report.error
    assert len(report.kinds) == 4


def test_server_down(api, fabric):
    sync_fabric(fabric)
    before = list(FabricResource.objects.order_by('pk').values())
    api.stop()
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert 'Cannot reach ' in report.error
    assert list(FabricResource.objects.order_by('pk').values()) == before


def test_server_down_during_a_sync(api, fabric, small_pages):
    sync_fabric(fabric)
    for item in ('server-01', 'server-02'):
        api.delete('Server', item)
    api.delete('VLANNamespace', samples('VLANNamespace')[0]['metadata']['name'])
    api.faults.drop(times=None, match='/servers')  # from there on, nobody answers
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert [kind.kind for kind in report.kinds][-1] == 'Server'
    assert '7 kinds were synced before that' in report.error
    assert list(FabricResource.objects.exclude(missing_since=None).values_list('kind', flat=True)) == ['VLANNamespace']
    assert FabricResource.objects.filter(kind='Switch', last_seen=report.started).exists()
    api.faults.clear()
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('missing')) == ('in_sync', 2)


def test_connection_lost_in_mid_list(api, fabric, small_pages):
    api.faults.drop(times=None, match='/connections.*continue', after=1)
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert FabricResource.objects.filter(kind='Switch').exists()
    assert not FabricResource.objects.filter(kind='Connection').exists(), 'half a list is none'


@pytest.mark.parametrize(('fields', 'said'), [
    ({'kubernetes_server': ''}, 'No connection configured'),
    ({'kubernetes_server': 'nonsense'}, 'scheme and a host'),
    ({'kubernetes_server': '', 'kubeconfig': '{}'}, 'not a kubeconfig'),
    ({'kubernetes_ca_cert': 'BEGIN CERTIFICATE'}, 'CA certificate'),
    ({'kubernetes_token': 'two\nlines'}, 'token'),
    ({'in_cluster': True}, 'does not run in a pod'),
])
def test_unusable_connection(api, fields, said):
    fabric = fabric_of(api, **fields)
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert said in report.error
    found = try_connection(fabric)
    assert not found.connected
    assert said in found.sentences[0]


def test_a_secret_that_cannot_be_opened(api, fabric, settings):
    fabric.refresh_from_db()
    settings.SECRET_KEY = 'x' * 60
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert 'secret_key_fallbacks' in report.error


def test_kubeconfig(api):
    fabric = fabric_of(api, kubernetes_server='', kubernetes_token='', kubernetes_ca_cert='',
                       kubeconfig=api.kubeconfig('viewer-token'))
    assert sync_fabric(fabric).outcome == 'in_sync'


def test_test_connection(api, fabric):
    found = try_connection(fabric)
    assert found.ok
    assert found.sentences[1] == '24 of 24 Hedgehog kinds can be read in namespace default.'


# The database


def test_a_kind_is_applied_whole_or_not_at_all(fabric, monkeypatch):
    """An error in the middle of a kind: its rows stay as they were, those of the kinds before are in place."""
    plan = compare(SERVER, {}, [manifest(name) for name in 'abcde'])
    plan.created[4] = plan.created[4]._replace(observed=plan.created[0].observed)  # the same row twice
    object.__setattr__(plan.created[4].observed, 'uid', 'u' * 100)
    with pytest.raises(DatabaseError):
        apply(fabric, SERVER, plan, timezone.now())
    assert not FabricResource.objects.exists()


def items(count: int, version: int) -> list[Manifest]:
    return [manifest(f'server-{n}', spec={'n': n, 'v': version}, resourceVersion=str(version)) for n in range(count)]


def statements(fabric: Fabric, kind: Kind, listed: list[Manifest]) -> int:
    with CaptureQueriesContext(connection) as captured:
        apply(fabric, kind, compare(kind, stored_rows(fabric, kind), listed), timezone.now())
    return len(captured)


def test_statements_do_not_grow_with_the_objects(fabric):
    few, many = [], []
    ContentType.objects.get_for_model(FabricResource)  # looked up once in a process' life
    for counts, size in ((few, 10), (many, 400)):
        FabricResource.objects.all().delete()
        everything = items(size, 1)
        counts.append(statements(fabric, SERVER, everything))
        counts.append(statements(fabric, SERVER, everything))
        counts.append(statements(fabric, SERVER, items(size, 2)))
        counts.append(statements(fabric, SERVER, []))
        counts.append(statements(fabric, SERVER, items(size, 2)))
        assert FabricResource.objects.filter(missing_since=None).count() == size
    assert few == many
    assert max(many) <= 11  # what is new goes into the search index too; with the two of the test's savepoint


def test_more_than_a_batch(fabric, monkeypatch):
    everything = items(100, 1)
    statements(fabric, SERVER, everything)
    assert FabricResource.objects.count() == 100
    statements(fabric, SERVER, everything[:10])
    assert FabricResource.objects.exclude(missing_since=None).count() == 90


def test_the_report_can_be_stored_and_read(api, fabric):
    api.missing_kinds.add('Catalog')
    report = sync_fabric(fabric)
    stored = json.loads(json.dumps(report.as_dict()))
    assert {kind['kind'] for kind in stored['kinds']} == {kind.name for kind in KINDS}
    assert set(stored['kinds'][0]) == {
        'kind', 'outcome', 'read', 'created', 'updated', 'unchanged', 'missing', 'errors', 'seconds', 'pages', 'bytes',
    }
    assert 'resources of 23 kinds read' in report.sentence()


def test_a_sync_asks_no_more_of_the_database_for_many_switches():
    """Whether they have an agent or none."""
    counts = []
    for size in (2, 60):
        items = list(multiplied(samples(), {'Switch': size, 'Agent': size // 2}))
        for item in items:
            item['metadata']['name'] = item['metadata']['name'].replace('agent', 'switch')
        with KubernetesAPI(items) as api, CaptureQueriesContext(connection) as captured:
            many = fabric_of(api, name=f'of-{size}')
            assert sync_fabric(many).outcome == 'in_sync'
        assert SwitchHealth.objects.filter(fabric=many).count() == size
        assert SwitchHealth.objects.filter(fabric=many, agent=None).count() == size // 2
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_progress_is_told_after_each_kind(api, fabric):
    told: list[str] = []
    sync_fabric(fabric, lambda kind: told.append(kind.kind))
    assert told == [kind.name for kind in KINDS]


def test_what_a_watch_wrote_while_a_list_travelled_is_newer(api, fabric):
    sync_fabric(fabric)
    watched = 'written by a watch'

    def write(kind: KindReport) -> None:
        # Servers are on their way by now, and the mirror's rows of them have been looked at.
        if kind.kind == 'Switch':
            FabricResource.objects.filter(kind='Server', name='server-01').update(
                resource_version='999999999', spec={'description': watched},
            )
            FabricResource.objects.filter(kind='Server', name='server-02').update(resource_version='999999998')

    api.delete('Server', 'server-02')
    report = sync_fabric(fabric, write)
    assert report.outcome == 'in_sync'
    rows = {row.name: row for row in FabricResource.objects.filter(kind='Server')}
    assert rows['server-01'].spec == {'description': watched}
    assert rows['server-02'].missing_since is None, 'the next run says so, if it is'
    assert sync_fabric(fabric).total('missing') == 1


def test_and_after_each_page(api, fabric):
    told: list[tuple[str, int, int]] = []
    server = samples('Server')[0]
    for number in range(1100):
        api.put({**server, 'metadata': {'name': f'more-{number:04}', 'namespace': 'default'}})
    sync_fabric(fabric, paged=lambda listing: told.append((listing.kind.name, listing.listed, listing.expected)))
    assert {kind for kind, *_ in told} == {kind.name for kind in KINDS}
    # Once each: while a page is waited for, it is said again.
    of_servers = list(dict.fromkeys((listed, expected) for kind, listed, expected in told if kind == 'Server' and listed))
    count = 1100 + len(samples('Server'))
    assert of_servers == [(500, count), (1000, count), (count, count)]


def test_and_while_a_page_is_waited_for(api, fabric):
    """So that whoever looks sees for which kind, however quickly the ones before it came."""
    held = api.faults.hold(match=r'/vpcs\?')
    told: list[str] = []

    def paged(listing: Listing) -> None:
        told.append(listing.kind.name)
        if listing.kind.name == 'VPC' and not listing.listed:
            held.set()

    assert sync_fabric(fabric, paged=paged).outcome == 'in_sync'
    assert told.count('VPC') > 1


def test_one_kind_alone(api, fabric):
    report = KindReport('Server')
    with run_module.open_cluster(fabric) as cluster:
        sync_kind(fabric, Listing(cluster, SERVER, 'default', {}, report, timezone.now()))
    assert report.sentence() == f'Server: {len(samples("Server"))} read, {len(samples("Server"))} created'
    assert set(FabricResource.objects.values_list('kind', flat=True)) == {'Server'}


# Secrets


def test_no_secret_in_any_table_or_log(caplog):
    """Neither those that agents carry, nor the fabric's own."""
    caplog.set_level(logging.DEBUG)
    with KubernetesAPI(samples(), tokens={'CANARY-token': 'viewer'}) as api:
        fabric = fabric_of(api, 'CANARY-token')
        kubeconfig = fabric_of(api, name='k', kubernetes_server='', kubernetes_token='', kubernetes_ca_cert='',
                               kubeconfig=api.kubeconfig('CANARY-token'))
        for one in (fabric, kubeconfig):
            one.refresh_from_db()
            for _ in range(2):
                report = sync_fabric(one)
                assert report.outcome == 'in_sync'
                api.beat(60)
            one.save()
            Fabric.objects.filter(pk=one.pk).update(last_report=report.as_dict())
        assert 'CANARY' in text(api.objects('Agent'))
    rows = list(dump())
    assert sum(table == 'netbox_hedgehog_fabricresource' for table, _ in rows) == 128
    assert [table for table, row in rows if 'CANARY' in row] == []
    assert 'CANARY' not in caplog.text


# A large fabric


@pytest.mark.system
def test_a_large_fabric(every_status):
    objects = large_fabric()
    with KubernetesAPI(objects) as api:
        fabric = fabric_of(api)
        report = sync_fabric(fabric)
        assert (report.outcome, report.total('created')) == ('in_sync', len(objects))
        assert_exact(api)
        report = sync_fabric(fabric)
        assert (report.total('created'), report.total('updated'), report.total('missing')) == (0, 0, 0)
        assert report.total('unchanged') == len(objects)
        api.beat(15)
        report = sync_fabric(fabric)
        assert (report.total('updated'), report.total('missing')) == (0, 0)
        assert_exact(api)
