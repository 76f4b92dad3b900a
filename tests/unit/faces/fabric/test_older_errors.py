"""An error from before a change of the settings that it is about says so."""

import re

from dcim.models import Site
from django.urls import reverse
from utilities.testing import APITestCase

from netbox_hedgehog.fields import decrypt
from netbox_hedgehog.models import Fabric

from ....support.pages import SERVER, allow, make_fabric

OLDER = re.compile(r'^Before the change at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: The API server refused the token\.$')


class OlderErrorsTestCase(APITestCase):
    user_permissions = ('netbox_hedgehog.view_fabric',)

    def setUp(self):
        super().setUp()
        self.fail_again()

    def fail_again(self):
        Fabric.objects.all().delete()
        self.fabric = make_fabric()
        Fabric.objects.update(
            sync_status='failed', sync_error='The API server refused the token.', connection_status='failed',
            inventory_error='No site.',
        )
        self.fabric.refresh_from_db()

    def test_a_corrected_connection_makes_the_error_an_older_one(self):
        changes = {
            'kubernetes_server': 'https://other.example.com:6443', 'kubernetes_token': 'another',
            'kubernetes_ca_cert': '-----BEGIN CERTIFICATE-----', 'verify_tls': False, 'kubeconfig': 'x',
            'in_cluster': True, 'kubernetes_namespace': 'other',
        }
        for name, value in changes.items():
            with self.subTest(field=name):
                self.fail_again()
                setattr(self.fabric, name, value)
                self.fabric.save()
                for seen in (self.fabric, Fabric.objects.get()):
                    self.assertRegex(seen.sync_error, OLDER)
                    self.assertTrue(seen.sync_error_is_older)
                    self.assertEqual((seen.connection_status, seen.inventory_error), ('unknown', 'No site.'))
                # A second change makes it no older.
                error = self.fabric.sync_error
                self.fabric.verify_tls = not self.fabric.verify_tls
                self.fabric.save()
                self.assertEqual(Fabric.objects.get().sync_error, error)

    def test_other_changes_leave_it(self):
        self.fabric.comments, self.fabric.sync_interval = 'x', 600
        self.fabric.save()
        self.assertEqual(Fabric.objects.get().sync_error, 'The API server refused the token.')
        self.assertEqual(Fabric.objects.get().connection_status, 'failed')

    def test_a_changed_inventory_makes_its_error_an_older_one(self):
        self.fabric.inventory_site = Site.objects.create(name='S', slug='s')
        self.fabric.save()
        fabric = Fabric.objects.get()
        self.assertTrue(fabric.inventory_error_is_older)
        self.assertEqual(fabric.sync_error, 'The API server refused the token.')

    def test_the_same_token_entered_again_changes_nothing(self):
        self.fabric.kubernetes_token = decrypt(self.fabric.kubernetes_token)
        self.fabric.save()
        self.assertEqual(Fabric.objects.get().sync_error, 'The API server refused the token.')

    def test_no_error_stays_none(self):
        Fabric.objects.update(sync_error='', inventory_error='', sync_status='in_sync')
        self.fabric.verify_tls = False
        self.fabric.save()
        self.assertEqual(Fabric.objects.get().sync_error, '')

    def test_the_page_the_api_and_the_list_say_so(self):
        allow(self.user, 'change')
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-detail', args=[self.fabric.pk])
        response = self.client.patch(
            url, {'kubernetes_server': SERVER, 'kubernetes_token': 'another', 'kubernetes_ca_cert': ''}, format='json',
            **self.header,
        )
        self.assertHttpStatus(response, 200)
        self.assertRegex(response.data['sync_error'], OLDER)
        status = self.client.get(f'{url}status/', **self.header).data
        self.assertRegex(status['error'], OLDER)
        self.client.force_login(self.user)
        for path in (self.fabric.get_absolute_url(), reverse('plugins:netbox_hedgehog:overview')):
            page = self.client.get(path).content.decode()
            self.assertIn('Before the change at', page)
        self.assertIn('alert-secondary', self.client.get(self.fabric.get_absolute_url()).content.decode())
