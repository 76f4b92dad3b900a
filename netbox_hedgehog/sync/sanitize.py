"""A custom resource as the API sent it becomes what the mirror may hold: nothing but what kinds.py lets through."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeGuard

from ..cluster.errors import quoted
from ..hedgehog.kinds import Kind, Path
from ..hedgehog.manifest import moment

__all__ = ('BadObject', 'Key', 'Observed', 'identify', 'key_of', 'kind_digest', 'observe', 'stable')

Key = tuple[str, str]
Tree = dict[str, 'Tree | None']

LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
LONGEST_NAME = 253
LONGEST_NAMESPACE = 63
LONGEST_VERSION = 64

# How JSON writes the one character that PostgreSQL cannot store: an escape whose backslash is not escaped itself.
NUL = re.compile(r'(?<!\\)(?:\\\\)*\\u0000')

ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(',', ':'))


class BadObject(ValueError):
    """An object that cannot be mirrored. `key` is its namespace and name, or None when even those are unusable."""

    def __init__(self, sentence: str, key: Key | None) -> None:
        super().__init__(sentence)
        self.key = key


@dataclass(frozen=True, slots=True)
class Observed:
    """One resource as it was just read, its content as JSON: a tenth of what objects would weigh."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    labels_json: str
    annotations_json: str
    spec_json: str
    status_json: str
    created: datetime | None
    fingerprint: str

    @property
    def labels(self) -> dict[str, str]:
        return json.loads(self.labels_json)

    @property
    def annotations(self) -> dict[str, str]:
        return json.loads(self.annotations_json)

    @property
    def spec(self) -> dict[str, Any]:
        return json.loads(self.spec_json)

    @property
    def status(self) -> dict[str, Any]:
        return json.loads(self.status_json)


def key_of(manifest: Any) -> Key:
    """Return the (namespace, name) of a manifest. Raises BadObject."""
    metadata = manifest.get('metadata') if isinstance(manifest, dict) else None
    if not isinstance(metadata, dict):
        raise BadObject('an object has no metadata', None)
    name, namespace = metadata.get('name'), metadata.get('namespace')
    if not _storable(name, LONGEST_NAME) or not _storable(namespace, LONGEST_NAMESPACE):
        raise BadObject('an object has no usable name or namespace', None)
    return namespace, name


def identify(manifest: Any) -> tuple[Key, str, str]:
    """The (namespace, name), uid and resource version of a manifest. Raises BadObject."""
    key = key_of(manifest)
    metadata = manifest['metadata']
    uid, version = metadata.get('uid'), metadata.get('resourceVersion')
    if not _storable(uid, LONGEST_VERSION) or not _storable(version, LONGEST_VERSION):
        raise BadObject(f'{key[1][:80]}: its uid or resourceVersion cannot be stored', key)
    return key, uid, version


def observe(
    kind: Kind, manifest: dict[str, Any], largest: int = 0, identity: tuple[Key, str, str] | None = None,
) -> Observed:
    """What the mirror holds of a manifest: spec unless it holds secrets, status by whitelist, metadata cleaned.

    `identity` is what identify() says of it, where that is known already.

    Raises BadObject, naming the object, when it is of another kind or version, when the database could not hold it, or
    when that is more than `largest` bytes (0: never).
    """
    (namespace, name), uid, version = identity or identify(manifest)
    metadata = manifest['metadata']
    told = manifest.get('kind', kind.name), manifest.get('apiVersion', kind.api_version)
    if told != (kind.name, kind.api_version):
        # Its fields may mean something else.
        other, group = map(quoted, told)
        sentence = f'{name}: it is a {other} of {group} instead of a {kind.name} of {kind.api_version}'
        raise BadObject(sentence, (namespace, name))
    annotations = _strings(metadata.get('annotations'))
    annotations.pop(LAST_APPLIED, None)  # it repeats the spec
    spec = _mapping(manifest.get('spec')) if kind.keeps_spec else {}
    status = _mapping(keep(manifest.get('status'), _kept(kind)))
    generation = metadata.get('generation')
    generation = generation if isinstance(generation, int) and 0 <= generation < 2**63 else 0
    try:
        labels_json, annotations_json, spec_json, status_json = (
            _text(part) for part in (_strings(metadata.get('labels')), annotations, spec, status)
        )
        stable_json = _text(stable(kind, status)) if kind.volatile else status_json
    except (ValueError, RecursionError) as error:
        reason = 'too deeply nested' if isinstance(error, RecursionError) else str(error)
        raise BadObject(f'{name}: its content cannot be stored ({reason[:80]})', (namespace, name)) from None
    weight = sum(map(len, (labels_json, annotations_json, spec_json, status_json)))
    if largest and weight > largest:
        sentence = f'{name}: {weight} bytes are more than the limit of {largest} (setting max_object_size)'
        raise BadObject(sentence, (namespace, name))
    text = '\n'.join((uid, str(generation), labels_json, annotations_json, spec_json, stable_json))
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Observed(
        namespace=namespace, name=name, uid=uid, generation=generation, resource_version=version,
        labels_json=labels_json, annotations_json=annotations_json, spec_json=spec_json, status_json=status_json,
        created=_timestamp(metadata.get('creationTimestamp')), fingerprint=kind_digest(kind) + digest,
    )


def stable(kind: Kind, status: Any) -> Any:
    """What is left of a status without that which moves all the time."""
    return drop(status, _moving(kind))


def _text(value: Any) -> str:
    """The JSON of a value. Raises ValueError where PostgreSQL could not store it, RecursionError."""
    if not value:  # as most labels, annotations and statuses are: half of all calls, and an encoder costs more
        return '{}'
    text = ENCODER.encode(value)
    text.encode()  # half of a surrogate pair is no text
    if '\\u0000' in text and NUL.search(text):
        raise ValueError('a NUL character')
    return text


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
    if isinstance(value, list) and '*' in tree:
        branch = tree['*']
        if branch is None:
            return value if keeping else []
        return [_walk(item, branch, keeping=keeping) for item in value]
    return {} if keeping else value


@lru_cache(maxsize=64)
def _kept(kind: Kind) -> Tree:
    return _tree(kind.status)


@lru_cache(maxsize=64)
def _moving(kind: Kind) -> Tree:
    return _tree(kind.volatile)


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
    return {key: item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}


def _timestamp(value: Any) -> datetime | None:
    found = moment(value)
    return found and found.astimezone(UTC)
