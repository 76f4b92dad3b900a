"""How long every page takes where NetBox holds 200 fabrics and 100,000 resources, against the same page with few.

The pages come from the URL maps (tests/support/every_page.py): lists, objects, tabs, diagrams, API, GraphQL, metrics.
"""

import time
from typing import Any

from .population import Population
from .world import Result

# Fabrics: what is compared with has as many resources in each.
FEW = 2

# Seconds in which a page should be there.
GOAL = 1.0

# Not what somebody waits for at each click, and bounded by what is asked for rather than by what else there is:
# planning and drawing a fabric, acting upon many at once, and the ids of all that 100 fabrics have in one answer.
LONG = ('dry_run', 'inventory_', 'topology', 'diagram', 'bulk', 'graphql fabric_list')


def results(fabrics: int, resources: int, rounds: int) -> list[Result]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from netbox_hedgehog.models import FabricResource

    client, population = Client(), Population()
    client.force_login(get_user_model().objects.create_superuser('pages'))
    each = -(-resources // fabrics)
    population.grow(FEW, each)
    few = _measured(client, population, rounds)
    started = time.monotonic()
    population.grow(fabrics, each)
    _analyze()
    loaded = time.monotonic() - started
    many = _measured(client, population, rounds)
    held = FabricResource.objects.count()
    lines = [Result(f'{len(population.fabrics)} fabrics and {held} resources, loaded', f'{loaded:.0f} s')]
    for name, (statements, seconds) in many.items():
        before, small = few[name]
        slow = any(word in name for word in LONG)
        lines.append(Result(
            name, f'{statements} statements, {1000 * seconds:.0f} ms; with few {before}, {1000 * small:.0f} ms: '
            f'{seconds / small:.1f} times as long',
            'no more statements' + ('' if slow else f', {GOAL:.0f} s'),
            statements <= before and (slow or seconds < GOAL),
        ))
    slowest = max((seconds, name) for name, (_, seconds) in many.items())
    lines.append(Result('the slowest', f'{slowest[1]}: {1000 * slowest[0]:.0f} ms'))
    return lines


def _measured(client: Any, population: Population, rounds: int) -> dict[str, tuple[int, float]]:
    """Of each page the number of its SQL statements, and its seconds."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from tests.support.every_page import pages

    found = {}
    for page in pages(population.fabrics[0], population.fabrics):
        times = []
        for _ in range(rounds):
            with transaction.atomic():
                with CaptureQueriesContext(connection) as statements:
                    start = time.perf_counter()
                    answer = page.ask(client)
                    times.append(time.perf_counter() - start)
                transaction.set_rollback(True)
            if page.name != 'metrics' and answer.status_code >= 400 and answer.status_code != page.status:
                raise RuntimeError(f'{page.name}: {answer.status_code} {answer.content[:300]!r}')
        found[page.name] = len(statements), min(times)
    return found


def _analyze() -> None:
    """As autovacuum would by and by: a planner that still believes in small tables chooses badly."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute('ANALYZE')
