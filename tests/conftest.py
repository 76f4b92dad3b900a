"""Fixtures for every test."""

import pytest

from .plugin import SERVICES, Services


@pytest.fixture(scope='session')
def django_db_setup() -> None:
    """The database is a fresh copy of the template already: nothing is created or migrated."""


@pytest.fixture(scope='session')
def services() -> Services:
    return SERVICES
