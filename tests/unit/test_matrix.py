"""The rows of `make matrix`: every pair of versions is met, and docs/compatibility.md and README say what was run."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from netbox_hedgehog import HedgehogPluginConfig
from tests.matrix.__main__ import MARK, PAGE, replaced
from tests.matrix.rows import BASE, BRANCHING_TESTS, ROWS, TESTS

ROOT = Path(__file__).resolve().parents[2]
FACTORS = ('netbox', 'python', 'postgres', 'store')
# What lies between them is met once.
EXTREMES = (HedgehogPluginConfig.min_version, BASE.netbox)


@pytest.mark.parametrize(('one', 'other'), list(combinations(FACTORS, 2)))
def test_every_pair_is_met(one: str, other: str) -> None:
    met = {(getattr(row, one), getattr(row, other)) for row in (BASE, *ROWS) if row.netbox in EXTREMES}
    assert met == {(a, b) for a in {pair[0] for pair in met} for b in {pair[1] for pair in met}}
    assert len(met) == 4


def test_the_short_row_meets_the_other_netbox_python_and_store() -> None:
    for factor in ('netbox', 'python', 'store'):
        rows = [row for row in (BASE, *ROWS) if row.netbox in EXTREMES]
        assert {getattr(row, factor) for row in rows} == {
            getattr(row, factor) for row in rows if row is BASE or row.short
        }


def test_the_oldest_netbox_that_the_plugin_claims_is_among_them() -> None:
    assert {row.netbox for row in ROWS} >= set(EXTREMES)
    assert f'netbox=={BASE.netbox}\n' in (ROOT / 'constraints.txt').read_text()
    for netbox in {row.netbox for row in ROWS} - {BASE.netbox}:
        assert f'netbox=={netbox}\n' in (ROOT / 'tests' / 'matrix' / f'netbox-{netbox}.txt').read_text()


def test_its_tests_are_there() -> None:
    assert all((ROOT / name).exists() for name in (*TESTS, *BRANCHING_TESTS[1:]))


def test_the_other_versions_take_the_place_of_the_pinned_ones() -> None:
    assert replaced('# Run\nDjango==6\nrq==2\n', '# Old\ndjango==5\nextra==1\n') == '# Run\ndjango==5\nrq==2\nextra==1\n'


def test_a_row_knows_what_it_was_run_on() -> None:
    row = BASE
    assert row.is_what('NetBox 4.7.3, Python 3.13.0, PostgreSQL 15.18, Valkey 9.1.2')
    for said in (
        '', 'NetBox 4.7.2, Python 3.13.0, PostgreSQL 15.18, Valkey 9.1.2', 'NetBox 4.7.3, Python 3.1, PostgreSQL 15.18, Valkey 9.1.2',
        'NetBox 4.7.3, Python 3.13.0, PostgreSQL 15.18, Redis 7.0.15', 'NetBox 4.7.3, Python 3.13.0, PostgreSQL 18.4, Valkey 9.1.2',
    ):
        assert not row.is_what(said), said
    assert replace(row, rq='3.0.0').is_what('NetBox 4.7.3, Python 3.13.0, PostgreSQL 15.18, Valkey 9.1.2, RQ 3.0.0')
    assert not replace(row, rq='3.0.0').is_what('NetBox 4.7.3, Python 3.13.0, PostgreSQL 15.18, Valkey 9.1.2')
    beside = replace(row, branching='1.2.2')
    assert beside.is_what('NetBox 4.7.3, Python 3.13.0, PostgreSQL 15.18, Valkey 9.1.2, Branching 1.2.2')
    assert not beside.is_what('NetBox 4.7.3, Python 3.13.0, PostgreSQL 15.18, Valkey 9.1.2')


def test_the_page_has_what_the_rows_said_and_none_that_failed() -> None:
    page = PAGE.read_text().partition(MARK)[2]
    rows = re.findall(r'^\| ([\d.]+) \| [\d.]+ \| [\d.]+ \| (\w+)(?: [\d.]+)? \| (–|Branching [\d.]+|RQ [\d.]+) \| [\d-]* \| (.+) \|$', page, re.M)
    assert [(netbox, store.lower(), beside) for netbox, store, beside, _ in rows] == [
        (row.netbox, row.store, row.beside or '–') for row in ROWS
    ]
    for row in rows:
        assert ' passed' in row[3] or row[3].startswith('not run'), row
        assert 'FAILED' not in row[3], row
    assert {row[0] for row in rows if 'passed' in row[3]} >= {HedgehogPluginConfig.min_version}
