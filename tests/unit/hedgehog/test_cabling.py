"""The cabling check: invented fabrics, each with what must be said of it, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.cabling import STATES
from netbox_hedgehog.hedgehog.lldp import leased_hosts, read_ports
from netbox_hedgehog.hedgehog.switch_ports import PortNames

from ...support.cabling import PROFILE, Wiring, place


def uplinks() -> Wiring:
    """Two leaves with an uplink to each of two spines, and a server on both."""
    wiring = Wiring()
    for number, leaf in ((1, 'oak-1'), (2, 'oak-2')):
        for spine, port in (('elm-1', 49), ('elm-2', 50)):
            wiring.connect(f'{leaf}--{spine}', 'fabric', (f'{leaf}/E1/{port}', f'{spine}/E1/{48 + number}'))
    return wiring.connect('node-a', 'eslag', ('node-a/enp1', 'oak-1/E1/5'), ('node-a/enp2', 'oak-2/E1/5'))


def states(wiring: Wiring) -> dict[str, str]:
    return {end: check.state for end, check in wiring.check().items()}


def test_as_declared() -> None:
    assert states(uplinks()) == {
        'oak-1 E1/49/1': 'verified', 'oak-1 E1/50/1': 'verified', 'oak-2 E1/49/1': 'verified', 'oak-2 E1/50/1': 'verified',
        'oak-1 E1/5': 'one_end', 'oak-2 E1/5': 'one_end',
    }
    assert uplinks().check()['oak-1 E1/5'].sentence == 'oak-1 E1/5 is connected to node-a enp1, as declared.'


def test_two_crossed_cables() -> None:
    wiring = uplinks()
    wiring.swap(0, 1)
    checks = wiring.check()
    assert list(checks)[:2] == ['oak-1 E1/49/1', 'oak-1 E1/50/1'], 'the worst first'
    check = checks['oak-1 E1/49/1']
    assert (check.state, check.is_issue, check.seen) == ('wrong_neighbor', True, 'elm-2 E1/49/1')
    assert check.sentence == (
        'oak-1 E1/49/1 is connected to elm-2 E1/49/1 (expected elm-1 E1/49/1). '
        'elm-1 E1/49/1 is connected to oak-1 E1/50/1 (expected oak-1 E1/49/1).'
    )
    assert check.hint == checks['oak-1 E1/50/1'].hint == 'Swap E1/49/1 and E1/50/1 on oak-1.'
    assert {check.state for end, check in checks.items() if end.startswith('oak-2')} == {'verified', 'one_end'}


def test_crossed_at_the_server() -> None:
    wiring = uplinks()
    wiring.swap(4, 5)
    checks = wiring.check()
    assert checks['oak-1 E1/5'].explanation == (
        'oak-1 E1/5 is connected to node-a enp2 (expected node-a enp1). '
        'node-a enp1 is connected to oak-2 E1/5 (expected oak-1 E1/5). Swap enp1 and enp2 on node-a.'
    )
    assert checks['oak-1 E1/5'].hint == checks['oak-2 E1/5'].hint


def test_crossed_between_four_devices() -> None:
    wiring = Wiring().connect('a', 'mesh', ('oak-1/E1/1', 'oak-2/E1/1')).connect('b', 'mesh', ('oak-3/E1/1', 'oak-4/E1/1'))
    wiring.swap(0, 1)
    assert {check.hint for check in wiring.check().values()} == {'Swap the cables at oak-1 E1/1 and oak-3 E1/1.'}


def test_two_servers_whose_ports_are_called_otherwise() -> None:
    wiring = Wiring().connect('a', 'unbundled', ('node-a/enp1', 'oak-1/E1/1'))
    wiring.connect('b', 'unbundled', ('node-b/enp1', 'oak-1/E1/2'))
    for here, host in (('oak-1/E1/1', 'node-b'), ('oak-1/E1/2', 'node-a')):
        wiring.neighbors[place(here)] = [{'sysName': host, 'portID': '0c:20:12:fe:00:01', 'portDescr': 'eth0'}]
    assert wiring.check()['oak-1 E1/1'].explanation == (
        'oak-1 E1/1 is connected to node-b 0c:20:12:fe:00:01 (expected node-a enp1). Swap E1/1 and E1/2 on oak-1.'
    )


def test_the_wrong_leaf() -> None:
    """One cable moved to another leaf, whose port nobody declares."""
    wiring = uplinks()
    wiring.cables[0] = (place('oak-3/E1/7'), place('elm-1/E1/49'))
    wiring.switches['oak-3'] = {'profile': 'acme'}
    wiring.connect('other', 'fabric', ('oak-3/E1/51', 'elm-1/E1/51'))
    checks = wiring.check()
    assert checks['oak-1 E1/49/1'].sentence == 'elm-1 E1/49/1 is connected to oak-3 E1/7 (expected oak-1 E1/49/1).'
    assert checks['oak-1 E1/49/1'].hint == ''
    assert (checks['oak-3 E1/7'].state, checks['oak-3 E1/7'].is_issue) == ('undeclared', False)
    assert checks['oak-3 E1/7'].sentence == (
        'oak-3 E1/7 is connected to elm-1 E1/49/1, which no Connection declares.'
    )


def test_a_member_of_a_lag_on_the_wrong_switch() -> None:
    wiring = uplinks().connect('node-b', 'bundled', ('node-b/enp1', 'oak-1/E1/6'), ('node-b/enp2', 'oak-1/E1/7'))
    wiring.cables[-1] = (place('node-b/enp2'), place('oak-2/E1/9'))
    check = wiring.check()['oak-1 E1/7']
    assert (check.state, check.sentence) == (
        'wrong_neighbor', 'node-b enp2 is connected to oak-2 E1/9 (expected oak-1 E1/7).',
    )


def test_a_switch_that_is_not_seen_is_an_issue_and_a_server_is_none() -> None:
    wiring = uplinks()
    for here in ('oak-1/E1/49', 'elm-1/E1/49', 'oak-1/E1/5'):
        wiring.neighbors[place(here)] = []
    checks = wiring.check()
    assert (checks['oak-1 E1/49/1'].state, checks['oak-1 E1/49/1'].is_issue) == ('no_neighbor', True)
    assert checks['oak-1 E1/49/1'].sentence == (
        'oak-1 E1/49/1 is up, but reports no LLDP neighbor (expected elm-1 E1/49/1). '
        'elm-1 E1/49/1 is up, but reports no LLDP neighbor (expected oak-1 E1/49/1).'
    )
    assert (checks['oak-1 E1/5'].state, checks['oak-1 E1/5'].is_issue) == ('no_neighbor', False)
    assert checks['oak-1 E1/5'].sentence == (
        'oak-1 E1/5 is up, but reports no LLDP neighbor (expected node-a enp1). No issue if node-a runs no LLDP.'
    )


def test_reported_from_one_end() -> None:
    wiring = uplinks()
    wiring.neighbors[place('elm-1/E1/49')] = []
    check = wiring.check()['oak-1 E1/49/1']
    assert (check.state, check.is_issue) == ('one_end', False)
    assert check.sentence == (
        'oak-1 E1/49/1 is connected to elm-1 E1/49/1, as declared. '
        'elm-1 E1/49/1 is up, but reports no LLDP neighbor (expected oak-1 E1/49/1).'
    )


def test_a_silent_agent_says_nothing_good_or_bad() -> None:
    wiring = uplinks()
    wiring.silent = {'oak-1', 'elm-1', 'elm-2'}
    wiring.swap(0, 1)
    checks = wiring.check()
    assert checks['oak-1 E1/49/1'].state == checks['oak-1 E1/50/1'].state == checks['oak-1 E1/5'].state == 'unknown'
    assert checks['oak-1 E1/49/1'].sentence == 'No recent data from oak-1. No recent data from elm-1.'
    assert checks['oak-2 E1/49/1'].state == 'one_end'


def test_an_agent_that_reports_no_neighbor_at_all_says_nothing() -> None:
    wiring = uplinks()
    wiring.neighbors = {place(f'oak-1/E1/{port}'): [] for port in (5, 49, 50)}
    checks = wiring.check()
    assert checks['oak-1 E1/49/1'].state == 'one_end'
    assert (checks['oak-1 E1/5'].state, checks['oak-1 E1/5'].sentence) == (
        'unknown', 'oak-1 reports no LLDP neighbor on any port.',
    )


def test_down() -> None:
    wiring = uplinks()
    wiring.down.add(place('oak-1/E1/49'))
    check = wiring.check()['oak-1 E1/49/1']
    assert (check.state, check.is_issue) == ('down', False)
    assert check.sentence == 'oak-1 E1/49/1 is down (admin up). elm-1 E1/49/1 is down (admin up).'


def test_names_with_a_domain_and_of_a_dpu() -> None:
    wiring = uplinks()
    wiring.domain = '.Lab.Example.COM'
    assert set(states(wiring).values()) == {'verified', 'one_end'}
    wiring.neighbors[place('oak-1/E1/5')] = [{'sysName': 'NODE-A-dpu.lan', 'portID': '02:00:00:00:00:01', 'portDescr': 'p0'}]
    check = wiring.check()['oak-1 E1/5']
    assert (check.state, check.sentence) == ('one_end', (
        'oak-1 E1/5 is connected to node-a 02:00:00:00:00:01: the declared device, its port is not recognized '
        '(expected node-a enp1).'
    ))


def test_a_server_that_gives_a_mac_address() -> None:
    wiring = uplinks()
    wiring.neighbors[place('oak-1/E1/5')] = [{'sysName': 'node-a', 'portID': '02:00:00:00:00:01', 'portDescr': 'enp1'}]
    wiring.neighbors[place('oak-2/E1/5')] = [{'chassis': '02:00:00:00:00:02', 'portID': '02:00:00:00:00:02'}]
    assert wiring.check()['oak-1 E1/5'].sentence == 'oak-1 E1/5 is connected to node-a enp1, as declared.'
    check = wiring.check()['oak-2 E1/5']
    assert (check.state, check.is_issue, check.sentence) == ('unidentified', False, (
        'oak-2 E1/5 is connected to 02:00:00:00:00:02, which is not recognized (expected node-a enp2).'
    ))
    # Its DHCP lease says whose it is.
    wiring.macs = dict(leased_hosts({'allocated': {'02:00:00:00:00:02': {'ip': '10.0.0.9', 'hostname': 'node-a.lan'}}}))
    assert wiring.check()['oak-2 E1/5'].state == 'one_end'


def test_another_host_name_than_the_server_s_is_no_wrong_neighbor() -> None:
    wiring = uplinks()
    wiring.neighbors[place('oak-1/E1/5')] = [{'sysName': 'ubuntu', 'portID': 'eth0'}]
    check = wiring.check()['oak-1 E1/5']
    assert (check.state, check.is_issue) == ('unidentified', False)
    # Where a switch is declared, any other name is.
    wiring.neighbors[place('oak-1/E1/49')] = [{'sysName': 'sonic', 'portID': 'Ethernet8'}]
    assert wiring.check()['oak-1 E1/49/1'].sentence == 'oak-1 E1/49/1 is connected to sonic Ethernet8 (expected elm-1 E1/49/1).'


def test_several_neighbors_of_which_one_is_declared() -> None:
    wiring = uplinks()
    wiring.neighbors[place('oak-1/E1/5')] = [
        {'sysName': 'oak-2', 'portID': 'Ethernet0'}, {'chassis': '02:00:00:00:00:09'}, {'sysName': 'node-a', 'portID': 'enp1'},
    ]
    assert wiring.check()['oak-1 E1/5'].state == 'one_end'


def test_externals_and_gateways() -> None:
    wiring = uplinks().connect('isp', 'external', ('oak-1/E1/9', 'isp-router/xe-0'))
    wiring.connect('gw', 'gateway', ('yew-1/enp2', 'oak-1/E1/10'))
    checks = wiring.check()
    assert (checks['oak-1 E1/9'].state, checks['oak-1 E1/9'].sentence) == (
        'unidentified', 'oak-1 E1/9 is connected to isp-router xe-0, outside the fabric as declared.',
    )
    assert checks['oak-1 E1/10'].state == 'one_end'
    wiring.neighbors[place('oak-1/E1/9')] = [{'sysName': 'node-a', 'portID': 'enp2'}]
    assert wiring.check()['oak-1 E1/9'].sentence == (
        'oak-1 E1/9 is connected to node-a enp2 (expected a device outside the fabric).'
    )


def test_breakouts() -> None:
    wiring = Wiring().connect('a', 'unbundled', ('node-a/enp1', 'oak-1/E1/50/3')).connect('b', 'mesh', ('oak-1/E1/49', 'oak-2/E1/51/2'))
    wiring.switches['oak-1']['portBreakouts'] = {'E1/50': '4x25G'}
    wiring.switches['oak-2']['portBreakouts'] = {'E1/51': '4x25G'}
    assert states(wiring) == {'oak-1 E1/49/1': 'verified', 'oak-1 E1/50/3': 'one_end'}
    assert wiring.check()['oak-1 E1/49/1'].seen == 'oak-2 E1/51/2'


def test_the_names_of_ports_that_neighbors_give() -> None:
    names = PortNames([
        ('SwitchProfile', 'acme', PROFILE), ('Switch', 'oak', {'profile': 'acme', 'portBreakouts': {'E1/50': '4x25G'}}),
        ('Switch', 'fir', {'profile': 'unknown'}),
    ])
    given_names = {
        'Ethernet4': 'E1/5', 'E1/5': 'E1/5', 'Eth1/5': 'E1/5', 'Ethernet48': 'E1/49/1', 'E1/49': 'E1/49/1', 'Eth1/49/1': 'E1/49/1',
        'Ethernet54': 'E1/50/3', 'Ethernet999': '', 'swp1': '', '': '',
    }
    assert {name: names.advertised('oak', name) for name in given_names} == given_names
    assert names.advertised('fir', 'E1/5') == 'E1/5'
    assert names.advertised('fir', 'Ethernet4') == ''


def test_anything_may_be_reported() -> None:
    odd = {'state': {'interfaces': {'E1/1': {'admin': 1, 'lldpNeighbors': [None, {}, {'sysName': 3}, {'portID': ['a']}]}, 'E1/2': 4}}}
    assert list(read_ports(odd)) == ['E1/1']
    assert read_ports(odd)['E1/1'].neighbors == ()
    assert read_ports(None) == {}


@st.composite
def fabrics(draw: st.DrawFn) -> Wiring:
    """Spines, leaves with uplinks, servers of all sorts; all of it plugged as it is declared."""
    wiring = Wiring()
    spines, leaves = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    for spine in range(spines):
        for leaf in range(leaves):
            links = draw(st.integers(1, 2))
            wiring.connect(f'{leaf}-{spine}', 'fabric', *(
                (f'oak-{leaf}/E1/{49 + spine * 2 + link}', f'elm-{spine}/E1/{1 + leaf * 2 + link}') for link in range(links)
            ))
    for server in range(draw(st.integers(0, 4))):
        ports = draw(st.integers(1, 2))
        wiring.connect(f'node-{server}', 'bundled', *(
            (f'node-{server}/enp{port}', f'oak-{(server + port) % leaves}/E1/{1 + server * 2 + port}') for port in range(ports)
        ))
    wiring.domain = draw(st.sampled_from(['', '.example.com']))
    return wiring


@given(fabrics())
def test_nothing_is_miscabled_where_agents_report_what_is_declared(wiring: Wiring) -> None:
    assert set(states(wiring).values()) <= {'verified', 'one_end'}


@given(fabrics(), st.data())
def test_a_swap_makes_two_links_miscabled(wiring: Wiring, data: st.DataObject) -> None:
    pairs = st.lists(st.integers(0, len(wiring.cables) - 1), min_size=2, max_size=2, unique=True)
    if len(wiring.cables) < 2:
        return
    one, other = data.draw(pairs)
    # The ports by which a link is shown: that of the leaf.
    shown = {str(end) for cable in (wiring.cables[one], wiring.cables[other]) for end in cable if end.device.startswith('oak')}
    canonical = {end if '/' in end[end.index('E1/') + 3:] or int(end.rpartition('/')[2]) < 49 else f'{end}/1' for end in shown}
    wiring.swap(one, other)
    checks = wiring.check()
    assert {end for end, check in checks.items() if check.state == 'wrong_neighbor'} == canonical
    assert len({check.hint for check in checks.values() if check.hint}) == 1
    assert {check.state for check in checks.values()} <= set(STATES)


@given(fabrics(), st.data())
def test_silence_makes_nothing_miscabled(wiring: Wiring, data: st.DataObject) -> None:
    wiring.silent = data.draw(st.sets(st.sampled_from(sorted(wiring.switches))))
    wiring.mute = data.draw(st.sets(st.sampled_from(sorted(wiring.servers | set(wiring.switches)))))
    assert 'wrong_neighbor' not in states(wiring).values()
