"""What refers to a resource, as PostgreSQL finds it, is what the resources themselves name."""

from django.test import TestCase

from netbox_hedgehog.hedgehog.references import references
from netbox_hedgehog.models import FabricResource
from netbox_hedgehog.presentation.references import referring_to

from ....support.pages import make_fabric, make_resource
from ....support.samples import samples

JUNK = (1, 'x', [], {'links': 1}, {'permit': 7}, {'permit': [1, {'vpc-01': 1}]}, {'peering': [{'vpc-01': {}}]}, {'subnet': 1},
        {'subnet': ['vpc-01/default']}, {'connection': [['x']], 'permit': [[{'vpc-01': 1}]]})


class ReferringTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.fabric = make_fabric()
        for item in samples():
            uid, name = item['metadata']['uid'], item['metadata']['name']
            make_resource(cls.fabric, item['kind'], name, uid=uid, spec=item.get('spec') or {})
        for number, spec in enumerate(JUNK):
            for kind in ('Connection', 'VPCPeering', 'GatewayPeering', 'VPCAttachment', 'Switch'):
                make_resource(cls.fabric, kind, f'junk-{number}', spec=spec)

    def test_both_directions_agree(self):
        resources = list(FabricResource.objects.all())
        named = {
            (other, (row.kind, row.name)) for row in resources
            for other in references(row.kind, {'name': row.name, 'spec': row.spec})
        }
        found = set()
        for row in resources:
            pairs = FabricResource.objects.filter(referring_to(row.kind, row.name)).values_list('kind', 'name')
            found |= {((row.kind, row.name), pair) for pair in pairs}
        present = {(row.kind, row.name) for row in resources}
        self.assertEqual(found, {(other, pair) for other, pair in named if other in present})
        self.assertIn((('Switch', 'leaf-01'), ('Agent', 'leaf-01')), found)
        self.assertIn((('External', 'internet'), ('GatewayPeering', samples('GatewayPeering')[0]['metadata']['name'])), found)

    def test_what_nothing_can_refer_to_costs_no_query(self):
        with self.assertNumQueries(0):
            self.assertFalse(FabricResource.objects.filter(referring_to('Catalog', 'vpcs')))

    def test_a_name_is_no_jsonpath(self):
        for name in ('"', '\\', 'a" || true || "', "'", '%s', '{}'):
            self.assertFalse(FabricResource.objects.filter(referring_to('VPC', name)).exists())
