"""Name patterns and label selectors of inventory rules."""

import pytest

from netbox_hedgehog.choices import InventoryRuleKindChoices
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.hedgehog.rules import (
    APPLIES_TO,
    RULE_KINDS,
    Conditions,
    PatternError,
    parse_names,
    parse_selector,
)


def test_kinds_are_those_that_a_person_can_choose():
    assert [value for value, _title in InventoryRuleKindChoices] == list(RULE_KINDS)
    assert set(RULE_KINDS) <= KIND_BY_NAME.keys()
    assert all(set(kinds) <= set(RULE_KINDS) for kinds in APPLIES_TO.values())


@pytest.mark.parametrize(('patterns', 'name', 'is_match'), [
    ('', 'leaf-1', True),
    ('  ', 'leaf-1', True),
    ('leaf-1', 'leaf-1', True),
    ('leaf-1', 'leaf-11', False),
    ('leaf-*', 'leaf-11', True),
    ('leaf-?', 'leaf-11', False),
    ('*', 'anything', True),
    ('leaf-[12]', 'leaf-2', True),
    ('leaf-[12]', 'leaf-3', False),
    ('leaf-[!12]', 'leaf-3', True),
    ('leaf-[1-4]', 'leaf-4', True),
    ('leaf-*, spine-*', 'spine-1', True),
    ('leaf-*,!leaf-9*', 'leaf-1', True),
    ('leaf-*,!leaf-9*', 'leaf-91', False),
    ('!leaf-9*', 'spine-1', True),
    ('!leaf-9*', 'leaf-9', False),
])
def test_names(patterns, name, is_match):
    assert Conditions(names=parse_names(patterns)).match('Switch', name, {}) is is_match


@pytest.mark.parametrize(('patterns', 'words'), [
    ('Leaf-*', 'enter leaf-* instead of Leaf-*'),
    ('leaf-*,', 'Remove a comma'),
    (',', 'Remove a comma'),
    ('leaf 1', 'not a valid name pattern'),
    ('leaf-[1', 'not a valid name pattern'),
    ('leaf-[]', 'not a valid name pattern'),
    ('!', 'not a valid name pattern'),
    ('a/b', 'not a valid name pattern'),
    ('^leaf$', 'not a valid name pattern'),
    ('leaf\n', None),
])
def test_invalid_names(patterns, words):
    if words is None:
        assert parse_names(patterns) == ('leaf',)
        return
    with pytest.raises(PatternError, match=words.replace('*', r'\*')):
        parse_names(patterns)


LABELS = {'env': 'prod', 'fabric.githedgehog.com/rack': 'a-1', 'empty': ''}


@pytest.mark.parametrize(('selector', 'is_match'), [
    ('', True),
    ('env=prod', True),
    ('env==prod', True),
    ('env = prod', True),
    ('env=stage', False),
    ('env!=stage', True),
    ('env!=prod', False),
    ('other!=prod', True),
    ('other=prod', False),
    ('env', True),
    ('other', False),
    ('!other', True),
    ('!env', False),
    ('! env', False),
    ('env in (prod, stage)', True),
    ('env in (stage)', False),
    ('env notin (stage,test)', True),
    ('env notin (prod)', False),
    ('other notin (prod)', True),
    ('empty=', True),
    ('env=', False),
    ('fabric.githedgehog.com/rack=a-1', True),
    ('env=prod,other', False),
    ('env in (prod,stage),!other, empty', True),
    ('in=in', False),
])
def test_label_selectors(selector, is_match):
    assert Conditions(labels=parse_selector(selector)).match('Switch', 'x', LABELS) is is_match


@pytest.mark.parametrize('selector', [
    'env=prod,', ',', 'env prod', 'env>1', 'env in prod', 'env in (prod', 'env=(prod)', '-env', 'a/b/c=1', '/env', '!',
    'env=pro d', 'x' * 64, 'env=' + 'x' * 64, '=', 'env=a=b', 'é=1', 'env in (a,(b))',
])
def test_invalid_label_selectors_have_a_sentence(selector):
    with pytest.raises(PatternError) as refusal:
        parse_selector(selector)
    assert str(refusal.value).endswith('.')


@pytest.mark.parametrize('labels', [None, [], 'env=prod', 7, {'env': None}, {'env': ['prod']}, {1: 2}])
def test_labels_of_any_shape_are_accepted(labels):
    assert not Conditions(labels=parse_selector('env=prod')).match('Switch', 'x', labels)
    assert Conditions(labels=parse_selector('!other')).match('Switch', 'x', labels)


def test_kinds():
    assert Conditions(frozenset(('VPC',))).match('VPC', 'x', {})
    assert not Conditions(frozenset(('VPC',))).match('Switch', 'x', {})
    assert Conditions().match('Switch', 'x', {})
