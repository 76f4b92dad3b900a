"""Prefixes that addresses are in: they come with the first address, and go with the last."""

import pytest
from ipam.models import VRF, IPAddress, Prefix

from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink, KindSync

from ...support.inventory import again, fabric_of, grace_is_over, mirror, removed, settled
from ...support.resources import make, small

pytestmark = pytest.mark.django_db

LINK = 'spine-1--fabric--leaf-1'


def resources(*more: Resource, without: tuple[str, ...] = ()) -> list[Resource]:
    return [resource for resource in (*small(), *more) if resource.name not in without and resource.kind not in without]


def prefixes(vrf: str = 'Underlay') -> list[str]:
    return sorted(map(str, Prefix.objects.filter(vrf__name__startswith=vrf).values_list('prefix', flat=True)))


@pytest.fixture
def fabric() -> Fabric:
    fabric = settled(resources(), inventory_removal='delete')
    assert prefixes() == ['172.30.0.0/21', '172.30.128.0/31']
    return fabric


def test_netbox_sees_the_addresses_in_them(fabric):
    management = Prefix.objects.get(prefix='172.30.0.0/21')
    assert (management.status, management.description) == ('active', 'Management')
    assert {str(address) for address in management.get_child_ips()} == {'172.30.0.8/21', '172.30.0.9/21'}
    assert management.get_first_available_ip() == '172.30.0.1/21'
    assert Prefix.objects.get(prefix='172.30.128.0/31').get_utilization() == 100


def test_one_goes_with_the_last_address_in_it(fabric):
    removed(fabric, resources(without=('spine-1', LINK)))
    assert prefixes() == ['172.30.0.0/21']
    assert not Discrepancy.objects.exists()


def test_until_it_goes_the_discrepancy_says_that_the_fabric_no_longer_has_it(fabric):
    again(fabric, resources(without=(LINK,)))
    row = Discrepancy.objects.get(type='orphan', kind='Fabric')
    assert row.sentence.startswith('Fabric dc-1 no longer defines 172.30.128.0/31.')
    again(fabric, resources())
    assert not Discrepancy.objects.exists()
    assert not InventoryLink.objects.filter(stale_since__isnull=False).exists()


def test_the_last_address_takes_the_vrf_with_it(fabric):
    removed(fabric, resources(without=('Switch', 'Connection', 'VPCAttachment')))
    assert not VRF.objects.filter(name__startswith='Underlay').exists()
    assert not Discrepancy.objects.exists()


def test_one_stays_with_an_address_that_cannot_be_determined(fabric):
    """The port is not there any more, which is an issue of the Connection: its objects stay until that is mended."""
    broken = make('Connection', LINK, fabric={'links': [{
        'spine': {'port': 'spine-1/E1/77', 'ip': '172.30.128.0/31'}, 'leaf': {'port': 'leaf-1/E1/77', 'ip': '172.30.128.1/31'},
    }]})
    removed(fabric, [*resources(without=(LINK,)), broken])
    assert IPAddress.objects.filter(address__startswith='172.30.128.').count() == 2
    assert prefixes() == ['172.30.0.0/21', '172.30.128.0/31']
    assert not Discrepancy.objects.filter(type='orphan').exists()


def test_one_stays_with_the_addresses_of_a_kind_that_was_never_read(fabric):
    mirror(fabric, resources(without=('Connection',)))
    KindSync.objects.filter(kind='Connection').delete()
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)
    assert prefixes() == ['172.30.0.0/21', '172.30.128.0/31']


@pytest.mark.parametrize('scope', ['devices', 'addressing'])
def test_a_disabled_scope_is_no_removal(fabric, scope):
    fabric.inventory_scope = sorted({'devices', 'cabling', 'addressing', 'vpcs'} - {scope})
    fabric.save()
    removed(fabric, resources())
    assert prefixes() == ['172.30.0.0/21', '172.30.128.0/31']
    assert VRF.objects.filter(name__startswith='Underlay').exists()
    assert not InventoryLink.objects.filter(stale_since__isnull=False).exists()


def test_the_prefix_of_a_person_is_a_conflict_and_the_addresses_are_not_affected(fabric):
    theirs = Prefix.objects.create(prefix='172.30.130.0/31', vrf=VRF.objects.get(name__startswith='Underlay'))
    link = make('Connection', 'x', fabric={'links': [{
        'spine': {'port': 'spine-1/E1/2', 'ip': '172.30.130.0/31'}, 'leaf': {'port': 'leaf-1/E1/4', 'ip': '172.30.130.1/31'},
    }]})
    found = resources(link, without=('server-2--bundled--leaf-1', 'vpc-1--server-2'))
    again(fabric, found)
    row = Discrepancy.objects.get(type='conflict')
    assert (row.kind, row.object) == ('Fabric', theirs)
    assert row.sentence.startswith('Prefix 172.30.130.0/31 skipped')
    assert IPAddress.objects.filter(address__startswith='172.30.130.').count() == 2
    fabric.inventory_adoption = 'name'
    fabric.save()
    again(fabric, found)
    assert Prefix.objects.get(prefix='172.30.130.0/31') == theirs
    assert InventoryLink.objects.get(object_id=theirs.pk, object_type__model='prefix').origin == 'adopted'
    assert not Discrepancy.objects.filter(type='conflict').exists()


def test_one_becomes_a_subnet_of_the_vpc_and_stays_the_same_object():
    link = {'switch': {'port': 'spine-1/E1/4', 'ip': '10.0.9.7/24'}}
    static = make('Connection', 'static', staticExternal={'link': link, 'withinVPC': 'vpc-1'})
    fabric = fabric_of()
    again(fabric, resources(static))
    prefix = Prefix.objects.get(prefix='10.0.9.0/24', vrf__name__startswith='vpc-1')
    vpc = next(resource for resource in small() if resource.kind == 'VPC')
    subnets = {**vpc.spec['subnets'], 'more': {'subnet': '10.0.9.0/24', 'vlan': 1009}}
    again(fabric, [*resources(static, without=('VPC',)), make('VPC', 'vpc-1', **{**vpc.spec, 'subnets': subnets})])
    assert Prefix.objects.get(prefix='10.0.9.0/24', vrf__name__startswith='vpc-1') == prefix
    assert InventoryLink.objects.get(object_id=prefix.pk, object_type__model='prefix').kind == 'VPC'
    again(fabric, resources(static))
    assert Prefix.objects.get(prefix='10.0.9.0/24', vrf__name__startswith='vpc-1') == prefix
    assert InventoryLink.objects.get(object_id=prefix.pk, object_type__model='prefix').kind == 'Fabric'
    assert not Discrepancy.objects.exclude(type='orphan').exists()


def test_one_goes_when_its_address_moves_to_another_vrf():
    def static(vpc: str) -> Resource:
        link = {'switch': {'port': 'spine-1/E1/4', 'ip': '10.0.9.7/24'}}
        return make('Connection', 'static', staticExternal={'link': link, 'withinVPC': vpc})

    other = make('VPC', 'other', ipv4Namespace='default', vlanNamespace='default', subnets={})
    fabric = fabric_of(inventory_removal='delete')
    again(fabric, resources(other, static('vpc-1')))
    assert '10.0.9.0/24' in prefixes('vpc-1')
    removed(fabric, resources(other, static('other')))
    assert '10.0.9.0/24' not in prefixes('vpc-1')
    assert prefixes('other') == ['10.0.9.0/24']
