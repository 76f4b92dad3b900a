"""DHCP reservations in NetBox: people assign them to interfaces, and they come and go."""

from typing import Any

import pytest
from dcim.models import Interface
from ipam.models import VRF, IPAddress

from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.models import Discrepancy, Fabric

from ...support.inventory import again, fabric_of, removed, settled
from ...support.resources import make, small

pytestmark = pytest.mark.django_db

MAC = '02:00:00:00:00:07'
STATIC = make('Connection', 'static', staticExternal={
    'link': {'switch': {'port': 'spine-1/E1/4', 'ip': '10.0.1.20/24'}}, 'withinVPC': 'vpc-1',
})


def resources(*more: Resource, **static: str) -> list[Resource]:
    """The small fabric with reservations in its subnet, by what follows "mac_" in the MAC address."""
    vpc = next(resource for resource in small() if resource.kind == 'VPC')
    web: dict[str, Any] = vpc.spec['subnets']['web']
    reservations = {f'{MAC[:-2]}{name.removeprefix("mac_")}': {'ip': ip} for name, ip in static.items()}
    subnets = {'web': {**web, 'dhcp': {**web['dhcp'], 'static': reservations}}}
    others = [resource for resource in small() if resource.kind != 'VPC']
    return [*others, make('VPC', 'vpc-1', **{**vpc.spec, 'subnets': subnets}), *more]


@pytest.fixture
def fabric() -> Fabric:
    return settled(resources(mac_07='10.0.1.20'), inventory_removal='delete')


def address() -> IPAddress:
    return IPAddress.objects.get(address__startswith='10.0.1.20/', vrf__name__startswith='vpc-1')


def assign() -> Interface:
    port = Interface.objects.get(device__name='server-1', name='eth0')
    found = address()
    found.assigned_object = port
    found.full_clean()
    found.save()
    return port


def test_one_is_reserved_moves_with_its_mac_address_and_goes(fabric):
    found = address()
    assert (found.status, found.assigned_object) == ('reserved', None)
    assert MAC in found.description
    again(fabric, resources(mac_07='10.0.1.21'))
    found.refresh_from_db()
    assert str(found.address) == '10.0.1.21/24'
    removed(fabric, resources())
    assert not IPAddress.objects.filter(pk=found.pk).exists()
    assert not Discrepancy.objects.exists()


def test_what_a_person_assigns_to_an_interface_stays_there(fabric):
    port = assign()
    again(fabric, resources(mac_07='10.0.1.20'))
    assert not Discrepancy.objects.exists()
    assert address().assigned_object == port
    removed(fabric, resources())
    assert address().assigned_object == port
    assert 'it was moved to another object in NetBox' in Discrepancy.objects.get(type='protected').sentence


def test_the_gateway_that_a_person_assigns_to_an_interface_stays_there_too(fabric):
    gateway = IPAddress.objects.get(address='10.0.1.1/24', vrf__name__startswith='vpc-1')
    gateway.assigned_object = Interface.objects.get(device__name='leaf-1', name='M1')
    gateway.save()
    removed(fabric, [resource for resource in resources() if resource.name != 'vpc-1'])
    gateway.refresh_from_db()
    assert gateway.assigned_object is not None


def test_an_address_of_a_person_is_a_conflict():
    fabric = fabric_of()
    again(fabric, resources())
    theirs = IPAddress.objects.create(address='10.0.1.20/24', vrf=VRF.objects.get(name__startswith='vpc-1'))
    again(fabric, resources(mac_07='10.0.1.20'))
    row = Discrepancy.objects.get(type='conflict')
    assert (row.kind, row.object) == ('VPC', theirs)


def test_one_takes_over_the_address_of_a_port_and_gives_it_back(fabric):
    found = address()
    again(fabric, resources(STATIC))
    found.refresh_from_db()
    assert found.assigned_object == Interface.objects.get(device__name='spine-1', name='E1/4')
    again(fabric, resources(mac_07='10.0.1.20'))
    found.refresh_from_db()
    assert found.assigned_object is None
    removed(fabric, resources(mac_07='10.0.1.20'))
    assert address() == found
    again(fabric, resources(STATIC, mac_07='10.0.1.20'))
    assert Discrepancy.objects.get(type='unmatched').code == 'subnet-reservation-in-use'
    assert address().assigned_object is not None
