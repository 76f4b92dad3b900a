"""Every filter of resources."""

from django.test import TestCase
from django.utils import timezone
from utilities.testing import BaseFilterSetTestMixin

from netbox_hedgehog.filtersets import FabricResourceFilterSet
from netbox_hedgehog.models import FabricResource

from ....support.pages import ago, make_fabric, make_resource


class FabricResourceFilterSetTestCase(BaseFilterSetTestMixin, TestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = FabricResource.objects.all()
    filterset = FabricResourceFilterSet
    ignore_fields = ('labels', 'annotations', 'spec', 'status', 'fingerprint', 'seen_until', 'previous')

    @classmethod
    def setUpTestData(cls):
        cls.moment = timezone.now().replace(microsecond=0)
        cls.a, cls.b = make_fabric('a'), make_fabric('b')
        make_resource(
            cls.a, name='leaf-1', uid='u-1', generation=3, resource_version='17', created=cls.moment,
            first_seen=cls.moment, last_read=cls.moment, changed=cls.moment,
        )
        make_resource(cls.a, 'Server', 'server-1', namespace='other')
        make_resource(cls.b, 'VPC', 'vpc-1', missing_since=ago(hours=1))

    def names(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list('name', flat=True))

    def test_q(self):
        self.assertEqual(self.names(q='LEAF'), ['leaf-1'])
        self.assertEqual(self.names(q='u-1 '), ['leaf-1'])
        self.assertEqual(self.names(q=' '), ['leaf-1', 'server-1', 'vpc-1'])

    def test_fabric(self):
        self.assertEqual(self.names(fabric_id=[self.a.pk]), ['leaf-1', 'server-1'])
        self.assertEqual(self.names(fabric=['b']), ['vpc-1'])

    def test_kind(self):
        self.assertEqual(self.names(kind=['Switch', 'VPC']), ['leaf-1', 'vpc-1'])

    def test_missing(self):
        self.assertEqual(self.names(missing=True), ['vpc-1'])
        self.assertEqual(self.names(missing=False), ['leaf-1', 'server-1'])

    def test_fields(self):
        self.assertEqual(self.names(name=['leaf-1']), ['leaf-1'])
        self.assertEqual(self.names(name__isw=['LEAF']), ['leaf-1'])
        self.assertEqual(self.names(namespace=['other']), ['server-1'])
        self.assertEqual(self.names(uid=['u-1']), ['leaf-1'])
        self.assertEqual(self.names(generation=[3]), ['leaf-1'])
        self.assertEqual(self.names(resource_version=['17']), ['leaf-1'])
        for field in ('created', 'first_seen', 'last_seen', 'last_read', 'changed'):
            with self.subTest(field=field):
                self.assertEqual(self.names(**{field: [self.moment]}), ['leaf-1'])
        self.assertEqual(self.names(missing_since__lt=[timezone.now()]), ['vpc-1'])
