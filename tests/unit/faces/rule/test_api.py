"""NetBox's own test cases for the REST and GraphQL API of inventory rules, and what the API refuses."""

from dcim.models import Location
from extras.models import Tag
from tenancy.models import Tenant
from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import InventoryRuleType
from netbox_hedgehog.models import Fabric, FabricResource, InventoryRule

from ....support.pages import allow, make_fabric, make_resource
from ..inventory.base import make_site
from .base import make_rules


class InventoryRuleAPITestCase(APIViewTestCases.APIViewTestCase):
    model = InventoryRule
    view_namespace = 'plugins-api:netbox_hedgehog'
    type_class = InventoryRuleType
    graphql_base_name = 'inventory_rule'
    brief_fields = ['description', 'display', 'id', 'name', 'url']
    bulk_update_data = {'weight': 7, 'enabled': False}
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'dcim.view_site', 'dcim.view_location', 'tenancy.view_tenant', 'extras.view_tag',
    )

    @classmethod
    def setUpTestData(cls):
        cls.fabric, _rules = make_rules()
        cls.site = make_site('Annex')
        cls.tenant = Tenant.objects.create(name='Acme', slug='acme')
        cls.tag = Tag.objects.create(name='Lab', slug='lab')
        cls.create_data = [
            {'fabric': cls.fabric.pk, 'name': 'a', 'kinds': ['Switch'], 'site': cls.site.pk},
            {'fabric': cls.fabric.pk, 'name': 'b', 'names': 'vpc-*', 'vrf_name': '{vpc}', 'object_tags': [cls.tag.pk]},
            {'fabric': cls.fabric.pk, 'name': 'c', 'label_selector': 'env=lab', 'exclude': True},
        ]
        cls.update_data = {'fabric': cls.fabric.pk, 'name': 'd', 'weight': 5, 'exclude': True}

    def post(self, **values):
        allow(self.user, 'add', 'view', model=InventoryRule)
        return self.client.post(
            self._get_list_url(), {'fabric': self.fabric.pk, 'name': 'new', 'tenant': self.tenant.pk, **values},
            format='json', **self.header,
        )

    def test_what_is_wrong_is_said(self):
        other = Location.objects.create(name='Row', slug='row', site=make_site('Other'))
        for values, field, sentence in (
            ({'names': 'leaf-['}, 'names', 'is not a valid name pattern'),
            ({'label_selector': 'a b'}, 'label_selector', 'not a valid requirement'),
            ({'label_selector': 'x' * 501}, 'label_selector', '500'),
            ({'kinds': ['Pod']}, 'kinds', 'Pod'),
            ({'vrf_name': '{x}'}, 'vrf_name', 'May contain {vpc} and {fabric}'),
            ({'kinds': ['VPCAttachment']}, 'tenant', 'Does not apply to these kinds'),
            ({'site': self.site.pk, 'location': other.pk}, 'location', 'not within the selected site'),
            ({'exclude': True}, 'exclude', 'cannot set anything'),
            ({'tenant': None}, '__all__', 'The rule does nothing.'),
            ({'tenant': None, 'exclude': True, 'object_tags': [self.tag.pk]}, 'object_tags', 'cannot set anything'),
        ):
            with self.subTest(values=values):
                response = self.post(**values)
                self.assertHttpStatus(response, 400)
                self.assertIn(sentence, str(response.data[field]))

    def test_tags_that_stay_count(self):
        """An update that names other fields does not make the rule one that does nothing."""
        response = self.post(tenant=None, object_tags=[self.tag.pk])
        self.assertHttpStatus(response, 201)
        self.assertEqual([tag['slug'] for tag in response.data['object_tags']], ['lab'])
        allow(self.user, 'change', model=InventoryRule)
        url = self._get_detail_url(InventoryRule.objects.get(name='new'))
        self.assertHttpStatus(self.client.patch(url, {'weight': 3}, format='json', **self.header), 200)
        refused = self.client.patch(url, {'object_tags': []}, format='json', **self.header)
        self.assertHttpStatus(refused, 400)
        self.assertEqual(InventoryRule.objects.get(name='new').object_tags.count(), 1)

    def test_a_fabric_that_the_user_may_not_view_is_none(self):
        other = make_fabric('other')
        self.remove_permissions('netbox_hedgehog.view_fabric')
        allow(self.user, 'view', model=Fabric, constraints={'name': self.fabric.name})
        response = self.post(fabric=other.pk)
        self.assertHttpStatus(response, 400)
        self.assertIn('Related object not found', str(response.data['fabric']))
        self.assertHttpStatus(self.post(), 201)

    def test_the_fabric_is_shown_to_those_who_may_view_it(self):
        allow(self.user, 'view', model=InventoryRule)
        url = self._get_detail_url(InventoryRule.objects.first())
        self.assertEqual(self.client.get(url, **self.header).data['fabric']['name'], self.fabric.name)
        self.remove_permissions('netbox_hedgehog.view_fabric')
        self.assertIsNone(self.client.get(url, **self.header).data['fabric'])

    def test_matches(self):
        make_resource(self.fabric, 'Server', 'leaf-1')
        make_resource(self.fabric, 'Server', 'other')
        allow(self.user, 'view', model=InventoryRule)
        url = f'{self._get_detail_url(InventoryRule.objects.first())}matches/'
        nothing = {'sentence': 'Nothing matches.', 'counts': {}, 'resources': []}
        self.assertEqual(self.client.get(url, **self.header).data, nothing)
        allow(self.user, 'view', model=FabricResource)
        found = self.client.get(url, **self.header).data
        self.assertEqual((found['sentence'], found['counts']), ('1 server matches.', {'Server': 1}))
        self.assertEqual([resource['name'] for resource in found['resources']], ['leaf-1'])

    def test_matches_of_conditions_that_cannot_be_used(self):
        """A script may have saved them without validation."""
        rule = InventoryRule.objects.create(fabric=self.fabric, name='broken', names='leaf-[', exclude=True)
        allow(self.user, 'view', model=InventoryRule)
        answer = self.client.get(f'{self._get_detail_url(rule)}matches/', **self.header)
        self.assertHttpStatus(answer, 409)
        self.assertIn('is not a valid name pattern', answer.data['detail'])

    def test_the_plan_with_rules(self):
        url = f'/api/plugins/hedgehog/fabrics/{self.fabric.pk}/inventory/'
        plain, rules = (self.client.get(f'{url}plan/?of={of}', **self.header) for of in ('sync', 'rules'))
        self.assertHttpStatus(plain, 200)
        self.assertHttpStatus(rules, 200)
        sent = self.client.post(f'{url}apply-rules/', {'digest': '0' * 32}, format='json', **self.header)
        self.assertHttpStatus(sent, 403)
        allow(self.user, 'sync')
        sent = self.client.post(f'{url}apply-rules/', {'digest': '0' * 32}, format='json', **self.header)
        self.assertHttpStatus(sent, 409)
