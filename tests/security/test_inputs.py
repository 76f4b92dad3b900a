"""Numbers and dates that are none, in every place of a request that takes one: a sentence, and no error of the server."""

from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse
from netbox.views import generic
from rest_framework.test import APIClient
from users.constants import TOKEN_PREFIX
from users.models import Token, User
from utilities.testing import TestCase, disable_logging

from netbox_hedgehog.filtersets import MomentFilter
from netbox_hedgehog.models import FabricResource

from ..support.pages import all_alive, make_fabric, resource_values
from .endpoints import api, pages

# Digits to Python, and no numbers; more digits than int() takes; more than a 64-bit number has.
NO_NUMBERS = ('²', '9' * 5000, '9' * 30, '-1', '1.5')
NETBOX_ACTIONS = (
    generic.BulkDeleteView, generic.BulkEditView, generic.BulkImportView, generic.BulkRenameView, generic.ObjectEditView,
)
# Beyond the end of the calendar in UTC.
NO_MOMENTS = ('9999-12-31T23:59:59-23:59', '0001-01-01T00:00:00+23:59')


class InputsTestCase(TestCase):
    def setUp(self):
        super().setUp()
        all_alive()
        self.fabric = make_fabric('alpha', inventory_enabled=False)
        FabricResource.objects.create(**resource_values(self.fabric, 'VPC', 'vpc-01'))
        admin = User.objects.create_superuser('admin')
        self.client = Client(raise_request_exception=False)
        self.client.force_login(admin)
        token = Token.objects.create(user=admin)
        self.api = APIClient(raise_request_exception=False)
        self.api.credentials(HTTP_AUTHORIZATION=f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}')

    def ask(self, url, **query):
        client = self.api if '/api/' in url else self.client
        with disable_logging():
            return client.get(f'{url}?{urlencode(query)}')

    def lists(self):
        """Every list that can be filtered: its URL, its filter set, and whether it is of the REST API."""
        for endpoint in (*pages(), *api()):
            filterset = getattr(endpoint.view, 'filterset', None) or getattr(endpoint.view, 'filterset_class', None)
            is_list = endpoint.name.endswith(('_list', '-list'))
            if filterset is not None and is_list:
                yield endpoint.url(), filterset, endpoint in api()

    def test_no_filter_takes_a_number_that_is_none(self):
        for url, filterset, is_api in self.lists():
            for value in NO_NUMBERS:
                with self.subTest(url=url, value=value[:20]):
                    response = self.ask(url, **dict.fromkeys(filterset.get_filters(), value))
                    self.assertEqual(response.status_code, 400 if is_api else 200)
                    self.assertLess(self.ask(url, fabric_id=value, id=value).status_code, 500)

    def test_no_filter_takes_a_moment_beyond_the_calendar(self):
        asked = 0
        for url, filterset, is_api in self.lists():
            moments = [name for name, each in filterset.get_filters().items() if isinstance(each, MomentFilter)]
            asked += len(moments)
            for value in NO_MOMENTS:
                with self.subTest(url=url, value=value):
                    # All in one question: an answer of the REST API has a sentence for each.
                    response = self.ask(url, **dict.fromkeys(moments, value))
                    self.assertEqual(response.status_code, 400 if is_api and moments else 200)
                    if is_api:
                        for name in moments:
                            self.assertIn('is out of range', str(response.data[name]))
        self.assertGreater(asked, 100)

    def test_no_other_parameter_takes_one(self):
        pk = self.fabric.pk
        plan = reverse('plugins-api:netbox_hedgehog-api:fabric-inventory-plan', args=[pk])
        rows = reverse('plugins:netbox_hedgehog:fabric_dry_run_rows', args=[pk])
        for value in NO_NUMBERS:
            with self.subTest(value=value[:20]):
                for name in ('limit', 'offset'):
                    response = self.ask(plan, **{name: value})
                    self.assertEqual((response.status_code, list(response.data)), (400, [name]))
                self.assertEqual(self.ask(rows, page=value).status_code, 404)
                for page in pages():
                    if page.model is type(self.fabric) and 'get' in page.methods and page.name != rows:
                        response = self.ask(page.url(self.fabric), page=value, per_page=value, job=value, group=value)
                        self.assertLess(response.status_code, 500, page.name)
                for endpoint in api():
                    if endpoint.name.endswith('-list'):
                        response = self.ask(endpoint.url(), limit=value, offset=value)
                        self.assertLess(response.status_code, 500, endpoint.name)

    def test_no_action_on_many_takes_one(self):
        for page in pages():
            # Those that edit, rename, delete and import are NetBox's own.
            if page.model is None and 'post' in page.methods and not issubclass(page.view, NETBOX_ACTIONS):
                for value in NO_NUMBERS:
                    with self.subTest(page=page.name, value=value[:20]), disable_logging():
                        response = self.client.post(page.url(), {'pk': [value], 'decision': 'ignore', '_apply': '1'})
                        self.assertLess(response.status_code, 500)
