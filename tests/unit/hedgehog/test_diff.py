"""Two versions of a resource, field by field."""

import json

from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.diff import differences


def told(before, after):
    return [
        (change.name, None if change.added else change.before, None if change.removed else change.after)
        for change in differences(before, after)
    ]


def test_fields() -> None:
    assert told({'spec': {'asn': 1, 'role': 'spine'}}, {'spec': {'asn': 2, 'role': 'spine', 'ip': 'x'}}) == [
        ('spec.asn', 1, 2), ('spec.ip', None, 'x'),
    ]
    assert told({'a': {'b': 1}}, {'a': {}}) == [('a.b', 1, None)]


def test_lists() -> None:
    assert told({'groups': ['a']}, {'groups': ['a', 'b']}) == [('groups', ['a'], ['a', 'b'])]
    links = [{'port': 'E1/1'}, {'port': 'E1/2'}]
    assert told({'links': links}, {'links': [links[0], {'port': 'E1/3'}, {'port': 'E1/4'}]}) == [
        ('links.1.port', 'E1/2', 'E1/3'), ('links.2', None, {'port': 'E1/4'}),
    ]


def test_keys_with_dots_can_be_told() -> None:
    assert told({'labels': {'a.b/c': '1'}}, {'labels': {'a.b/c': '2'}}) == [('labels[a.b/c]', '1', '2')]


def test_null_true_and_one_are_three_things() -> None:
    assert differences({'a': None}, {})[0].removed
    assert told({'a': True}, {'a': 1}) == [('a', True, 1)]


def test_limit() -> None:
    assert len(differences({str(number): 1 for number in range(500)}, {}, limit=20)) == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=12,
)


@given(JSON, JSON)
def test_whatever_stands_there(before, after) -> None:
    assert differences(before, before) == []
    assert bool(differences(before, after)) == (
        json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    )
