"""Every filter of fabrics; and what the database says of a fabric's state against what the model says."""

import random
from datetime import timedelta

from django.test import TestCase
from django.utils import timezone
from extras.models import NotificationGroup
from utilities.testing import ChangeLoggedFilterSetTestMixin, create_tags

from netbox_hedgehog.choices import (
    ConnectionStatusChoices,
    FabricStatusChoices,
    SyncStateChoices,
    SyncStatusChoices,
)
from netbox_hedgehog.filtersets import FabricFilterSet
from netbox_hedgehog.models import Fabric

from ....support.pages import ago, make_fabric


class FabricFilterSetTestCase(ChangeLoggedFilterSetTestMixin, TestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = Fabric.objects.all()
    filterset = FabricFilterSet
    # Secrets cannot be asked for; texts of a PEM file, an error and a report are not what people filter by.
    ignore_fields = (
        'kubernetes_token', 'kubeconfig', 'kubernetes_ca_cert', 'sync_error', 'last_report', 'unsupported_kinds',
        'inventory_roles', 'inventory_scope', 'inventory_unconfirmed', 'inventory_error',
    )

    @classmethod
    def setUpTestData(cls):
        cls.moment = timezone.now().replace(microsecond=0)
        cls.fabrics = [
            make_fabric(
                'alpha', description='first', kubernetes_server='https://alpha.example.com', sync_interval=60,
                sync_status='in_sync', connection_status='connected', last_sync=cls.moment, last_attempt=cls.moment,
            ),
            make_fabric(
                'beta', description='second', kubernetes_server='https://beta.example.com', sync_interval=600,
                status='planned', sync_enabled=False, kubernetes_namespace='other', verify_tls=False,
                topology_filter='backend',
                comments='moved to the cellar',
            ),
            make_fabric(
                'gamma', kubernetes_server='', in_cluster=True, scheduler_enabled=False, status='maintenance',
                sync_status='failed', connection_status='failed', sync_error='refused the token',
                last_attempt=cls.moment - timedelta(days=1),
            ),
        ]
        cls.group = NotificationGroup.objects.create(name='night shift')
        cls.fabrics[1].notification_group = cls.group
        cls.fabrics[1].save()
        tags = create_tags('Red')
        cls.fabrics[0].tags.set(tags)

    def names(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list('name', flat=True))

    def test_q(self):
        self.assertEqual(self.names(q='alph'), ['alpha'])
        self.assertEqual(self.names(q='second'), ['beta'])
        self.assertEqual(self.names(q='cellar'), ['beta'])
        self.assertEqual(self.names(q='beta.example.com'), ['beta'])
        self.assertEqual(self.names(q='refused the token'), ['gamma'])
        self.assertEqual(self.names(q='  '), ['alpha', 'beta', 'gamma'])

    def test_texts(self):
        self.assertEqual(self.names(name=['alpha', 'beta']), ['alpha', 'beta'])
        self.assertEqual(self.names(name__ic=['AMM']), ['gamma'])
        self.assertEqual(self.names(description=['first']), ['alpha'])
        self.assertEqual(self.names(kubernetes_server=['https://alpha.example.com']), ['alpha'])
        self.assertEqual(self.names(kubernetes_namespace=['other']), ['beta'])
        self.assertEqual(self.names(topology_filter=['backend']), ['beta'])

    def test_switches(self):
        self.assertEqual(self.names(sync_enabled=False), ['beta'])
        self.assertEqual(self.names(sync_enabled=True), ['alpha', 'gamma'])
        self.assertEqual(self.names(scheduler_enabled=False), ['gamma'])
        self.assertEqual(self.names(verify_tls=False), ['beta'])
        self.assertEqual(self.names(in_cluster=True), ['gamma'])

    def test_choices(self):
        self.assertEqual(self.names(status=['planned', 'maintenance']), ['beta', 'gamma'])
        self.assertEqual(self.names(sync_status=['failed']), ['gamma'])
        self.assertEqual(self.names(connection_status=['connected', 'failed']), ['alpha', 'gamma'])

    def test_numbers_and_times(self):
        self.assertEqual(self.names(sync_interval=[60]), ['alpha'])
        self.assertEqual(self.names(sync_interval__gte=[300]), ['beta', 'gamma'])
        self.assertEqual(self.names(last_sync=[self.moment]), ['alpha'])
        self.assertEqual(self.names(last_attempt__lt=[self.moment]), ['gamma'])

    def test_notification_group(self):
        self.assertEqual(self.names(notification_group_id=[self.group.pk]), ['beta'])
        self.assertEqual(self.names(notification_group=['night shift']), ['beta'])

    def test_tag(self):
        self.assertEqual(self.names(tag=['red']), ['alpha'])

    def test_sync_state(self):
        make_fabric('stale', sync_status='in_sync', last_sync=ago(days=1))
        make_fabric('new')
        make_fabric('waiting', sync_status='queued')
        make_fabric('running', sync_status='syncing')
        make_fabric('part', sync_status='partial', last_attempt=timezone.now())
        for state, names in {
            'in_sync': ['alpha'], 'disabled': ['beta'], 'failed': ['gamma'], 'stale': ['stale'],
            'never_synced': ['new'], 'queued': ['waiting'], 'syncing': ['running'], 'partial': ['part'],
        }.items():
            with self.subTest(state=state):
                self.assertEqual(self.names(sync_state=[state]), names)
        self.assertEqual(self.names(sync_state=['stale', 'failed', 'disabled']), ['beta', 'gamma', 'stale'])


class DerivedStateTestCase(TestCase):
    """FabricQuerySet asks the database what the properties of Fabric answer: on rows of every sort, they agree."""

    @classmethod
    def setUpTestData(cls):
        rnd = random.Random(470)
        now = timezone.now()

        def moment(interval):
            # Around the border of staleness on both sides (never nearer than a run of this test takes), or nothing.
            return rnd.choice([
                None, now, now - timedelta(seconds=2 * interval + 30 - 20), now - timedelta(seconds=2 * interval + 31),
                now - timedelta(seconds=rnd.randrange(20 * interval)), now + timedelta(hours=1),
            ])

        fabrics = []
        for number in range(1500):
            interval = rnd.choice([30, 60, 300, 86_400, 604_800])
            fabrics.append(Fabric(
                name=f'f{number}', sync_interval=interval, status=rnd.choice(FabricStatusChoices.values()),
                sync_enabled=rnd.random() < 0.8, scheduler_enabled=rnd.random() < 0.8,
                sync_status=rnd.choice(SyncStatusChoices.values()), sync_error=rnd.choice(['', 'No route.']),
                connection_status=rnd.choice(ConnectionStatusChoices.values()),
                last_sync=moment(interval), last_attempt=moment(interval),
            ))
        Fabric.objects.bulk_create(fabrics)
        for fabric in fabrics:
            fabric.created = moment(fabric.sync_interval) or now
        Fabric.objects.bulk_update(fabrics, ['created'], batch_size=500)

    def test_filter_agrees_with_property(self):
        fabrics = list(Fabric.objects.all())
        seen = set()
        for state in SyncStateChoices.values():
            with self.subTest(state=state):
                expected = {fabric.name for fabric in fabrics if fabric.sync_state == state}
                found = FabricFilterSet({'sync_state': [state]}, Fabric.objects.all()).qs
                self.assertEqual(set(found.values_list('name', flat=True)), expected)
                seen |= {state} if expected else set()
        self.assertEqual(seen, set(SyncStateChoices.values()), 'the rows do not cover every state')

    def test_querysets_agree_with_properties(self):
        fabrics = list(Fabric.objects.all())
        for queryset, wanted in (
            (Fabric.objects.readable(), lambda fabric: fabric.may_sync),
            (Fabric.objects.scheduled(), lambda fabric: fabric.is_scheduled),
            (Fabric.objects.failing(), lambda fabric: fabric.is_failing),
            (Fabric.objects.overdue(), lambda fabric: fabric.overdue_since is not None),
        ):
            self.assertEqual(
                set(queryset.values_list('name', flat=True)), {fabric.name for fabric in fabrics if wanted(fabric)},
            )

    def test_overdue_at_is_overdue_since(self):
        for fabric in Fabric.objects.overdue():
            self.assertEqual(fabric.overdue_at, fabric.overdue_since)
