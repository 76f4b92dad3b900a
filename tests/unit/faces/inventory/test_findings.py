"""What a dry run says does not agree is what discrepancies say: shown to those alone who may view these."""

from dcim.models import Device
from django.urls import reverse
from users.models import ObjectPermission
from utilities.testing import APITestCase

from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy

from ....support.inventory import synced
from ....support.pages import allow

BY_HAND = 'BY-HAND-1'


class FindingsTestCase(APITestCase):
    """The page and the REST API of one plan: a serial number changed by hand, and a device deleted by hand."""

    user_permissions = ('netbox_hedgehog.view_fabric',)

    @classmethod
    def setUpTestData(cls):
        cls.fabric = synced('sample')
        Device.objects.filter(name='leaf-01').update(serial=BY_HAND)
        Device.objects.filter(name='server-01').delete()

    def setUp(self):
        super().setUp()
        self.client.force_login(self.user)

    def page(self, name='dry_run'):
        return self.client.get(reverse(f'plugins:netbox_hedgehog:fabric_{name}', args=[self.fabric.pk])).content.decode()

    def found(self):
        """The findings of the API by resource."""
        url = f'/api/plugins/hedgehog/fabrics/{self.fabric.pk}/inventory/plan/'
        response = self.client.get(url, {'limit': 0}, **self.header)
        self.assertHttpStatus(response, 200)
        return {finding['source']['name']: finding for finding in response.data['findings']}

    def of(self, constraints):
        ObjectPermission.objects.filter(name__contains='Discrepancy').delete()
        allow(self.user, 'view', model=Discrepancy, constraints=constraints)

    def test_nothing_without_the_permission(self):
        allow(self.user, 'view', model=Device)
        self.assertTrue(plan(self.fabric).findings)
        self.assertEqual(self.found(), {})
        page = self.page()
        self.assertNotIn('Discrepancies that need', page)
        self.assertIn('You do not have permission to view all discrepancies.', page)
        self.assertNotIn('NetBox matches the fabric', page)
        self.assertNotIn('Discrepancies that need', self.page('inventory_disable'))

    def test_an_object_that_may_not_be_viewed_is_veiled(self):
        self.of(None)
        found = self.found()
        leaf = found['leaf-01']
        self.assertEqual(
            (leaf['hidden'], leaf['sentence'], leaf['netbox_value'], leaf['fabric_value']), (True, '', None, None),
        )
        # what was deleted is nobody's to hide
        self.assertFalse(found['server-01']['hidden'])
        self.assertIn('was deleted in NetBox', found['server-01']['sentence'])
        page = self.page()
        self.assertIn('You do not have permission to view this object.', page)
        self.assertNotIn('differs from the fabric', page)
        self.assertIn('was deleted in NetBox', page)

    def test_whole_to_whom_may_view_both(self):
        self.of(None)
        allow(self.user, 'view', model=Device)
        leaf = self.found()['leaf-01']
        self.assertEqual((leaf['hidden'], leaf['netbox_value']), (False, BY_HAND))
        self.assertIn(leaf['sentence'], self.page())

    def test_conditions_of_the_permission_hold(self):
        allow(self.user, 'view', model=Device)
        for constraints, names in (
            ({'fabric__name': self.fabric.name}, {'leaf-01', 'server-01'}),
            ({'fabric': self.fabric.pk}, {'leaf-01', 'server-01'}),
            ([{'name': 'x'}, {'fabric__name': self.fabric.name}], {'leaf-01', 'server-01'}),
            ({'fabric__name': 'another'}, set()),
            # of these none stands as a discrepancy yet
            ({'name': 'leaf-01'}, set()),
        ):
            with self.subTest(constraints=constraints):
                self.of(constraints)
                self.assertEqual(self.found().keys() & {'leaf-01', 'server-01'}, names)
        reconcile(self.fabric)
        self.assertEqual(self.found().keys(), {'leaf-01'})
        self.assertNotIn('was deleted in NetBox', self.page())
