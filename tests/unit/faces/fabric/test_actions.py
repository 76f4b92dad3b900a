"""What people ask of a fabric: a run, a test of its connection, how it stands."""

from datetime import UTC, datetime
from unittest.mock import patch

from core.models import Job
from django.urls import reverse
from django.utils import timezone
from utilities.testing import APITestCase, TestCase, disable_logging

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.jobs.queue import queue, queue_name
from netbox_hedgehog.jobs.schedules import due_times, reconcile
from netbox_hedgehog.locks import fabric_lock
from netbox_hedgehog.models import Fabric

from ....support.fake_cluster import cluster, connect
from ....support.pages import TOKEN, ago, all_alive, make_fabric, messages_of, redis_down, scheduler_alive, worker_alive

PERMISSIONS = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.sync_fabric')


class ActionTestCase(APITestCase):
    model = Fabric
    view_namespace = 'plugins-api:netbox_hedgehog'
    user_permissions = PERMISSIONS

    def call(self, method, view, fabric=None):
        url = reverse(f'plugins-api:netbox_hedgehog-api:{view}', args=[fabric.pk] if fabric else [])
        return getattr(self.client, method)(url, **self.header)

    def sync(self, fabric):
        with self.captureOnCommitCallbacks(execute=True):
            return self.call('post', 'fabric-sync', fabric)


class SyncTestCase(ActionTestCase):
    def test_queues_a_sync(self):
        fabric = make_fabric()
        response = self.sync(fabric)
        self.assertHttpStatus(response, 202)
        job = Job.objects.get()
        self.assertEqual(response.data['id'], job.pk)
        self.assertEqual(response.data['status'], 'pending')
        self.assertEqual((job.object, job.user, job.queue_name), (fabric, self.user, queue_name()))
        self.assertEqual(queue().get_job_ids(), [str(job.job_id)])
        fabric.refresh_from_db()
        self.assertEqual(fabric.sync_status, 'queued')

    def test_second_is_refused(self):
        fabric = make_fabric()
        self.sync(fabric)
        response = self.sync(fabric)
        self.assertHttpStatus(response, 409)
        self.assertIn('A sync of a is already queued (job', response.data['detail'])
        self.assertEqual(Job.objects.count(), 1)
        self.assertEqual(queue().count, 1)

    def test_other_fabrics_are_not_held_up(self):
        self.sync(make_fabric('a'))
        self.assertHttpStatus(self.sync(make_fabric('b')), 202)

    def test_again_after_the_first_has_ended(self):
        fabric = make_fabric()
        self.sync(fabric)
        Job.objects.update(status='completed')
        self.assertHttpStatus(self.sync(fabric), 202)

    def test_refused_while_one_is_at_work(self):
        fabric = make_fabric()
        with patch('netbox_hedgehog.jobs.fabric_sync.locked_fabrics', lambda: {fabric.pk}):
            response = self.sync(fabric)
        self.assertHttpStatus(response, 409)
        self.assertIn('is already running', response.data['detail'])
        with fabric_lock(fabric.pk):
            self.assertHttpStatus(self.sync(fabric), 409)

    def test_disabled(self):
        for values, words in (
            ({'sync_enabled': False}, 'sync is disabled'), ({'status': 'planned'}, 'its status is Planned'),
            ({'status': 'decommissioned'}, 'its status is Decommissioned'),
        ):
            with self.subTest(**values):
                response = self.sync(make_fabric(f'f-{words}', **values))
                self.assertHttpStatus(response, 409)
                self.assertIn(words, response.data['detail'])
        self.assertFalse(Job.objects.exists())

    def test_by_hand_only(self):
        """Without the scheduler a fabric can still be read when somebody asks."""
        self.assertHttpStatus(self.sync(make_fabric(scheduler_enabled=False)), 202)

    def test_redis_down(self):
        fabric = make_fabric()
        with redis_down():
            response = self.sync(fabric)
        self.assertHttpStatus(response, 503)
        self.assertIn('Cannot reach Redis', response.data['detail'])
        fabric.refresh_from_db()
        self.assertEqual(fabric.sync_status, 'never_synced', 'nothing is queued, so nothing may say so')
        self.assertFalse(Job.objects.exists())

    def test_deleted_fabric(self):
        fabric = make_fabric()
        pk = fabric.pk
        fabric.delete()
        fabric.pk = pk
        self.assertHttpStatus(self.sync(fabric), 404)


class TestConnectionTestCase(ActionTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = cluster().start()
        cls.addClassCleanup(cls.api.stop)

    def probe(self, fabric):
        with disable_logging():
            response = self.call('post', 'fabric-test-connection', fabric)
        self.assertHttpStatus(response, 200)
        fabric.refresh_from_db()
        return response.data

    def test_all_is_well(self):
        fabric = connect(self.api)
        data = self.probe(fabric)
        self.assertTrue(data['ok'])
        self.assertEqual(len(data['readable']), 24)
        self.assertIn(f'Connected to {self.api.url} (Kubernetes ', data['sentences'][0])
        self.assertIn('24 of 24 Hedgehog kinds can be read in namespace default.', data['sentences'])
        self.assertEqual(fabric.connection_status, 'connected')
        self.assertEqual(fabric.sync_status, 'never_synced', 'a test is no run')
        self.assertIsNone(fabric.last_attempt)

    def test_forbidden_kinds(self):
        fabric = connect(self.api, kubernetes_token='vpc-editor-token')
        data = self.probe(fabric)
        self.assertFalse(data['ok'])
        self.assertTrue(data['connected'])
        self.assertIn('Agent', data['forbidden'])
        self.assertIn('VPC', data['readable'])
        self.assertIn('403', ' '.join(data['sentences']))
        self.assertEqual(fabric.connection_status, 'connected')

    def test_kind_that_is_not_installed(self):
        self.api.missing_kinds.add('Gateway')
        self.addCleanup(self.api.missing_kinds.clear)
        data = self.probe(connect(self.api))
        self.assertEqual(data['not_installed'], ['Gateway'])
        self.assertTrue(data['ok'])

    def test_wrong_token(self):
        data = self.probe(connect(self.api, kubernetes_token=TOKEN))
        self.assertFalse(data['ok'])
        self.assertIn('401', ' '.join(data['sentences']))
        self.assertNotIn(TOKEN, str(data))

    def test_untrusted_certificate(self):
        data = self.probe(connect(self.api, kubernetes_ca_cert=''))
        self.assertEqual((data['ok'], data['connected']), (False, False))
        self.assertIn('certificate', data['sentences'][0])

    def test_closed_port(self):
        fabric = make_fabric(kubernetes_server='https://127.0.0.1:1')
        with patch('netbox_hedgehog.sync.run.get_plugin_config', lambda _, name: {'retries': 0}.get(name, 1)):
            data = self.probe(fabric)
        self.assertEqual((data['ok'], data['connected']), (False, False))
        self.assertEqual(len(data['sentences']), 1)
        self.assertIn('127.0.0.1:1', data['sentences'][0])
        self.assertNotIn('Traceback', str(data))
        self.assertNotIn(TOKEN, str(data))
        self.assertEqual(fabric.connection_status, 'failed')

    def test_no_connection_entered(self):
        data = self.probe(make_fabric(kubernetes_server='', kubernetes_token=''))
        self.assertIn('Enter a Kubernetes server or a kubeconfig', data['sentences'][0])

    def test_kubeconfig(self):
        data = self.probe(make_fabric(
            kubernetes_server='', kubernetes_token='', kubeconfig=self.api.kubeconfig('viewer-token'),
        ))
        self.assertTrue(data['ok'])


class StatusTestCase(ActionTestCase):
    def test_never_read(self):
        fabric = make_fabric(sync_interval=60)
        data = self.call('get', 'fabric-status', fabric).data
        self.assertEqual(
            {key: data[key] for key in (
                'fabric', 'state', 'sync_status', 'scheduled', 'sync_interval', 'last_attempt', 'last_sync', 'age',
                'overdue_since', 'job', 'error',
            )},
            {
                'fabric': 'a', 'state': 'never_synced', 'sync_status': 'never_synced', 'scheduled': True,
                'sync_interval': 60, 'last_attempt': None, 'last_sync': None, 'age': None, 'overdue_since': None,
                'job': None, 'error': '',
            },
        )

    def test_the_queued_or_running_sync(self):
        """In sync is what a run says before it sees to the inventory: whoever waits for it asks for the job."""
        fabric, other = make_fabric(sync_status='in_sync', last_sync=ago()), make_fabric('b')
        waiting = FabricSyncJob.record(fabric)
        self.assertEqual(self.call('get', 'fabric-status', fabric).data['job'], waiting.pk)
        services_line = FabricSyncJob.record(fabric)
        Job.objects.filter(pk=services_line.pk).update(status='running')
        data = self.call('get', 'fabric-status', fabric).data
        self.assertEqual((data['state'], data['job']), ('in_sync', services_line.pk))
        self.assertIsNone(self.call('get', 'fabric-status', other).data['job'])
        Job.objects.update(status='completed')
        self.assertIsNone(self.call('get', 'fabric-status', fabric).data['job'])

    def test_next_sync_is_the_schedule(self):
        fabric = make_fabric(sync_interval=60, last_attempt=timezone.now())
        self.assertIsNone(self.call('get', 'fabric-status', fabric).json()['next_sync'])
        reconcile()
        next_sync = self.call('get', 'fabric-status', fabric).json()['next_sync']
        due = datetime.fromtimestamp(due_times([fabric.pk])[fabric.pk], UTC)
        self.assertEqual(next_sync[:19], f'{due:%Y-%m-%dT%H:%M:%S}')

    def test_stale(self):
        fabric = make_fabric(sync_status='in_sync', last_sync=ago(days=1), last_attempt=ago(days=1))
        data = self.call('get', 'fabric-status', fabric).data
        self.assertEqual((data['state'], data['sync_status']), ('stale', 'in_sync'))
        self.assertAlmostEqual(data['age'], 86_400, delta=60)
        self.assertIsNotNone(data['overdue_since'])

    def test_failed(self):
        """The last success stays what it was; the attempt and its reason stand beside it."""
        fabric = make_fabric(
            sync_status='failed', sync_error='Renew the token.', last_sync=ago(hours=2), last_attempt=timezone.now(),
        )
        data = self.call('get', 'fabric-status', fabric).data
        self.assertEqual((data['state'], data['error']), ('failed', 'Renew the token.'))
        self.assertAlmostEqual(data['age'], 7200, delta=60)

    def test_redis_down(self):
        with redis_down():
            response = self.call('get', 'fabric-status', make_fabric())
        self.assertHttpStatus(response, 200)
        self.assertIsNone(response.data['next_sync'])


class HealthTestCase(ActionTestCase):
    def health(self):
        response = self.call('get', 'health')
        self.assertHttpStatus(response, 200)
        return response.data

    def test_nobody_works(self):
        make_fabric()
        data = self.health()
        self.assertEqual(data['state'], 'broken')
        self.assertEqual((data['workers'], data['schedulers']), ([], []))
        self.assertIn(f'No worker serves the queue {queue_name()}', data['problems'][0])
        self.assertIn('No scheduler is running', data['problems'][1])

    def test_no_scheduler(self):
        worker_alive()
        data = self.health()
        self.assertEqual((data['state'], data['workers']), ('broken', ['elsewhere.1']))
        self.assertEqual(len(data['problems']), 1)

    def test_no_worker(self):
        scheduler_alive()
        self.sync(make_fabric())
        data = self.health()
        self.assertEqual((data['state'], data['schedulers'], data['waiting']), ('broken', ['elsewhere'], 1))
        self.assertIn('1 sync is queued.', data['problems'][0])

    def test_all_is_well(self):
        all_alive()
        make_fabric(sync_status='in_sync', last_sync=timezone.now())
        data = self.health()
        self.assertEqual((data['state'], data['problems'], data['fabrics']), ('healthy', [], 1))

    def test_overdue(self):
        all_alive()
        make_fabric('late', sync_status='in_sync', last_sync=ago(days=1))
        make_fabric('later', sync_status='in_sync', last_sync=ago(hours=1))
        data = self.health()
        self.assertEqual((data['state'], data['overdue']), ('degraded', 2))
        self.assertEqual(data['oldest_overdue']['fabric'], 'late')

    def test_failing(self):
        all_alive()
        make_fabric(sync_status='failed', sync_error='Renew the token.', last_attempt=timezone.now())
        data = self.health()
        self.assertEqual((data['state'], data['problems']), ('degraded', ['a: Failed. Renew the token.']))

    def test_redis_down(self):
        with redis_down():
            data = self.health()
        self.assertEqual((data['state'], data['redis']), ('broken', False))
        self.assertIn('Cannot reach Redis', data['problems'][0])

    def test_jobs(self):
        all_alive()
        fabric = make_fabric()
        for status in ('errored', 'errored', 'failed', 'completed', 'running'):
            job = self.sync(fabric).data['id']
            Job.objects.filter(pk=job).update(status=status)
        data = self.health()
        self.assertEqual((data['running'], data['failed']), (1, 3))


class ButtonsTestCase(TestCase):
    user_permissions = PERMISSIONS

    def post(self, view, fabric=None, **data):
        url = reverse(f'plugins:netbox_hedgehog:fabric_{view}', args=[fabric.pk] if fabric else [])
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(url, data)

    def test_sync(self):
        fabric = make_fabric()
        self.assertEqual(
            messages_of(self.post('sync', fabric)), [f'Queued job #{Job.objects.get().pk} to sync a.'],
        )
        again = self.post('sync', fabric)
        self.assertIn('already queued', messages_of(again)[-1])
        self.assertEqual(Job.objects.count(), 1)

    def test_button_while_one_waits(self):
        fabric = make_fabric()
        self.assertNotContains(self.client.get(fabric.get_absolute_url()), 'already queued')
        self.post('sync', fabric)
        page = self.client.get(fabric.get_absolute_url())
        self.assertContains(page, 'already queued')
        self.assertContains(page, 'disabled')

    def test_disabled(self):
        fabric = make_fabric(sync_enabled=False)
        self.assertIn('sync is disabled', messages_of(self.post('sync', fabric))[0])
        self.assertContains(self.client.get(fabric.get_absolute_url()), 'Sync disabled')

    def test_redis_down(self):
        fabric = make_fabric()
        with redis_down():
            response = self.post('sync', fabric)
            self.assertIn('Cannot reach Redis', messages_of(response)[0])
            page = self.client.get(fabric.get_absolute_url())
        self.assertContains(page, 'Cannot reach Redis')
        self.assertFalse(Job.objects.exists())

    def test_bulk(self):
        fabrics = [make_fabric('a'), make_fabric('b'), make_fabric('c', sync_enabled=False), make_fabric('d')]
        response = self.post('bulk_sync', pk=[fabric.pk for fabric in fabrics[:3]])
        self.assertRedirects(
            response, reverse('plugins:netbox_hedgehog:fabric_list'), fetch_redirect_response=False,
        )
        messages = messages_of(response)
        self.assertIn('c is not synced', messages[0])
        self.assertEqual(messages[1], 'Queued 2 syncs.')
        self.assertEqual(Job.objects.count(), 2)
        self.assertEqual(queue().count, 2)

    def test_bulk_of_nothing(self):
        self.assertHttpStatus(self.post('bulk_sync'), 302)
        self.assertHttpStatus(self.post('bulk_sync', pk=['x', '']), 302)

    def test_bulk_of_all_that_match(self):
        for name in ('a', 'b'):
            make_fabric(name)
        make_fabric('c', status='maintenance')
        url = reverse('plugins:netbox_hedgehog:fabric_bulk_sync')
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post(f'{url}?status=active', {'_all': 'on'})
        self.assertEqual(sorted(Job.objects.values_list('object_id', flat=True)),
                         sorted(Fabric.objects.filter(status='active').values_list('pk', flat=True)))

    def test_test_connection(self):
        with cluster() as api:
            fabric = connect(api)
            messages = messages_of(self.post('test_connection', fabric))
        self.assertIn(' (Kubernetes v', messages[0])
        self.assertIn('24 of 24', messages[1])
        page = self.client.get(fabric.get_absolute_url())
        self.assertContains(page, 'Connected')
