"""Every filter of events."""

from django.test import TestCase
from utilities.testing import BaseFilterSetTestMixin

from netbox_hedgehog.filtersets import FabricEventFilterSet
from netbox_hedgehog.models import FabricEvent

from ....support.pages import ago
from .base import make_events


class FabricEventFilterSetTestCase(BaseFilterSetTestMixin, TestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = FabricEvent.objects.all()
    filterset = FabricEventFilterSet
    ignore_fields = ('data', 'rules_done')

    @classmethod
    def setUpTestData(cls):
        cls.a, cls.b = make_events('a'), make_events('b')
        FabricEvent.objects.filter(message='a is stale.').update(created=ago(days=3), error='the rule is broken')

    def messages(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list('message', flat=True))

    def test_fields(self):
        self.assertEqual(self.messages(fabric=['a'], event_type=['hedgehog_stale']), ['a is stale.'])
        self.assertEqual(len(self.messages(fabric_id=[self.b.pk])), 3)
        self.assertEqual(self.messages(event_type=['hedgehog_stale_ended']), ['a is well.', 'b is well.'])
        self.assertEqual(self.messages(created__lte=[ago(days=1)]), ['a is stale.'])
        self.assertEqual(self.messages(q='is stale'), ['a is stale.', 'b is stale.'])
        self.assertEqual(self.messages(q='broken'), ['a is stale.'])
        self.assertEqual(len(self.messages(q=' ')), 6)
