"""Fixtures for every test."""

from pathlib import Path

import pytest

from .plugin import SERVICES, Services
from .support.examples import LONG

UNIT = Path(__file__).with_name('unit')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark properties. Where they are tried in their long form, they are all that counts of tests/unit."""
    repeated = []
    for item in items:
        if is_property(item):
            item.add_marker('property')
        elif LONG and UNIT in item.path.parents:
            repeated.append(item)
    if repeated:
        config.hook.pytest_deselected(items=repeated)
        items[:] = [item for item in items if item not in set(repeated)]


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
    figures = [found['histories'] for found in properties if 'histories' in found]
    if figures:
        histories, steps, events, violations = (sum(column) for column in zip(*figures, strict=True))
        terminalreporter.section('histories of the inventory')
        terminalreporter.write_line(
            f'{histories} histories, {steps} steps, {events} changes and edits, {violations} violations',
        )
