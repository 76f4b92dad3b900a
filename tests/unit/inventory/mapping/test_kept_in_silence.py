"""What is excluded, or silent, takes nothing away: each resource of each topology in turn."""

from dataclasses import replace

import pytest

from netbox_hedgehog.hedgehog.rules import RULE_KINDS, Conditions
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.rules import Rule
from netbox_hedgehog.inventory.mapping.types import FABRIC, Options

from ....support.hardware import agent, optic, port
from ....support.resources import load, small

PLAIN = Options('dc-1', site=1)
OWNED = ('dcim.macaddress', 'dcim.modulebay')


def lost(before, after):
    """Return what a reconcile would delete or change of the objects that were wanted before."""
    with_issue = {issue.source for issue in after.issues}
    kept_sources = {*after.excluded, *after.undetermined, *with_issue}
    found = []
    for key, wanted in before.objects.items():
        if wanted.shared or wanted.source.kind == FABRIC:
            continue
        now = after.objects.get(key)
        if now is not None:
            found += [
                f'{key}.{name}: {value} -> {now.managed_fields[name]}' for name, value in wanted.managed_fields.items()
                if now.managed_fields.get(name, value) != value
            ]
        elif key not in after.kept and wanted.source not in kept_sources and wanted.model not in OWNED:
            found.append(f'{key} of {wanted.source} is deleted')
    return found


def new_issues(before, after):
    return [str(issue.code) for issue in after.issues if issue not in before.issues]


def topologies():
    leaf = agent('leaf-1', {'E1/1': optic('S1'), 'E1/2': {}}, {'E1/1': port('02:00:00:00:00:01')})
    yield 'small', [*small(), leaf, agent('spine-1', {'E1/1': optic('S9')})]
    for name in ('sample', 'every-member', 'l3vni', 'mesh', 'spine-leaf', 'newer-crds'):
        yield name, load(name)


@pytest.mark.parametrize(('name', 'resources'), list(topologies()), ids=[name for name, _ in topologies()])
def test_a_resource_that_a_rule_excludes(name, resources):
    before = desired(resources, PLAIN)
    for resource in resources:
        if resource.kind in RULE_KINDS:
            rule = Rule('r', Conditions(frozenset([resource.kind]), (resource.name,)), exclude=True)
            after = desired(resources, replace(PLAIN, rules=(rule,)))
            assert lost(before, after) == [], resource.source
            assert new_issues(before, after) == [], resource.source


@pytest.mark.parametrize('kind', RULE_KINDS)
@pytest.mark.parametrize(('name', 'resources'), list(topologies()), ids=[name for name, _ in topologies()])
def test_a_kind_that_a_rule_excludes(name, resources, kind):
    before = desired(resources, PLAIN)
    rule = Rule('r', Conditions(frozenset([kind])), exclude=True)
    after = desired(resources, replace(PLAIN, rules=(rule,)))
    assert lost(before, after) == []
    assert new_issues(before, after) == []


@pytest.mark.parametrize('gone', ['Agent', 'Catalog'])
@pytest.mark.parametrize(('name', 'resources'), list(topologies()), ids=[name for name, _ in topologies()])
def test_what_the_controller_wrote_is_silent(name, resources, gone):
    before = desired(resources, PLAIN)
    for resource in resources:
        if resource.kind == gone:
            after = desired([other for other in resources if other is not resource], PLAIN)
            assert lost(before, after) == [], resource.source
