"""What is wanted, as text that a person can check: one line an object.

    python -m tests.support.rendering sample > tests/unit/inventory/expected/sample.txt

writes an expectation anew; read the difference before you commit it.
"""

import sys
from collections.abc import Iterator
from itertools import groupby

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, ExistingRef, Options, Ref, Value

from .mapping_rules import said
from .resources import load

# The settings that an expectation was made with.
OPTIONS = {
    'sample': Options('dc-1', site=1),
    'every-member': Options('dc-2', site=1, location=2, tenant=3, roles={'server': 4}, name_pattern='{fabric}-{name}'),
}


def render(found: Desired) -> str:
    return '\n'.join(_lines(found)) + '\n'


def _lines(found: Desired) -> Iterator[str]:
    for model, wants in groupby(found.objects.values(), key=lambda want: want.model):
        yield f'# {model}'
        for want in wants:
            yield f'{want.key}{" (shared)" if want.shared else ""}  < {want.source.kind} {want.source.name}'
            yield f'    {_fields(want.managed_fields)}'
            if want.create_only_fields:
                yield f'    at first: {_fields(want.create_only_fields)}'
    if found.issues:
        yield '# issues'
    for problem in found.issues:
        yield f'{problem.source.kind} {problem.source.name} ({problem.subject}): {said(problem)}'


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


if __name__ == '__main__':
    print(render(desired(load(sys.argv[1]), OPTIONS[sys.argv[1]])), end='')
