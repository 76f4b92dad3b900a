"""NetBox's own test cases for the pages of discrepancies and links, which nobody writes but a run."""

from django.urls import NoReverseMatch, reverse
from utilities.testing import ViewTestCases

from netbox_hedgehog.models import Discrepancy, InventoryLink

from ....support.pages import allow
from .base import inventory_fabric, make_device, make_discrepancy, make_link


class _ReadOnly:
    def _get_base_url(self):
        return f'plugins:netbox_hedgehog:{self.model._meta.model_name}_{{}}'

    @classmethod
    def setUpTestData(cls):
        fabric = inventory_fabric()
        for name in ('leaf-1', 'leaf-2', 'leaf-3'):
            make_discrepancy(fabric, make_link(fabric, make_device(fabric.inventory_site, name)))

    def test_nothing_writes(self):
        for action in ('edit', 'delete'):
            with self.assertRaises(NoReverseMatch):
                reverse(self._get_base_url().format(action), args=[1])
        for action in ('add', 'bulk_import', 'bulk_edit', 'bulk_delete'):
            with self.assertRaises(NoReverseMatch):
                reverse(self._get_base_url().format(action))
        allow(self.user, 'view', 'add', 'change', 'delete', model=self.model)
        page = self.client.get(self._get_url('list')).content.decode()
        self.assertNotIn('mdi-pencil', page)
        self.assertNotIn('mdi-trash-can-outline', page)


class DiscrepancyViewTestCase(_ReadOnly, ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = Discrepancy


class InventoryLinkViewTestCase(_ReadOnly, ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = InventoryLink
