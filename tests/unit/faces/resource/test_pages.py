"""Resources as people see them: every kind with its own columns, references as links, and nothing that runs."""

import csv
import re

import pytest
from django.urls import reverse
from django.utils.html import escape
from utilities.testing import TestCase

from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS
from netbox_hedgehog.models import FabricResource

from ....support.fake_cluster import HOSTILE_SERVER, cluster, read
from ....support.pages import ago, all_alive, allow, make_fabric, make_resource


def text(content) -> str:
    content = content.decode() if isinstance(content, bytes) else content
    return ' '.join(re.sub(r'<[^>]+>', ' ', content).split())


class ReadFabricTestCase(TestCase):
    """The demo's fabric, and one hostile object, read from its API once."""

    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.view_fabricresource')

    @classmethod
    def setUpTestData(cls):
        with cluster() as api:
            api.put(HOSTILE_SERVER)
            cls.fabric = read(api)

    def setUp(self):
        super().setUp()
        all_alive()

    def list(self, query=''):
        response = self.client.get(reverse('plugins:netbox_hedgehog:fabricresource_list') + query)
        self.assertHttpStatus(response, 200)
        return response.content.decode()

    def page(self, kind, name):
        resource = FabricResource.objects.get(kind=kind, name=name)
        response = self.client.get(resource.get_absolute_url())
        self.assertHttpStatus(response, 200)
        return response.content.decode()

    def headings(self, page):
        return [text(heading) for heading in re.findall(r'<th[^>]*>(.*?)</th>', page, re.S)]

    def test_every_kind_has_objects(self):
        kinds = set(FabricResource.objects.values_list('kind', flat=True))
        self.assertEqual(kinds, {kind.name for kind in KINDS})

    @pytest.mark.system
    def test_list_of_each_kind(self):
        for kind in KINDS:
            with self.subTest(kind=kind.name):
                page = self.list(f'?kind={kind.name}')
                headings = self.headings(page)
                for column in kind.columns:
                    self.assertIn(column.title, headings)
                self.assertEqual(headings[0], 'Name')
                for resource in FabricResource.objects.filter(kind=kind.name):
                    self.assertIn(resource.get_absolute_url(), page)

    def test_page_of_each_resource(self):
        for resource in FabricResource.objects.all():
            with self.subTest(kind=resource.kind, name=resource.name):
                response = self.client.get(resource.get_absolute_url())
                self.assertHttpStatus(response, 200)
                page = text(response.content)
                self.assertIn(resource.name, page)
                self.assertIn(self.fabric.name, page)
                self.assertIn(KIND_BY_NAME[resource.kind].api_version, page)
                for title, value in resource.own_columns:
                    self.assertIn(title, page)
                    if isinstance(value, str):
                        self.assertIn(escape(value[:40]), response.content.decode())

    def test_own_columns_hold_values(self):
        page = text(self.list('?kind=Switch'))
        switch = FabricResource.objects.filter(kind='Switch').first()
        for key in ('profile', 'role', 'ip', 'asn'):
            self.assertIn(str(switch.spec[key]), page)
        self.assertIn(switch.spec['boot']['serial'], page)

    def test_connection_type(self):
        page = text(self.list('?kind=Connection'))
        connection = FabricResource.objects.filter(kind='Connection').first()
        self.assertIn(next(iter(connection.spec)), page)

    def test_mixed_list_has_no_own_columns(self):
        for query in ('', '?kind=Switch&kind=Server'):
            headings = self.headings(self.list(query))
            self.assertIn('Kind', headings)
            self.assertNotIn('Profile', headings)

    def test_unknown_kind(self):
        """NetBox shows all for a filter that is not valid, and says so; it must not be an error."""
        self.list('?kind=Nothing')
        self.list('?kind=')

    def test_export_of_one_kind(self):
        for export in ('table', ''):
            with self.subTest(export=export):
                response = self.client.get(
                    reverse('plugins:netbox_hedgehog:fabricresource_list') + f'?kind=Switch&export={export}',
                )
                rows = list(csv.DictReader(response.content.decode().splitlines()))
                self.assertEqual(len(rows), FabricResource.objects.filter(kind='Switch').count())
                switch = FabricResource.objects.get(kind='Switch', name=rows[0]['Name'])
                self.assertEqual(rows[0]['Profile'], switch.spec['profile'])
                self.assertEqual(rows[0]['Boot serial'], switch.spec['boot']['serial'])
                self.assertNotIn('spec', rows[0])

    def test_export_of_all(self):
        response = self.client.get(reverse('plugins:netbox_hedgehog:fabricresource_list') + '?export=table')
        rows = list(csv.DictReader(response.content.decode().splitlines()))
        self.assertEqual(len(rows), FabricResource.objects.count())

    def test_references_are_links(self):
        attachment = FabricResource.objects.filter(kind='VPCAttachment').first()
        page = self.page('VPCAttachment', attachment.name)
        vpc = FabricResource.objects.get(kind='VPC', name=attachment.spec['subnet'].split('/')[0])
        connection = FabricResource.objects.get(kind='Connection', name=attachment.spec['connection'])
        for named in (vpc, connection):
            self.assertIn(f'<a href="{named.get_absolute_url()}">{named.name}</a>', page)
        self.assertNotIn('not in this fabric', page)

    def test_dangling_reference(self):
        resource = make_resource(self.fabric, 'VPCAttachment', 'dangling', spec={'subnet': 'gone/default'})
        page = text(self.page('VPCAttachment', resource.name))
        self.assertIn('gone (not in this fabric)', page)

    def test_reference_of_the_same_name_in_another_fabric(self):
        other = make_fabric('other')
        make_resource(other, 'VPC', 'elsewhere')
        make_resource(self.fabric, 'VPCAttachment', 'across', spec={'subnet': 'elsewhere/default'})
        self.assertIn('not in this fabric', self.page('VPCAttachment', 'across'))

    def test_reference_to_a_missing_resource(self):
        attachment = FabricResource.objects.filter(kind='VPCAttachment').first()
        FabricResource.objects.filter(kind='VPC').update(missing_since=ago(hours=1))
        self.assertIn('(deleted)', text(self.page('VPCAttachment', attachment.name)))

    def test_reference_that_may_not_be_seen(self):
        self.remove_permissions('netbox_hedgehog.view_fabricresource')
        allow(self.user, 'view', model=FabricResource, constraints={'kind': 'VPCAttachment'})
        attachment = FabricResource.objects.filter(kind='VPCAttachment').first()
        page = self.page('VPCAttachment', attachment.name)
        vpc = FabricResource.objects.get(kind='VPC', name=attachment.spec['subnet'].split('/')[0])
        self.assertNotIn(vpc.get_absolute_url(), page)

    def test_missing_resource_says_so(self):
        resource = FabricResource.objects.filter(kind='Server').first()
        FabricResource.objects.filter(pk=resource.pk).update(missing_since=ago(hours=3))
        page = text(self.page('Server', resource.name))
        self.assertIn('Deleted from the cluster 3 hours ago.', page)

    def test_hostile_content_is_text(self):
        pages = [self.page('Server', 'hostile'), self.list('?kind=Server'), self.list()]
        pages.append(self.client.get(self.fabric.get_absolute_url()).content.decode())
        for page in pages:
            self.assertNotIn('<script>alert', page)
            self.assertNotIn('<img src=x', page)
        self.assertIn('&lt;script&gt;alert(1)', pages[0])
        self.assertIn('&lt;script&gt;alert(1)', pages[1])

    def test_hostile_name(self):
        """Kubernetes would not take such a name; the page does not rely on it."""
        resource = make_resource(self.fabric, 'Server', '<script>alert(3)</script>')
        for page in (self.page('Server', resource.name), self.list(), self.list('?kind=Server')):
            self.assertNotIn('<script>alert', page)

    def test_kind_of_a_later_release(self):
        resource = make_resource(self.fabric, 'Gone', 'x', spec={'a': 1})
        self.assertIn('x', self.page('Gone', resource.name))
        self.list()

    def test_agent_shows_status_and_nothing_of_its_spec_but_numbers(self):
        agent = FabricResource.objects.filter(kind='Agent').first()
        self.assertEqual(agent.spec, {'config': {'fabricMTU': 9100, 'serverFacingMTUOffset': 64}})
        page = text(self.page('Agent', agent.name))
        self.assertIn('lastHeartbeat', page)

    def test_filter_form(self):
        page = self.list()
        for title in ('Fabric', 'Kind', 'Deleted from the cluster'):
            self.assertIn(title, page)
        self.assertIn('VPC attachment', page)

    def test_search_box(self):
        switch = FabricResource.objects.filter(kind='Switch').first()
        self.assertIn(switch.get_absolute_url(), self.list(f'?q={switch.name}'))
