"""Packets as the ACL of a gateway peering sees them, and what its rules say of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from ..manifest import items, objects, text
from ..vpcs import AccessRule
from .spans import ALL_PORTS, Span, cells, covers, cuts, overlap, port_span, read_span

__all__ = ('PORTED', 'Packet', 'Ports', 'Rule', 'protocol', 'read_rule')

# The protocols with ports, and the numbers by which a rule may call them.
PORTED = ('tcp', 'udp')
_NUMBERS = {'6': 'tcp', '17': 'udp'}

# What stands for all protocols that no rule names.
OTHER = 'other'


def protocol(value: Any) -> str:
    """Return the protocol that a rule names; '' for any."""
    name = text(value).lower()
    return _NUMBERS.get(name, name)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet: its native addresses, its protocol, and the ports of those that have any.

    A port is None if it is not known which one. `sources` and `targets` are the addresses that rules see, where NAT
    makes them others than the native ones: more than one if it is not known which.
    """

    source: int
    target: int
    protocol: str
    source_port: int | None
    target_port: int | None
    sources: tuple[Span, ...] = ()
    targets: tuple[Span, ...] = ()

    def seen(self, targets: tuple[Span, ...]) -> 'Packet':
        """Return the packet as its sender sees it, to these addresses."""
        own = (self.source, self.source)
        return Packet(
            self.source, self.target, self.protocol, self.source_port, self.target_port, (own,), targets,
        )

    def reply(self, targets: tuple[Span, ...], port: int | None, *, masqueraded: bool) -> 'Packet':
        """Return the reply, from this port to these addresses: to an unknown port where they are masqueraded."""
        own = (self.target, self.target)
        back = None if masqueraded else self.source_port
        return Packet(self.target, self.source, self.protocol, port, back, (own,), targets)


@dataclass(slots=True)
class Ports:
    """The protocols and ports that rules tell apart."""

    protocols: set[str] = field(default_factory=set)
    at_source: set[int] = field(default_factory=set)
    at_target: set[int] = field(default_factory=set)

    def packets(self) -> Iterator[tuple[str, int | None, int | None]]:
        """Yield protocol, source port and target port of one packet for each cell."""
        yield OTHER, None, None
        sources, targets = cells([ALL_PORTS], self.at_source), cells([ALL_PORTS], self.at_target)
        for name in sorted(self.protocols):
            if name in PORTED:
                yield from ((name, source[0], target[0]) for source, target in product(sources, targets))
            else:
                yield name, None, None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a rule says of one side: addresses, True for any and False for none; ports, None for any."""

    addresses: Span | bool
    ports: tuple[Span, ...] | None

    def matches(self, seen: tuple[Span, ...], name: str, port: int | None) -> bool | None:
        """Return whether it is about these addresses and this port; None if that is unknown."""
        addresses, ports = self._has_addresses(seen), self._has_port(name, port)
        if addresses is False or ports is False:
            return False
        return None if addresses is None or ports is None else True

    def _has_addresses(self, seen: tuple[Span, ...]) -> bool | None:
        named = self.addresses
        if isinstance(named, bool):
            return named
        if all(named[0] <= low and high <= named[1] for low, high in seen):
            return True
        return None if any(overlap(named, span) for span in seen) else False

    def _has_port(self, name: str, port: int | None) -> bool | None:
        if self.ports is None:
            return True
        if name not in PORTED or not self.ports:
            return False
        if port is None:
            return True if covers(self.ports, ALL_PORTS) else None
        return any(low <= port <= high for low, high in self.ports)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of an ACL, read once: its number, what it is about, and what it says of both sides; nothing for all."""

    number: int
    said: AccessRule
    protocol: str
    sources: tuple[Entry, ...]
    targets: tuple[Entry, ...]

    def matches(self, packet: Packet) -> bool | None:
        """Return whether it matches a packet in its direction; None if that is unknown."""
        if self.protocol and self.protocol != packet.protocol:
            return False
        source = _one_matches(self.sources, packet.sources, packet.protocol, packet.source_port)
        if source is False:
            return False
        target = _one_matches(self.targets, packet.targets, packet.protocol, packet.target_port)
        if target is False:
            return False
        return None if source is None or target is None else True

    def spans_of(self, side: str) -> list[Span]:
        """Return the addresses that it names of one side."""
        entries = self.sources if self.said.source == side else self.targets
        return [entry.addresses for entry in entries if isinstance(entry.addresses, tuple)]

    def add_ports(self, ports: Ports, *, reply: bool) -> None:
        """Add the protocols and ports that it names. The ports of a reply are the other way round."""
        if self.protocol:
            ports.protocols.add(self.protocol)
        for entries, at in (
            (self.sources, ports.at_target if reply else ports.at_source),
            (self.targets, ports.at_source if reply else ports.at_target),
        ):
            spans = [span for entry in entries for span in entry.ports or ()]
            at.update(cuts(spans))
            if spans and not self.protocol:
                ports.protocols.update(PORTED)


def read_rule(number: int, said: AccessRule, subnets: Callable[[str, str], Span | None]) -> Rule:
    """Return a rule, ready to be matched. `subnets` gives the addresses of a VPC's subnet."""
    sources = tuple(_entry(item, said.source, subnets) for item in objects(said.match.get('src')))
    targets = tuple(_entry(item, said.target, subnets) for item in objects(said.match.get('dst')))
    return Rule(number, said, protocol(said.match.get('proto')), sources, targets)


def _entry(item: dict[str, Any], side: str, subnets: Callable[[str, str], Span | None]) -> Entry:
    addresses: Span | bool = True
    if text(item.get('cidr')):
        addresses = read_span(item['cidr']) or False
    elif text(item.get('vpcSubnet')):
        addresses = subnets(side, item['vpcSubnet']) or False
    listed = items(item.get('ports'))
    spans = (port_span(port) for port in listed)
    return Entry(addresses, tuple(span for span in spans if span is not None) if listed else None)


def _one_matches(entries: tuple[Entry, ...], seen: tuple[Span, ...], name: str, port: int | None) -> bool | None:
    """Return whether one of the entries matches; all traffic does, if there are none."""
    results = [entry.matches(seen, name, port) for entry in entries]
    if not results or True in results:
        return True
    return None if None in results else False
