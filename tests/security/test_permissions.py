"""Who may see and do what, asked of every page, every action and every part of the REST API that there is.

The endpoints come from the URL map. A new one is asked the same questions without a line here, and fails where it
answers somebody it must not.
"""

import difflib
import json
import re

from dcim.models import Location
from django.test import Client
from django.urls import reverse
from extras.models import NotificationGroup
from rest_framework.test import APIClient
from tenancy.models import Tenant
from users.constants import TOKEN_PREFIX
from users.models import Token, User
from utilities.testing import TestCase, disable_logging

from netbox_hedgehog.models import CablingCheck, Discrepancy, Fabric, FabricEvent, FabricResource, InventoryLink

from ..support.pages import SERVER, all_alive, allow
from .endpoints import UNSAFE, api, pages
from .graphql import queries
from .world import (
    MODELS,
    alpha,
    bravo,
    put_bravo_in_queue,
    rows_of,
    sees_a_part,
    without_bravo,
    without_what_is_hidden,
)

REFUSED = (403, 404, 405)

# What differs between two answers to the same question: lines with tokens of forms, the chart of runs, whose axis ends
# now, and what the clock says.
TOKENS = ('csrf', 'CSRF', '_init_time', 'page_load_time', 'netbox-request-id', 'dashboard-widget-', 'syncs since ')
DURATION = r'\b(?:an?|\d{1,5}(?:\.\d{1,9})?)\s(?:second|minute|hour|day|week|month|year)s?\b'
CLOCK = re.compile(
    r'\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?|\b\d\d:\d\d:\d\d\b|"age": \d{1,9}(?:\.\d{1,9})?'
    rf'|{DURATION}(?:,?\s{DURATION})?(?:\sago)?|\bnow\b'
)


# What is said of a fabric as a whole, to whoever may view the fabric: what its next run would do (docs/security.md).
# What it shows of NetBox is each user's own: unit/faces/inventory/test_findings.py.
OF_THE_FABRIC = ('fabric_dry_run', 'fabric_inventory_disable', 'inventory/plan/')


def told(answer: str) -> list[str]:
    return [CLOCK.sub('', line) for line in answer.splitlines() if not any(token in line for token in TOKENS)]


class EndpointTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        with disable_logging():
            cls.alpha, cls.bravo = alpha(), bravo()

    def setUp(self):
        super().setUp()
        all_alive()

    def first(self, model, fabric):
        rows = model.objects.filter(pk=fabric.pk) if model is Fabric else model.objects.filter(fabric=fabric)
        if model is FabricResource:
            rows = rows.filter(kind='VPC', name='vpc-01')  # which has every page that a resource can have
        if model is FabricEvent:
            return rows.get(message=f'{fabric.name}-event')
        if model is CablingCheck:
            return rows.exclude(switch__startswith='hidden-').exclude(peer__startswith='hidden-').first()
        return rows.exclude(**({} if model is Fabric else {'name__startswith': 'hidden-'})).first()

    def url(self, endpoint, fabric):
        return endpoint.url(self.first(endpoint.model, fabric) if endpoint.model else None)

    def form(self, fabric):
        """What any of the plugin's actions could take, aimed at a fabric and all that is in it."""
        resolve = list(Discrepancy.objects.filter(fabric=fabric).values_list('pk', flat=True))
        return {
            'pk': [fabric.pk, *resolve], '_apply': '1', 'confirm': 'True', '_confirm': '1', 'name': 'changed',
            'description': 'changed', 'decision': 'ignore', 'digest': 'd' * 32, 'status': 'planned', 'find': 'a',
            'replace': 'x', 'kubernetes_server': SERVER, 'sync_interval': '300', 'kubernetes_namespace': 'default',
            'data': f'id,description\n{fabric.pk},changed', 'format': 'csv', 'csv_delimiter': 'auto',
            'import_method': 'direct', 'objects': 'leave', 'comments': 'changed', 'kind': 'info',
        }

    def body(self, endpoint, fabric, method):
        """The same for the REST API."""
        one = {
            'id': fabric.pk, 'name': 'changed', 'description': 'changed', 'decision': 'ignore', 'digest': 'd' * 32,
            'ids': list(Discrepancy.objects.filter(fabric=fabric).values_list('pk', flat=True)), 'objects': 'leave', 'kind': 'VPC',
        }
        bulk = endpoint.model is None and endpoint.name == 'fabric-list' and method != 'post'
        return [one] if bulk else one

    def header(self, user=None):
        token = Token.objects.create(user=user or self.user)
        return {'HTTP_AUTHORIZATION': f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}'}

    def calls(self, fabric):
        """Every request that could change something: (what, send it)."""
        header = self.header()
        for endpoint in pages():
            for method in UNSAFE:
                url = self.url(endpoint, fabric)
                yield f'{method} {endpoint}', lambda method=method, url=url: getattr(self.client, method)(
                    url, self.form(fabric) if method == 'post' else None,
                )
        client = APIClient()
        for endpoint in api():
            for method in endpoint.methods & set(UNSAFE):
                url, body = self.url(endpoint, fabric), self.body(endpoint, fabric, method)
                yield f'API {method} {endpoint}', lambda method=method, url=url, body=body: getattr(client, method)(
                    url, body, format='json', **header,
                )


class NobodyTestCase(EndpointTestCase):
    """Somebody who has not logged in, and somebody who may do nothing."""

    def test_anonymous(self):
        before = rows_of()
        for fabric in (self.alpha, self.bravo):
            for endpoint in pages():
                for method in ('get', *UNSAFE):
                    response = getattr(Client(), method)(self.url(endpoint, fabric))
                    with self.subTest(endpoint=str(endpoint), method=method):
                        self.assertEqual(response.status_code, 302)
                        self.assertIn('/login/', response.url)
            for endpoint in api():
                for method in endpoint.methods:
                    response = getattr(APIClient(), method)(self.url(endpoint, fabric))
                    with self.subTest(endpoint=str(endpoint), method=method):
                        self.assertEqual(response.status_code, 403)
        self.assertEqual(rows_of(), before)

    def test_without_any_permission(self):
        before, header = rows_of(), self.header()
        for endpoint in pages():
            response = self.client.get(self.url(endpoint, self.alpha))
            with self.subTest(endpoint=str(endpoint)):
                self.assertIn(response.status_code, (403, 404))
                self.assertNotIn('alpha', response.content.decode())
        for endpoint in api():
            if 'get' in endpoint.methods and endpoint.name != 'api-root':
                response = APIClient().get(self.url(endpoint, self.alpha), **header)
                with self.subTest(endpoint=str(endpoint)):
                    self.assertIn(response.status_code, (403, 404))
        for what, send in self.calls(self.alpha):
            with self.subTest(what=what), disable_logging():
                self.assertIn(send().status_code, REFUSED)
        self.assertEqual(rows_of(), before)

    def test_who_may_only_view_changes_nothing(self):
        for model in MODELS:
            allow(self.user, 'view', model=model)
        before = rows_of()
        for what, send in self.calls(self.alpha):
            with self.subTest(what=what), disable_logging():
                self.assertIn(send().status_code, REFUSED)
        self.assertEqual(rows_of(), before)


# Questions whose answers could tell of what may not be seen.
FOUND = tuple(f'?q={term}' for term in (
    'hidden-vpc', 'hidden-server', 'hidden', 'bravo', '10.99.0.5', '10.99.0.0/24', 'leaf-01', 'vpc-01', 'vpc-01/default',
    'server-01', '1001', '65101',
))
REACHED = tuple(f'?from={source}&to={target}' for source, target in (
    ('vpc-01/default', 'hidden-vpc/default'), ('hidden-server', 'server-01'), ('vpc-01', 'vpc-02'),
    ('server-01', 'server-02'), ('10.99.0.5', 'vpc-01/default'),
))


class PartTestCase(EndpointTestCase):
    """Somebody who has every right on a part, and none on the rest."""

    def setUp(self):
        super().setUp()
        sees_a_part(self.user)

    def test_what_is_anothers_is_not_found(self):
        header = self.header()
        for endpoint in pages():
            if endpoint.model:
                with self.subTest(endpoint=str(endpoint)):
                    self.assertEqual(self.client.get(self.url(endpoint, self.bravo)).status_code, 404)
        for endpoint in api():
            if endpoint.model and 'get' in endpoint.methods:
                with self.subTest(endpoint=str(endpoint)):
                    response = APIClient().get(self.url(endpoint, self.bravo), **header)
                    self.assertEqual(response.status_code, 404)

    def test_nothing_of_anothers_is_changed(self):
        """Not by an action on one, not by a bulk action that names it, not by one on all."""
        def of_others():
            return {
                table: {row for row in rows if 'bravo' in row or f',{self.bravo.pk},' in row}
                for table, rows in rows_of().items() if table != 'core_job'
            }

        before = of_others()
        self.assertGreater(sum(map(len, before.values())), 100)
        for what, send in self.calls(self.bravo):
            with self.subTest(what=what), disable_logging():
                self.assertLess(send().status_code, 500)
                self.assertEqual(of_others(), before)
        for endpoint in pages():
            if endpoint.model is None and 'post' in endpoint.methods:
                with self.subTest(endpoint=str(endpoint)), disable_logging():
                    self.client.post(endpoint.url(), {**self.form(self.bravo), '_all': '1'})
                    self.assertEqual(of_others(), before)

    def filters(self):
        """Questions for what may not be seen: of every list, page and REST API, by every filter that names objects."""
        asked = {
            'fabric_id': self.bravo_id, 'fabric_id__n': self.bravo_id, 'fabric': 'bravo', 'fabric__n': 'bravo',
            'link_id': self.hidden_link_id,
        }
        for endpoint in (*pages(), *api()):
            filterset = getattr(endpoint.view, 'filterset', None) or getattr(endpoint.view, 'filterset_class', None)
            if endpoint.model or filterset is None or 'get' not in endpoint.methods:
                continue
            for name in asked.keys() & filterset.get_filters().keys():
                yield f'filter {endpoint} {name}', f'{endpoint.url()}?{name}={asked[name]}'

    def answers(self):
        """Everything that this user can look at, without what differs from one look to the next."""
        found, header = {}, self.header()
        names = {str(endpoint): endpoint for endpoint in pages()}
        urls = [(f'page {name}', self.url(endpoint, self.alpha)) for name, endpoint in names.items()]
        urls += [
            (f'page {name} {query}', f'{self.url(names[name], self.alpha)}{query}')
            for name, queries in {
                'overview': ('?live=1', '?widget=1'),
                'fabric_topology': ('?format=svg', '?group=hidden-group'),
                'fabricresource_diagram': ('?format=svg',),
                'fabricresource_list': ('?export=table', '?export=', '?kind=VPCAttachment', '?q=hidden'),
                'fabric_list': ('?export=table', '?export=', '?q=bravo'),
                'inventorylink_list': ('?export=table', '?export=', '?q=hidden'),
                'discrepancy_list': ('?export=table', '?export=', '?q=hidden', '?state=open'),
                'switchhealth_list': ('?export=table', '?export=', '?state=critical'),
                'cablingcheck_list': ('?export=table', '?export=', '?state=unknown'),
                'find': FOUND,
                'fabric_reachability': REACHED,
            }.items() for query in queries
        ]
        urls += [(f'resource {resource}', resource.get_absolute_url()) for resource in self.resources]
        urls += [(f'link {link}', link.get_absolute_url()) for link in self.links]
        urls += [
            (f'NetBox {link}', link.object.get_absolute_url()) for link in self.links
            if link.object_type.model == 'device'
        ]
        urls += [('home', reverse('home')), ('search', f'{reverse("search")}?q=bravo'),
                 ('search', f'{reverse("search")}?q=hidden'), ('search', f'{reverse("search")}?q=changed')]
        for name, url in urls:
            all_alive()  # for a minute
            response = self.client.get(url)
            if response.status_code == 200:
                content = b''.join(response) if response.streaming else response.content
                found[f'{name} {url}'] = told(content.decode())
        client = APIClient()
        for endpoint in api():
            if 'get' in endpoint.methods:
                all_alive()
                for query in {'find': FOUND, 'fabric-reachability': REACHED}.get(endpoint.name, ('',)):
                    url = f'{self.url(endpoint, self.alpha)}{query}'
                    response = client.get(url, **header)
                    self.assertIn(response.status_code, (200, 400) if query else (200,), url)
                    found[f'API {url}'] = told(json.dumps(response.data, default=str, sort_keys=True, indent=1))
        for name, url in self.filters():
            all_alive()
            response = self.client.get(url, **(header if '/api/' in url else {}))
            found[f'{name} {url}'] = [str(response.status_code), *told(response.content.decode())]
        for name, query in queries().items():
            response = client.post(reverse('graphql'), {'query': query}, format='json', **header)
            self.assertNotIn('errors', response.json(), response.json().get('errors', ())[:3])
            found[f'GraphQL {name}'] = told(json.dumps(response.json(), indent=1))
        response = client.get(reverse('plugins-api:netbox_hedgehog-api:fabricresource-list') + '?limit=0', **header)
        found['API everything'] = told(json.dumps(response.data, default=str, indent=1))
        return found

    def test_nothing_tells_of_what_may_not_be_seen(self):
        """Every page, export and answer is the same, letter for letter, whether what may not be seen is there or not.

        So no name of it, no count of it and no picture of it is in any of them.
        """
        self.resources = [
            FabricResource.objects.filter(fabric=self.alpha, kind=kind, name=name).get()
            for kind, name in (('Switch', 'leaf-01'), ('VPC', 'vpc-01'), ('Agent', 'leaf-01'))
        ]
        self.links = list(
            InventoryLink.objects.filter(fabric=self.alpha, kind='Switch', name='leaf-01', object_type__model='device')
        )
        self.bravo_id = self.bravo.pk
        self.hidden_link_id = InventoryLink.objects.get(fabric=self.alpha, name='hidden-alpha').pk
        self.assertGreater(len(list(self.filters())), 40)
        put_bravo_in_queue()
        answers = self.answers()
        self.assertGreater(len(answers), 85)
        without_bravo()
        answers = self.same(answers)
        without_what_is_hidden()
        self.same(answers, but=OF_THE_FABRIC)

    def test_a_filter_names_no_object_of_netbox_that_may_not_be_viewed(self):
        """A site, a location, a tenant and a notification group of another: neither by name nor by a count."""
        site = self.bravo.inventory_site
        hidden = {
            'inventory_site_id': site,
            'inventory_location_id': Location.objects.create(name='hidden-location', slug='hidden', site=site),
            'inventory_tenant_id': Tenant.objects.create(name='hidden-tenant', slug='hidden'),
            'notification_group_id': NotificationGroup.objects.create(name='hidden-group'),
        }
        page = reverse('plugins:netbox_hedgehog:fabric_list')
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-list')
        for name, instance in hidden.items():
            with self.subTest(filter=name):
                self.assertNotContains(self.client.get(f'{page}?{name}={instance.pk}'), instance.name)
                there = self.client.get(f'{url}?{name}={instance.pk}', **self.header())
                self.assertEqual(there.status_code, 400)
                allow(self.user, 'view', model=type(instance), constraints={'pk': instance.pk})
                self.user = User.objects.get(pk=self.user.pk)
                self.client.force_login(self.user)
                self.assertContains(self.client.get(f'{page}?{name}={instance.pk}'), instance.name)
                seen = self.client.get(f'{url}?{name}={instance.pk}', **self.header())
                self.assertEqual((seen.status_code, seen.json()['count']), (200, 0))

    def same(self, before, but=()):
        after = self.answers()
        self.assertEqual(before.keys(), after.keys())
        for name, answer in after.items():
            if answer == before[name] or any(part in name for part in but):
                continue
            with self.subTest(answer=name):
                differs = list(difflib.unified_diff(before[name], answer, lineterm='', n=0))
                self.fail('\n'.join(line[:200] for line in differs[2:20]))
        return after


class MethodsTestCase(EndpointTestCase):
    """An administrator's browser, led by somebody else's page."""

    def setUp(self):
        super().setUp()
        self.admin = User.objects.create_superuser('admin')

    def test_without_its_token_no_form_is_taken(self):
        client, before = Client(enforce_csrf_checks=True), rows_of()
        client.force_login(self.admin)
        for endpoint in pages():
            for method in UNSAFE:
                with self.subTest(endpoint=str(endpoint), method=method), disable_logging():
                    response = getattr(client, method)(self.url(endpoint, self.alpha), self.form(self.alpha))
                    self.assertEqual(response.status_code, 403)
        api_client = APIClient(enforce_csrf_checks=True)
        api_client.force_login(self.admin)
        for endpoint in api():
            for method in endpoint.methods & set(UNSAFE):
                with self.subTest(endpoint=str(endpoint), method=method), disable_logging():
                    response = getattr(api_client, method)(self.url(endpoint, self.alpha), {}, format='json')
                    self.assertEqual(response.status_code, 403)
        self.assertEqual(rows_of(), before)

    def test_a_get_changes_nothing(self):
        self.client.force_login(self.admin)
        before, header = rows_of(), self.header(self.admin)
        for endpoint in (*pages(), *api()):
            query = {key: value for key, value in self.form(self.alpha).items() if key not in ('pk', 'data')}
            for verb in ('get', 'head', 'options'):
                with self.subTest(endpoint=str(endpoint), verb=verb), disable_logging():
                    client = APIClient() if 'api' in endpoint.namespace else self.client
                    extra = header if 'api' in endpoint.namespace else {}
                    response = getattr(client, verb)(self.url(endpoint, self.alpha), query, **extra)
                    self.assertLess(response.status_code, 500)
        self.assertEqual(rows_of(), before)

    def test_no_answer_leads_to_another_site(self):
        self.client.force_login(self.admin)
        for endpoint in pages():
            for method in ('get', 'post'):
                url = self.url(endpoint, self.alpha)
                with disable_logging(), self.cleanupSubTest():
                    response = getattr(self.client, method)(
                        f'{url}?return_url=https://evil.example.com/',
                        {**self.form(self.bravo), 'return_url': 'https://evil.example.com/'},
                    )
                with self.subTest(endpoint=str(endpoint), method=method):
                    self.assertNotIn('evil.example.com', response.headers.get('Location', ''))
