"""Read values of manifests of unknown shape: a manifest may hold anything anywhere, and nothing here raises."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
    ip_network,
)
from typing import Any

__all__ = (
    'LARGEST_VLAN', 'Address', 'ManifestIssue', 'Network', 'address', 'entries', 'is_host', 'is_unset', 'items',
    'mac_address', 'mapping', 'moment', 'named_objects', 'natural', 'network', 'number', 'objects', 'real_number',
    'shown', 'text', 'texts', 'usable', 'vlan_id',
)

LARGEST_VLAN = 4094

Address = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

# The years that a timestamp of a cluster may have.
FIRST_YEAR, LAST_YEAR = 1970, 9998

# The longest text that a sentence repeats.
LONGEST_SHOWN = 80

_DIGITS = re.compile(r'([0-9]+)')

# The forms of a MAC address that Go reads, and how many digits it has.
_MAC = re.compile(r'[0-9a-f]{2}(?:([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2})*)|[0-9a-f]{4}(?:\.[0-9a-f]{4})+')
_MAC_LENGTHS = (12, 16, 40)


@dataclass(frozen=True, slots=True)
class ManifestIssue:
    """Something in a manifest that cannot be used: an issue's code, and parameters that are safe to show."""

    code: str
    parameters: Mapping[str, str | tuple[str, ...]]


def text(value: Any) -> str:
    """Return a string, or an empty one in place of anything else."""
    return value if isinstance(value, str) else ''


def number(value: Any) -> int | None:
    """Return a whole number, or None in place of anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def vlan_id(value: Any) -> int | None:
    """Return a valid VLAN ID, or None in place of anything else."""
    vid = number(value)
    return vid if vid is not None and 1 <= vid <= LARGEST_VLAN else None


def is_unset(value: Any) -> bool:
    """Return whether a whole number is not set: Go omits a zero. A value that is no number is set, and invalid."""
    return value is None or number(value) == 0


def real_number(value: Any) -> float | None:
    """Return a number with or without decimals, or None in place of anything else: also of what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Return a list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """Return the strings in a list, without empty ones."""
    return [item for item in items(value) if isinstance(item, str) and item]


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list."""
    return [item for item in items(value) if isinstance(item, dict)]


def named_objects(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a mapping whose values are objects."""
    for key, item in mapping(value).items():
        if isinstance(item, dict):
            yield key, item


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a mapping in natural order: E1/2 before E1/10."""
    found = mapping(value)
    for key in sorted((key for key in found if isinstance(key, str)), key=natural):
        yield key, found[key]


def natural(name: str) -> tuple[Any, ...]:
    """Return the key by which to sort names, so that numbers in them count as numbers: leaf-02, leaf-9, leaf-10."""
    parts = _DIGITS.split(name)
    return tuple(_magnitude(part) if place % 2 else part for place, part in enumerate(parts))


def _magnitude(digits: str) -> tuple[int, str, str]:
    """Return the key by which to sort numbers. Not int(): that refuses thousands of digits."""
    significant = digits.lstrip('0')
    return len(significant), significant, digits


def moment(value: Any) -> datetime | None:
    """Return the time of a timestamp as Kubernetes writes it, or None where it is unusable.

    Unusable are those without a time zone, and those at either end of the calendar: Go writes the first of January of
    the year 1 for a time that was never set, and other time zones have no equivalent of the very first and last hours.
    """
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo and FIRST_YEAR <= found.year <= LAST_YEAR else None


def address(value: Any) -> Address | None:
    """Return an address with its prefix length (a host's where it has none), or None where it is invalid.

    A length of 0 and an IPv6 zone are refused: neither NetBox nor PostgreSQL stores them.
    """
    try:
        found = ip_interface(value) if isinstance(value, str) and '%' not in value else None
    except ValueError:
        return None
    return found if found is not None and found.network.prefixlen else None


def network(value: Any) -> Network | None:
    """Return a prefix without host bits, or None where it is invalid."""
    try:
        found = ip_network(value) if isinstance(value, str) and '%' not in value else None
    except ValueError:
        return None
    return found if found is not None and found.prefixlen else None


def is_host(ip: IPv4Address | IPv6Address, prefix: Network) -> bool:
    """Return whether a host may have this address of a prefix: not the first or the last one of an IPv4 prefix."""
    if ip not in prefix:
        return False
    ends = (prefix.network_address, prefix.broadcast_address)
    return prefix.version == 6 or prefix.prefixlen >= prefix.max_prefixlen - 1 or ip not in ends


def mac_address(value: Any) -> str | None:
    """Return a MAC address in lower case with colons, or None where it is invalid."""
    found = text(value).lower()
    digits = re.sub('[:.-]', '', found)
    if not _MAC.fullmatch(found) or len(digits) not in _MAC_LENGTHS:
        return None
    return ':'.join(digits[place:place + 2] for place in range(0, len(digits), 2))


def usable(name: str, longest: int) -> bool:
    """Return whether a name can be displayed, and fits into a column of this length."""
    return 0 < len(name) <= longest and name.isprintable() and not name.isspace()


def shown(value: Any) -> str:
    """Return a value as a sentence can show it, whatever it is and however long."""
    if isinstance(value, str) and usable(value, LONGEST_SHOWN):
        return value
    if value is None or value == '':
        return 'nothing'
    if isinstance(value, (str, int, float)):
        found = ascii(value if not isinstance(value, str) else value[:LONGEST_SHOWN])
        return found if len(found) <= LONGEST_SHOWN else f'{found[:LONGEST_SHOWN - 1]}…'
    return f'a {type(value).__name__}'
