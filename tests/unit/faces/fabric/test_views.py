"""NetBox's own test cases for the pages of fabrics."""

from dcim.models import DeviceRole
from django.urls import reverse
from extras.models import NotificationGroup
from utilities.testing import ViewTestCases, create_tags, post_data

from netbox_hedgehog.models import Fabric

from ....support.pages import CA, SERVER, TOKEN, allow, make_fabric


class FabricViewTestCase(ViewTestCases.PrimaryObjectViewTestCase, ViewTestCases.BulkRenameObjectsViewTestCase):
    model = Fabric
    validation_excluded_fields = ('kubernetes_token', 'kubeconfig')

    def _get_base_url(self):
        return 'plugins:netbox_hedgehog:fabric_{}'

    @classmethod
    def setUpTestData(cls):
        fabrics = [make_fabric(name, verify_tls=False) for name in ('alpha', 'beta', 'gamma')]
        tags = create_tags('one', 'two')
        group = NotificationGroup.objects.create(name='night shift')
        cls.form_data = {
            'name': 'delta',
            'status': 'planned',
            'description': 'A new fabric',
            'kubernetes_server': SERVER,
            'kubernetes_token': TOKEN,
            'kubernetes_ca_cert': CA,
            'kubernetes_namespace': 'default',
            'verify_tls': True,
            'in_cluster': False,
            'sync_enabled': True,
            'scheduler_enabled': True,
            'sync_interval': 90,
            'notification_group': group.pk,
            'comments': 'Some comments',
            'tags': [tag.pk for tag in tags],
        }
        cls.csv_data = (
            'name,status,kubernetes_server,kubernetes_token,sync_interval,verify_tls,notification_group',
            f'import-1,active,{SERVER},{TOKEN},60,true,night shift',
            f'import-2,planned,{SERVER},,120,false,',
            'import-3,,,,,,',
        )
        cls.csv_update_data = (
            'id,name,description,sync_interval',
            *(f'{fabric.pk},{fabric.name}x,changed,{60 + fabric.pk}' for fabric in fabrics),
        )
        cls.bulk_edit_data = {
            'status': 'maintenance',
            'description': 'Many',
            'sync_enabled': False,
            'scheduler_enabled': False,
            'sync_interval': 3600,
            'notification_group': group.pk,
            'verify_tls': True,
        }

    def test_journal_and_jobs_tabs(self):
        fabric = Fabric.objects.first()
        allow(self.user, 'view')
        self.add_permissions('extras.view_journalentry', 'core.view_job')
        for view in ('journal', 'jobs', 'changelog'):
            with self.subTest(view=view):
                response = self.client.get(reverse(f'plugins:netbox_hedgehog:fabric_{view}', args=[fabric.pk]))
                self.assertContains(response, fabric.name)

    def test_absent_csv_columns_leave_the_defaults(self):
        allow(self.user, 'add', 'view')
        response = self.client.post(self._get_url('bulk_import'), {
            'data': 'name,kubernetes_server\nplain,https://example.com', 'format': 'csv', 'csv_delimiter': 'auto',
        })
        self.assertHttpStatus(response, 302)
        fabric = Fabric.objects.get(name='plain')
        self.assertTrue(fabric.verify_tls, 'TLS verification must not be off because a column was left out')
        self.assertTrue(fabric.sync_enabled)
        self.assertTrue(fabric.scheduler_enabled)
        self.assertFalse(fabric.in_cluster)
        self.assertEqual(fabric.sync_interval, 300)
        self.assertEqual(fabric.status, 'active')
        self.assertEqual(fabric.kubernetes_namespace, 'default')

    def test_csv_update_changes_only_its_columns(self):
        fabric = make_fabric('keeps', status='planned', verify_tls=False, sync_enabled=False, sync_interval=77)
        allow(self.user, 'add', 'change', 'view')
        response = self.client.post(self._get_url('bulk_import'), {
            'data': f'id,description\n{fabric.pk},new', 'format': 'csv', 'csv_delimiter': 'auto',
        })
        self.assertHttpStatus(response, 302)
        fabric.refresh_from_db()
        self.assertEqual(fabric.description, 'new')
        self.assertEqual(
            (fabric.status, fabric.verify_tls, fabric.sync_enabled, fabric.sync_interval),
            ('planned', False, False, 77),
        )

    def test_interval_in_words(self):
        fabric = make_fabric('words', sync_interval=5400)
        allow(self.user, 'view')
        self.assertContains(self.client.get(fabric.get_absolute_url()), '1 hour 30 minutes')
        self.assertContains(self.client.get(self._get_url('list')), '1 hour 30 minutes')
        self.add_permissions('netbox_hedgehog.change_fabric')
        self.assertContains(self.client.get(self._get_url('edit', fabric)), 'Current: 1 hour 30 minutes.')

    def test_clone_takes_no_secrets(self):
        fabric = make_fabric('original', sync_interval=99)
        attributes = fabric.clone()
        self.assertEqual(attributes['sync_interval'], 99)
        self.assertNotIn('kubernetes_token', attributes)
        self.assertNotIn('kubeconfig', attributes)

    def test_clone_takes_the_device_roles(self):
        role = DeviceRole.objects.create(name='Spine switch', slug='spine-switch')
        fabric = make_fabric('original', inventory_roles={'spine': 'spine-switch'})
        allow(self.user, 'view', 'add')
        self.add_permissions('dcim.view_devicerole')
        form = self.client.get(self._get_url('add'), fabric.clone()).context['form']
        self.assertEqual(form['role_spine'].value(), role.pk)
        for roles in ('{', '[]', '{"spine": {}}'):
            form = self.client.get(self._get_url('add'), {'inventory_roles': roles}).context['form']
            self.assertIsNone(form['role_spine'].value())

    def test_edit_form_shows_changed_interval(self):
        fabric = Fabric.objects.first()
        allow(self.user, 'view', 'change')
        data = post_data({
            **self.form_data, 'name': 'renamed', 'sync_interval': 45, 'tags': [], 'notification_group': '',
        })
        self.assertHttpStatus(self.client.post(self._get_url('edit', fabric), data), 302)
        self.assertContains(self.client.get(fabric.get_absolute_url()), '45 seconds')
