"""What test_every_page.py does not see: a resource that names many others, and how much a list loads."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from graphql import get_named_type, is_leaf_type
from netbox.graphql.schema import schema
from rest_framework.test import APIClient
from utilities.testing import TestCase

from netbox_hedgehog.events import STALE, notify_transition
from netbox_hedgehog.models import Discrepancy, Fabric, FabricEvent, FabricResource, InventoryLink, SwitchHealth
from netbox_hedgehog.sync.switch_health import record_health

from ...security.graphql import queries as graphql_lists
from ...support.pages import allow, make_fabric, make_resource, resource_values
from .health.test_pages import make_agent
from .inventory.base import make_device, make_discrepancy, make_link, make_site


class QueryCountTestCase(TestCase):
    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.view_fabricresource')

    def queries(self, url):
        self.client.get(url)  # what is looked up once in a process' life is no part of a page
        with CaptureQueriesContext(connection) as queries:
            response = self.client.get(url)
        self.assertHttpStatus(response, 200)
        return [query['sql'] for query in queries]

    def test_page_of_a_resource(self):
        fabric = make_fabric()
        counts = []
        for groups in (['g1'], [f'g{number}' for number in range(30)]):
            FabricResource.objects.all().delete()
            for group in groups:
                FabricResource.objects.create(**resource_values(fabric, 'SwitchGroup', group))
            switch = FabricResource.objects.create(**resource_values(fabric, spec={'groups': groups}))
            counts.append(len(self.queries(switch.get_absolute_url())))
        self.assertEqual(*counts)
        self.assertLess(counts[0], 30)

    def test_lists_do_not_load_manifests(self):
        """A page of 1,000 agents would be 30 MB otherwise."""
        make_resource(make_fabric(), spec={'role': 'spine'})
        for sql in self.queries(reverse('plugins:netbox_hedgehog:fabricresource_list')):
            self.assertNotIn('"netbox_hedgehog_fabricresource"."spec"', sql)


@pytest.mark.system
class GraphQLFieldsTestCase(TestCase):
    """Each field asked for by itself: strawberry loads no column that no field asks for, and a property that reads one
    asks for it row by row.
    """

    def grow(self, start, end):
        for number in range(start, end):
            fabric = make_fabric(f'f{number}')
            make_agent(fabric)
            record_health(fabric)
            link = make_link(fabric, make_device(make_site(f'Site {number}')))
            make_discrepancy(fabric, link)
            notify_transition(fabric.pk, 'x', 'x', STALE, 'told')

    def count(self, name, field):
        query = {'query': f'{{ {name} {{ {field} }} }}'}
        with CaptureQueriesContext(connection) as queries:
            response = self.api.post('/graphql/', query, format='json')
        self.assertNotIn('errors', response.json(), query)
        return [query['sql'][:400] for query in queries]

    def test_no_field_asks_row_by_row(self):
        for model in (Fabric, FabricResource, InventoryLink, Discrepancy, SwitchHealth, FabricEvent):
            allow(self.user, 'view', model=model)
        self.api = APIClient()
        self.api.cookies = self.client.cookies
        fields = [
            (name, field) for name in graphql_lists()
            for field, about in get_named_type(schema._schema.query_type.fields[name].type).fields.items()
            if is_leaf_type(get_named_type(about.type))
        ]
        self.assertIn(('switch_health_list', 'state'), fields)
        self.grow(0, 1)
        few = {}
        for asked in fields:
            self.count(*asked)
            few[asked] = self.count(*asked)
        self.grow(1, 4)
        for asked in fields:
            with self.subTest(asked=asked):
                many = self.count(*asked)
                self.assertEqual(len(many), len(few[asked]), many)
