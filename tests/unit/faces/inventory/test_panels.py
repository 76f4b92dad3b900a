"""The inventory on other pages: NetBox's own, and those of resources."""

import re

from dcim.models import Cable, Device, Interface, MACAddress, Module, ModuleBay, ModuleType
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from ipam.models import ASN, VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from utilities.testing import TestCase
from vpn.models import L2VPN

from netbox_hedgehog.choices import InventoryScopeChoices
from netbox_hedgehog.models import Discrepancy, Fabric, FabricResource, InventoryLink
from netbox_hedgehog.template_content import KEY, any_inventory

from ....support.inventory import synced
from ....support.pages import ago, allow, make_fabric, make_resource
from .base import make_device, make_discrepancy, make_site

OURS = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.view_fabricresource', 'netbox_hedgehog.view_inventorylink',
        'netbox_hedgehog.view_discrepancy')
THEIRS = tuple(
    f'{model._meta.app_label}.view_{model._meta.model_name}'
    for model in (
        Device, Interface, Cable, ModuleBay, Module, ModuleType, MACAddress, VRF, Prefix, VLAN, VLANGroup, IPAddress,
        IPRange, ASN, L2VPN,
    )
)


def words(response):
    return ' '.join(re.sub(r'<[^>]+>', ' ', response.content.decode()).split())


class CorePagesTestCase(TestCase):
    user_permissions = (*OURS, *THEIRS)

    @classmethod
    def setUpTestData(cls):
        cls.fabric = synced('sample', inventory_scope=list(InventoryScopeChoices.values()))
        Fabric.objects.filter(pk=cls.fabric.pk).update(last_sync=ago(seconds=60), sync_status='in_sync')

    def setUp(self):
        super().setUp()
        # What is remembered of the test before is of a database that has been rolled back.
        cache.delete(KEY)

    def get(self, instance):
        response = self.client.get(instance.get_absolute_url())
        self.assertHttpStatus(response, 200)
        return response

    def test_every_model(self):
        for model in (
            Device, Interface, Cable, ModuleBay, Module, ModuleType, MACAddress, VRF, Prefix, VLAN, VLANGroup, IPAddress,
            IPRange, ASN, L2VPN,
        ):
            with self.subTest(model=model.__name__):
                link = InventoryLink.objects.filter(
                    object_type__app_label=model._meta.app_label, object_type__model=model._meta.model_name,
                ).first()
                page = words(self.get(model.objects.get(pk=link.object_id)))
                self.assertIn('Hedgehog fabric', page)
                self.assertIn(f'{link.kind} {link.name}', page)
                self.assertNotIn('An error occurred', page)

    def test_what_it_says_of_a_device(self):
        device = Device.objects.get(name='leaf-01')
        link = InventoryLink.objects.get(object_type__model='device', object_id=device.pk)
        link.kept = ['serial']
        link.save()
        make_discrepancy(self.fabric, link, sentence='The platform is another.')
        page = words(self.get(device))
        self.assertIn('Created', page)
        self.assertIn('Managed', page)
        self.assertIn('NetBox value kept Serial number', page)
        self.assertIn('The platform is another.', page)
        self.assertIn('1 minute', page)

    def test_the_as_number_of_a_switch_and_the_version_of_its_software(self):
        device = Device.objects.get(name='leaf-01')
        asn = FabricResource.objects.get(kind='Switch', name='leaf-01').spec['asn']
        page = words(self.get(device))
        self.assertIn(f'ASN {asn} ', page)
        self.assertRegex(page, r'NOS version 4\.5\.2-Enterprise_Base \(agent heard .+ ago\)')
        page = words(self.get(Device.objects.get(name='server-01')))
        self.assertNotIn('ASN', page.partition('Hedgehog fabric')[2])
        self.assertNotIn('NOS version', page)
        self.assertNotIn('NOS version', words(self.get(Device.objects.get(name='gateway-1'))))

    def test_the_resource_that_is_in_the_cluster_comes_before_deleted_ones_of_its_name(self):
        present = FabricResource.objects.get(kind='Switch', name='leaf-01')
        gone = [
            make_resource(self.fabric, name='leaf-01', namespace=namespace, uid=namespace, spec={'asn': asn},
                          missing_since=ago(days=days))
            for namespace, asn, days in (('older', 65901, 9), ('newer', 65902, 1))
        ]
        page = words(self.get(Device.objects.get(name='leaf-01')))
        self.assertIn(f'ASN {present.spec["asn"]} ', page)
        self.assertIn(present.get_absolute_url(), self.get(Device.objects.get(name='leaf-01')).content.decode())
        FabricResource.objects.filter(pk=present.pk).update(missing_since=ago(days=30))
        response = self.get(Device.objects.get(name='leaf-01'))
        self.assertIn('ASN 65902 ', words(response))
        self.assertIn(gone[1].get_absolute_url(), response.content.decode())

    def test_of_resources_that_a_user_may_not_view_nothing_is_said(self):
        self.remove_permissions('netbox_hedgehog.view_fabricresource')
        allow(self.user, 'view', model=FabricResource, constraints={'kind': 'Switch'})
        page = words(self.get(Device.objects.get(name='leaf-01')))
        self.assertIn('ASN 65', page)
        self.assertNotIn('NOS version', page)

    def test_whatever_a_manifest_holds(self):
        FabricResource.objects.filter(kind='Switch', name='leaf-01').update(spec={'asn': '<b>'})
        FabricResource.objects.filter(kind='Agent', name='leaf-01').update(
            status={'lastHeartbeat': 7, 'state': {'nos': {'softwareVersion': ['<script>']}}},
        )
        page = self.get(Device.objects.get(name='leaf-01')).content.decode()
        self.assertNotIn('NOS version', page)
        self.assertNotIn('<b>', page.partition('Hedgehog fabric')[2].partition('</table>')[0])

    def test_never_fresher_than_it_is(self):
        Fabric.objects.update(last_sync=ago(days=1))
        self.assertIn('Stale: sync is overdue', words(self.get(Device.objects.get(name='leaf-01'))))
        Fabric.objects.update(inventory_enabled=False)
        self.assertIn('Inventory sync is disabled', words(self.get(Device.objects.get(name='leaf-01'))))

    def test_an_object_of_nobody(self):
        device = make_device(make_site('Elsewhere'), 'own')
        self.assertNotIn('Hedgehog fabric', words(self.get(device)))
        make_discrepancy(
            self.fabric, type='conflict', field='', sentence='The name is taken.',
            object_type=InventoryLink.objects.filter(object_type__model='device').first().object_type,
            object_id=device.pk,
        )
        self.assertIn('The name is taken.', words(self.get(device)))

    def test_permissions(self):
        device = Device.objects.get(name='leaf-01')
        self.remove_permissions(*OURS)
        self.assertNotIn('Hedgehog fabric', words(self.get(device)))
        allow(self.user, 'view', model=InventoryLink, constraints={'kind': 'Server'})
        self.assertNotIn('Hedgehog fabric', words(self.get(device)))
        self.assertIn('Hedgehog fabric', words(self.get(Device.objects.get(name='server-01'))))

    def ours(self, instance):
        self.get(instance)
        with CaptureQueriesContext(connection) as queries:
            self.get(instance)
        return [query['sql'] for query in queries if 'netbox_hedgehog' in query['sql']]

    def test_two_statements_and_none_without_an_inventory(self):
        device = Device.objects.get(name='leaf-01')
        self.assertEqual(len(self.ours(device)), 2)
        Discrepancy.objects.all().delete()
        InventoryLink.objects.all().delete()
        fabric = Fabric.objects.get()
        fabric.inventory_enabled = False
        fabric.save()
        self.assertEqual(self.ours(device), [])

    def test_asks_again_when_a_fabric_is_saved(self):
        InventoryLink.objects.all().delete()
        Fabric.objects.all().delete()
        fabric = make_fabric()
        self.assertFalse(any_inventory())
        fabric.inventory_enabled, fabric.inventory_site = True, make_site()
        fabric.save()
        self.assertTrue(any_inventory())


class ResourcePagesTestCase(TestCase):
    user_permissions = (*OURS, *THEIRS)

    @classmethod
    def setUpTestData(cls):
        cls.fabric = synced('sample')

    def page(self, kind, name):
        resource = FabricResource.objects.get(fabric=self.fabric, kind=kind, name=name)
        response = self.client.get(resource.get_absolute_url())
        self.assertHttpStatus(response, 200)
        return response

    def test_in_netbox(self):
        response = self.page('Switch', 'leaf-01')
        page = words(response)
        self.assertIn('In NetBox', page)
        self.assertIn('1 device leaf-01', page)
        self.assertIn('more', page)
        device = Device.objects.get(name='leaf-01')
        self.assertContains(response, f'href="/dcim/devices/{device.pk}/"')

    def test_in_netbox_for_those_who_may_not_view_the_objects(self):
        self.remove_permissions(*THEIRS)
        device = Device.objects.get(name='leaf-01')
        self.assertNotContains(self.page('Switch', 'leaf-01'), f'href="/dcim/devices/{device.pk}/"')

    def test_sections_link_what_they_name(self):
        for kind, name, texts, linked in (
            ('VPCPeering', 'vpc-01--vpc-02', ('Permits', 'default'), ('VPC', 'vpc-02')),
            ('ExternalPeering', 'vpc-01--internet', ('prefixes 0.0.0.0/0', 'subnets default'), ('External', 'internet')),
            ('External', 'internet', ('community 64500:5000', 'Referenced by'), ('ExternalAttachment', 'leaf-03--internet')),
            ('VPC', 'vpc-02', ('Static routes', '10.42.0.0/24', '10.20.1.9', 'Referenced by'), ('VPCPeering', 'vpc-01--vpc-02')),
        ):
            with self.subTest(kind=kind):
                response = self.page(kind, name)
                for text in texts:
                    self.assertIn(text, words(response))
                other = FabricResource.objects.get(fabric=self.fabric, kind=linked[0], name=linked[1])
                self.assertContains(response, f'href="{other.get_absolute_url()}"')
        peering = FabricResource.objects.filter(fabric=self.fabric, kind='GatewayPeering').first()
        page = words(self.page('GatewayPeering', peering.name))
        self.assertIn('masquerade', page)
        self.assertIn('198.51.100.7/32', page)

    def test_statements_do_not_grow(self):
        counts = []
        for name in ('leaf-01', 'spine-01'):
            self.page('Switch', name)
            with CaptureQueriesContext(connection) as queries:
                self.page('Switch', name)
            counts.append(len(queries))
        self.assertLess(max(counts), 45)
