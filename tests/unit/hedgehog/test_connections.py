"""Connections of every shape: one table of members, one reader that raises nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.connections import MEMBERS, MOST_ISSUES, End, ports_named, read_connection, wired_ports
from netbox_hedgehog.issue_codes import Code

from ...support.resources import load


def port(text):
    return {'port': text}


def links(name, spec):
    return read_connection(name, spec).links


def issues(spec):
    return [(issue.code, issue.parameters) for issue in read_connection('c', spec).issues]


@pytest.mark.parametrize(('spec', 'ends'), [
    ({'unbundled': {'link': {'server': port('s/e1'), 'switch': port('l/E1/1')}}}, [('l', 'E1/1', 's', 'e1')]),
    ({'eslag': {'links': [{'server': port('s/e1'), 'switch': port('l/E1/1')},
                          {'server': port('s/e2'), 'switch': port('m/E1/1')}]}},
     [('l', 'E1/1', 's', 'e1'), ('m', 'E1/1', 's', 'e2')]),
    ({'fabric': {'links': [{'leaf': port('l/E1/49/1'), 'spine': port('p/E1/2/1')}]}}, [('p', 'E1/2/1', 'l', 'E1/49/1')]),
    ({'mesh': {'links': [{'leaf1': port('l/E1/1'), 'leaf2': port('m/E1/1')}]}}, [('l', 'E1/1', 'm', 'E1/1')]),
    ({'gateway': {'links': [{'switch': port('p/E1/3'), 'gateway': port('g/e1')}]}}, [('g', 'e1', 'p', 'E1/3')]),
    ({'mclagDomain': {'peerLinks': [{'switch1': port('l/E1/1'), 'switch2': port('m/E1/1')}],
                      'sessionLinks': [{'switch1': port('l/E1/2'), 'switch2': port('m/E1/2')}]}},
     [('l', 'E1/1', 'm', 'E1/1'), ('l', 'E1/2', 'm', 'E1/2')]),
    ({'external': {'link': {'switch': port('l/E1/47')}}}, [('l', 'E1/47', None, None)]),
    ({'staticExternal': {'withinVPC': 'v', 'link': {'switch': port('l/E1/7') | {'vlan': 3}}}}, [('l', 'E1/7', None, None)]),
])
def test_every_kind_of_connection(spec, ends) -> None:
    found = links('c', spec)
    assert [
        (link.near.device, link.near.port, link.far and link.far.device, link.far and link.far.port) for link in found
    ] == ends
    assert {link.member.name for link in found} == set(spec)
    assert issues(spec) == []


def test_every_member_is_in_the_fabric_that_has_all() -> None:
    found = [read_connection(item.name, item.spec) for item in load('every-member') if item.kind == 'Connection']
    assert {connection.member.name for connection in found} == set(MEMBERS)
    assert not [issue for connection in found for issue in connection.issues]


def test_what_a_member_says_beside_its_links() -> None:
    found = read_connection('c', {'staticExternal': {
        'withinVPC': 'v', 'mtu': 9000, 'link': {'switch': port('l/E1/7') | {'vlan': 3, 'ip': '10.0.0.1/24'}},
    }})
    assert (found.member, found.within_vpc, found.mtu) == (MEMBERS['staticExternal'], 'v', None)
    assert found.links[0].ends == (End('switch', 'l', 'E1/7', '10.0.0.1/24', 3),)
    assert read_connection('c', {'unbundled': {'mtu': 'x'}}).mtu == 'x'
    # Switches ignore the one of a bundle.
    assert {read_connection('c', {bundle: {'mtu': 1500}}).mtu for bundle in ('bundled', 'eslag', 'mclag')} == {None}


def test_the_end_that_names_the_cable_comes_first() -> None:
    fabric = links('c', {'fabric': {'links': [{'leaf': port('l/E1/49'), 'spine': port('p/E1/2')}]}})
    server = links('c', {'unbundled': {'link': {'server': port('s/e1'), 'switch': port('l/E1/1')}}})
    assert [link.ends[0].device for link in (*fabric, *server)] == ['l', 's']
    assert [link.near.device for link in (*fabric, *server)] == ['p', 'l']


@pytest.mark.parametrize('junk', [None, 1, 'x', [], [1], {}, {'port': 1}, {'port': ''}, {'port': '/E1/1'}])
def test_unknown_shapes_have_no_links(junk) -> None:
    for member in ('x', 'fabric', 'unbundled'):
        for spec in (
            {}, {member: junk}, {member: {'link': junk}}, {member: {'links': junk}}, {member: {'links': [{'switch': junk}]}},
        ):
            found = read_connection('c', spec)
            assert found.links == ()
            assert found.issues


@pytest.mark.parametrize(('spec', 'found'), [
    ({}, [('connection-empty', {})]),
    (None, [('connection-empty', {})]),
    ({'fabric': None}, [('connection-empty', {})]),
    ({'ring': {}, 'star': {}}, [('connection-type-unknown', {'types': ('ring', 'star')})]),
    ({'mesh': {}, 'fabric': {}, 'ring': {}}, [('connection-ambiguous', {'types': ('fabric', 'mesh')})]),
    ({'fabric': 7}, [('links-invalid', {'links': 'links'})]),
    ({'mclagDomain': {}}, []),
    ({'mesh': {'links': [{'leaf1': port('l/E1/1'), 'leaf2': port('m')}]}}, [('port-invalid', {'end': 'leaf2', 'port': 'm'})]),
])
def test_what_cannot_be_used_is_an_issue(spec, found) -> None:
    assert issues(spec) == found
    assert all(Code(code) for code, _ in found)


def test_a_flood_of_broken_links_costs_no_more_issues_than_a_page_can_show() -> None:
    broken = [{}, {'leaf': port(7)}, {'leaf': port('l/E1/1')}] * MOST_ISSUES
    assert len(issues({'fabric': {'links': broken}})) == MOST_ISSUES
    assert len(links('c', {'fabric': {'links': broken}})) == MOST_ISSUES
    assert [code for code, _ in issues({'new': {'links': broken}})] == ['connection-type-unknown']
    assert len(links('c', {'new': {'links': broken}})) == MOST_ISSUES


def test_links_of_an_unknown_member_are_read_as_far_as_they_look_known() -> None:
    found = read_connection('c', {'ring': {'links': [{'switch': port('l/E1/1'), 'server': port('s/e1')}]}})
    assert found.member is None
    assert [(str(link.near), str(link.far), link.member.name) for link in found.links] == [('l E1/1', 's e1', 'ring')]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(['l/E1/1', '/', 'x', '']) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        *MEMBERS, 'link', 'links', 'peerLinks', 'server', 'switch', 'leaf', 'spine', 'switch1', 'port', 'ip', 'mtu', 'x',
    ]), inner, max_size=4),
    max_leaves=25,
)


@given(json_values)
def test_nothing_is_raised(spec) -> None:
    found = read_connection('c', spec)
    wired_ports([found])
    list(ports_named(spec))
    for link in found.links:
        assert link.near.device
        assert link.far is None or link.far.device
    for issue in found.issues:
        assert Code(issue.code)


def test_wired_ports_know_their_other_ends() -> None:
    found = [
        read_connection('c', {'eslag': {'links': [{'server': port('s/e1'), 'switch': port('l/E1/1')}]}}),
        read_connection('x', {'external': {'link': {'switch': port('l/E1/2')}}}),
    ]
    assert wired_ports(found) == {'l': {'E1/1': 's e1', 'E1/2': 'x'}}


def test_an_end_without_a_port_is_no_wired_port() -> None:
    found = [read_connection('c', {'mesh': {'links': [{'leaf1': port('leaf-01'), 'leaf2': port('leaf-02/E1/1')}]}})]
    assert wired_ports(found) == {'leaf-02': {'E1/1': 'leaf-01'}}


def test_ends_read_as_people_write_them() -> None:
    assert str(End('switch', 'leaf-1', 'E1/1')) == 'leaf-1 E1/1'
