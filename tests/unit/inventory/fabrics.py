"""Fabrics to map: the sample fabric, one with every member of a Connection, generated ones."""

from pathlib import Path
from typing import Any

from demo.kubernetes_api import load_objects
from netbox_hedgehog.inventory.wants import Resource

from ..engine.samples import DATA, large_fabric

HERE = Path(__file__).parent


def load(name: str) -> list[Resource]:
    """The resources of the fabric `sample`, or of the one in data/NAME.yaml."""
    return [as_resource(item) for item in load_objects(DATA if name == 'sample' else HERE / 'data' / f'{name}.yaml')]


def generated(*options: str) -> list[Resource]:
    """A generated fabric; skips the test where there is no generator."""
    return [as_resource(item) for item in large_fabric(*options)]


def as_resource(manifest: dict[str, Any]) -> Resource:
    return Resource(
        manifest['kind'], manifest['metadata']['name'], manifest.get('spec') or {}, manifest.get('status') or {},
        manifest['metadata'].get('generation', 0),
    )


def make(kind: str, name: str, **spec: Any) -> Resource:
    return Resource(kind, name, spec)
