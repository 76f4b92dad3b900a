"""Fixtures for every test."""

import gc
from collections import Counter
from pathlib import Path

import pytest

from .plugin import SERVICES, Services
from .support.examples import LONG

UNIT = Path(__file__).with_name('unit')
E2E = Path(__file__).with_name('e2e')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark properties, and leave out what is the other command's.

    In their long form, properties and what is marked `system` are all that counts of tests/unit. `make test` leaves out
    what is marked `system`, unless it is asked for by path.
    """
    whole = list(config.args) == config.getini('testpaths')
    others = []
    for item in items:
        if is_property(item):
            item.add_marker('property')
            continue
        of_system = item.get_closest_marker('system') is not None
        of_others = whole and of_system
        if LONG:
            of_others = UNIT in item.path.parents and not of_system
        if of_others:
            others.append(item)
    if others:
        config.hook.pytest_deselected(items=others)
    left = set(items).difference(others)
    # What waits for processes begins first: the others run meanwhile. sort() keeps all other order.
    items[:] = sorted((item for item in items if item in left), key=lambda item: E2E not in item.path.parents)


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what stays to the end: NetBox, its models and the tests."""
    gc.collect()
    gc.freeze()


def is_property(item: pytest.Item) -> bool:
    """Return whether a test tries many examples in its long form: those of Hypothesis, and those that say so."""
    drawn = getattr(getattr(item, 'obj', None), 'is_hypothesis_test', False)
    return drawn or item.get_closest_marker('property') is not None


@pytest.fixture(scope='session')
def django_db_setup() -> None:
    """The database is a fresh copy of the template already: nothing is created or migrated."""


@pytest.fixture(scope='session')
def services() -> Services:
    return SERVICES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the histories of the inventory came to, whichever workers have played them."""
    properties = [
        dict(report.user_properties) for reports in terminalreporter.stats.values() for report in reports
        if getattr(report, 'when', '') == 'call'
    ]
    short = Counter()
    for found in properties:
        short.update(found.get('fast_path', {}))
    if short:
        terminalreporter.section('short inventory syncs')
        terminalreporter.write_line(', '.join(f'{name}: {count}' for name, count in sorted(short.items())))
    figures = [found['histories'] for found in properties if 'histories' in found]
    if figures:
        histories, steps, events, violations = (sum(column) for column in zip(*figures, strict=True))
        terminalreporter.section('histories of the inventory')
        terminalreporter.write_line(
            f'{histories} histories, {steps} steps, {events} changes and edits, {violations} violations',
        )
