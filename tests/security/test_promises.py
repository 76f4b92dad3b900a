"""Each promise of docs/security.md names a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs' / 'security.md').read_text()
PROMISES = re.findall(r'^\| (.+?) \| (`.+::.+`) \|$', PAGE, re.M)


@pytest.mark.parametrize(('promise', 'tests'), PROMISES, ids=[promise[:60] for promise, _ in PROMISES])
def test_each_promise_has_a_test_that_is_there(promise: str, tests: str) -> None:
    for test in tests.split(', '):
        file, _, name = test.strip('`').partition('::')
        tree = ast.parse((ROOT / 'tests' / file).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


def test_no_row_of_promises_is_without_one() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith('| ') and line != '| promise | held by |']
    assert len(rows) - 5 == len(PROMISES)  # what there is to lose: a head and four rows
    assert len(PROMISES) > 30


def test_security_md_leads_there() -> None:
    assert '(docs/security.md)' in (ROOT / 'SECURITY.md').read_text().split('\n\n')[1]
