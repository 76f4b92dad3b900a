"""NetBox's own test cases for the REST and GraphQL API of resources: it only reads."""

from utilities.testing import APIViewTestCases

from netbox_hedgehog.graphql.types import FabricResourceType
from netbox_hedgehog.models import FabricResource

from ....support.pages import ReadOnlyAPI, allow, make_fabric, make_resource


class FabricResourceAPITestCase(
    ReadOnlyAPI,
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = FabricResource
    type_class = FabricResourceType
    brief_fields = ['display', 'id', 'kind', 'name', 'url']

    @classmethod
    def setUpTestData(cls):
        fabric = make_fabric()
        for name in ('leaf-1', 'leaf-2', 'leaf-3'):
            make_resource(fabric, name=name, spec={'role': 'server-leaf'}, labels={'rack': '7'})

    def test_shows_the_whole_resource(self):
        allow(self.user, 'view')
        allow(self.user, 'view', model=FabricResource)
        data = self.client.get(self._get_detail_url(FabricResource.objects.first()), **self.header).data
        self.assertEqual(data['spec'], {'role': 'server-leaf'})
        self.assertEqual(data['labels'], {'rack': '7'})
        self.assertEqual(data['api_version'], 'wiring.githedgehog.com/v1beta1')
        self.assertEqual(data['fabric']['name'], 'a')
        self.assertNotIn('fingerprint', data)
