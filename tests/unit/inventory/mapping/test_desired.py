"""Fabrics and what is wanted of them, object by object.

UPDATE_EXPECTED=1 writes what is expected anew: read the difference before you commit it.
"""

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Options, Source

from ....support.mapping_rules import check
from ....support.rendering import OPTIONS, render
from ....support.resources import generated, load, small

EXPECTED = Path(__file__).parent / 'expected'


@pytest.mark.parametrize('fabric', OPTIONS)
def test_a_fabric_is_mapped_as_expected_object_by_object(fabric):
    found, expected = render(desired(load(fabric), OPTIONS[fabric])), EXPECTED / f'{fabric}.txt'
    if os.environ.get('UPDATE_EXPECTED'):
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize('fabric', OPTIONS)
def test_the_order_of_the_resources_does_not_matter(fabric):
    resources = load(fabric)
    as_given = desired(resources, OPTIONS[fabric])
    for seed in range(5):
        random.Random(seed).shuffle(resources)
        again = desired(resources, OPTIONS[fabric])
        assert list(again.objects.items()) == list(as_given.objects.items())
        assert again.issues == as_given.issues


def test_the_sample_fabric_has_no_problems():
    assert desired(load('sample'), OPTIONS['sample']).issues == []


@pytest.mark.parametrize('fabric', OPTIONS)
def test_netbox_can_hold_all_of_a_fabric_at_once(fabric):
    check(desired(load(fabric), OPTIONS[fabric]))


@pytest.mark.system
def test_a_large_fabric_is_carried_whole():
    resources = generated('--slim-agents')
    found = desired(resources, Options('dc-1', site=1))
    check(found)
    assert found.issues == []

    def count(kind: str) -> int:
        return sum(resource.kind == kind for resource in resources)

    assert len(list(found.of('dcim.device'))) == count('Switch') + count('Server')
    assert len(list(found.of('ipam.vlan'))) == count('VPC')
    links = [
        link for resource in resources if resource.kind == 'Connection' for said in resource.spec.values()
        for link in said.get('links', [said.get('link')]) if len(link) == 2
    ]
    assert len(list(found.of('dcim.cable'))) == len(links)
    tagged = sum(len(obj.managed_fields.get('tagged_vlans', ())) for obj in found.of('dcim.interface'))
    assert tagged > count('VPCAttachment')


def test_how_ports_signal_changes_no_object():
    """Locators, which expire by themselves, FEC and what happens to links that flap have no field in NetBox."""
    plain = small()
    leaf = next(resource for resource in plain if resource.source == Source('Switch', 'leaf-1'))
    profile = next(resource for resource in plain if resource.source == Source('SwitchProfile', leaf.spec['profile']))
    found = [
        *(resource for resource in plain if resource not in (leaf, profile)),
        replace(leaf, spec=leaf.spec | {
            'portLocators': {'E1/1': '2026-11-30T00:00:00Z'}, 'portFECs': {'E1/1': 'RS'}, 'linkFlapErrDisable': {'enable': True},
        }),
        replace(profile, spec=profile.spec | {'features': {'portLocator': True}}),
    ]
    options = Options('dc-1', site=1)
    assert desired(found, options).objects == desired(plain, options).objects
    assert desired(found, options).issues == desired(plain, options).issues
