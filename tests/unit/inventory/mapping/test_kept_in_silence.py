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
    out = []
    for key, obj in before.objects.items():
        if obj.shared or obj.source.kind == FABRIC:
            continue
        now = after.objects.get(key)
        src = obj.source
        if now is None:
            kept = key in after.kept or src in after.excluded or src in after.undetermined or any(i.source == src for i in after.issues)
            if not kept and obj.model not in OWNED:
                out.append(f'gone {key} of {src}')
        else:
            for name, value in obj.managed_fields.items():
                if name in now.managed_fields and now.managed_fields[name] != value:
                    out.append(f'{key}.{name}: {value} -> {now.managed_fields[name]}')
    return out


def topologies():
    hard = [*small(), agent('leaf-1', {'E1/1': optic('S1'), 'E1/2': {}}, {'E1/1': port('02:00:00:00:00:01')}),
            agent('spine-1', {'E1/1': optic('S9')})]
    yield 'hard', hard
    for name in ('sample', 'every-member', 'l3vni', 'mesh', 'spine-leaf', 'newer-crds'):
        yield name, load(name)


@pytest.mark.parametrize(('name', 'resources'), list(topologies()), ids=[n for n, _ in topologies()])
def test_excluded(name, resources):
    before = desired(resources, PLAIN)
    found = {}
    for res in resources:
        if res.kind not in RULE_KINDS:
            continue
        rule = Rule('r', Conditions(frozenset([res.kind]), (res.name,)), exclude=True)
        after = desired(resources, replace(PLAIN, rules=(rule,)))
        if out := lost(before, after):
            found[res.source] = out
        new = [str(i.code) for i in after.issues if i not in before.issues]
        if new:
            found.setdefault(res.source, []).append(f'issues {new}')
    assert not found


@pytest.mark.parametrize('gone', ['Agent', 'Catalog'])
@pytest.mark.parametrize(('name', 'resources'), list(topologies()), ids=[n for n, _ in topologies()])
def test_silent(name, resources, gone):
    if gone == 'Catalog' and name in ('every-member', 'mesh'):
        pytest.xfail('VLANs of ports go with a Catalog that is missing as a whole')
    before = desired(resources, PLAIN)
    found = {}
    for res in resources:
        if res.kind != gone:
            continue
        after = desired([r for r in resources if r is not res], PLAIN)
        if out := lost(before, after):
            found[res.source] = out
    assert not found


@pytest.mark.parametrize(('name', 'resources'), list(topologies()), ids=[n for n, _ in topologies()])
def test_kind(name, resources):
    """A whole kind that a rule excludes, and a rule of no kinds."""
    before = desired(resources, PLAIN)
    found = {}
    for kind in RULE_KINDS:
        rule = Rule('r', Conditions(frozenset([kind])), exclude=True)
        after = desired(resources, replace(PLAIN, rules=(rule,)))
        if out := lost(before, after):
            found[kind] = out
        new = [str(i.code) for i in after.issues if i not in before.issues]
        if new:
            found.setdefault(kind, []).append(f'issues {new}')
    assert not found
