"""Which kinds a cluster serves that the plugin does not know, whatever the cluster says."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI, Resource, limited_to, load_resources
from netbox_hedgehog.cluster import discovery as discovery_module
from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.cluster.discovery import MOST_COUNTED, MOST_KINDS, MOST_VERSIONS, undetermined, unsupported_kinds
from netbox_hedgehog.cluster.errors import BadAnswer, ClusterError, Forbidden, ServerFault, Unreachable, Unreadable
from netbox_hedgehog.cluster.kubeconfig import Credentials
from netbox_hedgehog.cluster.transport import ClientOptions

LENS = Resource('Lens', 'lenses', 'wiring.githedgehog.com', 'v1beta1')
TUNNEL = Resource('VPCTunnel', 'vpctunnels', 'vpc.githedgehog.com', 'v1beta1')
OTHERS = (
    Resource('Certificate', 'certificates', 'cert-manager.io', 'v1'),
    Resource('Lookalike', 'lookalikes', 'notgithedgehog.com', 'v1'),
    Resource('Fabricator', 'fabricators', 'fabricator.githedgehog.com', 'v1beta1'),
    Resource('FabricController', 'fabriccontrollers', 'fcint.githedgehog.com', 'v1beta1'),
)
WIRING = '/apis/wiring.githedgehog.com/v1beta1'


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """A cluster of a newer release, beside other things."""
    with KubernetesAPI(
        [thing(TUNNEL, f'to-{number}') for number in range(3)],
        resources=(*load_resources(), TUNNEL, LENS, *OTHERS),
    ) as server:
        yield server


def thing(resource: Resource, name: str) -> dict[str, Any]:
    return {
        'apiVersion': resource.api_version, 'kind': resource.kind, 'metadata': {'name': name, 'namespace': 'default'},
        'spec': {'secret': 'CANARY'},
    }


def found(api: KubernetesAPI, token: str = 'viewer-token', **options: Any) -> list[dict[str, Any]]:
    credentials = Credentials(server=api.url, token=token, ca_pem=api.ca_pem)
    with Cluster(credentials, ClientOptions(**options)) as cluster:
        return unsupported_kinds(cluster, 'default')


def answer(api: KubernetesAPI, match: str, **body: Any) -> None:
    api.faults.answer(200, times=None, match=match, body=json.dumps(body).encode())


def groups(*names: Any, version: Any = 'v1') -> list[dict[str, Any]]:
    return [{'name': name, 'versions': [{'version': version}]} for name in names]


def resource(plural: Any, kind: Any, **values: Any) -> dict[str, Any]:
    return {'name': plural, 'kind': kind, 'namespaced': True, 'verbs': ['list'], **values}


def test_kinds_that_are_not_known_are_named_and_counted(api: KubernetesAPI) -> None:
    assert found(api) == [
        {'kind': 'Lens', 'group': LENS.group, 'version': 'v1beta1', 'plural': 'lenses', 'count': 0},
        {
            'kind': 'VPCTunnel', 'group': TUNNEL.group, 'version': 'v1beta1', 'plural': 'vpctunnels',
            'count': 3,
        },
    ]


def test_the_peerings_of_an_old_release_are_named() -> None:
    peering = Resource('Peering', 'peerings', 'gateway.githedgehog.com', 'v1alpha1')
    with KubernetesAPI([thing(peering, 'blue--red')], resources=(*load_resources(), peering)) as api:
        assert [(kind['kind'], kind['count']) for kind in found(api)] == [('Peering', 1)]


def test_an_older_cluster_names_the_same(api: KubernetesAPI) -> None:
    kinds = found(api)
    api.aggregated_discovery = False
    assert found(api) == kinds


def test_a_cluster_of_this_release_has_none_and_one_request_says_so() -> None:
    with KubernetesAPI() as api:
        assert found(api) == []
        assert [request.path for request in api.requests] == ['/apis']


def test_an_older_cluster_is_asked_for_each_group() -> None:
    with KubernetesAPI() as api:
        api.aggregated_discovery = False
        assert found(api) == []
        asked = [request.path for request in api.requests]
    assert asked == ['/apis', *sorted({f'/apis/{kind.group}/{kind.version}' for kind in load_resources()})]


def test_what_is_too_large_at_once_is_asked_for_group_by_group(api: KubernetesAPI) -> None:
    api.faults.answer(200, times=1, match='/apis$', body=b'{"items": [' + b' ' * 2 * 1024 * 1024 + b']}')
    assert [kind['kind'] for kind in found(api)] == ['Lens', 'VPCTunnel']


@pytest.mark.parametrize('items', [
    [], None, [None, 'x', {}, {'metadata': None}, {'metadata': {'name': 7}}],
    [{'metadata': {'name': 'a.githedgehog.com'}, 'versions': [None, {}, 'x', {'version': '../v1', 'resources': []}]}],
    [{'metadata': {'name': 'a.githedgehog.com'}, 'versions': [
        {'version': 'v1', 'resources': [None, 'x', {}, {'resource': 'as'}, {'resource': 'as', 'responseKind': 'A'}]},
    ]}],
])
def test_aggregated_discovery_of_a_strange_shape(api: KubernetesAPI, items: Any) -> None:
    answer(api, '/apis$', kind='APIGroupDiscoveryList', items=items)
    assert found(api) == []
    assert len(api.requests) == 1


def test_a_version_without_its_resources_is_asked_for_them(api: KubernetesAPI) -> None:
    version = {'version': 'v1beta1', 'freshness': 'Stale'}
    answer(api, '/apis$', kind='APIGroupDiscoveryList', items=[{'metadata': {'name': LENS.group}, 'versions': [version]}])
    assert [kind['kind'] for kind in found(api)] == ['Lens']


def test_of_their_objects_no_spec_is_asked_for(api: KubernetesAPI) -> None:
    found(api)
    lists = [request for request in api.requests if '/namespaces/' in request.path]
    assert [request.path.rsplit('/', 1)[1] for request in lists] == ['lenses', 'vpctunnels']
    assert {request.query['limit'] for request in lists} == {'1'}
    assert all(request.headers['accept'].startswith('application/json;as=PartialObjectMetadataList') for request in lists)


def test_what_may_not_be_listed_has_no_count(api: KubernetesAPI) -> None:
    api.grant('viewer-token', limited_to('switches'))
    assert [(kind['kind'], kind['count']) for kind in found(api)] == [('Lens', None), ('VPCTunnel', None)]


@pytest.mark.parametrize('metadata', [{'continue': 'x'}, {'continue': 'x', 'remainingItemCount': -1}])
def test_a_server_that_does_not_say_how_many_there_are(api: KubernetesAPI, metadata: dict[str, Any]) -> None:
    api.missing_kinds.add('Lens')
    answer(api, '/vpctunnels', kind='PartialObjectMetadataList', metadata=metadata, items=[{}])
    assert [(kind['kind'], kind['count']) for kind in found(api)] == [('VPCTunnel', None)]


def test_the_same_kind_in_several_versions_is_named_once() -> None:
    newer = Resource('VPCTunnel', 'vpctunnels', 'vpc.githedgehog.com', 'v1')
    with KubernetesAPI(resources=(*load_resources(), newer, TUNNEL)) as api:
        assert [kind['kind'] for kind in found(api)] == ['VPCTunnel']


def test_a_known_kind_in_another_version_is_no_unknown_one() -> None:
    with KubernetesAPI(resources=(*load_resources(), Resource('VPC', 'vpcs', 'vpc.githedgehog.com', 'v2'))) as api:
        assert found(api) == []


def of_groups(api: KubernetesAPI) -> KubernetesAPI:
    api.aggregated_discovery = False
    return api


FAILURES: dict[str, tuple[Callable[[KubernetesAPI], object], type[ClusterError]]] = {
    'forbidden': (lambda api: api.faults.answer(403, times=None, match='/apis$'), Forbidden),
    'a group is forbidden': (lambda api: of_groups(api).faults.answer(403, times=None, match=f'{WIRING}$'), Forbidden),
    'away': (lambda api: api.faults.drop(times=None, match='/apis$'), Unreachable),
    'out of order': (lambda api: of_groups(api).faults.answer(503, times=None, match=f'{WIRING}$'), ServerFault),
    'no list': (lambda api: answer(api, '/apis$', groups={'name': 'x'}), BadAnswer),
    'no groups': (lambda api: answer(api, '/apis$'), BadAnswer),
    'no resources': (lambda api: answer(of_groups(api), f'{WIRING}$', kind='APIResourceList'), BadAnswer),
    'no JSON': (lambda api: api.faults.html(match='/apis$'), BadAnswer),
    'too large': (lambda api: answer(api, '/apis$', groups=[], more='x' * 2 * 1024 * 1024), Unreadable),
}


@pytest.mark.parametrize('what', FAILURES)
def test_a_cluster_that_does_not_say_it(api: KubernetesAPI, what: str) -> None:
    inflict, error = FAILURES[what]
    inflict(api)
    before = len(api.requests)
    with pytest.raises(error) as raised:
        found(api)
    assert len(api.requests) - before <= 8, 'nothing is tried again'
    sentence = undetermined(raised.value)
    assert ('system:discovery' in sentence) == (error is Forbidden)
    assert 'could not be determined' in sentence or 'not named' in sentence


def test_a_cluster_that_does_not_respond_in_time(api: KubernetesAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_module, 'LONGEST_IN_ALL', 0.2)
    api.faults.hold(match='/apis$')
    with pytest.raises(Unreachable):
        found(api)
    api.faults.clear()


def test_a_group_that_is_removed_meanwhile_has_nothing(api: KubernetesAPI) -> None:
    of_groups(api)
    api.faults.answer(404, times=None, match=f'{WIRING}$')
    assert [kind['kind'] for kind in found(api)] == ['VPCTunnel']


@pytest.mark.parametrize('name', [
    '../../api/v1/secrets?x=.githedgehog.com', 'a/b.githedgehog.com', '.githedgehog.com', 'X.githedgehog.com',
    'a\n.githedgehog.com', f'{"a" * 300}.githedgehog.com', 'githedgehog.com.example.com', None, 7, ['a.githedgehog.com'],
])
def test_a_group_with_a_strange_name_is_not_asked_for(api: KubernetesAPI, name: Any) -> None:
    answer(api, '/apis$', groups=groups(name))
    assert found(api) == []
    assert [request.path for request in api.requests] == ['/apis']


@pytest.mark.parametrize('version', ['../v1', 'v1/x', '', None, 7])
def test_nor_is_a_strange_version(api: KubernetesAPI, version: Any) -> None:
    answer(api, '/apis$', groups=groups('new.githedgehog.com', version=version))
    assert found(api) == []
    assert len(api.requests) == 1


@pytest.mark.parametrize('body', [
    {'groups': []}, {'groups': None}, {'groups': [None, 'x', {}, {'name': 'a.githedgehog.com'}]},
    {'groups': [{'name': 'a.githedgehog.com', 'versions': [None, {}, 'x']}]},
])
def test_groups_of_a_strange_shape(api: KubernetesAPI, body: dict[str, Any]) -> None:
    answer(api, '/apis$', **body)
    assert found(api) == []


def test_resources_of_a_strange_shape_and_hostile_names(api: KubernetesAPI) -> None:
    answer(api, '/apis$', groups=groups('new.githedgehog.com'))
    answer(api, '/apis/new', resources=[
        None, 'x', {}, resource('a', None), resource(None, 'A'), resource('a', ''), resource('goods/status', 'Good'),
        resource('goods', 'Good', verbs=None), resource('clusterwides', 'ClusterWide', namespaced=False),
        resource('..?x', '<script>\x00\ud800' + 'x' * 500),
    ])
    assert [(kind['kind'], kind['plural'], kind['count']) for kind in found(api)] == [
        ('<script>??' + 'x' * 70, '..?x', None), ('ClusterWide', 'clusterwides', None), ('Good', 'goods', None),
    ]
    assert {request.path for request in api.requests} == {'/apis', '/apis/new.githedgehog.com/v1'}


def test_thousands_of_kinds_and_groups_cost_no_more_than_a_few_requests(api: KubernetesAPI) -> None:
    answer(api, '/apis$', groups=groups(*(f'g{number:03}.githedgehog.com' for number in range(500))))
    answer(api, '/apis/g[^/]*/v1$', resources=[resource(f'k{number}s', f'K{number:04}') for number in range(3000)])
    kinds = found(api)
    assert len(kinds) == MOST_KINDS
    assert len(api.requests) == 1 + MOST_VERSIONS + MOST_COUNTED
    assert kinds == sorted(kinds, key=lambda kind: (kind['kind'], kind['group']))


def test_the_version_that_a_group_prefers_comes_first(api: KubernetesAPI) -> None:
    many = [{'version': f'v{number}'} for number in range(1, 30)]
    names = ('a.githedgehog.com', 'b.githedgehog.com')
    answer(api, '/apis$', groups=[{'name': name, 'versions': many} for name in names])
    answer(api, r'/apis/[ab]\.', resources=[])
    found(api)
    assert [request.path for request in api.requests][1:3] == [f'/apis/{name}/v1' for name in names]
