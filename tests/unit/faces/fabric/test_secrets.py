"""Secrets go in and do not come out."""

import json
from io import StringIO
from unittest.mock import patch

from core.choices import ObjectChangeActionChoices
from core.models import Job, ObjectChange, ObjectType
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory, override_settings
from django.urls import reverse
from extras.choices import EventRuleActionChoices
from extras.events import serialize_for_event
from extras.models import CustomLink, EventRule, ExportTemplate, Webhook
from netbox.constants import CENSOR_TOKEN, CENSOR_TOKEN_CHANGED
from utilities.testing import APITestCase, TestCase, disable_logging

from netbox_hedgehog.api.serializers import FabricSerializer
from netbox_hedgehog.fields import DecryptionError, decrypt
from netbox_hedgehog.forms import FabricForm
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync
from netbox_hedgehog.jobs.queue import connection as redis
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.tables import FabricTable

from ....support.pages import CANARY, OTHER_TOKEN, SEALED, SERVER, TOKEN, allow, kubeconfig, make_fabric

FORM = {
    'name': 'a', 'status': 'planned', 'kubernetes_server': SERVER, 'kubernetes_namespace': 'default',
    'verify_tls': 'on', 'sync_enabled': 'on', 'scheduler_enabled': 'on', 'sync_interval': 300,
}


def stored(fabric) -> dict[str, str]:
    """The secret columns as the database has them."""
    with connection.cursor() as cursor:
        cursor.execute('SELECT kubernetes_token, kubeconfig FROM netbox_hedgehog_fabric WHERE id = %s', [fabric.pk])
        return dict(zip(('kubernetes_token', 'kubeconfig'), cursor.fetchone(), strict=True))


class SecretTestCase(TestCase):
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'netbox_hedgehog.add_fabric', 'netbox_hedgehog.change_fabric',
        'netbox_hedgehog.sync_fabric', 'core.view_objectchange', 'core.view_job', 'extras.view_journalentry',
    )

    @classmethod
    def setUpTestData(cls):
        cls.fabric = make_fabric('a')
        cls.other = make_fabric('b', kubernetes_server='', kubernetes_token='', kubeconfig=kubeconfig())

    def url(self, view, *args):
        return reverse(f'plugins:netbox_hedgehog:fabric_{view}', args=args)

    def assertSecretFree(self, content, what=''):
        content = content.decode() if isinstance(content, bytes) else content
        self.assertNotIn(CANARY, content, what)
        self.assertNotIn(SEALED, content, f'{what}: not even the sealed value leaves the database')


class StoredTestCase(SecretTestCase):
    """What the database holds."""

    def test_sealed(self):
        token, config = stored(self.fabric)['kubernetes_token'], stored(self.other)['kubeconfig']
        for value in (token, config):
            self.assertTrue(value.startswith(SEALED))
            self.assertNotIn(CANARY, value)
        self.assertEqual(Fabric.objects.get(name='a').credentials().token, TOKEN)
        self.assertIn(CANARY, Fabric.objects.get(name='b').credentials().token)

    def test_empty_stays_empty(self):
        self.assertEqual(stored(self.other)['kubernetes_token'], '')
        self.assertFalse(Fabric.objects.get(name='b').has_token)

    def test_update_and_bulk_create_seal(self):
        Fabric.objects.filter(name='a').update(kubernetes_token=OTHER_TOKEN)
        self.assertTrue(stored(self.fabric)['kubernetes_token'].startswith(SEALED))
        self.assertEqual(Fabric.objects.get(name='a').credentials().token, OTHER_TOKEN)
        created, = Fabric.objects.bulk_create([Fabric(name='c', kubernetes_server=SERVER, kubernetes_token=TOKEN)])
        self.assertTrue(stored(created)['kubernetes_token'].startswith(SEALED))
        created.kubernetes_token = OTHER_TOKEN
        Fabric.objects.bulk_update([created], ['kubernetes_token'])
        self.assertNotIn(CANARY, stored(created)['kubernetes_token'])
        self.assertEqual(Fabric.objects.get(name='c').credentials().token, OTHER_TOKEN)

    def test_saving_again_keeps_it(self):
        before = stored(self.fabric)
        fabric = Fabric.objects.get(name='a')
        fabric.description = 'x'
        fabric.full_clean()
        fabric.save()
        self.assertEqual(stored(self.fabric), before)

    def test_entered_value_that_looks_sealed(self):
        for value in (SEALED, f'{SEALED}abc', f'{SEALED}{SEALED}'):
            with self.subTest(value=value):
                fabric = Fabric.objects.get(name='a')
                fabric.kubernetes_token = value
                fabric.full_clean()
                fabric.save()
                self.assertEqual(Fabric.objects.get(name='a').credentials().token, value)
                self.assertNotEqual(stored(self.fabric)['kubernetes_token'], value)

    def test_sealed_by_hand_in_sql(self):
        """Rubbish in the column is a sentence when it is used, and breaks no page."""
        with connection.cursor() as cursor:
            cursor.execute("UPDATE netbox_hedgehog_fabric SET kubernetes_token = 'sealed:1:rubbish' WHERE name = 'a'")
        with self.assertRaisesMessage(DecryptionError, 'cannot be decrypted'):
            Fabric.objects.get(name='a').credentials()
        self.assertHttpStatus(self.client.get(self.fabric.get_absolute_url()), 200)

    def test_dumpdata(self):
        out = StringIO()
        call_command('dumpdata', 'netbox_hedgehog', 'core.job', 'core.objectchange', stdout=out)
        self.assertIn('"name": "a"', out.getvalue())
        self.assertNotIn(CANARY, out.getvalue())
        unsaved = Fabric(name='x', kubernetes_token=TOKEN)
        self.assertNotIn(CANARY, Fabric._meta.get_field('kubernetes_token').value_to_string(unsaved))

    def test_repr(self):
        for fabric in (Fabric(name='x', kubernetes_token=TOKEN), Fabric.objects.get(name='a')):
            self.assertNotIn(CANARY, f'{fabric} {fabric!r} {fabric.credentials_words}')
        self.assertNotIn(CANARY, repr(Fabric.objects.get(name='a').credentials()))
        self.assertNotIn(SEALED, repr(Fabric.objects.get(name='a').kubernetes_token))


class RotationTestCase(SecretTestCase):
    NEW_KEY = 'a-new-secret-key-of-at-least-fifty-characters-for-this-test'

    def test_with_fallback_it_still_opens(self):
        old = settings.SECRET_KEY
        config = {'netbox_hedgehog': {**settings.PLUGINS_CONFIG['netbox_hedgehog'], 'secret_key_fallbacks': [old]}}
        with override_settings(SECRET_KEY=self.NEW_KEY, PLUGINS_CONFIG=config):
            fabric = Fabric.objects.get(name='a')
            self.assertEqual(fabric.credentials().token, TOKEN)
            fabric.kubernetes_token = decrypt(fabric.kubernetes_token)
            fabric.save()
        # EncryptedStr anew with the newest key, the old one is not needed any more.
        with override_settings(SECRET_KEY=self.NEW_KEY):
            self.assertEqual(Fabric.objects.get(name='a').credentials().token, TOKEN)

    def test_without_fallback_a_sentence_and_no_traceback(self):
        with override_settings(SECRET_KEY=self.NEW_KEY), disable_logging():
            report = execute_fabric_sync(self.fabric.pk)
        self.assertEqual(report['outcome'], 'failed')
        fabric = Fabric.objects.get(name='a')
        self.assertEqual(fabric.sync_status, 'failed')
        self.assertIn('SECRET_KEY has changed', fabric.sync_error)
        self.assertNotIn('Traceback', fabric.sync_error)
        job = Job.objects.get(object_id=fabric.pk)
        self.assertEqual(job.status, 'failed')
        self.assertIn('SECRET_KEY has changed', job.error)
        self.assertNotIn('Traceback', str(job.log_entries))
        page = self.client.get(fabric.get_absolute_url())
        self.assertContains(page, 'A stored secret cannot be decrypted')
        self.assertSecretFree(page.content)

    def test_without_fallback_test_connection_says_it(self):
        with override_settings(SECRET_KEY=self.NEW_KEY):
            # The session is signed with the old key.
            self.client.force_login(self.user)
            response = self.client.post(self.url('test_connection', self.fabric.pk), follow=True)
        self.assertContains(response, 'SECRET_KEY has changed')

    def test_without_fallback_pages_and_edits_work(self):
        with override_settings(SECRET_KEY=self.NEW_KEY):
            self.client.force_login(self.user)
            self.assertHttpStatus(self.client.get(self.url('list')), 200)
            self.assertHttpStatus(self.client.get(self.fabric.get_absolute_url()), 200)
            response = self.client.post(self.url('edit', self.fabric.pk), {**FORM, 'kubernetes_token': OTHER_TOKEN})
            self.assertHttpStatus(response, 302)
            self.assertEqual(Fabric.objects.get(name='a').credentials().token, OTHER_TOKEN)


class PagesTestCase(SecretTestCase):
    """What people see."""

    def test_every_page(self):
        with disable_logging():
            execute_fabric_sync(self.fabric.pk)
        for fabric in (self.fabric, self.other):
            for view in ('edit', 'changelog', 'jobs', 'journal', 'delete'):
                with self.subTest(fabric=fabric.name, view=view):
                    allow(self.user, 'delete')
                    response = self.client.get(self.url(view, fabric.pk))
                    self.assertHttpStatus(response, 200)
                    self.assertSecretFree(response.content, view)
            self.assertSecretFree(self.client.get(fabric.get_absolute_url()).content)
        self.assertSecretFree(self.client.get(self.url('list')).content)
        self.assertSecretFree(self.client.post(self.url('bulk_edit'), {'pk': [self.fabric.pk]}).content)
        self.assertSecretFree(self.client.get(f'{self.url("add")}?{"&".join(self.clone_query())}').content)

    def clone_query(self):
        return [f'{key}={value}' for key, value in self.fabric.clone().items()]

    def test_detail_page_says_what_is_stored(self):
        self.assertContains(self.client.get(self.fabric.get_absolute_url()), 'Token (stored encrypted)')
        self.assertContains(self.client.get(self.other.get_absolute_url()), 'Kubeconfig (stored encrypted)')

    def test_form_that_comes_back_with_errors_does_not_repeat_them(self):
        response = self.client.post(self.url('edit', self.fabric.pk), {
            **FORM, 'sync_interval': 1, 'kubernetes_token': OTHER_TOKEN, 'kubeconfig': kubeconfig(),
        })
        self.assertHttpStatus(response, 200)
        self.assertSecretFree(response.content)

    def test_form_initial(self):
        form = FabricForm(instance=Fabric.objects.get(name='a'))
        self.assertNotIn('kubernetes_token', form.initial)
        self.assertSecretFree(str(form))

    def test_exports(self):
        columns = [name for name in FabricTable.base_columns if name not in ('pk', 'actions')]
        self.user.config.set('tables.FabricTable.columns', columns, commit=True)
        for export in ('table', ''):
            with self.subTest(export=export):
                response = self.client.get(f'{self.url("list")}?export={export}')
                self.assertHttpStatus(response, 200)
                self.assertIn('control-1.example.com', response.content.decode())
                self.assertIn('Never synced', response.content.decode())
                self.assertSecretFree(response.content, export)

    def test_all_columns(self):
        request = RequestFactory().get('/')
        request.user = self.user
        table = FabricTable(Fabric.objects.all())
        table._set_columns(list(table.base_columns))
        self.assertNotIn('kubernetes_token', table.base_columns)
        self.assertNotIn('kubeconfig', table.base_columns)
        self.assertNotIn('kubernetes_token', dict(table.available_columns + table.selected_columns))

    def test_templates_that_people_write(self):
        """A right to write export templates is no right to read tokens."""
        self.add_permissions('extras.view_exporttemplate')
        for number, code in enumerate((
            '{{ queryset[0].name }}:{{ queryset[0].credentials().token }}',
            '{% for f in queryset %}{{ f.name }}:{{ f.credentials() }}{% endfor %}',
            '{{ queryset[0].name }}:{{ queryset[1].credentials().token }}',
        )):
            template = ExportTemplate.objects.create(name=f't{number}', template_code=code)
            template.object_types.set([ObjectType.objects.get_for_model(Fabric)])
            with self.subTest(code=code):
                response = self.client.get(f'{self.url("list")}?export=t{number}', follow=True)
                self.assertHttpStatus(response, 200)
                self.assertContains(response, 'not safely callable')
                self.assertNotIn(CANARY, response.content.decode())
        link = CustomLink.objects.create(
            name='link', link_text='Token {{ object.credentials().token }}', link_url='https://example.com/',
        )
        link.object_types.set([ObjectType.objects.get_for_model(Fabric)])
        self.assertNotIn(CANARY, self.client.get(self.fabric.get_absolute_url()).content.decode())


class KeptOrForgottenTestCase(SecretTestCase):
    def test_editing_without_entering_keeps(self):
        before = stored(self.fabric)
        response = self.client.post(self.url('edit', self.fabric.pk), {**FORM, 'description': 'edited'})
        self.assertHttpStatus(response, 302)
        self.assertEqual(Fabric.objects.get(name='a').description, 'edited')
        self.assertEqual(stored(self.fabric), before)

    def test_entering_replaces(self):
        self.client.post(self.url('edit', self.fabric.pk), {**FORM, 'kubernetes_token': OTHER_TOKEN})
        self.assertEqual(Fabric.objects.get(name='a').credentials().token, OTHER_TOKEN)

    def test_forget(self):
        for fabric, data in ((self.fabric, FORM), (self.other, {**FORM, 'name': 'b', 'kubernetes_server': ''})):
            response = self.client.post(self.url('edit', fabric.pk), {**data, 'forget_secrets': 'on'})
            self.assertHttpStatus(response, 302)
            self.assertEqual(stored(fabric), {'kubernetes_token': '', 'kubeconfig': ''})

    def test_forget_and_enter(self):
        """From a kubeconfig to a server and token in one step."""
        response = self.client.post(self.url('edit', self.other.pk), {
            **FORM, 'name': 'b', 'forget_secrets': 'on', 'kubernetes_token': OTHER_TOKEN,
        })
        self.assertHttpStatus(response, 302)
        self.assertEqual(stored(self.other)['kubeconfig'], '')
        self.assertEqual(Fabric.objects.get(name='b').credentials().token, OTHER_TOKEN)

    def test_nothing_to_forget(self):
        self.assertNotContains(self.client.get(self.url('add')), 'forget_secrets')
        self.assertContains(self.client.get(self.url('edit', self.fabric.pk)), 'forget_secrets')

    def test_csv_update_keeps(self):
        before = stored(self.fabric)
        for header, row in (
            ('id,description', f'{self.fabric.pk},one'),
            ('id,description,kubernetes_token', f'{self.fabric.pk},two,'),
        ):
            response = self.client.post(self.url('bulk_import'), {
                'data': f'{header}\n{row}', 'format': 'csv', 'csv_delimiter': 'auto',
            })
            self.assertHttpStatus(response, 302)
            self.assertEqual(stored(self.fabric), before)
        self.assertEqual(Fabric.objects.get(name='a').description, 'two')

    def test_csv_update_replaces(self):
        self.client.post(self.url('bulk_import'), {
            'data': f'id,kubernetes_token\n{self.fabric.pk},{OTHER_TOKEN}', 'format': 'csv', 'csv_delimiter': 'auto',
        })
        self.assertEqual(Fabric.objects.get(name='a').credentials().token, OTHER_TOKEN)

    def test_an_import_that_fails_does_not_repeat_a_token(self):
        for text, form in (
            (f'name,kubernetes_server,kubernetes_token,sync_interval\nx,{SERVER},{OTHER_TOKEN},1', 'csv'),
            (f'name,kubernetes_token\nx,{OTHER_TOKEN},y,z', 'csv'),
            (json.dumps([{'name': 'x', 'kubernetes_token': OTHER_TOKEN, 'sync_interval': 1}]), 'json'),
        ):
            data = {'data': text, 'format': form, 'csv_delimiter': 'auto', 'import_method': 'direct'}
            response = self.client.post(self.url('bulk_import'), data)
            self.assertContains(response, 'not shown again because it contains tokens')
            self.assertSecretFree(response.content)
        self.assertFalse(Fabric.objects.filter(name='x').exists())

    def test_an_import_without_tokens_that_fails_is_repeated(self):
        response = self.client.post(self.url('bulk_import'), {
            'data': 'name,sync_interval\nmistyped,1', 'format': 'csv', 'csv_delimiter': 'auto',
        })
        self.assertContains(response, 'mistyped,1')

    def test_csv_import_does_not_wait_in_redis(self):
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(self.url('bulk_import'), {
                'data': f'name,kubernetes_server,kubernetes_token\nc,{SERVER},{OTHER_TOKEN}', 'format': 'csv',
                'csv_delimiter': 'auto', 'background_job': 'on',
            })
        self.assertHttpStatus(response, 302)
        self.assertEqual(Fabric.objects.get(name='c').credentials().token, OTHER_TOKEN)
        self.assertFalse(Job.objects.exists())
        self.assertNotIn(CANARY.encode(), redis_content())

    def test_bulk_edit_keeps(self):
        before = stored(self.fabric)
        response = self.client.post(self.url('bulk_edit'), {
            'pk': [self.fabric.pk], '_apply': True, 'description': 'bulk',
        })
        self.assertHttpStatus(response, 302)
        self.assertEqual(stored(self.fabric), before)


def redis_content() -> bytes:
    """All that the queues' Redis holds."""
    return b'\n'.join(key + (redis().dump(key) or b'') for key in redis().scan_iter())


class ChangeLogTestCase(SecretTestCase):
    def changes(self, **kwargs):
        return ObjectChange.objects.filter(changed_object_id=self.fabric.pk, **kwargs).order_by('time')

    def edit(self, **data):
        self.assertHttpStatus(self.client.post(self.url('edit', self.fabric.pk), {**FORM, **data}), 302)

    def test_unchanged_token_is_censored(self):
        self.edit(description='edited')
        change = self.changes().get()
        self.assertEqual(change.prechange_data['kubernetes_token'], CENSOR_TOKEN)
        self.assertEqual(change.postchange_data['kubernetes_token'], CENSOR_TOKEN)

    def test_changed_token_is_marked_and_logged_though_nothing_else_changed(self):
        self.edit(kubernetes_token=OTHER_TOKEN)
        change = self.changes().get()
        self.assertEqual(change.prechange_data['kubernetes_token'], CENSOR_TOKEN)
        self.assertEqual(change.postchange_data['kubernetes_token'], CENSOR_TOKEN_CHANGED)
        page = self.client.get(change.get_absolute_url())
        self.assertContains(page, CENSOR_TOKEN_CHANGED)
        self.assertSecretFree(page.content)

    def test_entered_forgotten_and_entered_again(self):
        self.edit(forget_secrets='on')
        self.edit(kubernetes_token=OTHER_TOKEN)
        gone, back = self.changes()
        self.assertEqual(
            (gone.prechange_data['kubernetes_token'], gone.postchange_data['kubernetes_token']), (CENSOR_TOKEN, ''),
        )
        self.assertEqual(
            (back.prechange_data['kubernetes_token'], back.postchange_data['kubernetes_token']),
            ('', CENSOR_TOKEN_CHANGED),
        )

    def test_create_and_delete(self):
        allow(self.user, 'delete')
        self.client.post(self.url('add'), {**FORM, 'name': 'c', 'kubernetes_token': TOKEN})
        fabric = Fabric.objects.get(name='c')
        self.client.post(self.url('delete', fabric.pk), {'confirm': True})
        for change in ObjectChange.objects.filter(changed_object_id=fabric.pk):
            self.assertSecretFree(json.dumps([change.prechange_data, change.postchange_data]))
        self.assertEqual(
            set(ObjectChange.objects.filter(changed_object_id=fabric.pk).values_list('action', flat=True)),
            {ObjectChangeActionChoices.ACTION_CREATE, ObjectChangeActionChoices.ACTION_DELETE},
        )

    def test_nothing_in_any_change(self):
        self.edit(kubernetes_token=OTHER_TOKEN, description='x')
        self.client.post(self.url('bulk_edit'), {'pk': [self.fabric.pk], '_apply': True, 'description': 'bulk'})
        self.assertEqual(self.changes().count(), 2)
        for change in self.changes():
            self.assertSecretFree(json.dumps([change.prechange_data, change.postchange_data]))

    def test_syncs_write_no_changes(self):
        with disable_logging():
            execute_fabric_sync(self.fabric.pk)
        self.assertFalse(self.changes().exists())


class EventsTestCase(SecretTestCase):
    def test_serialization(self):
        for fabric in (self.fabric, self.other):
            self.assertSecretFree(json.dumps(serialize_for_event(fabric), default=str))
        self.assertNotIn('kubernetes_token', serialize_for_event(self.fabric))

    def test_webhook(self):
        webhook = Webhook.objects.create(name='hook', payload_url='http://127.0.0.1:1/')
        rule = EventRule.objects.create(
            name='rule', event_types=['object_created', 'object_updated'], action_object=webhook,
            action_type=EventRuleActionChoices.WEBHOOK,
            action_object_type=ObjectType.objects.get_for_model(Webhook),
        )
        rule.object_types.set([ObjectType.objects.get_for_model(Fabric)])
        sent = []
        with patch('django_rq.queues.DjangoRQ.enqueue', lambda _, *args, **kwargs: sent.append((args, kwargs))), \
                self.captureOnCommitCallbacks(execute=True):
            self.client.post(self.url('add'), {**FORM, 'name': 'c', 'kubernetes_token': TOKEN})
            self.client.post(self.url('edit', self.fabric.pk), {**FORM, 'kubernetes_token': OTHER_TOKEN})
        self.assertEqual(len(sent), 2)
        content = repr(sent)
        self.assertIn('control-1.example.com', content)
        self.assertSecretFree(content)

    def test_queued_sync(self):
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(self.url('sync', self.fabric.pk))
        self.assertHttpStatus(response, 302)
        content = redis_content()
        self.assertIn(b'rq:job:', content)
        self.assertNotIn(CANARY.encode(), content)
        job = Job.objects.get(object_id=self.fabric.pk)
        self.assertSecretFree(repr([job.data, job.log_entries, job.error]))


class APISecretTestCase(APITestCase):
    model = Fabric
    view_namespace = 'plugins-api:netbox_hedgehog'
    user_permissions = SecretTestCase.user_permissions
    assertSecretFree = SecretTestCase.assertSecretFree

    @classmethod
    def setUpTestData(cls):
        cls.fabric = make_fabric('a')

    def request(self, method, url, data=None):
        return getattr(self.client, method)(url, data, format='json', **self.header)

    def test_no_response_shows_them(self):
        detail, everything = self._get_detail_url(self.fabric), self._get_list_url()
        for method, url, data in (
            ('get', detail, None), ('get', everything, None), ('options', detail, None), ('options', everything, None),
            ('get', f'{everything}?fields=name,kubernetes_token,kubeconfig', None),
            ('patch', detail, {'kubernetes_token': OTHER_TOKEN}),
            ('put', detail, {'name': 'a', 'kubernetes_token': OTHER_TOKEN}),
            ('patch', everything, [{'id': self.fabric.pk, 'kubernetes_token': OTHER_TOKEN}]),
            ('post', everything, {'name': 'b', 'kubernetes_token': OTHER_TOKEN}),
            ('post', everything, {'name': 'a', 'kubernetes_token': OTHER_TOKEN}),
            ('post', everything, {'name': 'c', 'kubeconfig': kubeconfig()}),
            ('post', everything, [{'name': 'd', 'kubernetes_token': OTHER_TOKEN}]),
        ):
            with self.subTest(method=method, url=url):
                response = self.request(method, url, data)
                self.assertIn(response.status_code, (200, 201, 400))
                self.assertSecretFree(response.content)
                if method != 'options':
                    self.assertNotIn('"kubernetes_token"', response.content.decode())

    def test_secrets_are_no_filter(self):
        make_fabric('b', kubernetes_token='')
        plain = self.request('get', self._get_list_url()).data['count']
        for query in ('kubernetes_token=x', 'kubernetes_token__isw=sealed', 'kubeconfig__empty=true'):
            response = self.request('get', f'{self._get_list_url()}?{query}')
            self.assertIn((response.status_code, response.data.get('count')), ((200, plain), (400, None)), query)

    def test_ordering_by_a_secret_tells_nothing(self):
        response = self.request('get', f'{self._get_list_url()}?ordering=kubernetes_token')
        self.assertIn(response.status_code, (200, 400))

    def test_patch_without_token_keeps_it(self):
        before = stored(self.fabric)
        self.assertHttpStatus(self.request('patch', self._get_detail_url(self.fabric), {'description': 'x'}), 200)
        self.assertEqual(stored(self.fabric), before)

    def test_put_without_token_keeps_it(self):
        before = stored(self.fabric)
        response = self.request('put', self._get_detail_url(self.fabric), {'name': 'a'})
        self.assertHttpStatus(response, 200)
        self.assertEqual(stored(self.fabric), before)

    def test_patch_with_empty_token_clears_it(self):
        response = self.request('patch', self._get_detail_url(self.fabric), {'kubernetes_token': ''})
        self.assertHttpStatus(response, 200)
        self.assertFalse(response.data['has_token'])
        self.assertEqual(stored(self.fabric)['kubernetes_token'], '')

    def test_patch_replaces(self):
        self.request('patch', self._get_detail_url(self.fabric), {'kubernetes_token': OTHER_TOKEN})
        self.assertEqual(Fabric.objects.get(name='a').credentials().token, OTHER_TOKEN)

    def test_patch_with_something_that_looks_sealed(self):
        value = f'{SEALED}gAAAAA'
        response = self.request('patch', self._get_detail_url(self.fabric), {'kubernetes_token': value})
        self.assertHttpStatus(response, 200)
        self.assertEqual(Fabric.objects.get(name='a').credentials().token, value)

    def test_token_only_change_is_logged(self):
        self.request('patch', self._get_detail_url(self.fabric), {'kubernetes_token': OTHER_TOKEN})
        change = ObjectChange.objects.get(changed_object_id=self.fabric.pk)
        self.assertEqual(change.postchange_data['kubernetes_token'], CENSOR_TOKEN_CHANGED)
        self.assertSecretFree(json.dumps([change.prechange_data, change.postchange_data]))

    def test_schema_says_write_only(self):
        for name in ('kubernetes_token', 'kubeconfig'):
            self.assertTrue(FabricSerializer().fields[name].write_only)

    def test_graphql(self):
        from netbox.graphql.schema import schema

        text = schema.as_str()
        fabric = text[text.index('type FabricType '):]
        fabric = fabric[:fabric.index('\n}')]
        self.assertIn('kubernetes_server', fabric)
        for part in (text,):
            self.assertNotIn('kubernetes_token', part)
            self.assertNotIn('kubeconfig', part)
        for query in ('{fabric_list {name kubernetes_token}}', '{fabric_list {name kubeconfig}}'):
            with disable_logging():
                response = self.client.post(reverse('graphql'), {'query': query}, format='json', **self.header)
            self.assertIn('Cannot query field', response.content.decode())
            self.assertSecretFree(response.content)
