"""Two releases at once, as in the middle of an upgrade: one database and one Redis, old processes beside new ones."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kubernetes_api import KubernetesAPI

from .stack import PATIENCE, QUICK, ROOT, Stack, overlaps, skipped

SETTINGS = QUICK

# Seconds: four processes of NetBox start, and two end, on a machine that may have much else to do.
SOON = 2 * PATIENCE

MIGRATION = '0999_of_the_next_release'
NEWER = f'The database was migrated by a newer release (netbox_hedgehog.{MIGRATION})'

TEXT = '''
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [('netbox_hedgehog', '{last}')]
    operations = [migrations.RunSQL('SELECT 1', 'SELECT 1')]
'''


@pytest.fixture
def next_release(stack: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a release that brings a migration: the same code, otherwise."""
    package = tmp_path / 'next' / 'netbox_hedgehog'
    shutil.copytree(ROOT / 'netbox_hedgehog', package, ignore=shutil.ignore_patterns('__pycache__'))
    last = sorted((package / 'migrations').glob('0*.py'))[-1].stem
    (package / 'migrations' / f'{MIGRATION}.py').write_text(TEXT.format(last=last))
    yield {'PYTHONPATH': os.pathsep.join((str(package.parent), str(ROOT)))}
    stack.sql('DELETE FROM django_migrations WHERE name = %s', MIGRATION)


def test_the_older_one_ends_and_the_newer_one_goes_on(
    stack: Stack, api: KubernetesAPI, next_release: dict[str, str],
) -> None:
    old = [stack.worker(), stack.scheduler(), stack.process('watcher', 'hedgehog_sync', 'watch')]
    fabric = stack.fabric('upgraded', api, watch_enabled=True)
    stack.runs(fabric, 1, SOON)
    stack.wait_until(lambda: stack.redis.exists(f'netbox_hedgehog:watch:{fabric}'), SOON, 'the fabric is watched')
    ready = stack.run('hedgehog_sync', 'ready', **next_release)
    assert (ready.returncode, 'lacks migrations' in ready.stdout) == (2, True), ready.stdout + ready.stderr

    # Both releases are at work while the database is migrated, in the middle of a run.
    new = [stack.process('worker', 'rqworker', stack.queue, **next_release)]
    new.append(stack.process('scheduler', 'rqscheduler', **next_release))
    stack.wait_until(lambda: len(stack.redis.smembers('rq:workers')) == 2, SOON, 'the newer worker is there')
    stack.wait_until(lambda: len(stack.redis.keys('rq:scheduler_instance:*')) == 2, SOON, 'the newer scheduler too')
    api.faults.delay(0.1, times=None)
    stack.make_due(fabric)
    stack.wait_until(lambda: stack.jobs(fabric, 'running'), SOON, 'the fabric is being read')
    stack.sql("INSERT INTO django_migrations (app, name, applied) VALUES ('netbox_hedgehog', %s, now())", MIGRATION)

    for process in old:
        stack.wait_until(lambda process=process: process.ended, SOON, f'{process.name} has ended')
        assert NEWER in process.log.read_text()
    assert not stack.redis.exists(f'netbox_hedgehog:watch:{fabric}'), 'another watcher may take it at once'
    at_the_end = stack.sql('SELECT now() AS now')[0]['now']
    stack.wait_until(lambda: stack.due(fabric), SOON, 'the schedule stands')
    api.faults.clear()
    api.patch('Server', 'server-01', {'spec': {'description': 'after the upgrade'}})
    stack.make_due(fabric)
    stack.wait_until(
        lambda: (stack.row(fabric)['last_sync'] or at_the_end) > at_the_end, SOON, 'the newer worker has read it',
    )

    for process in new:
        process.check()
    assert not [job for job in stack.jobs(fabric) if job['status'] not in ('completed', 'running', 'pending')]
    assert not overlaps([job for job in stack.jobs(fabric, 'completed') if not skipped(job)])
    assert {row['name']: row for row in stack.resources(fabric) if row['kind'] == 'Server'}['server-01']['spec'] == {
        **api.get('Server', 'server-01')['spec'],
    }
    assert all(row['missing_since'] is None for row in stack.resources(fabric))

    # Whoever starts the older one again is told, and nothing of the newer one's is touched.
    refused = stack.run('hedgehog_sync', 'ready')
    assert (refused.returncode, NEWER in refused.stdout) == (2, True), refused.stdout + refused.stderr
    assert stack.due(fabric)
