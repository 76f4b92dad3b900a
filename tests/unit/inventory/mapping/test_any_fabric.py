"""Whatever a fabric holds, nothing is raised, and what is wanted can stand in NetBox."""

import copy
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.rules import RULE_KINDS, Conditions, parse_selector
from netbox_hedgehog.inventory.mapping import desired as mapper
from netbox_hedgehog.inventory.mapping.builder import Builder
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.rules import Rule
from netbox_hedgehog.inventory.mapping.types import SCOPES, Options, Resource

from ....support.mapping_rules import check
from ....support.resources import load

FABRIC = load('every-member')
KINDS = sorted({resource.kind for resource in FABRIC})

# Values that mean something in one place turn up in another.
WORDS = sorted({
    'E1/1', 'E1/9', 'E1/9/1', 'M1', 'Loopback1', 'PortChannel1', 'leaf-1', 'leaf-1/E1/1', 'leaf-2/E1/8/1', 'server-1',
    'server-2/enp1', 'vpc-1', 'vpc-1/default', 'default', '4x25G', '25G', '', '/', '//', 'a/b/c', '10.0.1.0/24',
    '10.0.1.1', '10.0.1.1/0', '172.30.0.5/21', '::1/128', 'fe80::1%eth0/64', '00000', 'true', 'x' * 300, 'é漢\n\t',
    '{name}', '%s', "'", '-', '9' * 5000,
})
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5000) | st.integers() | st.floats() | st.sampled_from(WORDS)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*(resource.name for resource in FABRIC), 'x' * 253, 'a/b', '', '\n', 'Underlay', 'LEAF-1'])
options = st.builds(
    Options, fabric=st.sampled_from(['dc-1', 'x' * 100, 'é', '({)']), site=st.just(1),
    location=st.none() | st.just(2), tenant=st.none() | st.just(3), roles=st.just({'spine': 7}) | st.just({}),
    name_pattern=st.sampled_from(['{name}', '{fabric}-{name}', 'same', '{', '{0}', '{name.x}']),
    scopes=st.frozensets(st.sampled_from(SCOPES)) | st.just(frozenset(SCOPES)),
)
rules = st.builds(
    Rule, name=st.just('rule'), site=st.none() | st.just(5), tenant=st.none() | st.just(6), role=st.none() | st.just(8),
    conditions=st.builds(
        Conditions, kinds=st.frozensets(st.sampled_from(RULE_KINDS), max_size=3),
        names=st.sampled_from([(), ('*-1',), ('!*-1',)]), labels=st.sampled_from([(), parse_selector('!x')]),
    ),
    vrf_name=st.sampled_from(['', '{vpc}', '{fabric}', 'x' * 101]), tags=st.sampled_from([(), (9,), (9, 10)]),
    exclude=st.booleans(),
)


class Strict(Builder):
    """A builder that says when two mappers add different objects with one key, and one of them would be lost."""

    def add(self, model, key, source, subject, managed, create_only=None, *, shared=False):
        before = self.find(key)
        assert before is None or shared or key.startswith('vrf/underlay') or before.managed_fields == managed, key
        return super().add(model, key, source, subject, managed, create_only, shared=shared)


@pytest.fixture(autouse=True, scope='module')
def strictly():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapper, 'Builder', Strict)
        yield


@given(st.lists(st.builds(Resource, st.sampled_from(KINDS), names, junk, junk), max_size=20), options)
def test_of_anything_at_all(resources, wishes):
    check(desired(resources, wishes))


@given(st.data(), options)
def test_of_a_fabric_with_faults_in_it(data, wishes):
    resources = faulty(data)
    found = desired(resources, wishes)
    check(found)
    assert {obj.scope for obj in found.objects.values()} <= wishes.scopes
    assert {problem.scope for problem in found.issues} <= wishes.scopes


@given(st.data(), options, st.lists(rules, max_size=3))
def test_with_rules(data, wishes, given):
    resources = faulty(data)
    found = desired(resources, replace(wishes, rules=tuple(given)))
    check(found)
    assert not {obj.source for obj in found.objects.values()} & found.excluded.keys()
    assert not {problem.source for problem in found.issues} & found.excluded.keys()


@given(st.data(), options, st.lists(rules, max_size=3))
def test_rules_that_match_nothing_change_nothing(data, wishes, given):
    resources = faulty(data)
    nowhere = [replace(rule, conditions=Conditions(names=('no-such-resource',))) for rule in given]
    assert desired(resources, replace(wishes, rules=tuple(nowhere))) == desired(resources, wishes)


@given(st.data(), st.integers(), st.lists(rules, max_size=2))
def test_in_any_order(data, seed, given):
    resources, wishes = faulty(data), Options('dc-1', site=1, rules=tuple(given))
    found = desired(resources, wishes)
    random.Random(seed).shuffle(resources)
    again = desired(resources, wishes)
    assert list(again.objects.items()) == list(found.objects.items())
    assert again.issues == found.issues


def faulty(data: Any) -> list[Resource]:
    """The fabric with every member, in which a few things are changed for others, taken out, or there twice."""
    resources = list(FABRIC)
    for _ in range(data.draw(st.integers(1, 6), 'faults')):
        place = data.draw(st.integers(0, len(resources) - 1), 'resource')
        resource = resources[place]
        fault = data.draw(st.sampled_from(['gone', 'copied', 'renamed', *['changed'] * 9]), 'fault')
        if fault == 'gone':
            resources[place] = Resource(resource.kind, f'{resource.name}-new', resource.spec)
        elif fault == 'copied':
            resources.append(Resource(resource.kind, f'{resource.name}-copy', resource.spec, resource.status))
        elif fault == 'renamed':
            resources[place] = Resource(resource.kind, data.draw(names, 'name'), resource.spec, resource.status)
        else:
            spec = copy.deepcopy(resource.spec)
            change(data, spec)
            resources[place] = Resource(resource.kind, resource.name, spec, resource.status)
    return resources


def change(data: Any, node: Any) -> None:
    """Change one value somewhere below a node."""
    while True:
        steps = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        if not steps:
            if isinstance(node, dict):
                node['new'] = data.draw(junk, 'value')
            return
        step = data.draw(st.sampled_from(steps), 'step')
        if not isinstance(node[step], dict | list) or data.draw(st.integers(0, 3), 'stop') == 0:
            if isinstance(node, dict) and data.draw(st.integers(0, 4), 'take out') == 0:
                del node[step]
            else:
                node[step] = data.draw(junk, 'value')
            return
        node = node[step]
