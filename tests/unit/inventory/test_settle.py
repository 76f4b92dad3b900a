"""A run of the inventory: what it writes, and that it writes nothing more."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from netbox_hedgehog.inventory.settle import settle

from .mirror import fabric_of

pytestmark = pytest.mark.django_db


def writes(queries: CaptureQueriesContext) -> list[str]:
    """The statements that write, but for the fabric's own bookkeeping."""
    return [
        query['sql'][:150] for query in queries.captured_queries
        if query['sql'].lstrip().split()[0] in ('INSERT', 'UPDATE', 'DELETE')
        and not query['sql'].startswith('UPDATE "netbox_hedgehog_fabric"')
        and 'SET "last_seen"' not in query['sql']
    ]


@pytest.mark.parametrize('name', ['small', 'sample', 'every-member'])
def test_the_second_run_writes_nothing(name):
    fabric = fabric_of(name)
    assert settle(fabric).changes
    with CaptureQueriesContext(connection) as queries:
        again = settle(fabric)
    assert again.changes == 0
    assert writes(queries) == []
