"""NetBox's own test cases for the REST and GraphQL API of switch health: it only reads."""

from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import SwitchHealthType
from netbox_hedgehog.models import FabricResource, SwitchHealth

from ....support.pages import ReadOnlyAPI, ago, allow
from .test_pages import make_leaves


class SwitchHealthAPITestCase(
    ReadOnlyAPI,
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = SwitchHealth
    type_class = SwitchHealthType
    brief_fields = ['display', 'id', 'kind', 'name', 'state', 'url']

    @classmethod
    def setUpTestData(cls):
        make_leaves()

    def test_an_old_state_is_not_shown_as_ok(self):
        for model in (SwitchHealth, FabricResource):
            allow(self.user, 'view', model=model)
        data = self.client.get(self._get_list_url(), {'name': 'leaf-1'}, **self.header).data['results'][0]
        self.assertEqual((data['state']['value'], data['level']['value'], data['is_outdated']), ('ok', 'ok', False))
        self.assertEqual((data['heartbeat_age'], data['resource']['name']), (5.0, 'leaf-1'))
        self.assertEqual(data['agent']['kind'], 'Agent')
        SwitchHealth.objects.filter(name='leaf-1').update(read_at=ago(hours=2))
        data = self.client.get(self._get_list_url(), {'name': 'leaf-1'}, **self.header).data['results'][0]
        self.assertEqual((data['state']['value'], data['level']['value'], data['is_outdated']), ('unknown', 'ok', True))
        query = '{ switch_health_list(filters: {heartbeat_stale: {exact: false}}) { name state resource { name } } }'
        answer = self.client.post('/graphql/', {'query': query}, format='json', **self.header)
        self.assertNotIn('errors', answer.json())
        found = {row['name']: row['state'] for row in answer.json()['data']['switch_health_list']}
        self.assertEqual(found, {'leaf-1': 'unknown', 'leaf-2': 'ok', 'leaf-3': 'ok'})
