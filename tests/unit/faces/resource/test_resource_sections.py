"""What resources say for which NetBox has no model: pure, and proof against anything that a cluster may hold."""

from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.presentation.resource_sections import BUILDERS, Name, build_sections, names_in


def texts(section):
    """A section's rows as people read them: names in angle brackets."""
    return [
        tuple(''.join(f'<{part.name}>' if isinstance(part, Name) else part for part in cell) for cell in row)
        for row in section.rows
    ]


def test_vpc_peering() -> None:
    section, = build_sections('VPCPeering', {'permit': [{'a': {'subnets': ['default', 'db']}, 'b': {}}, {'b': {}, 'c': {}}]})
    assert texts(section) == [
        ('1', '<a>', 'default, db', '<b>'), ('1', '<b>', 'all', '<a>'), ('2', '<b>', 'all', '<c>'), ('2', '<c>', 'all', '<b>'),
    ]
    assert names_in([section]) == {('VPC', 'a'), ('VPC', 'b'), ('VPC', 'c')}


def test_external_peering() -> None:
    section, = build_sections('ExternalPeering', {'permit': {
        'vpc': {'name': 'v', 'subnets': ['default']},
        'external': {'name': 'e', 'prefixes': [{'prefix': '0.0.0.0/0'}, {'prefix': '10.0.0.0/8'}]},
    }})
    assert texts(section) == [
        ('<v>', 'subnets default', '<e>'), ('<e>', 'prefixes 0.0.0.0/0, 10.0.0.0/8', '<v>'),
    ]
    assert names_in([section]) == {('VPC', 'v'), ('External', 'e')}


def test_external() -> None:
    section, = build_sections('External', {'inboundCommunity': '64500:5000', 'outboundCommunity': '50000:64500'})
    assert texts(section) == [('BGP', 'community 64500:5000', 'community 50000:64500')]
    section, = build_sections('External', {'static': {'prefixes': ['0.0.0.0/0']}})
    assert texts(section) == [('static', '0.0.0.0/0', '')]
    # Attachments of both types, after 26.03.
    section, = build_sections('External', {'static': {'prefixes': ['10.9.0.0/16']}, 'inboundCommunity': '64500:5000'})
    assert texts(section) == [('static', '10.9.0.0/16', ''), ('BGP', 'community 64500:5000', 'no community')]


def test_an_access_rule_that_names_one_side_means_the_other() -> None:
    rules, = build_sections('GatewayPeering', {'peering': {'blue': {}, 'ext.wan': {}}, 'acl': {'rules': [
        {'from': 'blue', 'action': 'allow'}, {'to': 'blue', 'action': 'deny', 'scope': 'packet', 'log': True},
        {'from': 'other', 'action': 'deny', 'scope': 'planet'}, {'from': 7, 'to': [], 'scope': {}},
    ]}})[1:]
    assert [row[1:4] for row in texts(rules)] == [
        ('allow', '<blue>', '<wan>'), ('deny, logged, stateless', '<wan>', '<blue>'),
        ('deny, scope planet', '<other>', 'either'), ('', 'either', 'either'),
    ]


def test_dhcp_reservations_are_shown_where_the_fabric_serves_dhcp() -> None:
    static = {'0c:20:12:ff:00:02': {'ip': '10.0.1.7'}, '0c:20:12:ff:00:01': {'ip': '10.0.1.5'}, 'junk': 7}
    subnets, reservations = build_sections('VPC', {'subnets': {
        'a': {'dhcp': {'enable': True, 'static': static, 'range': {'start': '10.0.1.10', 'end': '10.0.1.99'}}},
        'b': {'dhcp': {'enable': False, 'static': static}},
        'c': {'dhcp': {'enable': True, 'static': {'0c:20:12:ff:00:03': {'ip': '10.0.2.5'}}}},
        'd': {'dhcp': {'enable': True, 'static': 'junk'}},
    }})
    assert [row[4] for row in texts(subnets)] == [
        '10.0.1.10 – 10.0.1.99, 3 reservations', '', 'enabled, 1 reservation', 'enabled',
    ]
    assert texts(reservations) == [
        ('a', '0c:20:12:ff:00:01', '10.0.1.5'), ('a', '0c:20:12:ff:00:02', '10.0.1.7'), ('a', 'junk', ''),
        ('c', '0c:20:12:ff:00:03', '10.0.2.5'),
    ]


def test_what_servers_may_announce_is_shown_with_the_lengths_that_are_accepted() -> None:
    announced = build_sections('VPC', {'subnets': {
        'rail-1': {
            'subnet': '10.7.0.0/25', 'hostBGP': True, 'hostBGPMinPrefixLen': 30, 'hostBGPMaxPrefixLen': 32,
            'hostBGPExtraPrefixes': {
                '10.8.0.0/24': {'minPrefixLen': 26}, '10.10.0.0/24': {}, '10.9.0.0/24': {'minPrefixLen': 24, 'maxPrefixLen': 28},
            },
        },
        'rail-2': {'subnet': '10.7.1.0/25', 'hostBGP': True, 'hostBGPExtraPrefixes': {
            '10.8.1.0/24': {'minPrefixLen': 26}, '10.8.2.0/24': {'maxPrefixLen': 29}, '10.8.3.0/24': 'junk',
        }},
        'plain': {'subnet': '10.7.2.0/25', 'hostBGPMinPrefixLen': 30, 'hostBGPExtraPrefixes': {'10.8.4.0/24': {}}},
    }})[1]
    assert (announced.title, texts(announced)) == ('Host BGP', [
        ('rail-1', '10.7.0.0/25', '/30 to /32'), ('rail-1', '10.8.0.0/24', '/26 to /32'),
        ('rail-1', '10.9.0.0/24', '/24 to /28'), ('rail-1', '10.10.0.0/24', '/30 to /32'),
        ('rail-2', '10.7.1.0/25', ''), ('rail-2', '10.8.1.0/24', '/26 or longer'), ('rail-2', '10.8.2.0/24', 'up to /29'),
        ('rail-2', '10.8.3.0/24', ''),
    ])


def test_hedgehog_fabric() -> None:
    domains, bfd = build_sections('Fabric', {
        'leafASNStart': 4200001001, 'disableBFD': True,
        'domains': {'plane-b': {'spineASN': 4200003000}, 'plane-a': {'spineASN': 4200001000, 'gatewayASN': 4200002000}},
    })
    assert texts(domains) == [('plane-a', '4200001000', '4200002000'), ('plane-b', '4200003000', '')]
    assert texts(bfd) == [('between switches, and to gateways', 'disabled')]


def test_vpc_interconnect() -> None:
    exchanged, links = build_sections('VPCInterconnect', {
        'local': {'blue': {'subnets': ['web', 'db']}, 'red': {}}, 'remote': {'prefixes': ['10.9.0.0/16', '10.8.0.0/16']},
        'links': [
            {'connection': 'border-1', 'vlan': 310, 'remoteASN': 65300, 'bfd': {}, 'inboundACL': {'statements': [{}, {}]}},
            {'connection': 'border-2'}, 'junk',
        ],
    })
    both = '10.9.0.0/16, 10.8.0.0/16'
    assert texts(exchanged) == [('<blue>', 'web, db', both), ('<red>', 'none', both)]
    assert texts(links) == [
        ('<border-1>', '310', '65300', 'enabled', '2 statements'), ('<border-2>', 'untagged', 'any', 'disabled', ''),
    ]
    section, = build_sections('VPCInterconnect', {'remote': {'prefixes': ['0.0.0.0/0']}})
    assert texts(section) == [('through gateway peerings only', '', '0.0.0.0/0')]


def test_isolation_is_shown_as_it_acts() -> None:
    subnets = build_sections('VPC', {
        'defaultIsolated': True, 'defaultRestricted': True, 'permit': [['x', 'z'], 'junk', [1]], 'subnets': {
            'v': {'isolated': False, 'restricted': False}, 'w': {'isolated': False}, 'x': {}, 'y': {'restricted': False},
            'z': {'isolated': 'yes'},
        },
    })[0]
    assert [row[5:] for row in texts(subnets)] == [
        ('', 'w'), ('restricted', 'v'), ('isolated, restricted', 'z'), ('isolated', 'no other subnet'),
        ('isolated, restricted', 'x'),
    ]


def test_gateway_peering() -> None:
    exposed, rules = build_sections('GatewayPeering', {
        'peering': {
            'vpc-02': {'expose': [{
                'ips': [{'vpcSubnet': 'default'}, {'not': '10.0.0.9/32'}], 'as': [{'cidr': '198.51.100.7/32'}],
                'nat': {'masquerade': {'idleTimeout': '5m0s'}},
            }]},
            'ext.internet': {'expose': [{'default': True}]},
            'vpc-03': {'expose': [{'ips': [{'cidr': '10.3.0.0/24'}], 'nat': {'portForward': {'ports': [
                {'proto': 'tcp', 'port': '443', 'as': '8443'},
            ]}}}]},
        },
        'acl': {'default': 'deny', 'rules': [
            {'action': 'allow', 'from': 'vpc-02', 'log': True, 'match': {
                'proto': 'tcp', 'src': [{'vpcSubnet': 'default'}], 'dst': [{'cidr': '0.0.0.0/0', 'ports': ['443', '80']}],
            }},
            {'name': 'rest', 'action': 'deny'},
        ]},
    })
    assert texts(exposed) == [
        ('<vpc-02>', 'subnet default, not 10.0.0.9/32', '198.51.100.7/32', 'masquerade (idle timeout 5m0s)'),
        ('<internet>', 'default route', '', ''),
        ('<vpc-03>', '10.3.0.0/24', '', 'port forwarding (tcp 443 → 8443)'),
    ]
    assert rules.title == 'Access rules (otherwise: deny)'
    assert texts(rules) == [
        ('1', 'allow, logged', '<vpc-02>', 'either', 'tcp, from subnet default, to 0.0.0.0/0 port 443, 80'),
        ('rest', 'deny', 'either', 'either', 'everything'),
    ]
    assert ('External', 'internet') in names_in([exposed])


def test_vpc() -> None:
    subnets, announced, permits, routes = build_sections('VPC', {
        'subnets': {
            'default': {
                'subnet': '10.0.1.0/24', 'gateway': '10.0.1.1', 'vlan': 1001, 'isolated': True, 'restricted': True,
                'dhcp': {'enable': True, 'range': {'start': '10.0.1.10', 'end': '10.0.1.99'}},
            },
            'relayed': {'subnet': '10.0.2.0/24', 'dhcp': {'relay': '10.0.1.200/32', 'relayVPC': 'other'}},
            'host': {'subnet': '10.0.3.0/24', 'hostBGP': True, 'dhcp': {}},
        },
        'permit': [['default', 'relayed']],
        'staticRoutes': [{'prefix': '10.42.0.0/24', 'nextHops': ['10.0.1.9', '10.0.1.8']}],
    })
    assert texts(subnets) == [
        ('default', '10.0.1.0/24', '10.0.1.1', '1001', '10.0.1.10 – 10.0.1.99', 'isolated, restricted', 'relayed'),
        ('host', '10.0.3.0/24', '', '', '', 'host BGP', 'relayed'),
        ('relayed', '10.0.2.0/24', '', '', 'relay to 10.0.1.200/32 in <other>', '', 'all subnets'),
    ]
    assert texts(announced) == [('host', '10.0.3.0/24', '')]
    assert texts(permits) == [('1', 'default, relayed')]
    assert texts(routes) == [('10.42.0.0/24', '10.0.1.9, 10.0.1.8')]


def test_nothing_to_tell() -> None:
    assert build_sections('Switch', {'role': 'spine'}) == []
    assert build_sections('VPCPeering', {}) == []
    assert build_sections('VPC', None) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        'permit', 'vpc', 'external', 'name', 'subnets', 'prefixes', 'prefix', 'peering', 'expose', 'ips', 'as', 'nat',
        'acl', 'rules', 'match', 'src', 'dst', 'ports', 'static', 'staticRoutes', 'nextHops', 'dhcp', 'range', 'x',
        'hostBGP', 'hostBGPExtraPrefixes', 'hostBGPMinPrefixLen', 'maxPrefixLen',
    ]), inner, max_size=4),
    max_leaves=25,
)


@given(spec=json_values, kind=st.sampled_from(sorted(BUILDERS)))
def test_any_shape_is_told_without_an_error(spec, kind) -> None:
    for section in build_sections(kind, spec):
        assert all(len(row) == len(section.columns) for row in section.rows)
        assert all(isinstance(part, Name) or (isinstance(part, str) and part) for row in section.rows for cell in row for part in cell)
