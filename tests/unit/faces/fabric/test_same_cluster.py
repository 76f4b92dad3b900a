"""Fabrics that read one cluster are named: each resource of Kubernetes has a UID of its own."""

from django.urls import reverse
from django.utils import timezone
from utilities.testing import APITestCase

from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.monitoring.service_health import worker_health

from ....support.pages import allow, make_fabric


def switch(fabric, uid, **values):
    now = timezone.now()
    return FabricResource.objects.create(
        fabric=fabric, namespace='default', name='leaf-1', uid=uid, generation=1, resource_version='1',
        fingerprint='x', first_seen=now, last_read=now, changed=now, **{'kind': 'Switch', **values},
    )


class SameClusterTestCase(APITestCase):
    def setUp(self):
        super().setUp()
        self.one, self.two, self.other = make_fabric('one'), make_fabric('two'), make_fabric('other')
        self.first, self.second = switch(self.one, 'u-1'), switch(self.two, 'u-1')
        switch(self.other, 'u-2')

    def page(self, fabric):
        self.client.force_login(self.user)
        return ' '.join(self.client.get(fabric.get_absolute_url()).content.decode().split())

    def status(self, fabric):
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-status', args=[fabric.pk])
        return self.client.get(url, **self.header).data['same_cluster']

    def test_page_api_and_health_name_them(self):
        allow(self.user, 'view')
        self.assertIn('This fabric uses the same cluster as two', self.page(self.one))
        self.assertNotIn('the same cluster', self.page(self.other))
        self.assertEqual((self.status(self.two), self.status(self.other)), (['one'], []))
        health = worker_health()
        self.assertEqual(health.same_cluster, [['one', 'two']])
        (notice,) = health.notices
        self.assertTrue(notice.startswith('These fabrics sync the same cluster: one, two. '), notice)
        # Nothing fails because of it: whoever is paged at night can do nothing about it.
        self.assertFalse(any('same cluster' in problem for problem in health.problems))

    def test_different_topology_filters_are_no_overlap(self):
        allow(self.user, 'view')
        FabricResource.objects.filter(kind='Switch').delete()
        for fabric in (self.one, self.two):
            switch(fabric, 'shared', kind='VLANNamespace')
        self.assertEqual(worker_health().same_cluster, [['one', 'two']])
        for filters, expected in ((('a', 'b'), []), (('a', ''), []), (('', ''), [['one', 'two']])):
            for fabric, topology in zip((self.one, self.two), filters, strict=True):
                Fabric.objects.filter(pk=fabric.pk).update(topology_filter=topology)
            self.assertEqual(worker_health().same_cluster, expected, filters)
        Fabric.objects.update(topology_filter='a')
        switch(self.one, 'own', kind='Gateway')
        switch(self.two, 'own', kind='Gateway')
        self.assertEqual(worker_health().same_cluster, [['one', 'two']], 'the same filter twice')

    def test_what_is_read_no_more_is_no_second_reader(self):
        allow(self.user, 'view')
        for values in ({'sync_enabled': False}, {'status': 'decommissioning'}):
            Fabric.objects.filter(pk=self.two.pk).update(**{'sync_enabled': True, 'status': 'active', **values})
            self.assertEqual(worker_health().same_cluster, [])
            self.assertEqual(self.status(self.one), [])

    def test_what_has_gone_from_a_cluster_tells_nothing(self):
        FabricResource.objects.filter(pk=self.second.pk).update(missing_since=timezone.now())
        self.assertEqual(worker_health().same_cluster, [])

    def test_a_fabric_that_may_not_be_viewed_is_not_named(self):
        allow(self.user, 'view', constraints={'name': 'one'})
        self.assertNotIn('the same cluster', self.page(self.one))
        self.assertEqual(self.status(self.one), [])
        self.assertEqual(worker_health(Fabric.objects.filter(name='one')).same_cluster, [])
