"""What a fabric's page and the list of fabrics tell: above all, whether anybody is at work and how old it all is."""

import re
from datetime import UTC, datetime

from core.models import Job
from django.urls import reverse
from django.utils import timezone
from utilities.testing import TestCase, disable_logging

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, execute_fabric_sync
from netbox_hedgehog.jobs.queue import connection
from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, due_times, reconcile, schedule_id
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.models.fabric_state import GRACE

from ....support.fake_cluster import HOSTILE, cluster, connect
from ....support.pages import ago, all_alive, make_fabric, make_resource, redis_down, scheduler_alive, worker_alive

NO_WORKER = 'No worker serves the queue'
NO_SCHEDULER = 'No scheduler is running'
STALE = 'is overdue by'


class PageTestCase(TestCase):
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'netbox_hedgehog.sync_fabric', 'netbox_hedgehog.view_fabricresource',
        'core.view_job',
    )

    def page(self, fabric):
        response = self.client.get(fabric.get_absolute_url())
        self.assertHttpStatus(response, 200)
        return ' '.join(response.content.decode().split())

    def list(self, query=''):
        response = self.client.get(reverse('plugins:netbox_hedgehog:fabric_list') + query)
        self.assertHttpStatus(response, 200)
        return ' '.join(response.content.decode().split())

    def row(self, page, title):
        """The text beside a title of a panel, or in a table's row that starts with it."""
        match = re.search(rf'>\s*{title}\s*(?:</a>\s*)?</(?:th|td)>(.*?)</tr>', page)
        self.assertIsNotNone(match, f'no row {title}')
        return ' '.join(re.sub(r'<[^>]+>', ' ', match.group(1)).split())


class HealthTestCase(PageTestCase):
    def pages(self):
        fabric = Fabric.objects.first() or make_fabric()
        resources = self.client.get(reverse('plugins:netbox_hedgehog:fabricresource_list')).content.decode()
        return {'fabric': self.page(fabric), 'fabrics': self.list(), 'resources': resources}

    def test_nobody_works(self):
        for name, page in self.pages().items():
            with self.subTest(page=name):
                self.assertIn(NO_WORKER, page)
                self.assertIn(NO_SCHEDULER, page)
                self.assertIn('alert alert-danger', page)

    def test_one_is_missing(self):
        worker_alive()
        for page in self.pages().values():
            self.assertNotIn(NO_WORKER, page)
            self.assertIn(NO_SCHEDULER, page)

    def test_other_one_is_missing(self):
        scheduler_alive()
        for page in self.pages().values():
            self.assertIn(NO_WORKER, page)
            self.assertNotIn(NO_SCHEDULER, page)

    def test_all_is_well(self):
        all_alive()
        for page in self.pages().values():
            self.assertNotIn('alert-danger', page)

    def test_redis_down(self):
        make_fabric()
        with redis_down():
            for name, page in self.pages().items():
                with self.subTest(page=name):
                    self.assertIn('Cannot reach Redis', page)


class StateTestCase(PageTestCase):
    def setUp(self):
        super().setUp()
        all_alive()

    def test_never_read(self):
        page = self.page(make_fabric())
        self.assertEqual(self.row(page, 'State'), 'Never synced')
        self.assertEqual(self.row(page, 'Last success'), 'Never')
        self.assertEqual(self.row(page, 'Last attempt'), 'Never')
        self.assertIn('Never synced.', page)
        self.assertNotIn(STALE, page)

    def test_in_sync(self):
        page = self.page(make_fabric(sync_status='in_sync', last_sync=ago(minutes=3), last_attempt=ago(minutes=3)))
        self.assertEqual(self.row(page, 'State'), 'In sync')
        # Three, unless the machine is so busy that time passes.
        self.assertRegex(self.row(page, 'Last success'), r'^\d+ minutes( \d+ seconds?)? ago \(')
        self.assertNotIn('alert-danger', page)

    def test_stale(self):
        fabric = make_fabric(sync_status='in_sync', last_sync=ago(days=2), last_attempt=ago(days=2))
        resource = make_resource(fabric)
        page = self.page(fabric)
        self.assertEqual(self.row(page, 'State'), 'Stale')
        self.assertIn(STALE, page)
        self.assertNotIn('In sync', page)
        self.assertIn('Stale', self.list())
        for url in (resource.get_absolute_url(), reverse('plugins:netbox_hedgehog:fabricresource_list')):
            self.assertContains(self.client.get(url), STALE)

    def test_less_than_a_minute_is_not_told_as_none(self):
        overdue = ago(seconds=2 * 3600 + GRACE + 20)
        page = self.page(make_fabric(sync_interval=3600, sync_status='in_sync', last_sync=overdue, last_attempt=overdue))
        self.assertRegex(page, rf'{STALE} \d+ (second|minute)')
        self.assertNotIn(f'{STALE} 0', page)

    def test_stale_fabric_is_not_told_on_lists_of_others(self):
        make_fabric('old', sync_status='in_sync', last_sync=ago(days=2))
        fresh = make_fabric('fresh', sync_status='in_sync', last_sync=timezone.now())
        resources = reverse('plugins:netbox_hedgehog:fabricresource_list')
        self.assertContains(self.client.get(resources), STALE)
        self.assertNotContains(self.client.get(f'{resources}?fabric_id={fresh.pk}'), STALE)
        self.assertHttpStatus(self.client.get(f'{resources}?fabric_id=x'), 200)

    def test_failed(self):
        """The error stands there, and the last success stays what it was."""
        page = self.page(make_fabric(
            sync_status='failed', sync_error='The API server refused the token: 401. <Renew> it.',
            last_sync=ago(hours=5), last_attempt=ago(minutes=1),
        ))
        self.assertIn('alert alert-danger', page)
        self.assertIn('The API server refused the token: 401. &lt;Renew&gt; it.', page)
        self.assertTrue(self.row(page, 'Last success').startswith('5 hours'))
        self.assertTrue(self.row(page, 'Last attempt').startswith('1 minute'))

    def test_partial(self):
        page = self.page(make_fabric(
            sync_status='partial', sync_error='Agent: 403.', last_attempt=timezone.now(), last_sync=timezone.now(),
        ))
        self.assertIn('alert alert-warning', page)
        self.assertIn('Agent: 403.', page)

    def test_next_sync(self):
        fabric = make_fabric(last_attempt=timezone.now(), last_sync=timezone.now(), sync_interval=600)
        self.assertEqual(self.row(self.page(fabric), 'Next sync'), 'Not scheduled yet')
        reconcile()
        due = datetime.fromtimestamp(due_times([fabric.pk])[fabric.pk], UTC)
        self.assertIn(f'{due:%H:%M:%S}', self.row(self.page(fabric), 'Next sync'))
        self.assertRegex(self.list(), r'in ([4-9]|10) minutes')

    def test_next_sync_is_late(self):
        fabric = make_fabric(last_attempt=ago(seconds=650), last_sync=ago(seconds=650), sync_interval=600)
        reconcile()
        connection().zadd(SCHEDULED_JOBS, {schedule_id(fabric.pk): ago(seconds=50).timestamp()})
        self.assertTrue(self.row(self.page(fabric), 'Next sync').startswith('Overdue since '))
        self.assertIn('>due</span>', self.list())

    def test_list_without_next_sync(self):
        make_fabric(sync_enabled=False)
        page = self.list()
        row = page[page.index('<tbody'):page.index('</tbody>')]
        self.assertNotIn('None', row)
        self.assertIn('—', row)

    def test_no_next_sync(self):
        by_hand = make_fabric(scheduler_enabled=False)
        self.assertEqual(
            self.row(self.page(by_hand), 'Next sync'), 'Manual sync only',
        )
        never = make_fabric('b', sync_enabled=False)
        self.assertEqual(self.row(self.page(never), 'Next sync'), 'Sync disabled')
        planned = make_fabric('c', status='planned')
        self.assertEqual(self.row(self.page(planned), 'Next sync'), 'Sync disabled (status: Planned)')

    def test_hostile_error(self):
        page = self.page(make_fabric(sync_status='failed', sync_error=HOSTILE, description=HOSTILE, last_report={
            'kinds': [{'kind': 'Switch', 'outcome': 'error', 'errors': [HOSTILE]}],
        }))
        self.assertNotIn('<script>alert', page)
        self.assertNotIn('<img src=x', page)
        self.user.config.set('tables.FabricTable.columns', ['name', 'sync_error', 'description'], commit=True)
        self.assertNotIn('<script>alert', self.list())

    def test_old_report_of_unknown_shape(self):
        for report in ({}, {'kinds': []}, {'kinds': [{'kind': 'Gone', 'outcome': 'read'}]}):
            self.page(make_fabric(f'f{report}', last_report=report))

    def test_list_shows_states(self):
        make_fabric('one', sync_status='in_sync', last_sync=timezone.now())
        make_fabric('two', sync_status='failed', last_attempt=timezone.now())
        make_fabric('three', sync_enabled=False)
        page = self.list()
        for words in ('In sync', 'Failed', 'Disabled'):
            self.assertIn(f'>{words}</span>', page.replace('> ', '>').replace(' <', '<'))
        self.assertIn('two', self.list('?sync_state=failed'))
        self.assertNotIn('>one<', self.list('?sync_state=failed'))


class RunsTestCase(PageTestCase):
    def setUp(self):
        super().setUp()
        all_alive()

    def test_after_syncs(self):
        with cluster() as api:
            fabric = connect(api)
            execute_fabric_sync(fabric.pk)
            api.delete('Server', api.objects('Server')[0]['metadata']['name'])
            api.revoke('viewer-token')
            execute_fabric_sync(fabric.pk)
            api.grant('viewer-token', 'viewer')
            execute_fabric_sync(fabric.pk)
        page = self.page(fabric)
        self.assertEqual(self.row(page, 'State'), 'In sync')
        counts = {kind: FabricResource.objects.filter(kind=kind).count() for kind in ('Switch', 'Server')}
        self.assertEqual(self.row(page, 'Switches'), f'{counts["Switch"]} 0 No change')
        self.assertEqual(self.row(page, 'Servers'), f'{counts["Server"]} 1 0 created, 0 updated, 1 deleted')
        self.assertIn(f'?fabric_id={fabric.pk}&amp;kind=Switch"', page)
        runs = page[page.index('Recent syncs'):]
        self.assertEqual((runs.count('>Completed<'), runs.count('>Failed<')), (2, 1))
        for job in Job.objects.filter(object_id=fabric.pk):
            self.assertIn(job.get_absolute_url(), runs)
        self.assertEqual(Job.objects.filter(object_id=fabric.pk).count(), 3)
        self.assertIn('schedule', runs)
        self.assertIn('401', runs)
        job = Job.objects.filter(object_id=fabric.pk).latest('created')
        self.assertIn('Switch: 5 read', [entry['message'] for entry in job.log_entries])

    def test_who_asked(self):
        fabric = make_fabric()
        job = FabricSyncJob.request(fabric, user=self.user)
        page = self.page(fabric)
        self.assertIn(job.get_absolute_url(), page)
        self.assertIn('testuser', page[page.index('Recent syncs'):])

    def test_forbidden_and_missing_kinds(self):
        with cluster() as api, disable_logging():
            api.missing_kinds.add('Gateway')
            editor = connect(api, 'editor', kubernetes_token='vpc-editor-token')
            viewer = connect(api, 'viewer')
            for fabric in (editor, viewer):
                execute_fabric_sync(fabric.pk)
        page = self.page(editor)
        self.assertEqual(self.row(page, 'State'), 'Partial')
        self.assertEqual(self.row(page, 'Agents'), '0 0 Forbidden')
        self.assertIn('alert alert-warning', page)
        page = self.page(viewer)
        self.assertEqual(self.row(page, 'State'), 'In sync')
        self.assertEqual(self.row(page, 'Gateways'), '0 0 Not installed')

    def test_no_more_than_the_recent_ones(self):
        fabric = make_fabric()
        for _ in range(15):
            FabricSyncJob.record(fabric)
        page = self.page(fabric)
        self.assertEqual(page[page.index('Recent syncs'):].count('/core/jobs/'), 10)

    def test_skipped_sync(self):
        fabric = make_fabric()
        Job.objects.filter(pk=FabricSyncJob.record(fabric).pk).update(
            status='completed', data={'outcome': 'skipped', 'error': 'Skipped: another sync of this fabric is running.'},
        )
        page = self.page(fabric)
        self.assertIn('Skipped', page)
        self.assertIn('another sync of this fabric is running', page)

    def test_menu(self):
        page = self.list()
        self.assertIn('Hedgehog', page)
        self.assertIn(reverse('plugins:netbox_hedgehog:fabricresource_list'), page)
