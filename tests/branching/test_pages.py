"""Pages and APIs in a branch show main's fabrics, also where the branch has none of the objects that they refer to."""

import pytest
from dcim.models import Device, Location, Site
from django.urls import reverse
from netbox_branching.utilities import activate_branch
from tenancy.models import Tenant

from benchmarks.population import populate
from netbox_hedgehog.models import Fabric

from ..support.every_page import SENT, pages
from ..support.pages import all_alive
from .world import api_client, new_branch, page_client

# What answers with something else than a response of a page, or is a form that a branch does not show.
NOT_SHOWN = {
    'metrics', 'fabric_delete, confirmed', 'fabric_add', 'fabric_edit', 'fabric_delete', 'fabric_bulk_import',
    'fabric_inventory_disable', 'fabric-inventory-plan', 'inventoryrule_add', 'inventoryrule_edit',
    'inventoryrule_delete', 'inventoryrule_bulk_import',
}


@pytest.fixture(scope='module')
def early(user):
    """A branch that was made before there was anything."""
    branch = new_branch(user)
    yield branch
    branch.delete()


@pytest.fixture(scope='module')
def fabric(early):
    population = populate(2, 80)
    fabric = population.fabrics[0]
    fabric.inventory_location = Location.objects.create(name='Hall', slug='hall', site=fabric.inventory_site)
    fabric.inventory_tenant = Tenant.objects.create(name='Owner', slug='owner')
    fabric.save()
    yield fabric
    for each in population.fabrics:
        each.delete()


def test_every_page_is_shown(user, early, fabric):
    with activate_branch(early):
        assert not Site.objects.filter(pk=fabric.inventory_site_id).exists()
        assert not Device.objects.filter(site_id=fabric.inventory_site_id).exists()
    client, asked = page_client(user, early), []
    all_alive()
    for page in pages(fabric, [fabric]):
        if page.name in SENT or page.name.removeprefix('api ') in NOT_SHOWN or page.name in NOT_SHOWN:
            continue
        asked.append(page.name)
        response = page.ask(client)
        assert response.status_code == page.status, page.name
        assert not page.name.startswith('graphql') or 'errors' not in response.json(), (page.name, response.json())
    assert {'fabric', 'fabric_dry_run', 'fabric_inventory', 'api fabric-list', 'graphql fabric_list'} <= set(asked)


def test_a_fabric_and_what_it_refers_to_are_those_of_main(user, early, fabric):
    answer = api_client(user, early).get(reverse('plugins-api:netbox_hedgehog-api:fabric-detail', args=[fabric.pk])).json()
    shown = [answer[name]['name'] for name in ('inventory_site', 'inventory_location', 'inventory_tenant')]
    assert shown == ['Population', 'Hall', 'Owner']
    with activate_branch(early):
        again = Fabric.objects.get(pk=fabric.pk)
        assert [again.inventory_site.name, again.inventory_tenant.name] == ['Population', 'Owner']
        prefetched = Fabric.objects.prefetch_related('inventory_site').get(pk=fabric.pk)
        assert prefetched.inventory_site.name == 'Population'
