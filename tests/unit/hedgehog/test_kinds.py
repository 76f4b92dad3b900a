"""The table of kinds against the CustomResourceDefinitions themselves, and in itself."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from netbox_hedgehog.hedgehog.kinds import FABRIC_LABEL, GATEWAY_ANNOTATION, KIND_BY_NAME, KINDS, TOPOLOGY, pick
from netbox_hedgehog.hedgehog.references import REFERENCES
from netbox_hedgehog.sync.sanitize import _tree

CRDS = Path(__file__).resolve().parents[4] / 'shared' / 'crds'
NEWER = Path(__file__).resolve().parents[2] / 'support' / 'data' / 'newer-crds.yaml'
NAMES = [kind.name for kind in KINDS]

needs_crds = pytest.mark.skipif(not CRDS.is_dir(), reason='no ../shared/crds')


@pytest.fixture(scope='module')
def crds() -> dict[str, Any]:
    found = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob('*.yaml'))]
    found += yaml.safe_load_all(NEWER.read_text())
    return {crd['spec']['names']['kind']: crd['spec'] for crd in found}


def schemas_at(schema: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The parts of a schema that a path leads to. `*` is every element or value, `?` a dictionary's keys."""
    if not path or schema.get('x-kubernetes-preserve-unknown-fields'):
        return [schema]
    properties, each, items = schema.get('properties', {}), schema.get('additionalProperties'), schema.get('items')
    if path[0] == '?':
        return [schema] if properties or each else []
    below = [each] if each else []
    if path[0] == '*':
        below += [*properties.values(), *([items] if items else [])]
    elif path[0] in properties:
        below = [properties[path[0]]]
    return [found for part in below for found in schemas_at(part, path[1:])]


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    return next(version for version in crd['versions'] if version['storage'])['schema']['openAPIV3Schema']


@needs_crds
def test_every_kind_has_a_row(crds):
    assert len(crds) == 24
    expected = {
        name: (crd['group'], next(v['name'] for v in crd['versions'] if v['served']), crd['names']['plural'])
        for name, crd in crds.items()
    }
    assert {kind.name: (kind.group, kind.version, kind.plural) for kind in KINDS} == expected


def test_rows_are_unique():
    assert len(NAMES) == len(set(NAMES)) == len(KIND_BY_NAME) == len({kind.plural for kind in KINDS})


def test_fabricator_is_never_read():
    assert not [kind for kind in KINDS if 'fabricator' in kind.group]


def test_the_spec_of_agents_is_not_kept():
    assert [kind.name for kind in KINDS if not kind.keeps_spec] == ['Agent']


@pytest.mark.parametrize('name', NAMES)
def test_paths_do_not_contain_each_other(name):
    kind = KIND_BY_NAME[name]
    _tree(kind.status)
    _tree(kind.volatile)
    for paths in (kind.status, kind.volatile):
        assert len(paths) == len(set(paths))
        for path in paths:
            assert not [other for other in paths if other != path and other[:len(path)] == path]


@pytest.mark.parametrize('name', NAMES)
def test_only_kept_fields_are_volatile(name):
    kind = KIND_BY_NAME[name]
    for path in kind.volatile:
        assert [kept for kept in kind.status if kept[:len(path)] == path or path[:len(kept)] == kept], path


@needs_crds
@pytest.mark.parametrize('name', NAMES)
def test_status_paths_exist(crds, name):
    kind = KIND_BY_NAME[name]
    status = schema_of(crds[name])['properties'].get('status', {})
    for path in (*kind.status, *kind.volatile):
        assert schemas_at(status, path), f'{name}.status.{".".join(path)}'


@needs_crds
@pytest.mark.parametrize('name', NAMES)
def test_columns_and_references_lead_somewhere(crds, name):
    kind = KIND_BY_NAME[name]
    schema = schema_of(crds[name])
    for path in (*(column.path for column in kind.columns), *(row.path for row in REFERENCES[name])):
        if path == TOPOLOGY:
            continue  # since a release after that of the definitions
        if path[0] in ('spec', 'status'):
            assert schemas_at(schema, path), f'{name}.{".".join(path)}'
        elif path[0] in ('labels', 'annotations'):
            assert path[1].startswith((FABRIC_LABEL, GATEWAY_ANNOTATION))
        else:
            assert path in (('name',), ('generation',))


@pytest.mark.parametrize(('name', 'manifest', 'printed'), [
    ('Switch', {'spec': {'vtepIP': '172.30.12.1/32'}}, {'VTEP address': '172.30.12.1/32'}),
    ('SwitchProfile', {'spec': {'switchSilicon': 'Acme T9'}}, {'Silicon': 'Acme T9'}),
    (
        'GatewayPeering',
        {'annotations': {'gateway.githedgehog.com/vpcs': 'blue,red', 'gateway.githedgehog.com/nat': 'masquerade'}},
        {'VPCs': 'blue,red', 'NAT': 'masquerade'},
    ),
    ('Gateway', {'spec': {'workers': 8}}, {'Workers': 8}),
    ('GatewayAgent', {'status': {'state': {'dataplane': {'version': 'v0.9.1'}}}}, {'Dataplane version': 'v0.9.1'}),
])
def test_columns_that_are_printed_since_26_03(name, manifest, printed):
    columns = {column.title: pick(manifest, column.path) for column in KIND_BY_NAME[name].columns}
    assert {title: value for title, value in columns.items() if value is not None} == printed


def test_pick():
    manifest = {'spec': {'a': {'b': 1}, 'list': [1]}}
    assert pick(manifest, ('spec', 'a', 'b')) == 1
    assert pick(manifest, ('spec', '?')) == ['a', 'list']
    assert pick(manifest, ('spec', 'list', 'b')) is None
    assert pick(manifest, ('no', 'b', '?')) is None
