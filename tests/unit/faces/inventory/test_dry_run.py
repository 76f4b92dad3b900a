"""A dry run as page, API and command: what it shows is what is then done, or nothing is."""

import json
from io import StringIO

from core.models import Job
from dcim.models import Device
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.jobs.fabric_sync import execute_requested_run
from netbox_hedgehog.jobs.inventory import InventoryJob
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.presentation.plans import PAGE

from ....support.inventory import fabric_of, synced
from ....support.pages import allow, messages_of

WRITE_ALL = tuple(
    f'{app}.{action}_{model}' for action in ('view', 'add', 'change', 'delete') for app, models in {
        'dcim': ('device', 'devicerole', 'devicetype', 'manufacturer', 'platform', 'interface', 'cable', 'macaddress'),
        'ipam': ('asn', 'rir', 'vrf', 'prefix', 'ipaddress', 'iprange', 'vlan', 'vlangroup', 'role', 'routetarget'),
        'vpn': ('l2vpn', 'l2vpntermination'),
        'extras': ('tag',),
    }.items() for model in models
)


class _Sample:
    user_permissions = ('netbox_hedgehog.view_fabric',)

    @classmethod
    def setUpTestData(cls):
        cls.fabric = fabric_of('sample')


class _Synced(_Sample):
    """The fabric after its first inventory sync."""

    @classmethod
    def setUpTestData(cls):
        cls.fabric = synced('sample')

    def gone(self):
        """All that has gone from the fabric at once: more than a run removes without a word."""
        FabricResource.objects.filter(fabric=self.fabric, kind__in=('Server', 'Connection')).update(
            missing_since='2026-01-01T00:00:00Z',
        )


class _Page:
    def url(self, name):
        return reverse(f'plugins:netbox_hedgehog:fabric_{name}', args=[self.fabric.pk])

    def page(self):
        response = self.client.get(self.url('dry_run'))
        self.assertHttpStatus(response, 200)
        return response

    def rows(self, **params):
        return self.client.get(self.url('dry_run_rows'), params)


class PageTestCase(_Page, _Sample, TestCase):
    def test_shows_pending_changes(self):
        response = self.page()
        seen = plan(self.fabric)
        self.assertContains(response, seen.digest)
        devices = sum(1 for action in seen.actions if action.model == 'dcim.device')
        self.assertContains(response, f'<strong>{devices}</strong> devices')
        self.assertFalse(Device.objects.exists(), 'looking must not write')

    def test_field_by_field(self):
        digest = self.page().context['kept_as']
        response = self.rows(digest=digest, scope='devices', model='dcim.device', type='create')
        self.assertContains(response, 'leaf-01')
        self.assertContains(response, 'Device type:')
        self.assertContains(response, 'DC')

    def test_pages_of_a_group(self):
        digest = self.page().context['kept_as']
        count = sum(1 for action in plan(self.fabric).actions if action.model == 'dcim.interface')
        self.assertGreater(count, PAGE)
        first = self.rows(digest=digest, scope='devices', model='dcim.interface', type='create')
        last = self.rows(digest=digest, scope='devices', model='dcim.interface', type='create', page=999)
        self.assertEqual(len(first.context['rows']), PAGE)
        self.assertContains(first, 'Page 1 of')
        self.assertGreater(last.context['number'], 1)
        self.assertNotEqual(first.context['rows'][0], last.context['rows'][0])

    def test_a_plan_that_is_not_kept(self):
        response = self.rows(digest='0' * 32, scope='devices', model='dcim.device', type='create')
        self.assertContains(response, 'This plan has expired')

    def test_page_is_small_however_large_the_plan(self):
        """Objects come group by group, page by page."""
        response = self.page()
        self.assertNotContains(response, 'E1/1')
        self.assertLess(len(response.content), 120_000)

    def test_who_may_not_apply_is_told_why(self):
        self.assertContains(self.page(), 'permission to sync this fabric')
        self.add_permissions('netbox_hedgehog.sync_fabric')
        self.assertContains(self.page(), 'requires the permission')
        response = self.client.post(self.url('inventory_apply'), {'digest': plan(self.fabric).digest}, follow=True)
        self.assertContains(response, 'requires the permission')
        self.assertFalse(Device.objects.exists())

    def test_who_may_view_the_job_is_led_there(self):
        self.add_permissions('netbox_hedgehog.sync_fabric', 'core.view_job', *WRITE_ALL)
        digest = self.page().context['plan'].digest
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(self.url('inventory_apply'), {'digest': digest})
        job = Job.objects.get(name=InventoryJob.name)
        self.assertRedirects(response, job.get_absolute_url())
        self.assertFalse(Device.objects.exists())
        execute_requested_run(job.pk)
        job.refresh_from_db()
        self.assertEqual((job.status, job.data['digest']), ('completed', digest))
        self.assertTrue(Device.objects.filter(name='leaf-01').exists())

    def test_refuses_without_a_digest_and_by_get(self):
        self.add_permissions('netbox_hedgehog.sync_fabric', *WRITE_ALL)
        response = self.client.post(self.url('inventory_apply'))
        self.assertIn('Review the plan first', ' '.join(messages_of(response)))
        self.assertRedirects(self.client.get(self.url('inventory_apply')), self.url('dry_run'))
        self.assertFalse(Device.objects.exists())

    def test_without_an_inventory(self):
        Fabric.objects.update(inventory_enabled=False)
        self.assertContains(self.page(), 'Inventory sync is not enabled')
        self.assertNotContains(self.client.get(self.fabric.get_absolute_url()), self.url('dry_run'))

    def test_other_fabrics_are_not_there(self):
        self.remove_permissions('netbox_hedgehog.view_fabric')
        allow(self.user, 'view', constraints={'name': 'another'})
        self.assertHttpStatus(self.client.get(self.url('dry_run')), 404)
        self.assertHttpStatus(self.rows(digest='x', scope='devices', model='dcim.device', type='create'), 404)


class SyncedPageTestCase(_Page, _Synced, TestCase):
    def test_a_plan_is_applied_by_a_job(self):
        """However small it is. Who may not view jobs is led to the fabric."""
        self.add_permissions('netbox_hedgehog.sync_fabric', *WRITE_ALL)
        self._rename_description()
        response = self.page()
        self.assertNotContains(response, 'aria-describedby="why-not"')
        digest = response.context['plan'].digest
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(self.url('inventory_apply'), {'digest': digest})
        self.assertRedirects(response, self.fabric.get_absolute_url())
        job = Job.objects.get(name=InventoryJob.name)
        self.assertIn(f'Job #{job.pk} queued.', messages_of(response))
        self.assertFalse(Device.objects.filter(serial='NEW-SERIAL-1').exists())
        execute_requested_run(job.pk)
        job.refresh_from_db()
        self.assertEqual((job.status, job.data['counts']['update']), ('completed', 1))
        self.assertTrue(Device.objects.filter(serial='NEW-SERIAL-1').exists())
        self.assertContains(self.page(), 'No changes.')

    def test_refuses_when_either_side_has_moved(self):
        self.add_permissions('netbox_hedgehog.sync_fabric', *WRITE_ALL)
        digest = self.page().context['plan'].digest
        self._rename_description()
        response = self.client.post(self.url('inventory_apply'), {'digest': digest})
        self.assertRedirects(response, self.url('dry_run'))
        self.assertIn('has changed since', ' '.join(messages_of(response)))
        self.assertFalse(Device.objects.filter(serial='NEW-SERIAL-1').exists())

    def test_confirm_removal_is_a_job(self):
        self.gone()
        response = self.page()
        self.assertContains(response, 'Waiting for confirmation')
        self.assertContains(response, 'Review and confirm.')
        self.assertNotContains(response, 'of dcim.')
        # The page with the button does not lead to itself.
        self.assertNotContains(response, '>Review</a>')
        reconcile(self.fabric)  # it waits, and is recorded
        self.assertContains(self.client.get(self.fabric.get_absolute_url()), '>Review</a>')
        held = response.context['plan'].confirmation_digest
        rows = self.rows(
            digest=response.context['kept_as'], scope='unconfirmed', model='dcim.device', type='mark',
        )
        self.assertContains(rows, 'server-01')
        self.add_permissions('netbox_hedgehog.sync_fabric', *WRITE_ALL)
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post(self.url('inventory_confirm'), {'digest': held})
        self.assertEqual(Device.objects.get(name='server-01').status, 'active')
        execute_requested_run(Job.objects.get(name=InventoryJob.name).pk)
        self.assertEqual(Device.objects.get(name='server-01').status, 'decommissioning')

    def test_objects_that_a_user_may_not_view_are_not_shown(self):
        self.gone()
        response = self.page()
        rows = self.rows(digest=response.context['kept_as'], scope='unconfirmed', model='dcim.device', type='mark')
        self.assertNotContains(rows, '/dcim/devices/')
        self.assertContains(rows, 'do not have permission to view')
        allow(self.user, 'view', model=Device)
        rows = self.rows(digest=response.context['kept_as'], scope='unconfirmed', model='dcim.device', type='mark')
        self.assertContains(rows, '/dcim/devices/')

    def _rename_description(self):
        switch = FabricResource.objects.get(fabric=self.fabric, kind='Switch', name='leaf-01')
        spec = {**switch.spec, 'boot': {**switch.spec.get('boot', {}), 'serial': 'NEW-SERIAL-1'}}
        FabricResource.objects.filter(pk=switch.pk).update(spec=spec)
        FabricResource.objects.filter(fabric=self.fabric, kind='Agent', name='leaf-01').update(status={})


class _API:
    def url(self, name):
        return f'/api/plugins/hedgehog/fabrics/{self.fabric.pk}/inventory/{name}/'

    def get(self, **params):
        return self.client.get(self.url('plan'), params, **self.header)

    def post(self, name, **data):
        return self.client.post(self.url(name), data, format='json', **self.header)


class APIPlanTestCase(_API, _Sample, APITestCase):
    def test_plan(self):
        data = self.get(limit=10).data
        seen = plan(self.fabric)
        self.assertEqual(data['digest'], seen.digest)
        self.assertEqual((data['action_count'], len(data['actions'])), (len(seen.actions), 10))
        self.assertEqual(sum(group['count'] for group in data['groups']), len(seen.actions))
        self.assertFalse(data['may_apply'])
        self.assertIn('permission to sync', data['why_not'])
        following = self.get(limit=10, offset=10).data
        self.assertNotEqual(data['actions'][0]['key'], following['actions'][0]['key'])
        self.assertEqual(self.get(limit=0).data['actions'], [])
        self.assertHttpStatus(self.get(limit='x'), 400)

    def test_permissions(self):
        digest = plan(self.fabric).digest
        self.assertHttpStatus(self.post('apply', digest=digest), 403)
        self.add_permissions('netbox_hedgehog.sync_fabric')
        response = self.post('apply', digest=digest)
        self.assertHttpStatus(response, 403)
        self.assertIn('permission', str(response.data))
        self.assertFalse(Device.objects.exists())
        self.remove_permissions('netbox_hedgehog.sync_fabric', 'netbox_hedgehog.view_fabric')
        self.assertIn(self.get().status_code, (403, 404))

    def test_off(self):
        Fabric.objects.update(inventory_enabled=False)
        response = self.get()
        self.assertHttpStatus(response, 409)
        self.assertIn('Inventory sync is not enabled', response.data['detail'])


class SyncedAPIPlanTestCase(_API, _Synced, APITestCase):
    def test_moved(self):
        self.add_permissions('netbox_hedgehog.sync_fabric', *WRITE_ALL)
        response = self.post('apply', digest='0' * 32)
        self.assertHttpStatus(response, 409)
        self.assertIn('has changed since', response.data['detail'])
        self.assertHttpStatus(self.post('apply', digest='short'), 400)
        self.assertHttpStatus(self.post('confirm-removal', digest='0' * 32), 409)

    def test_confirm_removal(self):
        self.gone()
        self.add_permissions('netbox_hedgehog.sync_fabric', *WRITE_ALL)
        data = self.get().data
        self.assertTrue(data['requires_confirmation'])
        self.assertTrue(data['unconfirmed_actions'])
        with self.captureOnCommitCallbacks(execute=True):
            response = self.post('confirm-removal', digest=data['confirmation_digest'])
        self.assertHttpStatus(response, 202)
        self.assertEqual(Device.objects.get(name='server-01').status, 'active')
        execute_requested_run(response.data['id'])
        self.assertGreater(Job.objects.get(pk=response.data['id']).data['counts']['mark'], 0)
        self.assertEqual(Device.objects.get(name='server-01').status, 'decommissioning')


class _Command:
    def run_command(self, *arguments):
        """Exit code and what was printed."""
        out = StringIO()
        try:
            call_command('hedgehog_sync', 'inventory', *arguments, stdout=out)
        except SystemExit as end:
            return end.code, out.getvalue()
        except CommandError as error:
            return error.returncode, str(error)
        return 0, out.getvalue()


class CommandTestCase(_Command, _Sample, TestCase):
    def test_dry_run_apply_and_again(self):
        seen = plan(self.fabric)
        code, text = self.run_command('dc-1')
        self.assertEqual(code, 1)
        self.assertIn(seen.digest, text)
        self.assertIn('Devices and interfaces', text)
        self.assertIn('+ leaf-01 (Switch leaf-01): ', text)
        self.assertFalse(Device.objects.exists())
        code, text = self.run_command('dc-1', '--apply', seen.digest)
        self.assertEqual(code, 0)
        self.assertIn('created', text)
        self.assertTrue(Device.objects.filter(name='leaf-01').exists())
        code, text = self.run_command('dc-1')
        self.assertEqual(code, 0)
        self.assertIn('no changes', text)

    def test_json_and_summary(self):
        code, text = self.run_command('dc-1', '--json')
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(text)['digest'], plan(self.fabric).digest)
        _code, text = self.run_command('dc-1', '--summary')
        self.assertNotIn('+ leaf-01', text)


class SyncedCommandTestCase(_Command, _Synced, TestCase):
    def test_outdated_refused_and_unconfirmed(self):
        self.assertEqual(self.run_command('dc-1', '--apply', '0' * 32)[0], 3)
        self.assertEqual(self.run_command('nothing')[0], 2)
        self.gone()
        code, text = self.run_command('dc-1', '--summary')
        self.assertEqual(code, 1)
        held = plan(self.fabric).confirmation_digest
        self.assertIn(f'--confirm {held}', text)
        self.assertEqual(self.run_command('dc-1', '--confirm', held)[0], 0)
        Fabric.objects.update(inventory_enabled=False)
        code, text = self.run_command('dc-1')
        self.assertEqual(code, 2)
        self.assertIn('Inventory sync is not enabled', text)
