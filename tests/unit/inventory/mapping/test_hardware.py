"""What agents report: transceivers, MAC addresses, types of cables."""

from typing import Any

import pytest

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import (
    CABLE_TYPES,
    MAC_ADDRESSES,
    SCOPES,
    TRANSCEIVERS,
    Desired,
    Options,
    Ref,
    Resource,
    Source,
)

from ....support.hardware import agent, optic, port
from ....support.mapping_rules import check, said
from ....support.resources import load, small

LEAF = 'device/switch/leaf-1'


def mapped(*more: Resource, scopes: frozenset[str] = frozenset(SCOPES), unread: tuple[str, ...] = ()) -> Desired:
    names = {(resource.kind, resource.name) for resource in more}
    found = desired(
        [*(item for item in small() if (item.kind, item.name) not in names), *more],
        Options('dc-1', site=1, scopes=scopes), unread,
    )
    check(found)
    return found


def keys(found: Desired, model: str) -> list[str]:
    return [obj.key for obj in found.of(model)]


# Transceivers


def test_a_transceiver_is_a_module_in_the_bay_of_its_cage():
    found = mapped(agent('leaf-1', {'E1/1': optic('S1')}))
    assert found.issues == []
    assert found.objects['modulebay/leaf-1/E1/1'].fields == {'device': Ref(LEAF), 'name': 'E1/1'}
    module = found.objects['module/leaf-1/E1/1']
    assert module.managed_fields == {
        'device': Ref(LEAF), 'module_bay': Ref('modulebay/leaf-1/E1/1'),
        'module_type': Ref('moduletype/acme-optics/AO-25G'), 'serial': 'S1',
    }
    assert (module.source, module.scope) == (Source('Agent', 'leaf-1'), TRANSCEIVERS)
    kind = found.objects['moduletype/acme-optics/AO-25G']
    assert kind.shared
    assert kind.fields == {
        'manufacturer': Ref('manufacturer/acme-optics'), 'model': 'AO-25G', 'part_number': 'AO-25G', 'description': '25G SR',
    }


def test_what_changes_by_itself_is_in_no_field():
    """Temperature, voltage and light differ at each heartbeat."""
    cool, warm = (
        mapped(agent('leaf-1', {'E1/1': optic('S1', temp=temp, voltage=3.3 + temp / 100, oper=oper)}))
        for temp, oper in ((30, 'active'), (31, 'inactive'))
    )
    assert cool.objects == warm.objects


def test_lanes_share_the_cage_of_their_port_and_unknown_cages_are_ignored():
    found = desired(load('sample'), Options('dc-1', site=1))
    assert 'module/leaf-01/E1/49' in found.objects
    found = mapped(agent('leaf-1', {'E1/99': optic('S1'), 'M1/': optic('S2'), '': optic('S3'), 'x' * 9999: optic('S4')}))
    assert (keys(found, 'dcim.modulebay'), found.issues) == ([], [])


def test_an_empty_cage_is_a_bay_without_a_module():
    found = mapped(agent('leaf-1', {'E1/1': {}, 'E1/2': optic('S2')}))
    assert keys(found, 'dcim.modulebay') == ['modulebay/leaf-1/E1/1', 'modulebay/leaf-1/E1/2']
    assert keys(found, 'dcim.module') == ['module/leaf-1/E1/2']
    assert Source('Agent', 'leaf-1') not in found.undetermined


@pytest.mark.parametrize('resources', [
    (), (Resource('Agent', 'leaf-1', {}),), (agent('leaf-1', {}),), (agent('leaf-1', None),), (agent('leaf-1', 'x'),),
    (Resource('Switch', 'leaf-1', {'profile': 'gone'}), agent('leaf-1', {'E1/1': optic('S1')})),
], ids=['no agent', 'no status', 'no cages', 'none', 'junk', 'switch without profile'])
def test_a_silent_agent_says_nothing_of_what_there_was(resources):
    found = mapped(*resources)
    assert keys(found, 'dcim.module') == []
    assert Source('Agent', 'leaf-1') in found.undetermined


@pytest.mark.parametrize(('field', 'value'), [
    ('vendor', None), ('vendor', 'x' * 10_000), ('vendor', 7), ('vendorPart', ''), ('vendorPart', 'N/A'),
    ('vendorPart', 'x' * 101), ('vendorPart', ['AO']),
])
def test_a_transceiver_without_a_type_is_one_issue_of_its_switch(field, value):
    bad = {**optic('S1'), field: value}
    found = mapped(agent('leaf-1', {'E1/1': bad, 'E1/2': bad, 'E1/3': optic('S3')}))
    (issue,) = found.issues
    assert said(issue) == 'The transceivers in E1/1, E1/2 report no usable vendor or part number; skipped.'
    assert (issue.source, issue.scope) == (Source('Agent', 'leaf-1'), TRANSCEIVERS)
    assert keys(found, 'dcim.module') == ['module/leaf-1/E1/3']


@pytest.mark.parametrize('value', [7, 'x' * 10_000, [], True])
def test_a_serial_number_that_netbox_cannot_hold_is_left_out_with_a_sentence(value):
    found = mapped(agent('leaf-1', {'E1/1': optic(value)}))
    (issue,) = found.issues
    assert said(issue) == (
        'The transceivers in E1/1 report a serial number that NetBox cannot hold; serial number not set.'
    )
    assert 'serial' not in found.objects['module/leaf-1/E1/1'].managed_fields


def test_vendors_that_differ_in_spaces_and_case_are_one_manufacturer():
    found = mapped(agent('leaf-1', {
        'E1/1': optic('S1', vendor='ACME  OPTICS '), 'E1/2': optic('S2', vendor='Acme Optics'),
    }))
    assert [key for key in keys(found, 'dcim.manufacturer') if 'optics' in key] == ['manufacturer/acme-optics']
    assert keys(found, 'dcim.moduletype') == ['moduletype/acme-optics/AO-25G']


def test_a_part_number_that_is_too_long_for_its_field_is_the_model_alone():
    found = mapped(agent('leaf-1', {'E1/1': optic('S1', vendorPart='P' * 60)}))
    fields = found.objects[f'moduletype/acme-optics/{"P" * 60}'].fields
    assert (fields['model'], 'part_number' in fields) == ('P' * 60, False)


# MAC addresses


def macs(found: Desired) -> dict[str, Any]:
    return {obj.key.removeprefix('macaddress/'): obj.fields['mac_address'] for obj in found.of('dcim.macaddress')}


def test_a_port_has_the_address_that_its_agent_reports_as_its_primary_one():
    found = mapped(agent('leaf-1', ports={'E1/1': port('02:00:00:00:00:01'), 'M1': port('02-00-00-00-00-02')}))
    assert macs(found) == {'switch/leaf-1/E1/1': '02:00:00:00:00:01', 'switch/leaf-1/M1': '02:00:00:00:00:02'}
    mac = found.objects['macaddress/switch/leaf-1/E1/1']
    assert mac.managed_fields['assigned_object'] == Ref('interface/switch/leaf-1/E1/1')
    assert (mac.scope, mac.source) == (MAC_ADDRESSES, Source('Agent', 'leaf-1'))
    interface = found.objects['interface/switch/leaf-1/E1/1']
    assert interface.managed_fields['primary_mac_address'] == Ref(mac.key)
    assert 'primary_mac_address' not in found.objects['interface/switch/leaf-1/E1/2'].managed_fields


def booting(mac: Any) -> Resource:
    (leaf,) = (item for item in small() if (item.kind, item.name) == ('Switch', 'leaf-1'))
    return Resource('Switch', 'leaf-1', {**leaf.spec, 'boot': {'mac': mac}})


def test_the_management_port_has_the_address_that_the_switch_boots_with_until_its_agent_reports_one():
    assert macs(mapped(booting('02:00:00:00:00:0A'))) == {'switch/leaf-1/M1': '02:00:00:00:00:0a'}
    found = mapped(booting('02:00:00:00:00:0a'), agent('leaf-1', ports={'M1': port('02:00:00:00:00:0b')}))
    assert macs(found) == {'switch/leaf-1/M1': '02:00:00:00:00:0b'}


@pytest.mark.parametrize('value', ['x', 7, '02:00:00:00:00', '01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00:00:00:01'])
def test_an_address_that_no_port_can_have_is_left_out_with_a_sentence(value):
    found = mapped(agent('leaf-1', ports={'E1/1': port(value), 'E1/2': port(value), 'E1/3': port('02:00:00:00:00:03')}))
    assert [said(issue) for issue in found.issues] == ['The MAC address of E1/1, E1/2 is invalid; skipped.']
    assert macs(found) == {'switch/leaf-1/E1/3': '02:00:00:00:00:03'}
    assert [said(issue) for issue in mapped(booting(value)).issues] == ['The MAC address of M1 is invalid; skipped.']


@pytest.mark.parametrize('value', [None, '', '00:00:00:00:00:00'])
def test_no_address_is_no_issue(value):
    found = mapped(booting(value), agent('leaf-1', ports={'E1/1': port(value)}))
    assert (macs(found), found.issues) == ({}, [])


def test_all_ports_of_a_switch_may_have_one_address():
    found = mapped(agent('leaf-1', ports={f'E1/{number}': port('02:00:00:00:00:01') for number in range(1, 5)}))
    assert len(macs(found)) == 4


def test_the_port_of_a_server_has_the_address_that_lldp_says_where_it_names_server_and_port():
    heard = {'sysName': 'server-1', 'portID': '02:00:00:00:01:00', 'portDescr': 'eth0'}
    found = mapped(agent('leaf-1', ports={
        'E1/2': port(None, heard), 'E1/3': port(None, {**heard, 'portDescr': 'eth0'}), 'E1/4': port(None, {'portID': 'eth1'}),
    }))
    # E1/3 leads to server-2, whatever a neighbor there calls itself.
    assert macs(found) == {'server/server-1/eth0': '02:00:00:00:01:00'}
    assert found.objects['macaddress/server/server-1/eth0'].source == Source('Server', 'server-1')


# Types of cables


def cable(found: Desired) -> dict[str, Any]:
    return {name: value for name, value in found.objects['cable/switch/leaf-1/E1/1'].managed_fields.items() if name == 'type'}


@pytest.mark.parametrize(('leaf', 'spine', 'fields'), [
    ('25G SR', '25G SR', {'type': 'mmf'}), ('25GBASE-CR', '25GBASE-CR', {'type': 'dac-passive'}),
    ('25G SR', '25G LR', {'type': None}), ('25G SR', '25G', {}), ('25G SR', None, {}),
])
def test_the_type_of_a_cable_is_managed_if_the_transceivers_at_both_ends_say_it(leaf, spine, fields):
    agents = [
        agent(name, {'E1/1': optic('S1', descr=text)})
        for name, text in (('leaf-1', leaf), ('spine-1', spine)) if text is not None
    ]
    assert cable(mapped(*agents)) == fields


# Scopes


def test_each_is_a_scope_of_its_own():
    agents = [
        agent(name, {'E1/1': optic('S1')}, {'E1/1': port('02:00:00:00:00:01')}) for name in ('leaf-1', 'spine-1')
    ]
    for scope, model in ((TRANSCEIVERS, 'dcim.module'), (MAC_ADDRESSES, 'dcim.macaddress')):
        assert keys(mapped(*agents), model)
        without = mapped(*agents, scopes=frozenset(SCOPES) - {scope})
        assert keys(without, model) == []
        assert scope not in {obj.scope for obj in without.objects.values()}
    without = mapped(*agents, scopes=frozenset(SCOPES) - {CABLE_TYPES})
    assert (cable(mapped(*agents)), cable(without)) == ({'type': 'mmf'}, {})
    alone = mapped(*agents, scopes=frozenset(SCOPES) - {TRANSCEIVERS})
    assert cable(alone) == {'type': 'mmf'}
