"""Values of unknown shape become values of known type: a manifest may hold anything anywhere, and nothing raises."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network
from typing import Any

__all__ = (
    'Address', 'Network', 'address', 'entries', 'items', 'mapping', 'natural', 'network', 'number', 'shown', 'text',
    'usable',
)

Address = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

_DIGITS = re.compile(r'([0-9]+)')


def text(value: Any) -> str:
    """A string, or an empty one in place of anything else."""
    return value if isinstance(value, str) else ''


def number(value: Any) -> int | None:
    """A whole number, or None in place of anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """A list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a mapping in the order in which people count: E1/2 before E1/10."""
    found = mapping(value)
    for key in sorted((key for key in found if isinstance(key, str)), key=natural):
        yield key, found[key]


def natural(name: str) -> tuple[Any, ...]:
    """What to sort names by, so that numbers in them count as numbers."""
    parts = _DIGITS.split(name)
    return tuple((len(part), part) if place % 2 else part for place, part in enumerate(parts))


def address(value: Any) -> Address | None:
    """An address with its prefix length (a host's where there is none), or None where it is not one.

    A length of 0 and an IPv6 zone are refused: neither NetBox nor PostgreSQL holds them.
    """
    try:
        found = ip_interface(value) if isinstance(value, str) and '%' not in value else None
    except ValueError:
        return None
    return found if found is not None and found.network.prefixlen else None


def network(value: Any) -> Network | None:
    """A prefix without host bits, or None where it is not one."""
    try:
        found = ip_network(value) if isinstance(value, str) and '%' not in value else None
    except ValueError:
        return None
    return found if found is not None and found.prefixlen else None


def usable(name: str, longest: int) -> bool:
    """Whether a name can be shown, and fits into a column of this length."""
    return 0 < len(name) <= longest and name.isprintable() and not name.isspace()


def shown(value: Any) -> str:
    """A value as a sentence can hold it, whatever and however long it is."""
    if isinstance(value, str) and usable(value, 80):
        return value
    if value is None or value == '':
        return 'nothing'
    if isinstance(value, (str, int, float)):
        found = ascii(value if not isinstance(value, str) else value[:80])
        return found if len(found) <= 80 else f'{found[:79]}…'
    return f'a {type(value).__name__}'
