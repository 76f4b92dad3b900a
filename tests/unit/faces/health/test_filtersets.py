"""Every filter of switch health."""

from django.test import TestCase
from utilities.testing import BaseFilterSetTestMixin

from netbox_hedgehog.filtersets import SwitchHealthFilterSet
from netbox_hedgehog.models import SwitchHealth
from netbox_hedgehog.sync.switch_health import record_health

from ....support.pages import make_fabric
from .test_pages import make_agent


class SwitchHealthFilterSetTestCase(BaseFilterSetTestMixin, TestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = SwitchHealth.objects.all()
    filterset = SwitchHealthFilterSet
    ignore_fields = ('findings', 'ports', 'resource', 'agent')

    @classmethod
    def setUpTestData(cls):
        fabric = make_fabric()
        make_agent(fabric, 'leaf-1', version='v0.1')
        make_agent(fabric, 'leaf-2', rebootRequired=True)
        make_agent(fabric, 'leaf-3', heartbeat=90)
        record_health(fabric)

    def names(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list('name', flat=True))

    def test_fields(self):
        self.assertEqual(self.names(name=['leaf-1']), ['leaf-1'])
        self.assertEqual(self.names(role=['server-leaf']), ['leaf-1', 'leaf-2', 'leaf-3'])
        self.assertEqual(self.names(reboot_required=True), ['leaf-2'])
        self.assertEqual(self.names(version=['v0.1']), ['leaf-1'])
        self.assertEqual(self.names(kind=['Gateway']), [])
        self.assertEqual(self.names(fabric=['a']), ['leaf-1', 'leaf-2', 'leaf-3'])
        self.assertEqual(self.names(q='v0.1'), ['leaf-1'])
        self.assertEqual(self.names(q=' '), ['leaf-1', 'leaf-2', 'leaf-3'])
        self.assertEqual(self.names(state=['warning']), ['leaf-2'])
        self.assertEqual(self.names(issue=['reboot_required', 'fans']), ['leaf-2'])
