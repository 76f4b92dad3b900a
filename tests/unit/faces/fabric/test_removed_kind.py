"""A kind that is not served any more, until somebody confirms that it was removed for good."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from users.models import User

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync
from netbox_hedgehog.models import Fabric, FabricResource, SwitchHealth

from ....support.mirror_contents import fabric_of
from ....support.pages import allow, messages_of
from ....support.samples import samples

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    with KubernetesAPI(samples()) as server:
        yield server


@pytest.fixture
def fabric(api: KubernetesAPI, django_capture_on_commit_callbacks: Any) -> Fabric:
    """The sample fabric, whose cluster has no VPCs any more, not even as a kind."""
    made = fabric_of(api)
    execute_fabric_sync(made.pk)
    api.missing_kinds.add('VPC')
    return synced(made)


def synced(fabric: Fabric) -> Fabric:
    execute_fabric_sync(fabric.pk)
    fabric.refresh_from_db()
    return fabric


def present(kind: str = 'VPC') -> int:
    return FabricResource.objects.filter(kind=kind, missing_since=None).count()


def url(fabric: Fabric) -> str:
    return reverse('plugins:netbox_hedgehog:fabric_confirm_removed_kind', args=[fabric.pk])


def api_url(fabric: Fabric) -> str:
    return reverse('plugins-api:netbox_hedgehog-api:fabric-confirm-removed-kind', args=[fabric.pk])


@pytest.fixture
def operator(client: Any) -> Any:
    user = User.objects.create_user('operator')
    allow(user, 'view', 'sync')
    allow(user, 'view', model=FabricResource)
    client.force_login(user)
    return client


def test_it_is_in_sync_again_once_the_removal_is_confirmed(fabric: Fabric, operator: Any) -> None:
    count = present()
    assert (fabric.sync_status, count > 1) == ('partial', True)
    assert fabric.sync_error.endswith('If the kind was removed for good, confirm the removal on the fabric’s page.')
    page = operator.get(fabric.get_absolute_url()).content.decode()
    assert f'action="{url(fabric)}"' in page
    response = operator.post(url(fabric), {'kind': 'VPC'})
    assert messages_of(response) == [f'{count} resources marked as missing. The next sync treats their kind as removed.']
    assert present() == 0
    assert url(fabric) not in operator.get(fabric.get_absolute_url()).content.decode()
    assert (synced(fabric).sync_status, fabric.sync_error) == ('in_sync', '')


def test_by_api(fabric: Fabric, operator: Any) -> None:
    count = present()
    response = operator.post(api_url(fabric), {'kind': 'VPC'}, content_type='application/json')
    assert (response.status_code, response.json()) == (200, {'missing': count})
    assert synced(fabric).sync_status == 'in_sync'


def test_a_kind_that_is_served_again_comes_back(fabric: Fabric, operator: Any, api: KubernetesAPI) -> None:
    count = present()
    operator.post(url(fabric), {'kind': 'VPC'})
    api.missing_kinds.clear()
    assert synced(fabric).sync_status == 'in_sync'
    assert present() == count


@pytest.mark.parametrize('kind', ['Switch', 'Gibberish', ''])
def test_any_other_kind_is_refused(fabric: Fabric, operator: Any, kind: str) -> None:
    before = FabricResource.objects.filter(missing_since=None).count()
    response = operator.post(url(fabric), {'kind': kind})
    sentence = 'The last sync did not report this kind as removed. Nothing was changed.'
    assert messages_of(response) == [sentence]
    answer = operator.post(api_url(fabric), {'kind': kind or '-'}, content_type='application/json')
    assert (answer.status_code, answer.json()) == (409, {'detail': sentence})
    assert FabricResource.objects.filter(missing_since=None).count() == before


def test_it_takes_the_permission_to_sync(fabric: Fabric, client: Any) -> None:
    user = User.objects.create_user('viewer')
    allow(user, 'view')
    allow(user, 'view', model=FabricResource)
    client.force_login(user)
    assert url(fabric) not in client.get(fabric.get_absolute_url()).content.decode()
    assert client.post(url(fabric), {'kind': 'VPC'}).status_code == 403
    assert client.post(api_url(fabric), {'kind': 'VPC'}, content_type='application/json').status_code == 403
    assert present()


def test_the_health_of_switches_follows_at_once(api: KubernetesAPI, operator: Any) -> None:
    fabric = fabric_of(api)
    synced(fabric)
    before = dict(SwitchHealth.objects.values_list('name', 'findings'))
    api.missing_kinds.add('Agent')
    synced(fabric)
    assert dict(SwitchHealth.objects.values_list('name', 'findings')) == before
    operator.post(url(fabric), {'kind': 'Agent'})
    after = dict(SwitchHealth.objects.values_list('name', 'findings'))
    assert after != before
