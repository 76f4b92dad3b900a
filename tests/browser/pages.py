"""Every page of the plugin, by the name that its tests go by, and NetBox's own pages on which it has a panel."""

from collections.abc import Callable

from django.apps import apps
from django.urls import reverse
from utilities.views import get_viewname

from netbox_hedgehog.template_content import MODELS
from tests.support.every_page import names

from .person import Person
from .world import World

NAMESPACE = 'plugins:netbox_hedgehog'

# What is wrong with a row of a list is wrong with all of them, and axe-core looks at each.
FEW = '?per_page=10'

# How a person gets to a page.
Way = Callable[[Person, World], int]


def url(name: str, pk: int | None = None, query: str = '') -> str:
    return reverse(f'{NAMESPACE}:{name}', kwargs={} if pk is None else {'pk': pk}) + query


def at(name: str, query: str = '') -> Way:
    return lambda person, world: person.open(url(name, query=query))


def of_fabric(name: str, which: str = 'fabric') -> Way:
    return lambda person, world: person.open(url(name, getattr(world, which)))


def resource(kind: str, named: str, name: str = 'fabricresource') -> Way:
    return lambda person, world: person.open(url(name, world.resource(kind, named)))


def listed(name: str, path: str) -> Way:
    """The page of the first object that a list of the REST API has."""
    return lambda person, world: person.open(url(name, world.first(f'plugins/hedgehog/{path}')))


def selected(listed: str, action: str) -> Way:
    """What a list offers to do with those that are ticked."""
    def go(person: Person, world: World) -> int:
        person.open(listed)
        person.content.locator('input[name=pk]').first.check()
        with person.page.expect_navigation() as loaded:
            person.content.locator(f'button[formaction^="{action}"]').first.click()
        person.settle()
        return loaded.value.status
    return go


def of_selected(name: str, listed: str = 'fabric_list') -> Way:
    return lambda person, world: selected(url(listed), url(name))(person, world)


def core(label: str) -> Way:
    """The page of an object of NetBox's own that has come from the fabric."""
    def go(person: Person, world: World) -> int:
        links = world.get(f'plugins/hedgehog/inventory/?fabric_id={world.fabric}&object_type={label}&limit=1')
        link = links['results'][0]
        return person.open(reverse(get_viewname(apps.get_model(label)), kwargs={'pk': link['object_id']}))
    return go


def dashboard(person: Person, world: World) -> int:
    world.put_on_dashboard('netbox_hedgehog.FabricsWidget')
    return person.open('/')


# By the name of the URL, or that and what is special.
PAGES: dict[str, Way] = {
    'home': at('home'),
    'overview': at('overview'),
    'find': at('find', '?q=10.0.1.10'),
    'find, empty': at('find'),
    'fabric_list': at('fabric_list'),
    'fabric': of_fabric('fabric'),
    'fabric, failed': of_fabric('fabric', 'broken'),
    'fabric, not read': of_fabric('fabric', 'idle'),
    'fabric_topology': of_fabric('fabric_topology'),
    'fabric_topology, empty': of_fabric('fabric_topology', 'idle'),
    'fabric_switches': of_fabric('fabric_switches'),
    'fabric_cabling': of_fabric('fabric_cabling'),
    'fabric_reachability': of_fabric('fabric_reachability'),
    'fabric_reachability, answered': lambda person, world: person.open(
        url('fabric_reachability', world.fabric, '?from=server-03&to=external+internet'),
    ),
    'fabric_inventory': of_fabric('fabric_inventory'),
    'fabric_discrepancies': of_fabric('fabric_discrepancies'),
    'fabric_dry_run': of_fabric('fabric_dry_run'),
    'fabric_dry_run, full': of_fabric('fabric_dry_run', 'planned'),
    'fabric_rules': of_fabric('fabric_rules'),
    'inventoryrule_list': at('inventoryrule_list'),
    'inventoryrule': listed('inventoryrule', 'inventory-rules/'),
    'inventoryrule_changelog': listed('inventoryrule_changelog', 'inventory-rules/'),
    'inventoryrule_journal': listed('inventoryrule_journal', 'inventory-rules/'),
    'inventoryrule_add': at('inventoryrule_add'),
    'inventoryrule_edit': listed('inventoryrule_edit', 'inventory-rules/'),
    'inventoryrule_delete': listed('inventoryrule_delete', 'inventory-rules/'),
    'inventoryrule_bulk_import': at('inventoryrule_bulk_import'),
    'inventoryrule_bulk_edit': of_selected('inventoryrule_bulk_edit', 'inventoryrule_list'),
    'inventoryrule_bulk_rename': of_selected('inventoryrule_bulk_rename', 'inventoryrule_list'),
    'inventoryrule_bulk_delete': of_selected('inventoryrule_bulk_delete', 'inventoryrule_list'),
    'fabric_events': of_fabric('fabric_events', 'broken'),
    'fabric_jobs': of_fabric('fabric_jobs'),
    'fabric_journal': of_fabric('fabric_journal'),
    'fabric_changelog': of_fabric('fabric_changelog'),
    'fabric_add': at('fabric_add'),
    'fabric_edit': of_fabric('fabric_edit'),
    'fabric_delete': of_fabric('fabric_delete'),
    'fabric_inventory_disable': of_fabric('fabric_inventory_disable'),
    'fabric_onboard': at('fabric_onboard'),
    'fabric_bulk_import': at('fabric_bulk_import'),
    'fabric_bulk_edit': of_selected('fabric_bulk_edit'),
    'fabric_bulk_rename': of_selected('fabric_bulk_rename'),
    'fabric_bulk_delete': of_selected('fabric_bulk_delete'),
    'fabricresource_list': at('fabricresource_list', FEW),
    'fabricresource_list, one kind': at('fabricresource_list', f'{FEW}&kind=Switch'),
    'fabricresource': resource('Switch', 'leaf-02'),
    'fabricresource, connection': resource('Connection', 'server-01--eslag--leaf-01--leaf-02'),
    'fabricresource, missing': resource('VPCPeering', 'vpc-01--vpc-02'),
    'fabricresource, changed': resource('VPC', 'vpc-02'),
    'fabricresource_diagram': resource('VPC', 'vpc-01', 'fabricresource_diagram'),
    'switchhealth_list': at('switchhealth_list'),
    'cablingcheck_list': at('cablingcheck_list'),
    'fabricevent_list': at('fabricevent_list'),
    'fabricevent': listed('fabricevent', 'events/'),
    'discrepancy_list': at('discrepancy_list'),
    'discrepancy': listed('discrepancy', 'discrepancies/?type=field'),
    'inventorylink_list': at('inventorylink_list', FEW),
    'inventorylink': listed('inventorylink', 'inventory/?object_type=dcim.device'),
}
PAGES |= {f'NetBox: {label}': core(label) for label in MODELS}
PAGES['NetBox: dashboard'] = dashboard

# URLs that are no page: something is done by a POST, or a part of a page is asked for.
NO_PAGE = {
    'discrepancy_bulk_fabric', 'discrepancy_bulk_ignore', 'discrepancy_bulk_netbox', 'discrepancy_bulk_reopen',
    'discrepancy_resolve', 'fabric_bulk_sync', 'fabric_cancel', 'fabric_confirm_removed_kind', 'fabric_dry_run_rows',
    'fabric_inventory_apply', 'fabric_inventory_apply_rules', 'fabric_inventory_confirm', 'fabric_live', 'fabric_sync', 'fabric_test_connection',
}

# What only those see who may change something.
FOR_WRITERS = {
    'fabric_add', 'fabric_edit', 'fabric_delete', 'fabric_inventory_disable', 'fabric_onboard', 'fabric_bulk_import',
    'fabric_bulk_edit', 'fabric_bulk_rename', 'fabric_bulk_delete', 'NetBox: dashboard', 'inventoryrule_add',
    'inventoryrule_edit', 'inventoryrule_delete', 'inventoryrule_bulk_import', 'inventoryrule_bulk_edit',
    'inventoryrule_bulk_rename', 'inventoryrule_bulk_delete',
}


def url_names() -> set[str]:
    """The names of all URLs of the plugin."""
    return {name for name, _ in names(NAMESPACE)}
