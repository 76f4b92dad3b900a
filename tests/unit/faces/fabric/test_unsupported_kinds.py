"""Kinds of a cluster that the plugin does not support are named wherever somebody looks, and nothing else changes."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from core.models import Job
from django.core.management import call_command
from django.urls import reverse
from users.models import User

from demo.kubernetes_api import KubernetesAPI, Resource, limited_to, load_resources
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync
from netbox_hedgehog.models import Fabric, FabricEvent, FabricResource

from ....support.jobs import make_fabric
from ....support.mirror_contents import fabric_of
from ....support.pages import allow
from ....support.samples import samples

pytestmark = pytest.mark.django_db

NEW = (
    Resource('Lens', 'lenses', 'wiring.githedgehog.com', 'v1beta1'),
    Resource('VPCTunnel', 'vpctunnels', 'vpc.githedgehog.com', 'v1beta1'),
)
ONE = 'VPCTunnel (2 objects) is not supported by this version of the plugin. Check whether a newer version supports it.'
TWO = 'Lens (1 object), VPCTunnel (2 objects) are not supported by this version of the plugin.'
HOSTILE = '"><script>alert(1)</script>'


def thing(resource: Resource, name: str) -> dict[str, Any]:
    return {
        'apiVersion': resource.api_version, 'kind': resource.kind,
        'metadata': {'name': name, 'namespace': 'default'}, 'spec': {},
    }


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """The sample fabric of a newer release, whose kind Lens is not installed yet."""
    objects = [*samples(), thing(NEW[0], 'default'), thing(NEW[1], 'a'), thing(NEW[1], 'b')]
    with KubernetesAPI(objects, resources=(*load_resources(), *NEW), missing_kinds=['Lens']) as server:
        yield server


@pytest.fixture
def fabric(api: KubernetesAPI, django_capture_on_commit_callbacks: Any) -> Fabric:
    return synced(fabric_of(api))


@pytest.fixture
def viewer(client: Any) -> Any:
    user = User.objects.create_user('viewer')
    allow(user, 'view')
    client.force_login(user)
    return client


def synced(fabric: Fabric) -> Fabric:
    execute_fabric_sync(fabric.pk)
    fabric.refresh_from_db()
    return fabric


def events() -> list[tuple[str, list[str]]]:
    found = FabricEvent.objects.filter(event_type='hedgehog_unsupported_kinds').order_by('pk')
    return [(event.message, event.data['event']['names']) for event in found]


def status(*options: str) -> str:
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command('hedgehog_sync', 'status', *options, stdout=out)
    return out.getvalue()


def page(client: Any, fabric: Fabric) -> str:
    response = client.get(fabric.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


def test_they_are_named_and_the_fabric_is_in_sync(fabric: Fabric, viewer: Any) -> None:
    assert (fabric.sync_status, fabric.sync_error, fabric.is_failing) == ('in_sync', '', False)
    assert set(FabricResource.objects.values_list('kind', flat=True)) == {item['kind'] for item in samples()}
    assert ONE in page(viewer, fabric)
    job = Job.objects.get(object_id=fabric.pk)
    assert job.status == 'completed'
    assert job.log_entries[-1]['message'].endswith(f' s. {ONE}')
    assert job.data['unsupported_kinds'] == fabric.unsupported_kinds
    assert f'\n  {ONE}\n' in status()


def test_by_api(fabric: Fabric, viewer: Any) -> None:
    stored = [{
        'kind': 'VPCTunnel', 'group': 'vpc.githedgehog.com', 'version': 'v1beta1', 'plural': 'vpctunnels',
        'count': 2,
    }]
    for name in ('detail', 'status'):
        url = reverse(f'plugins-api:netbox_hedgehog-api:fabric-{name}', args=[fabric.pk])
        assert viewer.get(url).json()['unsupported_kinds'] == stored
    assert json.loads(status('--json'))['status'][0]['unsupported_kinds'] == stored
    query = '{ fabric_list { unsupported_kinds } }'
    answer = viewer.post(reverse('graphql'), {'query': query}, content_type='application/json').json()
    assert answer == {'data': {'fabric_list': [{'unsupported_kinds': stored}]}}


def test_one_event_for_each_that_is_new(fabric: Fabric, api: KubernetesAPI, viewer: Any) -> None:
    first = (
        'This version of the plugin does not support kinds of f: VPCTunnel (2 objects).',
        ['VPCTunnel.vpc.githedgehog.com'],
    )
    api.put(thing(NEW[1], 'c'))
    synced(fabric)
    assert events() == [first], 'more objects are no change of the set'
    api.delete('VPCTunnel', 'c')
    api.missing_kinds.clear()
    synced(fabric)
    second = (
        'This version of the plugin does not support kinds of f: Lens (1 object).',
        ['Lens.wiring.githedgehog.com'],
    )
    assert events() == [first, second]
    assert TWO in page(viewer, fabric)
    api.missing_kinds.update({'Lens', 'VPCTunnel'})
    synced(fabric)
    assert fabric.unsupported_kinds == []
    assert events() == [first, second]
    assert 'not supported by this version' not in page(viewer, fabric)
    api.missing_kinds.clear()
    synced(fabric)
    assert [names for _, names in events()[2:]] == [[
        'Lens.wiring.githedgehog.com', 'VPCTunnel.vpc.githedgehog.com',
    ]]


@pytest.mark.parametrize(('code', 'why'), [(403, 'ClusterRole system:discovery'), (500, 'could not be determined')])
def test_discovery_that_fails_changes_nothing(
    fabric: Fabric, api: KubernetesAPI, viewer: Any, code: int, why: str,
) -> None:
    before = fabric.unsupported_kinds
    api.faults.answer(code, times=None, match='/apis$')
    synced(fabric)
    assert (fabric.sync_status, fabric.sync_error) == ('in_sync', '')
    assert fabric.unsupported_kinds == before
    assert len(events()) == 1
    assert ONE in page(viewer, fabric)
    job = Job.objects.filter(object_id=fabric.pk).latest('pk')
    assert (job.data['outcome'], job.data['unsupported_kinds']) == ('in_sync', None)
    assert why in job.data['discovery_error']
    assert why in job.log_entries[-1]['message']


def test_until_discovery_succeeds_nothing_is_claimed(api: KubernetesAPI, viewer: Any) -> None:
    api.faults.answer(403, times=None, match='/apis$')
    fabric = synced(fabric_of(api))
    assert (fabric.sync_status, fabric.unsupported_kinds, events()) == ('in_sync', None, [])
    assert 'not supported by this version' not in page(viewer, fabric)


def test_a_partial_sync_names_them_too(api: KubernetesAPI) -> None:
    api.grant('viewer-token', limited_to('switches'))
    fabric = synced(fabric_of(api))
    assert fabric.sync_status == 'partial'
    assert 'VPCTunnel' not in fabric.sync_error
    assert fabric.unsupported_sentence.startswith('VPCTunnel is not supported')


def test_a_failed_sync_does_not_ask(fabric: Fabric, api: KubernetesAPI) -> None:
    before = fabric.unsupported_kinds
    api.requests.clear()
    api.revoke('viewer-token')
    assert synced(fabric).sync_status == 'failed'
    assert fabric.unsupported_kinds == before
    assert '/apis' not in {request.path for request in api.requests}


def test_hostile_names_are_text(viewer: Any) -> None:
    fabric = make_fabric(unsupported_kinds=[
        {'kind': HOSTILE, 'group': f'{HOSTILE}.githedgehog.com', 'version': 'v1', 'plural': HOSTILE, 'count': None},
    ])
    assert '<script>alert' not in page(viewer, fabric)
    assert '&lt;script&gt;alert(1)' in page(viewer, fabric)


def test_a_name_that_is_not_unique_is_shown_with_its_group() -> None:
    def kind(name: str, group: str, count: int | None = None) -> dict[str, Any]:
        return {'kind': name, 'group': f'{group}.githedgehog.com', 'version': 'v1', 'plural': 'x', 'count': count}

    fabric = Fabric(unsupported_kinds=[kind('Port', 'a'), kind('Port', 'b'), kind('Switch', 'c', 7), kind('Rack', 'd', 0)])
    assert fabric.unsupported_sentence.startswith(
        'Port.a.githedgehog.com, Port.b.githedgehog.com, Switch.c.githedgehog.com (7 objects), Rack (0 objects) are not',
    )


def test_of_many_the_first_are_named() -> None:
    kinds = [
        {'kind': f'K{number}', 'group': 'a.githedgehog.com', 'version': 'v1', 'plural': 'x', 'count': None}
        for number in range(100)
    ]
    assert 'K8, K9 and 90 more are not supported' in Fabric(unsupported_kinds=kinds).unsupported_sentence
