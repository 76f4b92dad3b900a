"""The one name of a port, however a Connection or an agent calls it."""

import pytest

from netbox_hedgehog.hedgehog.connections import read_connection
from netbox_hedgehog.hedgehog.switch_ports import PortNames, ports, reported_as

from ...support.samples import samples

NAMES = PortNames((item['kind'], item['metadata']['name'], item.get('spec')) for item in samples())


def test_a_port_that_can_be_broken_out_has_its_lane_in_its_name() -> None:
    assert NAMES.of('leaf-01', 'E1/49') == 'E1/49/1'
    assert NAMES.of('leaf-01', 'E1/49/1') == 'E1/49/1'
    assert NAMES.of('leaf-01', 'E1/1') == 'E1/1'
    assert NAMES.of('leaf-01', 'M1') == 'M1'
    assert NAMES.of('no-such-switch', 'E1/49') == 'E1/49'


def test_it_is_the_name_that_netbox_has() -> None:
    profiles = {item['metadata']['name']: item['spec'] for item in samples('SwitchProfile')}
    known = {
        item['metadata']['name']: {port.name for port in ports(profiles[item['spec']['profile']], item['spec'])[0]}
        for item in samples('Switch')
    }
    found = [read_connection(item['metadata']['name'], item['spec'], NAMES) for item in samples('Connection')]
    ends = [end for connection in found for link in connection.links for end in link.ends if end.kind == 'Switch']
    assert ends
    assert [str(end) for end in ends if end.port not in known[end.device]] == []


def test_an_agent_may_report_it_under_another_name() -> None:
    assert reported_as('E1/49', {'E1/49/1': {}}) == 'E1/49/1'
    assert reported_as('E1/49/1', {'E1/49': {}}) == 'E1/49'
    assert reported_as('E1/1', {'E1/1': {}}) == 'E1/1'
    assert reported_as('E1/1', {'E1/10': {}}) is None


@pytest.mark.parametrize(('profile', 'speed', 'expected'), [
    ('QSFP56DD-400G', '400G', '400gbase-x-qsfpdd'), ('QSFP56DD-2x200G', '200G', '200gbase-x-qsfpdd'),
    ('SFP28-25G', '25G', '25gbase-x-sfp28'), ('NEW-400G', '400G', 'other'),
])
@pytest.mark.parametrize('breaks_out', [False, True])
def test_the_type_of_a_port_is_its_connector_at_its_highest_speed(profile, speed, expected, breaks_out) -> None:
    plain = {'speed': {'default': speed, 'supported': [speed]}}
    whole = {'breakout': {'default': f'1x{speed}', 'supported': {f'1x{speed}': {'offsets': ['0']}}}}
    found, issues = ports({
        'ports': {'E1/1': {'nos': 'Ethernet0', 'profile': profile}},
        'portProfiles': {profile: whole if breaks_out else plain},
    }, {})
    assert ([port.type for port in found], issues) == ([expected], [])


@pytest.mark.parametrize(('entry', 'breakout', 'expected'), [
    # Cumulus Linux: the name is in two parts, and has the lane after an s.
    ({'nos': '7', 'baseNOSName': 'swp', 'profile': 'plain'}, None, {'E1/1': 'swp7'}),
    ({'nos': '7', 'baseNOSName': 'swp', 'group': 'one'}, None, {'E1/1': 'swp7'}),
    ({'nos': '7', 'baseNOSName': 'swp', 'profile': 'split'}, None, {'E1/1/1': 'swp7'}),
    ({'nos': '7', 'baseNOSName': 'swp', 'profile': 'split'}, '2x25G', {'E1/1/1': 'swp7s0', 'E1/1/2': 'swp7s1'}),
    ({'nos': '7', 'baseNOSName': 'swp', 'profile': 'split'}, '1x9G', {'E1/1/1': ''}),
    ({'nos': 'eth0', 'management': True}, None, {'E1/1': 'eth0'}),
    # SONiC: a number in the name, to which the offset is added.
    ({'nos': 'Ethernet8', 'profile': 'plain'}, None, {'E1/1': 'Ethernet8'}),
    ({'nos': '1/7', 'baseNOSName': 'Ethernet8', 'profile': 'split'}, '2x25G', {'E1/1/1': 'Ethernet8', 'E1/1/2': 'Ethernet9'}),
    ({'nos': '1/7', 'baseNOSName': 'Ethernet8', 'profile': 'plain'}, None, {'E1/1': '1/7'}),
])
def test_the_label_is_the_name_in_the_operating_system_of_the_switch(entry, breakout, expected) -> None:
    modes = {'1x50G': {'offsets': ['']}, '2x25G': {'offsets': ['0', '1']}, '1x9G': {'offsets': ['x']}}
    found, _ = ports({
        'ports': {'E1/1': entry}, 'portGroups': {'one': {'profile': 'plain'}},
        'portProfiles': {
            'plain': {'speed': {'default': '25G'}}, 'split': {'breakout': {'default': '1x50G', 'supported': modes}},
        },
    }, {'portBreakouts': {'E1/1': breakout} if breakout else {}})
    assert {port.name: port.label for port in found} == expected


def test_nothing_is_raised() -> None:
    for junk in (None, 1, 'x', [], {'ports': 1}, {'ports': {'E1/1': 1}}, {'profile': 1}, {'portProfiles': [], 'ports': {'E1/1': {}}}):
        names = PortNames([('SwitchProfile', 'p', junk), ('Switch', 's', junk), ('Switch', 't', {'profile': 'p'})])
        assert names.of('s', 'E1/1') == names.of('t', 'E1/1') == 'E1/1'
