"""The sample fabric, and manifests made up for a test."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.kubernetes_api import load_objects

Manifest = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / 'demo' / 'data'
GENERATOR = ROOT.parent / 'shared' / 'samples' / 'gen.py'
LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
_SAMPLES = load_objects(DATA)


def samples(kind: str | None = None) -> list[Manifest]:
    """The sample fabric's objects, or those of a kind, with a resourceVersion each."""
    found = [copy.deepcopy(item) for item in _SAMPLES if kind in (None, item['kind'])]
    for number, item in enumerate(found, 1):
        item['metadata'].setdefault('resourceVersion', str(number))
        item['metadata'].setdefault('uid', f'uid-{number}')
    return found


def large_fabric(*options: str) -> list[Manifest]:
    """A generated fabric of more than 6,000 objects; skips the test where there is no generator."""
    if not GENERATOR.exists():
        pytest.skip('no ../shared/samples/gen.py')
    size = ('--spines', '4', '--leaves', '96', '--servers-per-leaf', '16', '--vpcs', '300', '--format', 'jsonl')
    made = subprocess.run([sys.executable, str(GENERATOR), *size, *options], check=True, capture_output=True).stdout
    objects = [json.loads(line) for line in made.splitlines()]
    assert len(objects) >= 6000
    return objects


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
