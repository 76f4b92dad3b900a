"""Fixtures for every test."""

import json
from pathlib import Path

import pytest

from .examples import LONG
from .plugin import SERVICES, Services

UNIT = Path(__file__).with_name('unit')


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark properties, and group what shares a module or a NetBox. Long properties are all that counts of tests/unit."""
    repeated = []
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
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


def group_of(item: pytest.Item) -> str:
    """Return which tests this one runs with, on one worker of pytest-xdist: those of its module or of its NetBox."""
    module = getattr(item, 'module', None)
    settings = getattr(module, 'SETTINGS', None)
    # pytest-xdist takes what follows the last @ for the group unless a ] follows as well.
    return str(item.path) if settings is None else f'NetBox with {json.dumps(settings, sort_keys=True)}'


@pytest.fixture(scope='session')
def django_db_setup() -> None:
    """The database is a fresh copy of the template already: nothing is created or migrated."""


@pytest.fixture(scope='session')
def services() -> Services:
    return SERVICES
