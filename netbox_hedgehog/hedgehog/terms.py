"""Read what a person types to find something: an address, a prefix, a MAC address, a number, a name. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network

from .manifest import LARGEST_VLAN, Network, mac_address

__all__ = ('ASN', 'EXAMPLES', 'LONGEST', 'NUMBERS', 'VLAN', 'VNI', 'Term', 'TermError', 'read_term')

ASN, VLAN, VNI = 'asn', 'vlan', 'vni'

# The largest number of each kind.
NUMBERS = {ASN: 2**32 - 1, VLAN: LARGEST_VLAN, VNI: 2**24 - 1}

# How people write which one they mean: AS65101, VLAN 1001.
_QUALIFIED = re.compile(r'(asn?|vlan|vni)[ :]*([0-9]{1,20})')
_TITLES = {'as': ASN, 'asn': ASN, 'vlan': VLAN, 'vni': VNI}
_WORDS = {ASN: 'AS number', VLAN: 'VLAN', VNI: 'VNI'}

_LIKE_IPV4 = re.compile(r'[0-9]+(\.[0-9]+){3}(/[0-9]*)?')
_LIKE_IPV6 = re.compile(r'[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*(/[0-9]*)?')

# Six groups of two digits, three of four, two of six, or one of twelve.
_MAC = re.compile(r'[0-9a-f]{2}([:.-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}'
                  r'|[0-9a-f]{4}([:.-])[0-9a-f]{4}\2[0-9a-f]{4}|[0-9a-f]{6}[:.-][0-9a-f]{6}|[0-9a-f]{12}')
_SEPARATORS = re.compile('[:.-]')

# The longest name that Kubernetes allows.
LONGEST = 253

EXAMPLES = 'an IP or MAC address, a prefix, a host name, a serial number, an AS number, a VLAN, a VNI or a name'


class TermError(ValueError):
    """What was entered cannot be looked up. The text is a sentence for the person who entered it."""


@dataclass(frozen=True, slots=True)
class Term:
    """What was entered, as everything that it may be.

    `name` is in lower case, '' where it cannot be a name. `numbers` are the kinds of number that it may be. Of an
    address with host bits and a length, such as 10.0.1.57/24, the address counts.
    """

    text: str
    address: IPv4Address | IPv6Address | None = None
    prefix: Network | None = None
    mac: str = ''
    number: int | None = None
    numbers: tuple[str, ...] = ()
    name: str = ''

    @property
    def parents(self) -> list[str]:
        """Return all prefixes that contain the address or prefix, the longest first, without that of everything."""
        network = ip_network(self.address) if self.address else self.prefix
        return _parents(network) if network is not None else []


@lru_cache(maxsize=16)
def _parents(network: Network) -> list[str]:
    """Return the prefixes that contain a prefix. Remembered, as each prefix of a manifest is compared with them."""
    return [str(network.supernet(new_prefix=length)) for length in range(network.prefixlen, 0, -1)]


def read_term(entered: str) -> Term:
    """Return what was entered as a Term. Raises TermError with a sentence if it can be nothing that is looked up."""
    text = ' '.join(entered.split())
    if not text:
        raise TermError(f'Enter {EXAMPLES}.')
    if len(text) > LONGEST:
        raise TermError(f'This is too long. Enter at most {LONGEST} characters.')
    if not text.isprintable():
        raise TermError('This has characters that cannot be displayed. Enter it again.')
    lower = text.lower()
    if qualified := _QUALIFIED.fullmatch(lower):
        return _qualified(text, _TITLES[qualified[1]], int(qualified[2]))
    if _MAC.fullmatch(lower):
        digits = _SEPARATORS.sub('', lower)
        mac = mac_address('.'.join((digits[:4], digits[4:8], digits[8:]))) or ''
        # Twelve digits without separators may be a serial number too.
        return Term(text, mac=mac, name=lower if lower.isalnum() else '')
    if _LIKE_IPV4.fullmatch(lower) or _LIKE_IPV6.fullmatch(lower):
        return _address(text)
    if lower.isascii() and lower.isdecimal() and len(lower) <= 10:
        number = int(lower)
        kinds = tuple(kind for kind, largest in NUMBERS.items() if 1 <= number <= largest)
        return Term(text, number=number, numbers=kinds, name=lower)
    return Term(text, name=lower)


def _qualified(text: str, kind: str, number: int) -> Term:
    largest = NUMBERS[kind]
    if not 1 <= number <= largest:
        raise TermError(f'{_WORDS[kind]} {number} is out of range (1–{largest}).')
    return Term(text, number=number, numbers=(kind,), name='' if ' ' in text or ':' in text else text.lower())


def _address(text: str) -> Term:
    """Return the term of what looks like an address or prefix."""
    try:
        if '/' not in text:
            return Term(text, address=ip_address(text))
        interface = ip_interface(text)
    except ValueError:
        what = 'an IPv4 address or prefix' if ':' not in text else 'a MAC address, an IPv6 address or a prefix'
        raise TermError(f'{text} is not {what}. Check it and try again.') from None
    is_host = interface.ip != interface.network.network_address
    if is_host or interface.network.prefixlen == interface.network.max_prefixlen:
        return Term(text, address=interface.ip)
    return Term(text, prefix=interface.network)
