"""Connections of every shape as links."""

import pytest

from netbox_hedgehog.hedgehog.connections import End, interface_of, links, wired_ports


def port(text):
    return {'port': text}


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
    assert {link.kind for link in found} == set(spec)


@pytest.mark.parametrize('junk', [None, 1, 'x', [], [1], {}, {'port': 1}, {'port': ''}, {'port': '/E1/1'}])
def test_unknown_shapes_have_no_links(junk) -> None:
    for spec in ({}, {'x': junk}, {'x': {'link': junk}}, {'x': {'links': junk}}, {'x': {'links': [{'switch': junk}]}}):
        assert links('c', spec) == []


def test_wired_ports_know_their_other_ends() -> None:
    found = links('c', {'eslag': {'links': [{'server': port('s/e1'), 'switch': port('l/E1/1')}]}})
    found += links('x', {'external': {'link': {'switch': port('l/E1/2')}}})
    assert wired_ports(found) == {'l': {'E1/1': 's e1', 'E1/2': 'x'}}


def test_a_port_that_can_be_broken_out_is_reported_under_another_name() -> None:
    assert interface_of('E1/49', {'E1/49/1': {'oper': 'up'}}) == {'oper': 'up'}
    assert interface_of('E1/1', {'E1/1': {'oper': 'up'}}) == {'oper': 'up'}
    assert interface_of('E1/1', {'E1/10': {}}) is None


def test_ends_read_as_people_write_them() -> None:
    assert str(End('Switch', 'leaf-1', 'E1/1')) == 'leaf-1 E1/1'
