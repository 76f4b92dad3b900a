"""Match resources by kind, name and labels, as the rules of an inventory do. Pure, and nothing here reads a spec."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .manifest import mapping, text

__all__ = (
    'APPLIES_TO', 'RULE_KINDS', 'Conditions', 'PatternError', 'Requirement', 'parse_names', 'parse_selector',
    'read_conditions',
)

# The kinds from which NetBox objects are created.
RULE_KINDS = (
    'Switch', 'Gateway', 'Server', 'Connection', 'VPC', 'VPCAttachment', 'External', 'ExternalAttachment',
    'VLANNamespace', 'IPv4Namespace',
)

_DEVICES = ('Switch', 'Gateway', 'Server')
_WITH_TENANT = tuple(kind for kind in RULE_KINDS if kind != 'VPCAttachment')

# The kinds that each value of a rule applies to.
APPLIES_TO: Mapping[str, tuple[str, ...]] = {
    'site': (*_DEVICES, 'VLANNamespace'),
    'location': _DEVICES,
    'tenant': _WITH_TENANT,
    'role': _DEVICES,
    'vrf_name': ('VPC',),
    'object_tags': _WITH_TENANT,
}

# Limits of Kubernetes.
_LONGEST_VALUE = 63
_LONGEST_PREFIX = 253

_NAME_PATTERN = re.compile(r'!?(?:[a-z0-9.*?-]|\[!?[a-z0-9.-]{1,40}\])+')
_PREFIX = re.compile(r'[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?')
_WORD = re.compile(r'[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?')
_COMMA = re.compile(r',(?![^()]*\))')
_SET = re.compile(r'(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)')
_EQUALITY = re.compile(r'(?P<key>[^=!\s]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^=!\s]*)')


class PatternError(ValueError):
    """A name pattern or label selector that cannot be used; the text is a sentence for the person who entered it."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a label selector: without a key, `!=` and `notin` are met, as in Kubernetes."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def is_met(self, labels: Mapping[str, Any]) -> bool:
        return _OPERATORS[self.operator](self, labels)


def _is_one_of(requirement: Requirement, labels: Mapping[str, Any]) -> bool:
    return requirement.key in labels and text(labels[requirement.key]) in requirement.values


_OPERATORS: Mapping[str, Callable[[Requirement, Mapping[str, Any]], bool]] = {
    'in': _is_one_of,
    'notin': lambda requirement, labels: not _is_one_of(requirement, labels),
    'exists': lambda requirement, labels: requirement.key in labels,
    '!': lambda requirement, labels: requirement.key not in labels,
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which resources a rule is for: of one of these kinds, and with such a name, and with such labels.

    A condition that is empty is met by every resource. A name has to match one of the patterns, and none that begins
    with an exclamation mark.
    """

    kinds: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    labels: tuple[Requirement, ...] = ()

    def match(self, kind: str, name: str, labels: Any) -> bool:
        """Return whether a resource meets all conditions. Labels of any shape are accepted."""
        if self.kinds and kind not in self.kinds:
            return False
        if not _matches(self.names, name):
            return False
        found = mapping(labels)
        return all(requirement.is_met(found) for requirement in self.labels)


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    wanted = [pattern for pattern in patterns if not pattern.startswith('!')]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith('!')]
    if wanted and not any(fnmatchcase(name, pattern) for pattern in wanted):
        return False
    return not any(fnmatchcase(name, pattern) for pattern in unwanted)


def parse_names(value: str) -> tuple[str, ...]:
    """Return the name patterns of a list such as `leaf-*, !leaf-9?`. Raises PatternError."""
    if not value.strip():
        return ()
    patterns = tuple(part.strip() for part in value.split(','))
    for pattern in patterns:
        if not pattern:
            raise PatternError('There is an empty pattern between commas. Remove a comma.')
        if pattern != pattern.lower():
            raise PatternError(f'Names of resources are lowercase: enter {pattern.lower()} instead of {pattern}.')
        if not _NAME_PATTERN.fullmatch(pattern):
            raise PatternError(
                f'“{pattern}” is not a valid name pattern. Use lowercase letters, digits, hyphens, dots, * and ?, '
                'and [ ] around alternative characters, for example leaf-*, spine-0[12].'
            )
    return patterns


def read_conditions(kinds: Iterable[str], names: str, selector: str) -> Conditions:
    """Return the conditions that a rule states. Raises PatternError."""
    return Conditions(frozenset(kinds), parse_names(names), parse_selector(selector))


def parse_selector(value: str) -> tuple[Requirement, ...]:
    """Return the requirements of a label selector such as `env=prod, tier in (a, b), !legacy`. Raises PatternError."""
    if not value.strip():
        return ()
    return tuple(_requirement(part.strip()) for part in _COMMA.split(value))


def _requirement(part: str) -> Requirement:
    if not part:
        raise PatternError('There is an empty requirement between commas. Remove a comma.')
    if found := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in found['values'].split(','))
        return Requirement(_key(found['key'], part), found['operator'], _values(values, part))
    if found := _EQUALITY.fullmatch(part):
        operator = 'notin' if found['operator'] == '!=' else 'in'
        return Requirement(_key(found['key'], part), operator, _values(frozenset((found['value'],)), part))
    if part.startswith('!'):
        return Requirement(_key(part[1:].strip(), part), '!')
    return Requirement(_key(part, part), 'exists')


def _key(key: str, part: str) -> str:
    prefix, slash, name = key.rpartition('/')
    is_prefixed = not slash or (len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix))
    if not is_prefixed or not _WORD.fullmatch(name) or len(name) > _LONGEST_VALUE:
        raise PatternError(
            f'“{part}” is not a valid requirement of a label selector. Use key=value, key!=value, key in (a, b), '
            'key notin (a, b), key or !key, with commas between several.'
        )
    return key


def _values(values: frozenset[str], part: str) -> frozenset[str]:
    for value in values:
        if value and (not _WORD.fullmatch(value) or len(value) > _LONGEST_VALUE):
            raise PatternError(f'“{value}” in “{part}” is not a valid value of a label.')
    return values
