"""A kind that was never read in full empties no field and shuts no port: what cannot be told is not none."""

import pytest
from dcim.models import Device, Interface
from hypothesis import given
from hypothesis import strategies as st
from ipam.models import VLAN

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, DesiredObject, Options, Resource
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, FabricResource, KindSync

from ...support.inventory import fabric_of, grace_is_over, mirror
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
    return [obj for obj in found.of('dcim.interface') if '/E1/' in obj.key or obj.key.endswith('/eth0')]


def emptied(found: Desired) -> set[str]:
    """The fields of ports that hold nothing from now on, or shut the port."""
    return {name for obj in ports(found) for name in CONCLUSIONS
            if name in obj.managed_fields and obj.managed_fields[name] in (None, (), False)}


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


def routed() -> list[Resource]:
    """The small fabric with ports that are routed in each way there is: with a VLAN, without, and on a bundle."""
    border = {'switch': {'port': 'spine-1/E1/3'}}
    static = {'switch': {'port': 'spine-1/E1/4', 'ip': '10.99.0.1/24', 'vlan': 7}}
    return [
        *small(),
        make('VPC', 'rail', ipv4Namespace='default', vlanNamespace='default', mode='l3vni', subnets={
            'a': {'subnet': '10.0.7.0/25', 'vlan': 2100, 'hostBGP': True},
            'b': {'subnet': '10.0.7.128/25', 'hostBGP': True, 'hostBGPExtraPrefixes': {'10.0.8.0/24': {}}},
        }),
        make('Connection', 'border', external={'link': border}),
        make('Connection', 'static', staticExternal={'link': static, 'withinVPC': 'rail'}),
        make('External', 'isp', ipv4Namespace='default'),
        make('ExternalAttachment', 'isp', connection='border', external='isp',
             switch={'ip': '203.0.113.1/30', 'vlan': 300}),
        make('VPCAttachment', 'rail--server-1', subnet='rail/a', connection='server-1--unbundled--leaf-1'),
        make('VPCAttachment', 'rail--server-2', subnet='rail/a', connection='server-2--bundled--leaf-1'),
    ]


WHOLE = desired(routed(), Options('dc-1', site=1))
KINDS = sorted({resource.kind for resource in routed()})


def unexplained(found: Desired, *kinds: str) -> set[str]:
    """The keys of objects that would be removed although these kinds may need them.

    What comes from the fabric itself stays with its addresses: see test_networks.py.
    """
    unclear = found.undetermined.union(issue.source for issue in found.issues)
    return {
        obj.key for obj in WHOLE.objects.values()
        if not obj.shared and obj.key not in found.objects and obj.source not in unclear
        and obj.source.kind not in (*kinds, 'Fabric')
    }


def test_all_of_a_routed_fabric_is_mapped():
    assert not WHOLE.issues
    assert {key for key in WHOLE.objects if key.startswith('subinterface/')} == {
        'subinterface/connection/static/spine-1', 'subinterface/externalattachment/isp/spine-1',
        'subinterface/vpcattachment/rail--server-1/leaf-1', 'subinterface/vpcattachment/rail--server-2/leaf-1',
    }


@given(st.sets(st.sampled_from(KINDS), min_size=1, max_size=4), st.data())
def test_of_a_kind_that_was_never_read_nothing_is_removed(kinds, data):
    """Neither with all of its resources unseen nor with some."""
    some = [resource for resource in routed() if resource.kind not in kinds or data.draw(st.booleans())]
    assert unexplained(desired(some, Options('dc-1', site=1), kinds), *kinds) == set()


@given(st.data())
def test_what_refers_to_a_resource_that_cannot_be_mapped_keeps_its_objects(data):
    """A name that NetBox has no room for, a port that is not there: what is on it stays until that is mended."""
    broken = data.draw(st.sampled_from(['External', 'Switch', 'VPC', 'VLANNamespace']))
    resources = []
    for resource in routed():
        spec = dict(resource.spec)
        if resource.kind == broken:
            spec = {'profile': 7, 'ranges': [], 'subnets': {'a': 5}, 'ipv4Namespace': 5}
        resources.append(Resource(resource.kind, resource.name, spec))
    found = desired(resources, Options('dc-1', site=1))
    assert {key for key in unexplained(found) if key.startswith(('subinterface/', 'lag/', 'cable/'))} == set()


@pytest.mark.django_db
@pytest.mark.parametrize('kind', ['Catalog', 'Connection', 'External', 'VPC'])
def test_interfaces_stay_while_what_they_depend_on_was_never_read(kind):
    fabric = fabric_of(routed(), inventory_removal='delete')
    reconcile(fabric, confirmed=True)
    before = set(Interface.objects.values_list('device__name', 'name'))
    mirror(fabric, [resource for resource in routed() if resource.kind != kind])
    KindSync.objects.filter(kind=kind).delete()
    reconcile(fabric, confirmed=True)
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)
    assert set(Interface.objects.values_list('device__name', 'name')) == before
    assert not Discrepancy.objects.filter(type='orphan').exists()


@pytest.mark.django_db
def test_vlans_of_the_operators_stay_until_attachments_are_read():
    fabric = fabric_of(inventory_adoption='name')
    FabricResource.objects.filter(kind='VPCAttachment').delete()
    KindSync.objects.filter(kind='VPCAttachment').delete()
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
    KindSync.objects.filter(kind='Connection').delete()
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
