"""Sets of IPv4 addresses and of ports as spans: the first and the last number, both included."""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError, summarize_address_range
from typing import Any

__all__ = (
    'ALL_ADDRESSES', 'ALL_PORTS', 'Span', 'cells', 'covers', 'cuts', 'merged', 'overlap', 'port_span', 'read_span',
    'shown_span', 'without',
)

Span = tuple[int, int]

ALL_ADDRESSES: Span = (0, 2 ** 32 - 1)
ALL_PORTS: Span = (1, 65535)

# How many prefixes of a span a sentence names.
MOST_PREFIXES = 4


def read_span(value: Any) -> Span | None:
    """Return the addresses of an IPv4 prefix or address, or None in place of anything else. Host bits are ignored."""
    if not isinstance(value, str):
        return None
    try:
        found = IPv4Network(value.strip(), strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None
    return int(found.network_address), int(found.broadcast_address)


def port_span(value: Any) -> Span | None:
    """Return the ports of a port or a range, such as 80 or 8000-8100; None for what is neither."""
    first, _, last = str(value).partition('-')
    try:
        low, high = int(first), int(last or first)
    except ValueError:
        return None
    return (low, high) if ALL_PORTS[0] <= low <= high <= ALL_PORTS[1] else None


def shown_span(span: Span) -> str:
    """Return addresses as prefixes, a single one without its length."""
    first, last = map(IPv4Address, span)
    if first == last:
        return str(first)
    prefixes = list(summarize_address_range(first, last))
    return ', '.join(map(str, prefixes)) if len(prefixes) <= MOST_PREFIXES else f'{first}–{last}'


def overlap(one: Span, other: Span) -> Span | None:
    """Return what two spans share."""
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def without(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans without what is in any of the holes, in order."""
    left: list[Span] = []
    closed = merged(holes)
    place = 0
    for low, high in merged(spans):
        while place < len(closed) and closed[place][1] < low:
            place += 1
        first, hole = low, place
        while hole < len(closed) and closed[hole][0] <= high:
            if first < closed[hole][0]:
                left.append((first, closed[hole][0] - 1))
            first = closed[hole][1] + 1
            hole += 1
        if first <= high:
            left.append((first, high))
    return tuple(left)


def covers(spans: Iterable[Span], whole: Span) -> bool:
    """Return whether each number of a span is in one of the others."""
    return not without([whole], spans)


def cuts(spans: Iterable[Span]) -> set[int]:
    """Return the numbers at which spans begin, and those after their ends."""
    return {number for low, high in spans for number in (low, high + 1)}


def cells(spans: Iterable[Span], at: Iterable[int]) -> list[Span]:
    """Return spans, divided before each of the numbers: what is said of spans cut there is the same within a cell."""
    numbers = sorted(set(at))
    found: list[Span] = []
    for low, high in merged(spans):
        first = low
        for number in numbers[bisect_right(numbers, low):bisect_right(numbers, high)]:
            found.append((first, number - 1))
            first = number
        found.append((first, high))
    return found
