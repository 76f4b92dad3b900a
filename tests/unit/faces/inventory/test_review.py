"""The first plan of an inventory is reviewed before anything is written: where people see that it waits, and how it ends."""

from dcim.models import Device
from django.urls import reverse
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.inventory.reconcile import reconcile

from ....support.inventory import fabric_of

WAITS = 'Inventory is waiting for review: nothing has been written to NetBox yet.'


class ReviewTestCase(TestCase):
    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.sync_fabric')

    @classmethod
    def setUpTestData(cls):
        cls.fabric = fabric_of(inventory_auto_apply=False)

    def dry_run(self):
        return self.client.get(reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[self.fabric.pk]))

    def test_the_fabrics_page_leads_to_the_plan(self):
        page = self.client.get(self.fabric.get_absolute_url())
        self.assertContains(page, WAITS)
        self.assertContains(page, 'Review the first plan')
        self.assertContains(self.dry_run(), 'Waiting for review: nothing has been written to NetBox yet.')
        self.assertContains(self.dry_run(), 'Apply this plan')
        self.assertFalse(Device.objects.exists())

    def test_a_plan_without_changes_can_be_applied_too(self):
        self.fabric.resources.all().delete()
        page = self.dry_run()
        self.assertEqual(page.context['plan'].actions, [])
        self.assertContains(page, 'Apply this plan')

    def test_after_the_first_plan_nothing_waits(self):
        reconcile(self.fabric)
        self.assertNotContains(self.client.get(self.fabric.get_absolute_url()), WAITS)
        self.assertNotContains(self.dry_run(), 'Apply this plan')


class ReviewAPITestCase(APITestCase):
    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.change_fabric')

    def test_the_api_says_so_and_can_ask_for_none(self):
        fabric = fabric_of(inventory_auto_apply=False)
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-detail', args=[fabric.pk])
        self.assertTrue(self.client.get(url, **self.header).data['inventory_waits_for_review'])
        answer = self.client.patch(url, {'inventory_auto_apply': True}, format='json', **self.header)
        self.assertFalse(answer.data['inventory_waits_for_review'])
