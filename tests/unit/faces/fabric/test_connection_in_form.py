"""A connection is tested in the form, before a fabric is saved; and one that cannot be synced is not saved as active."""

import json
from base64 import urlsafe_b64encode

from django.urls import reverse
from utilities.testing import TestCase

from demo.kubernetes_api import VIEWER, KubernetesAPI, limited_to
from netbox_hedgehog.hedgehog.kinds import KINDS
from netbox_hedgehog.models import Fabric

from ....support.pages import allow, make_fabric, make_resource, messages_of

ADD = 'plugins:netbox_hedgehog:fabric_add'

NAMESPACE = {'apiVersion': 'wiring.githedgehog.com/v1beta1', 'kind': 'VLANNamespace'}

# 2030-01-01 in seconds since 1970.
NEW_YEAR = 1_893_456_000


def jwt(**claims):
    def part(value):
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip('=')
    return f'{part({"alg": "none"})}.{part(claims)}.signature'


EXPIRING = jwt(exp=NEW_YEAR)


class ConnectionInFormTestCase(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = cls.enterClassContext(KubernetesAPI([
            {**NAMESPACE, 'metadata': {'name': name, 'namespace': 'default', 'uid': f'u-{name}'}, 'spec': {}}
            for name in ('default', 'other')
        ], tokens={
            EXPIRING: VIEWER,
            'no-vpcs': limited_to(*(kind.plural for kind in KINDS if kind.name not in ('VPC', 'Switch'))),
            'nothing': limited_to(),
        }))

    def setUp(self):
        super().setUp()
        allow(self.user, 'add', 'change')
        allow(self.user, 'view', constraints={'name__in': ['new', 'lab']})
        self.form = {
            'name': 'new', 'status': 'active', 'kubernetes_server': self.api.url, 'kubernetes_ca_cert': self.api.ca_pem,
            'kubernetes_namespace': 'default', 'verify_tls': True, 'sync_enabled': True, 'scheduler_enabled': True,
            'sync_interval': 300, 'kubernetes_token': EXPIRING,
        }

    def press(self, token=EXPIRING, url=None, **entered):
        """Click *Test connection*."""
        data = {**self.form, 'kubernetes_token': token, **entered, '_test_connection': '1'}
        response = self.client.post(url or reverse(ADD), data, headers={'HX-Request': 'true'})
        self.assertHttpStatus(response, 200)
        self.assertNotIn(token or EXPIRING, response.content.decode())
        return response

    def save(self, url=None, **entered):
        return self.client.post(url or reverse(ADD), {**self.form, **entered})

    def test_what_a_cluster_has(self):
        response = self.press()
        self.assertContains(response, 'Connection works')
        self.assertContains(response, 'VLANNamespace 2')
        self.assertContains(response, 'VPC 0')
        self.assertContains(response, 'The token expires on 2030-01-01 00:00 UTC.')
        self.assertNotContains(response, '<html')
        self.assertFalse(Fabric.objects.exists())

    def test_a_namespace_with_nothing_in_it(self):
        response = self.press(kubernetes_namespace='other')
        self.assertContains(response, 'There are no Hedgehog resources in namespace other. Check its name.')

    def test_a_missing_name_does_not_matter(self):
        self.assertContains(self.press(name=''), 'Connection works')

    def test_without_htmx_it_is_the_page(self):
        response = self.client.post(reverse(ADD), {**self.form, '_test_connection': '1'})
        self.assertContains(response, 'Connection works')
        self.assertContains(response, '<html')
        self.assertNotContains(response, EXPIRING)
        self.assertFalse(Fabric.objects.exists())

    def test_missing_permissions_come_with_the_rule_to_add(self):
        response = self.press('no-vpcs')
        self.assertContains(response, 'Connection works in part')
        self.assertContains(response, 'The credentials may not list Switch, VPC (403).')
        self.assertContains(response, '- apiGroups: [vpc.githedgehog.com]\n  resources:\n  - vpcs\n  verbs:')
        self.assertNotContains(response, '- vpcattachments')

    def test_a_connection_that_does_not_work(self):
        self.assertContains(self.press(kubernetes_server='https://127.0.0.1:1'), 'Connection failed')

    def test_what_is_entered_wrongly(self):
        response = self.press(kubernetes_server='ftp://example.com')
        self.assertContains(response, 'Connection not tested')
        self.assertContains(response, 'Kubernetes server: ')

    def test_another_fabric_that_syncs_the_same_cluster(self):
        for name in ('lab', 'secret-lab'):
            make_resource(make_fabric(name), 'VLANNamespace', 'default', uid='u-default')
        response = self.press()
        self.assertContains(response, 'These fabrics sync the same cluster: lab, new.')
        self.assertNotContains(response, 'secret-lab')
        self.assertNotContains(self.press(topology_filter='backend'), 'the same cluster')

    def test_uids_that_no_sync_would_store_are_no_error(self):
        uids = ['nul \0', 'x' * 1000, 7, None]
        hostile = KubernetesAPI([
            {**NAMESPACE, 'kind': kind.name, 'apiVersion': f'{kind.group}/{kind.version}',
             'metadata': {'name': 'default', 'namespace': 'default', 'uid': uid}, 'spec': {}}
            for kind, uid in zip(KINDS, uids, strict=False)
        ], tokens={EXPIRING: VIEWER})
        with hostile:
            response = self.press(kubernetes_server=hostile.url, kubernetes_ca_cert=hostile.ca_pem)
        self.assertContains(response, f'{KINDS[0].name} 1')

    def test_saving_tests_too(self):
        response = self.save()
        self.assertHttpStatus(response, 302)
        self.assertIn('Connected to', ' '.join(messages_of(response)))
        self.assertEqual(Fabric.objects.get().connection_status, 'connected')

    def test_what_cannot_be_synced_is_not_active(self):
        for case, entered in {
            'no server': {'kubernetes_server': 'https://127.0.0.1:1'},
            'no permission': {'kubernetes_token': 'nothing'},
            'no connection': {'kubernetes_server': '', 'kubernetes_token': ''},
        }.items():
            with self.subTest(case=case):
                response = self.save(**entered)
                self.assertHttpStatus(response, 200)
                errors = response.context['form'].errors
                self.assertEqual('kubernetes_token' in errors, case != 'no connection')
                self.assertIn('save the fabric with the status Planned', errors['kubernetes_server'][-1])
                self.assertFalse(Fabric.objects.exists())
                self.assertHttpStatus(self.save(**entered, status='planned'), 302)
                Fabric.objects.get().delete()

    def test_a_secret_that_is_lost_is_asked_for_again(self):
        for wrong in ({'kubernetes_server': 'https://127.0.0.1:1'}, {'name': ''}):
            response = self.save(**wrong)
            self.assertContains(response, 'Enter it again. Nothing was saved, and secrets are not shown again.', 1)
            self.assertNotContains(response, EXPIRING)
        self.assertNotContains(self.save(name='', kubernetes_token=''), 'Enter it again')
        self.assertNotContains(self.press(kubernetes_server='ftp://example.com'), 'Enter it again')

    def test_what_can_be_read_in_part_is_saved(self):
        response = self.save(kubernetes_token='no-vpcs')
        self.assertHttpStatus(response, 302)
        self.assertIn('may not list Switch, VPC', ' '.join(messages_of(response)))

    def test_a_planned_fabric_is_tested_when_it_becomes_active(self):
        self.assertHttpStatus(self.save(status='planned', kubernetes_token='nothing'), 302)
        edit = reverse('plugins:netbox_hedgehog:fabric_edit', args=[Fabric.objects.get().pk])
        self.assertHttpStatus(self.save(edit, kubernetes_token=''), 200)
        self.assertEqual(Fabric.objects.get().status, 'planned')
        self.assertHttpStatus(self.save(edit), 302)
        self.assertEqual(Fabric.objects.get().status, 'active')

    def test_an_active_fabric_can_be_edited_while_its_cluster_is_down(self):
        fabric = make_fabric('new', kubernetes_server='https://127.0.0.1:1')
        edit = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        entered = {'kubernetes_server': 'https://127.0.0.1:1', 'sync_interval': 600}
        self.assertHttpStatus(self.save(edit, **entered), 302)
        self.assertEqual(Fabric.objects.get().sync_interval, 600)

    def test_a_stored_token_is_not_sent_to_another_server(self):
        fabric = make_fabric('new', kubernetes_server='https://127.0.0.1:1', kubernetes_token='stored')
        self.api.requests.clear()
        edit = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
        self.assertContains(self.press('', edit), 'Connection not tested')
        self.assertFalse(self.api.requests)
