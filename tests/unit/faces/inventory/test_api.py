"""NetBox's own test cases for the REST and GraphQL API of discrepancies and links: it only reads."""

from dcim.models import Device
from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import DiscrepancyType, InventoryLinkType
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ....support.pages import ReadOnlyAPI, allow
from .base import inventory_fabric, make_device, make_discrepancy, make_link


class _ReadOnly(ReadOnlyAPI):
    @classmethod
    def setUpTestData(cls):
        fabric = inventory_fabric()
        for name in ('leaf-1', 'leaf-2', 'leaf-3'):
            make_discrepancy(fabric, make_link(fabric, make_device(fabric.inventory_site, name)))


class DiscrepancyAPITestCase(
    _ReadOnly,
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = Discrepancy
    type_class = DiscrepancyType
    brief_fields = ['display', 'id', 'state', 'type', 'url']

    def test_shows_both_sides_and_what_can_be_decided(self):
        for model in (Discrepancy, InventoryLink, Device):
            allow(self.user, 'view', model=model)
        data = self.client.get(self._get_detail_url(Discrepancy.objects.first()), **self.header).data
        self.assertEqual((data['field'], data['fabric_value'], data['netbox_value']), ('serial', 'ABC', 'XYZ'))
        self.assertEqual(data['object']['name'], 'leaf-1')
        self.assertEqual(data['object_type'], 'dcim.device')
        self.assertEqual(data['link']['key'], 'device/leaf-1')
        self.assertEqual(data['decisions'], ['fabric', 'netbox', 'ignore'])


class InventoryLinkAPITestCase(
    _ReadOnly,
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = InventoryLink
    type_class = InventoryLinkType
    # NetBox's test names the field by verbose_name; the schema names it as the model.
    graphql_base_name = 'inventory_link'
    brief_fields = ['display', 'id', 'key', 'url']

    def test_shows_what_is_managed(self):
        for model in (InventoryLink, Device):
            allow(self.user, 'view', model=model)
        data = self.client.get(self._get_detail_url(InventoryLink.objects.first()), **self.header).data
        self.assertEqual(data['written'], {'name': 'leaf-1'})
        self.assertEqual(data['object']['name'], 'leaf-1')
        self.assertEqual(data['origin'], {'value': 'created', 'label': 'Created'})
