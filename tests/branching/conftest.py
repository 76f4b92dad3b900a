"""One database for all tests in here: what they commit stays, and each module has a fabric and a branch of its own."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope='session', autouse=True)
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope='session')
def user(database: None) -> Any:
    from users.models import User

    return User.objects.create_superuser('person')


@pytest.fixture(scope='module')
def fabric(database: None) -> Iterator[Any]:
    """A fabric with credentials and a schedule, whose inventory is in NetBox, but for a discrepancy."""
    from .world import new_fabric

    fabric = new_fabric()
    yield fabric
    type(fabric).objects.filter(pk=fabric.pk).delete()


@pytest.fixture(scope='module')
def branch(user: Any, fabric: Any) -> Iterator[Any]:
    """A branch that has all that the fabric has in NetBox."""
    from .world import new_branch

    branch = new_branch(user)
    yield branch
    branch.refresh_from_db()
    branch.delete()
