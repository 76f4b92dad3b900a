"""The sample fabric, and manifests made up for a test."""

import copy
import json
from pathlib import Path
from typing import Any

from demo.kubernetes_api import load_objects

Manifest = dict[str, Any]

DATA = Path(__file__).resolve().parents[3] / 'demo' / 'data'
LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
_SAMPLES = load_objects(DATA)


def samples(kind: str | None = None) -> list[Manifest]:
    """The sample fabric's objects, or those of a kind, with a resourceVersion each."""
    found = [copy.deepcopy(item) for item in _SAMPLES if kind in (None, item['kind'])]
    for number, item in enumerate(found, 1):
        item['metadata'].setdefault('resourceVersion', str(number))
        item['metadata'].setdefault('uid', f'uid-{number}')
    return found


def manifest(name: str = 'a', **changes: Any) -> Manifest:
    """A Server as a list has it; `changes` are metadata, but for spec and status."""
    item = {'metadata': {'name': name, 'namespace': 'default', 'uid': f'u-{name}', 'resourceVersion': '1', 'generation': 1}}
    for part in ('spec', 'status'):
        if part in changes:
            item[part] = changes.pop(part)
    item['metadata'] |= changes
    return item


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
