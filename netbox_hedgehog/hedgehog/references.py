"""Find what a resource refers to, and what refers to it: both follow from the same rows, never from labels."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from .connections import MEMBERS, kind_of_end, list_path
from .kinds import KINDS, Path, Reference

__all__ = ('REFERENCES', 'jsonpath', 'referrers', 'references')


def _links() -> Iterator[Reference]:
    """Yield the paths at which Connections name devices, for all members, also those of newer releases."""
    paths = dict.fromkeys(
        (kind_of_end(end), ('spec', '*', *list_path(name), end, 'port'))
        for member in MEMBERS.values() for name in member.lists for end in member.ends
    )
    for kind in ('Switch', 'Server', 'Gateway'):
        yield from (Reference(path, kind) for target, path in paths if target == kind)


# By kind, where it names others.
REFERENCES: dict[str, tuple[Reference, ...]] = {kind.name: kind.references for kind in KINDS}
REFERENCES['Connection'] = (*_links(), *REFERENCES['Connection'])


def references(kind_name: str, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the (kind, name) pairs that a manifest refers to, each once, in order.

    A reference to a part of a resource (`device/port`, `vpc/subnet`) counts for the resource: the part before the
    first slash. Manifests of unknown shape name nothing; nothing is raised.
    """
    found: dict[tuple[str, str], None] = {}
    for row in REFERENCES.get(kind_name, ()):
        for value in _values(manifest, row.path):
            if isinstance(value, str) and (name := _name(row, value)):
                found[row.kind, name] = None
    return list(found)


def referrers(kind_name: str, name: str) -> dict[str, str]:
    """Return how to find what refers to a resource: by kind, a jsonpath predicate on a manifest.

    The predicate is for PostgreSQL, in its lax mode; of the manifest it reads `name` and `spec`.
    """
    return {
        kind: ' || '.join(_predicate(row, name) for row in rows if row.kind == kind_name)
        for kind, rows in REFERENCES.items() if any(row.kind == kind_name for row in rows)
    }


def _name(row: Reference, value: str) -> str:
    if not value.startswith(row.prefix) or (row.other_prefix and value.startswith(row.other_prefix)):
        return ''
    return value.removeprefix(row.prefix).partition('/')[0]


def _values(value: Any, path: Path) -> Iterator[Any]:
    """Yield what a path leads to. As in PostgreSQL's lax mode, a list in place of a value is read item by item."""
    if not path:
        yield from value if isinstance(value, list) else (value,)
        return
    step, rest = path[0], path[1:]
    if step == '*':
        for item in _members(value):
            yield from _values(item, rest)
        return
    for item in value if isinstance(value, list) else (value,):
        if not isinstance(item, dict):
            continue
        if step == '?':
            for key in item:
                yield from _values(key, rest)
        elif step in item:
            yield from _values(item[step], rest)


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


# The steps of a path in a jsonpath; any other is the name of a key.
_STEPS = {'*': '.**{1}', '?': ' ? (@.type() == "object").keyvalue().key'}


def jsonpath(path: Path) -> str:
    """Return a path as a jsonpath for PostgreSQL, in its lax mode."""
    return '$' + ''.join(_STEPS.get(step) or f'.{json.dumps(step)}' for step in path)


def _predicate(row: Reference, name: str) -> str:
    path = jsonpath(row.path)
    whole = row.prefix + name
    return f'exists({path} ? (@ == {json.dumps(whole)} || @ starts with {json.dumps(whole + "/")}))'
