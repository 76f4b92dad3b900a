"""Find the resources that a resource refers to, by the paths in kinds.py and never by its labels."""

from collections.abc import Iterator
from typing import Any

from .kinds import KIND_BY_NAME, Path

__all__ = ('references',)


def references(kind_name: str, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the (kind, name) pairs that a manifest refers to, each once, in order.

    A reference to a part of a resource (`device/port`, `vpc/subnet`) counts for the resource: what stands before the
    first slash. Manifests of unknown shape name nothing; nothing is raised.
    """
    kind = KIND_BY_NAME.get(kind_name)
    found: dict[tuple[str, str], None] = {}
    for path, target in kind.references if kind else ():
        for value in _values(manifest, path):
            if isinstance(value, str) and value:
                found[target, value.split('/', 1)[0]] = None
    return list(found)


def _values(value: Any, path: Path) -> Iterator[Any]:
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == '*' and isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _values(item, rest)
    elif step == '?' and isinstance(value, dict):
        for key in value:
            yield from _values(key, rest)
    elif isinstance(value, dict) and step in value:
        yield from _values(value[step], rest)
