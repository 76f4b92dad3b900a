"""Names: of devices by a fabric's name pattern, and of many things in a sentence. Part of the vocabulary: no Django."""

import re
from collections.abc import Sequence

__all__ = ('device_name', 'first_names', 'is_name_pattern', 'is_vrf_pattern', 'mid_sentence', 'vrf_name')

# Everything that a pattern may contain. A Python format could do more ({name:>9999}, {name.__class__}).
_PATTERN = re.compile(r'(?:[^{}]|\{name\}|\{fabric\})*')
_PLACE = re.compile(r'\{(name|fabric)\}')
_VRF_PATTERN = re.compile(r'(?:[^{}]|\{vpc\}|\{fabric\})+')
_VRF_PLACE = re.compile(r'\{(vpc|fabric)\}')


def is_name_pattern(pattern: str) -> bool:
    """Return whether a pattern has {name} in it, and no braces but those of {name} and {fabric}."""
    return '{name}' in pattern and _PATTERN.fullmatch(pattern) is not None


def device_name(pattern: str, name: str, fabric: str) -> str:
    """Return the pattern filled in with the names of a resource and its fabric.

    Raises ValueError if the pattern has other braces.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError('a name pattern may contain {name} and {fabric} only')
    names = {'name': name, 'fabric': fabric}
    return _PLACE.sub(lambda place: names[place[1]], pattern)


def is_vrf_pattern(pattern: str) -> bool:
    """Return whether a pattern has no braces but those of {vpc} and {fabric}."""
    return _VRF_PATTERN.fullmatch(pattern) is not None


def vrf_name(pattern: str, vpc: str, fabric: str) -> str:
    """Return the name of a VPC's VRF: the pattern filled in with the names of the VPC and its fabric."""
    names = {'vpc': vpc, 'fabric': fabric}
    return _VRF_PLACE.sub(lambda place: names[place[1]], pattern)


def first_names(names: Sequence[str], most: int) -> str:
    """Return the first names for a sentence, at most `most`, and how many more there are: a, b and 3 more."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def mid_sentence(title: str) -> str:
    """Return a title as it is written within a sentence: "Switch profiles" loses its capital, "VPCs" does not."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
