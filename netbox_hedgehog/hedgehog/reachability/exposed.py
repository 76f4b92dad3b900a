"""What a participant of a gateway peering exposes: native addresses, those that others use, and the NAT between."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..manifest import mapping, objects, shown, text
from .answer import listed
from .packets import PORTED, Packet, Ports
from .spans import ALL_ADDRESSES, Span, cuts, overlap, port_span, read_span, shown_span, without

__all__ = ('Expose', 'Forward', 'read_exposes')

NATS = {'masquerade': 'by masquerade', 'portForward': 'by port forwarding', 'static': 'by static NAT'}


@dataclass(frozen=True, slots=True)
class Forward:
    """A forwarded port, or a range: `shown` is what others use, `native` what it leads to."""

    protocols: tuple[str, ...]
    shown: Span
    native: Span

    @property
    def shift(self) -> int | None:
        """Return the difference of the ports; None if the ranges are not as long as each other."""
        same = self.shown[1] - self.shown[0] == self.native[1] - self.native[0]
        return self.native[0] - self.shown[0] if same else None

    def __str__(self) -> str:
        low, high = self.shown
        ports = str(low) if low == high else f'{low}-{high}'
        return f'{"/".join(self.protocols).upper()} port {ports}'


@dataclass(frozen=True, slots=True)
class Expose:
    """An entry of what a participant exposes. `pool` are the addresses that others use, empty for the native ones."""

    owner: str
    native: tuple[Span, ...]
    pool: tuple[Span, ...]
    nat: str
    forwards: tuple[Forward, ...]
    words: str

    def has(self, address: int) -> bool:
        """Return whether an address is exposed."""
        return any(low <= address <= high for low, high in self.native)

    @property
    def shift(self) -> int | None:
        """Return the difference between advertised and native addresses; None if it is not the same for all."""
        if len(self.native) != 1 or len(self.pool) != 1 or self.nat == 'masquerade':
            return None
        (low, high), (first, last) = self.native[0], self.pool[0]
        return first - low if last - first == high - low else None

    def advertised(self, address: int) -> tuple[Span, ...]:
        """Return the addresses by which others may call a native one."""
        if not self.pool:
            return ((address, address),)
        shift = self.shift
        return self.pool if shift is None else ((address + shift, address + shift),)

    def behind(self, span: Span) -> list[Span]:
        """Return the native addresses behind advertised ones, where each has one."""
        shift = self.shift
        shared = overlap(span, self.pool[0]) if shift is not None else None
        return [(shared[0] - shift, shared[1] - shift)] if shared is not None and shift is not None else []

    def forwards_packet(self, packet: Packet) -> bool:
        """Return whether the port of a packet is forwarded."""
        return self._forward(packet) is not None

    def native_port(self, packet: Packet) -> int | None:
        """Return the port at which a packet arrives; None if that is not known."""
        forward, port = self._forward(packet), packet.target_port
        if forward is None or port is None:
            return port
        return None if forward.shift is None else port + forward.shift

    def _forward(self, packet: Packet) -> Forward | None:
        port = packet.target_port
        if self.nat != 'portForward' or port is None:
            return None
        fitting = (forward for forward in self.forwards if packet.protocol in forward.protocols)
        return next((forward for forward in fitting if forward.shown[0] <= port <= forward.shown[1]), None)

    @property
    def forwarded(self) -> str:
        """Return the forwarded ports in words."""
        return listed(map(str, self.forwards), 'no port')

    def add_ports(self, ports: Ports) -> None:
        """Add the protocols and ports that are told apart here. Takes those of the rules, replies included."""
        named = set(ports.at_target)
        for forward in self.forwards:
            ports.protocols.update(forward.protocols)
            ports.at_target.update(cuts([forward.shown]))
            if (shift := forward.shift) is not None:
                low, high = forward.shown
                ports.at_target.update(port - shift for port in named if low <= port - shift <= high)


def read_exposes(
    owner: str, exposes: list[dict[str, Any]], subnets: Callable[[str, str], Span | None],
) -> Iterator[Expose]:
    """Yield what a participant exposes. `subnets` gives the addresses of a VPC's subnet. Raises nothing."""
    for values in exposes:
        if values.get('default') is True:
            yield Expose(owner, (ALL_ADDRESSES,), (), '', (), 'all addresses (default)')
            continue
        words: list[str] = []
        native = _spans(owner, values.get('ips'), subnets, words)
        called: list[str] = []
        pool = _spans(owner, values.get('as'), subnets, called)
        nat = next((name for name in NATS if isinstance(mapping(values.get('nat')).get(name), Mapping)), '')
        if not nat and pool:
            # As gateways of older releases: without a mode, NAT is static.
            nat = 'static'
        if native:
            said = listed(words)
            by = f' as {listed(called)} {NATS[nat]}' if nat else ''
            yield Expose(owner, native, pool, nat, tuple(_forwards(values)), said + by)


def _spans(
    owner: str, value: Any, subnets: Callable[[str, str], Span | None], words: list[str],
) -> tuple[Span, ...]:
    """Return addresses without those that are excluded, and add what they are to the words."""
    found: list[Span] = []
    holes: list[Span] = []
    for item in objects(value):
        if hole := read_span(item.get('not')):
            holes.append(hole)
            words.append(f'without {shown_span(hole)}')
            continue
        subnet = text(item.get('vpcSubnet'))
        span = subnets(owner, subnet) if subnet else read_span(item.get('cidr'))
        if span is not None:
            found.append(span)
            words.append(f'{owner}/{shown(subnet)}' if subnet else shown_span(span))
    return without(found, holes) if holes else tuple(found)


def _forwards(values: Mapping[str, Any]) -> Iterator[Forward]:
    listed = mapping(mapping(values.get('nat')).get('portForward')).get('ports')
    for item in objects(listed):
        native, used = port_span(item.get('port')), port_span(item.get('as') or item.get('port'))
        if native is not None and used is not None:
            proto = text(item.get('proto'))
            yield Forward((proto,) if proto in PORTED else PORTED, used, native)
