"""One Hedgehog fabric of a controller with several: only what belongs to it is synced, and nothing is lost by that."""

from collections.abc import Iterator

import pytest
from django.urls import reverse

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.models import Fabric, FabricResource, SwitchHealth
from netbox_hedgehog.monitoring.shared_clusters import fabrics_by_cluster, fabrics_of_same_cluster
from netbox_hedgehog.sync.run import sync_fabric
from netbox_hedgehog.sync.run import test_connection as try_connection

from ...support.mirror_contents import fabric_of
from ...support.two_fabrics import BACKEND, SHARED, two_fabrics

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[True, False], ids=['labeled', 'unlabeled'])
def api(request) -> Iterator[KubernetesAPI]:
    with KubernetesAPI(two_fabrics(labeled=request.param)) as server:
        yield server


def present(fabric: Fabric, *, shared: bool = False) -> set[tuple[str, str]]:
    rows = FabricResource.objects.filter(fabric=fabric, missing_since=None)
    rows = rows if shared else rows.exclude(kind__in=SHARED).exclude(name='management')
    return set(rows.values_list('kind', 'name'))


def of_default(api: KubernetesAPI) -> set[tuple[str, str]]:
    own = {(item['kind'], item['metadata']['name']) for item in api.objects() if item['kind'] not in SHARED}
    # The DHCP subnet of the management network is of no VPC: it is in each.
    return own - BACKEND - {('Fabric', 'backend'), ('DHCPSubnet', 'management')}


def choose(fabric: Fabric, topology: str) -> None:
    fabric.topology_filter = topology
    fabric.save()


def test_each_filter_has_its_own_fabric_and_what_is_shared(api):
    back, default = (fabric_of(api, name=name, topology_filter=name) for name in ('backend', 'default'))
    for fabric, expected in ((back, BACKEND | {('Fabric', 'backend')}), (default, of_default(api))):
        assert sync_fabric(fabric).outcome == 'in_sync'
        assert present(fabric) == expected
        again = sync_fabric(fabric)
        assert (again.outcome, again.total('created'), again.total('updated'), again.total('missing')) == ('in_sync', 0, 0, 0)
        assert present(fabric) == expected
    assert {kind for kind, _ in present(back, shared=True)} & {*SHARED} == {*SHARED} - {'ServerProfile'}
    assert set(SwitchHealth.objects.filter(fabric=back).values_list('name', flat=True)) == {'back-01', 'back-gw'}


def test_without_a_filter_everything_is_synced(api):
    fabric = fabric_of(api)
    sync_fabric(fabric)
    assert present(fabric) == of_default(api) | BACKEND | {('Fabric', 'backend')}


def test_a_change_of_the_filter_is_a_removal_and_can_be_taken_back(api, admin_client):
    fabric = fabric_of(api)
    sync_fabric(fabric)
    everything = present(fabric)
    choose(fabric, 'default')
    report = sync_fabric(fabric)
    assert (report.outcome, report.total('missing')) == ('in_sync', len(BACKEND) + 1)
    assert present(fabric) == of_default(api)
    assert not SwitchHealth.objects.filter(fabric=fabric, name='back-01').exists()
    gone = FabricResource.objects.get(fabric=fabric, kind='Switch', name='back-01')
    assert gone.missing_since is not None
    assert gone.spec['asn'] == 65201, 'nothing of it is lost'
    page = admin_client.get(gone.get_absolute_url()).content.decode()
    assert 'Not part of Hedgehog fabric default (topology filter).' in page
    assert 'Deleted from the cluster' not in page
    diagram = admin_client.get(reverse('plugins:netbox_hedgehog:fabric_topology', args=[fabric.pk])).content.decode()
    assert 'back-01' not in diagram
    choose(fabric, '')
    sync_fabric(fabric)
    assert present(fabric) == everything


def test_what_moves_away_leaves_and_what_is_new_comes(api):
    fabric = fabric_of(api, topology_filter='backend')
    sync_fabric(fabric)
    api.delete('Switch', 'back-01')
    new = next(item for item in two_fabrics() if item['metadata']['name'] == 'back-01' and item['kind'] == 'Switch')
    new['metadata']['name'] = 'back-02'
    api.put(new)
    sync_fabric(fabric)
    assert {name for kind, name in present(fabric) if kind == 'Switch'} == {'back-02'}
    assert ('Agent', 'back-01') not in present(fabric)


@pytest.mark.parametrize('stored', [False, True])
def test_a_name_that_the_cluster_does_not_have_changes_nothing(api, stored):
    fabric = fabric_of(api)
    if stored:
        sync_fabric(fabric)
    before = present(fabric)
    choose(fabric, 'bakend')
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert 'has no Hedgehog fabric bakend. Nothing was synced. Correct the topology filter' in report.error
    assert present(fabric) == before
    found = try_connection(fabric)
    assert not found.ok
    assert 'bakend' in found.sentences[-1]


def test_a_release_without_hedgehog_fabrics_has_the_default_one(api):
    api.missing_kinds.add('Fabric')
    fabric = fabric_of(api, topology_filter='default')
    assert sync_fabric(fabric).outcome == 'in_sync'
    assert present(fabric) == of_default(api) - {('Fabric', 'default')}
    choose(fabric, 'backend')
    assert 'has no Hedgehog fabric backend' in sync_fabric(fabric).error


def test_a_kind_that_is_not_read_takes_nothing_away(api):
    fabric = fabric_of(api, topology_filter='backend')
    sync_fabric(fabric)
    before = present(fabric)
    api.faults.answer(500, times=None, match='/switches')
    sync_fabric(fabric)
    assert present(fabric) == before


def test_what_is_of_others_is_asked_for_by_metadata_alone(api):
    fabric = fabric_of(api, topology_filter='backend')
    sync_fabric(fabric)
    api.requests.clear()
    sync_fabric(fabric)
    agents = [request for request in api.requests if request.path.endswith('/agents')]
    assert len(agents) == 1, 'agents of other fabrics are not fetched'


def test_fabrics_of_one_cluster_warn_only_if_they_overlap(api):
    names = ('backend', 'default')
    one, two = (fabric_of(api, name=name, topology_filter=name) for name in names)
    for fabric in (one, two):
        sync_fabric(fabric)
    assert fabrics_of_same_cluster(one) == []
    assert fabrics_by_cluster(Fabric.objects.all()) == []
    whole = fabric_of(api, name='whole')
    sync_fabric(whole)
    assert fabrics_of_same_cluster(one) == ['whole']
    assert fabrics_of_same_cluster(whole) == ['backend', 'default']
    assert fabrics_by_cluster(Fabric.objects.all()) == [['backend', 'whole'], ['default', 'whole']]
    choose(whole, 'backend')
    sync_fabric(whole)
    assert fabrics_by_cluster(Fabric.objects.all()) == [['backend', 'whole']]
