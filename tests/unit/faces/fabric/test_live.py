"""The part of a fabric's page that lives: freshness, the run at work, what can be done now."""

import html
import re

from core.models import Job
from django.urls import reverse
from utilities.testing import TestCase

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.jobs.recovery import INVENTORY_JOB_NAME
from netbox_hedgehog.models import Fabric, FabricResource, SwitchHealth

from ....support.pages import ago, allow, make_fabric, make_resource, messages_of, redis_down


class LiveTestCase(TestCase):
    user_permissions = ()

    def setUp(self):
        super().setUp()
        self.fabric = make_fabric(sync_status='in_sync', last_sync=ago(seconds=130), last_attempt=ago(seconds=130))

    def run_at_work(self):
        job = FabricSyncJob.record(self.fabric)
        kinds = [{'kind': 'SwitchProfile', 'outcome': 'read', 'read': 1200, 'created': 2, 'updated': 1, 'missing': 0}]
        type(job).objects.filter(pk=job.pk).update(
            status='running', started=ago(seconds=5), data={'progress': kinds},
            log_entries=[{'level': 'info', 'message': 'SwitchProfile: 1200 read'}],
        )
        return job

    def live(self, **query):
        return self.client.get(reverse('plugins:netbox_hedgehog:fabric_live', args=[self.fabric.pk]), query)

    def test_freshness(self):
        allow(self.user, 'view')
        for response in (self.client.get(self.fabric.get_absolute_url()), self.live()):
            self.assertContains(response, 'Last full sync: 2 minutes')
            self.assertContains(response, 'hx-trigger="every 10s"')

    def test_a_running_sync(self):
        allow(self.user, 'view', 'sync')
        job = self.run_at_work()
        for response in (self.client.get(self.fabric.get_absolute_url()), self.live(job=job.pk)):
            self.assertContains(response, f'Job {job.pk}: syncing ')
            self.assertContains(response, '1,200 resources, 3 changes')
            self.assertContains(response, 'aria-valuenow="1"')
            self.assertContains(response, 'hx-trigger="every 2s"')
            self.assertContains(response, 'Cancel sync')
            self.assertContains(response, 'is already running')
            self.assertNotContains(response, 'SwitchProfile: 1200 read', msg_prefix='logs are for who may view jobs')
        self.add_permissions('core.view_job')
        self.assertContains(self.live(job=job.pk), 'SwitchProfile: 1200 read')

    def test_an_inventory_change_is_no_sync(self):
        allow(self.user, 'view', 'sync')
        job = self.run_at_work()
        Job.objects.filter(pk=job.pk).update(name=INVENTORY_JOB_NAME)
        for response in (self.client.get(self.fabric.get_absolute_url()), self.live()):
            self.assertContains(response, f'An inventory change of {self.fabric} is already running (job {job.pk}).')
            self.assertNotContains(response, 'Cancel sync')

    def test_within_a_large_kind(self):
        """The bar moves with each page of a list, not only when a kind is done."""
        allow(self.user, 'view')
        job = self.run_at_work()
        rows = type(job).objects.filter(pk=job.pk)
        widths = []
        for page in ({}, {'kind': 'Switch', 'read': 500, 'of': 2000}, {'kind': 'Switch', 'read': 1500, 'of': 2000}):
            rows.update(data={**rows.get().data, 'page': page})
            text = self.live(job=job.pk).content.decode()
            widths.append(float(re.search(r'progress-bar" style="width: ([\d.]+)%', text)[1]))
        self.assertIn('(1,500 of 2,000)', ' '.join(text.split()))
        self.assertIn('2,700 resources', text)
        self.assertEqual(widths, sorted(set(widths)))

    def test_one_that_waits(self):
        allow(self.user, 'view', 'sync')
        job = FabricSyncJob.record(self.fabric)
        self.assertContains(self.live(), f'Job {job.pk}: waiting for a worker')

    def test_the_page_reloads_when_the_sync_it_shows_has_ended(self):
        allow(self.user, 'view')
        job = self.run_at_work()
        type(job).objects.filter(pk=job.pk).update(status='completed')
        response = self.live(job=job.pk)
        self.assertEqual(response.headers['HX-Refresh'], 'true')
        self.assertNotIn('HX-Refresh', self.live().headers)

    def test_the_page_reloads_when_a_sync_that_it_did_not_show_has_ended(self):
        """A page that stays open must not say "In sync" of a fabric that has failed, or is stale, since."""
        allow(self.user, 'view')
        for change in (
            {'last_attempt': ago(seconds=1), 'last_sync': ago(seconds=1)},
            {'last_attempt': ago(), 'sync_status': 'failed'},
            {'last_attempt': ago(days=1), 'last_sync': ago(days=1), 'sync_status': 'in_sync'},
        ):
            asks = self.asked_for_by(self.client.get(self.fabric.get_absolute_url()))
            again = self.client.get(asks)
            self.assertNotIn('HX-Refresh', again.headers)
            Fabric.objects.update(**change)
            for question in (asks, self.asked_for_by(again)):
                self.assertEqual(self.client.get(question).headers.get('HX-Refresh'), 'true', change)

    def test_and_so_are_its_diagrams_and_its_switches(self):
        """They hang on walls."""
        allow(self.user, 'view', model=FabricResource)
        allow(self.user, 'view', model=SwitchHealth)
        vpc = make_resource(self.fabric, 'VPC', 'vpc-1')
        urls = [
            reverse('plugins:netbox_hedgehog:fabric_topology', args=[self.fabric.pk]),
            reverse('plugins:netbox_hedgehog:fabric_switches', args=[self.fabric.pk]),
            reverse('plugins:netbox_hedgehog:fabricresource_diagram', args=[vpc.pk]),
        ]
        self.assertNotIn('/live/', self.client.get(urls[2]).content.decode(), 'of a fabric that this user may not view')
        allow(self.user, 'view')
        asked = [self.asked_for_by(self.client.get(url)) for url in urls]
        for question in asked:
            self.assertHttpStatus(self.client.get(question), 204)
        self.run_at_work()
        Fabric.objects.update(last_attempt=ago(), sync_status='syncing')
        for question in asked:
            self.assertHttpStatus(self.client.get(question), 204)
        Job.objects.update(status='completed')
        for question in asked:
            self.assertEqual(self.client.get(question).headers.get('HX-Refresh'), 'true')

    def test_a_sync_that_begins_is_shown_on_the_page_as_it_is(self):
        allow(self.user, 'view')
        asks = self.asked_for_by(self.client.get(self.fabric.get_absolute_url()))
        self.run_at_work()
        Fabric.objects.update(last_attempt=ago(), sync_status='syncing')
        response = self.client.get(asks)
        self.assertNotIn('HX-Refresh', response.headers)
        self.assertIn('job=', self.asked_for_by(response))

    @staticmethod
    def asked_for_by(response):
        """What the live part that stands on a page will ask for."""
        return html.unescape(re.search(r'hx-get="([^"]*/live/[^"]*)"', response.content.decode())[1])

    def test_without_the_permission_to_sync_there_is_no_button(self):
        allow(self.user, 'view')
        self.run_at_work()
        for response in (self.client.get(self.fabric.get_absolute_url()), self.live()):
            self.assertNotContains(response, 'Cancel sync')
            self.assertNotContains(response, 'Sync now')
        response = self.client.post(reverse('plugins:netbox_hedgehog:fabric_cancel', args=[self.fabric.pk]))
        self.assertHttpStatus(response, 403)

    def test_object_permissions_hold(self):
        allow(self.user, 'view', constraints={'name': 'other'})
        self.assertHttpStatus(self.live(), 404)

    def test_without_redis(self):
        allow(self.user, 'view', 'sync')
        with redis_down():
            self.assertContains(self.live(), 'Cannot reach Redis.')

    def test_a_fabric_without_a_connection_cannot_be_tested(self):
        allow(self.user, 'view', 'sync')
        Fabric.objects.update(kubernetes_server='')
        self.assertContains(self.live(), 'No connection configured')

    def test_cancel_what_waits(self):
        allow(self.user, 'view', 'sync')
        FabricSyncJob.request(self.fabric, self.user)
        url = reverse('plugins:netbox_hedgehog:fabric_cancel', args=[self.fabric.pk])
        self.assertIn('is cancelled', messages_of(self.client.post(url))[0])
        self.assertIn('No sync of a is queued or running.', messages_of(self.client.post(url)))
        self.fabric.refresh_from_db()
        self.assertEqual(self.fabric.sync_status, 'in_sync')
        self.assertContains(self.client.get(self.fabric.get_absolute_url()), 'Last full sync: ')

    def test_the_other_tabs_have_the_buttons_too(self):
        allow(self.user, 'view', 'sync')
        self.add_permissions('core.view_job')
        response = self.client.get(reverse('plugins:netbox_hedgehog:fabric_jobs', args=[self.fabric.pk]))
        self.assertContains(response, 'Sync now')
