"""Who may see and do what: as NetBox does it, object permissions included."""

from core.models import Job
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient
from users.constants import TOKEN_PREFIX
from users.models import Token
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.models import Fabric, FabricResource

from ....support.pages import allow, make_fabric, make_resource, messages_of

SYNC_BUTTON, TEST_BUTTON = 'Sync now', 'Test connection'
ONLY_A = {'name': 'a'}


class PagesTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.a, cls.b = make_fabric('a'), make_fabric('b')
        for fabric in (cls.a, cls.b):
            make_resource(fabric, name=f'leaf-of-{fabric.name}')

    def url(self, view, *args):
        return reverse(f'plugins:netbox_hedgehog:{view}', args=args)

    def status(self, view, *args, method='get', **data):
        return getattr(self.client, method)(self.url(view, *args), data).status_code

    def jobs(self):
        return Job.objects.filter(name='Fabric sync').count()

    def test_nobody(self):
        self.client = Client()
        for view, args in (('fabric_list', ()), ('fabric', (self.a.pk,)), ('fabric_sync', (self.a.pk,))):
            response = self.client.get(self.url(view, *args))
            self.assertEqual(response.status_code, 302)
            self.assertIn('/login/', response.url)
        self.client.post(self.url('fabric_sync', self.a.pk))
        self.assertEqual(self.jobs(), 0)

    def test_no_permission(self):
        for view, args in (
            ('fabric_list', ()), ('fabric', (self.a.pk,)), ('fabric_edit', (self.a.pk,)), ('fabric_add', ()),
            ('fabric_delete', (self.a.pk,)), ('fabric_bulk_import', ()), ('fabricresource_list', ()),
            ('fabricresource', (FabricResource.objects.first().pk,)), ('fabric_sync', (self.a.pk,)),
            ('fabric_test_connection', (self.a.pk,)), ('fabric_bulk_sync', ()),
        ):
            with self.subTest(view=view):
                self.assertEqual(self.status(view, *args), 403)
        for view, args in (
            ('fabric_sync', (self.a.pk,)), ('fabric_test_connection', (self.a.pk,)), ('fabric_bulk_sync', ()),
        ):
            with self.subTest(view=view):
                self.assertEqual(self.status(view, *args, method='post', pk=self.a.pk), 403)
        self.assertEqual(self.jobs(), 0)

    def test_view_only(self):
        allow(self.user, 'view')
        page = self.client.get(self.a.get_absolute_url())
        self.assertNotContains(page, SYNC_BUTTON)
        self.assertNotContains(page, TEST_BUTTON)
        self.assertNotContains(page, self.url('fabric_edit', self.a.pk))
        listed = self.client.get(self.url('fabric_list'))
        self.assertNotContains(listed, SYNC_BUTTON)
        self.assertNotContains(listed, 'name="_sync"')
        for view in ('fabric_sync', 'fabric_test_connection'):
            self.assertEqual(self.status(view, self.a.pk, method='post'), 403)
        self.assertEqual(self.status('fabric_bulk_sync', method='post', pk=self.a.pk), 403)
        self.assertEqual(self.status('fabric_edit', self.a.pk), 403)
        self.assertEqual(self.jobs(), 0)

    def test_sync_and_view(self):
        allow(self.user, 'view', 'sync')
        for url in (self.a.get_absolute_url(), self.url('fabric_list')):
            self.assertContains(self.client.get(url), SYNC_BUTTON)
        self.assertContains(self.client.get(self.a.get_absolute_url()), TEST_BUTTON)
        self.assertContains(self.client.get(self.url('fabric_list')), 'name="_sync"')
        response = self.client.post(self.url('fabric_sync', self.a.pk))
        self.assertRedirects(response, self.a.get_absolute_url(), fetch_redirect_response=False)
        self.assertEqual(Job.objects.get().user, self.user)
        self.assertEqual(self.status('fabric_edit', self.a.pk), 403)

    def test_sync_only(self):
        """May start a run, and sees nothing of the fabric."""
        allow(self.user, 'sync')
        self.assertEqual(self.status('fabric', self.a.pk), 403)
        self.assertEqual(self.status('fabric_sync', self.a.pk, method='post'), 302)
        self.assertEqual(self.jobs(), 1)

    def test_constrained_view(self):
        allow(self.user, 'view', constraints=ONLY_A)
        allow(self.user, 'view', model=FabricResource, constraints={'fabric__name': 'a'})
        self.assertEqual(self.status('fabric', self.a.pk), 200)
        self.assertEqual(self.status('fabric', self.b.pk), 404)
        listed = self.client.get(self.url('fabric_list'))
        self.assertContains(listed, self.a.get_absolute_url())
        self.assertNotContains(listed, self.b.get_absolute_url())
        self.assertEqual(self.status('fabricresource', self.a.resources.first().pk), 200)
        self.assertEqual(self.status('fabricresource', self.b.resources.first().pk), 404)
        listed = self.client.get(self.url('fabricresource_list'))
        self.assertContains(listed, 'leaf-of-a')
        self.assertNotContains(listed, 'leaf-of-b')

    def test_constrained_sync(self):
        allow(self.user, 'view')
        allow(self.user, 'sync', constraints=ONLY_A)
        self.assertContains(self.client.get(self.a.get_absolute_url()), SYNC_BUTTON)
        self.assertNotContains(self.client.get(self.b.get_absolute_url()), SYNC_BUTTON)
        self.assertNotContains(self.client.get(self.b.get_absolute_url()), TEST_BUTTON)
        self.assertEqual(self.status('fabric_sync', self.b.pk, method='post'), 404)
        self.assertEqual(self.status('fabric_test_connection', self.b.pk, method='post'), 404)
        self.assertEqual(self.jobs(), 0)
        self.assertEqual(self.status('fabric_bulk_sync', method='post', pk=[self.a.pk, self.b.pk]), 302)
        self.assertEqual(list(Job.objects.values_list('object_id', flat=True)), [self.a.pk])

    def test_constrained_edit(self):
        allow(self.user, 'view')
        allow(self.user, 'change', 'delete', constraints=ONLY_A)
        self.assertEqual(self.status('fabric_edit', self.a.pk), 200)
        self.assertEqual(self.status('fabric_edit', self.b.pk), 404)
        self.assertEqual(self.status('fabric_delete', self.b.pk, method='post', confirm=True), 404)
        self.assertTrue(Fabric.objects.filter(pk=self.b.pk).exists())

    def test_resources_that_may_not_be_seen_are_not_counted(self):
        allow(self.user, 'view')
        page = self.client.get(self.a.get_absolute_url())
        self.assertNotContains(page, f'fabric_id={self.a.pk}&amp;kind=Switch')

    def test_jobs_that_may_not_be_seen_are_not_listed(self):
        allow(self.user, 'view', 'sync')
        self.client.post(self.url('fabric_sync', self.a.pk))
        job = Job.objects.get()
        page = self.client.get(self.a.get_absolute_url())
        self.assertNotContains(page, 'Recent syncs')
        self.assertNotContains(page, job.get_absolute_url())
        self.add_permissions('core.view_job')
        self.assertContains(self.client.get(self.a.get_absolute_url()), job.get_absolute_url())

    def test_get_does_nothing(self):
        allow(self.user, 'view', 'sync')
        for view in ('fabric_sync', 'fabric_test_connection'):
            response = self.client.get(self.url(view, self.a.pk))
            self.assertRedirects(response, self.a.get_absolute_url(), fetch_redirect_response=False)
            self.assertEqual(messages_of(response), [])
        response = self.client.get(self.url('fabric_bulk_sync'))
        self.assertRedirects(response, self.url('fabric_list'), fetch_redirect_response=False)
        self.assertEqual(self.jobs(), 0)
        self.a.refresh_from_db()
        self.assertEqual((self.a.sync_status, self.a.connection_status), ('never_synced', 'unknown'))

    def test_unknown_fabric(self):
        allow(self.user, 'view', 'sync')
        for view in ('fabric_sync', 'fabric_test_connection'):
            self.assertEqual(self.status(view, 10**6), 404)
            self.assertEqual(self.status(view, 10**6, method='post'), 404)

    def test_csrf(self):
        allow(self.user, 'view', 'sync')
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.user)
        for view, args in (
            ('fabric_sync', (self.a.pk,)), ('fabric_test_connection', (self.a.pk,)), ('fabric_bulk_sync', ()),
        ):
            with self.subTest(view=view):
                self.assertEqual(client.post(self.url(view, *args), {'pk': self.a.pk}).status_code, 403)
        self.assertEqual(self.jobs(), 0)
        # The page's own form carries the token.
        page = client.get(self.a.get_absolute_url())
        token = page.context['csrf_token']
        response = client.post(self.url('fabric_sync', self.a.pk), {'csrfmiddlewaretoken': str(token)})
        self.assertEqual(response.status_code, 302)
        self.assertEqual(self.jobs(), 1)

    def test_return_url_stays_on_this_site(self):
        allow(self.user, 'view', 'sync')
        response = self.client.post(f'{self.url("fabric_sync", self.a.pk)}?return_url=https://evil.example.com/')
        self.assertRedirects(response, self.a.get_absolute_url(), fetch_redirect_response=False)


class APIPermissionsTestCase(APITestCase):
    model = Fabric
    view_namespace = 'plugins-api:netbox_hedgehog'

    @classmethod
    def setUpTestData(cls):
        cls.a, cls.b = make_fabric('a'), make_fabric('b')

    def url(self, view, *args):
        return reverse(f'plugins-api:netbox_hedgehog-api:{view}', args=args)

    def call(self, method, view, *args, header=None):
        return getattr(self.client, method)(self.url(view, *args), **(header or self.header)).status_code

    def test_anonymous(self):
        client = APIClient()
        for method, view, args in (
            ('get', 'fabric-list', ()), ('get', 'fabric-status', (self.a.pk,)), ('get', 'health', ()),
            ('post', 'fabric-sync', (self.a.pk,)), ('post', 'fabric-test-connection', (self.a.pk,)),
            ('get', 'fabricresource-list', ()),
        ):
            with self.subTest(view=view):
                self.assertEqual(getattr(client, method)(self.url(view, *args)).status_code, 403)

    def test_no_permission(self):
        for method, view, args in (
            ('get', 'fabric-list', ()), ('get', 'fabric-detail', (self.a.pk,)), ('get', 'fabric-status', (self.a.pk,)),
            ('get', 'health', ()), ('post', 'fabric-sync', (self.a.pk,)),
            ('post', 'fabric-test-connection', (self.a.pk,)), ('get', 'fabricresource-list', ()),
        ):
            with self.subTest(view=view):
                self.assertEqual(self.call(method, view, *args), 403)
        self.assertFalse(Job.objects.exists())

    def test_view_only(self):
        allow(self.user, 'view')
        self.assertEqual(self.call('get', 'fabric-status', self.a.pk), 200)
        self.assertEqual(self.call('get', 'health'), 200)
        self.assertEqual(self.call('post', 'fabric-sync', self.a.pk), 403)
        self.assertEqual(self.call('post', 'fabric-test-connection', self.a.pk), 403)
        self.assertFalse(Job.objects.exists())

    def test_add_is_not_sync(self):
        """A POST maps to `add` elsewhere; here it must not."""
        allow(self.user, 'view', 'add', 'change')
        self.assertEqual(self.call('post', 'fabric-sync', self.a.pk), 403)

    def test_sync_only(self):
        allow(self.user, 'sync')
        self.assertEqual(self.call('post', 'fabric-sync', self.a.pk), 202)
        self.assertEqual(self.call('get', 'fabric-status', self.a.pk), 403)

    def test_constrained(self):
        allow(self.user, 'view', 'sync', constraints=ONLY_A)
        self.assertEqual(self.call('get', 'fabric-status', self.a.pk), 200)
        self.assertEqual(self.call('get', 'fabric-status', self.b.pk), 404)
        self.assertEqual(self.call('post', 'fabric-sync', self.b.pk), 404)
        self.assertEqual(self.call('post', 'fabric-test-connection', self.b.pk), 404)
        self.assertFalse(Job.objects.exists())
        self.assertEqual(self.call('post', 'fabric-sync', self.a.pk), 202)

    def test_seen_but_not_synced(self):
        allow(self.user, 'view')
        allow(self.user, 'sync', constraints=ONLY_A)
        self.assertEqual(self.call('post', 'fabric-sync', self.b.pk), 403)

    def test_health_names_only_what_may_be_seen(self):
        Fabric.objects.update(sync_status='failed', sync_error='Oh no.')
        allow(self.user, 'view', constraints=ONLY_A)
        data = self.client.get(self.url('health'), **self.header).data
        self.assertIn('a: Failed. Oh no.', data['problems'])
        self.assertFalse([problem for problem in data['problems'] if problem.startswith('b')])

    def test_token_that_may_not_write(self):
        allow(self.user, 'view', 'sync')
        token = Token.objects.create(user=self.user, write_enabled=False)
        header = {'HTTP_AUTHORIZATION': f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}'}
        self.assertEqual(self.call('get', 'fabric-status', self.a.pk, header=header), 200)
        self.assertEqual(self.call('post', 'fabric-sync', self.a.pk, header=header), 403)
        self.assertEqual(self.call('post', 'fabric-test-connection', self.a.pk, header=header), 403)
        self.assertFalse(Job.objects.exists())

    def test_get_is_not_allowed_on_actions(self):
        allow(self.user, 'view', 'sync')
        for view in ('fabric-sync', 'fabric-test-connection'):
            self.assertEqual(self.call('get', view, self.a.pk), 405)
        self.assertEqual(self.call('post', 'fabric-sync', 10**6), 404)
