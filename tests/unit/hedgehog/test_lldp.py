"""Which MAC address a port of a neighbor has."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.lldp import mac_of_port

MAC = '02:00:00:00:00:07'


def neighbor(**more: Any) -> dict[str, Any]:
    return {'sysName': 'server-1', 'portID': MAC, 'portDescr': 'eth0', **more}


@pytest.mark.parametrize('neighbors', [
    [neighbor()], [neighbor(sysName='Server-1.example.com')], [neighbor(portID=MAC.upper())], [neighbor(), neighbor()],
    # What the adapter itself sends names neither.
    [neighbor(), {'portID': '02:00:00:00:00:99', 'chassis': '02:00:00:00:00:99'}],
])
def test_a_neighbor_that_names_the_device_and_the_port(neighbors):
    assert mac_of_port(neighbors, 'server-1', 'eth0') == MAC


@pytest.mark.parametrize('neighbors', [
    None, 7, [], [None, 'x'], [{}], [neighbor(sysName='server-10')], [neighbor(sysName=None)], [neighbor(portDescr='eth1')],
    [neighbor(portDescr=None)], [neighbor(portID='eth0')], [neighbor(portID='02:00:00:00:00:00:00:07')],
    [neighbor(portID=7)], [neighbor(), neighbor(portID='02:00:00:00:00:08')],
])
def test_anything_else_is_no_answer(neighbors):
    assert mac_of_port(neighbors, 'server-1', 'eth0') is None
