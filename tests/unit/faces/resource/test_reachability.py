"""What reaches what, as people ask: page, REST API and command; nobody learns what they may not view."""

import json
from io import StringIO

from django.core.management import CommandError, call_command
from django.db import connection
from django.test import SimpleTestCase
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from drf_spectacular.generators import SchemaGenerator
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.api.views import FabricViewSet
from netbox_hedgehog.hedgehog.reachability.answer import QuestionError
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.presentation.reachability import reach

from ....support.pages import ago, all_alive, allow, make_fabric, make_resource
from ....support.reachability import BLUE, RED, peering, server
from .test_pages import text

PARTIAL = 'You do not have permission to view all resources of this fabric'


def mirror(fabric, *extra):
    """Two VPCs with a server each, and what else there is."""
    for row in (RED, BLUE, *server('db-1', 'red/front'), *server('web-1', 'blue/default'), *extra):
        gone = ago(minutes=5) if row.missing else None
        make_resource(fabric, row.kind, row.name, uid=f'{fabric}-{row.kind}-{row.name}', spec=row.spec, missing_since=gone)
    return fabric


class ReachabilityPageTestCase(TestCase):
    user_permissions = ('netbox_hedgehog.view_fabric',)

    @classmethod
    def setUpTestData(cls):
        cls.fabric = mirror(make_fabric(), peering('blue--red', {'red': ['front'], 'blue': []}))

    def setUp(self):
        super().setUp()
        all_alive()
        self.url = reverse('plugins:netbox_hedgehog:fabric_reachability', args=[self.fabric.pk])

    def page(self, **query):
        response = self.client.get(self.url, query)
        self.assertEqual(response.status_code, 200)
        return response

    def test_an_answer_links_what_decides_it(self):
        allow(self.user, 'view', model=FabricResource)
        response = self.page(**{'from': 'db-1', 'to': 'web-1'})
        self.assertIn('Yes: db-1 can reach web-1. VPCPeering blue--red permits it.', text(response.content))
        decisive = FabricResource.objects.get(fabric=self.fabric, kind='VPCPeering')
        self.assertContains(response, f'href="{decisive.get_absolute_url()}"')
        self.assertNotContains(response, PARTIAL)
        capitals = self.page(**{'from': 'server DB-1', 'to': 'Web-1'})
        self.assertIn('Yes: db-1 can reach web-1.', text(capitals.content))

    def test_what_is_not_understood_is_said_and_kept(self):
        allow(self.user, 'view', model=FabricResource)
        response = self.page(**{'from': '<b>db-9', 'to': 'web-1'})
        self.assertIn('is named “&lt;b&gt;db-9”.', response.content.decode())
        self.assertContains(response, 'value="web-1"')
        self.assertContains(self.page(**{'from': 'db-1'}), 'This field is required.')
        self.assertNotContains(self.page(), 'This field is required.')
        self.assertContains(self.page(**{'from': 'db-1\x00', 'to': 'web-1'}), 'Null characters are not allowed.')

    def test_who_may_not_view_what_decides_is_told_only_that(self):
        self.assertEqual(self.client.get(self.url).status_code, 403)
        allow(self.user, 'view', model=FabricResource, constraints={'kind__in': ['VPC', 'Server', 'Connection']})
        content = text(self.page(**{'from': 'red/front', 'to': 'blue/default'}).content)
        self.assertIn(f'Unknown whether red/front can reach blue/default. {PARTIAL}', content)
        self.assertNotIn('blue--red', content)
        FabricResource.objects.filter(kind='VPCPeering').delete()
        # The same words whether there is anything hidden or not.
        again = text(self.page(**{'from': 'red/front', 'to': 'blue/default'}).content)
        self.assertIn(f'Unknown whether red/front can reach blue/default. {PARTIAL}', again)

    def test_the_statements_do_not_grow_with_what_there_is(self):
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as captured:
                reach(self.fabric, 'db-1', 'web-1')
            counts.append(len(captured))
            for number in range(20 if not counts[1:] else 0):
                name = f'more-{number}'
                make_resource(self.fabric, 'VPC', name, spec={'subnets': {'x': {'subnet': f'10.77.{number}.0/24'}}})
                for row in server(f'node-{number}', f'{name}/x'):
                    make_resource(self.fabric, row.kind, row.name, spec=row.spec)
        self.assertEqual(counts, [3, 3])

    def test_a_fabric_that_was_never_synced(self):
        with self.assertRaisesMessage(QuestionError, 'b has never been synced: nothing is known of it yet.'):
            reach(make_fabric('b'), 'x', 'y')

    def test_kinds_that_could_not_be_read(self):
        report = {'kinds': [{'kind': 'GatewayPeering', 'outcome': 'forbidden'}, {'kind': 'VPC', 'outcome': 'read'}]}
        Fabric.objects.filter(pk=self.fabric.pk).update(last_report=report)
        FabricResource.objects.filter(kind='VPCPeering').delete()
        answer = reach(Fabric.objects.get(pk=self.fabric.pk), 'red/front', 'blue/default').answer
        self.assertEqual(answer.there.verdict, 'unknown')


class ReachabilityAPITestCase(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.fabric = mirror(make_fabric(), peering('blue--red', {'red': ['front'], 'blue': []}))

    def ask(self, **query):
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-reachability', args=[self.fabric.pk])
        return self.client.get(url, query, **self.header)

    def test_an_answer(self):
        ends = {'from': 'db-1', 'to': 'red/back'}
        self.assertEqual(self.ask(**ends).status_code, 403)
        allow(self.user, 'view')
        self.assertEqual(self.ask(**ends).status_code, 403)
        allow(self.user, 'view', model=FabricResource)
        data = self.ask(**ends).json()
        self.assertEqual((data['there']['verdict'], data['back']['verdict'], data['differs']), ('no', 'no', False))
        self.assertEqual(data['there']['reason'], 'In red, back is isolated, and no permit has both subnets.')
        self.assertEqual([step['kind'] for step in data['there']['steps']], ['VPCAttachment', 'VPC'])
        vpc = FabricResource.objects.get(kind='VPC', name='red')
        self.assertEqual(data['there']['steps'][1]['url'], vpc.get_absolute_url())
        refused = self.ask(**{'from': 'nobody', 'to': 'db-1'})
        self.assertEqual(refused.status_code, 400)
        self.assertEqual(refused.json(), {'detail': 'No server, VPC or External of a is named “nobody”.'})
        self.assertEqual(self.ask().status_code, 400)
        for hostile in ('\0', 'db-1\0', '\0 ' * 100):
            self.assertEqual(self.ask(**{'from': hostile, 'to': 'db-1'}).status_code, 400)


class ReachabilitySchemaTestCase(SimpleTestCase):
    def test_the_schema_has_both_ends_and_the_answer(self):
        part = [path('fabrics/<int:pk>/reachability/', FabricViewSet.as_view({'get': 'reachability'}))]
        schema = SchemaGenerator(patterns=part).get_schema(request=None, public=True)
        (found,) = [paths['get'] for paths in schema['paths'].values()]
        required = {each['name'] for each in found['parameters'] if each['in'] == 'query' and each.get('required')}
        self.assertEqual(required, {'from', 'to'})
        self.assertEqual(sorted(found['responses']), ['200', '400'])
        answer = schema['components']['schemas']['ReachabilityDirection']['properties']
        self.assertLessEqual({'verdict', 'sentence', 'steps', 'changes', 'others'}, set(answer))


class ReachCommandTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.fabric = mirror(make_fabric(), peering('blue--red', {'red': ['front'], 'blue': []}))

    def reach(self, *words):
        out = StringIO()
        with self.assertRaises(SystemExit) as ended:
            call_command('hedgehog_sync', 'reach', 'a', *words, stdout=out)
        return ended.exception.code, out.getvalue()

    def test_it_says_why_and_exits_with_the_verdict(self):
        code, said = self.reach('db-1', 'web-1')
        self.assertEqual(code, 0)
        self.assertEqual(said.splitlines()[:3], [
            'Yes: db-1 can reach web-1. VPCPeering blue--red permits it.',
            '  VPCAttachment db-1--red-front: attaches db-1 to red/front by db-1--oak-1.',
            '  VPCPeering blue--red: permits red/front with blue/default.',
        ])
        code, said = self.reach('red/back', 'blue/default', '--json')
        self.assertEqual((code, json.loads(said)['there']['verdict']), (1, 'no'))
        with self.assertRaisesMessage(CommandError, 'No server, VPC or External of a is named “nobody”.') as error:
            call_command('hedgehog_sync', 'reach', 'a', 'nobody', 'db-1')
        self.assertEqual(error.exception.returncode, 2)
