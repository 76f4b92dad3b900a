"""NetBox's test cases compare query counts with a file; ours stands beside the tests, not in the package."""

from pathlib import Path

import pytest
from utilities.testing import query_counts

query_counts._baseline_path = lambda app_label: Path(__file__).with_name('query_counts.json')


@pytest.fixture(autouse=True)
def _empty_redis(request: pytest.FixtureRequest) -> None:
    """Each test finds no queue, no schedule, no worker and no scheduler: the tests' Valkey is a private one."""
    from netbox_hedgehog.jobs.queue import connection

    connection().flushdb()
