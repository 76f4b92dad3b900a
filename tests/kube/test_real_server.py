"""The engine against a real Kubernetes API server."""

import dataclasses
import itertools
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from demo.kubernetes_api import Authority
from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.cluster.discovery import DISCOVERY, unsupported_kinds
from netbox_hedgehog.cluster.errors import Expired, Forbidden, TLSFailed, Unauthorized
from netbox_hedgehog.cluster.kubeconfig import parse_kubeconfig
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync import run as run_module
from netbox_hedgehog.sync.run import sync_fabric
from netbox_hedgehog.sync.run import test_connection as try_connection
from tests.support.mirror_contents import dump, expected, kind_report, mirrored
from tests.support.real_cluster import EXTERNAL, RealCluster, why_not
from tests.support.samples import large_fabric, samples

pytestmark = pytest.mark.django_db

own_server = pytest.mark.skipif(bool(EXTERNAL), reason='needs the tokens or the outages of our own server')
COUNT = itertools.count()
QUICK = ClientOptions(connect_timeout=5, read_timeout=30, retries=2)


def connect(cluster: RealCluster, **changes: Any) -> Cluster:
    return Cluster(dataclasses.replace(parse_kubeconfig(cluster.kubeconfig()), **changes), QUICK)


def fabric_of(cluster: RealCluster, token: str = '', name: str = 'f') -> Fabric:
    """A fabric that reads with this token, or as somebody who may read everything."""
    fabric = Fabric(name=name, kubernetes_namespace=cluster.namespace)
    if token:
        fabric.kubernetes_server, fabric.kubernetes_ca_cert = cluster.url, cluster.ca_pem
        fabric.kubernetes_token = token
    else:
        fabric.kubeconfig = cluster.kubeconfig()
    fabric.save()
    return fabric


@pytest.fixture
def every_status(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses that move by themselves are read in every run."""
    monkeypatch.setitem(settings.PLUGINS_CONFIG['netbox_hedgehog'], 'status_interval', 0)


def assert_exact(cluster: RealCluster) -> None:
    def key(row: dict[str, Any]) -> tuple[str, str]:
        return row['kind'], row['name']

    rows = sorted(mirrored(missing_since=None), key=key)
    for row, want in zip(rows, sorted(map(expected, cluster.objects()), key=key), strict=True):
        assert row == want


@pytest.fixture
def sample(cluster) -> RealCluster:
    cluster.load(samples())
    return cluster


def test_the_sample_is_mirrored_exactly(sample):
    fabric = fabric_of(sample)
    report = sync_fabric(fabric)
    assert (report.outcome, report.error, report.total('created')) == ('in_sync', '', 64)
    assert_exact(sample)
    report = sync_fabric(fabric)
    assert [report.total(name) for name in ('created', 'updated', 'missing', 'unchanged')] == [0, 0, 0, 64]


def test_changes_are_followed(sample, every_status):
    fabric = fabric_of(sample)
    first = sync_fabric(fabric)
    again = sample.get('Server', 'server-02')
    sample.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    sample.delete('Server', 'server-02')
    sample.put(again)
    sample.delete('Server', 'server-03')
    sample.patch('Agent', 'leaf-01', {'status': {'lastHeartbeat': '2027-01-01T00:00:00Z'}})
    report = sync_fabric(fabric)
    assert [report.total(name) for name in ('created', 'updated', 'missing', 'unchanged')] == [0, 2, 1, 61]
    assert_exact(sample)
    moved, anew, gone = FabricResource.objects.filter(kind='Server').order_by('name')[:3]
    assert (moved.first_seen, moved.changed) == (first.started, report.started)
    assert (anew.first_seen, anew.changed) == (report.started, report.started)
    assert (gone.last_seen, gone.missing_since) == (first.started, report.started)


def test_small_pages(sample):
    with connect(sample) as cluster:
        kind = KIND_BY_NAME['Connection']
        pages = list(cluster.pages(kind, sample.namespace, 3))
        found = [item['metadata']['name'] for page in pages for item in page.items]
    expected_names = sorted(item['metadata']['name'] for item in samples('Connection'))
    assert sorted(found) == expected_names
    assert len(pages) == -(-len(expected_names) // 3)


@own_server
def test_who_may_read_one_kind(sample):
    report = sync_fabric(fabric_of(sample, 'vpc-editor-token'))
    assert report.outcome == 'partial'
    assert sum(kind.outcome == 'forbidden' for kind in report.kinds) == 23
    assert kind_report(report, 'VPC').created == len(samples('VPC'))
    assert set(FabricResource.objects.values_list('kind', flat=True)) == {'VPC'}
    assert 'may not list switches (403)' in kind_report(report, 'Switch').errors[0]


@own_server
def test_who_may_read_nothing(sample):
    report = sync_fabric(fabric_of(sample, 'nobody-token'))
    assert report.outcome == 'failed'
    assert '403' in report.error


def test_who_is_nobody(sample):
    report = sync_fabric(fabric_of(sample, 'revoked-token'))
    assert report.outcome == 'failed'
    assert '401' in report.error
    with connect(sample, token='revoked-token') as cluster, pytest.raises(Unauthorized):
        cluster.version()


@own_server
def test_client_certificate(sample):
    pki = sample.pki
    credentials = {'client_cert_pem': (pki / 'admin.crt').read_text(), 'client_key_pem': (pki / 'admin.key').read_text()}
    with connect(sample, token='', **credentials) as cluster:
        assert list(cluster.pages(KIND_BY_NAME['Switch'], 'default'))
    with connect(sample, token='') as cluster, pytest.raises((Unauthorized, Forbidden)):
        list(cluster.pages(KIND_BY_NAME['Switch'], 'default'))


@own_server
def test_tls_by_authority(sample):
    with connect(sample, ca_pem=Authority.create().certificate_pem) as cluster, pytest.raises(TLSFailed, match='not accepted'):
        cluster.version()
    with connect(sample, ca_pem='') as cluster, pytest.raises(TLSFailed, match='not accepted'):
        cluster.version()
    with connect(sample, verify_tls=False, ca_pem='') as cluster:
        assert cluster.version().startswith('v1.')
    with connect(sample, tls_server_name='localhost') as cluster:
        assert cluster.version().startswith('v1.')
    assert ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED


def test_one_request_says_which_kinds_are_not_supported(sample):
    with connect(sample) as cluster:
        body, _size = cluster.get('/apis', accept=DISCOVERY)
        assert cluster.decoded(body)['kind'] == 'APIGroupDiscoveryList'
        plain = {
            path: cluster.get(path)[0]
            for path in ('/apis', *{f'/apis/{kind.group}/{kind.version}' for kind in KINDS})
        }
        asked, get = [], cluster.get

        def counted(path, *args, **options):
            asked.append(path)
            return get(path, *args, **options)

        cluster.get = counted
        assert unsupported_kinds(cluster, sample.namespace) == []
        assert asked == ['/apis']
        cluster.get = lambda path, *args, **options: (plain[path], 0)
        assert unsupported_kinds(cluster, sample.namespace) == []


def test_connection_test(sample):
    found = try_connection(fabric_of(sample))
    assert found.ok
    assert found.sentences == [
        f'Connected to {sample.url} (Kubernetes {found.version}).',
        f'24 of 24 Hedgehog kinds can be read in namespace {sample.namespace}.',
    ]


@own_server
def test_connection_test_of_others(sample):
    found = try_connection(fabric_of(sample, 'vpc-editor-token'))
    assert (found.ok, found.readable, len(found.forbidden)) == (False, ['VPC'], 23)
    assert 'Grant get, list and watch' in found.sentences[-1]
    found = try_connection(fabric_of(sample, 'wrong', name='g'))
    assert not found.connected
    assert '401' in found.sentences[0]


@own_server
def test_outage(sample):
    fabric = fabric_of(sample)
    sync_fabric(fabric)
    before = mirrored()
    sample.stop_server()
    try:
        report = sync_fabric(fabric)
        assert report.outcome == 'failed'
        assert 'Cannot reach ' in report.error
        assert 'Cannot reach ' in try_connection(fabric).sentences[0]
    finally:
        sample.start_server()
    assert mirrored() == before
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('unchanged')) == ('in_sync', 64)


@own_server
def test_not_installed(sample):
    """As in a cluster whose control plane is older than the gateway."""
    fabric = fabric_of(sample)
    sync_fabric(fabric)
    held = mirrored(kind='ServerProfile')
    extensions = client.ApiextensionsV1Api(sample._client)
    name = 'serverprofiles.wiring.githedgehog.com'
    definition = extensions.read_custom_resource_definition(name)
    extensions.delete_custom_resource_definition(name)
    try:
        with connect(sample) as cluster:
            for _ in range(1000):
                try:
                    cluster.check_access(KIND_BY_NAME['ServerProfile'], 'default')
                except run_module.NotInstalled:
                    break
        report = sync_fabric(fabric)
    finally:
        definition.metadata.resource_version = definition.metadata.uid = None
        definition.status = None
        extensions.create_custom_resource_definition(definition)
        sample._await_kinds()
    assert (report.outcome, kind_report(report, 'ServerProfile').outcome) == ('in_sync', 'not_installed')
    assert report.total('missing') == 0
    assert mirrored(kind='ServerProfile') == held


def test_no_secret_reaches_the_database(sample):
    assert 'CANARY' in json.dumps(sample.objects('Agent'))
    sync_fabric(fabric_of(sample))
    assert [table for table, row in dump() if 'CANARY' in row] == []


@pytest.fixture(scope='module')
def forgetful() -> Iterator[RealCluster]:
    """A server whose continue tokens do not outlive a compaction, as before Kubernetes 1.36."""
    if EXTERNAL or why_not():
        pytest.skip(why_not() or 'needs a server of our own')
    with RealCluster(KAPI_EXTRA='--feature-gates=ListFromCacheSnapshot=false') as cluster:
        yield cluster


def test_lists_that_expire(forgetful, monkeypatch):
    forgetful.wipe()
    forgetful.load(samples())
    kind = KIND_BY_NAME['Connection']
    with connect(forgetful) as cluster:
        pages = cluster.pages(kind, 'default', 3)
        next(pages)
        expire(forgetful)
        with pytest.raises(Expired):
            list(pages)  # the next page may have travelled already

    # In the middle of a run: the list starts again, and is whole.
    read_pages = run_module.Cluster.pages
    expired: list[str] = []

    def pages_with_a_compaction(self: Cluster, kind: Any, namespace: str, **options: Any) -> Any:
        for number, page in enumerate(read_pages(self, kind, namespace, 3, **options)):
            yield page
            if kind.name == 'Connection' and number == 1 and not expired:
                expired.append(kind.name)
                expire(forgetful)

    monkeypatch.setattr(run_module.Cluster, 'pages', pages_with_a_compaction)
    report = sync_fabric(fabric_of(forgetful))
    assert expired
    assert (report.outcome, report.total('read')) == ('in_sync', 64)
    # Two pages, and one that was on its way, were in vain.
    assert kind_report(report, 'Connection').pages + -len(samples('Connection')) // 3 in (2, 3)
    assert_exact(forgetful)


def expire(cluster: RealCluster) -> None:
    """Forget what a list under way needs, with a change of a kind that is read later on."""
    cluster.patch('VPC', samples('VPC')[0]['metadata']['name'], {'metadata': {'annotations': {'test': str(next(COUNT))}}})
    cluster.compact()


def test_the_real_server_prunes_unknown_fields(cluster):
    """So that schema drift is tested against the in-process API."""
    item = samples('Server')[0]
    cluster.put({**item, 'spec': {**item.get('spec', {}), 'newField': 1}})
    assert 'newField' not in cluster.get('Server', item['metadata']['name']).get('spec', {})
    with pytest.raises(ApiException):
        cluster.get('Server', 'no-such')


def test_a_large_fabric(cluster):
    objects = large_fabric('--slim-agents')
    cluster.load(objects)
    fabric = fabric_of(cluster)
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('created')) == ('in_sync', len(objects))
    assert_exact(cluster)
    report = sync_fabric(fabric)
    assert [report.total(name) for name in ('created', 'updated', 'missing')] == [0, 0, 0]
    assert report.total('unchanged') == len(objects)
