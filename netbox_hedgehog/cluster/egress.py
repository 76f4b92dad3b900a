"""Where NetBox may be sent to: whoever may edit a fabric must not make its workers call anything they can reach.

Part of the vocabulary: cluster/guard.py holds connections to it.
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


# Where an IPv6 address carries an IPv4 one: networks with the places of its four bytes. NAT64 with the well-known
# prefix, IPv4-compatible and IPv4-translated addresses (RFC 6052, 4291, 2765); the prefix for local use (RFC 8215) may
# be cut in four ways.
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
    """The plugin's settings forbid calls to where a server is."""


class DestinationsError(ValueError):
    """An entry of a list of destinations that is neither a network nor a host name."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Schemes, hosts and networks that may and may not be called.

    `allowed` and `denied` hold networks (10.0.0.0/8), addresses, and host names in which `*` stands for anything
    (*.example.com). Where `allowed` is not empty, nothing else may be called: a name must be in it, or every address
    that the name has. What is in `denied` never may, whatever it is called.
    """

    schemes: frozenset[str] = frozenset({'https', 'http'})
    allowed_hosts: tuple[str, ...] = ()
    allowed_networks: tuple[Network, ...] = ()
    denied_hosts: tuple[str, ...] = ()
    denied_networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, schemes: Sequence[str], allowed: Sequence[str], denied: Sequence[str]) -> 'EgressPolicy':
        """Read lists as they stand in settings. Raises DestinationsError, with a sentence, for an unusable entry."""
        allowed_hosts, allowed_networks = _sorted(allowed)
        denied_hosts, denied_networks = _sorted(denied)
        return cls(frozenset(schemes), allowed_hosts, allowed_networks, denied_hosts, denied_networks)

    def check_server(self, server: str) -> None:
        """Raises DestinationDenied where a server's address alone tells that it may not be called. Asks no DNS."""
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
        """Raises DestinationDenied for a host name that is denied."""
        if _matches(host, self.denied_hosts):
            raise DestinationDenied(_denied(host))

    def check_address(self, host: str, address: Address) -> None:
        """Raises DestinationDenied where `host` may not be called at this address."""
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
    """Where the plugin's settings let fabrics be. The settings were validated when NetBox started."""
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
    """The IPv4 addresses that an IPv6 address carries: what translates or tunnels it sends it on to these."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found = [address.sixtofour, *(address.teredo or ())]
    for network, places in _CARRIERS:
        if address in network:
            found.append(ipaddress.IPv4Address(bytes(address.packed[place] for place in places)))
    # No translator sends anything to 0.0.0.0/8: those bytes are none.
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
