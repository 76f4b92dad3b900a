"""Changes of a real cluster, followed as they happen."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from netbox_hedgehog.cluster.errors import ClusterError, Expired
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync.run import open_cluster, sync_fabric
from netbox_hedgehog.watch.follower import Follower
from tests.support.mirror_contents import expected
from tests.support.real_cluster import EXTERNAL, RealCluster
from tests.support.samples import samples

from .test_real_server import expire, fabric_of

pytestmark = pytest.mark.django_db

own_server = pytest.mark.skipif(bool(EXTERNAL), reason='needs the outages of our own server')

# Seconds within which something that is waited for must have come.
PATIENCE = 30


class Watch:
    """A follower whose events are collected in a thread, and written in this one, where the test's transaction is."""

    def __init__(self, fabric: Fabric, kind: str) -> None:
        self.cluster = open_cluster(fabric)
        self.told = threading.Event()
        self.opened = threading.Event()
        self.response: Any = None
        self.error: ClusterError | None = None
        self.follower = Follower(
            self.cluster, fabric, KIND_BY_NAME[kind], lambda function, *args, **options: function(*args, **options),
        )
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        self.error = None
        self.opened.clear()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()
        assert self.opened.wait(PATIENCE) or self.error

    def _follow(self) -> None:
        try:
            self.follower.follow(self.told.set, self._note)
        except ClusterError as error:
            self.error = error
            self.opened.set()

    def _note(self, response: Any) -> None:
        self.response = response
        self.opened.set()

    def take(self, name: str, **fields: Any) -> FabricResource:
        """The row with this name, once the events have made it be as the fields say."""
        kind = self.follower.kind.name
        while True:
            assert self.told.wait(PATIENCE), f'{kind} {name} is not {fields}'
            self.told.clear()
            self.follower.flush()
            if row := FabricResource.objects.filter(kind=kind, name=name, **fields).first():
                return row

    def ended(self) -> ClusterError | None:
        assert self.thread is not None
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.error

    def stop(self) -> None:
        if self.response is not None:
            self.response.shutdown()
        self.cluster.close()


@pytest.fixture
def sample(cluster: RealCluster) -> RealCluster:
    cluster.load(samples())
    return cluster


@pytest.fixture
def watch(sample: RealCluster) -> Iterator[Watch]:
    """The servers of the sample, listed and watched."""
    made = Watch(fabric_of(sample), 'Server')
    made.follower.list()
    made.start()
    yield made
    made.stop()


def assert_exact(cluster: RealCluster, kind: str) -> None:
    rows = {row.name: row for row in FabricResource.objects.filter(kind=kind, missing_since=None)}
    objects = {item['metadata']['name']: item for item in cluster.objects(kind)}
    assert rows.keys() == objects.keys()
    for name, item in objects.items():
        want = expected(item)
        assert {field: getattr(rows[name], field) for field in want} == want


def test_changed_created_deleted(sample, watch):
    before = FabricResource.objects.get(kind='Server', name='server-01')
    sample.patch('Server', 'server-01', {'spec': {'description': 'moved'}})
    row = watch.take('server-01', spec__description='moved')
    assert (row.first_seen, row.changed > before.changed) == (before.first_seen, True)
    assert row.previous['spec'] == before.spec
    sample.put({**samples('Server')[0], 'metadata': {'name': 'new'}})
    watch.take('new')
    again = sample.get('Server', 'server-02')
    sample.delete('Server', 'server-02')
    row = watch.take('server-02', missing_since__isnull=False)
    assert row.last_seen is not None
    sample.put(again)
    watch.take('server-02', missing_since=None)
    assert_exact(sample, 'Server')


def test_a_burst_is_written_together(sample, watch, django_assert_max_num_queries):
    for number in range(60):
        sample.put({**samples('Server')[0], 'metadata': {'name': f'burst-{number:02}'}})
    sample.patch('Server', 'burst-00', {'spec': {'description': 'last'}})
    while True:
        assert watch.told.wait(PATIENCE)
        watch.told.clear()
        told = watch.follower._pending
        if len(told) >= 60 and told['default', 'burst-00'].object['spec'].get('description') == 'last':
            break
    with django_assert_max_num_queries(11):
        watch.follower.flush()
    assert_exact(sample, 'Server')


def test_what_happened_during_an_interruption(sample, watch):
    """Of the connection: the watch goes on where it was."""
    version = watch.follower.version
    watch.response.shutdown()
    watch.ended()
    sample.patch('Server', 'server-01', {'spec': {'description': 'meanwhile'}})
    sample.delete('Server', 'server-02')
    assert watch.follower.version == version
    watch.start()
    watch.take('server-01', spec__description='meanwhile')
    if not FabricResource.objects.filter(kind='Server', name='server-02', missing_since__isnull=False).exists():
        watch.take('server-02', missing_since__isnull=False)
    assert_exact(sample, 'Server')


@own_server
def test_what_happened_during_an_outage(sample, watch):
    """Of the server: nothing is lost, and nothing is said to be missing because of it."""
    sample.stop_server()
    watch.ended()
    watch.start()
    assert 'Cannot reach ' in str(watch.ended())
    assert not FabricResource.objects.exclude(missing_since=None).exists()
    sample.start_server()
    sample.patch('Server', 'server-01', {'spec': {'description': 'afterwards'}})
    watch.start()
    watch.take('server-01', spec__description='afterwards')
    assert_exact(sample, 'Server')


@own_server
def test_history_that_was_forgotten(sample, watch):
    """410: the kind is listed anew, of which only that is read that differs."""
    watch.response.shutdown()
    watch.ended()
    sample.patch('Server', 'server-01', {'spec': {'description': 'forgotten'}})
    sample.delete('Server', 'server-02')
    expire(sample)
    # A server that has all of it in its cache answers from there; one that was started anew has not.
    sample.stop_server()
    sample.start_server()
    watch.start()
    if watch.error is None and watch.thread.is_alive():
        watch.thread.join(PATIENCE)
    assert isinstance(watch.ended(), Expired)
    watch.follower.list()
    assert_exact(sample, 'Server')
    assert FabricResource.objects.get(kind='Server', name='server-02').missing_since
    watch.start()
    sample.patch('Server', 'server-01', {'spec': {'description': 'and on'}})
    watch.take('server-01', spec__description='and on')


def test_a_sync_in_between(sample, watch):
    """What a run has read already, a watch does not turn back."""
    sample.patch('Server', 'server-01', {'spec': {'description': 'one'}})
    assert watch.told.wait(PATIENCE)
    with watch.follower._lock:
        old = dict(watch.follower._pending)
    sample.patch('Server', 'server-01', {'spec': {'description': 'two'}})
    sample.delete('Server', 'server-03')
    sync_fabric(watch.follower.fabric)
    before = list(FabricResource.objects.filter(kind='Server').order_by('pk').values())
    watch.follower._flush(old)
    assert list(FabricResource.objects.filter(kind='Server').order_by('pk').values()) == before
    watch.follower.flush()
    assert_exact(sample, 'Server')


def test_heartbeats_bring_metadata_alone(sample):
    watch = Watch(fabric_of(sample), 'Agent')
    watch.follower.list()
    first = timezone.now()
    watch.start()
    try:
        sample.patch('Agent', 'leaf-01', {'status': {'lastHeartbeat': '2027-01-01T00:00:00Z'}})
        assert watch.told.wait(PATIENCE)
        event = watch.follower._pending['default', 'leaf-01']
        assert event.metadata_only
        assert 'status' not in event.object
        watch.follower.flush()
        row = FabricResource.objects.get(kind='Agent', name='leaf-01')
        assert row.last_read < first, 'it was read lately'
        FabricResource.objects.filter(pk=row.pk).update(last_read=first.replace(year=2020))
        sample.patch('Agent', 'leaf-01', {'status': {'lastHeartbeat': '2027-01-01T00:00:15Z'}})
        watch.take('leaf-01', status__lastHeartbeat='2027-01-01T00:00:15Z')
        assert 'CANARY' not in str(FabricResource.objects.filter(kind='Agent').values())
    finally:
        watch.stop()
