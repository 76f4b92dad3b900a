"""What `make fuzz` searches, in short and the same each time; and what it has found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .blind import changed
from .targets import TARGETS, kubeconfig, seeds

# Calls of each target: those that go through a whole fabric take longer.
EXAMPLES = {'mapping': 25, 'shown': 25}


@pytest.mark.parametrize('name', TARGETS)
def test_where_the_search_begins(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)


@pytest.mark.parametrize('name', TARGETS)
def test_whatever_the_bytes(name: str) -> None:
    settings(max_examples=EXAMPLES.get(name, 200))(given(changed(name))(TARGETS[name]))()


@pytest.mark.parametrize('value', ['!!bool x', '!!int', '!!float _', '!!timestamp x', '1:' * 300 + '1.0'])
def test_values_that_pyyaml_cannot_make_are_a_sentence(value: str) -> None:
    kubeconfig(f'current-context: {value}\n'.encode())


@given(st.binary(max_size=40))
def test_any_bytes_are_no_kubeconfig(data: bytes) -> None:
    kubeconfig(data)
