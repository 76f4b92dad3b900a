"""A custom resource as the API sent it becomes what the mirror may hold: nothing but what kinds.py lets through."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeGuard

from ..kinds import Kind, Path

__all__ = ('BadObject', 'Key', 'Observed', 'identify', 'kind_digest', 'observe')

Key = tuple[str, str]
Tree = dict[str, 'Tree | None']

LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
LONGEST_NAME = 253
LONGEST_NAMESPACE = 63
LONGEST_VERSION = 64

# How JSON writes the one character that PostgreSQL cannot store: an escape whose backslash is not escaped itself.
NUL = re.compile(r'(?<!\\)(?:\\\\)*\\u0000')


class BadObject(ValueError):
    """An object that cannot be mirrored. `key` is its namespace and name, or None when even those are unusable."""

    def __init__(self, sentence: str, key: Key | None) -> None:
        super().__init__(sentence)
        self.key = key


@dataclass(frozen=True, slots=True)
class Observed:
    """One resource as it was just read, ready for the mirror."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]
    status: dict[str, Any]
    created: datetime | None
    fingerprint: str


def identify(manifest: Any) -> tuple[Key, str, str]:
    """The (namespace, name), uid and resource version of a manifest. Raises BadObject."""
    metadata = manifest.get('metadata') if isinstance(manifest, dict) else None
    if not isinstance(metadata, dict):
        raise BadObject('an object without metadata', None)
    name, namespace = metadata.get('name'), metadata.get('namespace')
    if not _storable(name, LONGEST_NAME) or not _storable(namespace, LONGEST_NAMESPACE):
        raise BadObject('an object without a usable name and namespace', None)
    key = (namespace, name)
    uid, version = metadata.get('uid'), metadata.get('resourceVersion')
    if not _storable(uid, LONGEST_VERSION) or not _storable(version, LONGEST_VERSION):
        raise BadObject(f'{name[:80]}: its uid or resourceVersion cannot be stored', key)
    return key, uid, version


def observe(kind: Kind, manifest: dict[str, Any]) -> Observed:
    """What the mirror holds of a manifest: spec unless it holds secrets, status by whitelist, metadata cleaned.

    Raises BadObject, naming the object, when the database could not hold it.
    """
    (namespace, name), uid, version = identify(manifest)
    metadata = manifest['metadata']
    annotations = _strings(metadata.get('annotations'))
    annotations.pop(LAST_APPLIED, None)  # it repeats the spec
    labels = _strings(metadata.get('labels'))
    spec = _mapping(manifest.get('spec')) if kind.keeps_spec else {}
    status = _mapping(keep(manifest.get('status'), _tree(kind.status)))
    stable = drop(status, _tree(kind.volatile)) if kind.volatile else status
    generation = metadata.get('generation')
    generation = generation if isinstance(generation, int) and 0 <= generation < 2**63 else 0
    try:
        text = json.dumps(
            [uid, generation, labels, annotations, spec, stable], sort_keys=True, ensure_ascii=False, allow_nan=False,
        )
        rest = '' if stable is status else json.dumps(status, ensure_ascii=False, allow_nan=False)
        for part in (text, rest):
            part.encode()
            if NUL.search(part):
                raise ValueError('a NUL character')
    except (ValueError, RecursionError) as error:
        reason = 'too deeply nested' if isinstance(error, RecursionError) else str(error)
        raise BadObject(f'{name}: PostgreSQL cannot hold its content ({reason[:80]})', (namespace, name)) from None
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Observed(
        namespace=namespace, name=name, uid=uid, generation=generation, resource_version=version,
        labels=labels, annotations=annotations, spec=spec, status=status,
        created=_timestamp(metadata.get('creationTimestamp')), fingerprint=kind_digest(kind) + digest,
    )


@lru_cache(maxsize=64)
def kind_digest(kind: Kind) -> str:
    """Eight hex digits that change with what is kept of a kind, so that an upgrade reads every object anew."""
    row = repr((kind.keeps_spec, kind.status, kind.volatile))
    return hashlib.blake2b(row.encode(), digest_size=4).hexdigest()


def keep(value: Any, tree: Tree) -> Any:
    """Only what the whitelist names. An empty tree keeps nothing; None as a branch keeps all below it."""
    return _walk(value, tree, keeping=True)


def drop(value: Any, tree: Tree) -> Any:
    """All but what the tree names."""
    return _walk(value, tree, keeping=False)


def _walk(value: Any, tree: Tree, *, keeping: bool) -> Any:
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            branch = tree.get(key, tree.get('*', False))
            if branch is False:
                if not keeping:
                    result[key] = item
            elif branch is None:
                if keeping:
                    result[key] = item
            elif isinstance(item, (dict, list)):
                result[key] = _walk(item, branch, keeping=keeping)  # type: ignore[arg-type]
            elif not keeping:
                result[key] = item
        return result
    if isinstance(value, list) and isinstance(tree.get('*'), dict):
        return [_walk(item, tree['*'], keeping=keeping) for item in value]  # type: ignore[arg-type]
    return {} if keeping else value


@lru_cache(maxsize=64)
def _tree(paths: tuple[Path, ...]) -> Tree:
    root: Tree = {}
    for path in paths:
        node = root
        for step in path[:-1]:
            below = node.setdefault(step, {})
            assert below is not None, f'{path} lies below a path that is kept whole'
            node = below
        node[path[-1]] = None
    return root


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _storable(value: Any, longest: int) -> TypeGuard[str]:
    """Whether a database column of this length takes the value as a name."""
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _strings(value: Any) -> dict[str, str]:
    return {key: item for key, item in _mapping(value).items() if isinstance(item, str)}


def _timestamp(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None
