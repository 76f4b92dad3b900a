"""How a fabric's name pattern names its devices. Part of the vocabulary: no Django."""

import re

__all__ = ('device_name', 'is_name_pattern')

# All that a pattern may hold. It is no format of Python's: what is asked for there ({name:>9999}, {name.__class__}) is
# anything but a name.
_PATTERN = re.compile(r'(?:[^{}]|\{name\}|\{fabric\})*')
_PLACE = re.compile(r'\{(name|fabric)\}')


def is_name_pattern(pattern: str) -> bool:
    """Whether a pattern has {name} in it, and no braces but those of {name} and {fabric}."""
    return '{name}' in pattern and _PATTERN.fullmatch(pattern) is not None


def device_name(pattern: str, name: str, fabric: str) -> str:
    """The pattern with the names of a resource and its fabric in their places.

    Raises ValueError where the pattern has other braces.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError('a name pattern may contain {name} and {fabric} only')
    names = {'name': name, 'fabric': fabric}
    return _PLACE.sub(lambda place: names[place[1]], pattern)
