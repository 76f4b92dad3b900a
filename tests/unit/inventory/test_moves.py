"""What NetBox keeps unique moves from one resource to another: in one run, and nothing is there twice."""

from collections import defaultdict
from unittest.mock import patch

import pytest
from core.models import ObjectChange
from dcim.models import Cable, Device, DeviceRole, DeviceType, Interface, Manufacturer, Site
from django.db import connection
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from ipam.models import VLAN, VRF, IPAddress
from netbox.context import query_cache

from netbox_hedgehog.inventory import reconcile as story
from netbox_hedgehog.inventory.applying import transaction
from netbox_hedgehog.inventory.disable import disable_inventory
from netbox_hedgehog.inventory.mapping.types import DEVICES, Desired, DesiredObject, ExistingRef, Ref, Source
from netbox_hedgehog.inventory.planning import moves, object_values
from netbox_hedgehog.inventory.planning.plan import DELETE
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, InventoryLink

from ...support.examples import LONG, examples
from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.resources import make, small
from ...support.snapshots import prepared
from .test_ownership import device_of_the_operator

pytestmark = pytest.mark.django_db

# Resources, and the values that they have at first: by number.
FIRST = {'a': 0, 'b': 1, 'c': 2}

# What is wanted afterwards: `a` goes without a value where it is not named.
MOVES = {
    'a swap': {'a': 1, 'b': 0, 'c': 2},
    'a cycle of three': {'a': 1, 'b': 2, 'c': 0},
    'from one that goes': {'a': 1, 'c': 2},
    'from one that goes, to a new one': {'a': 0, 'new': 1, 'c': 2},
    'a swap with one that is renamed': {'a': 1, 'renamed': 0, 'c': 2},
    'a chain from one that goes': {'a': 1, 'c': 0},
    'a chain from one that goes to a new one': {'a': 1, 'c': 0, 'new': 2},
    'a chain with a new value and a new resource': {'a': 1, 'b': 3, 'c': 2, 'new': 0},
    'all from those that go': {'new': 0, 'renamed': 1, 'c': 2},
}


def want(model, key, resource, owned, **initial):
    return DesiredObject(model, key, Source('VPC', resource), DEVICES, owned, initial)


def existing(instance):
    return ExistingRef(instance._meta.label_lower, instance.pk)


class Wanted:
    """The objects that are wanted around the values: `named` gives the number of the value of each resource."""

    def __init__(self, named):
        self.named = named
        self.site = Site.objects.get(slug='dc')
        maker = Manufacturer.objects.get_or_create(name='m', slug='m')[0]
        self.type = DeviceType.objects.get_or_create(manufacturer=maker, model='t', slug='t')[0]
        self.role = DeviceRole.objects.get_or_create(name='r', slug='r')[0]
        self.objects = []

    def add(self, model, key, owned, resource='fabric', **initial):
        self.objects.append(want(model, key, resource, owned, **initial))
        return Ref(key)

    def vrf(self):
        return self.add('ipam.vrf', 'vrf', {'name': 'VRF'}, enforce_unique=True)

    def group(self, key='group', resource='fabric', **fields):
        fields = {'name': 'group', 'slug': 'group', 'vid_ranges': '1-4000', **fields}
        return self.add('ipam.vlangroup', key, fields, resource, scope=existing(self.site))

    def device(self, name, resource='fabric', **fields):
        return self.add(
            'dcim.device', f'device/{resource}/{name}', {'name': name, **fields}, resource, site=existing(self.site),
            role=existing(self.role), device_type=existing(self.type), status='active',
        )

    def interface(self, device, name, key, resource='fabric', type='10gbase-t'):
        return self.add('dcim.interface', key, {'device': device, 'name': name, 'type': type}, resource)


def vlan_ids(to):
    group = to.group()
    for name, number in to.named.items():
        to.add('ipam.vlan', f'x/{name}', {'group': group, 'vid': 100 + number, 'name': name}, name, status='active')


def vlan_names(to):
    group = to.group()
    for number, (name, value) in enumerate(sorted(to.named.items())):
        vid = {'a': 1, 'b': 2, 'c': 3, 'new': 4, 'renamed': 5}[name]
        assert number < vid
        to.add('ipam.vlan', f'x/{name}', {'group': group, 'vid': vid, 'name': f'v{value}'}, name, status='active')


def vlan_groups(to):
    for name, number in to.named.items():
        to.group(f'x/{name}', name, name=f'g{number}', slug=f'g{number}')


def interface_names(to):
    device = to.device('d')
    for name, number in to.named.items():
        to.interface(device, f'PortChannel{number}', f'x/{name}', name, 'lag')


def device_names(to):
    for name, number in to.named.items():
        to.add(
            'dcim.device', f'x/{name}', {'name': f'd{number}', 'serial': f's{number}'}, name, site=existing(to.site),
            role=existing(to.role), device_type=existing(to.type), status='active',
        )


def addresses(to):
    vrf = to.vrf()
    for name, number in to.named.items():
        port = to.interface(Ref(f'device/{name}/{name}'), 'M1', f'port/{name}', name)
        address = to.add(
            'ipam.ipaddress', f'x/{name}',
            {'address': f'192.0.2.{number + 1}/24', 'vrf': vrf, 'assigned_object': port, 'role': None}, name,
            status='active',
        )
        to.device(name, name, primary_ip4=address)


def prefixes(to):
    vrf = to.vrf()
    for name, number in to.named.items():
        to.add('ipam.prefix', f'x/{name}', {'prefix': f'10.0.{number}.0/24', 'vrf': vrf}, name, status='active')


def ranges(to):
    vrf = to.vrf()
    for name, number in to.named.items():
        start, end = f'10.0.{number}.10/24', f'10.0.{number}.99/24'
        to.add('ipam.iprange', f'x/{name}', {'start_address': start, 'end_address': end, 'vrf': vrf}, name)


def l2vpns(to):
    for name, number in to.named.items():
        fields = {'name': f'l{number}', 'slug': f'l{number}', 'type': 'vxlan-evpn', 'identifier': number + 1}
        to.add('vpn.l2vpn', f'x/{name}', fields, name, status='active')


def terminations(to):
    group = to.group()
    vlans = [
        to.add('ipam.vlan', f'vlan/{n}', {'group': group, 'vid': 100 + n, 'name': f'v{n}'}, status='active')
        for n in range(4)
    ]
    for name, number in to.named.items():
        fields = {'name': f'l-{name}', 'slug': f'l-{name}', 'type': 'vxlan-evpn', 'identifier': None}
        l2vpn = to.add('vpn.l2vpn', f'l2vpn/{name}', fields, name, status='active')
        to.add('vpn.l2vpntermination', f'x/{name}', {'l2vpn': l2vpn, 'assigned_object': vlans[number]}, name)


def ports(to):
    switch, servers = to.device('switch'), to.device('servers')
    near = {name: to.interface(servers, name, f'near/{name}') for name in ('a', 'b', 'c', 'new', 'renamed')}
    far = [to.interface(switch, f'E{number}', f'far/{number}') for number in range(4)]
    for name, number in to.named.items():
        to.add('dcim.cable', f'x/{name}', {'a': (near[name],), 'b': (far[number],)}, name, status='connected')


# What moves: the wants around it, and what NetBox shows of it.
VALUES = {
    'VLAN IDs': (vlan_ids, lambda item: item.vid - 100),
    'VLAN names': (vlan_names, lambda item: int(item.name[1:])),
    'VLAN groups': (vlan_groups, lambda item: int(item.slug[1:])),
    'interface names': (interface_names, lambda item: int(item.name[11:])),
    'device names and serial numbers': (device_names, lambda item: int(item.name[1:])),
    'primary addresses': (addresses, lambda item: item.address.ip.words[3] - 1),
    'prefixes': (prefixes, lambda item: item.prefix.ip.words[2]),
    'ranges': (ranges, lambda item: item.start_address.ip.words[2]),
    'L2VPNs': (l2vpns, lambda item: item.identifier - 1),
    'terminations': (terminations, lambda item: item.assigned_object.vid - 100),
    'ports': (ports, lambda item: int(item.b_terminations[0].name[1:])),
}


# Moves that begin with an object that is deleted, and whether that is stale beforehand.
DELETIONS = [
    (move, marked) for move in ('from one that goes', 'a chain from one that goes to a new one') for marked in (False, True)
]


def some_of_each(values, moves):
    """Return pairs of a value and a move: all of them in long, in short a quarter of the moves of each value, in turn."""
    for row, value in enumerate(values):
        for column, move in enumerate(moves):
            if LONG or (row + column) % 4 == 0:
                yield (value, *move) if isinstance(move, tuple) else (value, move)


def first(what, **settings):
    """A fabric after its first inventory sync, in which each of FIRST got its value."""
    (fabric,) = prepared(_first, what, **settings)
    return fabric


def _first(what, **settings):
    fabric = fabric_of([], **settings)
    with wanting(what, FIRST):
        reconcile(fabric)
    return (fabric,)


def wanting(what, named):
    """Have a fabric want what a function says, for a while."""
    to = Wanted(named)
    VALUES[what][0](to)
    wants = {one.key: one for one in to.objects}
    return patch.object(story, 'desired', lambda resources, options, unread: Desired(wants))


@pytest.fixture
def brought(monkeypatch):
    """Have a fabric want what a function says; returns what does so."""
    def bring(what, named):
        to = Wanted(named)
        VALUES[what][0](to)
        wants = {one.key: one for one in to.objects}
        monkeypatch.setattr(story, 'desired', lambda resources, options, unread: Desired(wants))

    return bring


def shown(fabric, what):
    """The value that each resource has in NetBox."""
    links = InventoryLink.objects.filter(fabric=fabric, key__startswith='x/', stale_since=None)
    return {link.name: VALUES[what][1](link.object) for link in links}


def everything_is_valid(fabric):
    """NetBox would take each object that the plugin manages as it is, stale or not."""
    token = query_cache.set(defaultdict(dict))  # as in a request: which custom fields there are is asked once
    try:
        for link in InventoryLink.objects.filter(fabric=fabric):
            link.object.full_clean()
    finally:
        query_cache.reset(token)


def at_rest(fabric):
    assert plan(fabric).actions == []
    assert reconcile(fabric).changes == 0
    assert list(Discrepancy.objects.filter(type__in=('conflict', 'field')).values_list('sentence', flat=True)) == []


@pytest.mark.property
@pytest.mark.parametrize(('what', 'move'), [*some_of_each(VALUES, MOVES)])
def test_values_move_in_one_sync(brought, what, move):
    fabric = first(what, inventory_removal='mark')
    assert shown(fabric, what) == FIRST
    brought(what, MOVES[move])
    reconcile(fabric)
    assert shown(fabric, what) == MOVES[move]
    everything_is_valid(fabric)
    at_rest(fabric)
    # And back again: what was stale is wanted once more.
    brought(what, FIRST)
    reconcile(fabric)
    assert shown(fabric, what) == FIRST
    everything_is_valid(fabric)
    at_rest(fabric)


@pytest.mark.property
@pytest.mark.parametrize(('what', 'move', 'marked_before'), [*some_of_each(VALUES, DELETIONS)])
def test_values_move_while_objects_are_deleted(brought, what, move, marked_before):
    fabric = first(what, inventory_removal='delete')
    if marked_before:
        brought(what, {'a': 0, 'c': 2})
        reconcile(fabric)
        grace_is_over(fabric)
    brought(what, MOVES[move])
    reconcile(fabric)
    assert shown(fabric, what) == MOVES[move]
    everything_is_valid(fabric)
    for _ in range(3):
        grace_is_over(fabric)
        reconcile(fabric)
    assert shown(fabric, what) == MOVES[move]
    assert not InventoryLink.objects.filter(name='b').exists()
    everything_is_valid(fabric)
    at_rest(fabric)


class TestAnyMoves(TestCase):
    @examples(short=2, long=40)
    @given(
        what=st.sampled_from(sorted(VALUES)), policy=st.sampled_from(('ignore', 'mark', 'delete')),
        steps=st.lists(
            st.lists(st.sampled_from((None, 'a', 'b', 'c', 'new', 'renamed')), min_size=4, max_size=4),
            min_size=2, max_size=4,
        ),
        graces=st.lists(st.booleans(), min_size=4, max_size=4),
    )
    def test_whoever_is_to_have_which_value_has_it_after_one_sync(self, what, policy, steps, graces):
        fabric = fabric_of([], inventory_removal=policy)
        for step, grace in zip(steps, graces, strict=False):
            named = {name: number for number, name in enumerate(step) if name}
            with wanting(what, named):
                reconcile(fabric, confirmed=True)
                links = InventoryLink.objects.filter(fabric=fabric, key__in=[f'x/{name}' for name in named])
                assert {link.name: VALUES[what][1](link.object) for link in links} == named
                everything_is_valid(fabric)
                assert not conflicts(fabric)
                actions = plan(fabric).actions
                assert [action for action in actions if action.type != DELETE] == []
            if grace:
                grace_is_over(fabric)


# References that move


def vlan_of(to, name, number):
    return to.add('ipam.vlan', f'x/{name}', {'group': to.group(), 'vid': number, 'name': name}, name, status='active')


def lag_of(to, name, number):
    return to.interface(Ref('device/fabric/d'), f'PortChannel{number}', f'x/{name}', name, 'lag')


def address_of(to, name, number):
    fields = {'address': f'192.0.2.{number}/24', 'vrf': to.vrf(), 'assigned_object': Ref('port')}
    return to.add('ipam.ipaddress', f'x/{name}', fields, name, status='active')


# By the field that refers: whose it is, what is created for it, and what goes with the reference.
REFERENCES = {
    'untagged_vlan': ('port', vlan_of, {'mode': 'access'}),
    'tagged_vlans': ('port', vlan_of, {'mode': 'tagged'}),
    'lag': ('port', lag_of, {}),
    'primary_ip4': ('device/fabric/d', address_of, {}),
}


def referring(field):
    """Return what has one object refer to those that are named, and says nothing of the field where none is."""
    owner, create, more = REFERENCES[field]

    def draw(to):
        to.interface(to.device('d'), 'E1', 'port')
        targets = [create(to, name, number) for name, number in to.named.items()]
        if targets:
            value = tuple(targets) if field == 'tagged_vlans' else targets[0]
            fields = next(one for one in to.objects if one.key == owner).managed_fields
            fields.update({field: value, **more})

    return draw


@pytest.mark.parametrize('field', [*REFERENCES])
@pytest.mark.parametrize('later', [{'new': 2}, pytest.param({'new': 2, 'newer': 3}, marks=pytest.mark.system)])
def test_a_reference_moves_in_the_sync_that_deletes_what_it_referred_to(brought, monkeypatch, field, later):
    monkeypatch.setitem(VALUES, field, (referring(field), None))
    fabric = fabric_of([], inventory_removal='delete')
    brought(field, {'old': 1})
    reconcile(fabric)
    brought(field, {})
    reconcile(fabric)
    grace_is_over(fabric)
    reconcile(fabric)
    old = InventoryLink.objects.get(name='old').object
    assert old is not None
    brought(field, later)
    seen = plan(fabric)
    assert seen.counts[DELETE] == 1
    report = reconcile(fabric)
    assert not type(old).objects.filter(pk=old.pk).exists()
    value = getattr(InventoryLink.objects.get(key=REFERENCES[field][0]).object, field)
    referred = [*value.all()] if field == 'tagged_vlans' else [value]
    new = [InventoryLink.objects.get(name=name).object for name in later]
    assert referred == (new if field == 'tagged_vlans' else new[:1])
    assert report.counts == seen.counts
    everything_is_valid(fabric)
    at_rest(fabric)



# What stands in the way


def conflicts(fabric):
    return dict(Discrepancy.objects.filter(fabric=fabric, type='conflict').values_list('key', 'sentence'))


def test_an_object_of_the_operators_is_named_and_nobody_else_loses_a_place(brought):
    fabric = first('VLAN IDs')
    group = VLAN.objects.get(name='a').group
    theirs = VLAN.objects.create(group=group, vid=103, name='theirs')
    # a wants what theirs has, b what a has, and a new one what b has: none of them gets it.
    brought('VLAN IDs', {'a': 3, 'b': 0, 'c': 2, 'new': 1})
    reconcile(fabric)
    assert shown(fabric, 'VLAN IDs') == FIRST
    assert set(conflicts(fabric)) == {'x/a', 'x/b', 'x/new'}
    assert Discrepancy.objects.get(key='x/a').object == theirs
    everything_is_valid(fabric)
    assert plan(fabric).actions == []
    theirs.delete()
    reconcile(fabric)
    assert shown(fabric, 'VLAN IDs') == {'a': 3, 'b': 0, 'c': 2, 'new': 1}
    at_rest(fabric)


def test_a_stale_object_that_a_person_has_changed_is_not_moved(brought):
    fabric = first('VLAN IDs')
    stale = VLAN.objects.get(name='b')
    VLAN.objects.filter(pk=stale.pk).update(vid=150)
    brought('VLAN IDs', {'a': 50, 'c': 2})
    reconcile(fabric)
    assert shown(fabric, 'VLAN IDs') == {'a': 0, 'c': 2}
    assert 'changed in NetBox' in conflicts(fabric)['x/a']
    assert Discrepancy.objects.get(key='x/a').object == stale
    stale.refresh_from_db()
    assert (stale.vid, stale.group is None) == (150, False)


def test_a_value_that_a_person_gave_another_object_is_a_conflict_in_words(brought):
    fabric = first('VLAN IDs')
    VLAN.objects.filter(name='a').update(vid=103)
    brought('VLAN IDs', {**FIRST, 'new': 3})
    reconcile(fabric)
    assert 'VLAN a of VPC a' in conflicts(fabric)['x/new']
    assert 'duplicate key' not in ' '.join(Discrepancy.objects.values_list('sentence', flat=True))


def test_a_switch_that_cannot_be_renamed_gets_its_other_new_values():
    fabric = synced()
    theirs = device_of_the_operator('dc-1-leaf-1')
    leaf = next(resource for resource in small() if (resource.kind, resource.name) == ('Switch', 'leaf-1'))
    mirror(fabric, edited('Switch', 'leaf-1', **{**leaf.spec, 'boot': {'serial': 'NEW'}}))
    fabric.inventory_name_pattern = '{fabric}-{name}'
    reconcile(fabric)
    ours = InventoryLink.objects.get(key='device/switch/leaf-1').object
    assert (ours.name, ours.serial) == ('leaf-1', 'NEW')
    sentence = f'Device leaf-1 keeps its name: dc-1-leaf-1 (#{theirs.pk}, active) is in the way and is not managed by ' \
        'this fabric. Rename, move or remove it.'
    assert conflicts(fabric) == {'device/switch/leaf-1': sentence}
    theirs.delete()
    reconcile(fabric)
    ours.refresh_from_db()
    assert ours.name == 'dc-1-leaf-1'
    at_rest(fabric)


@pytest.mark.parametrize(('what', 'field', 'words'), [
    ('VLAN IDs', 'description', 'VLAN a keeps its VLAN ID: '),
    ('interface names', 'label', 'Interface PortChannel0 keeps its name: '),
    pytest.param('prefixes', 'description', 'Prefix 10.0.0.0/24 keeps its prefix: ', marks=pytest.mark.system),
    pytest.param(
        'ranges', 'description', 'IP range 10.0.0.10/24 keeps its end address and start address: ',
        marks=pytest.mark.system,
    ),
    ('ports', 'label', ' keeps its B end: '),
])
def test_what_keeps_its_place_gets_its_other_new_values(brought, monkeypatch, what, field, words):
    draw, show = VALUES[what]
    text = 'before'

    def with_text(to):
        draw(to)
        next(one for one in to.objects if one.key == 'x/a').managed_fields[field] = text

    monkeypatch.setitem(VALUES, what, (with_text, show))
    fabric = fabric_of([])
    brought(what, FIRST)
    reconcile(fabric)
    # Nothing has the place 3 until the operator's object takes it; a wants it, with another text.
    brought(what, {**FIRST, 'b': 3})
    reconcile(fabric)
    InventoryLink.objects.filter(key='x/b').delete()
    text = 'after'
    brought(what, {'a': 3, 'c': 2})
    reconcile(fabric)
    ours = InventoryLink.objects.get(key='x/a').object
    assert (show(ours), getattr(ours, field)) == (0, 'after')
    assert words in conflicts(fabric)['x/a']
    assert 'is in the way' in conflicts(fabric)['x/a']
    assert plan(fabric).actions == []


@pytest.mark.parametrize('what', [
    'VLAN IDs', 'device names and serial numbers', pytest.param('interface names', marks=pytest.mark.system),
    pytest.param('L2VPNs', marks=pytest.mark.system),
])
def test_where_one_of_a_circle_is_refused_all_keep_what_they_have(brought, what):
    fabric = fabric_of([])
    brought(what, FIRST)
    reconcile(fabric)
    brought(what, MOVES['a cycle of three'])
    model = InventoryLink.objects.get(key='x/a').object._meta
    rule = {'name': {'neq': InventoryLink.objects.get(key='x/b').object.name}}
    if what == 'VLAN IDs':
        rule = {'vid': {'neq': 101}}
    with override_settings(CUSTOM_VALIDATORS={model.label_lower: [rule]}):
        reconcile(fabric)
        assert shown(fabric, what) == FIRST
        assert conflicts(fabric)
        assert 'duplicate key' not in ' '.join(conflicts(fabric).values())
    everything_is_valid(fabric)
    reconcile(fabric)
    assert shown(fabric, what) == MOVES['a cycle of three']
    at_rest(fabric)


def test_an_object_that_cannot_be_compared_is_named_and_costs_only_itself(brought, monkeypatch):
    fabric = first('VLAN IDs')
    understood = moves.desired_value

    def confused(label, name, value, refer):
        if value == 103:
            raise TypeError('unhashable')
        return understood(label, name, value, refer)

    for module in (moves, object_values):
        monkeypatch.setattr(module, 'desired_value', confused)
    brought('VLAN IDs', {'a': 3, 'b': 0, 'c': 4})
    reconcile(fabric)
    assert shown(fabric, 'VLAN IDs')['c'] == 4
    assert VLAN.objects.get(name='a').vid == 100
    assert 'cannot be compared' in Discrepancy.objects.get(key='x/a').sentence


def test_an_address_that_is_primary_for_a_device_of_the_operators_is_named(brought):
    fabric = fabric_of([])
    brought('primary addresses', FIRST)
    reconcile(fabric)
    address = IPAddress.objects.get(address='192.0.2.2/24')
    theirs = device_of_the_operator('theirs')
    Device.objects.filter(name='b').update(primary_ip4=None)
    Device.objects.filter(pk=theirs.pk).update(primary_ip4=address)
    brought('primary addresses', {'a': 0, 'c': 2, 'new': 1})
    reconcile(fabric)
    assert 'theirs' in Discrepancy.objects.get(key='x/new', type='conflict', object_id=theirs.pk).sentence
    theirs.refresh_from_db()
    assert theirs.primary_ip4 == address


def test_a_range_that_covers_those_of_two_that_go_is_a_conflict_that_names_one(brought, monkeypatch):
    fabric = fabric_of([])
    brought('ranges', FIRST)
    reconcile(fabric)
    to = Wanted({})
    fields = {'start_address': '10.0.1.10/16', 'end_address': '10.0.2.99/16', 'vrf': to.vrf()}
    to.add('ipam.iprange', 'x/new', fields, 'new')
    monkeypatch.setattr(story, 'desired', lambda resources, options, unread: Desired({one.key: one for one in to.objects}))
    reconcile(fabric)
    assert 'stale' in conflicts(fabric)['x/new']
    everything_is_valid(fabric)
    assert plan(fabric).actions == []


# Whole fabrics


def edited(kind, name, *more, **spec):
    """The small fabric, of which one resource has this spec."""
    return [make(kind, name, **spec) if (item.kind, item.name) == (kind, name) else item for item in small()] + [*more]


def renamed(value, old='leaf-1', new='leaf-9'):
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {renamed(key, old, new): renamed(item, old, new) for key, item in value.items()}
    return [renamed(item, old, new) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize('removal', [pytest.param('mark', marks=pytest.mark.system), 'delete'])
def test_a_switch_that_is_renamed_gets_its_addresses_at_once_and_the_old_one_goes(removal):
    fabric = synced(inventory_removal=removal)
    mirror(fabric, [make(item.kind, renamed(item.name), **renamed(dict(item.spec))) for item in small()])
    reconcile(fabric, confirmed=True)
    assert str(Device.objects.get(name='leaf-9').primary_ip4) == '172.30.0.9/21'
    assert Device.objects.get(name='leaf-1').primary_ip4 is None
    everything_is_valid(fabric)
    at_rest(fabric)
    for _ in range(3):
        grace_is_over(fabric)
        reconcile(fabric, confirmed=True)
    assert Device.objects.filter(name='leaf-1').exists() == (removal == 'mark')
    everything_is_valid(fabric)
    at_rest(fabric)


@pytest.mark.parametrize('removal', [pytest.param('mark', marks=pytest.mark.system), 'delete'])
def test_a_server_is_plugged_into_the_port_of_one_that_has_gone(removal):
    fabric = synced(inventory_removal=removal)
    link = {'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/3'}}
    wired = edited('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': link})
    mirror(fabric, [item for item in wired if 'server-2' not in item.name])
    reconcile(fabric)
    far = Interface.objects.get(device__name='server-1', name='eth0').connected_endpoints
    assert [end.name for end in far] == ['E1/3']
    everything_is_valid(fabric)
    at_rest(fabric)


def without_server_1_connection(name='other-name', **member):
    member = member or {'unbundled': {'link': {
        'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/2'},
    }}}
    resources = edited('VPCAttachment', 'vpc-1--server-1', subnet='vpc-1/web', connection=name)
    return [*(item for item in resources if item.name != 'server-1--unbundled--leaf-1'), make('Connection', name, **member)]


def test_a_managed_object_names_the_resource_that_desires_it_now():
    fabric = synced()
    mirror(fabric, without_server_1_connection())
    reconcile(fabric)
    assert set(InventoryLink.objects.filter(key__endswith='/server-1/eth0').values_list('kind', 'name')) == {
        ('Connection', 'other-name'),
    }
    assert plan(fabric).actions == []
    # Its trouble, and not that of the one before, protects what it gave.
    mirror(fabric, without_server_1_connection(bundled={'links': []}))
    reconcile(fabric)
    assert not InventoryLink.objects.exclude(stale_since=None).exists()


def test_the_managed_objects_of_a_renamed_fabric_name_it():
    fabric = synced()
    fabric.name = 'dc-2'
    fabric.save()
    reconcile(fabric)
    assert InventoryLink.objects.get(key='vrf/underlay').name == 'dc-2'
    assert plan(fabric).actions == []


def test_a_gateway_beside_an_address_of_the_operators_is_a_conflict():
    spec = next(item for item in small() if item.kind == 'VPC').spec
    bare = {**spec, 'subnets': {'web': {key: value for key, value in spec['subnets']['web'].items() if key != 'gateway'}}}
    fabric = synced(edited('VPC', 'vpc-1', **bare))
    theirs = IPAddress.objects.create(address='10.0.1.1/24', vrf=VRF.objects.get(name='vpc-1 (dc-1)'))
    mirror(fabric, small())
    reconcile(fabric)
    assert Discrepancy.objects.get(type='conflict').object == theirs
    # Where both may be shared they stand side by side, as NetBox lets them.
    IPAddress.objects.filter(pk=theirs.pk).update(role='vip')
    reconcile(fabric)
    assert IPAddress.objects.filter(address='10.0.1.1/24').count() == 2
    everything_is_valid(fabric)
    at_rest(fabric)


@pytest.mark.parametrize('adopted', [True, False])
def test_a_cable_may_lie_either_way_round(adopted):
    fabric = synced()
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    a, b = ([Interface.objects.get(pk=cable.a_terminations[0].pk)], [Interface.objects.get(pk=cable.b_terminations[0].pk)])
    if adopted:
        disable_inventory(fabric)
        cable.delete()
        cable = Cable(a_terminations=b, b_terminations=a)
        fabric.inventory_enabled, fabric.inventory_adoption = True, 'name'
    else:
        cable.terminations.all().delete()
        cable = Cable.objects.get(pk=cable.pk)
        cable.a_terminations, cable.b_terminations = b, a
    cable.save()
    reconcile(fabric)
    assert list(Discrepancy.objects.values_list('sentence', flat=True)) == []
    assert plan(fabric).actions == []
    # It is moved as it lies.
    link = {'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'spine-1/E1/2'}}
    mirror(fabric, edited('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': link}))
    reconcile(fabric)
    cable = Cable.objects.get(pk=cable.pk)
    assert [end.device.name for end in (*cable.a_terminations, *cable.b_terminations)] == ['spine-1', 'server-1']
    at_rest(fabric)


def test_the_change_log_says_where_a_cable_was():
    fabric = synced()
    cable = Cable.objects.get(label='server-1--unbundled--leaf-1')
    before = list(cable.terminations.filter(cable_end='B').values_list('pk', flat=True))
    link = {'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'spine-1/E1/2'}}
    mirror(fabric, edited('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': link}))
    report = reconcile(fabric)
    entry = ObjectChange.objects.get(request_id=report.request_id, changed_object_type__model='cable')
    assert entry.prechange_data['b_terminations'] == before
    assert entry.postchange_data['b_terminations'] != before


def test_a_digest_does_not_depend_on_where_rows_lie():
    fabric = synced()
    mirror(fabric, [item for item in small() if 'server' not in item.name])
    before = plan(fabric)
    with connection.cursor() as cursor:  # the same content in another place of the table
        cursor.execute("UPDATE netbox_hedgehog_inventorylink SET kept = kept WHERE key LIKE 'device/%'")
    after = plan(fabric)
    assert before.confirmation_digest
    assert (before.digest, before.confirmation_digest) == (after.digest, after.confirmation_digest)


def test_netboxs_urls_are_imported_before_anything_is_locked(monkeypatch):
    fabric = synced(inventory_removal='delete')
    mirror(fabric, [item for item in small() if 'server-1' not in item.name])
    reconcile(fabric)
    grace_is_over(fabric)
    order = []
    imported, locked = transaction.get_resolver, transaction.lock_fabric
    monkeypatch.setattr(transaction, 'get_resolver', lambda: order.append('urls') or imported())
    monkeypatch.setattr(transaction, 'lock_fabric', lambda fabric: order.append('lock') or locked(fabric))
    assert reconcile(fabric).counts['delete'] > 0
    assert order == ['urls', 'lock']


# Places of what is on another device now, and of what cannot be carried


def leading_out(switch):
    """The small fabric, of which a port of this switch leads out, on a VLAN."""
    resources = small()
    profile = next(resource for resource in resources if resource.kind == 'SwitchProfile')
    profile.spec['ports']['E1/5'] = {'nos': 'Ethernet5', 'profile': 'p'}
    return [
        *resources,
        make('External', 'isp', ipv4Namespace='default'),
        make('Connection', 'out', external={'link': {'switch': {'port': f'{switch}/E1/5'}}}),
        make('ExternalAttachment', 'isp', external='isp', connection='out', switch={'vlan': 300, 'ip': '192.0.2.6/24'}),
    ]


def test_what_leads_out_by_another_switch_has_its_interface_and_address_there():
    """NetBox moves no interface to another device."""
    fabric = synced(leading_out('leaf-1'))
    mirror(fabric, leading_out('spine-1'))
    reconcile(fabric)
    address = IPAddress.objects.get(address='192.0.2.6/24')
    assert (address.assigned_object.device.name, address.assigned_object.name) == ('spine-1', 'E1/5.300')
    everything_is_valid(fabric)
    at_rest(fabric)


def test_a_renamed_subnet_goes_on_with_its_objects_before_it_has_a_vni():
    """The VPC cannot be carried in full until the controller has given the VNI: its VLAN ID is in use all the same."""
    fabric = synced()
    vlan = VLAN.objects.get(vid=1001)
    resources = small()
    vpc = next(resource for resource in resources if resource.kind == 'VPC')
    vpc.spec['subnets']['new'] = vpc.spec['subnets'].pop('web')
    mirror(fabric, resources)
    reconcile(fabric)
    assert (VLAN.objects.get(vid=1001).pk, VLAN.objects.get(vid=1001).name) == (vlan.pk, 'vpc-1--new')
    assert not Discrepancy.objects.filter(type='conflict').exists()
    assert reconcile(fabric).changes == 0


def test_the_port_of_a_connection_that_cannot_be_read_goes_to_another():
    fabric = synced()
    resources = [item for item in small() if item.name != 'server-1--unbundled--leaf-1']
    link = {'server': {'port': 'server-2/eth5'}, 'switch': {'port': 'leaf-1/E1/2'}}
    mirror(fabric, [
        *resources, make('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': {
            'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/99'},
        }}),
        make('Connection', 'server-2--unbundled--leaf-1', unbundled={'link': link}),
    ])
    reconcile(fabric)
    port = Interface.objects.get(device__name='leaf-1', name='E1/2')
    assert [str(peer.device) for peer in port.link_peers] == ['server-2']
    assert not Discrepancy.objects.filter(type='conflict').exists()
    assert reconcile(fabric).changes == 0
