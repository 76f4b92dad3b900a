"""While a branch is active nothing of the plugin changes, in the branch, in main or in Redis, and one sentence says so."""

from typing import Any

import pytest
from dcim.models import Device
from django.contrib.messages import get_messages
from django.urls import reverse
from netbox_branching.utilities import activate_branch
from utilities.exceptions import AbortRequest

from netbox_hedgehog.inventory.decisions import FABRIC, decide
from netbox_hedgehog.inventory.disable import disable_inventory, plan_removal, remove_created
from netbox_hedgehog.inventory.errors import InventoryRefused
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.jobs.schedules import schedule_id
from netbox_hedgehog.models import Discrepancy, Fabric, FabricResource, InventoryLink

from ..security.endpoints import UNSAFE, api, pages
from ..support.pages import OTHER_TOKEN, TOKEN
from .world import NOT_IN_A_BRANCH, api_client, changes_in, everything, page_client


def one_of(fabric: Fabric, model: Any) -> Any:
    """An object that a URL may name."""
    return fabric if model is Fabric else model.objects.filter(fabric=fabric).first()


def discrepancy_of(fabric: Fabric) -> Discrepancy:
    link = InventoryLink.objects.get(fabric=fabric, object_type__model='device', name='leaf-1')
    Device.objects.filter(pk=link.object_id).update(serial='another')
    reconcile(fabric)
    return Discrepancy.objects.get(fabric=fabric, state='open', field='serial')


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_fabric_of_these_tests_has_what_must_not_change(fabric):
    before = everything()
    assert all(before[model.__name__] for model in (Fabric, FabricResource, InventoryLink))
    assert any(schedule_id(fabric.pk) in str(key) for key in before['redis'])
    assert fabric.credentials().token == TOKEN


def test_every_action_of_a_page_is_refused(user, fabric, branch):
    discrepancy_of(fabric)
    client, before = page_client(user, branch), everything()
    asked = [endpoint for endpoint in pages() if endpoint.methods.intersection(UNSAFE)]
    assert {'fabric_sync', 'fabric_cancel', 'fabric_test_connection', 'fabric_edit', 'fabric_bulk_sync'} <= set(map(str, asked))
    for endpoint in asked:
        url = endpoint.url(one_of(fabric, endpoint.model) if endpoint.model else None)
        data = {'pk': [fabric.pk], 'confirm': True, '_confirm': True, 'decision': 'ignore', 'objects': 'leave'}
        client.cookies.pop('messages', None)
        response = client.post(url, data)
        assert response.status_code == 302, endpoint
        assert told(response) == [NOT_IN_A_BRANCH], endpoint
    assert everything() == before
    assert changes_in(branch) == []


def test_every_action_of_the_rest_api_is_refused(user, fabric, branch):
    discrepancy_of(fabric)
    client, before = api_client(user, branch), everything()
    asked = [(endpoint, method) for endpoint in api() for method in endpoint.methods if method in UNSAFE]
    assert {'fabric-sync', 'fabric-cancel', 'fabric-detail', 'fabric-list'} <= {str(endpoint) for endpoint, _ in asked}
    for endpoint, method in asked:
        url = endpoint.url(one_of(fabric, endpoint.model) if endpoint.model else None)
        response = getattr(client, method)(url, {'name': 'new'}, format='json')
        assert (response.status_code, response.json()) == (409, {'detail': NOT_IN_A_BRANCH}), (endpoint, method)
    assert everything() == before
    assert changes_in(branch) == []


@pytest.mark.parametrize('name', ['fabric_add', 'fabric_bulk_import', 'fabric_edit', 'fabric_delete', 'fabric_inventory_disable'])
def test_a_form_that_could_not_be_saved_is_not_shown(user, fabric, branch, name):
    arguments = [] if name in ('fabric_add', 'fabric_bulk_import') else [fabric.pk]
    response = page_client(user, branch).get(reverse(f'plugins:netbox_hedgehog:{name}', args=arguments))
    target = fabric.get_absolute_url() if arguments else reverse('plugins:netbox_hedgehog:fabric_list')
    assert (response.status_code, response.url) == (302, target)
    assert told(response) == [NOT_IN_A_BRANCH]


def test_people_come_back_to_where_they_were(user, fabric, branch):
    url = reverse('plugins:netbox_hedgehog:fabric_sync', args=[fabric.pk])
    overview = reverse('plugins:netbox_hedgehog:overview')
    assert page_client(user, branch).post(f'{url}?return_url={overview}').url == overview
    home = reverse('plugins:netbox_hedgehog:home')
    assert page_client(user, branch).post(overview).url == home  # a page without an object, and without an action


def test_a_dry_run_is_refused_as_a_branch_has_other_objects(user, fabric, branch):
    page = page_client(user, branch).get(reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[fabric.pk]))
    assert page.status_code == 200
    assert NOT_IN_A_BRANCH in page.content.decode()
    url = reverse('plugins-api:netbox_hedgehog-api:fabric-inventory-plan', args=[fabric.pk])
    answer = api_client(user, branch).get(url)
    assert (answer.status_code, answer.json()) == (409, {'detail': NOT_IN_A_BRANCH})


def test_without_an_active_branch_all_of_it_works(user, fabric, branch):
    """The same requests, by the same person, beside the branch."""
    client = page_client(user, branch)
    client.cookies.clear()
    client.force_login(user)
    response = client.post(reverse('plugins:netbox_hedgehog:fabric_sync', args=[fabric.pk]))
    assert 'Queued job' in told(response)[0]
    fabric.refresh_from_db()
    assert fabric.sync_status == 'queued'


def test_a_script_in_a_branch_is_refused_too(user, fabric, branch):
    discrepancy = discrepancy_of(fabric)
    before, changed = everything(), Fabric.objects.get(pk=fabric.pk)
    changed.kubernetes_token, changed.sync_interval = OTHER_TOKEN, 3600
    with activate_branch(branch):
        for refused, kind in (
            (changed.save, AbortRequest),
            (changed.delete, AbortRequest),
            (Fabric.objects.filter(pk=fabric.pk).delete, AbortRequest),
            (lambda: Fabric.objects.create(name='new'), AbortRequest),
            (lambda: disable_inventory(fabric), InventoryRefused),
            (lambda: reconcile(fabric), InventoryRefused),
            (lambda: plan(fabric), InventoryRefused),
            (lambda: plan_removal(fabric), InventoryRefused),
            (lambda: remove_created(fabric), InventoryRefused),
            (lambda: decide([discrepancy], FABRIC, user), InventoryRefused),
        ):
            with pytest.raises(kind, match=NOT_IN_A_BRANCH):
                refused()
    assert everything() == before
    assert changes_in(branch) == []
