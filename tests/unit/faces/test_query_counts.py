"""Pages ask the database as often for many rows as for a few."""

from core.models import Job
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from utilities.testing import TestCase, create_tags

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.models import Fabric, FabricResource

from .base import make_fabric, resource_values
from .inventory.base import inventory_fabric, make_device, make_discrepancy, make_link

SWITCH = {'profile': 'p', 'role': 'spine', 'groups': ['g1', 'g2'], 'vlanNamespaces': ['default']}


class QueryCountTestCase(TestCase):
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'netbox_hedgehog.sync_fabric', 'netbox_hedgehog.change_fabric',
        'netbox_hedgehog.delete_fabric', 'netbox_hedgehog.view_fabricresource', 'core.view_job',
    )

    def queries(self, url):
        self.client.get(url)  # what is looked up once in a process' life is no part of a page
        with CaptureQueriesContext(connection) as queries:
            response = self.client.get(url)
        self.assertHttpStatus(response, 200)
        return [query['sql'] for query in queries]

    def fill(self, count):
        """So many fabrics, each with as many resources and a few jobs."""
        tag, = create_tags(f'tag-{count}')
        start = Fabric.objects.count()
        for number in range(start, count):
            fabric = make_fabric(f'f{number:03}')
            fabric.tags.add(tag)
            FabricResource.objects.bulk_create(
                FabricResource(**resource_values(fabric, name=f'r{index}', spec=SWITCH)) for index in range(count)
            )
            for _ in range(3):
                Job.objects.filter(pk=FabricSyncJob.record(fabric, self.user).pk).update(status='completed')

    def assertSameFor(self, url, few, many):
        counts = []
        for count in (few, many):
            self.fill(count)
            counts.append(self.queries(f'{url}{"&" if "?" in url else "?"}per_page=100'))
        self.assertEqual(
            len(counts[0]), len(counts[1]),
            '\n'.join(sql[:200] for sql in counts[1] if counts[1].count(sql) > 1 or sql not in counts[0]),
        )
        return len(counts[1])

    def test_list_of_fabrics(self):
        self.user.config.set('tables.FabricTable.columns', [
            'pk', 'name', 'status', 'sync_state', 'connection_status', 'last_sync', 'last_attempt', 'next_run',
            'sync_interval', 'resource_count', 'sync_error', 'tags',
        ], commit=True)
        self.assertLess(self.assertSameFor(reverse('plugins:netbox_hedgehog:fabric_list'), 5, 50), 40)

    def test_list_of_resources(self):
        url = reverse('plugins:netbox_hedgehog:fabricresource_list')
        self.assertLess(self.assertSameFor(url, 3, 12), 35)

    def test_list_of_one_kind(self):
        url = reverse('plugins:netbox_hedgehog:fabricresource_list') + '?kind=Switch'
        self.assertLess(self.assertSameFor(url, 3, 12), 35)

    def test_page_of_a_fabric(self):
        self.fill(3)
        fabric = Fabric.objects.first()
        few = self.queries(fabric.get_absolute_url())
        FabricResource.objects.bulk_create(
            FabricResource(**resource_values(fabric, kind, f'many{index}', spec=SWITCH))
            for index in range(200) for kind in ('Switch', 'VPC', 'Server')
        )
        for _ in range(30):
            Job.objects.filter(pk=FabricSyncJob.record(fabric, self.user).pk).update(status='completed')
        many = self.queries(fabric.get_absolute_url())
        self.assertEqual(len(few), len(many), '\n'.join(sql[:200] for sql in many if many.count(sql) > 1))
        self.assertLess(len(many), 45)

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
        self.fill(3)
        for sql in self.queries(reverse('plugins:netbox_hedgehog:fabricresource_list')):
            self.assertNotIn('"netbox_hedgehog_fabricresource"."spec"', sql)

    def test_api(self):
        url = '/api/plugins/hedgehog/'
        self.fill(3)
        for path in ('fabrics/', 'resources/'):
            few = len(self.queries(f'{url}{path}?limit=1'))
            many = len(self.queries(f'{url}{path}?limit=100'))
            self.assertEqual(few, many, path)

    def test_inventory(self):
        """Objects, related objects and values of a page's rows are looked up at once, a statement a model."""
        self.add_permissions(
            'netbox_hedgehog.view_discrepancy', 'netbox_hedgehog.view_inventorylink',
            'netbox_hedgehog.resolve_discrepancy', 'dcim.view_device', 'dcim.view_devicerole',
        )
        fabric = inventory_fabric()
        made = 0
        counts = []
        for count in (3, 40):
            for number in range(made, count):
                link = make_link(fabric, make_device(fabric.inventory_site, f'leaf-{number}'))
                make_discrepancy(
                    fabric, link, field='role', fabric_value=link.object.role_id, netbox_value=link.object.role_id,
                )
            made = count
            counts.append([
                len(self.queries(f'{url}?per_page=100&limit=100')) for url in (
                    reverse('plugins:netbox_hedgehog:discrepancy_list'),
                    reverse('plugins:netbox_hedgehog:inventorylink_list'),
                    reverse('plugins:netbox_hedgehog:fabric_discrepancies', args=[fabric.pk]),
                    reverse('plugins:netbox_hedgehog:fabric_inventory', args=[fabric.pk]),
                    fabric.get_absolute_url(),
                    '/api/plugins/hedgehog/discrepancies/',
                    '/api/plugins/hedgehog/inventory/',
                )
            ])
        self.assertEqual(*counts)
        self.assertLess(max(counts[0]), 45)
