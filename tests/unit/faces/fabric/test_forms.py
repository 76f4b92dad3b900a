"""What is refused, with which sentence, in form and API; and that nothing of it is stored."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.forms import FabricBulkEditForm, FabricForm
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.models.fabric import SECRET_FIELDS

from ....support.pages import CA, CANARY, SERVER, TOKEN, allow, kubeconfig, make_fabric

BASE = {
    'name': 'new', 'status': 'planned', 'kubernetes_namespace': 'default', 'verify_tls': True, 'in_cluster': False,
    'sync_enabled': True, 'scheduler_enabled': True, 'sync_interval': 300,
}

OTHER_CA = CA.replace('\n', '\nother', 1)

# What is entered, the field that says no, and words of its sentence.
REFUSED = {
    'interval of 0': ({'sync_interval': 0}, 'sync_interval', 'Must be at least 30 seconds'),
    'interval of 29': ({'sync_interval': 29}, 'sync_interval', 'clear “Scheduler enabled”'),
    'interval above a week': ({'sync_interval': 604_801}, 'sync_interval', 'Must be at most 604800 seconds'),
    'kubeconfig with a command': (
        {'kubeconfig': kubeconfig(user={'exec': {'command': '/bin/sh'}})}, 'kubeconfig', 'runs a command (exec)',
    ),
    'kubeconfig with an auth-provider': (
        {'kubeconfig': kubeconfig(user={'auth-provider': {'name': 'gcp'}})}, 'kubeconfig', 'auth-provider',
    ),
    'kubeconfig with a token file': (
        {'kubeconfig': kubeconfig(user={'tokenFile': '/etc/passwd'})}, 'kubeconfig', 'refers to a file (tokenFile)',
    ),
    'kubeconfig with a CA file': (
        {'kubeconfig': kubeconfig(cluster={'certificate-authority': '/ca'})}, 'kubeconfig',
        'refers to a file (certificate-authority)',
    ),
    'kubeconfig with a certificate file': (
        {'kubeconfig': kubeconfig(user={'client-certificate': '/c'})}, 'kubeconfig', 'kubectl config view --flatten',
    ),
    'kubeconfig with a key file': (
        {'kubeconfig': kubeconfig(user={'client-key': '/k'})}, 'kubeconfig', 'refers to a file (client-key)',
    ),
    'kubeconfig with a proxy': (
        {'kubeconfig': kubeconfig(cluster={'proxy-url': 'http://p'})}, 'kubeconfig', 'sets a proxy (proxy-url)',
    ),
    'kubeconfig without TLS verification': (
        {'kubeconfig': kubeconfig(cluster={'insecure-skip-tls-verify': True})}, 'kubeconfig',
        'disables TLS verification',
    ),
    'kubeconfig that is not YAML': ({'kubeconfig': f'{{{CANARY}: ['}, 'kubeconfig', 'is not valid YAML'),
    'kubeconfig that is a list': ({'kubeconfig': f'- {CANARY}'}, 'kubeconfig', 'This is not a kubeconfig'),
    'server with a password': (
        {'kubernetes_server': f'https://me:{CANARY}@example.com'}, 'kubernetes_server', 'password',
    ),
    'server with a query': ({'kubernetes_server': f'https://example.com/?t={CANARY}'}, 'kubernetes_server', ''),
    'server that is a path': ({'kubernetes_server': '/var/run/x.sock'}, 'kubernetes_server', 'https://'),
    'server over FTP': ({'kubernetes_server': 'ftp://example.com'}, 'kubernetes_server', 'https://'),
    'CA that is not PEM': ({'kubernetes_ca_cert': 'TUlJQg=='}, 'kubernetes_ca_cert', 'BEGIN CERTIFICATE'),
    'server and kubeconfig': (
        {'kubernetes_server': SERVER, 'kubeconfig': kubeconfig()}, '__all__', 'Use only one connection method',
    ),
    'kubeconfig and in-cluster': ({'in_cluster': True, 'kubeconfig': kubeconfig()}, '__all__', 'only one'),
    'server and in-cluster': ({'in_cluster': True, 'kubernetes_server': SERVER}, '__all__', 'only one'),
    'namespace of dots': ({'kubernetes_namespace': '..'}, 'kubernetes_namespace', 'lowercase letters'),
    'namespace with a slash': ({'kubernetes_namespace': 'a/b'}, 'kubernetes_namespace', 'lowercase letters'),
    'namespace with a query': ({'kubernetes_namespace': 'default?x'}, 'kubernetes_namespace', 'lowercase letters'),
    'namespace with a final hyphen': ({'kubernetes_namespace': 'a-'}, 'kubernetes_namespace', 'lowercase letters'),
    'topology filter with a space': ({'topology_filter': 'back end'}, 'topology_filter', 'lowercase letters'),
    'topology filter in capitals': ({'topology_filter': 'Backend'}, 'topology_filter', 'lowercase letters'),
    'topology filter that is a path': ({'topology_filter': '../x'}, 'topology_filter', 'lowercase letters'),
    'unknown status': ({'status': 'gone'}, 'status', 'not'),
}


class RefusedInFormTestCase(TestCase):
    def test_refused(self):
        allow(self.user, 'add', 'view')
        for case, (entered, field, words) in REFUSED.items():
            with self.subTest(case=case):
                response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_add'), {**BASE, **entered})
                self.assertHttpStatus(response, 200)
                errors = response.context['form'].errors
                # Beside the error, a secret that was entered is asked for again.
                secrets = {name for name in SECRET_FIELDS if entered.get(name)}
                self.assertEqual(set(errors), {field} | secrets)
                self.assertIn(words, ' '.join(errors[field]))
                self.assertNotIn(CANARY, ' '.join(errors[field]))
                self.assertFalse(Fabric.objects.filter(name='new').exists())
                if field == 'kubeconfig':
                    self.assertNotContains(response, CANARY)

    def test_accepted(self):
        allow(self.user, 'add', 'view')
        for case, entered in {
            'server': {'kubernetes_server': f'{SERVER}/', 'kubernetes_token': TOKEN, 'kubernetes_ca_cert': CA},
            'kubeconfig': {'kubeconfig': kubeconfig()},
            'kubeconfig without TLS verification, knowingly': {
                'kubeconfig': kubeconfig(cluster={'insecure-skip-tls-verify': True}), 'verify_tls': False,
            },
            'in-cluster': {'in_cluster': True},
            'nothing yet': {'status': 'planned'},
            'shortest interval': {'sync_interval': 30},
            'longest interval': {'sync_interval': 604_800},
        }.items():
            with self.subTest(case=case):
                data = {key: value for key, value in {**BASE, **entered}.items() if value is not False}
                response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_add'), data)
                self.assertHttpStatus(response, 302)
                Fabric.objects.get(name='new').delete()

    def test_server_is_stored_without_final_slash(self):
        form = FabricForm({**BASE, 'kubernetes_server': f' {SERVER}/ '})
        self.assertTrue(form.is_valid(), form.errors)
        self.assertEqual(form.save().kubernetes_server, SERVER)

    def test_bulk_edit_refuses_short_intervals(self):
        fabric = make_fabric()
        allow(self.user, 'view', 'change')
        for interval in (0, 29, 604_801):
            with self.subTest(interval=interval):
                form = FabricBulkEditForm({'pk': [fabric.pk], 'sync_interval': interval})
                self.assertFalse(form.is_valid())
                self.assertIn('sync_interval', form.errors)
                response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_edit'), {
                    'pk': [fabric.pk], 'sync_interval': interval, '_apply': True,
                })
                self.assertHttpStatus(response, 200)
                fabric.refresh_from_db()
                self.assertEqual(fabric.sync_interval, 300)

    def test_import_refuses_short_intervals(self):
        allow(self.user, 'add', 'view')
        response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_import'), {
            'data': 'name,sync_interval\nx,0', 'format': 'csv', 'csv_delimiter': 'auto',
        })
        self.assertContains(response, 'Must be at least 30 seconds')
        self.assertFalse(Fabric.objects.exists())

    def test_database_refuses_short_intervals(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Fabric.objects.create(name='x', sync_interval=29)
        fabric = make_fabric()
        with self.assertRaises(IntegrityError), transaction.atomic():
            Fabric.objects.filter(pk=fabric.pk).update(sync_interval=0)
        with self.assertRaises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute('UPDATE netbox_hedgehog_fabric SET sync_interval = 1')

    def test_form_accepts_what_it_shows(self):
        """Opening the edit page and saving changes nothing."""
        fabric = make_fabric(kubernetes_ca_cert=CA, sync_interval=77, verify_tls=False, status='maintenance')
        allow(self.user, 'view', 'change')
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        form = self.client.get(url).context['form']
        data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
        before = Fabric.objects.filter(pk=fabric.pk).values().get()
        self.assertHttpStatus(self.client.post(url, data), 302)
        after = Fabric.objects.filter(pk=fabric.pk).values().get()
        self.assertEqual({**after, 'last_updated': None}, {**before, 'last_updated': None})


class RefusedInAPITestCase(APITestCase):
    model = Fabric
    view_namespace = 'plugins-api:netbox_hedgehog'

    def test_refused(self):
        allow(self.user, 'add', 'view')
        for case, (entered, field, words) in REFUSED.items():
            with self.subTest(case=case):
                response = self.client.post(
                    self._get_list_url(), {'name': 'new', **entered}, format='json', **self.header,
                )
                self.assertHttpStatus(response, 400)
                self.assertEqual(list(response.data), [field])
                self.assertIn(words, str(response.data[field]))
                self.assertNotIn(CANARY, response.content.decode())
                self.assertFalse(Fabric.objects.filter(name='new').exists())

    def test_refused_on_update(self):
        allow(self.user, 'change', 'view')
        fabric = make_fabric('old')
        before = Fabric.objects.filter(pk=fabric.pk).values().get()
        for case, (entered, _field, words) in REFUSED.items():
            with self.subTest(case=case):
                response = self.client.patch(self._get_detail_url(fabric), entered, format='json', **self.header)
                self.assertHttpStatus(response, 400)
                self.assertNotIn(CANARY, response.content.decode())
                if not entered.get('kubeconfig'):
                    self.assertIn(words, str(response.data))
                self.assertEqual(Fabric.objects.filter(pk=fabric.pk).values().get(), before)

    def test_kubeconfig_is_stored(self):
        allow(self.user, 'add', 'view')
        response = self.client.post(
            self._get_list_url(), {'name': 'new', 'kubeconfig': kubeconfig()}, format='json', **self.header,
        )
        self.assertHttpStatus(response, 201)
        self.assertTrue(response.data['has_kubeconfig'])
        self.assertEqual(Fabric.objects.get().credentials().server, SERVER)


class WeakenedTestCase(TestCase):
    """The same in form, bulk edit and import: who does not know a secret does not change whom it is sent to."""

    user_permissions = (
        'netbox_hedgehog.change_fabric', 'netbox_hedgehog.view_fabric', 'netbox_hedgehog.add_fabric',
    )

    def setUp(self):
        super().setUp()
        self.token = make_fabric('token', kubernetes_ca_cert=CA)
        self.config = make_fabric('config', kubernetes_server='', kubernetes_token='', kubeconfig=kubeconfig())

    def edit(self, fabric, **changes):
        form = FabricForm(instance=fabric)
        shown = {name: form[name].value() for name in form.fields}
        data = {name: value for name, value in {**shown, **changes}.items() if value not in (None, False)}
        url = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        # As a browser sends a text of several lines.
        return self.client.post(url, {**data, 'kubernetes_ca_cert': data['kubernetes_ca_cert'].replace('\n', '\r\n')})

    def assertConnection(self, fabric, **expected):
        stored = Fabric.objects.filter(pk=fabric.pk).values(*expected).get()
        self.assertEqual(stored, expected)

    def test_in_the_form(self):
        for fabric, changes in (
            (self.token, {'verify_tls': False}), (self.token, {'kubernetes_ca_cert': ''}),
            (self.token, {'kubernetes_ca_cert': OTHER_CA}), (self.config, {'verify_tls': False}),
        ):
            with self.subTest(fabric=fabric.name, changes=list(changes)):
                self.assertContains(self.edit(fabric, **changes), 'again')
        self.assertConnection(self.token, verify_tls=True, kubernetes_ca_cert=CA)
        self.assertConnection(self.config, verify_tls=True)

    def test_with_the_secret_it_is_fine(self):
        changes = {'verify_tls': False, 'kubernetes_ca_cert': '', 'kubernetes_token': 'another'}
        self.assertHttpStatus(self.edit(self.token, **changes), 302)
        self.assertConnection(self.token, verify_tls=False, kubernetes_ca_cert='')
        self.assertHttpStatus(self.edit(self.config, verify_tls=False, kubeconfig=kubeconfig()), 302)
        self.assertConnection(self.config, verify_tls=False)

    def test_without_secrets_it_is_fine(self):
        self.assertHttpStatus(self.edit(self.token, verify_tls=False, forget_secrets='on'), 302)
        self.assertConnection(self.token, verify_tls=False)
        self.assertFalse(Fabric.objects.get(pk=self.token.pk).has_token)

    def test_what_does_not_weaken_it_is_fine(self):
        Fabric.objects.update(verify_tls=False)
        for fabric in Fabric.objects.all():
            self.assertHttpStatus(self.edit(fabric, description='x'), 302)
            self.assertConnection(fabric, description='x', verify_tls=False)
            self.assertHttpStatus(self.edit(fabric, verify_tls=True), 302)
            self.assertConnection(fabric, verify_tls=True)

    def test_in_bulk(self):
        for fabric in (self.token, self.config):
            response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_edit'), {
                'pk': [fabric.pk], 'verify_tls': 'False', '_apply': True,
            })
            self.assertContains(response, 'To disable TLS verification')
            self.assertConnection(fabric, verify_tls=True)

    def test_by_import(self):
        for fabric, column, value in (
            (self.token, 'verify_tls', 'false'), (self.config, 'verify_tls', 'false'),
            (self.token, 'kubernetes_ca_cert', '-----BEGIN CERTIFICATE-----other'),
            (self.token, 'kubernetes_server', 'https://evil.example.com'),
        ):
            response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_import'), {
                'data': f'id,{column}\n{fabric.pk},{value}', 'format': 'csv', 'csv_delimiter': 'auto',
                'import_method': 'direct',
            })
            with self.subTest(fabric=fabric.name, column=column):
                self.assertContains(response, 'again')
        self.assertConnection(self.token, verify_tls=True, kubernetes_ca_cert=CA, kubernetes_server=SERVER)
        self.assertConnection(self.config, verify_tls=True)


class OtherServerTest(APITestCase):
    """A stored token goes to the server it was entered for, checked as it was then, and to no other."""

    model = Fabric
    user_permissions = ('netbox_hedgehog.change_fabric', 'netbox_hedgehog.view_fabric')

    def setUp(self):
        super().setUp()
        self.fabric = make_fabric('a', kubernetes_server=SERVER, kubernetes_token=TOKEN)
        self.url = reverse('plugins-api:netbox_hedgehog-api:fabric-detail', args=[self.fabric.pk])

    def patch(self, **data):
        return self.client.patch(self.url, data, format='json', **self.header)

    def test_another_server_asks_for_the_token(self):
        answer = self.patch(kubernetes_server='https://evil.example.com')
        self.assertEqual(answer.status_code, 400)
        self.assertIn('Enter the token again', str(answer.json()))
        self.fabric.refresh_from_db()
        self.assertEqual(self.fabric.kubernetes_server, SERVER)

    def test_two_requests_at_once_do_not_what_none_of_them_may(self):
        """One enters another token, after the other has loaded the fabric with the stored one."""
        loaded = Fabric.objects.get(pk=self.fabric.pk)
        self.assertEqual(self.patch(kubernetes_token='another').status_code, 200)
        loaded.kubernetes_server = 'https://evil.example.com'
        with self.assertRaisesMessage(ValidationError, 'changed while you were editing this fabric'):
            loaded.full_clean()

    def test_a_secret_that_somebody_has_renewed_meanwhile_is_not_put_back(self):
        loaded = Fabric.objects.get(pk=self.fabric.pk)
        self.assertEqual(self.patch(kubernetes_token='another').status_code, 200)
        loaded.description = 'x'
        with self.assertRaises(ValidationError):
            loaded.full_clean()

    def test_another_server_with_a_token_is_fine(self):
        answer = self.patch(kubernetes_server='https://new.example.com', kubernetes_token='another')
        self.assertEqual(answer.status_code, 200)

    def test_another_server_without_any_token_is_fine(self):
        self.assertEqual(self.patch(kubernetes_server='https://new.example.com', kubernetes_token='').status_code, 200)

    def test_the_same_server_is_fine(self):
        self.assertEqual(self.patch(kubernetes_server=f'{SERVER}/', description='x').status_code, 200)

    def test_weaker_asks_for_the_token(self):
        self.assertEqual(self.patch(kubernetes_ca_cert=CA, kubernetes_token=TOKEN).status_code, 200)
        for changes in ({'verify_tls': False}, {'kubernetes_ca_cert': ''}, {'kubernetes_ca_cert': OTHER_CA}):
            with self.subTest(changes=list(changes)):
                answer = self.patch(**changes)
                self.assertEqual((answer.status_code, list(answer.json())), (400, ['kubernetes_token']))
                self.assertEqual(self.patch(**changes, kubernetes_server='').status_code, 400)
        self.fabric.refresh_from_db()
        self.assertEqual((self.fabric.verify_tls, self.fabric.kubernetes_ca_cert), (True, CA))
        self.assertEqual(self.patch(verify_tls=False, kubernetes_token=TOKEN).status_code, 200)

    def test_weaker_asks_for_the_kubeconfig(self):
        config = make_fabric('b', kubernetes_server='', kubernetes_token='', kubeconfig=kubeconfig())
        self.url = reverse('plugins-api:netbox_hedgehog-api:fabric-detail', args=[config.pk])
        answer = self.patch(verify_tls=False)
        self.assertEqual(answer.status_code, 400)
        self.assertIn('enter the kubeconfig again', str(answer.json()))
        self.assertEqual(self.patch(verify_tls=False, kubeconfig=kubeconfig()).status_code, 200)
