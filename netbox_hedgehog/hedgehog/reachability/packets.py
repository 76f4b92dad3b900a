"""Packets as the ACL of a gateway peering sees them, and what its rules say of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from ..manifest import objects, text
from ..vpcs import AccessRule
from .spans import ALL_PORTS, Span, cells, covers, cuts, overlap, port_span, read_span

__all__ = ('PORTED', 'Packet', 'Ports', 'protocol', 'rule_matches', 'rule_ports', 'rule_spans')

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
        for name in sorted(self.protocols):
            if name not in PORTED:
                yield name, None, None
                continue
            sources, targets = cells([ALL_PORTS], self.at_source), cells([ALL_PORTS], self.at_target)
            yield from ((name, source[0], target[0]) for source, target in product(sources, targets))


def _port_spans(item: dict[str, Any]) -> list[Span]:
    listed = item.get('ports')
    spans = [port_span(port) for port in listed] if isinstance(listed, list) else []
    return [span for span in spans if span is not None]


def rule_ports(rule: AccessRule, ports: Ports, *, reply: bool) -> None:
    """Add the protocols and ports that a rule names. The ports of a reply are the other way round."""
    name = protocol(rule.match.get('proto'))
    if name:
        ports.protocols.add(name)
    for key in ('src', 'dst'):
        spans = [span for item in objects(rule.match.get(key)) for span in _port_spans(item)]
        if spans and not name:
            ports.protocols.update(PORTED)
        (ports.at_source if (key == 'src') != reply else ports.at_target).update(cuts(spans))


def rule_spans(rule: AccessRule, side: str, subnets: Callable[[str, str], Span | None]) -> list[Span]:
    """Return the addresses that a rule names of one side."""
    key = 'src' if rule.source == side else 'dst'
    found = [_address(item, side, subnets) for item in objects(rule.match.get(key))]
    return [span for span in found if isinstance(span, tuple)]


def _address(item: dict[str, Any], side: str, subnets: Callable[[str, str], Span | None]) -> Span | bool:
    """Return the addresses of an entry; True for any, False for none, where it is invalid."""
    if text(item.get('cidr')):
        return read_span(item['cidr']) or False
    if text(item.get('vpcSubnet')):
        return subnets(side, item['vpcSubnet']) or False
    return True


def rule_matches(
    rule: AccessRule, packet: Packet, source: str, target: str, subnets: Callable[[str, str], Span | None],
) -> bool | None:
    """Return whether a rule matches a packet from source to target; None if that cannot be told."""
    name = protocol(rule.match.get('proto'))
    if name and name != packet.protocol:
        return False
    results = [
        _any_matches(rule.match.get(key), side, seen, (packet.protocol, port), subnets)
        for key, side, seen, port in (
            ('src', source, packet.sources, packet.source_port), ('dst', target, packet.targets, packet.target_port),
        )
    ]
    if False in results:
        return False
    return None if None in results else True


def _any_matches(
    value: Any, side: str, seen: tuple[Span, ...], port: tuple[str, int | None],
    subnets: Callable[[str, str], Span | None],
) -> bool | None:
    """Return whether one of the entries of a rule matches; all traffic, if there are none."""
    entries = objects(value)
    results = [_matches(item, side, seen, port, subnets) for item in entries]
    if not entries or True in results:
        return True
    return None if None in results else False


def _matches(
    item: dict[str, Any], side: str, seen: tuple[Span, ...], port: tuple[str, int | None],
    subnets: Callable[[str, str], Span | None],
) -> bool | None:
    addresses = _addresses_match(_address(item, side, subnets), seen)
    ports = _ports_match(item, *port)
    if addresses is False or ports is False:
        return False
    return None if addresses is None or ports is None else True


def _addresses_match(named: Span | bool, seen: tuple[Span, ...]) -> bool | None:
    if isinstance(named, bool):
        return named
    if all(covers([named], span) for span in seen):
        return True
    return None if any(overlap(named, span) for span in seen) else False


def _ports_match(item: dict[str, Any], name: str, port: int | None) -> bool | None:
    if not item.get('ports'):
        return True
    spans = _port_spans(item)
    if name not in PORTED or not spans:
        return False
    if port is None:
        return True if covers(spans, ALL_PORTS) else None
    return any(low <= port <= high for low, high in spans)
