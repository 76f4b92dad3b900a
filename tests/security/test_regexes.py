"""No regular expression of the plugin can be made slow by what it is applied to."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from re import _constants as constants
from re import _parser as parser
from typing import Any

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / 'netbox_hedgehog'
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)


def patterns() -> Iterator[tuple[str, str]]:
    """Every pattern that is written down in the plugin: where, and what."""
    for path in sorted(PLUGIN.rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            by_re = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == 're'
            named = isinstance(called, ast.Name) and called.id == 'RegexValidator'
            if (by_re or named) and called and getattr(called, 'attr', '') != 'escape':
                first = node.args[0] if node.args else node.keywords[0].value
                assert isinstance(first, ast.Constant), f'{path.name}:{node.lineno}: a pattern that is not written down'
                yield f'{path.name}:{node.lineno}', first.value


def ambiguous(parsed: Any, inside: bool = False) -> bool:
    """Whether something of any length is repeated any number of times, so that one text can be read in many ways."""
    for op, argument in parsed:
        if op in REPEATS:
            unbounded = argument[1] is constants.MAXREPEAT or argument[1] > 64
            below = inside or (unbounded and not separated(argument[2]))
            if (unbounded and inside) or ambiguous(argument[2], below):
                return True
        elif op is constants.SUBPATTERN:
            if ambiguous(argument[3], inside):
                return True
        elif op is constants.BRANCH:
            if any(ambiguous(branch, inside) for branch in argument[1]):
                return True
        elif op in (constants.ASSERT, constants.ASSERT_NOT) and ambiguous(argument[1], inside):
            return True
    return False


def separated(parsed: Any) -> bool:
    """Whether what is repeated begins with a character that nothing in it repeats: then it can be read in one way."""
    op, character = parsed[0]
    sets = [argument[2] for inner, argument in list(parsed)[1:] if inner in REPEATS]
    return op is constants.LITERAL and all(
        len(only) == 1 and only[0][0] is constants.IN and not any(
            (what is constants.RANGE and low_high[0] <= character <= low_high[1])
            or (what is constants.LITERAL and low_high == character)
            or what not in (constants.RANGE, constants.LITERAL)
            for what, low_high in only[0][1]
        ) for only in sets
    )


@pytest.mark.parametrize(('where', 'pattern'), list(patterns()))
def test_none_can_be_made_slow(where: str, pattern: str) -> None:
    assert not ambiguous(parser.parse(pattern)), where


def test_those_that_can_are_found() -> None:
    assert all(ambiguous(parser.parse(bad)) for bad in ('(a+)+$', '[a-z-]+(?:-[a-z-]+)*', '(?:a|b*)*c', r'(\w+\s?)*!'))
    assert not any(ambiguous(parser.parse(good)) for good in ('a+b+', '[a-z]+(?:-[a-z]+)*', r'(?:\\\\)*x', '[a-z](?:[-a-z]{0,61}[a-z])?'))
    assert len(list(patterns())) > 3
    assert re.search('a', 'a')
