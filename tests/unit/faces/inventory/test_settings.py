"""The inventory's settings: what form, import, bulk edit and API accept, refuse and show."""

from dcim.models import DeviceRole, Location, Site
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from tenancy.models import Tenant
from users.constants import TOKEN_PREFIX
from users.models import Token
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.forms import FabricForm
from netbox_hedgehog.models import Fabric, InventoryLink

from ....support.pages import SERVER, allow, make_fabric
from .base import inventory_fabric, make_link, make_site

BASE = {
    'name': 'new', 'status': 'planned', 'kubernetes_namespace': 'default', 'kubernetes_server': SERVER,
    'sync_interval': 300, 'verify_tls': True,
    'inventory_scope': ['devices', 'cabling', 'addressing', 'vpcs'], 'inventory_name_pattern': '{name}',
    'inventory_adoption': 'off', 'inventory_removal': 'mark',
}


class FormTestCase(TestCase):
    # As everywhere in NetBox, a form offers what its user may view.
    user_permissions = ('dcim.view_site', 'dcim.view_location', 'dcim.view_devicerole', 'tenancy.view_tenant')

    @classmethod
    def setUpTestData(cls):
        cls.site, cls.other = make_site('DC 1'), make_site('DC 2')
        cls.location = Location.objects.create(name='Hall', slug='hall', site=cls.site)
        cls.tenant = Tenant.objects.create(name='Ops', slug='ops')
        cls.leaf = DeviceRole.objects.create(name='Leaf', slug='leaf')
        cls.host = DeviceRole.objects.create(name='Host', slug='host')

    def post(self, **entered):
        allow(self.user, 'add', 'change', 'view')
        return self.client.post(reverse('plugins:netbox_hedgehog:fabric_add'), {**BASE, **entered})

    def test_all_settings(self):
        response = self.post(
            inventory_enabled=True, inventory_site=self.site.pk, inventory_location=self.location.pk,
            inventory_tenant=self.tenant.pk, inventory_name_pattern='{fabric}-{name}',
            inventory_scope=['devices', 'cabling'], inventory_adoption='serial', inventory_removal='delete',
            inventory_device_status='staged', inventory_stale_status='offline',
            role_server_leaf=self.leaf.pk, role_server=self.host.pk,
        )
        self.assertHttpStatus(response, 302)
        fabric = Fabric.objects.get(name='new')
        self.assertTrue(fabric.inventory_enabled)
        self.assertEqual(
            (fabric.inventory_site, fabric.inventory_location, fabric.inventory_tenant),
            (self.site, self.location, self.tenant),
        )
        self.assertEqual(fabric.inventory_roles, {'server-leaf': 'leaf', 'server': 'host'})
        self.assertEqual(fabric.inventory_name_pattern, '{fabric}-{name}')
        self.assertEqual(fabric.inventory_scope, ['devices', 'cabling'])
        self.assertEqual((fabric.inventory_adoption, fabric.inventory_removal), ('serial', 'delete'))
        self.assertEqual((fabric.inventory_device_status, fabric.inventory_stale_status), ('staged', 'offline'))

    def test_a_status_that_netbox_does_not_offer_any_more(self):
        """No browser chooses another one silently: the form asks."""
        fabric = inventory_fabric('old', inventory_stale_status='retired')
        self.assertEqual(FabricForm(instance=fabric).fields['inventory_stale_status'].choices[0], (None, '---------'))
        self.assertNotIn(None, dict(FabricForm(instance=fabric).fields['inventory_device_status'].choices))
        allow(self.user, 'change', 'view')
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        data = {**BASE, 'name': 'old', 'inventory_enabled': True, 'inventory_site': fabric.inventory_site_id}
        response = self.client.post(url, {**data, 'inventory_stale_status': 'retired'})
        self.assertEqual(list(response.context['form'].errors), ['inventory_stale_status'])
        self.assertHttpStatus(self.client.post(url, {**data, 'inventory_stale_status': 'inventory'}), 302)

    def test_roles_are_shown_changed_and_emptied(self):
        fabric = inventory_fabric('old', inventory_roles={'server-leaf': 'leaf', 'hyperspine': 'host'})
        form = FabricForm(instance=fabric)
        self.assertEqual(form.initial['role_server_leaf'], self.leaf.pk)
        self.assertIsNone(form['role_spine'].value())
        allow(self.user, 'change', 'view')
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        data = {**BASE, 'name': 'old', 'inventory_enabled': True, 'inventory_site': fabric.inventory_site_id}
        self.client.post(url, {**data, 'role_spine': self.leaf.pk})
        fabric.refresh_from_db()
        # A role that this release does not know is the operator's, and stays.
        self.assertEqual(fabric.inventory_roles, {'spine': 'leaf', 'hyperspine': 'host'})

    def test_switching_off_asks_whom_may_answer(self):
        """What is to become of the objects takes the permission to sync: others have paused the inventory."""
        allow(self.user, 'change', 'view')
        fabric = inventory_fabric('old')
        make_link(fabric, self.leaf)
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        response = self.client.post(url, {**BASE, 'name': 'old'}, follow=True)
        self.assertHttpStatus(response, 200)
        self.assertEqual(response.request['PATH_INFO'], fabric.get_absolute_url())
        Fabric.objects.filter(pk=fabric.pk).update(inventory_enabled=True)
        allow(self.user, 'sync')
        self.assertRedirects(
            self.client.post(url, {**BASE, 'name': 'old'}),
            reverse('plugins:netbox_hedgehog:fabric_inventory_disable', args=[fabric.pk]),
        )

    def test_one_is_not_many(self):
        fabric = inventory_fabric('old')
        link = make_link(fabric, self.leaf, stale_since=timezone.now(), stale_syncs=1)
        allow(self.user, 'view', model=InventoryLink)
        self.assertContains(self.client.get(link.get_absolute_url()), 'detected by one inventory sync.')
        allow(self.user, 'view', 'change', 'sync')
        token = Token.objects.create(user=self.user)
        response = APIClient().post(
            f'/api/plugins/hedgehog/fabrics/{fabric.pk}/inventory/disable/', {'objects': 'leave'}, format='json',
            HTTP_AUTHORIZATION=f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}',
        )
        self.assertEqual(response.data['sentence'], '1 object kept.')

    def test_a_slug_of_several_roles_is_refused(self):
        """In NetBox a slug is a role's own only among the children of one role."""
        allow(self.user, 'change', 'view')
        fabric = inventory_fabric('old', inventory_roles={'spine': 'leaf', 'hyperspine': 'leaf'})
        child = DeviceRole.objects.create(name='Leaf', slug='leaf', parent=self.host)
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        data = {**BASE, 'name': 'old', 'inventory_enabled': True, 'inventory_site': fabric.inventory_site_id}
        for role in (self.leaf, child):
            response = self.client.post(url, {**data, 'role_server': role.pk})
            self.assertContains(response, 'Several device roles have the slug leaf. Give the intended role')
        # as it stands, until somebody says which is meant
        self.assertIn(FabricForm(instance=fabric).initial['role_spine'], (self.leaf.pk, child.pk))
        fabric.refresh_from_db()
        self.assertEqual(fabric.inventory_roles, {'spine': 'leaf', 'hyperspine': 'leaf'})
        DeviceRole.objects.filter(pk=child.pk).update(slug='inner-leaf')
        self.assertHttpStatus(self.client.post(url, {**data, 'role_server': child.pk}), 302)
        fabric.refresh_from_db()
        self.assertEqual(fabric.inventory_roles, {'server': 'inner-leaf', 'hyperspine': 'leaf'})

    def test_a_role_that_is_gone_does_not_keep_a_form_from_being_saved(self):
        allow(self.user, 'change', 'view')
        fabric = inventory_fabric('old', inventory_roles={'spine': 'gone', 'hyperspine': 'gone'})
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        data = {**BASE, 'name': 'old', 'inventory_enabled': True, 'inventory_site': fabric.inventory_site_id}
        self.assertHttpStatus(self.client.post(url, data), 302)
        fabric.refresh_from_db()
        self.assertEqual(fabric.inventory_roles, {})

    def test_refused(self):
        elsewhere = Location.objects.create(name='Elsewhere', slug='elsewhere', site=self.other)
        for case, (entered, field, words) in {
            'no site': ({'inventory_enabled': True}, 'inventory_site', 'Select a site.'),
            'location of another site': (
                {'inventory_enabled': True, 'inventory_site': self.site.pk, 'inventory_location': elsewhere.pk},
                'inventory_location', 'not within the selected site',
            ),
            'pattern without name': ({'inventory_name_pattern': 'x'}, 'inventory_name_pattern', 'Must contain {name}'),
            'pattern with other braces': ({'inventory_name_pattern': '{name}{site}'}, 'inventory_name_pattern', '{name}'),
            **{
                f'pattern {pattern}': ({'inventory_name_pattern': pattern}, 'inventory_name_pattern', 'may contain {fabric}')
                for pattern in (
                    '{name:>999999999}', '{name}{name.__class__}', '{name!r}', '{fabric.__doc__}{name}', '{{name}}',
                    '{name}{', '{name}}', '{name}{}', '{fabric}',
                )
            },
            'nothing carried': (
                {'inventory_enabled': True, 'inventory_site': self.site.pk, 'inventory_scope': []},
                'inventory_scope', 'at least one object type',
            ),
            'unknown adoption': ({'inventory_adoption': 'all'}, 'inventory_adoption', 'all'),
        }.items():
            with self.subTest(case=case):
                response = self.post(**entered)
                self.assertHttpStatus(response, 200)
                errors = response.context['form'].errors
                self.assertEqual(list(errors), [field])
                self.assertIn(words, ' '.join(errors[field]))
                self.assertFalse(Fabric.objects.filter(name='new').exists())

    def test_locations_that_are_offered_depend_on_the_site(self):
        widget = str(FabricForm()['inventory_location'])
        self.assertIn('&quot;fieldName&quot;:&quot;inventory_site&quot;,&quot;queryParam&quot;:&quot;site_id&quot;', widget)

    def test_page_shows_the_settings(self):
        fabric = inventory_fabric('shown', inventory_roles={'spine': 'leaf'}, inventory_removal='delete')
        allow(self.user, 'view')
        page = self.client.get(fabric.get_absolute_url())
        self.assertContains(page, fabric.inventory_site.name)
        self.assertContains(page, 'Mark stale, then delete plugin-created objects')
        self.assertContains(page, 'Role of spine')
        self.assertContains(page, 'Decommissioning')

    def test_import(self):
        allow(self.user, 'add', 'view')
        response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_import'), {
            'data': 'name,kubernetes_server,inventory_enabled,inventory_site,inventory_location,inventory_scope,'
                    'inventory_roles,inventory_removal,inventory_device_status,inventory_stale_status\n'
                    f'one,{SERVER},true,DC 1,Hall,"devices,vpcs","{{""spine"": ""leaf""}}",delete,planned,inventory\n'
                    f'two,{SERVER},,,,,,,,',
            'format': 'csv', 'csv_delimiter': ',',
        })
        self.assertHttpStatus(response, 302)
        one, two = Fabric.objects.get(name='one'), Fabric.objects.get(name='two')
        self.assertEqual((one.inventory_site, one.inventory_location), (self.site, self.location))
        self.assertEqual(one.inventory_scope, ['devices', 'vpcs'])
        self.assertEqual((one.inventory_roles, one.inventory_removal), ({'spine': 'leaf'}, 'delete'))
        self.assertFalse(two.inventory_enabled)
        self.assertEqual(two.inventory_scope, ['devices', 'cabling', 'addressing', 'vpcs'])
        self.assertEqual((two.inventory_name_pattern, two.inventory_adoption), ('{name}', 'off'))
        self.assertEqual((one.inventory_device_status, one.inventory_stale_status), ('planned', 'inventory'))
        self.assertEqual((two.inventory_device_status, two.inventory_stale_status), ('active', 'decommissioning'))

    def test_import_refuses(self):
        allow(self.user, 'add', 'view')
        response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_import'), {
            'data': f'name,kubernetes_server,inventory_enabled\none,{SERVER},true', 'format': 'csv',
            'csv_delimiter': ',',
        })
        self.assertContains(response, 'Select a site.')

    def test_bulk_edit(self):
        fabrics = [make_fabric(name) for name in ('x', 'y')]
        allow(self.user, 'view', 'change')
        response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_edit'), {
            'pk': [fabric.pk for fabric in fabrics], 'inventory_enabled': 'true', 'inventory_site': self.site.pk,
            'inventory_removal': 'ignore', 'inventory_device_status': 'staged', '_apply': True,
        })
        self.assertHttpStatus(response, 302)
        for fabric in fabrics:
            fabric.refresh_from_db()
            self.assertTrue(fabric.inventory_enabled)
            self.assertEqual((fabric.inventory_site, fabric.inventory_removal), (self.site, 'ignore'))
            self.assertEqual((fabric.inventory_device_status, fabric.inventory_stale_status), ('staged', 'decommissioning'))
            self.assertEqual(len(fabric.inventory_scope), 4)


class APISettingsTestCase(APITestCase):
    model = Fabric
    view_namespace = 'plugins-api:netbox_hedgehog'

    def patch(self, fabric, **data):
        allow(self.user, 'change', 'view')
        return self.client.patch(self._get_detail_url(fabric), data, format='json', **self.header)

    def test_settings(self):
        site = make_site()
        DeviceRole.objects.create(name='Leaf', slug='leaf')
        fabric = make_fabric()
        allow(self.user, 'view', model=Site)
        response = self.patch(
            fabric, inventory_enabled=True, inventory_site=site.pk, inventory_roles={'spine': 'leaf'},
            inventory_scope=['devices'], inventory_removal='delete', inventory_device_status='staged',
        )
        self.assertHttpStatus(response, 200)
        self.assertEqual(response.data['inventory_site']['name'], 'DC 1')
        self.assertEqual(response.data['inventory_removal']['value'], 'delete')
        self.assertEqual(response.data['inventory_device_status'], {'value': 'staged', 'label': 'Staged'})
        fabric.refresh_from_db()
        self.assertEqual((fabric.inventory_site, fabric.inventory_roles), (site, {'spine': 'leaf'}))

    def test_refused(self):
        fabric = make_fabric()
        parent = DeviceRole.objects.create(name='Parent', slug='twice')
        DeviceRole.objects.create(name='Child', slug='twice', parent=parent)
        for data, field, words in (
            ({'inventory_enabled': True}, 'inventory_site', 'Select a site.'),
            ({'inventory_roles': {'spine': 'nothing'}}, 'inventory_roles', 'Create it first'),
            ({'inventory_roles': {'spine': 'twice'}}, 'inventory_roles', 'Several device roles have the slug twice'),
            ({'inventory_roles': ['leaf']}, 'inventory_roles', 'object of role slugs'),
            ({'inventory_scope': ['racks']}, 'inventory_scope', 'racks'),
            ({'inventory_stale_status': 'retired'}, 'inventory_stale_status', 'retired'),
        ):
            with self.subTest(data=data):
                response = self.patch(fabric, **data)
                self.assertHttpStatus(response, 400)
                self.assertIn(words, str(response.data[field]))

    def test_what_a_sync_says_cannot_be_written(self):
        fabric = make_fabric()
        response = self.patch(
            fabric, inventory_unconfirmed={'digest': 'x'}, last_inventory='2030-01-01T00:00:00Z', inventory_error='none',
        )
        self.assertHttpStatus(response, 200)
        fabric.refresh_from_db()
        self.assertIsNone(fabric.inventory_unconfirmed)
        self.assertIsNone(fabric.last_inventory)
        self.assertEqual(fabric.inventory_error, '')


class FiltersOfFabricsTestCase(TestCase):
    def test_filter_form_and_columns(self):
        inventory_fabric('a')
        make_fabric('b')
        allow(self.user, 'view')
        allow(self.user, 'view', model=Site)
        self.user.config.set('tables.FabricTable.columns', ['name', 'inventory_enabled', 'inventory_site'], commit=True)
        url = reverse('plugins:netbox_hedgehog:fabric_list')
        site = Site.objects.get()
        page = self.client.get(f'{url}?inventory_site_id={site.pk}').content.decode()
        self.assertIn(f'/dcim/sites/{site.pk}/', page)
        self.assertNotIn('>b</a>', page)
        self.assertIn('name="inventory_site_id"', page)
