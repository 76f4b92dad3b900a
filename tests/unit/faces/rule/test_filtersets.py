"""Every filter of inventory rules."""

from dcim.models import DeviceRole, Location
from django.test import TestCase
from extras.models import Tag
from tenancy.models import Tenant
from utilities.testing import BaseFilterSetTestMixin

from netbox_hedgehog.filtersets import InventoryRuleFilterSet
from netbox_hedgehog.models import InventoryRule

from ..inventory.base import inventory_fabric
from .base import make_rule


class InventoryRuleFilterSetTestCase(BaseFilterSetTestMixin, TestCase):
    __module__ = 'netbox_hedgehog.tests'  # the mixin looks for the filterset in the package that this names
    queryset = InventoryRule.objects.all()
    filterset = InventoryRuleFilterSet
    # A list of kinds has the filter `kind`, and `names` is a list of patterns.
    ignore_fields = ('kinds',)
    filter_name_map = {'object_tag': 'object_tag'}

    @classmethod
    def setUpTestData(cls):
        cls.a, cls.b = inventory_fabric('a'), inventory_fabric('b')
        cls.site = cls.b.inventory_site
        cls.location = Location.objects.create(name='Row', slug='row', site=cls.site)
        cls.tenant = Tenant.objects.create(name='Acme', slug='acme')
        cls.role = DeviceRole.objects.create(name='Leaf', slug='leaf')
        cls.tag = Tag.objects.create(name='Lab', slug='lab')
        make_rule(cls.a, 'one', kinds=['Switch'], weight=1, tenant=cls.tenant, description='first')
        make_rule(cls.a, 'two', kinds=[], weight=2, exclude=True, enabled=False, names='', label_selector='row=a')
        make_rule(
            cls.b, 'three', kinds=['VPC', 'Server'], weight=3, site=cls.site, location=cls.location, role=cls.role,
            vrf_name='{vpc}',
        ).object_tags.add(cls.tag)

    def names(self, **params):
        return set(self.filterset(params, self.queryset).qs.values_list('name', flat=True))

    def test_each(self):
        for params, names in (
            ({'fabric_id': [self.a.pk]}, {'one', 'two'}),
            ({'fabric': ['b']}, {'three'}),
            ({'kind': ['Switch']}, {'one', 'two'}),
            ({'kind': ['VPC']}, {'two', 'three'}),
            ({'site_id': [self.site.pk]}, {'three'}),
            ({'location_id': [self.location.pk]}, {'three'}),
            ({'tenant_id': [self.tenant.pk]}, {'one'}),
            ({'role_id': [self.role.pk]}, {'three'}),
            ({'object_tag_id': [self.tag.pk]}, {'three'}),
            ({'exclude': True}, {'two'}),
            ({'enabled': False}, {'two'}),
            ({'weight': [1]}, {'one'}),
            ({'vrf_name': ['{vpc}']}, {'three'}),
            ({'q': 'row='}, {'two'}),
            ({'q': 'FIRST'}, {'one'}),
            ({'q': ' '}, {'one', 'two', 'three'}),
        ):
            with self.subTest(params=params):
                self.assertEqual(self.names(**params), names)
