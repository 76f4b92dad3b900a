"""Inventory rules in the hands of somebody who may do little: what they learn, and what they make the plugin write."""

from dcim.models import DeviceRole, Location, Site
from extras.models import Tag
from rest_framework.test import APIClient
from tenancy.models import Tenant
from users.constants import TOKEN_PREFIX
from users.models import Token
from utilities.testing import TestCase

from netbox_hedgehog.models import Fabric, InventoryRule

from ..support.pages import allow, make_fabric

RULES = '/api/plugins/hedgehog/inventory-rules/'


class RuleTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.site = Site.objects.create(name='Secret site', slug='secret-site')
        cls.location = Location.objects.create(name='Secret row', slug='secret-row', site=cls.site)
        cls.tenant = Tenant.objects.create(name='Secret tenant', slug='secret-tenant')
        cls.role = DeviceRole.objects.create(name='Secret role', slug='secret-role')
        cls.tag = Tag.objects.create(name='Secret tag', slug='secret-tag')
        cls.fabric = make_fabric('alpha', inventory_enabled=True, inventory_site=cls.site)

    def api(self, user=None, **options):
        token = Token.objects.create(user=user or self.user)
        client = APIClient(**options)
        client.credentials(HTTP_AUTHORIZATION=f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}')
        return client


class RelatedTestCase(RuleTestCase):
    """Somebody who may add rules, and view nothing that a rule gives."""

    def setUp(self):
        super().setUp()
        allow(self.user, 'view')
        allow(self.user, 'add', 'view', 'change', model=InventoryRule)

    def given(self):
        return (
            ('site', self.site.pk), ('site', {'name': self.site.name}), ('tenant', self.tenant.pk),
            ('role', self.role.pk), ('object_tags', [self.tag.pk]),
        )

    def test_a_rule_gives_only_what_its_author_may_view(self):
        client = self.api()
        for name, value in self.given():
            with self.subTest(name=name, value=value):
                sent = {'fabric': self.fabric.pk, 'name': name, 'names': 'leaf-*', name: value}
                response = client.post(RULES, sent, format='json')
                self.assertEqual(response.status_code, 400, response.content)
                self.assertNotIn('slug', response.content.decode())
        self.assertEqual(InventoryRule.objects.count(), 0)

    def test_nor_by_an_update(self):
        rule = InventoryRule.objects.create(fabric=self.fabric, name='rule', vrf_name='{vpc}')
        client = self.api()
        for name, value in self.given():
            with self.subTest(name=name, value=value):
                response = client.patch(f'{RULES}{rule.pk}/', {name: value}, format='json')
                self.assertEqual(response.status_code, 400, response.content)
        rule.refresh_from_db()
        self.assertIsNone(rule.site)

    def test_what_stays_may_be_sent_again(self):
        """An update by somebody who may not view what another person has set keeps it."""
        rule = InventoryRule.objects.create(fabric=self.fabric, name='rule', site=self.site)
        response = self.api().patch(f'{RULES}{rule.pk}/', {'weight': 3}, format='json')
        self.assertEqual(response.status_code, 200, response.content)
        rule.refresh_from_db()
        self.assertEqual((rule.site, rule.weight), (self.site, 3))

    def test_what_they_may_view_is_taken(self):
        client = self.api()
        for model, name, value in (
            (Site, 'site', self.site.pk), (Tenant, 'tenant', self.tenant.pk), (DeviceRole, 'role', self.role.pk),
            (Tag, 'object_tags', [self.tag.pk]),
        ):
            allow(self.user, 'view', model=model)
            response = client.post(RULES, {'fabric': self.fabric.pk, 'name': name, name: value}, format='json')
            self.assertEqual(response.status_code, 201, response.content)

    def test_settings_of_a_fabric_too(self):
        allow(self.user, 'change')
        url = f'/api/plugins/hedgehog/fabrics/{self.fabric.pk}/'
        client = self.api()
        response = client.patch(url, {'inventory_tenant': self.tenant.pk}, format='json')
        self.assertEqual((response.status_code, list(response.json())), (400, ['inventory_tenant']))
        kept = client.patch(url, {'inventory_site': self.site.pk, 'description': 'changed'}, format='json')
        self.assertEqual(kept.status_code, 200, kept.content)
        self.assertIsNone(Fabric.objects.get(pk=self.fabric.pk).inventory_tenant)
