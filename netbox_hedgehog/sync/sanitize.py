"""Turn a custom resource as the API sent it into what the mirror may store: only what kinds.py allows."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeGuard

from ..cluster.errors import quoted
from ..hedgehog.kinds import Kind, Path, pick
from ..hedgehog.manifest import address, moment, number

__all__ = ('BadObject', 'Key', 'Observed', 'identify', 'key_of', 'kind_digest', 'observe', 'stable')

Key = tuple[str, str]
Tree = dict[str, 'Tree | None']

LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
LONGEST_NAME = 253
LONGEST_NAMESPACE = 63
LONGEST_VERSION = 64

# Numbers of a spec with secrets are less.
LARGEST_NUMBER = 2**17

# How JSON writes the one character that PostgreSQL cannot store: an escape whose backslash is not escaped itself.
NUL = re.compile(r'(?<!\\)(?:\\\\)*\\u0000')

ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(',', ':'))


class BadObject(ValueError):
    """An object that cannot be mirrored. `key` is its namespace and name, or None if even those are unusable."""

    def __init__(self, sentence: str, key: Key | None) -> None:
        super().__init__(sentence)
        self.key = key


@dataclass(frozen=True, slots=True)
class Observed:
    """One resource as it was just fetched, its content as JSON: a tenth of the memory of objects."""

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
    """Return the (namespace, name), UID and resource version of a manifest. Raises BadObject."""
    key = key_of(manifest)
    metadata = manifest['metadata']
    uid, version = metadata.get('uid'), metadata.get('resourceVersion')
    if not _storable(uid, LONGEST_VERSION) or not _storable(version, LONGEST_VERSION):
        raise BadObject(f'{key[1][:80]}: its uid or resourceVersion cannot be stored', key)
    return key, uid, version


def observe(
    kind: Kind, manifest: dict[str, Any], largest: int = 0, identity: tuple[Key, str, str] | None = None,
) -> Observed:
    """Return what the mirror stores of a manifest: spec unless it has secrets, allowed status fields, cleaned metadata.

    Of a spec with secrets it stores the allowed fields that are an IP prefix, or a number.

    Takes the kind, the manifest, the limit `largest` in bytes (0: no limit), and the result of identify() if it is
    known already. Raises BadObject, naming the object, if it is of another kind or version, if the database cannot
    store it, or if it exceeds the limit.
    """
    (namespace, name), uid, version = identity or identify(manifest)
    metadata = manifest['metadata']
    returned = manifest.get('kind', kind.name), manifest.get('apiVersion', kind.api_version)
    if returned != (kind.name, kind.api_version):
        # The fields of another kind or version may mean something else.
        other, group = map(quoted, returned)
        sentence = f'{name}: it is a {other} of {group} instead of a {kind.name} of {kind.api_version}'
        raise BadObject(sentence, (namespace, name))
    annotations = _strings(metadata.get('annotations'))
    annotations.pop(LAST_APPLIED, None)  # it repeats the spec
    spec = _mapping(manifest.get('spec')) if kind.keeps_spec else _plain(kind, manifest.get('spec'))
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


def _plain(kind: Kind, spec: Any) -> dict[str, Any]:
    """Return of a spec that has secrets what may be stored: the allowed fields that are an IP prefix, or a number."""
    allowed: dict[Path, Any] = {}
    for path in kind.spec_prefixes:
        if address(value := pick(spec, path)) is not None:
            allowed[path] = value
    for path in kind.spec_numbers:
        found = number(pick(spec, path))
        if found is not None and 0 <= found < LARGEST_NUMBER:
            allowed[path] = found
    kept: dict[str, Any] = {}
    for path, value in allowed.items():
        node = kept
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = value
    return kept


def stable(kind: Kind, status: Any) -> Any:
    """Return a status without its volatile fields."""
    return drop(status, _moving(kind))


def _text(value: Any) -> str:
    """Return a value as JSON. Raises ValueError if PostgreSQL cannot store it, and RecursionError."""
    if not value:  # half of all calls: most labels and annotations are empty, and an encoder costs more
        return '{}'
    text = ENCODER.encode(value)
    text.encode()  # a lone surrogate is not valid text
    if '\\u0000' in text and NUL.search(text):
        raise ValueError('a NUL character')
    return text


@lru_cache(maxsize=64)
def kind_digest(kind: Kind) -> str:
    """Return eight hex digits that identify which fields of a kind are kept.

    An upgrade that changes them fetches every object again.
    """
    row = repr((kind.keeps_spec, kind.spec_prefixes, kind.spec_numbers, kind.status, kind.volatile))
    return hashlib.blake2b(row.encode(), digest_size=4).hexdigest()


def keep(value: Any, tree: Tree) -> Any:
    """Return only what the whitelist names. An empty tree keeps nothing; None as a branch keeps all below it."""
    return _walk(value, tree, keeping=True)


def drop(value: Any, tree: Tree) -> Any:
    """Return all but what the tree names."""
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
    """Return whether a database column of this length accepts the value as a name."""
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _strings(value: Any) -> dict[str, str]:
    return {key: item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}


def _timestamp(value: Any) -> datetime | None:
    found = moment(value)
    return found and found.astimezone(UTC)
