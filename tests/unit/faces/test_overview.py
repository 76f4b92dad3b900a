"""The landing page and the dashboard's widget: is anything wrong, and where do I click?"""

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from extras.dashboard.utils import get_widget_class
from utilities.testing import TestCase

from netbox_hedgehog import events
from netbox_hedgehog.models import Discrepancy, Fabric, FabricResource, SwitchHealth
from netbox_hedgehog.sync.switch_health import record_health

from ...support.pages import ago, all_alive, allow, make_fabric, make_resource, redis_down
from .health.test_pages import make_agent

URL = '/plugins/hedgehog/'


class OverviewTestCase(TestCase):
    user_permissions = ()

    def setUp(self):
        super().setUp()
        self.well = make_fabric('a-well', sync_status='in_sync', last_sync=ago(seconds=9), last_attempt=ago(seconds=9))
        self.failing = make_fabric('m-failing', sync_status='failed', last_attempt=ago(seconds=9), sync_error='No route to 10.0.0.1.')
        self.stale = make_fabric('z-stale', sync_status='in_sync', last_sync=ago(days=1), last_attempt=ago(days=1))

    def content(self, query=''):
        response = self.client.get(f'{URL}{query}')
        self.assertHttpStatus(response, 200)
        return response.content.decode()

    def words(self, query=''):
        return ' '.join(self.content(query).split())

    def test_is_where_the_plugin_begins(self):
        self.assertEqual(reverse('plugins:netbox_hedgehog:home'), URL)
        self.assertEqual(reverse('plugins:netbox_hedgehog:overview'), f'{URL}overview/')

    def test_the_gravest_stand_first_with_their_reason(self):
        allow(self.user, 'view')
        all_alive()
        text = self.content()
        places = [text.index(f'>{name}</a>') for name in ('z-stale', 'm-failing', 'a-well')]
        self.assertEqual(places, sorted(places))
        self.assertIn('No route to 10.0.0.1.', text)
        self.assertIn('2 fabrics need attention (listed first).', text)
        self.assertIn(f'{reverse("plugins:netbox_hedgehog:fabric_list")}?sync_state=stale', text)

    def test_one_that_fails_stands_first_also_while_it_is_read(self):
        allow(self.user, 'view')
        all_alive()
        Fabric.objects.filter(pk=self.failing.pk).update(sync_status='syncing')
        text = self.content()
        self.assertLess(text.index('>m-failing</a>'), text.index('>a-well</a>'))
        self.assertIn('No route to 10.0.0.1.', text)
        self.assertIn('2 fabrics need attention (listed first).', text)

    def test_silent_agents_and_missing_resources_lead_to_where_to_look(self):
        allow(self.user, 'view')
        allow(self.user, 'view', model=FabricResource)
        allow(self.user, 'view', model=SwitchHealth)
        self.fall_silent(self.well)
        make_resource(self.well, 'VPC', 'vpc-1', missing_since=ago(hours=1))
        text = self.content()
        self.assertIn('2 unresponsive agents: leaf-1, leaf-2', text)
        for title, count in (('Unresponsive agents', 2), ('Switches critical or with warnings', 2), ('Deleted resources', 1)):
            self.assertRegex(text, f'{title}</th><td>(<a [^>]*>)?{count}<')
        self.assertIn(f'{reverse("plugins:netbox_hedgehog:switchhealth_list")}?fabric_id={self.well.pk}&amp;heartbeat_stale=true', text)
        self.assertIn(f'?fabric_id={self.well.pk}&amp;missing=true', text)

    def fall_silent(self, fabric):
        for name in ('leaf-1', 'leaf-2'):
            make_agent(fabric, name, heartbeat=600)
        record_health(fabric)
        events.notify_agents(fabric.pk, ['leaf-1', 'leaf-2'])

    def test_silent_agents_are_named_to_whom_may_view_the_switches(self):
        allow(self.user, 'view')
        all_alive()
        Fabric.objects.exclude(pk=self.well.pk).delete()
        self.fall_silent(self.well)
        for query in ('', '?widget'):
            text = self.content(query)
            self.assertNotIn('leaf-1', text, query)
            self.assertNotIn('heartbeat_stale=true', text, query)
        allow(self.user, 'view', model=SwitchHealth, constraints={'name': 'leaf-1'})
        for query in ('', '?widget'):
            text = self.content(query)
            self.assertIn('1 unresponsive agent: leaf-1', text, query)
            self.assertNotIn('leaf-2', text, query)

    def test_resources_that_a_user_may_not_view_are_not_counted(self):
        allow(self.user, 'view')
        make_resource(self.well, missing_since=ago(hours=1))
        self.assertNotIn('1 deleted resource', self.content())

    def only_well(self):
        """Whoever sees all sees one fabric that is well."""
        all_alive()
        for model in (Fabric, FabricResource, SwitchHealth, Discrepancy):
            allow(self.user, 'view', model=model)
        Fabric.objects.exclude(pk=self.well.pk).delete()

    def test_all_is_well(self):
        self.only_well()
        for query in ('', '?widget'):
            self.assertIn('All enabled fabrics are syncing normally. No issues.', self.words(query), query)

    def test_whoever_may_not_view_all_is_not_told_that_there_are_no_issues(self):
        allow(self.user, 'view')
        all_alive()
        Fabric.objects.exclude(pk=self.well.pk).delete()
        make_resource(self.well, missing_since=ago(hours=1))
        for query in ('', '?widget'):
            text = self.words(query)
            self.assertIn('syncing normally. You do not have permission to view all issues.', text, query)
            self.assertNotIn('No issues', text, query)
        self.assertNotIn('Deleted resources', self.words())
        allow(self.user, 'view', model=FabricResource)
        self.assertIn('Deleted resources', self.words())

    def test_what_waits_for_confirmation_is_an_issue(self):
        self.only_well()
        Fabric.objects.update(
            inventory_enabled=True, inventory_auto_apply=True,
            inventory_unconfirmed={'count': 64, 'sentences': ['64.'], 'digest': 'd'},
        )
        self.assertRegex(self.words(), 'Changes to confirm</th><td>64<')
        for query in ('', '?widget'):
            text = self.words(query)
            self.assertIn('64 changes wait for confirmation', text, query)
            self.assertIn(reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[self.well.pk]), text)
            self.assertNotIn('No issues', text, query)
        self.assertIn('1 fabric needs attention.', self.words())
        Fabric.objects.update(inventory_enabled=False)
        self.assertIn('No issues', self.words())

    def test_an_inventory_that_waits_for_review_is_an_issue(self):
        self.only_well()
        Fabric.objects.update(inventory_enabled=True)
        for query in ('', '?widget'):
            text = self.words(query)
            self.assertIn('Inventory is waiting for review', text, query)
            self.assertIn(reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[self.well.pk]), text)
        self.assertIn('1 fabric needs attention.', self.words())
        Fabric.objects.update(last_inventory=timezone.now())
        self.assertIn('No issues', self.words())

    def test_an_inventory_that_fails_is_an_issue(self):
        self.only_well()
        Fabric.objects.update(inventory_enabled=True, inventory_error='The database is full.')
        for query in ('', '?widget'):
            self.assertIn('Inventory sync failed: The database is full.', self.words(query), query)
            self.assertNotIn('No issues', self.words(query), query)

    def test_switches_in_trouble_are_an_issue(self):
        self.only_well()
        make_agent(self.well, 'leaf-1', heartbeat=5)
        record_health(self.well)
        self.assertIn('No issues', self.words())
        SwitchHealth.objects.update(level='warning')
        for query in ('', '?widget'):
            text = self.words(query)
            self.assertIn('1 switch critical or with warnings', text, query)
            self.assertIn(f'?fabric_id={self.well.pk}&amp;state=critical&amp;state=warning', text, query)
            self.assertNotIn('No issues', text, query)

    def test_what_nobody_reads_is_not_well(self):
        allow(self.user, 'view')
        all_alive()
        Fabric.objects.exclude(pk=self.well.pk).delete()
        Fabric.objects.update(last_sync=None, sync_status='never_synced')
        self.assertIn('Never synced.', self.content())
        self.assertIn('1 fabric needs attention.', self.content())
        Fabric.objects.update(sync_enabled=False)
        for query in ('', '?widget'):
            text = self.content(query)
            self.assertNotIn('syncing normally', text)
        self.assertIn('All fabrics are disabled.', self.content())

    def test_nobody_at_work(self):
        allow(self.user, 'view')
        self.assertIn('No worker serves the queue', self.content())
        with redis_down():
            self.assertIn('Cannot reach Redis', self.content())

    def test_object_permissions_hold(self):
        allow(self.user, 'view', constraints={'name': 'a-well'})
        for query in ('', '?live', '?widget'):
            text = self.content(query)
            self.assertNotIn('m-failing', text, query)
            self.assertNotIn('No route', text, query)

    def test_without_permission(self):
        self.assertHttpStatus(self.client.get(URL), 403)
        self.client.logout()
        self.assertHttpStatus(self.client.get(URL), 302)

    def test_the_live_part_is_no_whole_page(self):
        allow(self.user, 'view')
        self.assertIn('<html', self.content())
        live = self.content('?live')
        self.assertNotIn('<html', live)
        self.assertIn('z-stale', live)

    @pytest.mark.system
    def test_the_number_of_queries_does_not_grow(self):
        allow(self.user, 'view')
        allow(self.user, 'view', model=SwitchHealth)
        counts = []
        for count in (1, 40):
            for number in range(count):
                fabric = make_fabric(f'f{count}-{number}', sync_status='in_sync', last_sync=ago(seconds=1))
                make_resource(fabric, missing_since=ago(hours=1))
                events.notify_agents(fabric.pk, ['leaf-1'])
            events.raise_state_events()
            events.dispatch()
            self.content()
            with CaptureQueriesContext(connection) as queries:
                self.content()
            counts.append(len(queries))
        self.assertEqual(*counts)
        self.assertLess(counts[0], 35)

    def widget(self):
        request = RequestFactory().get('/')
        request.user = self.user
        return get_widget_class('netbox_hedgehog.FabricsWidget')().render(request)

    def test_widget(self):
        self.assertIn('You do not have permission to view fabrics.', self.widget())
        allow(self.user, 'view', constraints={'name': 'm-failing'})
        self.user = type(self.user).objects.get(pk=self.user.pk)
        text = self.widget()
        self.assertIn('No route to 10.0.0.1.', text)
        self.assertNotIn('z-stale', text)
        self.assertIn('hx-trigger="every 30s"', text)
