"""Every filter of discrepancies and links."""

from core.models import ObjectType
from dcim.models import Device, Site
from django.test import TestCase
from django.utils import timezone
from utilities.testing import BaseFilterSetTestMixin

from netbox_hedgehog.filtersets import DiscrepancyFilterSet, InventoryLinkFilterSet
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ....support.pages import ago
from .base import inventory_fabric, make_device, make_discrepancy, make_link


class _Rows(BaseFilterSetTestMixin):
    @classmethod
    def setUpTestData(cls):
        cls.moment = timezone.now().replace(microsecond=0)
        cls.a, cls.b = inventory_fabric('a'), inventory_fabric('b')
        cls.links = [
            make_link(cls.a, make_device(cls.a.inventory_site, 'leaf-1')),
            make_link(
                cls.a, make_device(cls.a.inventory_site, 'server-1'), kind='Server', origin='adopted',
                stale_since=ago(days=1), stale_syncs=2, scope='cabling',
            ),
            make_link(cls.b, cls.b.inventory_site, name='site-1', kind='VPC', origin='found', shared=True),
        ]
        cls.rows = [
            make_discrepancy(cls.a, cls.links[0]),
            make_discrepancy(
                cls.a, cls.links[1], type='conflict', field='', sentence='The port is taken.', state='ignored',
                since=ago(days=2), last_seen=cls.moment,
            ),
            make_discrepancy(cls.b, cls.links[2], type='unmatched', field='name', state='kept'),
        ]

    def names(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list('name', flat=True))

    def test_fabric(self):
        self.assertEqual(self.names(fabric_id=[self.a.pk]), ['leaf-1', 'server-1'])
        self.assertEqual(self.names(fabric=['b']), ['site-1'])

    def test_what_it_is_about(self):
        self.assertEqual(self.names(kind=['Switch', 'VPC']), ['leaf-1', 'site-1'])
        self.assertEqual(self.names(scope=['cabling']), ['server-1'])
        self.assertEqual(self.names(name=['leaf-1']), ['leaf-1'])
        self.assertEqual(self.names(key=['device/leaf-1']), ['leaf-1'])
        self.assertEqual(self.names(key__ic=['DEVICE']), ['leaf-1', 'server-1'])

    def test_object(self):
        device = Device.objects.get(name='leaf-1')
        self.assertEqual(self.names(object_type=['dcim.device']), ['leaf-1', 'server-1'])
        site = ObjectType.objects.get_for_model(Site)
        self.assertEqual(self.names(object_type_id=[site.pk]), ['site-1'])
        self.assertEqual(self.names(object_type=['dcim.device'], object_id=[device.pk]), ['leaf-1'])


class DiscrepancyFilterSetTestCase(_Rows, TestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = Discrepancy.objects.all()
    filterset = DiscrepancyFilterSet
    # Values are any JSON; a sentence is searched.
    ignore_fields = ('fabric_value', 'netbox_value', 'parameters', 'digest', 'refused', 'sentence')

    def test_q(self):
        self.assertEqual(self.names(q='LEAF'), ['leaf-1'])
        self.assertEqual(self.names(q='port is taken'), ['server-1'])
        self.assertEqual(self.names(q='serial '), ['leaf-1', 'site-1'])
        self.assertEqual(self.names(q=' '), ['leaf-1', 'server-1', 'site-1'])

    def test_type_state_field(self):
        self.assertEqual(self.names(type=['conflict', 'field']), ['leaf-1', 'server-1'])
        self.assertEqual(self.names(state=['ignored', 'kept']), ['server-1', 'site-1'])
        self.assertEqual(self.names(field=['serial']), ['leaf-1'])
        self.assertEqual(self.names(link_id=[self.links[2].pk]), ['site-1'])

    def test_times(self):
        self.assertEqual(self.names(since__lt=[ago(days=1)]), ['server-1'])
        self.assertEqual(self.names(last_seen=[self.moment]), ['server-1'])


class InventoryLinkFilterSetTestCase(_Rows, TestCase):
    __module__ = 'netbox_hedgehog.tests'
    queryset = InventoryLink.objects.all()
    filterset = InventoryLinkFilterSet
    ignore_fields = ('written', 'kept', 'before_stale', 'discrepancies')

    def test_q(self):
        self.assertEqual(self.names(q='LEAF'), ['leaf-1'])
        self.assertEqual(self.names(q='device/'), ['leaf-1', 'server-1'])
        self.assertEqual(self.names(q=' '), ['leaf-1', 'server-1', 'site-1'])

    def test_origin(self):
        self.assertEqual(self.names(origin=['adopted', 'found']), ['server-1', 'site-1'])
        self.assertEqual(self.names(shared=True), ['site-1'])

    def test_stale(self):
        self.assertEqual(self.names(stale=True), ['server-1'])
        self.assertEqual(self.names(stale=False), ['leaf-1', 'site-1'])
        self.assertEqual(self.names(stale_syncs=[2]), ['server-1'])
        self.assertEqual(self.names(stale_since__lt=[timezone.now()]), ['server-1'])

    def test_times(self):
        self.queryset.filter(name='leaf-1').update(created=self.moment, last_updated=self.moment)
        self.assertEqual(self.names(created=[self.moment]), ['leaf-1'])
        self.assertEqual(self.names(last_updated=[self.moment]), ['leaf-1'])
