"""Fabrics and what is wanted of them, object by object."""

import random
from pathlib import Path

import pytest

from netbox_hedgehog.inventory.desired import desired

from .fabrics import load
from .rendering import OPTIONS, render

EXPECTED = Path(__file__).parent / 'expected'


@pytest.mark.parametrize('fabric', OPTIONS)
def test_a_fabric_is_mapped_as_expected_object_by_object(fabric):
    assert render(desired(load(fabric), OPTIONS[fabric])) == (EXPECTED / f'{fabric}.txt').read_text()


@pytest.mark.parametrize('fabric', OPTIONS)
def test_the_order_of_the_resources_does_not_matter(fabric):
    resources = load(fabric)
    as_given = desired(resources, OPTIONS[fabric])
    for seed in range(5):
        random.Random(seed).shuffle(resources)
        again = desired(resources, OPTIONS[fabric])
        assert list(again.wants.items()) == list(as_given.wants.items())
        assert again.problems == as_given.problems


def test_the_sample_fabric_has_no_problems():
    assert desired(load('sample'), OPTIONS['sample']).problems == []
