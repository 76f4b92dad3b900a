"""A kind that was never read in full empties no field and shuts no port: what cannot be told is not none."""

import pytest
from dcim.models import Device, Interface
from ipam.models import VLAN

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, DesiredObject, Options, Resource
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, FabricResource, KindReading

from ...support.inventory import fabric_of, mirror
from ...support.mapping_rules import said
from ...support.resources import make, small
from .test_ownership import device_of_the_operator

# What a fabric concludes from what is not there.
CONCLUSIONS = ('enabled', 'lag', 'mtu', 'mode', 'untagged_vlan', 'tagged_vlans')


def without(*kinds: str) -> Desired:
    """What the small fabric wants while these kinds have never been read."""
    resources = [resource for resource in small() if resource.kind not in kinds]
    return desired(resources, Options('dc-1', site=1), kinds)


def ports(found: Desired) -> list[DesiredObject]:
    return [want for want in found.of('dcim.interface') if '/E1/' in want.key or want.key.endswith('/eth0')]


def emptied(found: Desired) -> set[str]:
    """The fields of ports that hold nothing from now on, or shut the port."""
    return {name for want in ports(found) for name in CONCLUSIONS
            if name in want.managed_fields and want.managed_fields[name] in (None, (), False)}


def unread(found: Desired) -> list[str]:
    return [said(problem) for problem in found.issues]


def sentence(kind: str) -> str:
    return f'{kind} resources have never been synced completely. Objects that depend on them are not updated.'


def test_a_fabric_that_was_read_says_what_is_none():
    """The other side: of what was read, what is absent is none."""
    found = without()
    assert emptied(found) == set(CONCLUSIONS)
    shut = desired([resource for resource in small() if resource.kind != 'Connection'], Options('dc-1', site=1))
    assert 'enabled' in emptied(shut)
    assert unread(found) == []


def test_without_attachments_nobody_knows_the_vlans():
    found = without('VPCAttachment')
    assert ports(found)
    assert not emptied(found) & {'mode', 'untagged_vlan', 'tagged_vlans'}
    assert unread(found) == [sentence('VPCAttachment')]


def test_without_connections_nobody_knows_which_ports_are_in_use():
    found = without('Connection')
    assert ports(found)
    assert emptied(found) == set()
    assert unread(found) == [sentence('Connection')]  # and not one for each attachment


def test_part_of_a_kind_is_not_all_of_it():
    """Of a list that broke off, what came is in the mirror; the rest is not known to be absent."""
    resources = [resource for resource in small() if resource.name != 'server-1--unbundled--leaf-1']
    found = desired(resources, Options('dc-1', site=1), ['Connection'])
    assert not emptied(found) & {'enabled', 'mode', 'untagged_vlan', 'tagged_vlans'}
    port = found.objects['interface/switch/leaf-1/E1/3']
    assert (port.managed_fields['enabled'], bool(port.managed_fields['lag'])) == (True, True)


@pytest.mark.parametrize('kind', ['Catalog', 'IPv4Namespace', 'Server', 'SwitchProfile', 'VLANNamespace', 'VPC'])
def test_one_problem_for_a_kind_and_not_one_for_each_that_names_it(kind):
    """Nothing is said to be absent from the fabric that nobody could read."""
    found = unread(without(kind))
    assert found.count(sentence(kind)) == 1
    assert not [other for other in found if 'does not exist' in other or 'No PortChannel' in other]


@pytest.mark.parametrize('kind', ['Agent', 'DHCPSubnet', 'External', 'ExternalAttachment', 'Gateway'])
def test_a_kind_that_nobody_needs_is_no_problem(kind):
    """Not every cluster serves every kind."""
    assert unread(without(kind)) == []


def newer(name: str, port: str) -> Resource:
    """A Connection of a type that this version does not know."""
    return make('Connection', name, wireless={'radio': [{'switch': {'port': port}}]})


def test_a_connection_that_cannot_be_read_shuts_no_port_that_it_names():
    resources = [resource for resource in small() if resource.name != 'server-1--unbundled--leaf-1']
    resources.append(newer('new', 'leaf-1/E1/2'))
    found = desired(resources, Options('dc-1', site=1))
    owned = found.objects['interface/switch/leaf-1/E1/2'].managed_fields
    assert not set(CONCLUSIONS) & set(owned)
    other = found.objects['interface/switch/spine-1/E1/2'].managed_fields  # which no Connection names
    assert (other['enabled'], other['mode']) == (False, None)


def test_nor_does_it_take_one_from_a_connection_that_can():
    found = desired([*small(), newer('a-new', 'leaf-1/E1/2')], Options('dc-1', site=1))
    assert found.objects['interface/switch/leaf-1/E1/2'].managed_fields['enabled'] is True


def fields_that_differ():
    """Of interfaces: the device was adopted, and that its type and role are the operator's is another matter."""
    return set(Discrepancy.objects.filter(type='field', key__startswith='interface/').values_list('field', flat=True))


@pytest.mark.django_db
def test_vlans_of_the_operators_stay_until_attachments_are_read():
    fabric = fabric_of(inventory_adoption='name')
    FabricResource.objects.filter(kind='VPCAttachment').delete()
    KindReading.objects.filter(kind='VPCAttachment').delete()
    vlan = VLAN.objects.create(name='mine', vid=7)
    theirs = Interface.objects.create(
        device=device_of_the_operator('server-1'), name='eth0', type='other', mode='access', untagged_vlan=vlan,
    )
    reconcile(fabric)
    assert fields_that_differ() == set()
    assert Discrepancy.objects.get(type='unmatched').sentence == sentence('VPCAttachment')
    theirs.refresh_from_db()
    assert (theirs.mode, theirs.untagged_vlan) == ('access', vlan)
    mirror(fabric, small())  # now they have been read, and the two sides do not agree
    reconcile(fabric)
    assert fields_that_differ() == {'mode', 'untagged_vlan'}


@pytest.mark.django_db
def test_ports_are_shut_when_connections_have_been_read_and_not_before():
    fabric = fabric_of()
    FabricResource.objects.filter(kind='Connection').delete()
    KindReading.objects.filter(kind='Connection').delete()
    reconcile(fabric)
    spine = Device.objects.get(name='spine-1')
    assert set(spine.interfaces.filter(name__startswith='E1/').values_list('enabled', flat=True)) == {True}
    mirror(fabric, small())
    reconcile(fabric)
    assert not Discrepancy.objects.exists()  # NetBox's default is nobody's decision
    assert dict(spine.interfaces.filter(name__startswith='E1/').values_list('name', 'enabled')) == {
        'E1/1': True, 'E1/2': False, 'E1/3': False, 'E1/4': False,
    }
    assert plan(fabric).actions == []
