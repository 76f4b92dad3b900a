"""NetBox's global search finds what people declare in a fabric by its name, as soon as a run has read it."""

from io import StringIO

from core.models import ObjectType
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from extras.models import CachedValue
from utilities.testing import TestCase

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync.run import sync_fabric

from ....support.fake_cluster import cluster
from ....support.pages import allow


class SearchTestCase(TestCase):
    def read(self, api: KubernetesAPI) -> Fabric:
        fabric, _ = Fabric.objects.get_or_create(name='a', defaults={
            'kubernetes_server': api.url, 'kubernetes_token': 'viewer-token', 'kubernetes_ca_cert': api.ca_pem,
        })
        self.assertEqual(sync_fabric(fabric).error, '')
        return fabric

    def found(self, text):
        response = self.client.get(reverse('search'), {'q': text, 'lookup': 'iexact'})
        self.assertHttpStatus(response, 200)
        return [(row.object.kind, row.object.name) for row in response.context['table'].data.data]

    def cached(self):
        object_type = ObjectType.objects.get_for_model(FabricResource)
        return CachedValue.objects.filter(object_type=object_type)

    def test_by_name(self):
        with cluster() as api:
            fabric = self.read(api)
            self.assertEqual(self.found('leaf-01'), [], 'found by somebody who may not see resources')
            allow(self.user, 'view', model=FabricResource)
            # Its Agent has the same name, and is the controller's.
            self.assertEqual(self.found('leaf-01'), [('Switch', 'leaf-01')])
            self.assertEqual(self.found('vpc-01'), [('VPC', 'vpc-01')])
            with CaptureQueriesContext(connection) as queries:
                self.read(api)
            written = [query['sql'] for query in queries if 'cachedvalue' in query['sql']]
            self.assertEqual(written, [], 'a run that finds nothing new leaves the index alone')
            held = {(row.object_id, row.field, row.type, row.weight, row.value) for row in self.cached()}
            call_command('reindex', 'netbox_hedgehog.FabricResource', stdout=StringIO())
            again = {(row.object_id, row.field, row.type, row.weight, row.value) for row in self.cached()}
            self.assertEqual(held, again, 'a reindex knows another index than a run')
            self.assertEqual(self.cached().count(), len(again))
        fabric.delete()
        self.assertEqual(self.cached().count(), 0, 'a deleted fabric leaves rows in the search index')
