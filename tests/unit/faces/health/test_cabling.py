"""The cabling check as people see it: pages, APIs, command, events; nobody learns what they may not view."""

import csv
import json
from functools import partial
from io import StringIO

import pytest
from dcim.models import Cable, Interface
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase as DjangoTestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from utilities.testing import APIViewTestCases, BaseFilterSetTestMixin, TestCase, ViewTestCases

from netbox_hedgehog.events import notify_cabling
from netbox_hedgehog.filtersets import CablingCheckFilterSet
from netbox_hedgehog.graphql.types import CablingCheckType
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import CablingCheck, FabricEvent, FabricResource, InventoryLink, SwitchHealth
from netbox_hedgehog.monitoring.metrics import exposition
from netbox_hedgehog.sync.cabling import miscabled_links, unknown_links
from netbox_hedgehog.sync.switch_health import record_health

from ....support.cabling import PROFILE, Wiring
from ....support.pages import ReadOnlyAPI, ago, all_alive, allow, make_fabric, make_resource
from ..inventory.base import inventory_fabric
from ..resource.test_pages import text

LIST = 'plugins:netbox_hedgehog:cablingcheck_list'


def wired(*swapped):
    """Two leaves with an uplink to each of two spines, and a server; these two cables are swapped."""
    wiring = Wiring()
    for number, leaf in ((1, 'oak-1'), (2, 'oak-2')):
        for spine, port in (('elm-1', 1), ('elm-2', 2)):
            wiring.connect(f'{leaf}--{spine}', 'fabric', (f'{leaf}/E1/{port}', f'{spine}/E1/{number}'))
    wiring.connect('node-a--oak-1', 'unbundled', ('node-a/enp1', 'oak-1/E1/5'))
    if swapped:
        wiring.swap(*swapped)
    return wiring


def mirror(fabric, wiring, read_at=None):
    """Put a wiring and what its Agents report into the mirror, in place of what was there, and check it."""
    read_at = read_at or ago(seconds=1)
    FabricResource.objects.filter(fabric=fabric, kind='Agent').delete()
    for kind, items in (
        ('SwitchProfile', {'acme': PROFILE}), ('Switch', wiring.switches), ('Connection', wiring.connections),
        ('Server', {name: {} for name in wiring.servers}),
    ):
        for name, spec in items.items():
            if not FabricResource.objects.filter(fabric=fabric, kind=kind, name=name).exists():
                make_resource(fabric, kind, name, uid=f'{kind}-{name}', spec=spec, last_read=read_at)
    for name, status in wiring.statuses().items():
        beat = ago(hours=1) if name in wiring.silent else read_at
        make_resource(fabric, 'Agent', name, uid=f'Agent-{name}', last_read=read_at, status={
            **status, 'lastHeartbeat': beat.isoformat(), 'lastAppliedGen': 1,
        })
    record_health(fabric)
    return fabric


def crossed(name='a'):
    return mirror(make_fabric(name), wired(0, 1))


class CablingListTestCase(ViewTestCases.ListObjectsViewTestCase):
    model = CablingCheck

    def _get_base_url(self):
        return 'plugins:netbox_hedgehog:cablingcheck_{}'

    @classmethod
    def setUpTestData(cls):
        crossed()


class CablingAPITestCase(
    ReadOnlyAPI,
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.GraphQLTestCase,
):
    model = CablingCheck
    type_class = CablingCheckType
    brief_fields = ['display', 'id', 'port', 'state', 'switch', 'url']

    @classmethod
    def setUpTestData(cls):
        wiring = Wiring()
        for port in (1, 2, 3):
            wiring.connect(f'link-{port}', 'fabric', (f'oak-1/E1/{port}', f'elm-{port}/E1/1'))
        wiring.swap(0, 1)
        cls.fabric = mirror(make_fabric(), wiring)

    def test_the_summary_of_a_fabric(self):
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-cabling', args=[self.fabric.pk])
        self.assertEqual(self.client.get(url, **self.header).status_code, 403)
        allow(self.user, 'view', model=type(self.fabric))
        self.assertEqual(self.client.get(url, **self.header).status_code, 403)
        allow(self.user, 'view', model=CablingCheck)
        data = self.client.get(url, **self.header).data
        self.assertEqual(data['hints'], ['Swap E1/1 and E1/2 on oak-1.'])
        self.assertEqual({state: count for state, count in data['counts'].items() if count}, {
            'wrong_neighbor': 2, 'verified': 1,
        })


class CablingFilterSetTestCase(BaseFilterSetTestMixin, DjangoTestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = CablingCheck.objects.all()
    filterset = CablingCheckFilterSet
    ignore_fields = ('resource', 'key', 'seen', 'seen_by_peer', 'reported_state', 'rank', 'sentence', 'hint')

    @classmethod
    def setUpTestData(cls):
        crossed()

    def ports(self, **params):
        return [str(check) for check in self.filterset(params, self.queryset).qs]

    def test_filters(self):
        wrong = ['oak-1 E1/1 – elm-1 E1/1', 'oak-1 E1/2 – elm-2 E1/1']
        self.assertEqual(self.ports(state=['wrong_neighbor']), wrong)
        self.assertEqual(self.ports(is_issue=True), wrong)
        self.assertEqual(self.ports(switch=['oak-1'], state=['one_end']), ['oak-1 E1/5 – node-a enp1'])
        self.assertEqual(len(self.ports(q='oak-2')), 2)
        self.assertEqual(self.ports(peer=['node-a']), ['oak-1 E1/5 – node-a enp1'])
        self.assertEqual(len(self.ports(q=' ')), 5)


class CablingPageTestCase(TestCase):
    user_permissions = (
        'netbox_hedgehog.view_fabric', 'netbox_hedgehog.view_fabricresource', 'netbox_hedgehog.view_cablingcheck',
    )

    def setUp(self):
        super().setUp()
        all_alive()

    def page(self, url):
        response = self.client.get(url)
        self.assertHttpStatus(response, 200)
        return text(response.content)

    def test_crossed_cables(self):
        fabric = crossed()
        page = self.page(reverse('plugins:netbox_hedgehog:fabric_cabling', args=[fabric.pk]))
        self.assertIn('Swap E1/1 and E1/2 on oak-1.', page)
        self.assertLess(page.index('Wrong neighbor'), page.index('Verified from one end'))
        self.assertIn('oak-1 E1/1 is connected to elm-2 E1/1 (expected elm-1 E1/1).', page)
        declared = FabricResource.objects.get(kind='Connection', name='oak-1--elm-1')
        self.assertIn('Swap E1/1 and E1/2 on oak-1.', self.page(declared.get_absolute_url()))
        self.assertIn('oak-1 E1/1', self.page(reverse(LIST)))
        rows = list(csv.DictReader(self.client.get(f'{reverse(LIST)}?export=table').content.decode().splitlines()))
        self.assertEqual([row['State'] for row in rows], ['wrong_neighbor'] * 2 + ['one_end'] + ['verified'] * 2)

    def test_the_overview_needs_attention(self):
        crossed()
        overview = reverse('plugins:netbox_hedgehog:overview')
        page = self.page(overview)
        self.assertIn('1 fabric needs attention.', page)
        self.assertIn('Links with the wrong neighbor 2', page)
        self.remove_permissions('netbox_hedgehog.view_cablingcheck')
        self.assertNotIn('wrong neighbor', self.page(overview))

    def test_switch_health_tells_it(self):
        crossed()
        leaf = SwitchHealth.objects.get(name='oak-1')
        self.assertEqual((leaf.level, leaf.cabling_issues), ('warning', 2))
        self.assertIn('Swap E1/1 and E1/2 on oak-1.', leaf.sentences[0])
        self.assertEqual(SwitchHealth.objects.get(name='oak-2').level, 'ok')
        self.assertEqual(SwitchHealth.objects.rollup()['cabling_issues'], 3)

    def test_old_data_says_nothing_about_now(self):
        fabric = crossed()
        CablingCheck.objects.update(read_at=ago(hours=2))
        page = self.page(reverse('plugins:netbox_hedgehog:fabric_cabling', args=[fabric.pk]))
        self.assertIn('No recent data. Last fetched at', page)
        self.assertNotIn('Swap E1/1 and E1/2 on oak-1.', page.split('Oldest data')[0])
        self.assertEqual({check.state for check in CablingCheck.objects.all()}, {'unknown'})
        self.assertEqual(CablingCheck.objects.in_state('unknown').count(), 5)

    def test_a_viewer_learns_nothing_of_what_they_may_not_view(self):
        fabric = crossed()
        mirror(make_fabric('b'), wired())
        self.remove_permissions('netbox_hedgehog.view_cablingcheck')
        tab = reverse('plugins:netbox_hedgehog:fabric_cabling', args=[fabric.pk])
        self.assertHttpStatus(self.client.get(reverse(LIST)), 403)
        self.assertNotIn('oak-1', self.page(tab))
        declared = FabricResource.objects.get(fabric=fabric, kind='Connection', name='oak-1--elm-1')
        self.assertNotIn('is connected to', self.page(declared.get_absolute_url()))
        allow(self.user, 'view', model=CablingCheck, constraints={'fabric__name': 'b'})
        self.assertNotIn('(expected', self.page(reverse(LIST)))
        for url in (tab, declared.get_absolute_url()):
            page = self.page(url)
            self.assertNotIn('is connected to', page)
            self.assertNotIn('Swap', page)

    def test_netbox_s_own_pages_of_interfaces_and_cables(self):
        fabric = mirror(inventory_fabric(), wired(0, 1))
        reconcile(fabric)
        interface = Interface.objects.get(device__name='oak-1', name='E1/1')
        for model in (InventoryLink, Interface, Cable):
            allow(self.user, 'view', model=model)
        others = Interface.objects.get(device__name='oak-2', name='E1/1')
        for shown in (interface, interface.cable, Interface.objects.get(device__name='elm-1', name='E1/1')):
            self.assertIn('Swap E1/1 and E1/2 on oak-1.', self.page(shown.get_absolute_url()), shown)
        for shown in (others, others.cable):
            page = self.page(shown.get_absolute_url())
            self.assertIn('oak-2 E1/1 is connected to elm-1 E1/2, as declared.', page)
            self.assertNotIn('Swap', page)
        self.remove_permissions('netbox_hedgehog.view_cablingcheck')
        for shown in (interface, interface.cable):
            self.assertNotIn('is connected to', self.page(shown.get_absolute_url()))

    def test_since_and_identity_last_from_sync_to_sync(self):
        fabric = mirror(make_fabric(), wired(0, 1), read_at=ago(seconds=50))
        before = {str(check): (check.pk, check.since) for check in CablingCheck.objects.all()}
        mirror(fabric, wired(0, 1), read_at=ago(seconds=10))
        self.assertEqual({str(check): (check.pk, check.since) for check in CablingCheck.objects.all()}, before)
        self.assertTrue(all(check.read_at > check.since for check in CablingCheck.objects.all()))
        mirror(fabric, wired(), read_at=ago(seconds=5))
        after = {str(check): (check.pk, check.since) for check in CablingCheck.objects.all()}
        self.assertEqual({name for name in after if after[name] != before[name]}, {
            'oak-1 E1/1 – elm-1 E1/1', 'oak-1 E1/2 – elm-2 E1/1',
        })
        FabricResource.objects.filter(kind='Connection', name='node-a--oak-1').update(missing_since=ago())
        record_health(fabric)
        # What nobody declares any more is a neighbor that is not declared.
        self.assertEqual(CablingCheck.objects.get(peer='', switch='oak-1').reported_state, 'undeclared')

    def test_events_once_a_link(self):
        fabric = make_fabric()
        silent = wired(0, 1)
        silent.silent = {'oak-1', 'elm-1', 'elm-2'}
        told = []
        for wiring in (wired(), wired(0, 1), wired(0, 1), silent, wired(0, 1), wired(), wired()):
            mirror(fabric, wiring)
            notify_cabling(fabric.pk, miscabled_links(fabric), partial(unknown_links, fabric))
            told.append(list(FabricEvent.objects.order_by('pk').values_list('event_type', flat=True)))
        begun, ended = ['hedgehog_miscabled'], ['hedgehog_miscabled', 'hedgehog_cabling_recovered']
        self.assertEqual(told, [[], begun, begun, begun, begun, ended, ended])
        self.assertEqual(FabricEvent.objects.order_by('pk')[0].message, (
            'Links of a have the wrong neighbor: oak-1 E1/1 – elm-1 E1/1, oak-1 E1/2 – elm-2 E1/1.'
        ))

    def test_the_command(self):
        fabric = make_fabric()
        with pytest.raises(CommandError, match='has not been checked'):
            call_command('hedgehog_sync', 'cabling', 'a', stdout=StringIO())
        for wiring, code in ((wired(), 0), (wired(0, 1), 1)):
            mirror(fabric, wiring)
            out = StringIO()
            with pytest.raises(SystemExit) as end:
                call_command('hedgehog_sync', 'cabling', 'a', stdout=out)
            self.assertEqual(end.value.code, code)
        lines = out.getvalue().splitlines()
        self.assertTrue(lines[0].startswith('oak-1 E1/1 – elm-1 E1/1: Wrong neighbor. oak-1 E1/1 is connected to elm-2 E1/1'))
        self.assertEqual(lines[-2:], [
            '2 × Wrong neighbor, 1 × Verified from one end, 2 × Verified.', 'Swap E1/1 and E1/2 on oak-1.',
        ])
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command('hedgehog_sync', 'cabling', 'a', '--json', stdout=out)
        self.assertEqual(json.loads(out.getvalue())[0]['state'], 'wrong_neighbor')

    def test_metrics(self):
        crossed()
        found = exposition()
        self.assertIn('netbox_hedgehog_fabric_cabling_links{fabric="a",state="wrong_neighbor"} 2.0', found)
        self.assertIn('netbox_hedgehog_fabric_cabling_links{fabric="a",state="undeclared"} 0.0', found)

    def test_the_statements_do_not_grow_with_the_links(self):
        counts = []
        for name, more in (('small', 0), ('large', 30)):
            wiring = wired()
            for number in range(more):
                wiring.connect(f'n{number}', 'unbundled', (f'n{number}/enp1', f'oak-1/E1/{10 + number}'))
            fabric = mirror(make_fabric(name), wiring)
            url = reverse('plugins:netbox_hedgehog:fabric_cabling', args=[fabric.pk])
            self.client.get(url)
            with CaptureQueriesContext(connection) as captured:
                self.client.get(url)
            counts.append(len(captured))
        self.assertEqual(counts[0], counts[1])
