"""Each promise of docs/security.md and docs/reliability.md names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: (ROOT / 'docs' / f'{name}.md').read_text() for name in ('security', 'reliability')}
TABLE = re.compile(r'^\|.*\| held by \|\n\|[-|]+\|\n((?:\|.*\|\n)+)', re.M)
ROWS = [
    (name, *(cell.strip() for cell in re.fullmatch(r'\|(.+)\|([^|]+)\|', line).groups()))
    for name, page in PAGES.items() for table in TABLE.findall(page) for line in table.splitlines()
]


@pytest.mark.parametrize(('promise', 'tests'), [row[1:] for row in ROWS], ids=[f'{row[0]}: {row[1][:60]}' for row in ROWS])
def test_each_promise_has_a_test_that_is_there(promise: str, tests: str) -> None:
    for test in tests.split(', '):
        file, name = re.fullmatch(r'`([\w/]+\.py)::(\w+)`', test).groups()
        tree = ast.parse((ROOT / 'tests' / file).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


@pytest.mark.parametrize(('name', 'least'), [('security', 30), ('reliability', 35)])
def test_there_are_as_many_as_there_should_be(name: str, least: int) -> None:
    """A table that is spelled so that it is not found would hold nothing."""
    assert len([row for row in ROWS if row[0] == name]) == PAGES[name].count('.py::test_') - sum(
        row[2].count(', ') for row in ROWS if row[0] == name
    )
    assert len([row for row in ROWS if row[0] == name]) > least


def test_security_md_leads_there() -> None:
    assert '(docs/security.md)' in (ROOT / 'SECURITY.md').read_text().split('\n\n')[1]
