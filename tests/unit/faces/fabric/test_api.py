"""NetBox's own test cases for the REST and GraphQL API of fabrics."""

from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import FabricType
from netbox_hedgehog.models import Fabric

from ....support.pages import CA, SERVER, TOKEN, make_fabric


class FabricAPITestCase(APIViewTestCases.APIViewTestCase):
    model = Fabric
    view_namespace = 'plugins-api:netbox_hedgehog'
    type_class = FabricType
    brief_fields = ['description', 'display', 'id', 'name', 'url']
    validation_excluded_fields = ['kubernetes_token', 'kubeconfig']
    create_data = [
        {'name': 'delta', 'kubernetes_server': SERVER, 'kubernetes_ca_cert': CA, 'sync_interval': 60},
        {'name': 'epsilon', 'status': 'planned', 'sync_enabled': False, 'verify_tls': False},
        {'name': 'zeta', 'in_cluster': True, 'scheduler_enabled': False},
    ]
    # No other CA certificate: that asks for the token again.
    update_data = {'name': 'delta', 'kubernetes_server': SERVER, 'sync_interval': 60}
    bulk_update_data = {'description': 'Many', 'sync_interval': 3600, 'status': 'maintenance'}
    bulk_update_invalid_data = {'sync_interval': 0}

    @classmethod
    def setUpTestData(cls):
        for name in ('alpha', 'beta', 'gamma'):
            make_fabric(name)

    def test_status_fields_cannot_be_written(self):
        fabric = Fabric.objects.first()
        self.add_permissions('netbox_hedgehog.change_fabric')
        response = self.client.patch(self._get_detail_url(fabric), {
            'sync_status': 'in_sync', 'connection_status': 'connected', 'last_sync': '2030-01-01T00:00:00Z',
            'last_attempt': '2030-01-01T00:00:00Z', 'sync_error': 'none', 'last_report': {'x': 1},
            'unsupported_kinds': [],
        }, format='json', **self.header)
        self.assertHttpStatus(response, 200)
        fabric.refresh_from_db()
        self.assertEqual((fabric.sync_status, fabric.connection_status), ('never_synced', 'unknown'))
        self.assertIsNone(fabric.last_sync)
        self.assertIsNone(fabric.last_attempt)
        self.assertIsNone(fabric.last_report)
        self.assertIsNone(fabric.unsupported_kinds)
        self.assertEqual(fabric.sync_error, '')

    def test_says_whether_secrets_are_stored(self):
        self.add_permissions('netbox_hedgehog.view_fabric')
        bare = make_fabric('bare', kubernetes_token='')
        data = self.client.get(self._get_detail_url(bare), **self.header).data
        self.assertEqual((data['has_token'], data['has_kubeconfig']), (False, False))
        data = self.client.get(self._get_detail_url(Fabric.objects.get(name='alpha')), **self.header).data
        self.assertEqual((data['has_token'], data['has_kubeconfig']), (True, False))

    def test_derived_state(self):
        self.add_permissions('netbox_hedgehog.view_fabric')
        fabric = make_fabric('off', sync_enabled=False, sync_status='in_sync')
        data = self.client.get(self._get_detail_url(fabric), **self.header).data
        self.assertEqual(data['sync_state'], {'value': 'disabled', 'label': 'Disabled'})
        self.assertEqual(data['sync_status'], {'value': 'in_sync', 'label': 'In sync'})

    def test_bulk_writes_do_not_go_through_redis(self):
        """A background job would carry the tokens of the request in its arguments."""
        self.add_permissions('netbox_hedgehog.add_fabric')
        response = self.client.post(
            f'{self._get_list_url()}?background=true', [{'name': 'x', 'kubernetes_token': TOKEN}],
            format='json', **self.header,
        )
        self.assertHttpStatus(response, 400)
        self.assertIn('Background processing is not supported', str(response.data))
        self.assertFalse(Fabric.objects.filter(name='x').exists())
