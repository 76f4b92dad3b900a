"""Limit the destinations that NetBox may call: editors of fabrics must not reach everything its workers can.

Part of the vocabulary: cluster/guard.py applies it to connections.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import urlsplit

from netbox.plugins.utils import get_plugin_config

from .kubeconfig import KubeconfigError

__all__ = ('ANYWHERE', 'DestinationDenied', 'EgressPolicy', 'DestinationsError', 'configured')

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


# IPv6 networks that embed an IPv4 address, with the positions of its four bytes. NAT64 with the well-known prefix,
# IPv4-compatible and IPv4-translated addresses (RFC 6052, 4291, 2765); the prefix for local use (RFC 8215) may be
# divided in four ways.
_CARRIERS = tuple(
    (ipaddress.IPv6Network(network), places)
    for network, places in (
        ('64:ff9b::/96', (12, 13, 14, 15)),
        ('::/96', (12, 13, 14, 15)),
        ('::ffff:0:0:0/96', (12, 13, 14, 15)),
        ('64:ff9b:1::/48', (12, 13, 14, 15)),
        ('64:ff9b:1::/48', (9, 10, 11, 12)),
        ('64:ff9b:1::/48', (7, 9, 10, 11)),
        ('64:ff9b:1::/48', (6, 7, 9, 10)),
    )
)


class DestinationDenied(KubeconfigError):
    """The plugin's settings forbid calls to a server's location."""


class DestinationsError(ValueError):
    """An entry of a list of destinations is neither a network nor a host name."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Schemes, hosts and networks that may and may not be called.

    `allowed` and `denied` have networks (10.0.0.0/8), addresses, and host names in which `*` stands for anything
    (*.example.com). If `allowed` is not empty, nothing else may be called: the name must be in it, or every address of
    the name. What is in `denied` may never be called, whatever name leads there.
    """

    schemes: frozenset[str] = frozenset({'https', 'http'})
    allowed_hosts: tuple[str, ...] = ()
    allowed_networks: tuple[Network, ...] = ()
    denied_hosts: tuple[str, ...] = ()
    denied_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, schemes: Sequence[str], allowed: Sequence[str], denied: Sequence[str]) -> 'EgressPolicy':
        """Return the policy for these lists from the settings. Raises DestinationsError, with a sentence."""
        allowed_hosts, allowed_networks = _sorted(allowed)
        denied_hosts, denied_networks = _sorted(denied)
        return cls(frozenset(schemes), allowed_hosts, allowed_networks, denied_hosts, denied_networks)

    def check_server(self, server: str) -> None:
        """Raise DestinationDenied if a server's address alone shows that it may not be called. Without DNS."""
        parts = urlsplit(server)
        if parts.scheme not in self.schemes:
            raise DestinationDenied(
                f'{parts.scheme} is not allowed: the token would be sent unencrypted. Enter an https:// address.'
            )
        host = (parts.hostname or '').rstrip('.')
        self.check_host(host)
        try:
            address = ipaddress.ip_address(host.partition('%')[0])
        except ValueError:
            return
        self.check_address(host, address)

    def check_host(self, host: str) -> None:
        """Raise DestinationDenied for a host name that is denied."""
        if _matches(host, self.denied_hosts):
            raise DestinationDenied(_denied(host))

    def check_address(self, host: str, address: Address) -> None:
        """Raise DestinationDenied if `host` may not be called at this address."""
        plain = getattr(address, 'ipv4_mapped', None) or address
        reached = (plain, *_carried(address))
        if any(one in network for one in reached for network in self.denied_networks):
            raise DestinationDenied(_denied(host, plain))
        nothing_named = not self.allowed_hosts and not self.allowed_networks
        if nothing_named or _matches(host, self.allowed_hosts):
            return
        if not any(plain in network for network in self.allowed_networks):
            raise DestinationDenied(
                f'{_called(host, plain)} is not an allowed destination. An administrator can add it to the plugin '
                'setting allowed_destinations.'
            )


ANYWHERE = EgressPolicy()


def configured() -> EgressPolicy:
    """Return the policy of the plugin's settings, which were validated when NetBox started."""
    names = ('allowed_schemes', 'allowed_destinations', 'denied_destinations')
    return _of(*(tuple(get_plugin_config('netbox_hedgehog', name)) for name in names))


@lru_cache(maxsize=8)
def _of(schemes: tuple[str, ...], allowed: tuple[str, ...], denied: tuple[str, ...]) -> EgressPolicy:
    return EgressPolicy.of(schemes, allowed, denied)


def _sorted(entries: Sequence[str]) -> tuple[tuple[str, ...], tuple[Network, ...]]:
    hosts, networks = [], []
    for entry in entries:
        try:
            networks.append(ipaddress.ip_network(entry.strip(), strict=False))
        except ValueError:
            if '/' in entry or ' ' in entry.strip() or not entry.strip():
                raise DestinationsError(
                    f'{entry!r} is neither a network such as 10.0.0.0/8 nor a host name such as *.example.com'
                ) from None
            hosts.append(entry.strip().rstrip('.').lower())
    return tuple(hosts), tuple(networks)


def _carried(address: Address) -> list[Address]:
    """Return the IPv4 addresses embedded in an IPv6 address: translators and tunnels forward it to them."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found = [address.sixtofour, *(address.teredo or ())]
    for network, places in _CARRIERS:
        if address in network:
            found.append(ipaddress.IPv4Address(bytes(address.packed[place] for place in places)))
    # No translator forwards to 0.0.0.0/8: such bytes are not an address.
    return [one for one in found if one is not None and one.packed[0]]


def _matches(host: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(host.lower(), pattern) for pattern in patterns)


def _called(host: str, address: Address | None = None) -> str:
    return host if address is None or host == str(address) else f'{host} ({address})'


def _denied(host: str, address: Address | None = None) -> str:
    return (
        f'{_called(host, address)} is a denied destination. An administrator can change the plugin setting '
        'denied_destinations.'
    )
