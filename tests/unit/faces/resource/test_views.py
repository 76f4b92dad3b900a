"""NetBox's own test cases for the pages of resources, which nobody writes but a run."""

from django.urls import NoReverseMatch, reverse
from utilities.testing import ViewTestCases

from netbox_hedgehog.models import FabricResource

from ....support.pages import allow, make_fabric, make_resource


class FabricResourceViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = FabricResource

    def _get_base_url(self):
        return 'plugins:netbox_hedgehog:fabricresource_{}'

    @classmethod
    def setUpTestData(cls):
        fabric = make_fabric()
        for name in ('leaf-1', 'leaf-2', 'leaf-3'):
            make_resource(fabric, name=name, spec={'role': 'server-leaf'})

    def test_nothing_writes(self):
        for action in ('edit', 'delete'):
            with self.assertRaises(NoReverseMatch):
                reverse(f'plugins:netbox_hedgehog:fabricresource_{action}', args=[1])
        for action in ('add', 'bulk_import', 'bulk_edit', 'bulk_delete'):
            with self.assertRaises(NoReverseMatch):
                reverse(f'plugins:netbox_hedgehog:fabricresource_{action}')
        allow(self.user, 'view', 'add', 'change', 'delete', model=FabricResource)
        page = self.client.get(self._get_url('list')).content.decode()
        self.assertNotIn('mdi-pencil', page)
        self.assertNotIn('mdi-trash-can-outline', page)
