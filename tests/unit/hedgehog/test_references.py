"""What a resource names, and what names it: the same rows, in both directions."""

import pytest

from netbox_hedgehog.hedgehog.connections import MEMBERS, read_connection
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.hedgehog.references import REFERENCES, references, referrers

from ...support.resources import load


def test_every_kind_is_known_and_every_row_names_one() -> None:
    assert REFERENCES.keys() == KIND_BY_NAME.keys()
    assert {row.kind for rows in REFERENCES.values() for row in rows} <= KIND_BY_NAME.keys()


def test_a_connection_names_what_its_links_name() -> None:
    found = [item for item in load('every-member') if item.kind == 'Connection']
    assert {read_connection(item.name, item.spec).member.name for item in found} == set(MEMBERS)
    for item in found:
        ends = {(end.kind, end.device) for link in read_connection(item.name, item.spec).links for end in link.ends}
        named = set(references('Connection', {'spec': item.spec}))
        assert {pair for pair in named if pair[0] != 'VPC'} == ends


def test_a_gateway_peering_names_vpcs_and_externals() -> None:
    spec = {'gatewayGroup': 'g', 'peering': {'vpc-02': {}, 'ext.internet': {}}}
    assert set(references('GatewayPeering', {'spec': spec})) == {
        ('GatewayGroup', 'g'), ('VPC', 'vpc-02'), ('External', 'internet'), ('VPCInfo', 'vpc-02'), ('VPCInfo', 'ext.internet'),
    }


@pytest.mark.parametrize('spec', [None, 1, 'x', [], {'permit': 1}, {'permit': [1, {'v': 1}]}, {'peering': []}, {'links': {}}])
def test_unknown_shapes_raise_nothing(spec) -> None:
    for kind in REFERENCES:
        references(kind, {'spec': spec, 'name': 'n'})


def test_what_may_refer_to_a_vpc() -> None:
    assert set(referrers('VPC', 'v')) == {
        'Connection', 'DHCPSubnet', 'ExternalPeering', 'GatewayPeering', 'VPC', 'VPCAttachment', 'VPCInterconnect',
        'VPCPeering',
    }
    assert referrers('Catalog', 'c') == {}


def test_a_name_is_a_text_in_the_predicate() -> None:
    assert '@ == "a\\") || true"' in referrers('VPC', 'a") || true')['VPCAttachment']
