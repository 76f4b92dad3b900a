"""Every page asks the database as often as is recorded in query_counts.json, however much there is to show.

UPDATE_QUERY_COUNTS=1 records anew. The pages come from the URL maps, so that none is forgotten: see pages.py.
"""

import json
import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from core.models import ObjectType
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from users.models import ObjectPermission
from utilities.testing import TestCase
from utilities.testing.query_counts import _is_update_mode, assert_expected_query_count

from benchmarks.population import Population
from netbox_hedgehog import tables
from netbox_hedgehog.jobs.queue import connection as redis
from netbox_hedgehog.models import Fabric

from ...support.every_page import pages
from ...support.pages import all_alive

RECORDED = Path(__file__).with_name('query_counts.json')
APPS = ('netbox_hedgehog', 'core', 'dcim', 'extras', 'ipam', 'tenancy', 'vpn')

# Fabrics, and resources of each.
FEW, MANY = (2, 80), (5, 250)


def shapes(queries):
    """How often each statement was made, without its values."""
    return Counter(re.sub(r"'[^']*'|_\w*\d+|\b\d+\b", '?', query['sql']) for query in queries)


@pytest.mark.system
class EveryPageTestCase(TestCase):
    model = Fabric
    query_count_model_label = 'page'

    def setUp(self):
        super().setUp()
        permission = ObjectPermission.objects.create(
            name='everything', actions=['view', 'add', 'change', 'delete', 'sync', 'resolve'],
        )
        permission.users.add(self.user)
        permission.object_types.add(*ObjectType.objects.filter(app_label__in=APPS))
        for name in (name for name in vars(tables) if name.endswith('Table')):
            # Whatever somebody chooses to see.
            columns = list(getattr(tables, name).base_columns)
            self.user.config.set(f'tables.{name}.columns', columns, commit=True)

    def ask(self, page, *watching):
        """Ask once, under the eyes of what watches; whatever the page writes is taken back."""
        redis().flushdb()
        all_alive()
        with transaction.atomic(), ExitStack() as stack:
            for each in watching:
                stack.enter_context(each)
            response = page.ask(self.client)
            stack.close()
            transaction.set_rollback(True)
        if page.name != 'metrics':
            self.assertEqual(response.status_code, page.status, f'{page.name}: {response.content[:500]}')
        if page.name.startswith('graphql'):
            self.assertNotIn('errors', response.json(), page.name)

    def test_statements_are_as_recorded_and_do_not_grow(self):
        population = Population()
        population.grow(*FEW)
        fabric, few = population.fabrics[0], {}
        for page in pages(fabric, population.fabrics):
            self.ask(page)  # what is looked up once in a process' life is no part of a page
            few[page.name] = CaptureQueriesContext(connection)
            self.ask(page, few[page.name])
        population.grow(*MANY)
        for page in pages(fabric, population.fabrics):
            many = CaptureQueriesContext(connection)
            with self.subTest(page=page.name):
                self.ask(page, assert_expected_query_count(self, page.name), many)
            with self.subTest(page=page.name):
                before, after = shapes(few[page.name]), shapes(many)
                self.assertLessEqual(after.total(), before.total(), '\n'.join([
                    f'{page.name} asks more often where there is more to show:',
                    *(f'{count} x {sql[:600]}' for sql, count in (after - before).items()),
                ]))
        recorded = {
            name.removeprefix('page:') for name in json.loads(RECORDED.read_text()) if name.startswith('page:')
        }
        if not _is_update_mode():
            self.assertEqual(recorded, few.keys(), 'recorded, and not in the URL maps any more')
