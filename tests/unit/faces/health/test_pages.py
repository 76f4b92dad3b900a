"""Switch health as people see it: the list, a fabric's roll-up and tab, a switch's panel; old states say so."""

import csv
from datetime import timedelta
from uuid import uuid4

from core.models import ObjectChange, ObjectType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from extras.models import ExportTemplate
from netbox.context_managers import event_tracking
from utilities.request import NetBoxFakeRequest
from utilities.testing import TestCase, ViewTestCases

from netbox_hedgehog.models import FabricResource, KindSync, SwitchHealth
from netbox_hedgehog.sync.switch_health import record_health

from ....support.fake_cluster import HOSTILE, cluster, read
from ....support.pages import ago, all_alive, allow, make_fabric, make_resource
from ..resource.test_pages import text

LIST = 'plugins:netbox_hedgehog:switchhealth_list'


def make_agent(fabric, name='leaf-1', heartbeat=5, read_at=None, **status):
    """A switch and its agent, whose last heartbeat was so many seconds old when it was read."""
    read_at = read_at or timezone.now()
    make_resource(fabric, name=name, uid='u-switch', spec={'role': 'server-leaf'}, last_read=read_at)
    beat = (read_at - timedelta(seconds=heartbeat)).isoformat()
    return make_resource(
        fabric, 'Agent', name, uid='u-agent', last_read=read_at, status={'lastHeartbeat': beat, 'lastAppliedGen': 1, **status},
    )


def make_leaves():
    """A fabric of three leaves that are well."""
    fabric = make_fabric()
    for name in ('leaf-1', 'leaf-2', 'leaf-3'):
        make_agent(fabric, name)
    record_health(fabric)


class HealthListTestCase(ViewTestCases.ListObjectsViewTestCase):
    model = SwitchHealth

    def _get_base_url(self):
        return 'plugins:netbox_hedgehog:switchhealth_{}'

    @classmethod
    def setUpTestData(cls):
        make_leaves()


class HealthPageTestCase(TestCase):
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'netbox_hedgehog.view_fabricresource', 'netbox_hedgehog.view_switchhealth',
    )

    def setUp(self):
        super().setUp()
        all_alive()

    def list(self, query=''):
        response = self.client.get(reverse(LIST) + query)
        self.assertHttpStatus(response, 200)
        return response.content.decode()

    def names(self, query=''):
        response = self.client.get(f'{reverse(LIST)}?export=table{query}')
        self.assertHttpStatus(response, 200)
        return sorted(row['Name'] for row in csv.DictReader(response.content.decode().splitlines()))

    def test_a_fabric_read_from_its_cluster(self):
        with cluster() as api:
            fabric = read(api)
        self.assertEqual(SwitchHealth.objects.count(), 6)  # five switches and a gateway
        leaf = SwitchHealth.objects.get(name='leaf-03')
        self.assertEqual((leaf.role, leaf.group, leaf.interfaces_down, leaf.bgp_down), ('border-leaf', 'border', 1, 1))
        self.assertTrue(leaf.pending)
        self.assertTrue(leaf.reboot_required)
        page = text(self.client.get(leaf.get_absolute_url()).content)
        for sentence in leaf.sentences:
            self.assertIn(sentence, page)
        # the agent's page tells the same
        self.assertIn('Reboot required', text(self.client.get(leaf.agent.get_absolute_url()).content))
        page = text(self.client.get(fabric.get_absolute_url()).content)
        self.assertIn('Switch health', page)
        self.assertIn('Reboot required: 1', page)

    def test_heartbeats_do_not_reach_the_change_log(self):
        fabric = make_fabric()
        agent = make_agent(fabric)
        record_health(fabric)
        before = ObjectChange.objects.count()
        for seconds in (45, 30, 15):
            FabricResource.objects.filter(pk=agent.pk).update(
                status={'lastHeartbeat': ago(seconds=seconds).isoformat(), 'lastAppliedGen': 1},
            )
            with event_tracking(NetBoxFakeRequest({'id': uuid4(), 'user': self.user, 'META': {}})):
                record_health(fabric)
        self.assertEqual(ObjectChange.objects.count(), before)
        self.assertLess(SwitchHealth.objects.get().heartbeat_age, 60)

    def test_filters(self):
        fabric, other = make_fabric(), make_fabric('b')
        make_agent(fabric, 'well')
        make_agent(fabric, 'mute', heartbeat=3600)
        make_agent(fabric, 'reboot', rebootRequired=True)
        make_agent(fabric, 'pending', lastAppliedGen=None)
        make_agent(fabric, 'hot', state={'platform': {'temps': {'CPU': {'temp': 99, 'critHighThreshold': 90}}}})
        make_resource(fabric, name='no_agent')
        make_agent(other, 'elsewhere')
        for each in (fabric, other):
            record_health(each)
        self.assertEqual(self.names('&state=critical'), ['hot', 'mute'])
        self.assertEqual(self.names('&state=warning'), ['pending', 'reboot'])
        self.assertEqual(self.names('&state=unknown'), ['no_agent'])
        self.assertEqual(self.names('&state=ok'), ['elsewhere', 'well'])
        self.assertEqual(self.names('&issue=heartbeat_stale&issue=temperatures'), ['hot', 'mute'])
        self.assertEqual(self.names('&issue=no_agent'), ['no_agent'])
        self.assertEqual(self.names(f'&fabric_id={other.pk}'), ['elsewhere'])
        self.assertEqual(self.names('&q=HO'), ['hot'])
        self.assertEqual(self.names('&reboot_required=true'), ['reboot'])
        # the gravest first
        page = self.list()
        self.assertLess(page.index('>mute<'), page.index('>reboot<'))
        self.assertLess(page.index('>reboot<'), page.index('>well<'))

    def test_old_syncs_never_look_fresh(self):
        """An agent that was well an hour ago is not known to be well."""
        fabric = make_fabric(sync_interval=300, sync_status='in_sync', last_sync=ago(hours=1), last_attempt=ago(hours=1))
        make_agent(fabric, 'leaf-1', read_at=ago(hours=1))
        record_health(fabric)
        health = SwitchHealth.objects.get()
        self.assertEqual((health.level, health.state, health.heartbeat_stale, health.trusted), ('ok', 'unknown', False, False))
        self.assertEqual(self.names('&state=ok'), [])
        self.assertEqual(self.names('&state=unknown'), ['leaf-1'])
        self.assertEqual(SwitchHealth.objects.rollup()['ok'], 0)
        self.assertEqual(SwitchHealth.objects.rollup()['old'], 1)
        for page in (self.list(), self.client.get(health.get_absolute_url()).content.decode()):
            self.assertIn('No recent data. Last fetched at ', page)
            self.assertNotIn('text-bg-green', page)
        page = text(self.client.get(fabric.get_absolute_url()).content)
        self.assertIn('1 switch has no recent data.', page)

    def test_a_kind_that_is_no_longer_read_grows_old(self):
        """The agents may be forbidden while all else is read: each sync has its own age."""
        fabric = make_fabric(sync_status='partial', last_sync=timezone.now(), last_attempt=timezone.now())
        make_agent(fabric, 'leaf-1', read_at=ago(hours=1))
        FabricResource.objects.filter(kind='Switch').update(last_read=timezone.now())
        record_health(fabric)
        self.assertEqual(SwitchHealth.objects.get().state, 'unknown')

    def test_an_agent_that_died_is_silent_though_nothing_of_it_is_read_anew(self):
        """It does not move any more, so no run reads it again; each that sees it unmoved confirms its last words."""
        fabric = make_fabric()
        make_agent(fabric, read_at=ago(minutes=10))
        seen = KindSync.objects.create(fabric=fabric, kind='Agent', last_read=timezone.now())
        record_health(fabric, settled=50)
        health = SwitchHealth.objects.get()
        self.assertEqual((health.read_at, health.heartbeat_stale, health.is_outdated), (seen.last_read, True, False))

    def test_an_agent_that_moved_and_rests_is_as_old_as_its_status(self):
        """Its heartbeat may have moved since it was read, and was not looked at: it counts from when it was."""
        fabric = make_fabric()
        agent = make_agent(fabric, heartbeat=40, read_at=ago(seconds=45))
        KindSync.objects.create(fabric=fabric, kind='Agent', last_read=timezone.now())
        record_health(fabric, settled=50)
        health = SwitchHealth.objects.get()
        self.assertEqual((health.read_at, health.heartbeat_stale), (agent.last_read, False))

    def test_twins(self):
        """What the database is asked and what a row says are the same."""
        fabric = make_fabric(sync_interval=60)
        for index, seconds in enumerate((0, 60, 149, 151, 3600)):
            make_agent(fabric, f'leaf-{index}', read_at=ago(seconds=seconds))
        record_health(fabric)
        for health in SwitchHealth.objects.all():
            for state in ('ok', 'warning', 'critical', 'unknown'):
                self.assertEqual(
                    SwitchHealth.objects.in_state(state).filter(pk=health.pk).exists(), health.state == state, health,
                )
            self.assertEqual(SwitchHealth.objects.old().filter(pk=health.pk).exists(), health.is_outdated, health)

    def test_recording_again_follows_the_mirror(self):
        fabric = make_fabric()
        make_agent(fabric, 'leaf-1')
        record_health(fabric)
        FabricResource.objects.filter(kind='Agent').update(
            status={'lastHeartbeat': ago(hours=2).isoformat(), 'lastAppliedGen': 1},
        )
        record_health(fabric)
        self.assertTrue(SwitchHealth.objects.get().heartbeat_stale)
        FabricResource.objects.filter(kind='Agent').delete()
        record_health(fabric)
        self.assertTrue(SwitchHealth.objects.get().no_agent)
        self.assertIsNone(SwitchHealth.objects.get().agent)
        FabricResource.objects.filter(kind='Switch').update(missing_since=timezone.now())
        record_health(fabric)
        self.assertIn('has been missing from the cluster', SwitchHealth.objects.get().sentences[-1])

    def test_a_deleted_fabric_takes_it_along(self):
        fabric = make_fabric()
        make_agent(fabric)
        record_health(fabric)
        fabric.delete()
        self.assertFalse(SwitchHealth.objects.exists())

    def test_agents_outlive_their_switch(self):
        """An agent makes no switch."""
        fabric = make_fabric()
        make_resource(fabric, 'Agent', 'gone', status={'lastHeartbeat': timezone.now().isoformat()})
        record_health(fabric)
        self.assertFalse(SwitchHealth.objects.exists())

    def test_number_of_statements_does_not_grow(self):
        counts = []
        for count in (1, 30):
            fabric = make_fabric(f'f{count}')
            for number in range(count):
                make_agent(fabric, f'leaf-{number}')
            with CaptureQueriesContext(connection) as queries:
                record_health(fabric)
            counts.append(len(queries))
        self.assertEqual(*counts)

    def test_permission(self):
        fabric = make_fabric()
        make_agent(fabric)
        record_health(fabric)
        self.remove_permissions('netbox_hedgehog.view_switchhealth')
        self.assertHttpStatus(self.client.get(reverse(LIST)), 403)
        self.assertNotIn('Switch health', self.client.get(fabric.get_absolute_url()).content.decode())
        switch = FabricResource.objects.get(kind='Switch')
        self.assertNotIn('Last heartbeat', self.client.get(switch.get_absolute_url()).content.decode())
        allow(self.user, 'view', model=SwitchHealth, constraints={'name': 'other'})
        self.assertNotIn('leaf-1', self.list())

    def test_tab_of_a_fabric(self):
        fabric, other = make_fabric(), make_fabric('b')
        make_agent(fabric, 'mine')
        make_agent(other, 'theirs')
        for each in (fabric, other):
            record_health(each)
        url = reverse('plugins:netbox_hedgehog:fabric_switches', args=[fabric.pk])
        page = self.client.get(url).content.decode()
        self.assertIn('>mine<', page)
        self.assertNotIn('>theirs<', page)
        # what its button leads to is a file of this fabric's switches
        self.assertIn(f'href="{url}?export=table"', page)
        response = self.client.get(f'{url}?export=table', follow=True)
        self.assertIn('text/csv', response.headers['Content-Type'])
        self.assertEqual([row['Name'] for row in csv.DictReader(response.content.decode().splitlines())], ['mine'])
        template = ExportTemplate.objects.create(
            name='names', template_code='{% for row in queryset %}{{ row.name }};{% endfor %}',
        )
        template.object_types.add(ObjectType.objects.get_for_model(SwitchHealth))
        self.add_permissions('extras.view_exporttemplate')
        self.assertEqual(self.client.get(f'{url}?export=names', follow=True).content.decode(), 'mine;')

    def test_hostile_content_is_text(self):
        fabric = make_fabric()
        make_agent(fabric, HOSTILE, version=HOSTILE, lastAppliedGen=0, conditions=[
            {'type': 'Applied', 'status': 'False', 'message': HOSTILE},
        ])
        record_health(fabric)
        for page in (self.list(), self.client.get(SwitchHealth.objects.get().get_absolute_url()).content.decode()):
            self.assertNotIn('<script>alert', page)
            self.assertNotIn('<img src=x', page)
