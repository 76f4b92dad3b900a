"""Everything that the plugin can emit, of a fabric whose people are hostile and whose secrets say CANARY.

No page and no picture has their markup in it, no export a formula, and nothing at all a secret: not pages, not the
APIs, not the change log, jobs, logs, metrics, commands, event payloads, errors, nor any table or Redis key.
"""

import csv
import io
import json
import logging
import re
import zlib
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

import pytest
from core.models import Job, ObjectChange
from dcim.models import Device, Site
from django.conf import settings
from django.core.cache import cache
from django.core.management import CommandError, call_command, load_command_class
from django.test import override_settings
from django.urls import reverse
from extras.events import serialize_for_event
from rest_framework.test import APIClient
from users.constants import TOKEN_PREFIX
from users.models import Token, User
from utilities.testing import TestCase

from netbox_hedgehog import tables
from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync
from netbox_hedgehog.jobs.queue import connection as redis
from netbox_hedgehog.models import Discrepancy, Fabric, FabricEvent, FabricResource, InventoryLink, InventoryRule
from netbox_hedgehog.monitoring.metrics import exposition
from netbox_hedgehog.tables.objects import PlainExport, plain

from ..support.mirror_contents import dump
from ..support.pages import KUBECONFIG_TOKEN, OTHER_TOKEN, all_alive, kubeconfig
from .endpoints import api, pages
from .graphql import queries
from .hostile import CANARY, MARKUP, TOKEN, hostile_api

SEALED = 'sealed:1:'

# Attributes in which a text of somebody else's would run, or lead to something that runs.
RUNNING = re.compile(r'(?:href|src|action|formaction|xlink:href|hx-get|hx-post)\s*=\s*["\']?\s*(?:javascript|data|vbscript):', re.I)


# Nobody answers here, and nobody will.
AT_ONCE = {'netbox_hedgehog': {**settings.PLUGINS_CONFIG['netbox_hedgehog'], 'retries': 0}}


@override_settings(PLUGINS_CONFIG=AT_ONCE)
class SweepTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        site = Site.objects.create(name='DC', slug='dc')
        with hostile_api() as server:
            cls.fabric = Fabric.objects.create(
                name='hostile', kubernetes_server=server.url, kubernetes_token=TOKEN, kubernetes_ca_cert=server.ca_pem,
                inventory_enabled=True, inventory_auto_apply=True, inventory_site=site, description=MARKUP,
                comments=f'<script>{MARKUP}',
            )
            InventoryRule.objects.create(fabric=cls.fabric, name=MARKUP[:100], names='leaf-*', description=MARKUP)
            cls.other = Fabric.objects.create(name='other', kubeconfig=kubeconfig())
            execute_fabric_sync(cls.fabric.pk)
            cls.fabric.refresh_from_db()
            Device.objects.filter(site=site).update(serial='changed by hand')
            execute_fabric_sync(cls.fabric.pk)
            execute_fabric_sync(cls.other.pk)
        cls.fabric.refresh_from_db()
        Fabric.objects.filter(pk=cls.fabric.pk).update(
            sync_status='failed', sync_error=f'500 {MARKUP}', inventory_error=f'{MARKUP}',
            last_report={**cls.fabric.last_report, 'error': MARKUP, 'kinds': [
                {**kind, 'errors': [f'Switch: {MARKUP}']} for kind in cls.fabric.last_report['kinds']
            ]},
            unsupported_kinds=[
                {'kind': MARKUP, 'group': f'{MARKUP}.githedgehog.com', 'version': MARKUP, 'plural': MARKUP, 'count': None},
            ],
        )
        Job.objects.filter(object_id=cls.fabric.pk).update(error=f'500 {MARKUP}')

    def setUp(self):
        super().setUp()
        all_alive()
        self.user = User.objects.create_superuser('admin')
        self.client.force_login(self.user)
        token = Token.objects.create(user=self.user)
        self.header = {'HTTP_AUTHORIZATION': f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}'}

    def assertSecretFree(self, text, what=''):
        for secret in (CANARY, SEALED):
            if secret in text:
                place = text.index(secret)
                self.fail(f'{what}: …{text[max(0, place - 100):place + 60]}…')

    def first(self, model):
        rows = model.objects.filter(pk=self.fabric.pk) if model is Fabric else model.objects.filter(fabric=self.fabric)
        return rows.filter(kind='VPC').first() if model is FabricResource else rows.first()

    def urls(self):
        """Every page there is, every resource's, and NetBox's own pages of what came from the fabric."""
        yield from (
            endpoint.url(self.first(endpoint.model) if endpoint.model else None) for endpoint in pages()
        )
        for resource in FabricResource.objects.filter(fabric=self.fabric):
            yield resource.get_absolute_url()
            if resource.kind == 'VPC':
                yield reverse('plugins:netbox_hedgehog:fabricresource_diagram', args=[resource.pk])
        for kind in set(FabricResource.objects.values_list('kind', flat=True)):
            yield f'{reverse("plugins:netbox_hedgehog:fabricresource_list")}?kind={kind}'
        seen = set()
        for link in InventoryLink.objects.filter(fabric=self.fabric, stale_since=None).select_related('object_type'):
            if link.object_type_id not in seen:
                seen.add(link.object_type_id)
                yield link.get_absolute_url()
                yield link.object.get_absolute_url()
        yield from (row.get_absolute_url() for row in Discrepancy.objects.filter(fabric=self.fabric)[:20])
        yield from (job.get_absolute_url() for job in Job.objects.filter(object_id=self.fabric.pk))
        yield from (change.get_absolute_url() for change in ObjectChange.objects.order_by('-pk')[:5])
        yield from (f'{reverse("plugins:netbox_hedgehog:overview")}?{part}=1' for part in ('live', 'widget'))
        yield from (reverse('home'), f'{reverse("search")}?q=alert')

    def test_no_page_runs_what_a_cluster_says_or_shows_a_secret(self):
        shown = 0
        for url in self.urls():
            response = self.client.get(url)
            if response.status_code in (302, 405):
                continue
            with self.subTest(url=url):
                self.assertEqual(response.status_code, 200)
                page = response.content.decode()
                shown += 'onerror' in page
                self.assertNotIn(MARKUP, page)
                self.assertNotIn('<script>alert', page)
                self.assertNotIn(str(70001 * 70003), page)  # as a template would compute it
                self.assertIsNone(RUNNING.search(page))
                self.assertSecretFree(page)
        self.assertGreater(shown, 60, 'hostile texts are hardly shown: is this still a test?')

    def test_no_diagram_runs_anything(self):
        vpc = FabricResource.objects.filter(fabric=self.fabric, kind='VPC')
        urls = [reverse('plugins:netbox_hedgehog:fabric_topology', args=[self.fabric.pk])]
        urls += [reverse('plugins:netbox_hedgehog:fabricresource_diagram', args=[row.pk]) for row in vpc]
        for url in urls:
            response = self.client.get(f'{url}?format=svg')
            svg = response.content.decode()
            self.assertNotIn(MARKUP, svg)
            self.assertNotIn('<script', svg)
            self.assertIsNone(RUNNING.search(svg))
            self.assertIn("default-src 'none'", response.headers['Content-Security-Policy'])
            self.assertSecretFree(svg)

    def test_no_export_holds_a_formula_or_a_secret(self):
        lists = [endpoint for endpoint in pages() if endpoint.name.endswith('_list')]
        self.assertGreater(len(lists), 4)
        formulas = 0
        for endpoint in lists:
            for query in ('?export=table', '?export=', '?export=table&kind=Switch', '?export=table&delimiter=semicolon'):
                response = self.client.get(endpoint.url() + query)
                with self.subTest(endpoint=str(endpoint), query=query):
                    self.assertEqual(response.status_code, 200)
                    text = b''.join(response).decode() if response.streaming else response.content.decode()
                    self.assertSecretFree(text)
                    for row in csv.reader(io.StringIO(text), delimiter=';' if 'semicolon' in query else ','):
                        for cell in row:
                            formulas += cell.startswith("'")
                            self.assertEqual(cell, plain(cell))
        self.assertGreater(formulas, 5)

    def test_every_table_exports_plain_cells(self):
        found = [table for table in vars(tables).values() if isinstance(table, type) and table.__name__.endswith('Table')]
        self.assertGreater(len(found), 4)
        for table in found:
            self.assertTrue(issubclass(table, PlainExport), table)

    def test_no_answer_of_the_apis_holds_a_secret(self):
        client = APIClient()
        for endpoint in api():
            for method in {'get', 'options'} & (endpoint.methods | {'options'}):
                url = endpoint.url(self.first(endpoint.model) if endpoint.model else None)
                response = getattr(client, method)(f'{url}?limit=0', **self.header)
                with self.subTest(endpoint=str(endpoint), method=method):
                    self.assertLess(response.status_code, 500)
                    self.assertSecretFree(response.content.decode())
        for query in queries().values():
            response = client.post(reverse('graphql'), {'query': query}, format='json', **self.header)
            self.assertNotIn('errors', response.json())
            self.assertSecretFree(response.content.decode())

    def test_no_table_no_job_and_no_event_holds_a_secret(self):
        """What a backup of the database would hold, row by row; the fabric's own token only as it is sealed."""
        for table, row in dump():
            self.assertNotIn(CANARY, row, table)
            if table != 'netbox_hedgehog_fabric':
                self.assertNotIn(SEALED, row, table)
        self.assertTrue(Job.objects.filter(object_id=self.fabric.pk).exists())
        self.assertTrue(FabricEvent.objects.exists())
        for instance in (
            self.fabric, self.other, *FabricResource.objects.all(), *InventoryLink.objects.all()[:5],
            *Discrepancy.objects.all()[:5],
        ):
            if hasattr(instance, 'serialize_object'):
                self.assertSecretFree(json.dumps(instance.serialize_object(), default=str))
        self.assertSecretFree(json.dumps(serialize_for_event(self.fabric), default=str))

    def test_no_key_of_redis_holds_a_secret(self):
        self.client.get(reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[self.fabric.pk]))
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post(reverse('plugins:netbox_hedgehog:fabric_sync', args=[self.fabric.pk]))
        kept = [key + (redis().dump(key) or b'') for key in redis().scan_iter()]
        plans = [cache.get(key) for key in cache.keys('netbox_hedgehog.plan.*')]
        self.assertTrue(kept)
        self.assertTrue(plans)
        kept += [zlib.decompress(plan) for plan in plans]
        kept += [repr(cache.get(key)).encode() for key in cache.keys('*')]
        for content in kept:
            self.assertNotIn(CANARY.encode(), content)

    def test_no_metric_and_no_command_tells_a_secret(self):
        self.assertSecretFree(exposition())
        parser = load_command_class('netbox_hedgehog', 'hedgehog_sync').create_parser('manage.py', 'hedgehog_sync')
        actions = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
        asked = [(action,) for action in actions if action != 'watch']
        asked += [('test', 'hostile'), ('test', 'other'), ('inventory', 'hostile'), ('trigger', 'other')]
        asked += [('status', '--json'), ('health', '--json'), ('inventory', 'hostile', '--json')]
        for arguments in asked:
            out = io.StringIO()
            with redirect_stdout(out), redirect_stderr(out):
                try:
                    call_command('hedgehog_sync', *arguments, stdout=out, stderr=out)
                except (CommandError, SystemExit) as error:
                    out.write(str(error))
            self.assertTrue(out.getvalue() or arguments == ('ready',), arguments)
            self.assertSecretFree(out.getvalue(), str(arguments))


@override_settings(PLUGINS_CONFIG=AT_ONCE)
class ErrorTestCase(TestCase):
    """What an error nobody has thought of tells: in the log, in a mail to administrators, on Django's debug page."""

    FORM = {
        'name': 'a', 'status': 'planned', 'kubernetes_server': 'https://control-1.example.com:6443',
        'kubernetes_namespace': 'default', 'verify_tls': 'on', 'sync_enabled': 'on', 'sync_interval': 300,
        'kubernetes_token': OTHER_TOKEN,
    }

    def setUp(self):
        super().setUp()
        self.user = User.objects.create_superuser('admin')
        self.client.force_login(self.user)
        self.client.raise_request_exception = False
        self.fabric = Fabric.objects.create(
            name='f', kubernetes_server='https://control-1.example.com:6443', kubernetes_token=TOKEN,
        )
        self.other = Fabric.objects.create(name='k', kubeconfig=kubeconfig())

    @pytest.fixture(autouse=True)
    def _log(self, caplog):
        self.caplog = caplog
        caplog.set_level(logging.DEBUG)

    def errors(self):
        """Requests in the middle of which something breaks: what they answer."""
        url = {name: reverse(f'plugins:netbox_hedgehog:fabric_{name}', args=[self.fabric.pk]) for name in (
            'edit', 'test_connection',
        )}
        other = reverse('plugins:netbox_hedgehog:fabric_test_connection', args=[self.other.pk])
        with patch.object(Fabric, 'save', side_effect=RuntimeError('broken')):
            yield self.client.post(url['edit'], self.FORM)
            yield self.client.post(reverse('plugins:netbox_hedgehog:fabric_add'), self.FORM)
            yield self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_import'), {
                'format': 'csv', 'csv_delimiter': 'auto', 'import_method': 'direct',
                'data': f'name,kubernetes_server,kubernetes_token\nc,https://c.example.com,{OTHER_TOKEN}',
            })
            yield self.client.post('/api/plugins/hedgehog/fabrics/', self.FORM)
        for target in ('netbox_hedgehog.cluster.guard._Guarded._new_conn', 'netbox_hedgehog.cluster.transport.urlencode',
                       'netbox_hedgehog.sync.run.probe'):
            with patch(target, side_effect=RuntimeError('broken')):
                yield self.client.post(url['test_connection'])
                yield self.client.post(other)

    def test_no_page_of_an_error_and_no_log_shows_a_secret(self):
        for debug in (False, True):
            with override_settings(DEBUG=debug, DEBUG_PROPAGATE_EXCEPTIONS=False):
                for number, response in enumerate(self.errors()):
                    with self.subTest(debug=debug, number=number):
                        page = response.content.decode()
                        for secret in (TOKEN, OTHER_TOKEN, KUBECONFIG_TOKEN):
                            if secret in page:
                                place = page.index(secret)
                                self.fail(page[max(0, place - 400):place + 80])
        self.assertNotIn(CANARY, self.caplog.text)

    def test_the_client_shows_nothing_of_its_header(self):
        with patch('netbox_hedgehog.cluster.transport.urlencode', lambda query: ''):
            cluster = Cluster(self.fabric.credentials())
        self.addCleanup(cluster.close)
        found = cluster._client.configuration.auth_settings()
        self.assertNotIn(CANARY, repr(found))
        self.assertEqual([auth['value'] for auth in found.values()], [f'Bearer {TOKEN}'])
