"""What is asked and not understood, and what is not known: each has its sentence."""

import pytest

from netbox_hedgehog.hedgehog.reachability.mirror import Resource
from netbox_hedgehog.hedgehog.reachability.question import ask

from ...support.reachability import BLUE, RED, external, fabric, peering, sentences, server, vpc

# What is not known

def test_a_no_needs_all_kinds():
    mirror = fabric(RED, BLUE, unread=['GatewayPeering', 'Agent'])
    assert sentences('red/front', 'blue/default', mirror)[0] == (
        'Unknown whether red/front can reach blue/default. The last sync could not read GatewayPeering, which '
        'could decide. As far as is known: No VPCPeering and no GatewayPeering joins red and blue.'
    )
    old = ask('red/front', 'blue/default', fabric(RED, BLUE, peering('p', {'red': [], 'blue': []}), unread=['VPCPeering']))
    assert old.there.verdict == 'yes'
    assert old.there.warnings == ['The last sync could not read VPCPeering: what is known of these is older.']


def test_who_may_not_view_everything_is_told_so():
    partial = (
        'You do not have permission to view all resources of this fabric: what you may not view could change the '
        'answer.'
    )
    mirror = fabric(RED, BLUE, is_partial=True)
    assert sentences('red/front', 'blue/default', mirror)[0] == (
        f'Unknown whether red/front can reach blue/default. {partial} As far as is known: No VPCPeering and no '
        'GatewayPeering joins red and blue.'
    )
    assert ask('red/front', 'red/lone', mirror).there.warnings == [partial]
    assert sentences('db-9', 'red/front', mirror) == (
        'No server, VPC or External of berlin-1 that you may view is named “db-9”.'
    )


# What is asked

TWICE = vpc('twice', {'x': '10.0.1.0/24'})


@pytest.mark.parametrize(('end', 'sentence'), [
    ('', 'Enter a server, a subnet such as vpc-1/default, an address, or an External at both ends.'),
    ('x' * 301, 'An end has 301 characters: enter 300 or fewer.'),
    ('nobody', 'No server, VPC or External of berlin-1 is named “nobody”.'),
    ('server nobody', 'berlin-1 has no Server nobody.'),
    ('red', 'VPC red has several subnets. Enter red/back or red/front or red/lone.'),
    ('RED', 'VPC red has several subnets. Enter red/back or red/front or red/lone.'),
    ('red/nothing', 'VPC red has no subnet “nothing”. Enter red/back or red/front or red/lone.'),
    ('green/x', 'berlin-1 has no VPC green.'),
    ('both', '“both” is the name of a server and of an External. Enter server both or external both.'),
    ('10.0.1.57', '10.0.1.57 is in several subnets. Enter “red/front 10.0.1.57” or “twice/x 10.0.1.57”.'),
    ('10.0.0.0/8', '10.0.0.0/8 is larger than the subnets in it. Enter red/back or red/front or red/lone or twice/x, or '
                   'a smaller prefix.'),
    ('red/front 10.9.9.9', '10.9.9.9 is not in red/front (10.0.1.0/24).'),
    ('10.0.2.1', '10.0.2.1 is the gateway of red/back, an address of the switches. Enter the address of a host.'),
    ('10.0.2.255', '10.0.2.255 is the first or last address of red/back, which no host has.'),
    ('10.0.2.999', '“10.0.2.999” is not an IPv4 address or prefix.'),
    ('2001:db8::1', '“2001:db8::1” is not an IPv4 address or prefix. The addresses of VPCs are IPv4.'),
    ('a b c', '“a b c” is not understood. Enter one of: server NAME, VPC/SUBNET, an address or prefix, external NAME.'),
    ('server both more', '“more” after server both is not understood.'),
    ('gone', 'VPC gone was deleted from the cluster.'),
    ('red/front', 'Both ends are red/front. Enter two different ones.'),
])
def test_what_is_not_understood_is_said(end, sentence):
    mirror = fabric(
        RED, TWICE, server('both', 'red/front'), external('both'), vpc('gone', {'x': '10.6.0.0/24'}, missing=True),
    )
    if end == 'red/front':
        assert sentences('8.8.8.8', '9.9.9.9', mirror) == (
            'Neither 8.8.8.8 nor 9.9.9.9 is in a VPC: this fabric does not decide that.'
        )
        return
    assert sentences(end, 'red/front', mirror) == sentence


def test_a_server_and_itself():
    assert sentences('db-1', 'db-1', fabric(RED, server('db-1', 'red/front'))) == (
        'Both ends are db-1. Enter two different ones.'
    )


@pytest.mark.parametrize('spec', [None, 7, 'x', [], {'subnets': 4}, {'subnets': {'a': None}}, {'permit': [[1]]}])
@pytest.mark.parametrize('kind', [
    'VPC', 'VPCPeering', 'External', 'ExternalAttachment', 'ExternalPeering', 'GatewayPeering', 'Gateway', 'Connection',
    'VPCAttachment', 'VPCInterconnect', 'Switch',
])
def test_manifests_of_any_shape_raise_nothing(kind, spec):
    mirror = fabric(RED, BLUE, server('db-1', 'red/front'), Resource(kind, 'odd', spec))
    assert sentences('db-1', 'blue/default', mirror)
    assert sentences('db-1', '8.8.8.8', mirror)
