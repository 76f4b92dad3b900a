"""What an agent's status means, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from netbox_hedgehog.hedgehog.connections import read_connection, wired_ports
from netbox_hedgehog.hedgehog.switch_health import MirroredAgent, assess
from netbox_hedgehog.hedgehog.switch_ports import PortNames

from ...support.samples import samples

READ_AT = datetime(2026, 8, 20, 12, 0, 5, tzinfo=UTC)


def observed(status=None, kind='Agent', generation=7, **values):
    told = {'lastHeartbeat': '2026-08-20T12:00:00Z', 'lastAppliedGen': generation} | (status or {})
    return MirroredAgent(kind, generation, told, READ_AT, **values)


def found(health, code):
    return [finding.sentence for finding in health.findings if finding.code == code]


def state(**parts):
    return observed({'state': parts})


def test_all_is_well() -> None:
    health = assess(observed(), {})
    assert (health.level, health.findings, health.ports) == ('ok', [], {})


@pytest.mark.parametrize(('seconds', 'silent'), [(0, False), (59, False), (60, False), (61, True), (90_000, True)])
def test_silent_after_a_minute_without_heartbeat(seconds: int, silent: bool) -> None:
    heartbeat = (READ_AT - timedelta(seconds=seconds)).isoformat()
    health = assess(observed({'lastHeartbeat': heartbeat}), {})
    assert health.heartbeat_stale is silent
    assert health.level == ('critical' if silent else 'ok')


def test_silence_is_judged_at_the_sync_and_not_now() -> None:
    # Read long ago, right after a heartbeat: it was not silent then, and nobody says it is not now (see the model).
    long_ago = MirroredAgent('Agent', 7, {'lastHeartbeat': '2020-01-01T00:00:00Z', 'lastAppliedGen': 7},
                       datetime(2020, 1, 1, 0, 0, 9, tzinfo=UTC))
    assert not assess(long_ago, {}).heartbeat_stale


def test_a_clock_that_is_ahead_hides_nothing() -> None:
    health = assess(observed({'lastHeartbeat': '2026-08-20T12:30:00Z'}), {})
    assert health.level == 'unknown'
    assert 'Clock skew between switch and NetBox' in found(health, 'clock')[0]


@pytest.mark.parametrize('told', [None, observed({'lastHeartbeat': None}), observed(missing=True)])
def test_without_an_agent_nothing_is_known(told) -> None:
    health = assess(told, {'E1/1': 'server-1'})
    assert health.no_agent
    assert health.level == 'unknown'


def test_pending() -> None:
    conditions = [{'type': 'Applied', 'status': 'False', 'message': 'sonic refused'}]
    health = assess(observed({'lastAppliedGen': 6, 'conditions': conditions}), {})
    assert health.pending
    assert found(health, 'pending') == [
        'Configuration pending: generation 7 is current, generation 6 is applied. The agent reports: sonic refused',
    ]
    assert 'none is applied' in found(assess(observed({'lastAppliedGen': None}), {}), 'pending')[0]


def test_reboot() -> None:
    assert assess(observed({'rebootRequired': True}), {}).reboot_required
    assert not assess(observed({'rebootRequired': None}), {}).reboot_required


def test_only_wired_interfaces_that_are_switched_on_count() -> None:
    up, down, off = {'admin': 'up', 'oper': 'up'}, {'admin': 'up', 'oper': 'down'}, {'admin': 'down', 'oper': 'down'}
    wired = dict.fromkeys(('E1/1', 'E1/2', 'E1/3', 'E1/49', 'E1/50', 'E1/9'), 'server-1 enp1')
    health = assess(state(interfaces={
        'E1/1': up, 'E1/2': down | {'change': '2026-08-20T10:00:00Z'}, 'E1/3': off, 'E1/4': down, 'E1/49/1': down,
        'E1/50': {'admin': 'up', 'oper': 'up', 'errDisabled': True},
    }), wired)
    assert health.ports == {
        'E1/2': 'down', 'E1/3': 'disabled', 'E1/49': 'down', 'E1/50': 'down', 'E1/9': 'unreported',
    }
    assert health.interfaces_down == 3
    assert 'E1/2 (to server-1 enp1) has been down since 2026-08-20 10:00:00 UTC (admin up).' in \
        found(health, 'interfaces')


def test_bgp() -> None:
    health = assess(state(bgpNeighbors={
        'default': {
            '10.0.0.1': {'enabled': True, 'state': 'established'},
            '10.0.0.2': {'enabled': True, 'state': 'active', 'peerAS': 65100},
            '10.0.0.3': {'state': 'idle'},  # shut down on purpose: Go leaves false out
        },
        'VrfEinternet': {'192.0.2.1': {'enabled': True}},
    }), {})
    assert health.bgp_down == 2
    assert found(health, 'bgp') == [
        'BGP session to 10.0.0.2 (AS 65100) in VRF default is not established (state: Active).',
        'BGP session to 192.0.2.1 in VRF VrfEinternet is not established (state: unknown).',
    ]


@pytest.mark.parametrize(('sensor', 'level'), [
    ({'temp': 40.0, 'highThreshold': 85.0, 'critHighThreshold': 95.0}, 'ok'),
    ({'temp': 85.0, 'highThreshold': 85.0, 'critHighThreshold': 95.0}, 'warning'),
    ({'temp': 99.0, 'highThreshold': 85.0, 'critHighThreshold': 95.0}, 'critical'),
    ({'temp': 1.0, 'lowThreshold': 5.0}, 'warning'),
    ({'temp': -5.0, 'lowThreshold': 5.0, 'critLowThreshold': -1.0}, 'critical'),
    ({'temp': 40.0, 'highThreshold': 0}, 'ok'),
    ({'temp': 40.0, 'alarms': 'True'}, 'warning'),
    ({'alarms': 'True'}, 'warning'),
])
def test_temperatures(sensor, level: str) -> None:
    health = assess(state(platform={'temps': {'CPU': sensor}}), {})
    assert health.level == level
    assert health.temperatures == (level != 'ok')


@pytest.mark.parametrize('huge', [10**400, -10**400, float('inf'), float('nan')])
def test_a_number_that_no_float_can_hold_says_nothing(huge) -> None:
    for sensor in ({'temp': huge, 'highThreshold': 80}, {'temp': 40, 'highThreshold': huge}):
        assert assess(state(platform={'temps': {'CPU': sensor}}), {}).level == 'ok'
    neighbor = {'enabled': True, 'state': 'idle', 'peerAS': huge}
    health = assess(state(bgpNeighbors={'default': {'10.0.0.1': neighbor}}), {})
    assert found(health, 'bgp') == ['BGP session to 10.0.0.1 in VRF default is not established (state: Idle).']
    assert assess(observed({'lastAppliedGen': huge}), {}).applied_generation is None


def test_power_supplies_and_fans() -> None:
    well = {'presence': True, 'status': True}
    units = {'1': well, '2': {'presence': True}, '3': {}}
    health = assess(state(platform={'psus': units, 'fans': units}), {})
    assert (health.psus, health.fans) == (2, 2)
    assert found(health, 'psu') == ['PSU 2 has failed.', 'PSU 3 is not present.']


def test_gateway() -> None:
    status = {'agentVersion': 'v1', 'state': {
        'dataplane': {'version': 'v2'},
        'bgp': {'vrfs': {'default': {'neighbors': {'10.0.0.1': {'enabled': True, 'sessionState': 'idle'}}}}},
    }}
    health = assess(observed(status, kind='GatewayAgent'), {})
    assert (health.bgp_down, health.version, health.software) == (1, 'v1', 'v2')


@pytest.mark.parametrize('junk', [None, 1, 'x', [], [1, {}], {'a': 1}, {'a': {'b': []}}])
def test_a_status_of_unknown_shape_says_nothing(junk) -> None:
    for key in ('interfaces', 'bgpNeighbors', 'platform', 'nos', 'bgp'):
        for kind in ('Agent', 'GatewayAgent'):
            assess(observed({'state': {key: junk}}, kind=kind), {'E1/1': 'x'})
    for key in ('state', 'lastHeartbeat', 'lastAppliedGen', 'version', 'conditions', 'rebootRequired'):
        assess(observed({key: junk}), {})


def test_gravest_first() -> None:
    health = assess(observed({'rebootRequired': True, 'lastHeartbeat': '2026-08-20T11:00:00Z'}), {})
    assert [finding['code'] for finding in health.stored_findings()] == ['heartbeat_stale', 'reboot']


def test_the_sample_fabric() -> None:
    """leaf-02 is silent; leaf-03 waits for a reboot, and a link and a session of it are down. Nothing else."""
    port_names = PortNames((item['kind'], item['metadata']['name'], item.get('spec')) for item in samples())
    wired = wired_ports(
        read_connection(item['metadata']['name'], item['spec'], port_names) for item in samples('Connection')
    )
    healths = {
        item['metadata']['name']: assess(
            MirroredAgent('Agent', item['metadata']['generation'], item['status'], READ_AT), wired[item['metadata']['name']],
        ) for item in samples('Agent')
    }
    assert {name for name, health in healths.items() if health.level != 'ok'} == {'leaf-02', 'leaf-03'}
    assert healths['leaf-02'].heartbeat_stale
    leaf = healths['leaf-03']
    assert (leaf.pending, leaf.reboot_required, leaf.ports, leaf.bgp_down) == (True, True, {'E1/52/1': 'down'}, 1)


def test_bfd_sessions_that_are_down() -> None:
    peers = {'default': {
        '172.30.128.30': {'state': 'down'}, '172.30.128.31': {'state': 'UP'}, '172.30.128.32': {'state': 'admin_down'},
        '172.30.128.33': {'state': 'init'}, '172.30.128.34': {}, '172.30.128.35': 'down',
    }}
    health = assess(state(bfdPeers=peers), {})
    assert (health.level, health.bfd_down) == ('warning', 2)
    assert found(health, 'bfd') == [
        'BFD session to 172.30.128.30 in VRF default is not up (state: Down).',
        'BFD session to 172.30.128.33 in VRF default is not up (state: Init).',
    ]
