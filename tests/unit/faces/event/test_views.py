"""NetBox's own test cases for the pages of events, and a fabric's tab."""

import re

from django.urls import NoReverseMatch, reverse
from utilities.testing import ViewTestCases

from netbox_hedgehog.models import Fabric, FabricEvent

from ....support.pages import allow
from .base import make_events


class FabricEventViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = FabricEvent

    def _get_base_url(self):
        return 'plugins:netbox_hedgehog:fabricevent_{}'

    @classmethod
    def setUpTestData(cls):
        cls.fabric = make_events()

    def test_nothing_writes(self):
        for action in ('edit', 'delete'):
            with self.assertRaises(NoReverseMatch):
                reverse(f'plugins:netbox_hedgehog:fabricevent_{action}', args=[1])
        for action in ('add', 'bulk_import', 'bulk_edit', 'bulk_delete'):
            with self.assertRaises(NoReverseMatch):
                reverse(f'plugins:netbox_hedgehog:fabricevent_{action}')

    def test_what_it_says(self):
        allow(self.user, 'view', model=FabricEvent)
        allow(self.user, 'view', model=Fabric)
        listed = self.client.get(self._get_url('list'))
        self.assertContains(listed, 'a is stale.')
        badges = re.findall(r'badge[^>]*>\s*([^<]*?)\s*<', listed.content.decode())
        self.assertIn('Hedgehog: fabric stale', badges)
        page = self.client.get(FabricEvent.objects.get(message='a is stale.').get_absolute_url())
        self.assertContains(page, 'Hedgehog: fabric stale')
        self.assertContains(page, 'sync_state', msg_prefix='the payload is for whoever writes an event rule')

    def test_of_one_fabric(self):
        other = make_events('b')
        allow(self.user, 'view')
        url = reverse('plugins:netbox_hedgehog:fabric_events', args=[other.pk])
        self.assertNotContains(self.client.get(url), 'b is stale.')
        self.assertNotContains(self.client.get(other.get_absolute_url()), url)
        allow(self.user, 'view', model=FabricEvent)
        self.assertContains(self.client.get(other.get_absolute_url()), url)
        page = self.client.get(url)
        self.assertContains(page, 'b is stale.')
        self.assertNotContains(page, 'a is stale.')
