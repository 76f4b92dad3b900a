"""NetBox's own test cases for the REST and GraphQL API of events: it only reads."""

from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import FabricEventType
from netbox_hedgehog.models import FabricEvent

from ....support.pages import ReadOnlyAPI, allow
from .base import make_events


class FabricEventAPITestCase(
    ReadOnlyAPI,
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = FabricEvent
    type_class = FabricEventType
    brief_fields = ['created', 'display', 'event_type', 'id', 'url']

    @classmethod
    def setUpTestData(cls):
        make_events()

    def test_the_payload(self):
        allow(self.user, 'view')
        allow(self.user, 'view', model=FabricEvent)
        found = self.client.get(f'{self._get_list_url()}?event_type=hedgehog_agents_unresponsive', **self.header).data
        self.assertEqual(found['count'], 1)
        row = found['results'][0]
        self.assertEqual(row['data']['event']['names'], ['leaf-of-a'])
        self.assertEqual(row['fabric']['name'], 'a')
        self.assertNotIn('rules_done', row)
