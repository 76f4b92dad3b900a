"""Change a part of an object by JSON merge patch (RFC 7396) or JSON patch (RFC 6902)."""

from copy import deepcopy
from typing import Any


class PatchError(ValueError):
    """A patch that does not fit the document."""


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch applied; neither is changed."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """Return `target` with a list of JSON patch operations applied; `target` itself is not changed.

    Raises PatchError if an operation is unknown, its path does not exist, or it is a test that fails.
    """
    document = deepcopy(target)
    try:
        for operation in operations:
            document = _apply(document, operation)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise PatchError(f'the patch does not fit the object: {error}') from error
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    name, path = operation['op'], _pointer(operation['path'])
    match name:
        case 'test':
            if _at(document, path) != operation['value']:
                raise PatchError(f'testing value {operation["path"]} failed')
            return document
        case 'add' | 'replace':
            value = operation['value']
        case 'copy' | 'move':
            value = deepcopy(_at(document, _pointer(operation['from'])))
            if name == 'move':
                _remove(document, _pointer(operation['from']))
        case 'remove':
            _remove(document, path)
            return document
        case _:
            raise PatchError(f'unexpected kind of operation: {name}')
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if name == 'replace':
        _remove(document, path)
    if isinstance(parent, list):
        parent.insert(len(parent) if last == '-' else _index(parent, last), value)
    else:
        parent[last] = value
    return document


def _pointer(text: str) -> list[str]:
    return [part.replace('~1', '/').replace('~0', '~') for part in text.split('/')[1:]]


def _index(items: list[Any], part: str) -> int:
    index = int(part) if part.isdigit() else -1
    if not 0 <= index <= len(items):
        raise PatchError(f'no such place in a list: {part}')
    return index


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[_index(document, part)] if isinstance(document, list) else document[part]
    return document


def _remove(document: Any, path: list[str]) -> None:
    parent = _at(document, path[:-1])
    del parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]]
