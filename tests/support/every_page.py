"""Every page of the plugin as a request, found in the URL maps: a view that is added later is asked for as well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.urls import get_resolver, reverse
from netbox.graphql.schema import schema
from rest_framework.test import APIClient

from netbox_hedgehog.graphql.schema import HedgehogQuery
from netbox_hedgehog.models import (
    CablingCheck,
    Discrepancy,
    FabricEvent,
    FabricResource,
    InventoryLink,
    InventoryRule,
    SwitchHealth,
)
from netbox_hedgehog.monitoring.metrics import exposition

PAGES, API = 'plugins:netbox_hedgehog', 'plugins-api:netbox_hedgehog-api'

# What a view that only acts is sent, and what that takes; any other is asked by GET.
DIGEST = {'digest': '0' * 32}
ONE = 'pk of one object'
ALL = 'pk of every object'
SENT: dict[str, dict[str, Any]] = {
    'fabric_sync': {}, 'fabric_cancel': {}, 'fabric_test_connection': {}, 'fabric_bulk_sync': {'pk': ONE},
    'fabric_bulk_edit': {'pk': ALL}, 'fabric_bulk_rename': {'pk': ALL}, 'fabric_bulk_delete': {'pk': ALL},
    **{f'inventoryrule_bulk_{action}': {'pk': ONE} for action in ('edit', 'rename', 'delete')},
    'fabric_inventory_apply': DIGEST, 'fabric_inventory_apply_rules': DIGEST,
    'fabric_inventory_confirm': DIGEST, 'fabric_confirm_removed_kind': {'kind': 'VPC'},
    'discrepancy_resolve': {'decision': 'ignore'},
    **{f'discrepancy_bulk_{decision}': {'pk': ONE} for decision in ('fabric', 'netbox', 'ignore', 'reopen')},
    'api fabric-sync': {}, 'api fabric-cancel': {}, 'api fabric-test-connection': {},
    'api fabric-inventory-apply': DIGEST, 'api fabric-inventory-apply-rules': DIGEST,
    'api fabric-inventory-confirm': DIGEST,
    'api fabric-confirm-removed-kind': {'kind': 'VPC'},
    'api fabric-inventory-disable': {'objects': 'leave'},
    'api discrepancy-resolve': {'decision': 'ignore'},
    'api discrepancy-bulk-resolve': {'ids': ONE, 'decision': 'ignore'},
}
# What else a page can be asked for: the parts that it fetches by itself, the lists as people filter them.
QUERIES = {
    'overview': ('live=1', 'widget=1'),
    'fabric_list': ('sync_state=stale',),
    'fabricresource_list': ('kind=Switch', 'q=leaf'),
    'switchhealth_list': ('state=critical',),
    'cablingcheck_list': ('state=wrong_neighbor',),
    'find': ('q=leaf-01', 'q=10.0.1.10', 'q=1001'),
    'api find': ('q=leaf-01', 'q=10.0.1.10', 'q=1001'),
    'discrepancy_list': ('state=open',),
    'fabric_topology': ('format=svg',),
    'fabric_dry_run': ('rules=true',),
    'fabric_reachability': ('from=server-01&to=vpc-02/default',),
    'api fabric-reachability': ('from=server-01&to=vpc-02/default',),
}
# The status of an answer that is not 200: an action leads to a page, is queued, or says why it was not done.
LEADS = 302
STATUS = {
    **{f'inventoryrule_bulk_{action}': 200 for action in ('edit', 'rename', 'delete')},
    'api find': 400,  # without q
    # Without ends there is nothing to answer.
    'api fabric-reachability': 400,
    'api fabric-sync': 202, 'api fabric-cancel': 409, 'api fabric-inventory-apply': 409,
    'api fabric-inventory-apply-rules': 409, 'api fabric-inventory-confirm': 409, 'api fabric-confirm-removed-kind': 409,
}


@dataclass(frozen=True, slots=True)
class Page:
    """Something that can be asked for. `ask` takes a client that is logged in, and returns the response."""

    name: str
    ask: Callable[[Any], Any]
    status: int = 200


def names(namespace: str) -> Iterator[tuple[str, list[str]]]:
    """The names in a URL map's namespace, each with the arguments that it takes."""
    resolver = get_resolver()
    for part in namespace.split(':'):
        resolver = resolver.namespace_dict[part][1]
    for name in sorted(key for key in resolver.reverse_dict if isinstance(key, str)):
        yield name, min((possibilities[0][1] for possibilities, *_ in resolver.reverse_dict.getlist(name)), key=len)


def pages(fabric: Any, everything: list[Any], per_page: int = 100) -> Iterator[Page]:
    """Every page, part, API list and object of the plugin, asked for a fabric and what is of it."""
    of = {
        'fabric': fabric.pk,
        'fabricresource': _pk(FabricResource.objects.filter(fabric=fabric, kind='Switch').order_by('name')),
        'fabricresource_diagram': _pk(FabricResource.objects.filter(fabric=fabric, kind='VPC').order_by('name')),
        'inventorylink': _pk(InventoryLink.objects.filter(fabric=fabric).order_by('pk')),
        'inventoryrule': _pk(InventoryRule.objects.filter(fabric=fabric).order_by('pk')),
        'discrepancy': _pk(Discrepancy.objects.filter(fabric=fabric).order_by('pk')),
        'fabricevent': _pk(FabricEvent.objects.filter(fabric=fabric)),
        'cablingcheck': _pk(CablingCheck.objects.filter(fabric=fabric).order_by('pk')),
        'switchhealth': _pk(SwitchHealth.objects.filter(fabric=fabric).order_by('pk')),
    }
    for namespace, prefix in ((PAGES, ''), (API, 'api ')):
        for name, arguments in names(namespace):
            model = name.replace('-', '_').split('_')[0]
            takes = {'pk': of.get(name, of.get(model))} if 'pk' in arguments else {}
            url = reverse(f'{namespace}:{name}', kwargs=takes)
            if (sent := SENT.get(prefix + name)) is not None:
                chosen = {ONE: [of[model]], ALL: [each.pk for each in everything]}
                data = {key: chosen.get(value, value) for key, value in sent.items()}
                usual = 200 if prefix or ALL in sent.values() else LEADS
                status = STATUS.get(prefix + name, usual)
                yield Page(prefix + name, partial(_post, url, data, bool(prefix)), status)
                continue
            plain = partial(_get, f'{url}?per_page={per_page}&limit={per_page}')
            yield Page(prefix + name, plain, STATUS.get(prefix + name, 200))
            for query in QUERIES.get(prefix + name, ()):
                yield Page(f'{prefix}{name}?{query}', partial(_get, f'{url}?{query}&per_page={per_page}'))
    for field in HedgehogQuery.__strawberry_definition__.fields:
        if field.name.endswith('_list'):
            query = f'{{ {field.name}(pagination: {{limit: {per_page}}}) {{ {_selection(field.name)} }} }}'
            yield Page(f'graphql {field.name}', partial(_post, '/graphql/', {'query': query}, True))
    url = reverse(f'{PAGES}:fabric_delete', args=[fabric.pk])
    yield Page('fabric_delete, confirmed', partial(_post, url, {'confirm': True}, False), LEADS)
    yield Page('metrics', lambda client: exposition())


def _pk(rows: Any) -> int:
    return rows.values_list('pk', flat=True)[0]


def _get(url: str, client: Any) -> Any:
    return client.get(url)


def _post(url: str, data: dict[str, Any], as_json: bool, client: Any) -> Any:
    if not as_json:
        return client.post(url, data)
    api = APIClient()
    api.cookies = client.cookies
    return api.post(url, data, format='json')


def _selection(name: str) -> str:
    """All that a type of the GraphQL schema has: what it relates to by its id."""
    type_ = schema._schema.query_type.fields[name].type
    while hasattr(type_, 'of_type'):
        type_ = type_.of_type
    words = []
    for field, definition in type_.fields.items():
        if field == 'changelog':  # NetBox's own looks it up row by row
            continue
        inner = definition.type
        while hasattr(inner, 'of_type'):
            inner = inner.of_type
        if not hasattr(inner, 'fields'):
            words.append(field if not hasattr(inner, 'types') else f'{field} {{ __typename }}')
        elif 'id' in inner.fields:
            words.append(f'{field} {{ id }}')
    return ' '.join(words)
