"""Load the custom resources to serve, and objects from files."""

import copy
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS_FILE = Path(__file__).parents[2] / 'netbox_hedgehog' / 'hedgehog/kinds.py'
SUFFIXES = ('.yaml', '.yml', '.json', '.jsonl')

# An object as json parses it; nested values have any type.
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of custom resource, as in its CustomResourceDefinition. All are namespaced."""

    kind: str
    plural: str
    group: str
    version: str

    @property
    def api_version(self) -> str:
        return f'{self.group}/{self.version}'

    @property
    def qualified(self) -> str:
        """Return the name in Kubernetes' messages: `switches.wiring.githedgehog.com`."""
        return f'{self.plural}.{self.group}'


def load_resources(path: Path = KINDS_FILE) -> tuple[Resource, ...]:
    """Return the resources that the plugin mirrors, from its own table.

    The module is loaded by its path, because importing the package requires a configured NetBox.
    """
    name = 'demo_kubernetes_api_kinds'
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f'{path} cannot be loaded')
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return tuple(Resource(kind.name, kind.plural, kind.group, kind.version) for kind in module.KINDS)


class _Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):  # type: ignore[misc]
    """Keep timestamps as strings, as they are in Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != 'tag:yaml.org,2002:timestamp']
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def load_objects(path: str | Path) -> list[Manifest]:
    """Return the objects in a file or in all files of a folder, in the order of the files' names.

    Accepts multi-document YAML, JSON, JSON lines and Lists of them. Raises FileNotFoundError, and ValueError with the
    file's name for what is not a Kubernetes object.
    """
    path = Path(path)
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES) if path.is_dir() else [path]
    return [item for file in files for item in _objects_of(file)]


def multiplied(samples: Iterable[Manifest], counts: Mapping[str, int]) -> Iterator[Manifest]:
    """Yield this many objects of each kind: copies of the samples without uid.

    Their names are such as server-000007.
    """
    of_kind: dict[str, list[Manifest]] = {}
    for item in samples:
        of_kind.setdefault(item['kind'], []).append(item)
    for kind, count in counts.items():
        for number in range(count):
            item = copy.deepcopy(of_kind[kind][number % len(of_kind[kind])])
            item['metadata']['name'] = f'{kind.lower()}-{number:06}'
            item['metadata'].pop('uid', None)
            yield item


def _objects_of(file: Path) -> Iterator[Manifest]:
    try:
        for document in _documents(file.read_text(encoding='utf-8')):
            if document is None:
                continue
            if not isinstance(document, dict) or not document.get('kind') or not document.get('apiVersion'):
                raise ValueError('neither a Kubernetes object nor a List of them')
            if document['kind'] == 'List':
                yield from document['items']
            else:
                yield document
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f'{file}: {error}') from error


def _documents(text: str) -> Iterable[Any]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.startswith('{') for line in lines[:2]):
        return [json.loads(line) for line in lines]
    if text.lstrip().startswith('{'):
        return [json.loads(text)]
    return list(yaml.load_all(text, _Loader))
