"""The table of issues: each code has a sentence and an advice, is used, and is documented."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from netbox_hedgehog.issue_codes import Code
from netbox_hedgehog.issues import COUNTS, IN_NETBOX, INVALID, ISSUES, TAILS, Text, digest_of, render

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / 'netbox_hedgehog'
PAGE = ROOT / 'docs' / 'errors.md'
UPDATE = "UPDATE_ERRORS=1 make test ARGS='-n0 tests/unit/test_issues.py'"
SECTIONS = {'objects': IN_NETBOX, 'additions': TAILS, 'resources': INVALID}

# Stands for a number until the sentence is complete: %d takes no text.
NUMBER = 987654


class Gaps(dict[str, Any]):
    """Fills in every placeholder of a sentence with …."""

    def __missing__(self, name: str) -> Any:
        return NUMBER if name in COUNTS else '…'


def sentence_of(text: Text) -> str:
    return str(text.sentence % Gaps()).replace(str(NUMBER), '…')


def table(texts: dict[str, Text]) -> str:
    rows = ['| message | code | what to do |', '|---|---|---|']
    rows += [
        f'| {sentence_of(text)} | {f"`{code}`" if code in ISSUES else "–"} | {text.advice} |'
        for code, text in texts.items()
    ]
    return '\n'.join(rows)


def with_tables(page: str) -> str:
    for name, texts in SECTIONS.items():
        begin, end = f'<!-- issues: {name} -->\n', f'\n<!-- end of issues: {name} -->'
        before, rest = page.split(begin)
        page = f'{before}{begin}{table(texts)}{end}{rest.split(end)[1]}'
    return page


def test_the_documentation_has_the_table() -> None:
    page = PAGE.read_text()
    fresh = with_tables(page)
    if os.environ.get('UPDATE_ERRORS'):
        PAGE.write_text(fresh)
    else:
        assert page == fresh, f'docs/errors.md is outdated: {UPDATE}'


def test_contributing_says_how_the_table_is_written() -> None:
    assert UPDATE in (ROOT / 'CONTRIBUTING.md').read_text()


def test_each_code_has_a_sentence_and_each_sentence_a_code() -> None:
    assert set(ISSUES) == set(Code)
    assert not set(INVALID) & set(IN_NETBOX)


def test_each_code_is_used() -> None:
    used: set[str] = set()
    for path in PLUGIN.rglob('*.py'):
        if path.parent.name != 'issues' and path.name != 'issue_codes.py':
            used |= set(re.findall(r'\bCode\.([A-Z0-9_]+)\b', path.read_text()))
    # hedgehog/ imports nothing of the plugin: it names codes by their values.
    meaning = ''.join(path.read_text() for path in (PLUGIN / 'hedgehog').glob('*.py'))
    used |= {code.name for code in Code if f"'{code.value}'" in meaning}
    assert used == set(Code.__members__)


@pytest.mark.parametrize('code', [*ISSUES, *TAILS])
def test_a_sentence_is_one_and_has_an_advice(code: str) -> None:
    text = (ISSUES | TAILS)[code]
    assert sentence_of(text)[-1] in '.…'
    assert len(str(text.advice)) >= 15
    assert str(text.advice).endswith('.')


def test_a_code_fits_into_its_column() -> None:
    assert max(map(len, Code)) <= 50


def test_what_another_version_has_recorded_is_not_rendered() -> None:
    assert render('of-tomorrow', {}) == ''
    assert render(Code.MTU_INVALID, {}) == ''


def test_counts_do_not_identify() -> None:
    one, other = ({'scope': 'vpcs', 'count': count} for count in (1, 2))
    assert digest_of(Code.SCOPE_DISABLED, one) == digest_of(Code.SCOPE_DISABLED, other)
    assert digest_of(Code.SCOPE_DISABLED, one) != digest_of(Code.SCOPE_DISABLED, {**one, 'scope': 'devices'})
    assert digest_of(Code.SCOPE_DISABLED, one) != digest_of(Code.ASN_OUT_OF_RANGE, one)


def test_numbers_and_names_are_shown_as_netbox_has_them() -> None:
    about = {'model': 'dcim.device', 'name': 'leaf-1'}
    assert render(Code.FIELD_DIFFERS, {**about, 'field': 'serial'}) == (
        'Device leaf-1: serial number differs from the fabric.'
    )
    assert render(Code.OBJECT_DELETED, {**about, 'skipped': 1}).endswith(' 1 dependent object was skipped too.')
    assert render(Code.OBJECT_DELETED, {**about, 'skipped': 79}).endswith(' 79 dependent objects were skipped too.')
    placed = {**about, 'fields': ['name'], 'kind': 'Switch', 'resource': 'leaf-2'}
    assert render(Code.PLACE_NEEDED_TWICE, placed) == (
        'Device leaf-1 keeps its name: Switch leaf-2 of this fabric needs the same place.'
    )
    reasons = [{'code': 'depends-on-it', 'name': name} for name in 'abcd']
    assert render(Code.OBJECT_NOT_DELETABLE, {**about, 'reasons': reasons, 'kept': 0}) == (
        'Device leaf-1 cannot be deleted: a depends on it; b depends on it; c depends on it; and 1 more.'
    )
