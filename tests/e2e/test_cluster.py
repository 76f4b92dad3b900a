"""What goes wrong in a cluster, seen from NetBox: a real API server where there is one, else the demo's."""

from collections.abc import Iterator

import pytest

from demo.kubernetes_api import KubernetesAPI, load_objects
from netbox_hedgehog.hedgehog.kinds import KINDS
from tests.support.real_cluster import RealCluster, why_not

from .stack import DATA, QUICK, Row, Stack

# Tokens of ../shared/kube.
VIEWER, VPC_EDITOR = 'viewer-token', 'vpc-editor-token'

# A sync that waits long for an outage would make these tests wait, too.
SETTINGS = {**QUICK, 'retries': 1, 'connect_timeout': 2, 'read_timeout': 5}


@pytest.fixture(scope='module', autouse=True)
def _served(module_stack: Stack) -> None:
    module_stack.worker()
    module_stack.scheduler()


@pytest.fixture(scope='module')
def cluster() -> Iterator[RealCluster | KubernetesAPI]:
    """The sample fabric."""
    if why_not():
        with KubernetesAPI(load_objects(DATA)) as api:
            yield api
    else:
        with RealCluster() as real:
            real.load(load_objects(DATA))
            yield real


class Reader:
    """A fabric, and what its runs bring."""

    def __init__(self, stack: Stack, name: str, cluster: RealCluster | KubernetesAPI, token: str = VIEWER) -> None:
        self.stack = stack
        self.name = name
        self.id = stack.fabric(name, cluster, kubernetes_token=token, scheduler_enabled=False)

    def read(self, **change: object) -> Row:
        """Edits the fabric, reads it, and returns its row."""
        if change:
            self.stack.edit(self.id, **change)
        before = len(self.stack.jobs(self.id))
        code, answer = self.stack.call('POST', f'plugins/hedgehog/fabrics/{self.id}/sync/')
        assert code == 202, answer

        def ended() -> bool:
            jobs = self.stack.jobs(self.id)
            return len(jobs) > before and jobs[-1]['completed'] is not None

        self.stack.wait_until(ended, 60, f'{self.name} has been read')
        return self.stack.row(self.id)

    def resources(self) -> dict[tuple[str, str], Row]:
        return {(row['kind'], row['name']): row for row in self.stack.resources(self.id)}


def test_the_sample_fabric_is_mirrored_exactly(stack: Stack, cluster: RealCluster | KubernetesAPI) -> None:
    reader = Reader(stack, 'exact', cluster)
    row = reader.read()
    assert (row['sync_status'], row['sync_error'], row['connection_status']) == ('in_sync', '', 'connected')
    mirrored = reader.resources()
    assert len(mirrored) == 64
    for manifest in cluster.objects():
        kept = mirrored[manifest['kind'], manifest['metadata']['name']]
        assert kept['uid'] == manifest['metadata']['uid']
        if manifest['kind'] == 'Agent':
            # No keys and passwords of switches.
            assert kept['spec'] in ({}, {'config': {'fabricMTU': 9100, 'serverFacingMTUOffset': 64}})
        else:
            assert kept['spec'] == manifest.get('spec', {})
    row = reader.read()
    assert [row['last_report'][name] for name in ('read', 'created', 'updated', 'missing')] == [64, 0, 0, 0]


def test_an_outage_is_told_and_over_when_it_is_over(stack: Stack, cluster: RealCluster | KubernetesAPI) -> None:
    reader = Reader(stack, 'outage', cluster)
    before = reader.read()
    stop, start = (
        (cluster.stop_server, cluster.start_server) if isinstance(cluster, RealCluster) else (cluster.stop, cluster.start)
    )
    stop()
    try:
        row = reader.read()
        assert (row['sync_status'], row['connection_status']) == ('failed', 'failed')
        assert row['last_sync'] == before['last_sync']
        assert row['last_attempt'] > before['last_attempt']
        assert cluster.url in row['sync_error']
        assert stack.jobs(reader.id)[-1]['status'] == 'failed'
        assert stack.jobs(reader.id)[-1]['error'] == row['sync_error']
        code, said = stack.status()
        assert code == 1
        assert said['problems'] == [f'outage: Failed. {row["sync_error"]}']
        gone = [kept for kept in reader.resources().values() if kept['missing_since']]
        assert not gone, 'what could not be read is not what is gone'
        test = stack.run('hedgehog_sync', 'test', 'outage')
        assert test.returncode == 2
        assert cluster.url in test.stdout
    finally:
        start()
    row = reader.read()
    assert (row['sync_status'], row['sync_error']) == ('in_sync', '')
    assert row['last_sync'] > before['last_sync']
    assert stack.state() == 'healthy'


def test_a_revoked_token_is_named_as_such(stack: Stack, cluster: RealCluster | KubernetesAPI) -> None:
    reader = Reader(stack, 'revoked', cluster)
    before = reader.read()
    row = reader.read(kubernetes_token='a-token-that-was-revoked')
    assert row['sync_status'] == 'failed'
    assert '401' in row['sync_error']
    assert 'token' in row['sync_error']
    assert 'a-token-that-was-revoked' not in row['sync_error'] + str(stack.jobs(reader.id))
    assert row['last_sync'] == before['last_sync']
    assert not [kept for kept in reader.resources().values() if kept['missing_since']]
    assert reader.read(kubernetes_token=VIEWER)['sync_status'] == 'in_sync'


def test_a_token_that_may_read_vpcs_only(stack: Stack, cluster: RealCluster | KubernetesAPI) -> None:
    reader = Reader(stack, 'partly', cluster)
    before = reader.read()
    rows = reader.resources()
    row = reader.read(kubernetes_token=VPC_EDITOR)
    assert row['sync_status'] == 'partial'
    report = {kind['kind']: kind['outcome'] for kind in row['last_report']['kinds']}
    assert report['VPC'] == 'read'
    assert report['Switch'] == 'forbidden'
    assert set(report) == {kind.name for kind in KINDS}
    assert any(kind in row['sync_error'] for kind, outcome in report.items() if outcome == 'forbidden')
    assert row['last_sync'] == before['last_sync']
    # The rows of kinds that may not be read stay as they were.
    after = reader.resources()
    assert {key: kept for key, kept in after.items() if key[0] != 'VPC'} == {
        key: kept for key, kept in rows.items() if key[0] != 'VPC'
    }
    assert (stack.state(reader.id), stack.state()) == ('partial', 'degraded')


def test_an_object_that_was_deleted_and_made_anew(stack: Stack, cluster: RealCluster | KubernetesAPI) -> None:
    reader = Reader(stack, 'anew', cluster)
    reader.read()
    key, name = ('Server', 'phoenix'), 'phoenix'
    manifest = {
        'apiVersion': 'wiring.githedgehog.com/v1beta1', 'kind': 'Server',
        'metadata': {'name': name, 'namespace': 'default'}, 'spec': {'description': 'first'},
    }
    cluster.put(manifest)
    try:
        reader.read()
        first = reader.resources()[key]
        cluster.delete('Server', name)
        reader.read()
        gone = reader.resources()[key]
        assert gone['missing_since'], 'marked, not removed'
        cluster.put({**manifest, 'spec': {'description': 'second'}})
        reader.read()
        second = reader.resources()[key]
        assert second['uid'] != first['uid']
        assert (second['missing_since'], second['spec']['description']) == (None, 'second')
        assert second['first_seen'] > first['first_seen'], 'it is another object'
    finally:
        cluster.delete('Server', name)


def test_a_kind_that_is_not_served_any_more_is_told_and_no_empty_list(stack: Stack, api: KubernetesAPI) -> None:
    reader = Reader(stack, 'old-release', api)
    reader.read()
    gateways = [key for key in reader.resources() if key[0] == 'Gateway']
    assert gateways
    api.missing_kinds.add('Gateway')
    row = reader.read()
    assert row['sync_status'] == 'partial'
    assert row['sync_error'].startswith(f'Gateway is no longer served; {len(gateways)} resource'), row['sync_error']
    outcomes = {kind['kind']: kind['outcome'] for kind in row['last_report']['kinds']}
    assert outcomes['Gateway'] == 'not_served'
    assert not any(reader.resources()[key]['missing_since'] for key in gateways)


def test_fields_that_nobody_knows_are_kept_and_break_nothing(stack: Stack, api: KubernetesAPI) -> None:
    """Schema drift: a newer release of the fabric has fields of its own, and other types in known ones."""
    reader = Reader(stack, 'newer-release', api)
    reader.read()
    name = next(name for kind, name in reader.resources() if kind == 'Switch')
    old = api.get('Switch', name)
    try:
        api.patch('Switch', name, {
            'spec': {'fromTheFuture': {'deeply': [1, {'nested': None}]}, 'description': ['not', 'a', 'text']},
            'status': {'unheardOf': 'x'},
        })
        row = reader.read()
        assert (row['sync_status'], row['last_report']['updated']) == ('in_sync', 1)
        kept = reader.resources()['Switch', name]
        assert kept['spec']['fromTheFuture']['deeply'][0] == 1
        assert 'unheardOf' not in kept['status'], 'status is kept by whitelist'
        assert stack.call('GET', f'plugins/hedgehog/resources/{kept["id"]}/')[0] == 200
    finally:
        api.put(old)
