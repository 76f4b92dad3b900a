"""Compare two versions of a resource field by field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ('ABSENT', 'ManifestChange', 'differences')


class _Absent:
    """Marks a field that is absent, which differs from null."""

    def __bool__(self) -> bool:
        return False


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class ManifestChange:
    """One field that differs. `before` or `after` is ABSENT where the field was added or removed."""

    path: tuple[str, ...]
    before: Any
    after: Any

    @property
    def added(self) -> bool:
        return self.before is ABSENT

    @property
    def removed(self) -> bool:
        return self.after is ABSENT

    @property
    def name(self) -> str:
        """Return the path as text: keys joined by dots; a key that is empty or contains a dot in brackets."""
        parts = [f'[{part}]' if '.' in part or not part else part for part in self.path]
        return '.'.join(parts).replace('.[', '[')


def differences(before: Any, after: Any, limit: int = 200) -> list[ManifestChange]:
    """Return the fields that differ between two manifests, in order, at most `limit`.

    Lists of objects are compared element by element, other lists as a whole: a list of subnets reads better as one
    line before and after than as a line for each that moved.
    """
    found = []
    for change in _walk((), before, after):
        found.append(change)
        if len(found) == limit:
            break
    return found


def _walk(path: tuple[str, ...], before: Any, after: Any) -> Iterator[ManifestChange]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}, key=str):
            yield from _walk((*path, str(key)), before.get(key, ABSENT), after.get(key, ABSENT))
    elif _of_objects(before) and _of_objects(after):
        for index in range(max(len(before), len(after))):
            yield from _walk(
                (*path, str(index)), before[index] if index < len(before) else ABSENT,
                after[index] if index < len(after) else ABSENT,
            )
    else:
        yield ManifestChange(path, before, after)


def _same(before: Any, after: Any) -> bool:
    """Return whether two values are the same in JSON, where true is not 1."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(item, after[key]) for key, item in before.items())
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


def _of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
