"""The diagrams on their pages: who sees what, as a page and as a file, in how many statements."""

from xml.etree import ElementTree

import pytest
from django.urls import reverse
from utilities.testing import TestCase
from utilities.testing.query_counts import assert_expected_query_count

from netbox_hedgehog.models import Fabric, FabricResource, KindSync, SwitchHealth
from netbox_hedgehog.sync.switch_health import record_health

from ....support.fake_cluster import HOSTILE, cluster, read
from ....support.pages import ago, all_alive, allow, make_fabric, make_resource
from ..resource.test_pages import text


class TopologyTestCase(TestCase):
    model = Fabric  # whose name the recorded numbers of statements bear
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'netbox_hedgehog.view_fabricresource', 'netbox_hedgehog.view_switchhealth',
        'core.view_job',
    )

    @classmethod
    def setUpTestData(cls):
        with cluster() as api:
            cls.fabric = read(api)

    def setUp(self):
        super().setUp()
        all_alive()

    def url(self, fabric=None):
        return reverse('plugins:netbox_hedgehog:fabric_topology', args=[(fabric or self.fabric).pk])

    def page(self, query='', fabric=None):
        response = self.client.get(self.url(fabric) + query)
        self.assertHttpStatus(response, 200)
        return response.content.decode()

    def vpc_url(self, name='vpc-01'):
        vpc = FabricResource.objects.get(kind='VPC', name=name)
        return reverse('plugins:netbox_hedgehog:fabricresource_diagram', args=[vpc.pk])

    def test_the_fabrics_page_leads_to_it(self):
        self.assertIn(self.url(), self.client.get(self.fabric.get_absolute_url()).content.decode())

    def test_everything_leads_to_its_page(self):
        page = self.page()
        for resource in FabricResource.objects.filter(kind__in=('Switch', 'Server', 'Gateway', 'External', 'Connection')):
            self.assertIn(f'href="{resource.get_absolute_url()}"', page)
        self.assertIn('<svg', page)
        self.assertIn(self.vpc_url(), page)

    def test_text_alternative(self):
        page = text(self.page())
        self.assertIn('2 spines, 3 leaves, 1 gateway, 4 servers, 1 external, 22 links (', page)
        self.assertIn('Reboot required', page)
        self.assertIn('spine-02 E1/6/1 – leaf-03 E1/52/1: down', page)

    def test_one_group(self):
        page = self.page('?group=border')
        self.assertIn('>leaf-03</text>', page)
        self.assertNotIn('>leaf-01</text>', page)
        self.assertIn('>leaf-01</text>', self.page('?group=no-such-group'))

    def test_as_a_file(self):
        for url in (self.url(), self.vpc_url()):
            response = self.client.get(f'{url}?format=svg')
            self.assertEqual(response['Content-Type'], 'image/svg+xml; charset=utf-8')
            self.assertIn('attachment; filename="', response['Content-Disposition'])
            self.assertIn("default-src 'none'", response['Content-Security-Policy'])
            ElementTree.fromstring(response.content)

    def test_hostile_names(self):
        fabric = make_fabric('hostile')
        make_resource(fabric, name=HOSTILE, uid='u-1', spec={'role': 'spine', 'description': HOSTILE})
        make_resource(fabric, 'VPC', HOSTILE, uid='u-2', spec={'subnets': {HOSTILE: {'subnet': HOSTILE}}})
        record_health(fabric)
        vpc = FabricResource.objects.get(kind='VPC', name=HOSTILE)
        pages = [
            self.page(fabric=fabric), self.page(f'?group={HOSTILE}', fabric=fabric),
            self.client.get(reverse('plugins:netbox_hedgehog:fabricresource_diagram', args=[vpc.pk])).content.decode(),
        ]
        for page in pages:
            self.assertNotIn('<script>alert', page)
            self.assertNotIn('<img src=x', page)

    def test_stale(self):
        """A diagram of an hour ago says so, and shows nothing as well."""
        for model in (FabricResource, KindSync):
            model.objects.filter(fabric=self.fabric).update(last_read=ago(hours=1))
        type(self.fabric).objects.filter(pk=self.fabric.pk).update(last_sync=ago(hours=1))
        record_health(self.fabric)
        page = self.page()
        self.assertIn('is overdue by', page)
        self.assertIn('Status as of 1 hour', text(page))
        self.assertNotIn('class="f-ok"', page)

    def test_nothing_read_yet(self):
        self.assertIn('No switches synced yet', self.page(fabric=make_fabric('empty')))

    def test_permissions(self):
        self.remove_permissions('netbox_hedgehog.view_switchhealth')
        page = self.page()
        self.assertIn('You do not have permission to view the health of all switches.', page)
        self.assertNotIn('available after the next', page)
        self.assertNotIn('<h2 class="card-header">Issues', page)
        self.assertNotIn('class="f-ok"', page)
        self.remove_permissions('netbox_hedgehog.view_fabricresource')
        allow(self.user, 'view', model=FabricResource, constraints={'kind': 'Switch', 'name': 'spine-01'})
        page = self.page()
        self.assertIn('spine-01', page)
        self.assertNotIn('leaf-01', page)
        self.remove_permissions('netbox_hedgehog.view_fabric')
        self.assertHttpStatus(self.client.get(self.url()), 403)

    def test_vpc(self):
        response = self.client.get(self.vpc_url())
        self.assertHttpStatus(response, 200)
        page = response.content.decode()
        for name in ('default', 'backend', '10.0.1.0/24', 'server-01', 'server-02', 'vpc-02', 'internet'):
            self.assertIn(f'>{name}</text>', page)
        self.assertIn('VNI 100', page)
        self.assertIn(self.url(), page)
        self.assertIn(self.vpc_url(), self.client.get(
            FabricResource.objects.get(kind='VPC', name='vpc-01').get_absolute_url()).content.decode())

    def test_a_state_that_may_not_be_viewed_is_not_called_unknown(self):
        for url in (self.vpc_url(), self.url()):
            with self.subTest(url=url):
                self.remove_permissions('netbox_hedgehog.view_switchhealth')
                page = text(self.client.get(url).content.decode())
                self.assertIn('you do not have permission to view its state', page)
                self.assertIn('Hidden states are not shown.', page)
                self.assertNotIn('state unknown', page)
                self.assertNotIn('unknown state', page)
                self.add_permissions('netbox_hedgehog.view_switchhealth')
                self.assertNotIn('permission', text(self.client.get(url).content.decode()))

    def test_without_a_sync_a_state_is_unknown(self):
        SwitchHealth.objects.all().delete()
        for url in (self.vpc_url(), self.url()):
            page = text(self.client.get(url).content.decode())
            self.assertIn('state unknown', page)
            self.assertNotIn('permission', page)

    def test_only_a_vpc_has_a_diagram(self):
        switch = FabricResource.objects.filter(kind='Switch').first()
        url = reverse('plugins:netbox_hedgehog:fabricresource_diagram', args=[switch.pk])
        self.assertHttpStatus(self.client.get(url), 404)
        self.assertNotIn(url, self.client.get(switch.get_absolute_url()).content.decode())

    @pytest.mark.system
    def test_number_of_statements_does_not_grow(self):
        def look():
            for name, url in pages.items():
                self.client.get(url)  # what is looked up once in a process' life is no part of a page
                with assert_expected_query_count(self, name):
                    self.assertHttpStatus(self.client.get(url), 200)

        leaf = FabricResource.objects.get(kind='Switch', name='leaf-03')
        pages = {
            'topology': self.url(), 'vpc_diagram': self.vpc_url(), 'page': self.fabric.get_absolute_url(),
            'switches': reverse('plugins:netbox_hedgehog:fabric_switches', args=[self.fabric.pk]),
            'switch': leaf.get_absolute_url(),
        }
        look()
        for number in range(100):
            make_resource(self.fabric, name=f'many-{number:03}', spec={'role': 'server-leaf'})
            make_resource(self.fabric, 'VPC', f'vpc-m{number}')
            make_resource(self.fabric, 'VPCAttachment', f'm{number}', spec={
                'subnet': 'vpc-01/default', 'connection': 'server-02--bundled--leaf-01'})
            make_resource(self.fabric, 'VPCPeering', f'm{number}', spec={'permit': [{'vpc-01': {}, f'vpc-m{number}': {}}]})
        record_health(self.fabric)
        self.assertEqual(SwitchHealth.objects.count(), 106)
        for number in range(20):
            make_fabric(f'another-{number}')
        look()
