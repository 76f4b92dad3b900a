"""NetBox's own test cases for the REST and GraphQL API of switch health: it only reads."""

from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import SwitchHealthType
from netbox_hedgehog.models import SwitchHealth
from netbox_hedgehog.sync.health import record_health

from ..base import ago, allow, make_fabric
from .test_pages import make_agent


class SwitchHealthAPITestCase(
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = SwitchHealth
    view_namespace = 'plugins-api:netbox_hedgehog'
    type_class = SwitchHealthType
    brief_fields = ['display', 'id', 'kind', 'name', 'state', 'url']

    @classmethod
    def setUpTestData(cls):
        fabric = make_fabric()
        for name in ('leaf-1', 'leaf-2', 'leaf-3'):
            make_agent(fabric, name)
        record_health(fabric)

    def test_read_only(self):
        allow(self.user, 'view', 'add', 'change', 'delete', model=SwitchHealth)
        row = SwitchHealth.objects.first()
        for method, url in (
            ('post', self._get_list_url()), ('patch', self._get_list_url()), ('delete', self._get_list_url()),
            ('put', self._get_detail_url(row)), ('delete', self._get_detail_url(row)),
        ):
            with self.subTest(method=method, url=url):
                response = getattr(self.client, method)(url, {'name': 'x'}, format='json', **self.header)
                self.assertHttpStatus(response, 405)

    def test_an_old_reading_is_not_shown_as_well(self):
        allow(self.user, 'view', model=SwitchHealth)
        data = self.client.get(self._get_list_url(), {'name': 'leaf-1'}, **self.header).data['results'][0]
        self.assertEqual((data['state']['value'], data['level']['value'], data['is_old']), ('ok', 'ok', False))
        self.assertEqual((data['heartbeat_age'], data['resource']['name']), (5.0, 'leaf-1'))
        self.assertEqual(data['agent']['kind'], 'Agent')
        SwitchHealth.objects.filter(name='leaf-1').update(read_at=ago(hours=2))
        data = self.client.get(self._get_list_url(), {'name': 'leaf-1'}, **self.header).data['results'][0]
        self.assertEqual((data['state']['value'], data['level']['value'], data['is_old']), ('unknown', 'ok', True))
        query = '{ switch_health_list(filters: {silent: {exact: false}}) { name state resource { name } } }'
        answer = self.client.post('/graphql/', {'query': query}, format='json', **self.header)
        self.assertNotIn('errors', answer.json())
        found = {row['name']: row['state'] for row in answer.json()['data']['switch_health_list']}
        self.assertEqual(found, {'leaf-1': 'unknown', 'leaf-2': 'ok', 'leaf-3': 'ok'})
