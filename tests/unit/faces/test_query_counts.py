"""What test_every_page.py does not see: a resource that names many others, and how much a list loads."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from utilities.testing import TestCase

from netbox_hedgehog.models import FabricResource

from .base import make_fabric, make_resource, resource_values


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
