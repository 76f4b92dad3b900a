"""Judge the health of a switch or gateway by what its agent reported when it was last fetched.

A heartbeat is judged against the time of the sync, never against the time at which a page is opened: data of an hour
ago says which agent was unresponsive an hour ago, and nothing about now. Whether data is too old to be trusted is
decided where it is shown, because that changes with the clock (SwitchHealth.state).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .manifest import mapping, moment, named_objects, objects, real_number, text
from .switch_ports import reported_as

__all__ = (
    'CRITICAL', 'OK', 'STALE_AFTER', 'UNKNOWN', 'WARNING', 'AgentHealth', 'HealthIssue', 'MirroredAgent', 'assess',
    'confirmed_at',
)

OK, WARNING, CRITICAL, UNKNOWN = 'ok', 'warning', 'critical', 'unknown'

# The most severe first: a known fault comes before unknown, and unknown before ok.
ORDER = (CRITICAL, WARNING, UNKNOWN, OK)

# The states of a BFD session that is enabled and not up.
BFD_DOWN = ('down', 'failing', 'init')

# Seconds without a heartbeat after which an agent is unresponsive; one comes every 15 seconds.
STALE_AFTER = 60

# Seconds that a heartbeat may be younger than the start of the sync: a sync takes time, and clocks differ a little.
MAX_CLOCK_SKEW = 600


@dataclass(frozen=True, slots=True)
class HealthIssue:
    """One health issue. `code` is its type, such as bgp, no_agent or pending."""

    code: str
    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class MirroredAgent:
    """An Agent or GatewayAgent as the mirror holds it. `read_at` is when it was last in the cluster."""

    kind: str
    generation: int
    status: Mapping[str, Any]
    read_at: datetime
    missing: bool = False


@dataclass(slots=True)
class AgentHealth:
    """What an agent's status means. `ports` has the wired ports that are not up: down, disabled or unreported."""

    level: str = OK
    heartbeat: datetime | None = None
    heartbeat_stale: bool = False
    no_agent: bool = False
    applied_generation: int | None = None
    pending: bool = False
    reboot_required: bool = False
    interfaces_down: int = 0
    bgp_down: int = 0
    bfd_down: int = 0
    cabling_issues: int = 0
    temperatures: int = 0
    psus: int = 0
    fans: int = 0
    version: str = ''
    software: str = ''
    ports: dict[str, str] = field(default_factory=dict)
    findings: list[HealthIssue] = field(default_factory=list)

    @property
    def is_responsive(self) -> bool:
        """Return whether what the agent reports can be trusted: it is neither silent nor has it another clock."""
        has_other_clock = any(finding.code == 'clock' for finding in self.findings)
        return not (self.no_agent or self.heartbeat_stale or has_other_clock)

    def add(self, issue: HealthIssue) -> None:
        """Add an issue that does not follow from the agent's own status."""
        self.findings.append(issue)
        self.level = self.worst_level()

    def worst_level(self) -> str:
        """Return the level of the most severe issue."""
        return min((finding.level for finding in self.findings), key=ORDER.index, default=OK)

    def stored_findings(self) -> list[dict[str, str]]:
        """Return the issues as they are stored, the most severe first."""
        return [asdict(finding) for finding in sorted(self.findings, key=lambda found: ORDER.index(found.level))]


def assess(agent: MirroredAgent | None, wired: Mapping[str, str]) -> AgentHealth:
    """Judge what an agent reported.

    Takes the agent, or None if there is none, and the switch's wired ports with what is at their other ends.
    Returns the AgentHealth. A status of unknown shape says nothing; nothing is raised.
    """
    health = AgentHealth()
    if agent is None or agent.missing:
        what = 'The agent was deleted from the cluster.' if agent else 'No agent: status unavailable.'
        health.no_agent = True
        health.findings.append(HealthIssue('no_agent', UNKNOWN, what))
    if agent is not None:
        _agent(health, agent)
        state = mapping(agent.status.get('state'))
        if agent.kind == 'Agent':
            _ports(health, mapping(state.get('interfaces')), wired)
            _bgp(health, state.get('bgpNeighbors'), 'state')
            _bfd(health, state.get('bfdPeers'))
            _platform(health, mapping(state.get('platform')))
            health.software = text(mapping(state.get('nos')).get('softwareVersion'))[:100]
        else:
            vrfs = mapping(mapping(state.get('bgp')).get('vrfs'))
            _bgp(health, {vrf: value.get('neighbors') for vrf, value in named_objects(vrfs)}, 'sessionState')
            health.software = text(mapping(state.get('dataplane')).get('version'))[:100]
    health.level = health.worst_level()
    return health


def confirmed_at(last_read: datetime, last_seen: datetime | None, settled: float) -> datetime:
    """Return when a resource was last in the cluster as the mirror has it.

    Takes when it was fetched, when a list last showed it, and for how many seconds a status that changes by itself is
    kept. If a list showed it later than that, it had not changed: otherwise it would have been fetched again. The
    status of a dead agent does not change, so every list confirms it.
    """
    if last_seen is not None and last_seen - last_read >= timedelta(seconds=settled):
        return last_seen
    return last_read


def _agent(health: AgentHealth, agent: MirroredAgent) -> None:
    status = agent.status
    health.version = text(status.get('version') or status.get('agentVersion'))[:100]
    health.heartbeat = moment(status.get('lastHeartbeat'))
    if not agent.missing:
        _heartbeat(health, agent.read_at)
    applied = real_number(status.get('lastAppliedGen'))
    health.applied_generation = int(applied) if applied is not None and abs(applied) < 2**63 else None
    if health.heartbeat is not None and health.applied_generation != agent.generation:
        health.pending = True
        done = f'generation {health.applied_generation}' if health.applied_generation else 'none'
        health.findings.append(HealthIssue(
            'pending', WARNING,
            f'Configuration pending: generation {agent.generation} is current, {done} is applied.'
            + _refusal(status),
        ))
    if status.get('rebootRequired') is True:
        health.reboot_required = True
        health.findings.append(HealthIssue('reboot', WARNING, 'Reboot required to apply configuration.'))


def _heartbeat(health: AgentHealth, read_at: datetime) -> None:
    if health.heartbeat is None:
        health.no_agent = True
        health.findings.append(HealthIssue('no_agent', UNKNOWN, 'The agent has never sent a heartbeat.'))
    elif read_at - health.heartbeat > timedelta(seconds=STALE_AFTER):
        health.heartbeat_stale = True
        health.findings.append(HealthIssue(
            'heartbeat_stale', CRITICAL,
            f'Agent unresponsive: last heartbeat at {_when(health.heartbeat)}, more than {STALE_AFTER} seconds before '
            f'the sync at {_when(read_at)}.',
        ))
    elif health.heartbeat - read_at > timedelta(seconds=MAX_CLOCK_SKEW):
        health.findings.append(HealthIssue(
            'clock', UNKNOWN,
            'Clock skew between switch and NetBox: agent status is unreliable '
            f'(heartbeat at {_when(health.heartbeat)}, sync at {_when(read_at)}).',
        ))


def _refusal(status: Mapping[str, Any]) -> str:
    """Return what the agent reports about a configuration that it could not apply."""
    for condition in objects(status.get('conditions')):
        if condition.get('type') == 'Applied' and condition.get('status') == 'False' and condition.get('message'):
            return f' The agent reports: {text(condition.get("message"))[:200]}'
    return ''


def _ports(health: AgentHealth, interfaces: Mapping[str, Any], wired: Mapping[str, str]) -> None:
    for port, far in wired.items():
        reported = reported_as(port, interfaces)
        interface = interfaces[reported] if reported else None
        if not isinstance(interface, Mapping):
            health.ports[port] = 'unreported'
        elif interface.get('errDisabled') is True:
            _port_down(health, f'{port} (to {far}) is err-disabled: the switch disabled it after errors.', port)
        elif interface.get('admin') != 'up':
            health.ports[port] = 'disabled'
        elif interface.get('oper') != 'up':
            since = moment(interface.get('change'))
            down = f'has been down since {_when(since)}' if since else 'is down'
            _port_down(health, f'{port} (to {far}) {down} (admin up).', port)


def _port_down(health: AgentHealth, sentence: str, port: str) -> None:
    health.ports[port] = 'down'
    health.interfaces_down += 1
    health.findings.append(HealthIssue('interfaces', WARNING, sentence))


def _bgp(health: AgentHealth, vrfs: Any, key: str) -> None:
    for vrf, neighbors in named_objects(vrfs):
        for address, neighbor in named_objects(neighbors):
            # Go leaves false out: a neighbor without `enabled` is one that was shut down on purpose.
            if neighbor.get('enabled') is True and neighbor.get(key) != 'established':
                health.bgp_down += 1
                state = text(neighbor.get(key)).capitalize() or 'unknown'
                peer = f' (AS {neighbor["peerAS"]})' if real_number(neighbor.get('peerAS')) else ''
                health.findings.append(HealthIssue(
                    'bgp', WARNING, f'BGP session to {address}{peer} in VRF {vrf} is not established (state: {state}).',
                ))


def _bfd(health: AgentHealth, vrfs: Any) -> None:
    for vrf, peers in named_objects(vrfs):
        for address, peer in named_objects(peers):
            state = text(peer.get('state')).lower()
            # A session without a state says nothing, and one that is admin-down was shut down on purpose.
            if state in BFD_DOWN:
                health.bfd_down += 1
                health.findings.append(HealthIssue(
                    'bfd', WARNING, f'BFD session to {address} in VRF {vrf} is not up (state: {state.capitalize()}).',
                ))


def _platform(health: AgentHealth, platform: Mapping[str, Any]) -> None:
    for name, sensor in named_objects(platform.get('temps')):
        for level, sentence in _temperature(name, sensor):
            health.temperatures += 1
            health.findings.append(HealthIssue('temperature', level, sentence))
    for what, plural in (('PSU', 'psus'), ('Fan', 'fans')):
        for name, unit in named_objects(platform.get(plural)):
            # Go leaves false out, so absence means absence.
            named = name if name.lower().startswith(what.lower()) else f'{what} {name}'
            if unit.get('presence') is not True:
                sentence = f'{named} is not present.'
            elif unit.get('status') is not True:
                sentence = f'{named} has failed.'
            else:
                continue
            setattr(health, plural, getattr(health, plural) + 1)
            health.findings.append(HealthIssue(what.lower(), WARNING, sentence))


def _temperature(name: str, sensor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield level and sentence of a sensor that is out of its limits; a limit of zero does not count."""
    value = real_number(sensor.get('temp'))
    bound = {key: real_number(sensor.get(f'{key}Threshold')) for key in ('critHigh', 'high', 'low', 'critLow')}
    if value is not None:
        for key, level, over in (
            ('critHigh', CRITICAL, True), ('critLow', CRITICAL, False),
            ('high', WARNING, True), ('low', WARNING, False),
        ):
            limit = bound[key]
            if limit and (value >= limit if over else value <= limit):
                side = 'above' if over else 'below'
                words = 'critical limit' if level == CRITICAL else 'limit'
                yield level, f'Temperature {name} is {value:.1f} °C, {side} its {words} of {limit:.0f} °C.'
                return
    if text(sensor.get('alarms')).lower() == 'true':
        reads = f' at {value:.1f} °C' if value is not None else ''
        yield WARNING, f'Temperature sensor {name} reports an alarm{reads}.'


def _when(when: datetime) -> str:
    return f'{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC'
