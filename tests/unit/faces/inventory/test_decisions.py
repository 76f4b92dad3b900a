"""Discrepancies are decided by one click each, by those who may: on pages, in bulk and through the API."""

from unittest.mock import patch

from core.models import Job
from dcim.models import Device, VirtualChassis
from django.test import override_settings
from django.urls import reverse
from extras.models import CachedValue
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.jobs.fabric_sync import execute_requested_run
from netbox_hedgehog.jobs.inventory import InventoryJob
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ....support.inventory import synced
from ....support.pages import allow, messages_of
from .base import inventory_fabric, make_discrepancy


class _Changed:
    """A fabric in NetBox, of which somebody has changed two serial numbers and deleted a server."""

    @classmethod
    def setUpTestData(cls):
        cls.fabric = synced('sample')
        cls.serials = {}
        for name in ('leaf-01', 'leaf-02'):
            device = Device.objects.get(name=name)
            cls.serials[name] = device.serial
            device.serial = f'BY-HAND-{name}'
            device.save()
        Device.objects.get(name='server-04').delete()
        reconcile(cls.fabric)

    def of(self, name, field='serial'):
        return Discrepancy.objects.get(name=name, field=field)

    def serial(self, name):
        return Device.objects.get(name=name).serial


class PageTestCase(_Changed, TestCase):
    user_permissions = ('netbox_hedgehog.view_discrepancy', 'netbox_hedgehog.view_fabric')

    def decide(self, discrepancy, decision, **kwargs):
        url = reverse('plugins:netbox_hedgehog:discrepancy_resolve', args=[discrepancy.pk])
        return self.client.post(f'{url}?decision={decision}', **kwargs)

    def test_take_the_fabrics_value(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy', 'dcim.change_device', 'dcim.view_device')
        page = self.client.get(self.of('leaf-01').get_absolute_url())
        self.assertContains(page, 'BY-HAND-leaf-01')
        self.assertContains(page, self.serials['leaf-01'])
        response = self.decide(self.of('leaf-01'), 'fabric')
        self.assertHttpStatus(response, 302)
        self.assertEqual(self.serial('leaf-01'), self.serials['leaf-01'])
        self.assertFalse(Discrepancy.objects.filter(name='leaf-01', field='serial').exists())
        self.assertEqual(self.serial('leaf-02'), 'BY-HAND-leaf-02')
        self.assertHttpStatus(self.client.get(response.url), 200)

    def test_who_may_not_change_the_object(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        response = self.decide(self.of('leaf-01'), 'fabric')
        self.assertIn('dcim.change_device', ' '.join(messages_of(response)))
        self.assertEqual(self.serial('leaf-01'), 'BY-HAND-leaf-01')
        allow(self.user, 'change', model=Device, constraints={'name': 'leaf-02'})
        self.decide(self.of('leaf-01'), 'fabric')
        self.assertEqual(self.serial('leaf-01'), 'BY-HAND-leaf-01')
        self.decide(self.of('leaf-02'), 'fabric')
        self.assertEqual(self.serial('leaf-02'), self.serials['leaf-02'])

    def test_keep_and_reopen(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        self.decide(self.of('leaf-01'), 'netbox')
        self.assertEqual(self.of('leaf-01').state, 'kept')
        reconcile(self.fabric)
        self.assertEqual(self.of('leaf-01').state, 'kept', 'a decision is remembered')
        self.assertContains(self.client.get(self.of('leaf-01').get_absolute_url()), 'Reopen')
        self.decide(self.of('leaf-01'), 'reopen')
        self.assertEqual(self.of('leaf-01').state, 'open')

    def test_ignore(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        self.decide(self.of('leaf-01'), 'ignore')
        self.assertEqual(self.of('leaf-01').state, 'ignored')

    def test_a_deleted_object_is_made_again_for_those_who_could(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        response = self.decide(self.of('server-04', ''), 'fabric')
        self.assertIn('dcim.add_device', ' '.join(messages_of(response)))
        self.add_permissions('dcim.add_device')
        self.decide(self.of('server-04', ''), 'fabric')
        reconcile(self.fabric)
        self.assertTrue(Device.objects.filter(name='server-04').exists())

    def test_what_cannot_be_decided_is_said(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        conflict = make_discrepancy(self.fabric, type='conflict', field='', sentence='The port is taken.')
        page = self.client.get(conflict.get_absolute_url())
        self.assertNotContains(page, 'Keep NetBox')
        self.assertIn('does not apply to', ' '.join(messages_of(self.decide(conflict, 'netbox'))))
        self.assertIn('Choose one of', ' '.join(messages_of(self.decide(conflict, 'nonsense'))))
        conflict.refresh_from_db()
        self.assertEqual(conflict.state, 'open')

    def test_permission_to_resolve(self):
        discrepancy = self.of('leaf-01')
        self.assertNotContains(self.client.get(discrepancy.get_absolute_url()), 'Use fabric value')
        self.assertHttpStatus(self.decide(discrepancy, 'ignore'), 403)
        allow(self.user, 'resolve', model=Discrepancy, constraints={'name': 'leaf-02'})
        self.assertHttpStatus(self.decide(discrepancy, 'ignore'), 404)
        self.assertEqual(self.of('leaf-01').state, 'open')
        self.assertHttpStatus(self.decide(self.of('leaf-02'), 'ignore'), 302)
        self.assertEqual(self.of('leaf-02').state, 'ignored')

    def test_a_value_that_cannot_be_written_is_said_and_the_discrepancy_stays(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy', 'dcim.change_device', 'dcim.view_device')
        with override_settings(CUSTOM_VALIDATORS={'dcim.device': [{'serial': {'regex': 'BY-HAND.*'}}]}):
            response = self.decide(self.of('leaf-01'), 'fabric')
        said = ' '.join(messages_of(response))
        self.assertIn('1 value was not written: Device leaf-01', said)
        self.assertNotIn('Fabric value used for', said)
        self.assertEqual(self.serial('leaf-01'), 'BY-HAND-leaf-01')
        self.assertEqual(self.of('leaf-01').state, 'open')

    def test_more_values_than_a_request_should_write(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy', 'dcim.change_device')
        with patch('netbox_hedgehog.inventory.decisions.MOST_AT_ONCE', 1):
            response = self.bulk('fabric', Discrepancy.objects.filter(field='serial').values_list('pk', flat=True))
        self.assertIn('at most 1 discrepancies at once', ' '.join(messages_of(response)))
        self.assertEqual(self.serial('leaf-01'), 'BY-HAND-leaf-01')

    def test_the_search_forgets_what_is_settled(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy', 'dcim.change_device', 'dcim.add_device')
        for discrepancy in (self.of('leaf-01'), self.of('server-04', '')):
            self.assertTrue(CachedValue.objects.filter(object_id=discrepancy.pk, value=discrepancy.sentence).exists())
            self.decide(discrepancy, 'fabric')
            self.assertFalse(CachedValue.objects.filter(object_id=discrepancy.pk, value=discrepancy.sentence).exists())

    def test_inventory_off(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy', 'dcim.change_device')
        Fabric.objects.update(inventory_enabled=False)
        self.assertIn('Inventory sync is not enabled', ' '.join(messages_of(self.decide(self.of('leaf-01'), 'fabric'))))
        self.assertEqual(self.serial('leaf-01'), 'BY-HAND-leaf-01')

    def bulk(self, name, pks, query='', **data):
        url = reverse(f'plugins:netbox_hedgehog:discrepancy_bulk_{name}')
        return self.client.post(f'{url}{query}', {'pk': pks, **data})

    def test_bulk(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy', 'dcim.change_device')
        pks = list(Discrepancy.objects.filter(field='serial').values_list('pk', flat=True))
        self.bulk('fabric', pks)
        self.assertEqual({name: self.serial(name) for name in self.serials}, self.serials)

    def test_bulk_is_all_or_nothing_where_a_permission_is_missing(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        allow(self.user, 'change', model=Device, constraints={'name': 'leaf-01'})
        pks = list(Discrepancy.objects.filter(field='serial').values_list('pk', flat=True))
        response = self.bulk('fabric', pks)
        self.assertIn('do not meet them', ' '.join(messages_of(response)))
        self.assertEqual(self.serial('leaf-01'), 'BY-HAND-leaf-01')

    def test_bulk_all_that_match(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        self.bulk('ignore', [], '?name=leaf-01', _all='on')
        self.assertEqual((self.of('leaf-01').state, self.of('leaf-02').state), ('ignored', 'open'))
        self.bulk('reopen', [self.of('leaf-01').pk])
        self.bulk('netbox', [self.of('leaf-01').pk])
        self.assertEqual(self.of('leaf-01').state, 'kept')

    def test_lists_offer_the_buttons(self):
        url = reverse('plugins:netbox_hedgehog:discrepancy_list')
        self.assertNotContains(self.client.get(url), 'decision=fabric')
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        page = self.client.get(url)
        self.assertContains(page, 'decision=fabric')
        self.assertContains(page, reverse('plugins:netbox_hedgehog:discrepancy_bulk_fabric'))
        tab = self.client.get(reverse('plugins:netbox_hedgehog:fabric_discrepancies', args=[self.fabric.pk]))
        self.assertContains(tab, reverse('plugins:netbox_hedgehog:discrepancy_bulk_fabric'))
        # Where a page only shows the table there is no form: its buttons would do nothing.
        part = self.client.get(f'{url}?exclude_columns=actions', HTTP_HX_REQUEST='true')
        self.assertNotContains(part, 'decision=fabric')

    def test_global_search_knows_what_stands_and_no_more(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        url = f'{reverse("search")}?q=leaf-01'
        discrepancy = self.of('leaf-01')
        self.assertContains(self.client.get(url), discrepancy.get_absolute_url())
        Device.objects.filter(name='leaf-01').update(serial=self.serials['leaf-01'])
        reconcile(self.fabric)
        self.assertNotContains(self.client.get(url), discrepancy.get_absolute_url())
        self.assertFalse(CachedValue.objects.filter(object_id=discrepancy.pk, value=discrepancy.sentence).exists())

    def test_export(self):
        self.add_permissions('dcim.view_device')
        url = reverse('plugins:netbox_hedgehog:fabric_discrepancies', args=[self.fabric.pk])
        response = self.client.get(f'{url}?export=table&field=serial', follow=True)
        text = b''.join(response.streaming_content).decode() if response.streaming else response.content.decode()
        self.assertIn('BY-HAND-leaf-01', text)
        self.assertIn(self.serials['leaf-01'], text)
        self.assertNotIn('server-04', text)


class APIDecisionTestCase(_Changed, APITestCase):
    user_permissions = ('netbox_hedgehog.view_discrepancy',)

    def post(self, path, **data):
        return self.client.post(f'/api/plugins/hedgehog/discrepancies/{path}', data, format='json', **self.header)

    def test_resolve(self):
        pk = self.of('leaf-01').pk
        self.assertHttpStatus(self.post(f'{pk}/resolve/', decision='ignore'), 403)
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        self.assertHttpStatus(self.post(f'{pk}/resolve/', decision='nonsense'), 400)
        response = self.post(f'{pk}/resolve/', decision='fabric')
        self.assertHttpStatus(response, 403)
        self.assertIn('dcim.change_device', str(response.data))
        self.add_permissions('dcim.change_device')
        response = self.post(f'{pk}/resolve/', decision='fabric')
        self.assertHttpStatus(response, 200)
        self.assertEqual(response.data, {'resolved': 1, 'detail': ''})
        self.assertEqual(self.serial('leaf-01'), self.serials['leaf-01'])
        self.assertHttpStatus(self.post(f'{self.of("leaf-02").pk}/resolve/', decision='reopen'), 409)

    def test_bulk(self):
        self.add_permissions('netbox_hedgehog.resolve_discrepancy')
        pks = [self.of(name).pk for name in self.serials]
        response = self.post('resolve/', ids=[*pks, 999_999], decision='ignore')
        self.assertHttpStatus(response, 400)
        self.assertIn('999999', str(response.data))
        self.assertEqual(Discrepancy.objects.filter(state='ignored').count(), 0)
        response = self.post('resolve/', ids=pks, decision='ignore')
        self.assertHttpStatus(response, 200)
        self.assertEqual(response.data['resolved'], 2)
        self.assertEqual(Discrepancy.objects.filter(state='ignored').count(), 2)


class DisableTestCase(TestCase):
    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.change_fabric', 'netbox_hedgehog.sync_fabric')

    @classmethod
    def setUpTestData(cls):
        cls.fabric = synced()
        Device.objects.get(name='server-2').delete()
        reconcile(cls.fabric)

    def url(self):
        return reverse('plugins:netbox_hedgehog:fabric_inventory_disable', args=[self.fabric.pk])

    def test_disable_inventory(self):
        count = Device.objects.count()
        self.assertContains(self.client.get(self.url()), 'Disable and keep all objects')
        response = self.client.post(self.url(), {'objects': 'leave'})
        self.assertRedirects(response, self.fabric.get_absolute_url())
        self.fabric.refresh_from_db()
        self.assertFalse(self.fabric.inventory_enabled)
        self.assertEqual(Device.objects.count(), count)
        self.assertFalse(InventoryLink.objects.exists())

    def test_remove_what_was_created_as_shown(self):
        page = self.client.get(self.url())
        self.assertContains(page, 'requires the permission')
        digest = page.context['plan'].digest
        self.client.post(self.url(), {'objects': 'remove', 'digest': digest})
        self.assertTrue(Device.objects.exists())
        self.add_permissions(*{
            f'{action.model.split(".")[0]}.{verb}_{action.model.split(".")[1]}'
            for action in page.context['plan'].actions for verb in ('view', 'delete')
        })
        response = self.client.post(self.url(), {'objects': 'remove'})
        self.assertIn('Review the plan first', ' '.join(messages_of(response)))
        response = self.client.post(self.url(), {'objects': 'remove', 'digest': '0' * 32})
        self.assertIn('changed since', ' '.join(messages_of(response)))
        self.assertTrue(Device.objects.exists())
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post(self.url(), {'objects': 'remove', 'digest': digest})
        self.assertTrue(Device.objects.exists())
        execute_requested_run(Job.objects.get(name=InventoryJob.name).pk)
        self.assertFalse(Device.objects.exists())
        self.fabric.refresh_from_db()
        self.assertFalse(self.fabric.inventory_enabled)

    def test_what_cannot_be_deleted_is_said_before_and_can_be_removed_later(self):
        self.user.is_superuser = True
        self.user.save()
        chassis = VirtualChassis.objects.create(name='chassis', master=Device.objects.get(name='leaf-1'))
        page = self.client.get(self.url())
        self.assertContains(page, 'Device leaf-1 cannot be deleted: virtual chassis chassis depends on it')
        self._remove(page)
        self.assertGreater(Device.objects.get(name='leaf-1').interfaces.count(), 1)
        chassis.delete()
        # Its objects are managed still, and the page offers to remove them.
        self.assertContains(self.client.get(self.fabric.get_absolute_url()), self.url())
        self._remove(self.client.get(self.url()))
        self.assertFalse(Device.objects.exists())
        self.assertFalse(InventoryLink.objects.exists())

    def _remove(self, page):
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post(self.url(), {'objects': 'remove', 'digest': page.context['plan'].digest})
        execute_requested_run(Job.objects.filter(name=InventoryJob.name).latest('pk').pk)

    def test_unticking_asks(self):
        self.add_permissions('dcim.view_site')
        edit = reverse('plugins:netbox_hedgehog:fabric_edit', args=[self.fabric.pk])
        form = self.client.get(edit).context['form']
        data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
        data.pop('inventory_enabled')
        self.assertRedirects(self.client.post(edit, data), self.url())
        self.assertTrue(InventoryLink.objects.exists(), 'unticking alone is a pause')

    def test_permissions(self):
        self.remove_permissions('netbox_hedgehog.change_fabric')
        response = self.client.post(self.url(), {'objects': 'leave'})
        self.assertIn('permission to change this fabric', ' '.join(messages_of(response)))
        self.remove_permissions('netbox_hedgehog.sync_fabric')
        self.assertHttpStatus(self.client.post(self.url(), {'objects': 'leave'}), 403)
        self.assertTrue(InventoryLink.objects.exists())


class FabricPageTestCase(TestCase):
    def test_unconfirmed_and_failed_are_shown_on_the_fabrics_page(self):
        fabric = inventory_fabric(
            inventory_unconfirmed={'digest': 'x', 'sentences': ['This run would delete 9 of 10 devices.'], 'count': 9},
            inventory_error='The site has gone.',
        )
        allow(self.user, 'view')
        page = self.client.get(fabric.get_absolute_url())
        self.assertContains(page, 'This run would delete 9 of 10 devices.')
        self.assertContains(page, 'The site has gone.')
        self.assertContains(page, 'Review')
