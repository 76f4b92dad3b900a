"""Compare the links that Connections declare with the LLDP neighbors that switches report.

What is not said is not known: a switch without a responsive agent, or whose agent reports no neighbor at all, neither
verifies a link nor makes it miscabled. A neighbor is the wrong one only if it is recognized as another device or port
of the fabric, or if a switch is declared and another device is there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .connections import Connection, End, Link
from .lldp import Directory, Place, PortReport, Seen, SwitchReport
from .manifest import natural
from .switch_ports import MANAGEMENT, PortNames, reported_as

__all__ = (
    'DOWN', 'NO_NEIGHBOR', 'ONE_END', 'STATES', 'UNDECLARED', 'UNIDENTIFIED', 'UNKNOWN', 'VERIFIED', 'WRONG_NEIGHBOR',
    'LinkCheck', 'check_cabling', 'declared_places',
)

VERIFIED, ONE_END, WRONG_NEIGHBOR, NO_NEIGHBOR = 'verified', 'one_end', 'wrong_neighbor', 'no_neighbor'
UNIDENTIFIED, DOWN, UNKNOWN, UNDECLARED = 'unidentified', 'down', 'unknown', 'undeclared'

# The worst first.
STATES = (WRONG_NEIGHBOR, NO_NEIGHBOR, DOWN, UNIDENTIFIED, UNKNOWN, UNDECLARED, ONE_END, VERIFIED)

# What one end of a link shows.
_MATCH, _DEVICE, _WRONG, _UNIDENTIFIED = 'match', 'device', 'wrong', 'unidentified'
_SILENT, _DOWN, _UNKNOWN = 'silent', 'down', 'unknown'

# How many neighbors of one port a sentence names.
MOST_NAMED = 3

# Both ends of these are one switch, which need not see itself.
_LOOPBACK = 'vpcLoopback'


@dataclass(slots=True)
class LinkCheck:
    """The state of one declared link, or of a neighbor that no Connection declares.

    `end` is the switch port that it is shown for, that of the lower switch of two; `peer` is what is declared at its
    other end, None for none. `seen` is the neighbor that `end` reports, `seen_by_peer` the one that `peer` reports.
    `read_at` is when the oldest of what it follows from was fetched, None if nothing was.
    """

    connection: str
    member: str
    end: Place
    peer: Place | None
    state: str
    sentence: str = ''
    hint: str = ''
    seen: str = ''
    seen_by_peer: str = ''
    between_switches: bool = False
    read_at: datetime | None = None
    found: dict[Place, Seen] = field(default_factory=dict)

    @property
    def is_issue(self) -> bool:
        """Return whether it is a warning of its switches: it is miscabled, or a switch does not see another one."""
        silent = self.state == NO_NEIGHBOR and self.between_switches and self.member != _LOOPBACK
        return self.state == WRONG_NEIGHBOR or silent

    @property
    def explanation(self) -> str:
        """Return sentence and hint."""
        return f'{self.sentence} {self.hint}'.strip()

    @property
    def gravity(self) -> tuple[object, ...]:
        """Return the key that sorts the worst first."""
        return not self.is_issue, STATES.index(self.state), natural(self.end.device), natural(self.end.port)


@dataclass(frozen=True, slots=True)
class _View:
    """What one end of a link shows: its kind, the neighbor if there is one, and a sentence."""

    kind: str
    sentence: str = ''
    seen: Seen | None = None


def declared_places(connections: Iterable[Connection]) -> Iterator[Place]:
    """Yield all ports that Connections name."""
    for link in (link for connection in connections for link in connection.links):
        for end in link.ends:
            yield Place(end.device, end.port)


def check_cabling(
    connections: Iterable[Connection], reports: Mapping[str, SwitchReport], directory: Directory, names: PortNames,
) -> list[LinkCheck]:
    """Return the state of each declared link, then of each neighbor that is not declared; the worst first.

    Takes the Connections with their ports by canonical names, the reports by switch, who may be a neighbor, and the
    names of ports. Pure; raises nothing.
    """
    return _Checker(list(connections), reports, directory, names).check()


class _Checker:
    """Compares one fabric."""

    def __init__(
        self, connections: list[Connection], reports: Mapping[str, SwitchReport], directory: Directory,
        names: PortNames,
    ) -> None:
        self.links = [link for connection in connections for link in connection.links]
        self.reports = reports
        self.directory = directory
        self.names = names
        self.speaking = {name for name, report in reports.items() if report.trusted and report.has_neighbors}
        self.sightings: dict[Place, list[Place]] = {}
        self._sight()

    def check(self) -> list[LinkCheck]:
        checks = [self._link(link) for link in self.links]
        _add_hints(check for check in checks if check.state == WRONG_NEIGHBOR)
        checks += self._undeclared()
        return sorted(checks, key=lambda check: check.gravity)

    def _sight(self) -> None:
        """Note where each port of another device is seen."""
        for name in sorted(self.speaking):
            for port, report in self._open_ports(name):
                for neighbor in report.neighbors:
                    seen = self.directory.identify(neighbor)
                    if seen.device and seen.port:
                        self.sightings.setdefault(Place(seen.device, seen.port), []).append(Place(name, port))

    def _open_ports(self, switch: str) -> Iterator[tuple[str, PortReport]]:
        """Yield the ports of a switch that are up, by canonical name; not the one for management."""
        for reported, port in self.reports[switch].ports.items():
            if port.oper_up and reported != MANAGEMENT:
                yield self.names.of(switch, reported), port

    def _link(self, link: Link) -> LinkCheck:
        first, *others = sorted(link.ends, key=_rank)
        second = others[0] if others else None
        end = Place(first.device, first.port)
        peer = Place(second.device, second.port) if second else None
        views = {}
        if first.kind == 'Switch':
            views[end] = self._view(first, second)
        if second and peer and second.kind == 'Switch':
            views[peer] = self._view(second, first)
        check = LinkCheck(
            link.connection, link.member.name, end, peer, UNKNOWN,
            between_switches=peer is not None and len(views) > 1,
            read_at=self._read_at(place.device for place in views),
        )
        self._judge(check, views)
        return check

    def _view(self, end: End, expected: End | None) -> _View:
        """Return what one end shows. `expected` is the other end, None if that is outside the fabric."""
        here, report = Place(end.device, end.port), self.reports.get(end.device)
        if report is None or not report.trusted:
            return _View(_UNKNOWN, f'No recent data from {end.device}.')
        name = reported_as(end.port, report.ports)
        port = report.ports[name] if name else None
        if port is None:
            return _View(_UNKNOWN, f'{end.device} does not report {end.port}.')
        if not port.oper_up:
            return _View(_DOWN, f'{here} is down (admin {"up" if port.admin_up else "down"}).')
        if end.device not in self.speaking:
            return _View(_UNKNOWN, f'{end.device} reports no LLDP neighbor on any port.')
        there = Place(expected.device, expected.port) if expected else None
        if not port.neighbors:
            return _View(_SILENT, _silence(here, there, expected))
        views = [self._compare(here, there, expected, seen) for seen in map(self.directory.identify, port.neighbors)]
        return min(views, key=lambda view: (_MATCH, _DEVICE, _WRONG, _UNIDENTIFIED).index(view.kind))

    def _compare(self, here: Place, there: Place | None, expected: End | None, seen: Seen) -> _View:
        if there is not None and seen.may_be(there):
            if seen.port:
                return _View(_MATCH, f'{here} is connected to {seen.label}, as declared.', seen)
            sentence = f'{here} is connected to {seen.label}: the declared device, its port is not recognized'
            return _View(_DEVICE, f'{sentence} (expected {there}).', seen)
        if there is None and not seen.device:
            return _View(_UNIDENTIFIED, f'{here} is connected to {seen.label}, outside the fabric as declared.', seen)
        wants_switch = expected is not None and expected.kind == 'Switch'
        if seen.device or (wants_switch and seen.named):
            wanted = there or 'a device outside the fabric'
            return _View(_WRONG, f'{here} is connected to {seen.label} (expected {wanted}).', seen)
        sentence = f'{here} is connected to {seen.label}, which is not recognized (expected {there}).'
        return _View(_UNIDENTIFIED, sentence, seen)

    def _judge(self, check: LinkCheck, views: Mapping[Place, _View]) -> None:
        kinds = [view.kind for view in views.values()]
        mine = views.get(check.end)
        theirs = views.get(check.peer) if check.peer else None
        check.seen = mine.seen.label if mine and mine.seen else ''
        check.seen_by_peer = theirs.seen.label if theirs and theirs.seen else ''
        if not {_MATCH, _DEVICE} & set(kinds):
            self._look_elsewhere(check)
        if _WRONG in kinds or check.found:
            check.state = WRONG_NEIGHBOR
            wrong = {place: view for place, view in views.items() if view.kind == _WRONG}
            check.found |= {place: view.seen for place, view in wrong.items() if view.seen}
            check.sentence = ' '.join(dict.fromkeys([*(view.sentence for view in wrong.values()), check.sentence]))
            check.sentence = check.sentence.strip()
            return
        check.state, shown = _state(kinds, len(views) > 1)
        chosen = [view.sentence for view in views.values() if view.kind in shown]
        check.sentence = ' '.join(dict.fromkeys(chosen)) or 'No switch is declared at this link.'

    def _look_elsewhere(self, check: LinkCheck) -> None:
        """Find an end without an agent, such as a server's, at another port than the declared one."""
        peer = check.peer
        if peer is None or peer.device in self.reports:
            return
        places = [place for place in self.sightings.get(peer, ()) if place != check.end]
        if places:
            check.found[peer] = Seen(places[0].device, places[0].port, str(places[0]), True)
            check.read_at = self._read_at([places[0].device])
            check.sentence = f'{peer} is connected to {places[0]} (expected {check.end}).'

    def _undeclared(self) -> Iterator[LinkCheck]:
        declared = {Place(end.device, end.port) for link in self.links for end in link.ends}
        for name in sorted(self.speaking, key=natural):
            for port, report in self._open_ports(name):
                place = Place(name, port)
                if place in declared or not report.neighbors:
                    continue
                seen = [self.directory.identify(neighbor).label for neighbor in report.neighbors]
                label = ', '.join(dict.fromkeys(seen[:MOST_NAMED]))
                yield LinkCheck(
                    '', '', place, None, UNDECLARED, f'{place} is connected to {label}, which no Connection declares.',
                    seen=label, read_at=self.reports[name].read_at,
                )

    def _read_at(self, switches: Iterable[str]) -> datetime | None:
        found = [self.reports[name] for name in switches if name in self.reports]
        trusted = [report.read_at for report in found if report.trusted]
        return min(trusted or [report.read_at for report in found], default=None)


def _rank(end: End) -> int:
    """Return the order of a link's ends: the lower switch of two comes first, a spine after it, others last."""
    if end.kind != 'Switch':
        return 2
    return 1 if end.field == 'spine' else 0


def _silence(here: Place, there: Place | None, expected: End | None) -> str:
    if there is None or expected is None:
        return f'{here} is up and reports no LLDP neighbor.'
    sentence = f'{here} is up, but reports no LLDP neighbor (expected {there}).'
    if expected.kind == 'Switch':
        return sentence
    return f'{sentence} No issue if {expected.device} runs no LLDP.'


def _state(kinds: list[str], both: bool) -> tuple[str, tuple[str, ...]]:
    """Return the state of a link whose ends show this and nothing wrong, and whose sentences say it."""
    if _DOWN in kinds:
        return DOWN, (_DOWN,)
    if both and kinds.count(_MATCH) == len(kinds):
        return VERIFIED, (_MATCH,)
    if _MATCH in kinds or _DEVICE in kinds:
        return ONE_END, (_MATCH, _DEVICE, _UNIDENTIFIED, _SILENT, _UNKNOWN)
    if _UNIDENTIFIED in kinds:
        return UNIDENTIFIED, (_UNIDENTIFIED,)
    if _SILENT in kinds:
        return NO_NEIGHBOR, (_SILENT,)
    return UNKNOWN, (_UNKNOWN,)


def _add_hints(checks: Iterable[LinkCheck]) -> None:
    """Say which two cables are crossed."""
    wrong = [check for check in checks if check.peer is not None]
    by_device: dict[str, list[LinkCheck]] = {}
    for check in wrong:
        for place in (check.end, check.peer):
            if place:
                by_device.setdefault(place.device, []).append(check)
    for check in wrong:
        devices = dict.fromkeys(seen.device for seen in check.found.values())
        others = [other for device in devices for other in by_device.get(device, ())]
        for other in others:
            if not check.hint and other is not check and not other.hint and (hint := _crossing(check, other)):
                check.hint = other.hint = hint


def _crossing(one: LinkCheck, other: LinkCheck) -> str:
    """Return how to uncross two links, '' if they are not crossed with each other."""
    if one.peer is None or other.peer is None:
        return ''
    orientations = (
        (one.end, one.peer, other.end, other.peer), (one.peer, one.end, other.peer, other.end),
        (one.end, one.peer, other.peer, other.end), (one.peer, one.end, other.end, other.peer),
    )
    for here, there, its_here, its_there in orientations:
        seen, its_seen = one.found.get(here), other.found.get(its_here)
        if seen and its_seen and seen.may_be(its_there) and its_seen.may_be(there):
            return _swap((here, its_here), (there, its_there))
    return ''


def _swap(here: tuple[Place, Place], there: tuple[Place, Place]) -> str:
    """Return the sentence for two cables whose ends `here` have the wrong ends `there`."""
    for one, other in (here, there):
        if one.device == other.device:
            first, second = sorted((one.port, other.port), key=natural)
            return f'Swap {first} and {second} on {one.device}.'
    return 'Swap the cables at {} and {}.'.format(*sorted(map(str, here), key=natural))
