"""The pages of inventory rules: NetBox's own test cases, what the forms refuse, and the tab of a fabric."""

from dcim.models import DeviceRole, Location, Site
from django.urls import reverse
from extras.models import Tag
from tenancy.models import Tenant
from utilities.testing import TestCase, ViewTestCases, create_tags, post_data

from netbox_hedgehog.models import Fabric, FabricResource, InventoryRule

from ....support.inventory import fabric_of
from ....support.pages import allow, make_resource, messages_of
from ..inventory.base import make_site
from .base import make_rule, make_rules


class InventoryRuleViewTestCase(ViewTestCases.PrimaryObjectViewTestCase, ViewTestCases.BulkRenameObjectsViewTestCase):
    model = InventoryRule

    def _get_base_url(self):
        return 'plugins:netbox_hedgehog:inventoryrule_{}'

    @classmethod
    def setUpTestData(cls):
        fabric, rules = make_rules()
        site = make_site('Annex')
        location = Location.objects.create(name='Row A', slug='row-a', site=site)
        tenant = Tenant.objects.create(name='Acme', slug='acme')
        role = DeviceRole.objects.create(name='Leaf', slug='leaf')
        tags = create_tags('one', 'two')
        cls.form_data = {
            'fabric': fabric.pk, 'name': 'leaves', 'weight': 10, 'enabled': True, 'description': 'Row A',
            'kinds': ['Switch', 'Server'], 'names': 'leaf-*, !leaf-9*', 'label_selector': 'row=a', 'site': site.pk,
            'location': location.pk, 'tenant': tenant.pk, 'role': role.pk, 'vrf_name': '',
            'object_tags': [tag.pk for tag in tags], 'exclude': False, 'comments': 'Some comments',
            'tags': [tag.pk for tag in tags],
        }
        cls.csv_data = (
            'fabric,name,weight,kinds,names,site,location,tenant,role,object_tags,exclude',
            f'{fabric.name},import-1,10,"Switch,Server",leaf-*,Annex,Row A,Acme,leaf,"one,two",false',
            f'{fabric.name},import-2,,,server-*,,,,,,true',
            f'{fabric.name},import-3,30,VPC,,,,Acme,,,',
        )
        cls.csv_update_data = (
            'id,name,description', *(f'{rule.pk},{rule.name}x,changed' for rule in rules),
        )
        cls.bulk_edit_data = {'weight': 7, 'enabled': False, 'description': 'Many'}

    def refused(self, **values):
        """The page after a form with these values was sent."""
        for model in (InventoryRule, Fabric, Site, Location, Tenant, DeviceRole, Tag):
            allow(self.user, 'add', 'view', model=model)
        before = InventoryRule.objects.count()
        response = self.client.post(self._get_url('add'), post_data({**self.form_data, **values}))
        self.assertHttpStatus(response, 200)
        self.assertEqual(InventoryRule.objects.count(), before)
        return response

    def test_what_is_wrong_is_said_and_nothing_is_lost(self):
        for values, sentence in (
            ({'names': 'Leaf-*'}, 'enter leaf-* instead of Leaf-*'),
            ({'names': 'leaf-['}, 'is not a valid name pattern'),
            ({'names': 'x' * 501}, 'at most 500 characters'),
            ({'label_selector': 'a b'}, 'is not a valid requirement of a label selector'),
            ({'vrf_name': '{name}', 'kinds': ['VPC']}, 'May contain {vpc} and {fabric}'),
            ({'kinds': ['Pod']}, 'Pod is not one of the available choices'),
            ({'kinds': ['VPC']}, 'Does not apply to these kinds, only to: Switches, Gateways, Servers.'),
            ({'kinds': ['Switch'], 'vrf_name': '{vpc}'}, 'Does not apply to these kinds, only to: VPCs.'),
            ({'site': ''}, 'This location is not within the selected site.'),
            ({'exclude': True}, 'A rule that excludes resources cannot set anything.'),
            ({'name': 'one'}, 'already'),
        ):
            with self.subTest(values=values):
                response = self.refused(**values)
                self.assertContains(response, sentence)
                self.assertContains(response, 'Some comments')

    def test_a_rule_that_does_nothing_is_refused(self):
        nothing = {'site': '', 'location': '', 'tenant': '', 'role': '', 'object_tags': []}
        self.assertContains(self.refused(**nothing), 'The rule does nothing.')
        tags = {**nothing, 'object_tags': self.form_data['object_tags'], 'kinds': ['VPCAttachment']}
        self.assertContains(self.refused(**tags), 'Does not apply to these kinds')

    def test_a_site_of_another_user_is_no_choice(self):
        """Forms offer what the user may view."""
        rule = InventoryRule.objects.first()
        allow(self.user, 'view', 'change', model=InventoryRule)
        allow(self.user, 'view', model=Site, constraints={'name': 'nowhere'})
        response = self.client.get(self._get_url('edit', rule))
        self.assertNotContains(response, 'Annex')


class RulesTabTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.fabric = fabric_of()
        site = make_site('Annex')
        make_rule(cls.fabric, 'leaves', weight=20, kinds=['Switch'], names='leaf-*', site=site)
        rule = make_rule(cls.fabric, 'tags', weight=10, names='', kinds=['Switch', 'VPC'])
        rule.object_tags.add(Tag.objects.create(name='Lab', slug='lab'))
        make_rule(cls.fabric, 'nothing', weight=30, names='no-such', exclude=True)

    def page(self, view='fabric_rules', query=''):
        return self.client.get(reverse(f'plugins:netbox_hedgehog:{view}', args=[self.fabric.pk]) + query)

    def test_rules_are_in_their_order_with_what_they_match(self):
        for model in (Fabric, InventoryRule, FabricResource):
            allow(self.user, 'view', model=model)
        response = self.page()
        text = ' '.join(response.content.decode().split())
        places = [text.index(part) for part in (
            'tags</a>', '2 switches, 1 VPC match.', 'leaves</a>', '1 switch matches.', 'nothing</a>',
            'Nothing matches.', 'Fabric settings',
        )]
        self.assertEqual(places, sorted(places))
        self.assertContains(response, 'Annex')
        self.assertContains(response, 'Lab')
        self.assertNotContains(response, 'Add rule')

    def test_only_what_the_user_may_view_is_counted(self):
        for model in (Fabric, InventoryRule):
            allow(self.user, 'view', model=model)
        self.assertNotContains(self.page(), 'match.')
        allow(self.user, 'view', model=FabricResource, constraints={'name': 'leaf-1'})
        self.assertContains(self.page(), '1 switch matches.', 2)

    def test_rules_of_others_are_not_shown(self):
        allow(self.user, 'view')
        allow(self.user, 'view', model=InventoryRule, constraints={'name': 'leaves'})
        response = self.page()
        self.assertContains(response, 'leaves')
        self.assertNotContains(response, 'no-such')

    def test_without_permission_there_is_no_tab(self):
        allow(self.user, 'view')
        self.assertNotContains(self.page(), 'leaves')
        self.assertNotContains(self.client.get(self.fabric.get_absolute_url()), '/rules/')

    def test_a_page_of_a_rule_names_what_matches(self):
        allow(self.user, 'view', model=InventoryRule)
        rule = InventoryRule.objects.get(name='leaves')
        self.assertContains(self.client.get(rule.get_absolute_url()), 'You do not have permission to view resources.')
        allow(self.user, 'view', model=FabricResource)
        response = self.client.get(rule.get_absolute_url())
        self.assertContains(response, '1 switch matches.')
        self.assertContains(response, 'leaf-1')
        self.assertNotContains(response, 'spine-1')

    def test_a_rule_stored_with_a_bad_pattern_does_not_break_its_pages(self):
        for model in (Fabric, InventoryRule, FabricResource):
            allow(self.user, 'view', model=model)
        InventoryRule.objects.filter(name='leaves').update(names='leaf-[')
        self.assertContains(self.page(), 'is not a valid name pattern')
        rule = InventoryRule.objects.get(name='leaves')
        self.assertContains(self.client.get(rule.get_absolute_url()), 'is not a valid name pattern')
        self.assertContains(self.page('fabric_dry_run'), 'cannot be used')

    def test_the_preview_and_applying_it(self):
        from netbox_hedgehog.inventory.reconcile import plan, reconcile
        reconcile(self.fabric)
        InventoryRule.objects.filter(name='leaves').update(site=make_site('Second'))
        allow(self.user, 'view', 'sync')
        self.assertContains(self.page('fabric_dry_run'), 'No changes.')
        response = self.page('fabric_dry_run', '?rules=true')
        self.assertContains(response, 'This plan also applies the inventory rules to existing objects.')
        self.assertContains(response, '/inventory/apply-rules/')
        self.assertContains(response, 'requires the permission dcim.change_device')
        url = reverse('plugins:netbox_hedgehog:fabric_inventory_apply_rules', args=[self.fabric.pk])
        digest = plan(self.fabric, apply_rules=True).digest
        refused = self.client.post(url, {'digest': digest})
        self.assertIn('requires the permission dcim.change_device', messages_of(refused)[0])
        self.assertTrue(refused.url.endswith('?rules=true'))
        moved = self.client.post(url, {'digest': plan(self.fabric).digest})
        self.assertIn('has changed since you reviewed', messages_of(moved)[-1])


class MatchesOfDeletedResourcesTestCase(TestCase):
    def test_what_is_deleted_from_the_cluster_does_not_match(self):
        fabric, rules = make_rules()
        make_resource(fabric, 'Server', 'leaf-1', missing_since=fabric.created)
        allow(self.user, 'view', model=InventoryRule)
        allow(self.user, 'view', model=FabricResource)
        self.assertContains(self.client.get(rules[0].get_absolute_url()), 'Nothing matches.')
