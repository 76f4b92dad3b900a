"""What follows from a fabric's fields, and what goes with a fabric."""

from datetime import timedelta

from core.models import ObjectChange
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from extras.models import CachedValue
from netbox.search.backends import get_backend
from utilities.testing import TestCase

from netbox_hedgehog.cluster.kubeconfig import KubeconfigError
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.models.fabric_state import duration_words

from ....support.pages import SERVER, ago, allow, kubeconfig, make_fabric, resource_values


def fabric(**values) -> Fabric:
    return Fabric(**{'name': 'x', 'sync_interval': 60, 'created': timezone.now(), **values})


class DerivedStateTestCase(TestCase):
    def test_may_sync(self):
        for status, expected in {
            'planned': False, 'active': True, 'maintenance': True, 'decommissioned': False,
        }.items():
            self.assertEqual(fabric(status=status).may_sync, expected, status)
            self.assertFalse(fabric(status=status, sync_enabled=False).may_sync)

    def test_is_scheduled(self):
        self.assertTrue(fabric().is_scheduled)
        self.assertFalse(fabric(scheduler_enabled=False).is_scheduled)
        self.assertFalse(fabric(sync_enabled=False).is_scheduled)
        self.assertFalse(fabric(status='planned').is_scheduled)

    def test_fresh_is_what_it_says(self):
        self.assertEqual(fabric(sync_status='in_sync', last_sync=ago(seconds=100)).sync_state, 'in_sync')

    def test_old_success_is_stale(self):
        """Two intervals and half a minute."""
        self.assertEqual(fabric(sync_status='in_sync', last_sync=ago(seconds=140)).sync_state, 'in_sync')
        stale = fabric(sync_status='in_sync', last_sync=ago(seconds=160))
        self.assertEqual(stale.sync_state, 'stale')
        self.assertEqual(stale.overdue_since, stale.last_sync + timedelta(seconds=150))
        self.assertEqual(stale.get_sync_state_display(), 'Stale')
        self.assertEqual(stale.get_sync_state_color(), 'red')

    def test_attempts_do_not_make_an_old_success_fresh(self):
        self.assertEqual(
            fabric(sync_status='in_sync', last_sync=ago(days=1), last_attempt=timezone.now()).sync_state, 'stale',
        )

    def test_queued_for_ever_is_stale(self):
        self.assertEqual(fabric(sync_status='queued', created=ago(days=1)).sync_state, 'stale')
        self.assertEqual(fabric(sync_status='queued').sync_state, 'queued')

    def test_never_read_although_it_should_be(self):
        self.assertEqual(fabric(created=ago(days=1)).sync_state, 'stale')
        self.assertEqual(fabric().sync_state, 'never_synced')

    def test_failing_is_not_stale_while_somebody_tries(self):
        for status in ('failed', 'partial'):
            tried = {'sync_status': status, 'last_sync': ago(days=1)}
            self.assertEqual(fabric(**tried, last_attempt=ago(seconds=60)).sync_state, status)
            self.assertEqual(fabric(**tried, last_attempt=ago(days=1)).sync_state, 'stale')

    def test_failing_stays_so_during_the_sync_that_may_end_it(self):
        """Not stale, since somebody tries; nor well, since nothing has been read yet."""
        for status in ('queued', 'syncing'):
            tried = {'sync_status': status, 'sync_error': 'No route.', 'created': ago(days=1), 'last_sync': ago(days=1)}
            trying = fabric(**tried, last_attempt=ago(seconds=60))
            self.assertEqual((trying.sync_state, trying.is_failing), (status, True))
            self.assertEqual(fabric(**tried, last_attempt=ago(days=1)).sync_state, 'stale')

    def test_stale_stays_so_during_the_sync_that_may_end_it(self):
        for status in ('queued', 'syncing'):
            syncing = fabric(sync_status=status, last_sync=ago(days=1), last_attempt=timezone.now())
            self.assertEqual((syncing.sync_state, syncing.is_failing), ('stale', False))

    def test_read_by_hand_only_is_never_overdue(self):
        self.assertEqual(
            fabric(sync_status='in_sync', last_sync=ago(days=9), scheduler_enabled=False).sync_state, 'in_sync',
        )

    def test_disabled(self):
        for values in ({'sync_enabled': False}, {'status': 'planned'}, {'status': 'decommissioned'}):
            self.assertEqual(fabric(sync_status='in_sync', last_sync=ago(days=9), **values).sync_state, 'disabled')

    def test_duration_words(self):
        for seconds, words in {
            1: '1 second', 30: '30 seconds', 60: '1 minute', 90: '1 minute 30 seconds', 300: '5 minutes',
            3600: '1 hour', 5400: '1 hour 30 minutes', 86_400: '1 day', 90_061: '1 day 1 hour', 604_800: '7 days',
        }.items():
            self.assertEqual(duration_words(seconds), words)


class ConnectionTestCase(TestCase):
    def test_without_connection(self):
        with self.assertRaisesMessage(KubeconfigError, 'Enter a Kubernetes server or a kubeconfig'):
            fabric().credentials()

    def test_ways(self):
        self.assertTrue(fabric(in_cluster=True).credentials().in_cluster)
        self.assertEqual(fabric(kubeconfig=kubeconfig()).credentials().server, SERVER)
        server = fabric(kubernetes_server=SERVER, kubernetes_token='t', verify_tls=False).credentials()
        self.assertEqual((server.server, server.token, server.verify_tls), (SERVER, 't', False))

    def test_one_way_only(self):
        for values in (
            {'kubernetes_server': SERVER, 'kubeconfig': kubeconfig()}, {'in_cluster': True, 'kubeconfig': kubeconfig()},
            {'kubernetes_server': SERVER, 'in_cluster': True},
        ):
            with self.assertRaisesMessage(ValidationError, 'Use only one connection method'):
                fabric(**values).full_clean()

    def test_name_is_unique(self):
        make_fabric('a')
        with self.assertRaisesMessage(ValidationError, 'already exists'):
            fabric(name='a').full_clean()


class DeletionTestCase(TestCase):
    def delete(self, count):
        doomed, other = make_fabric(f'doomed-{count}'), make_fabric(f'other-{count}')
        FabricResource.objects.bulk_create(
            FabricResource(**resource_values(each, name=f'r-{number}'))
            for each in (doomed, other) for number in range(count)
        )
        ObjectChange.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            response = self.client.post(
                reverse('plugins:netbox_hedgehog:fabric_delete', args=[doomed.pk]), {'confirm': True},
            )
        self.assertHttpStatus(response, 302)
        self.assertFalse(Fabric.objects.filter(pk=doomed.pk).exists())
        self.assertFalse(FabricResource.objects.filter(fabric_id=doomed.pk).exists())
        self.assertEqual(FabricResource.objects.filter(fabric=other).count(), count)
        self.assertEqual(ObjectChange.objects.count(), 1, 'one change: of the fabric, and none of its resources')
        return len(queries)

    def test_takes_its_mirror_along(self):
        allow(self.user, 'view', 'delete')
        few = self.delete(3)
        self.assertEqual(self.delete(3000), few)

    def test_in_bulk_and_in_code(self):
        for name in ('a', 'b', 'c'):
            FabricResource.objects.create(**resource_values(make_fabric(name)))
        allow(self.user, 'view', 'delete')
        response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_bulk_delete'), {
            'pk': list(Fabric.objects.filter(name__in=['a', 'b']).values_list('pk', flat=True)),
            'confirm': True, '_confirm': True,
        })
        self.assertHttpStatus(response, 302)
        self.assertEqual(FabricResource.objects.count(), 1)
        Fabric.objects.all().delete()
        self.assertEqual(FabricResource.objects.count(), 0)


class SearchTestCase(TestCase):
    def test_fabrics_are_found(self):
        make_fabric('alpha', description='The spine of the west wing', comments='rack 12')
        get_backend().cache(Fabric.objects.all())
        self.assertTrue(CachedValue.objects.filter(value='alpha').exists())
        allow(self.user, 'view')
        for query in ('alpha', 'west wing', 'control-1.example.com', 'rack 12'):
            with self.subTest(query=query):
                response = self.client.get(reverse('search'), {'q': query})
                self.assertContains(response, '/plugins/hedgehog/fabrics/')

    def test_secrets_are_not_indexed(self):
        make_fabric('alpha')
        get_backend().cache(Fabric.objects.all())
        self.assertFalse(CachedValue.objects.filter(value__contains='sealed').exists())
        self.assertFalse(CachedValue.objects.filter(value__contains='CANARY').exists())
