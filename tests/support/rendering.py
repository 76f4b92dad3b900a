"""What is desired, as text that a person can check: one line an object."""

from collections.abc import Iterator
from itertools import groupby

from netbox_hedgehog.inventory.mapping.types import Desired, ExistingRef, Options, Ref, Value

from .mapping_rules import said

# The settings that an expectation was made with.
OPTIONS = {
    'sample': Options('dc-1', site=1),
    'every-member': Options('dc-2', site=1, location=2, tenant=3, roles={'server': 4}, name_pattern='{fabric}-{name}'),
}


def render(found: Desired) -> str:
    return '\n'.join(_lines(found)) + '\n'


def _lines(found: Desired) -> Iterator[str]:
    for model, objects in groupby(found.objects.values(), key=lambda obj: obj.model):
        yield f'# {model}'
        for obj in objects:
            yield f'{obj.key}{" (shared)" if obj.shared else ""}  < {obj.source.kind} {obj.source.name}'
            yield f'    {_fields(obj.managed_fields)}'
            if obj.create_only_fields:
                yield f'    at first: {_fields(obj.create_only_fields)}'
    if found.issues:
        yield '# issues'
    for problem in found.issues:
        yield f'{problem.source.kind} {problem.source.name} ({problem.scope}): {said(problem)}'


def _fields(fields: object) -> str:
    assert isinstance(fields, dict)
    return ', '.join(f'{name}={_value(value)}' for name, value in fields.items())


def _value(value: Value) -> str:
    match value:
        case Ref(key):
            return f'<{key}>'
        case ExistingRef(model, pk):
            return f'{model}#{pk}'
        case tuple():
            return f'[{" ".join(map(_value, value))}]'
        case None:
            return '-'
    return str(value)
