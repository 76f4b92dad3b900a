"""Upgrade, the way back, and what was lost, as docs/upgrade.md has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .deployment import IMAGE, PROJECT, SCHEDULER, WORKER, Deployment
from .engine import run
from .test_3_faults import GOES_ON, goes_on, last_sync, schedules

NEXT = f'{IMAGE}-next'

# A release that brings a migration.
MIGRATION = '''
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [('netbox_hedgehog', '{last}')]
    operations = [migrations.RunSQL('SELECT 1', 'SELECT 1')]
'''
DOCKERFILE = f'''
FROM {IMAGE}
USER 0
COPY 0999_of_the_next_release.py /migration.py
RUN cp /migration.py $(python -c "import netbox, os; print(os.path.dirname(os.path.dirname(netbox.__file__)))")/netbox_hedgehog/migrations/0999_of_the_next_release.py
USER 999:0
'''
NEWER = 'The database was migrated by a newer release (netbox_hedgehog.0999_of_the_next_release)'


@pytest.fixture(scope='module')
def next_release(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp('next')
    last = sorted((deployment.folder / 'netbox_hedgehog' / 'migrations').glob('0*.py'))[-1].stem
    (folder / 'Dockerfile').write_text(DOCKERFILE)
    (folder / '0999_of_the_next_release.py').write_text(MIGRATION.format(last=last))
    run('docker', 'build', '-t', NEXT, str(folder), timeout=300)
    yield NEXT
    run('docker', 'image', 'rm', '-f', NEXT)


@pytest.fixture(scope='module')
def backup(deployment: Deployment, fabric: int) -> Path:
    deployment.type('docker-compose exec -T postgres pg_dump -U netbox -Fc netbox >netbox.dump')
    return deployment.folder / 'netbox.dump'


def test_redis_lost(deployment: Deployment, fabric: int) -> None:
    """Its volume too: what should be scheduled follows from the database."""
    before = last_sync(deployment, fabric)
    wanted = schedules(deployment).keys()
    deployment.type('docker-compose rm -fs redis')
    run('docker', 'volume', 'rm', f'{PROJECT}_redis')
    deployment.type('docker-compose up -d')
    deployment.wait_until(lambda: schedules(deployment).keys() == wanted, 60, 'the schedules are there again')
    deployment.wait_until(deployment.all_healthy, 180, 'every service is healthy again')
    goes_on(deployment, fabric, before)


def test_workers_of_an_older_image_leave_a_newer_database_alone(
    deployment: Deployment, fabric: int, backup: Path, next_release: str,
) -> None:
    assert backup.stat().st_size > 100_000
    worker = deployment.one(WORKER)
    deployment.docker_compose('up', '-d', 'netbox', NETBOX_IMAGE=next_release)
    deployment.wait_until(lambda: deployment.healthy('netbox'), 240, 'the newer web server is healthy')
    assert deployment.sql("SELECT count(*) FROM django_migrations WHERE name = '0999_of_the_next_release'") == [['1']]

    # The old ones notice by themselves, end, and wait instead of working on.
    for service in (WORKER, SCHEDULER):
        deployment.wait_until(
            lambda service=service: NEWER in deployment.log(service), GOES_ON, f'{service} says what it waits for',
        )
        deployment.wait_until(lambda service=service: not deployment.healthy(service), 240, f'{service} is not healthy')
    assert deployment.one(WORKER).id == worker.id
    said = deployment.wait_until(
        lambda: (state := deployment.status())[0] == 2 and state[1], 60, 'status says that nobody is at work',
    )
    assert (said['workers'], said['schedulers']) == ([], [])
    assert said['problems'][0].startswith('No worker serves the queue')
    assert deployment.row(fabric)['sync_status']['value'] != 'syncing'


def test_workers_follow_the_web_server(deployment: Deployment, fabric: int, next_release: str) -> None:
    before = last_sync(deployment, fabric)
    deployment.up(NETBOX_IMAGE=next_release)
    images = {deployment.one(service).image for service in ('netbox', 'netbox-worker', WORKER, SCHEDULER)}
    assert images == {run('docker', 'image', 'inspect', next_release, '--format', '{{.Id}}').strip()}
    assert deployment.status()[0] == 0
    goes_on(deployment, fabric, before)


def test_an_older_image_refuses_and_a_backup_leads_back(deployment: Deployment, fabric: int, backup: Path) -> None:
    deployment.docker_compose('up', '-d', '--no-deps', 'netbox')
    deployment.wait_until(lambda: NEWER in deployment.log('netbox'), 120, 'the older web server says why it does not start')
    assert not deployment.healthy('netbox')

    before = last_sync(deployment, fabric)
    deployment.type(
        'docker-compose --profile watch stop netbox netbox-worker netbox-rq-worker-hedgehog netbox-rq-scheduler '
        'netbox-hedgehog-watcher',
    )
    deployment.type('docker-compose exec -T postgres dropdb -U netbox -f netbox')
    deployment.type('docker-compose exec -T postgres createdb -U netbox netbox')
    deployment.type('docker-compose exec -T postgres pg_restore -U netbox -d netbox --exit-on-error <netbox.dump')
    assert deployment.sql("SELECT count(*) FROM django_migrations WHERE name = '0999_of_the_next_release'") == [['0']]
    restored = last_sync(deployment, fabric)
    assert restored < before
    deployment.up()

    assert deployment.one('netbox').image == run('docker', 'image', 'inspect', IMAGE, '--format', '{{.Id}}').strip()
    deployment.wait_until(
        lambda: f'netbox_hedgehog-fabric-{fabric}' in schedules(deployment), 60, 'the schedule follows from the database',
    )
    # The token that was stored sealed can be read again: the fabric is.
    goes_on(deployment, fabric, restored)
