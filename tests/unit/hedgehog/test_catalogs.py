"""Catalogs, and what is stored of Agents: the numbers and networks that the controller has chosen."""

from typing import Any

import pytest

from netbox_hedgehog.hedgehog.catalogs import Catalog, catalog_of_group, catalog_of_switch, read_catalog
from netbox_hedgehog.hedgehog.switches import is_cumulus, read_agent_config


def test_a_catalog_has_the_numbers_of_a_switch():
    spec = {
        'portChannelIDs': {'c': 1}, 'irbVLANs': {'ext@isp': 3000}, 'th5WorkaroundVLANs': {'E1/1': 3900},
        'staticExternalSubnetOffsets': {'a': 2},
    }
    assert read_catalog(spec) == Catalog({'c': 1}, {'ext@isp': 3000}, {'E1/1': 3900}, {'a': 2})


def test_switches_of_a_redundancy_group_share_one():
    assert catalog_of_switch('leaf') == 'switch.leaf'
    assert catalog_of_group('leaf', {'redundancy': {'group': 'es-1', 'type': 'eslag'}}) == 'redundancy.es-1'
    assert catalog_of_group('leaf', {'redundancy': {}}) == 'switch.leaf'


@pytest.mark.parametrize(('config', 'mtu'), [
    ({'fabricMTU': 9100, 'serverFacingMTUOffset': 64}, 9036), ({'fabricMTU': 9100}, 9100), ({}, None),
    ({'serverFacingMTUOffset': 64}, None), ({'fabricMTU': 64, 'serverFacingMTUOffset': 100}, None), ({'fabricMTU': '9100'}, None),
])
def test_the_mtu_to_servers_is_the_one_of_the_fabric_less_an_offset(config, mtu):
    assert read_agent_config({'config': config}).server_mtu == mtu


@pytest.mark.parametrize('odd', [None, [], 'text', 7, True, {'config': []}, {'irbVLANs': 5, 'portChannelIDs': ['a']}])
def test_anything_else_is_nothing(odd: Any):
    assert read_catalog(odd) == Catalog({}, {}, {}, {})
    assert (read_agent_config(odd).proxy, read_agent_config(odd).server_mtu) == (None, None)
    assert not is_cumulus(odd)
    assert catalog_of_group('leaf', odd) == 'switch.leaf'
