"""What reaches what within VPCs, and between them through switches, word by word."""

from netbox_hedgehog.hedgehog.reachability import mirror as mirror_module
from netbox_hedgehog.hedgehog.reachability.mirror import Resource
from netbox_hedgehog.hedgehog.reachability.question import ask
from netbox_hedgehog.hedgehog.vpcs import read_permits

from ...support.reachability import BLUE, RED, fabric, peering, sentences, server, steps, vpc


def test_two_servers_of_a_subnet():
    mirror = fabric(RED, server('db-1', 'red/front'), server('db-2', 'red/front', native=True))
    answer = ask('db-1', 'db-2', mirror)
    assert answer.there.sentence == 'Yes: db-1 can reach db-2. Both are in red/front, which is not restricted.'
    assert steps(answer.there) == [
        'VPCAttachment db-1--red-front: attaches db-1 to red/front by db-1--oak-1.',
        'VPC red: subnet front is not restricted.',
        'VPCAttachment db-2--red-front: attaches db-2 to red/front by db-2--oak-1 as the native VLAN.',
    ]
    assert not answer.there.finding.changes


def test_hosts_of_a_restricted_subnet():
    answer = ask('red/lone', 'red/lone', fabric(RED))
    assert answer.there.sentence == (
        'No: hosts in red/lone cannot reach each other. Subnet lone of red is restricted: its hosts do not reach each '
        'other.'
    )
    assert answer.there.finding.changes == ('Set restricted: false for subnet lone of VPC red.',)


def test_an_isolated_subnet_reaches_only_those_of_a_permit():
    no = 'In red, back is isolated, and no permit has both subnets.'
    answer = ask('red/front', 'red/back', fabric(RED))
    assert answer.there.sentence == f'No: red/front cannot reach red/back. {no}'
    assert answer.there.finding.changes == (
        'Add a permit with front and back to VPC red, or set isolated: false for back.',
    )
    assert sentences('red/front', 'red/lone', fabric(RED)) == (
        'Yes: red/front can reach red/lone. Permit 1 of red has both subnets.',
        'Yes: red/lone can reach red/front. Permit 1 of red has both subnets.',
    )


def test_defaults_of_a_vpc_act_where_a_subnet_says_nothing():
    closed = vpc('red', {'a': '10.0.1.0/24', 'b': {'subnet': '10.0.2.0/24', 'isolated': False}},
                 defaultIsolated=True, defaultRestricted=True)
    assert sentences('red/a', 'red/b', fabric(closed))[0] == (
        'No: red/a cannot reach red/b. In red, a is isolated, and no permit has both subnets.'
    )
    assert sentences('red/b', 'red/b', fabric(closed))[0].startswith('No: hosts in red/b cannot reach each other.')


def test_a_vpc_in_the_vrf_of_the_underlay_is_kept_apart_by_acls():
    flat = vpc('flat', {'a': '10.0.1.0/24'}, mode='l3flat')
    answer = ask('flat/a', 'blue/default', fabric(flat, BLUE))
    assert answer.there.sentence == (
        'No: flat/a cannot reach blue/default. No VPCPeering and no GatewayPeering joins flat and blue.'
    )
    assert steps(answer.there) == [
        'VPC flat: The VPC is in the VRF of the underlay (l3flat, experimental): ACLs of the switches keep it apart.',
    ]


# Between VPCs

def test_a_peering_permits_the_subnets_that_it_names():
    mirror = fabric(RED, BLUE, peering('blue--red', {'red': ['front'], 'blue': []}),
                    server('db-1', 'red/front', 'red/back'), server('web-1', 'blue/default'))
    answer = ask('db-1', 'web-1', mirror)
    assert answer.there.sentence == 'Yes: db-1 can reach web-1. VPCPeering blue--red permits it.'
    assert steps(answer.there)[1] == 'VPCPeering blue--red: permits red/front with blue/default.'
    assert [str(other) for other in answer.there.others] == [
        'red/back → blue/default: VPCPeering blue--red does not permit red/back with blue/default.',
    ]
    no = ask('red/back', 'blue/default', mirror).there
    assert no.sentence == (
        'No: red/back cannot reach blue/default. VPCPeering blue--red does not permit red/back with blue/default.'
    )
    assert steps(no) == ['VPCPeering blue--red: permits only red/front with all of blue.']
    assert no.finding.changes == ('Add red/back and blue/default to one permit of VPCPeering blue--red.',)


def test_subnets_of_two_permits_are_not_permitted_together():
    mirror = fabric(RED, BLUE, peering('p', {'red': ['front'], 'green': []}, {'blue': [], 'green': []}))
    assert sentences('red/front', 'blue/default', mirror)[0] == (
        'No: red/front cannot reach blue/default. No VPCPeering and no GatewayPeering joins red and blue.'
    )


def test_a_remote_peering_needs_switches():
    parts = [RED, BLUE, peering('p', {'red': [], 'blue': []}, remote='border')]
    assert sentences('red/front', 'blue/default', fabric(*parts))[0] == (
        'No: red/front cannot reach blue/default. VPCPeering p is on the switches of group border, which has none.'
    )
    parts.append(Resource('Switch', 'oak-9', {'groups': ['border']}))
    assert sentences('red/front', 'blue/default', fabric(*parts))[0] == (
        'Yes: red/front can reach blue/default. VPCPeering p permits it, on the switches of group border.'
    )


def test_what_was_deleted_is_named():
    answer = ask('red/front', 'blue/default', fabric(RED, BLUE, peering('p', {'red': [], 'blue': []}, missing=True)))
    assert answer.there.verdict == 'no'
    assert answer.there.finding.changes[0] == (
        'VPCPeering p would let it pass, but was deleted from the cluster.'
    )
    assert steps(answer.there) == ['VPCPeering p: was deleted from the cluster.']


def test_vpcs_of_different_hedgehog_fabrics():
    other = vpc('blue', {'default': '10.1.0.0/24'}, topology={'fabric': 'backend'})
    assert sentences('red/front', 'blue/default', fabric(RED, other))[0] == (
        'No: red/front cannot reach blue/default. No VPCPeering and no GatewayPeering joins red and blue. They are in '
        'different Hedgehog fabrics: default and backend.'
    )


def test_servers_that_are_attached_to_nothing():
    mirror = fabric(RED, server('db-1', 'red/front'), server('db-2'), server('db-3', 'gone/x'),
                    Resource('Server', 'db-4', {}))
    answer = ask('db-2', 'db-1', mirror)
    assert (answer.there.sentence, answer.back.sentence) == (
        'No: db-2 cannot reach db-1. db-2 is not attached to any VPC.',
        'No: db-1 cannot reach db-2. db-2 is not attached to any VPC.',
    )
    assert answer.there.finding.changes == (
        'Create a VPCAttachment that attaches db-2--oak-1 to a subnet.',
    )
    assert steps(ask('db-3', 'db-1', mirror).there) == [
        'VPCAttachment db-3--gone-x: attaches db-3 to gone/x, which does not exist.',
    ]
    assert sentences('db-4', 'db-1', mirror)[0] == 'No: db-4 cannot reach db-1. db-4 has no Connection to a switch.'


def test_a_peering_is_read_once_however_many_pairs_of_subnets_there_are(monkeypatch):
    red = [vpc(f'red-{n}', {'a': f'10.0.{n}.0/24'}) for n in range(5)]
    blue = [vpc(f'blue-{n}', {'a': f'10.1.{n}.0/24'}) for n in range(5)]
    servers = [server('db-1', *(f'red-{n}/a' for n in range(5))), server('db-2', *(f'blue-{n}/a' for n in range(5)))]
    mirror = fabric(*red, *blue, *servers, *(peering(f'p-{n}', {f'red-{n}': [], 'other': []}) for n in range(7)))
    read = []
    monkeypatch.setattr(mirror_module, 'read_permits', lambda spec: read.append(spec) or read_permits(spec))
    assert ask('db-1', 'db-2', mirror).there.verdict == 'no'
    assert len(read) == 7
