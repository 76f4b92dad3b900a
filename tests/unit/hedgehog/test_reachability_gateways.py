"""What reaches what through gateways, word by word: what is exposed, NAT, and the rules of ACLs."""

from netbox_hedgehog.hedgehog.reachability.question import ask

from ...support.reachability import (
    BLUE,
    MASQUERADE,
    RED,
    exposed,
    fabric,
    gateway,
    gateway_peering,
    peering,
    sentences,
    steps,
)


def between(red, blue, **acl):
    return fabric(RED, BLUE, gateway(), gateway_peering('gp', {'red': red, 'blue': blue}, **acl))


def test_a_gateway_peering_without_nat_is_for_both():
    mirror = between([exposed('front')], [exposed('default')])
    answer = ask('red/front', 'blue/default', mirror)
    assert answer.there.sentence == 'Yes: red/front can reach blue/default. GatewayPeering gp lets it pass.'
    assert answer.back.verdict == 'yes'
    assert steps(answer.there) == ['GatewayPeering gp: exposes red: red/front; blue: blue/default.']
    assert sentences('red/back', 'blue/default', mirror)[0] == (
        'No: red/back cannot reach blue/default. GatewayPeering gp exposes of red only red/front.'
    )


def test_behind_masquerade_only_one_side_opens_connections():
    mirror = between([exposed('front', shown=['192.0.2.0/31'], nat=MASQUERADE)], [exposed('default')])
    answer = ask('red/front', 'blue/default', mirror)
    assert answer.differs
    assert answer.there.verdict == 'yes'
    assert answer.back.sentence == (
        'No: blue/default cannot reach red/front. GatewayPeering gp exposes red by masquerade: only red can open '
        'connections.'
    )
    assert answer.back.finding.changes == (
        'Expose red in GatewayPeering gp with static NAT or port forwarding.',
    )


def test_a_forwarded_port_is_reached_and_nothing_else():
    forward = {'portForward': {'ports': [{'proto': 'tcp', 'port': '8443', 'as': '443'}]}}
    mirror = between([exposed('front')], [exposed('10.1.0.10/32', shown=['192.0.2.9/32'], nat=forward)])
    answer = ask('red/front', '10.1.0.10', mirror)
    assert answer.there.sentence == (
        'Yes, in part: red/front can reach 10.1.0.10 (blue/default), but not with all traffic. Only a part of it '
        'passes: GatewayPeering gp forwards only TCP port 443 to blue.'
    )
    assert answer.back.sentence == (
        'No: 10.1.0.10 (blue/default) cannot reach red/front. GatewayPeering gp exposes blue by port forwarding, behind '
        'which nothing opens connections.'
    )


def test_parts_of_a_subnet_are_exposed():
    mirror = between([exposed('10.0.1.0/24', '-10.0.1.64/26')], [exposed('default')])
    assert sentences('red/front', 'blue/default', mirror)[0] == (
        'Yes, in part: red/front can reach blue/default, but not with all traffic. Only a part of it passes: '
        'GatewayPeering gp exposes of red only 10.0.1.0/24, without 10.0.1.64/26.'
    )
    assert sentences('10.0.1.70', 'blue/default', mirror)[0].startswith('No: 10.0.1.70 (red/front) cannot reach')
    assert sentences('10.0.1.7', 'blue/default', mirror)[0].startswith('Yes: 10.0.1.7 (red/front) can reach')


def test_stateless_rules_need_one_for_the_replies():
    there = {'name': 'out', 'from': 'red', 'action': 'allow', 'scope': 'packet', 'match': {}}
    mirror = between([exposed('front')], [exposed('default')], default='deny', rules=[there])
    answer = ask('red/front', 'blue/default', mirror)
    assert answer.there.sentence == (
        'No: red/front cannot reach blue/default. GatewayPeering gp denies the replies: rule 1 “out” is stateless, and '
        'no rule allows them.'
    )
    assert answer.back.sentence == (
        'No: blue/default cannot reach red/front. GatewayPeering gp has no rule that allows it from blue to red, and '
        'denies by default.'
    )
    both = between([exposed('front')], [exposed('default')], default='deny', rules=[
        there, {'to': 'red', 'action': 'allow', 'scope': 'packet'},
    ])
    assert [steps(direction)[1:] for direction in (ask('red/front', 'blue/default', both).there,)] == [[
        'GatewayPeering gp: rule 1 “out” allows all traffic from red to blue.',
        'GatewayPeering gp: rule 2 allows all traffic from blue to red.',
    ]]


def test_flows_are_kept_only_behind_stateful_nat():
    rule = {'from': 'red', 'action': 'allow', 'match': {}}
    plain = between([exposed('front')], [exposed('default')], default='deny', rules=[rule])
    assert sentences('red/front', 'blue/default', plain)[0] == (
        'Unknown whether red/front can reach blue/default. GatewayPeering gp has replies allowed by rule 1 only, '
        'of scope flow: gateways keep flows only with masquerade or port forwarding.'
    )
    hidden = between(
        [exposed('front', shown=['192.0.2.0/31'], nat=MASQUERADE)], [exposed('default')], default='deny', rules=[rule],
    )
    assert sentences('red/front', 'blue/default', hidden)[0].startswith('Yes: red/front can reach blue/default.')


def test_the_first_rule_that_matches_decides():
    tcp = {'from': 'red', 'action': 'allow', 'match': {'proto': 'tcp', 'dst': [{'ports': ['80', '443']}]}}
    deny = {'from': 'red', 'action': 'deny'}
    sides = [exposed('front', shown=['192.0.2.0/31'], nat=MASQUERADE)], [exposed('default')]
    assert sentences('red/front', 'blue/default', between(*sides, rules=[tcp, deny]))[0] == (
        'Yes, in part: red/front can reach blue/default, but not with all traffic. Only a part of it passes: '
        'GatewayPeering gp rule 2 denies: all traffic from red to blue.'
    )
    assert steps(ask('red/front', 'blue/default', between(*sides, rules=[tcp, deny])).there)[1] == (
        'GatewayPeering gp: rule 1 allows TCP to port 80, 443.'
    )
    assert sentences('red/front', 'blue/default', between(*sides, rules=[deny, tcp]))[0].startswith('No:')


def test_a_rule_that_names_no_side_is_about_both_directions():
    mirror = between([exposed('front')], [exposed('default')], rules=[{'action': 'deny'}])
    assert [sentences(*ends, mirror)[0] for ends in (('red/front', 'blue/default'), ('blue/default', 'red/front'))] == [
        'No: red/front cannot reach blue/default. GatewayPeering gp rule 1 denies: all traffic from red to blue.',
        'No: blue/default cannot reach red/front. GatewayPeering gp rule 1 denies: all traffic from blue to red.',
    ]


def test_what_is_unclear_comes_before_what_is_denied():
    """The reason of an answer that is unknown is why it is, and not why a part of it is denied."""
    rule = {'from': 'red', 'action': 'allow', 'match': {}}
    mirror = between([exposed('10.0.1.0/25')], [exposed('default')], default='deny', rules=[rule])
    assert 'GatewayPeering gp has replies allowed by rule 1 only' in sentences('red/front', 'blue/default', mirror)[0]


def test_rules_see_the_advertised_address_of_static_nat():
    static = exposed('10.0.1.10/32', shown=['192.0.2.10/32'], nat={'static': {}})
    rules = [
        {'from': 'red', 'action': 'allow', 'scope': 'packet', 'match': {
            'src': [{'cidr': '10.0.1.10/32'}], 'dst': [{'cidr': '10.1.0.28/32'}],
        }},
        {'from': 'blue', 'action': 'allow', 'scope': 'packet', 'match': {
            'src': [{'cidr': '10.1.0.12/32'}, {'cidr': '10.1.0.28/32'}], 'dst': [{'cidr': '192.0.2.10/32'}],
        }},
    ]
    # The example of Hedgehog's documentation: 10.1.0.12 can send, and gets no replies.
    mirror = between([static], [exposed('default')], default='deny', rules=rules)
    assert ask('10.0.1.10', '10.1.0.28', mirror).there.verdict == 'yes'
    assert ask('10.0.1.10', '10.1.0.28', mirror).back.verdict == 'yes'
    assert sentences('10.1.0.12', '10.0.1.10', mirror)[0].startswith('No:')
    assert ask('red/front', 'blue/default', mirror).there.verdict == 'partly'


def test_a_group_without_gateways_passes_nothing():
    mirror = fabric(RED, BLUE, gateway_peering('gp', {'red': [exposed('front')], 'blue': [exposed('default')]}))
    answer = ask('red/front', 'blue/default', mirror)
    assert answer.there.sentence == (
        'No: red/front cannot reach blue/default. No gateway is in gateway group default, which GatewayPeering gp uses.'
    )
    assert answer.there.finding.changes == ('Add a gateway to the gateway group default.',)


def test_peered_twice_is_not_defined():
    mirror = fabric(
        RED, BLUE, gateway(), peering('p', {'red': [], 'blue': []}),
        gateway_peering('gp', {'red': [exposed('front')], 'blue': [exposed('default')]}),
    )
    assert sentences('red/front', 'blue/default', mirror)[0] == (
        'Unknown whether red/front can reach blue/default. red and blue are peered by VPCPeering p and by '
        'GatewayPeering gp: Hedgehog does not define what both together do.'
    )


def test_many_rules_are_given_up_with_a_sentence():
    rules = [
        {'from': 'red', 'action': 'deny', 'match': {'proto': 'tcp', 'src': [{'cidr': f'10.0.1.{n}/32', 'ports': [str(n)]}],
                                                   'dst': [{'cidr': f'10.1.0.{n}/32', 'ports': [str(n)]}]}}
        for n in range(1, 60)
    ]
    mirror = between([exposed('front')], [exposed('default')], rules=rules)
    assert sentences('red/front', 'blue/default', mirror)[0] == (
        'Unknown whether red/front can reach blue/default. GatewayPeering gp has too many rules and ranges to '
        'follow them all: ask about one address.'
    )


def test_thousands_of_equal_exposes_end():
    many = [{'default': True}] * 5000
    answer = ask('red/front', 'blue/default', between(many, many))
    assert answer.there.verdict == 'unknown'
    assert 'too many rules and ranges' in answer.there.sentence


def test_thousands_of_static_addresses_and_rules_end():
    static = [exposed('10.1.0.0/24', shown=['192.0.2.0/24'], nat={'static': {}})] * 5000
    rules = [{'from': 'red', 'to': 'blue', 'action': 'allow', 'match': {'dst': [{'cidr': '192.0.2.1/32'}] * 5000}}]
    answer = ask('red/front', 'blue/default', between([exposed('front')], static, rules=rules))
    assert answer.there.verdict == 'unknown'


def test_thousands_of_forwarded_ports_and_ports_of_rules_end():
    forward = {'portForward': {'ports': [{'port': '1-60000', 'as': '1-60000'}] * 5000}}
    rules = [{'from': 'red', 'to': 'blue', 'action': 'allow', 'match': {'dst': [{'ports': list(range(1, 20000))}]}}]
    blue = [exposed('default', shown=['192.0.2.0/24'], nat=forward)]
    assert ask('red/front', 'blue/default', between([exposed('front')], blue, rules=rules)).there.verdict == 'unknown'
