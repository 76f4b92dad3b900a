"""Which resources belong to one of a controller's Hedgehog fabrics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS
from netbox_hedgehog.hedgehog.topology import TopologyFilter

from ...support.two_fabrics import SHARED, made

BACKEND, DEFAULT = TopologyFilter('backend'), TopologyFilter('default')
PLACED = [
    'IPv4Namespace', 'SwitchGroup', 'Switch', 'Connection', 'VPC', 'VPCAttachment', 'VPCPeering', 'External',
    'ExternalAttachment', 'ExternalPeering', 'VPCInterconnect', 'Gateway', 'GatewayGroup', 'GatewayPeering', 'VPCInfo',
]
FOLLOWING = {'Agent': 'Switch', 'GatewayAgent': 'Gateway', 'DHCPSubnet': 'VPC'}


def test_every_kind_is_placed_follows_another_or_is_shared():
    assert {kind.name for kind in KINDS} == {*PLACED, *FOLLOWING, *SHARED, 'Fabric'}


@pytest.mark.parametrize('kind', [kind.name for kind in KINDS])
def test_without_a_filter_everything_is_included(kind):
    assert TopologyFilter().includes(KIND_BY_NAME[kind], made(kind, 'x', 'backend')) is True


@pytest.mark.parametrize('kind', PLACED)
def test_what_names_a_hedgehog_fabric_belongs_to_it(kind):
    row = KIND_BY_NAME[kind]
    assert BACKEND.includes(row, made(kind, 'x', 'backend')) is True
    assert BACKEND.includes(row, made(kind, 'x', 'frontend')) is False
    assert BACKEND.includes(row, made(kind, 'x')) is False
    assert DEFAULT.includes(row, made(kind, 'x')) is True, 'what names none belongs to the default one'
    assert DEFAULT.includes(row, made(kind, 'x', 'backend')) is False


@pytest.mark.parametrize('kind', PLACED)
def test_metadata_says_it_by_its_label_or_not_at_all(kind):
    row, labeled, plain = KIND_BY_NAME[kind], made(kind, 'x', 'backend'), made(kind, 'x')
    del labeled['spec'], plain['spec']
    assert BACKEND.includes(row, labeled, has_spec=False) is True
    assert DEFAULT.includes(row, labeled, has_spec=False) is False
    assert BACKEND.includes(row, plain, has_spec=False) is None


@pytest.mark.parametrize('kind', SHARED)
def test_what_is_shared_is_in_each(kind):
    assert BACKEND.includes(KIND_BY_NAME[kind], made(kind, 'x')) is True


def test_of_the_hedgehog_fabrics_it_is_the_one_of_that_name():
    assert [BACKEND.includes(KIND_BY_NAME['Fabric'], made('Fabric', name)) for name in ('backend', 'other')] == [True, False]


@pytest.mark.parametrize('kind', FOLLOWING)
def test_an_agent_belongs_where_its_switch_does(kind):
    owned, other = (made(kind, name, labels={'fabric.githedgehog.com/vpc': name}) for name in ('a', 'b'))
    for item in (owned, other):
        del item['spec']
    found = [BACKEND.includes(KIND_BY_NAME[kind], item, lambda: {'a'}, has_spec=False) for item in (owned, other)]
    assert found == [True, False]
    assert KIND_BY_NAME[kind].follows.kind == FOLLOWING[kind]


@given(
    st.sampled_from(KINDS), st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(['metadata', 'spec', 'name', 'labels', 'topology', 'fabric']), inner,
    )), st.booleans(),
)
def test_nothing_is_raised(kind, manifest, has_spec):
    assert BACKEND.includes(kind, manifest, has_spec=has_spec) in (True, False, None)
