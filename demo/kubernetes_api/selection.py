"""Select the objects of a list or a watch by namespace, labels and name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import bad_request

_KEY = r'(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?'
_VALUE = r'(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?'
_EXISTS = re.compile(rf'(!?)\s*({_KEY})')
_EQUALS = re.compile(rf'({_KEY})\s*(==|=|!=)\s*({_VALUE})')
_AMONG = re.compile(rf'({_KEY})\s+(in|notin)\s*\(([^()]*)\)')
_COMMA = re.compile(r',(?![^(]*\))')

Labels = Mapping[str, str]
LabelTest = Callable[[Labels], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that a list or watch requests. Without any restriction it matches everything."""

    namespace: str | None = None
    labels: tuple[LabelTest, ...] = ()
    fields: tuple[tuple[str, bool, str], ...] = ()  # metadata.name or metadata.namespace, equal or not, the value

    @property
    def everything(self) -> bool:
        return self.namespace is None and not self.labels and not self.fields

    @property
    def selective(self) -> bool:
        """Return whether there is a selector: Kubernetes then does not count the remaining items."""
        return bool(self.labels or self.fields)

    def matches(self, namespace: str, name: str, labels: Labels) -> bool:
        if self.namespace is not None and namespace != self.namespace:
            return False
        for field, equal, value in self.fields:
            if ((name if field == 'metadata.name' else namespace) == value) is not equal:
                return False
        return all(test(labels) for test in self.labels)


def selection(namespace: str | None, label_selector: str, field_selector: str) -> Selection:
    """Return the selection for a request's selectors. Raises APIError (400) for an invalid one."""
    return Selection(namespace, _labels(label_selector), _fields(field_selector))


def _labels(text: str) -> tuple[LabelTest, ...]:
    return tuple(_label(part.strip()) for part in _COMMA.split(text)) if text.strip() else ()


def _label(text: str) -> LabelTest:
    if found := _EXISTS.fullmatch(text):
        wanted, key = not found[1], found[2]
        return lambda labels: (key in labels) is wanted
    if found := _EQUALS.fullmatch(text):
        key, operator, value = found.groups()
        if operator == '!=':
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _AMONG.fullmatch(text):
        key, operator, values = found[1], found[2], {value.strip() for value in found[3].split(',')}
        if operator == 'in':
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    raise bad_request(f"unable to parse requirement: found '{text}', expected: identifier")


def _fields(text: str) -> tuple[tuple[str, bool, str], ...]:
    tests = []
    for part in filter(None, text.split(',')):
        found = re.fullmatch(r'([^=!]+)(==|=|!=)(.*)', part.strip())
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if found[1] not in ('metadata.name', 'metadata.namespace'):
            raise bad_request(f'field label not supported: {found[1]}')
        tests.append((found[1], found[2] != '!=', found[3]))
    return tuple(tests)
