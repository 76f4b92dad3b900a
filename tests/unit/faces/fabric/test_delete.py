"""Who deletes a fabric learns before what of it stays in NetBox, and how to delete that too."""

from dcim.models import Site
from django.urls import reverse
from utilities.testing import TestCase

from netbox_hedgehog.models import Fabric

from ....support.pages import make_fabric
from ..inventory.base import make_device, make_link, make_site

MODAL = {'HTTP_HX_REQUEST': 'true', 'HTTP_HX_TARGET': 'htmx-modal-content'}


class DeleteTestCase(TestCase):
    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.delete_fabric')

    @classmethod
    def setUpTestData(cls):
        site = make_site()
        cls.fabric = make_fabric('a')
        make_link(cls.fabric, make_device(site, 'leaf-1'))
        make_link(cls.fabric, make_device(site, 'leaf-2'), origin='adopted')
        make_link(cls.fabric, site, origin='found', shared=True)
        cls.empty = make_fabric('b')

    def page(self, fabric, **headers):
        return self.client.get(reverse('plugins:netbox_hedgehog:fabric_delete', args=[fabric.pk]), **headers)

    def selected(self, *fabrics):
        url = reverse('plugins:netbox_hedgehog:fabric_bulk_delete')
        return self.client.post(url, {'pk': [fabric.pk for fabric in fabrics]})

    def test_what_stays_is_counted(self):
        self.add_permissions('netbox_hedgehog.view_inventorylink')
        page = self.page(self.fabric)
        self.assertContains(page, '3 objects in NetBox come from this fabric. They are kept')
        self.assertEqual(
            [(row.object_type.model, row.created, row.adopted, row.found) for row in page.context['managed']],
            [('device', 1, 1, 0), ('site', 0, 0, 1)],
        )
        self.assertContains(
            page, reverse('plugins:netbox_hedgehog:fabric_inventory_disable', args=[self.fabric.pk]),
        )

    def test_the_dialog_leads_to_the_page(self):
        response = self.page(self.fabric, **MODAL)
        self.assertEqual(
            response.headers['HX-Redirect'], reverse('plugins:netbox_hedgehog:fabric_delete', args=[self.fabric.pk]),
        )

    def test_a_fabric_without_objects_has_netboxs_dialog_and_page(self):
        self.assertContains(self.page(self.empty, **MODAL), 'Confirm Deletion')
        self.assertNotContains(self.page(self.empty), 'Objects in NetBox are kept')

    def test_who_may_not_view_managed_objects_learns_no_numbers(self):
        page = self.page(self.fabric)
        self.assertContains(page, 'Devices, cables, prefixes and other objects that come from a fabric are kept')
        self.assertEqual(page.context['managed'], [])
        self.assertNotContains(page, 'View managed objects')

    def test_bulk_deletion_counts_those_of_all_that_are_selected(self):
        self.add_permissions('netbox_hedgehog.view_inventorylink')
        self.assertContains(self.selected(self.fabric, self.empty), '3 objects in NetBox come from')
        self.assertNotContains(self.selected(self.empty), 'Objects in NetBox are kept')

    def test_all_that_the_filters_show(self):
        self.add_permissions('netbox_hedgehog.view_inventorylink')
        url = reverse('plugins:netbox_hedgehog:fabric_bulk_delete')
        self.assertContains(self.client.post(f'{url}?name=a', {'_all': 'on'}), '3 objects in NetBox come from')
        self.assertNotContains(self.client.post(f'{url}?name=b', {'_all': 'on'}), 'Objects in NetBox are kept')

    def test_they_do_stay(self):
        self.client.post(
            reverse('plugins:netbox_hedgehog:fabric_delete', args=[self.fabric.pk]), {'confirm': True},
        )
        self.assertFalse(Fabric.objects.filter(pk=self.fabric.pk).exists())
        self.assertTrue(Site.objects.get().devices.filter(name='leaf-1').exists())
