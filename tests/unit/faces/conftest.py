"""NetBox's test cases compare query counts with a file; ours stands beside the tests, not in the package."""

from pathlib import Path

import pytest
from django.test import TestCase
from utilities.testing import query_counts

query_counts._baseline_path = lambda app_label: Path(__file__).with_name('query_counts.json')


@pytest.fixture(autouse=True)
def _empty_redis(request: pytest.FixtureRequest) -> None:
    """Each test finds no queue, no schedule, no worker and no scheduler: the tests' Valkey is a private one."""
    from netbox_hedgehog.jobs.queue import connection

    connection().flushdb()


@pytest.fixture(autouse=True)
def _known_content_types(request: pytest.FixtureRequest) -> None:
    """Each test case finds all content types in Django's cache: what ran before it changes no count of queries."""
    from django.apps import apps
    from django.contrib.contenttypes.models import ContentType

    if request.cls is not None and issubclass(request.cls, TestCase):
        ContentType.objects.get_for_models(*apps.get_models(), for_concrete_models=False)
