"""A watch of one Hedgehog fabric takes what belongs to it, and nothing else."""

from collections.abc import Iterator

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.cluster.watch import Event
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync.run import open_cluster, sync_fabric
from netbox_hedgehog.sync.topology import UnknownTopology
from netbox_hedgehog.watch.follower import Follower

from ...support.mirror_contents import fabric_of
from ...support.two_fabrics import made, two_fabrics

pytestmark = pytest.mark.django_db


def database(function, *args, **options):
    return function(*args, **options)


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    with KubernetesAPI(two_fabrics()) as server:
        yield server


@pytest.fixture
def fabric(api) -> Fabric:
    found = fabric_of(api, topology_filter='backend')
    sync_fabric(found)
    return found


def follower(fabric: Fabric, kind: str) -> Follower:
    return Follower(open_cluster(fabric), fabric, KIND_BY_NAME[kind], database)


def tell(found: Follower, kind: str, item: dict, *, metadata_only: bool = False) -> None:
    """Let an event of this object arrive, and be written."""
    item = {**item, 'kind': kind}
    if metadata_only:
        item = {'apiVersion': 'meta.k8s.io/v1', 'kind': 'PartialObjectMetadata', 'metadata': item['metadata']}
    key = item['metadata']['namespace'], item['metadata']['name']
    found._pending = {key: Event('MODIFIED', item, item['metadata']['resourceVersion'])}
    found.flush()


def names(fabric: Fabric, kind: str) -> set[str]:
    return set(FabricResource.objects.filter(fabric=fabric, kind=kind, missing_since=None).values_list('name', flat=True))


def test_a_list_has_what_belongs_to_it(api, fabric):
    for kind, expected in (('Switch', {'back-01'}), ('Agent', {'back-01'}), ('VPC', {'back'}), ('Fabric', {'backend'})):
        found = follower(fabric, kind)
        found.list()
        assert (names(fabric, kind), bool(found.version)) == (expected, True)


def test_events_of_others_are_left_out(api, fabric):
    found = follower(fabric, 'Switch')
    found.list()
    for name, topology in (('back-02', 'backend'), ('front-02', 'default'), ('plain-02', '')):
        tell(found, 'Switch', api.put(made('Switch', name, topology, role='server-leaf')))
    assert names(fabric, 'Switch') == {'back-01', 'back-02'}


def test_an_agent_is_taken_with_its_switch(api, fabric):
    found = follower(fabric, 'Agent')
    found.list()
    tell(found, 'Agent', api.get('Agent', 'leaf-01'), metadata_only=True)
    assert names(fabric, 'Agent') == {'back-01'}
    api.put(made('Switch', 'back-02', 'backend', role='server-leaf'))
    switches = follower(fabric, 'Switch')
    switches.list()
    tell(found, 'Agent', api.put(made('Agent', 'back-02')), metadata_only=True)
    assert names(fabric, 'Agent') == {'back-01', 'back-02'}


def test_what_is_recreated_elsewhere_has_left(api, fabric):
    found = follower(fabric, 'VPC')
    found.list()
    api.delete('VPC', 'back')
    tell(found, 'VPC', api.put(made('VPC', 'back', 'default')))
    assert names(fabric, 'VPC') == set()


def test_a_name_that_the_cluster_does_not_have_takes_nothing_away(api, fabric):
    fabric.topology_filter = 'bakend'
    before = names(fabric, 'Switch')
    with pytest.raises(UnknownTopology, match='has no Hedgehog fabric bakend'):
        follower(fabric, 'Switch').list()
    assert names(fabric, 'Switch') == before
