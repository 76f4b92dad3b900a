"""From a clone to a deployment in which every part is alive."""

import os
import re
import stat
import time

from .conftest import Figures
from .deployment import IMAGE, SCHEDULER, SERVICES, WORKER, Deployment
from .engine import run

# For work on these tests: a dump of a migrated database to begin with, instead of six minutes of migrations.
DUMP = os.environ.get('COMPOSE_TEST_DUMP', '')

# Seconds until everything is healthy, the database migrated from nothing: CI's machine has two slow cores.
FROM_EMPTY = 1800

# docker-compose joins names by underscores, Compose v2 by dashes.
PS_NAME = r'hedgehog-compose-test[_-]'


def test_secrets_are_made_once_and_are_the_owners_alone(deployment: Deployment) -> None:
    env = deployment.folder / '.env'
    made = env.read_text()
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    secrets = dict(re.findall(r'^([A-Z_]+)=(\w{18,})$', made, re.M))
    assert secrets.keys() == {
        'SECRET_KEY', 'API_TOKEN_PEPPER', 'DB_PASSWORD', 'REDIS_PASSWORD', 'REDIS_CACHE_PASSWORD', 'SUPERUSER_PASSWORD',
    }
    assert len(set(secrets.values())) == len(secrets)
    assert deployment.type('make env').text.strip() == '.env: everything is there already.'
    assert env.read_text() == made
    # What a newer release needs besides is added, and nothing else touched.
    env.write_text(made.replace(f'DB_PASSWORD={secrets["DB_PASSWORD"]}\n', ''))
    assert deployment.type('make env').text.strip() == '.env: added DB_PASSWORD.'
    again = env.read_text()
    assert secrets['DB_PASSWORD'] not in again
    assert f'SECRET_KEY={secrets["SECRET_KEY"]}\n' in again
    env.write_text(made)


def test_without_secrets_it_says_what_to_do(deployment: Deployment) -> None:
    env = deployment.folder / '.env'
    kept = env.rename(deployment.folder / 'kept')
    try:
        said = deployment.docker_compose('up', '-d', check=False)
    finally:
        kept.rename(env)
    assert said.code != 0
    assert 'Run "make env" first, it writes the secrets to .env' in said.text
    assert deployment.containers() == []


def test_the_image_is_built(deployment: Deployment, figures: Figures) -> None:
    # What an operator may have added by then, secrets included.
    added = [deployment.folder / 'configuration' / name for name in ('extra.py', 'ldap_config.py')]
    for path in added:
        path.write_text("BANNER_LOGIN = 'only mounted'\n")
    started = time.monotonic()
    deployment.docker_compose('build', 'netbox')
    for path in added:
        path.unlink()
    figures.add('Building the image', f'{time.monotonic() - started:.0f} s')
    size = int(run('docker', 'image', 'inspect', IMAGE, '--format', '{{.Size}}'))
    base = int(run('docker', 'image', 'inspect', deployment.variables['BASE_IMAGE'], '--format', '{{.Size}}'))
    figures.add('Image size', f'{size / 1e6:.0f} MB, of which the base image {base / 1e6:.0f} MB')
    # Unprivileged, and nobody's secrets inside: neither in its files nor in how it was made.
    assert run('docker', 'run', '--rm', '--entrypoint', 'id', IMAGE).startswith('uid=999(netbox) gid=0(root)')
    secrets = re.findall(r'=(\w{18,})$', (deployment.folder / '.env').read_text(), re.M)
    history = run('docker', 'history', '--no-trunc', IMAGE) + run('docker', 'image', 'inspect', IMAGE)
    assert not any(secret in history for secret in secrets)
    found = run('docker', 'run', '--rm', '--entrypoint', 'sh', IMAGE, '-c', 'find / -name ".env*" -type f 2>/dev/null | head')
    assert found == ''
    found = run('docker', 'run', '--rm', '--entrypoint', 'ls', IMAGE, '/etc/netbox/config')
    assert found.split() == ['configuration.py', 'logging.py', 'plugins.py']
    # What is pinned is what is in there.
    pinned = dict(re.findall(r'^([\w-]+)==(\S+)$', (deployment.folder / 'constraints.txt').read_text(), re.M))
    installed = dict(re.findall(
        r'^([\w-]+)==(\S+)$', run('docker', 'run', '--rm', '--entrypoint', 'pip', IMAGE, 'freeze'), re.M,
    ))
    assert installed['netbox'] == '4.7.3'
    assert {name: version for name, version in installed.items() if pinned.get(name, version) != version} == {}


def test_it_comes_up_from_nothing(deployment: Deployment, figures: Figures) -> None:
    # What an operator adds to the configuration.
    (deployment.folder / 'configuration' / 'extra.py').write_text("BANNER_LOGIN = 'said in extra.py'\n")
    if DUMP:
        deployment.docker_compose('up', '-d', 'postgres')
        deployment.wait_until(lambda: deployment.healthy('postgres'), 60, 'PostgreSQL is healthy')
        deployment.type(f'docker-compose exec -T postgres pg_restore -U netbox -d netbox <{DUMP}')
    started = time.monotonic()
    deployment.docker_compose('up', '-d', timeout=FROM_EMPTY)
    deployment.wait_until(deployment.all_healthy, 300, 'every service is healthy')
    figures.add(f'Healthy from {"a dump" if DUMP else "empty volumes"}', f'{time.monotonic() - started:.0f} s')
    deployment.log_in()


def test_ps_shows_worker_and_scheduler_up_and_healthy(deployment: Deployment) -> None:
    said = deployment.docker_compose('ps').text
    print(said)
    for service in (WORKER, SCHEDULER):
        assert re.search(rf'{PS_NAME}{service}.1.*Up.*\(healthy\)', said), said


def test_bootstrap_and_status_work_as_written(deployment: Deployment) -> None:
    said = deployment.manage('hedgehog_sync bootstrap').text
    assert '0 fabrics scheduled' in said
    said = deployment.manage('hedgehog_sync status').text
    assert 'No fabrics yet.' in said
    assert 'healthy: queue netbox_hedgehog.hedgehog_sync, 1 worker, 1 scheduler' in said


def test_nobody_runs_as_root_or_can_become_it_and_roots_are_read_only(deployment: Deployment) -> None:
    for service in SERVICES:
        container = deployment.one(service)
        found = [
            line.split(maxsplit=1)[1] for line in
            run('docker', 'top', container.id, '-eo', 'pid,user,args').splitlines()[1:]
        ]
        server = [line for line in found if 'docker-init' not in line]
        assert server, found
        assert not any(line.startswith('root') for line in server), found
        host = run('docker', 'inspect', '--format', '{{json .HostConfig}}', container.id)
        assert '"ReadonlyRootfs":true' in host
        assert 'no-new-privileges' in host
        assert '"Name":"unless-stopped"' in host
        assert '"max-size":"10m"' in host
        assert '"Memory":0' not in host


def test_pages_static_files_and_uploads_are_served(deployment: Deployment) -> None:
    page = run('curl', '-fsS', f'http://127.0.0.1:{deployment.port}/login/')
    assert 'said in extra.py' in page
    style = re.search(r'href="(/static/netbox\.css\S*)"', page)
    assert style, page[:2000]
    assert len(run('curl', '-fsS', f'http://127.0.0.1:{deployment.port}{style[1]}')) > 10_000
    written = deployment.in_container('netbox', 'sh', '-c', 'echo x >media/probe && rm media/probe && echo written')
    assert written.text.strip() == 'written'


def test_what_everything_takes_of_memory(deployment: Deployment, figures: Figures) -> None:
    for service in SERVICES:
        container = deployment.one(service)
        used = run('docker', 'stats', '--no-stream', '--format', '{{.MemUsage}}', container.id).strip()
        figures.add(f'Memory of {service}', used)
