"""What reaches what outside of a fabric, word by word."""

from netbox_hedgehog.hedgehog.reachability.mirror import Resource
from netbox_hedgehog.hedgehog.reachability.question import ask

from ...support.reachability import (
    MASQUERADE,
    RED,
    WIDE,
    exposed,
    external,
    external_peering,
    fabric,
    gateway,
    gateway_peering,
    peering,
    sentences,
    server,
    steps,
    vpc,
)


def test_an_external_needs_peering_prefix_and_attachment():
    parts = [RED, external('wan', 'oak-1--wan'), external_peering('red--wan', 'red', ['front'], 'wan', '198.51.0.0/16')]
    mirror = fabric(*parts)
    answer = ask('red/front', '198.51.100.1', mirror)
    assert answer.there.sentence == (
        'Yes: red/front can reach 198.51.100.1. ExternalPeering red--wan permits 198.51.100.1.'
    )
    assert steps(answer.there) == [
        'ExternalPeering red--wan: permits subnets front of red and prefixes 198.51.0.0/16 of wan.',
        'ExternalAttachment oak-1--wan--wan: attaches wan by oak-1--wan.',
        'External wan: announces routes by BGP: which ones it does is not mirrored.',
    ]
    assert sentences('red/back', 'wan', mirror)[0] == (
        'No: red/back cannot reach External wan. ExternalPeering red--wan does not permit subnet back of red.'
    )
    assert sentences('red/front', '203.0.113.1', mirror)[0] == (
        'No: red/front cannot reach 203.0.113.1. ExternalPeering red--wan does not permit 203.0.113.1.'
    )
    assert sentences('red/front', 'external wan 198.0.0.0/8', mirror)[0].endswith(
        'ExternalPeering red--wan permits a part of 198.0.0.0/8 of External wan.'
    )
    alone = fabric(RED, external('wan'), external_peering('red--wan', 'red', ['front'], 'wan', WIDE))
    assert sentences('wan', 'red/front', alone)[0] == (
        'No: External wan cannot reach red/front. External wan is not attached to any switch.'
    )


def test_a_static_external_has_only_its_routes():
    mirror = fabric(
        RED, external('wan', 'oak-1--wan', static=['198.51.100.0/24']),
        external_peering('red--wan', 'red', ['front'], 'wan', WIDE),
    )
    assert sentences('red/front', '198.51.100.1', mirror)[0].startswith('Yes: red/front can reach 198.51.100.1.')
    assert sentences('red/front', '203.0.113.1', mirror)[0] == (
        'No: red/front cannot reach 203.0.113.1. External wan has no static route for what is permitted.'
    )


def test_an_inbound_acl_is_not_evaluated():
    mirror = fabric(
        RED, external('wan', 'oak-1--wan', acl={'statements': [{'seq': 10, 'action': 'deny'}]}),
        external_peering('red--wan', 'red', ['front'], 'wan', WIDE),
    )
    assert sentences('red/front', 'wan', mirror)[0] == (
        'Unknown whether red/front can reach External wan. An inbound ACL filters what comes from External wan, '
        'and is not evaluated here.'
    )


def test_through_a_gateway_to_an_external():
    mirror = fabric(
        RED, gateway(), external('wan', 'oak-1--wan'), gateway_peering('red--wan', {
            'red': [exposed('front', shown=['192.0.2.7/32'], nat=MASQUERADE)], 'ext.wan': [{'default': True}],
        }),
    )
    assert sentences('red/front', '8.8.8.8', mirror) == (
        'Yes: red/front can reach 8.8.8.8. GatewayPeering red--wan lets it pass.',
        'No: 8.8.8.8 cannot reach red/front. GatewayPeering red--wan exposes red by masquerade: only red can open '
        'connections.',
    )
    assert sentences('192.0.2.7', 'red/front', mirror) == (
        '192.0.2.7 is an address by which GatewayPeering red--wan exposes red. Ask about what is behind it: red/back or '
        'red/front or red/lone.'
    )


def test_static_externals_and_routes_of_a_vpc():
    static = Resource('Connection', 'oak-1--appliance', {'staticExternal': {'withinVPC': 'blue', 'link': {'switch': {
        'port': 'oak-1/E1/8', 'ip': '172.30.50.1/31', 'subnets': ['172.31.0.0/16'],
    }}}})
    routed = vpc('blue', {'default': '10.1.0.0/24'}, staticRoutes=[{'prefix': '10.42.0.0/24', 'nextHops': ['10.1.0.9']}])
    assert sentences('blue/default', '172.31.4.4', fabric(routed, static))[0] == (
        'Yes: blue/default can reach 172.31.4.4. A static external of blue has it.'
    )
    assert sentences('blue/default', '10.42.0.7', fabric(routed, static))[0] == (
        'Unknown whether blue/default can reach 10.42.0.7. A static route of blue leads to 10.1.0.9: what that '
        'passes on is not mirrored.'
    )


def test_an_interconnect_announces_subnets():
    link = Resource('Connection', 'oak-1--far', {'external': {'link': {'switch': {'port': 'oak-1/E1/9'}}}})
    wide = Resource('VPCInterconnect', 'far', {
        'local': {'red': {'subnets': ['front']}}, 'remote': {'prefixes': ['10.9.0.0/16']},
        'links': [{'connection': 'oak-1--far'}],
    })
    assert sentences('red/front', '10.9.1.1', fabric(RED, link, wide))[0] == (
        'Yes: red/front can reach 10.9.1.1. VPCInterconnect far exchanges both.'
    )
    assert sentences('red/back', '10.9.1.1', fabric(RED, link, wide))[0] == (
        'No: red/back cannot reach 10.9.1.1. VPCInterconnect far does not announce subnet back of red.'
    )


def test_host_bgp_announces_other_prefixes_too():
    routed = vpc('blue', {'vips': {'subnet': '10.1.0.0/24', 'hostBGP': True, 'hostBGPExtraPrefixes': ['10.8.0.0/16']}})
    mirror = fabric(RED, routed, peering('p', {'red': ['front'], 'blue': ['vips']}))
    assert sentences('red/front', '10.8.4.4', mirror)[0] == (
        'Yes: red/front can reach 10.8.4.4 (blue/vips). VPCPeering p permits it.'
    )


def test_thousands_of_prefixes_on_both_sides_end():
    prefixes = [f'192.{number // 250}.{number % 250}.0/24' for number in range(0, 20_000, 2)]
    mirror = fabric(
        RED, external('isp', 'isp--oak-1', static=prefixes),
        external_peering('red--isp', 'red', ['front'], 'isp', *prefixes),
    )
    assert ask('red/front', '192.0.2.1', mirror).there.verdict == 'yes'
    assert ask('red/front', '192.0.1.1', mirror).there.verdict == 'no'


def test_thousands_of_externals_end():
    names = [f'isp-{number}' for number in range(5000)]
    mirror = fabric(
        RED, *(external(name) for name in names),
        *(external_peering(f'red--{name}', 'blue', ['front'], name, '0.0.0.0/0') for name in names),
    )
    assert ask('red/front', '192.0.2.1', mirror).there.verdict == 'no'


def test_thousands_of_peerings_of_other_vpcs_end():
    owners = [f'{side}-{number}' for side in 'ab' for number in range(20)]
    mirror = fabric(
        *(vpc(owner, {'default': f'10.{number}.0.0/24'}) for number, owner in enumerate(owners)),
        *(server(side, *(f'{owner}/default' for owner in owners if owner[0] == side)) for side in 'ab'),
        *(peering(f'other-{number}', {'x': [], 'y': []}) for number in range(5000)),
    )
    assert ask('a', 'b', mirror).there.verdict == 'no'
