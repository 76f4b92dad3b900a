"""An inventory of one of several Hedgehog fabrics: what the filter excludes is removed with care, or handed over."""

import dataclasses
from typing import Any

import pytest
from dcim.models import Cable, Device
from ipam.models import IPAddress, Prefix

from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import confirm_removal, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, FabricResource, InventoryLink, KindSync

from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.resources import make, small

pytestmark = pytest.mark.django_db

PLACED = ('Switch', 'Connection', 'VPC', 'VPCAttachment', 'IPv4Namespace')


def backend() -> list[Resource]:
    """A second small fabric of the same controller: a leaf, a connection of server-2, and a VPC."""
    link = {'server': {'port': 'server-2/nic9'}, 'switch': {'port': 'back-1/E1/1'}}
    return [_placed(resource) for resource in (
        make('IPv4Namespace', 'back', subnets=['10.7.0.0/16']),
        make('Switch', 'back-1', role='server-leaf', profile='x4', asn=65201, ip='172.31.0.9/21', boot={'serial': 'B-1'}),
        make('Connection', 'server-2--back-1', unbundled={'link': link}),
        make('VPC', 'back', ipv4Namespace='back', vlanNamespace='default',
             subnets={'web': {'subnet': '10.7.1.0/24', 'vlan': 1500}}),
    )]


def _placed(resource: Resource) -> Resource:
    return dataclasses.replace(resource, spec={**resource.spec, 'topology': {'fabric': 'backend'}})


def choose(fabric: Fabric, topology: str, resources: list[Resource]) -> None:
    """Set the filter, and let the mirror hold what a sync leaves in it."""
    fabric.topology_filter = topology
    fabric.save()
    mirror(fabric, resources)


@pytest.fixture
def everything() -> Fabric:
    fabric = synced([*small(), *backend()], inventory_removal='delete')
    return fabric


def shared() -> list[Resource]:
    return [resource for resource in small() if resource.kind not in PLACED]


def second(**settings: Any) -> Fabric:
    return fabric_of([*shared(), *backend()], name='back', topology_filter='backend', **settings)


def test_a_server_of_other_hedgehog_fabrics_is_no_device_of_this_one():
    reconcile(second())
    assert set(Device.objects.values_list('name', flat=True)) == {'back-1', 'server-2'}


def test_without_the_connections_every_server_stays():
    fabric = second()
    KindSync.objects.filter(fabric=fabric, kind='Connection').delete()
    FabricResource.objects.filter(fabric=fabric, kind='Connection').delete()
    reconcile(fabric)
    assert {'server-1', 'server-2'} <= set(Device.objects.values_list('name', flat=True))


def test_a_filter_removes_nothing_before_grace_and_confirmation(everything):
    before = Device.objects.count()
    choose(everything, 'default', small())
    report = reconcile(everything)
    assert report.requires_confirmation, 'many at once'
    assert not InventoryLink.objects.filter(fabric=everything, stale_since__isnull=False).exists()
    confirm_removal(everything, everything.inventory_unconfirmed['digest'])
    assert Device.objects.get(name='back-1').status == 'decommissioning'
    assert Device.objects.count() == before
    choose(everything, '', [*small(), *backend()])
    reconcile(everything)
    assert Device.objects.get(name='back-1').status == 'active', 'it is taken back'


@pytest.mark.parametrize('is_early', [True, False], ids=['the other one first', 'the filter first'])
def test_what_another_fabric_syncs_now_is_handed_over_and_not_deleted(everything, is_early):
    device = Device.objects.get(name='back-1')
    device.comments = 'cabled by hand'
    device.save()
    cable = Cable.objects.get(label='server-2--back-1')
    address, prefix = IPAddress.objects.get(address='172.31.0.9/21'), Prefix.objects.get(prefix='10.7.1.0/24')
    other = second()
    if is_early:
        assert 'conflict' in reconcile(other).findings, 'as long as the first fabric manages them'
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    assert InventoryLink.objects.get(object_type__model='device', object_id=device.pk).fabric == other
    assert not Discrepancy.objects.filter(fabric=everything, name='back-1').exists()
    reconcile(other)
    grace_is_over(everything)
    reconcile(everything, confirmed=True)
    assert not reconcile(other).changes
    device.refresh_from_db()
    assert (device.status, device.comments, device.serial) == ('active', 'cabled by hand', 'B-1')
    assert Cable.objects.filter(pk=cable.pk).exists()
    assert IPAddress.objects.get(pk=address.pk).vrf.name == 'Underlay (back)'
    assert Prefix.objects.get(prefix=prefix.prefix).vrf.name == 'back (back)'
    assert Prefix.objects.filter(pk=prefix.pk).exists() != is_early, 'it has one of its own by then'
    managed = set(InventoryLink.objects.filter(fabric=everything).values_list('name', flat=True))
    assert not managed & {'back-1', 'server-2--back-1', 'back'}
    assert Device.objects.filter(name='server-2').count() == 1


def test_nothing_is_handed_over_to_a_fabric_without_an_inventory(everything):
    second(inventory_enabled=False)
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    assert InventoryLink.objects.get(object_type__model='device', name='back-1').fabric == everything


def test_what_was_removed_from_the_cluster_is_not_handed_over(everything):
    other = second()
    mirror(other, shared())
    choose(everything, 'default', small())
    reconcile(everything, confirmed=True)
    grace_is_over(everything)
    reconcile(everything, confirmed=True)
    assert not Device.objects.filter(name='back-1').exists()
