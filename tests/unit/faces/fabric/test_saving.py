"""What a run records while somebody edits its fabric stays, and a fabric that is gone does not come back."""

from unittest.mock import patch

from django.db import models
from django.urls import reverse
from django.utils import timezone
from rest_framework import status
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.inventory.disable import disable_inventory
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.models.fabric import RECORDED

from ....support.pages import SERVER, ago, allow, make_fabric

GONE = 'a was deleted while you were editing it. Nothing was saved. Add it again if you need it.'


def meanwhile(what):
    """Something happens after a request has loaded the fabric, and before it saves it."""
    def clean(fabric):
        if fabric.pk:
            what(Fabric.objects.filter(pk=fabric.pk))

    return patch.object(Fabric, 'clean', clean)


def record(fabrics) -> None:
    now = timezone.now()
    fabrics.update(
        connection_status='failed', sync_status='failed', last_attempt=now, last_sync=now, sync_error='No route.',
        last_report={'outcome': 'failed'}, unsupported_kinds=[], inventory_unconfirmed={'digest': 'd'}, last_inventory=now, inventory_error='No site.',
    )


def recorded() -> dict:
    return Fabric.objects.values(*RECORDED).get()


class ModelTestCase(TestCase):
    def test_what_is_recorded_is_all_that_nobody_can_edit(self):
        fields = {field.name for field in Fabric._meta.concrete_fields if not field.editable}
        self.assertEqual(set(RECORDED), fields - {'created', 'last_updated'})

    def test_an_instance_that_was_loaded_before(self):
        make_fabric(sync_status='in_sync')
        for loaded in (Fabric.objects.get(), Fabric.objects.defer('comments').get(), Fabric.objects.only('name').get()):
            record(Fabric.objects.all())
            before, updated = recorded(), Fabric.objects.get().last_updated
            loaded.name = f'{loaded.name}x'
            loaded.save()
            self.assertEqual(recorded(), before)
            self.assertEqual(Fabric.objects.get().name, loaded.name)
            if 'last_updated' in loaded.__dict__:
                self.assertGreater(Fabric.objects.get().last_updated, updated)

    def test_who_names_them_writes_them(self):
        fabric = make_fabric(sync_status='in_sync')
        fabric.sync_status, fabric.sync_error = 'failed', 'No route.'
        fabric.save(update_fields=['sync_status'])
        self.assertEqual((recorded()['sync_status'], recorded()['sync_error']), ('failed', ''))

    def test_a_new_one_is_written_whole(self):
        fabric = make_fabric(sync_status='in_sync', last_sync=timezone.now())
        self.assertEqual(recorded()['sync_status'], 'in_sync')
        fabric.pk, fabric.name, fabric._state.adding = None, 'b', True
        fabric.save()
        self.assertEqual(set(Fabric.objects.values_list('sync_status', flat=True)), {'in_sync'})
        copy = Fabric.objects.get(name='b')
        Fabric.objects.filter(pk=copy.pk).delete()
        copy.save(force_insert=True)
        self.assertEqual(Fabric.objects.get(name='b').sync_status, 'in_sync')

    def test_an_inventory_that_is_left_leaves_the_sync_its_word(self):
        fabric = make_fabric(inventory_enabled=True)
        original = Fabric.snapshot

        def run_ends(instance):
            original(instance)
            record(Fabric.objects.all())
            Fabric.objects.update(comments='edited')

        with patch.object(Fabric, 'snapshot', run_ends):
            disable_inventory(fabric)
        left = Fabric.objects.get()
        self.assertEqual((left.sync_status, left.sync_error, left.comments), ('failed', 'No route.', 'edited'))
        self.assertEqual((left.inventory_enabled, left.inventory_unconfirmed, left.inventory_error), (False, None, ''))


class PagesTestCase(TestCase):
    def setUp(self):
        super().setUp()
        allow(self.user, 'view', 'change')
        self.fabric = make_fabric(sync_status='in_sync', last_sync=ago(days=1), last_attempt=ago(days=1))

    def edit(self):
        return self.client.post(reverse('plugins:netbox_hedgehog:fabric_edit', args=[self.fabric.pk]), {
            'name': 'a', 'status': 'active', 'kubernetes_server': SERVER, 'kubernetes_namespace': 'default',
            'sync_interval': 90, 'verify_tls': 'on', 'description': 'edited', 'inventory_name_pattern': '{name}',
            'inventory_adoption': 'off', 'inventory_removal': 'mark', 'inventory_roles': '{}',
        })

    def test_the_form(self):
        with meanwhile(record):
            self.assertHttpStatus(self.edit(), 302)
        self.assertEqual(Fabric.objects.get().description, 'edited')
        self.assertEqual((recorded()['sync_status'], recorded()['sync_error']), ('failed', 'No route.'))

    def test_many_at_once(self):
        with meanwhile(record):
            response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_edit'), {
                'pk': [self.fabric.pk], 'description': 'edited', '_apply': True,
            })
        self.assertHttpStatus(response, 302)
        self.assertEqual(Fabric.objects.get().description, 'edited')
        self.assertEqual(recorded()['sync_status'], 'failed')

    def test_one_that_was_deleted_meanwhile(self):
        with meanwhile(models.QuerySet.delete):
            response = self.edit()
        self.assertContains(response, GONE)
        self.assertFalse(Fabric.objects.filter(description='edited').exists())


class APITest(APITestCase):
    def setUp(self):
        super().setUp()
        allow(self.user, 'view', 'change')
        self.url = reverse('plugins-api:netbox_hedgehog-api:fabric-detail', args=[make_fabric(sync_status='in_sync').pk])

    def patch(self):
        return self.client.patch(self.url, {'description': 'edited'}, format='json', **self.header)

    def test_what_is_recorded_meanwhile_stays(self):
        with meanwhile(record):
            self.assertHttpStatus(self.patch(), status.HTTP_200_OK)
        self.assertEqual(Fabric.objects.get().description, 'edited')
        self.assertEqual(recorded()['sync_status'], 'failed')

    def test_one_that_was_deleted_meanwhile(self):
        with meanwhile(models.QuerySet.delete):
            response = self.patch()
        self.assertHttpStatus(response, status.HTTP_400_BAD_REQUEST)
        self.assertEqual(response.data['detail'], GONE)
