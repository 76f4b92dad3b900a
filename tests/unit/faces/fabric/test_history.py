"""What happened: runs as a chart and changes on a fabric's page, the last change of a resource on its own."""

import re

from core.models import Job
from django.utils import timezone

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.models import FabricResource
from netbox_hedgehog.sync.run import sync_fabric

from ....support.fake_cluster import HOSTILE, cluster, connect
from ....support.pages import ago, all_alive, make_fabric, make_resource
from ..resource.test_pages import text
from .test_pages import PageTestCase


class HistoryTestCase(PageTestCase):
    def setUp(self):
        super().setUp()
        all_alive()

    def make_run(self, fabric, minutes, status='completed', **data):
        job = FabricSyncJob.record(fabric)
        started = ago(minutes=minutes)
        Job.objects.filter(pk=job.pk).update(
            status=status, created=started, started=started, completed=started, data=data or None,
        )
        return job

    def resource_page(self, resource):
        return self.client.get(resource.get_absolute_url()).content.decode()

    def test_chart(self):
        fabric = make_fabric(last_sync=timezone.now(), sync_status='in_sync')
        well = self.make_run(fabric, 10, outcome='in_sync', seconds=1.5, created=3, updated=1, missing=0)
        failed = self.make_run(fabric, 5, 'errored', outcome='failed', seconds=30, error=f'401 {HOSTILE}')
        page = self.page(fabric)
        self.assertIn('Syncs over time', page)
        self.assertIn(f'href="{well.get_absolute_url()}"', page)
        self.assertIn('in sync, 1.5 s, 4 changes', page)
        self.assertIn('class="sync-failed"', page)
        self.assertIn(f'href="{failed.get_absolute_url()}"', page)
        self.assertNotIn('<script>alert', page)

    def test_syncs_that_were_killed_are_there_too(self):
        fabric = make_fabric()
        self.make_run(fabric, 5, 'errored')
        self.assertIn('class="sync-failed"', self.page(fabric))

    def test_a_sync_that_was_cancelled_is_no_failure(self):
        fabric = make_fabric()
        self.make_run(fabric, 5, 'failed', outcome='cancelled', error='Cancelled by somebody.')
        page = self.page(fabric)
        self.assertIn('class="sync-cancelled"', page)
        self.assertNotIn('class="sync-failed"', page)

    def test_no_chart_without_syncs_or_permission(self):
        fabric = make_fabric()
        self.assertNotIn('Syncs over time', self.page(fabric))
        self.make_run(fabric, 5)
        self.remove_permissions('core.view_job')
        self.assertNotIn('Syncs over time', self.page(fabric))

    def test_changes(self):
        with cluster() as api:
            fabric = connect(api)
            sync_fabric(fabric)
            server = api.get('Server', 'server-01') if hasattr(api, 'get') else None
            change = {
                'apiVersion': 'wiring.githedgehog.com/v1beta1', 'kind': 'Server',
                'metadata': {'name': 'server-01', 'namespace': 'default'}, 'spec': {'description': f'moved {HOSTILE}'},
            }
            del server
            api.put(change)
            sync_fabric(fabric)
        page = self.page(fabric)
        rows = re.findall(r'<tr>(.*?)</tr>', page[page.index('Recent changes'):], re.S)
        self.assertIn('server-01', text(rows[1]))
        self.assertIn('spec.description', text(rows[1]))
        page = self.resource_page(FabricResource.objects.get(kind='Server', name='server-01'))
        self.assertIn('Last change', page)
        self.assertIn('spec.description', page)
        self.assertIn('moved &quot;&gt;&lt;script&gt;', page)
        self.assertNotIn('<script>alert', page)

    def test_new_and_missing(self):
        fabric = make_fabric()
        moment = ago(minutes=5)
        make_resource(fabric, name='fresh', first_seen=moment, changed=moment)
        make_resource(fabric, name='lost', missing_since=ago(minutes=1))
        page = text(self.page(fabric))
        self.assertRegex(page, r'lost\s+deleted')
        self.assertRegex(page, r'fresh\s+new')

    def test_no_difference_no_panel(self):
        page = self.resource_page(make_resource(make_fabric()))
        self.assertNotIn('Last change', page)

    def test_what_moves_all_the_time_is_no_change(self):
        status = {'lastHeartbeat': 'a', 'version': 'v1'}
        agent = make_resource(make_fabric(), 'Agent', status=status, previous={
            'uid': 'x', 'spec': {}, 'labels': {}, 'annotations': {},
            'status': {'lastHeartbeat': 'b', 'version': 'v2'}, 'changed': ago(days=1).isoformat(),
            'replaced': ago(hours=1).isoformat(),
        })
        page = self.resource_page(agent)
        panel = page[page.index('Last change'):]
        self.assertIn('status.version', panel)
        self.assertNotIn('status.lastHeartbeat', panel)
        self.assertIn('Recreated (new UID, same name).', panel)
