"""The pages for those who deploy: what can be checked of them without their machines."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from netbox_hedgehog.api.urls import router
from netbox_hedgehog.choices import SyncStateChoices
from netbox_hedgehog.cluster.rbac import manifests
from netbox_hedgehog.hedgehog.kinds import KINDS
from netbox_hedgehog.jobs.queue import PLUGIN_QUEUE
from netbox_hedgehog.management.commands import hedgehog_sync

ROOT = Path(__file__).resolve().parents[2]
PYTHON = '/opt/netbox/venv/bin/python'
SECRETS = {'SECRET_KEY', 'API_TOKEN_PEPPER', 'DB_PASSWORD', 'REDIS_PASSWORD', 'REDIS_CACHE_PASSWORD'}
WAIT = 'hedgehog_sync ready --wait &&'
WORK = f'exec {PYTHON} manage.py rqworker {PLUGIN_QUEUE}'
SCHEDULE = f'exec {PYTHON} manage.py rqscheduler'
FOLLOW = f'exec {PYTHON} manage.py hedgehog_sync watch'
LIFE_SIGN_CHECK = ['CMD-SHELL', 'find "$$HEDGEHOG_LIFE_SIGN" -maxdepth 0 -type f -newermt "75 seconds ago" ! -newermt "75 seconds" | grep -q .']


def page(name: str) -> str:
    return (ROOT / 'docs' / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    found = re.findall(r'^```(\w*)\n(.*?)^```$', page(name), re.M | re.S)
    return [text for marked, text in found if marked == language]


def compose(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text()))


def words(command: list[str]) -> str:
    """A shell command in a list, without the directory that manage.py may have."""
    return ' '.join(command[-1].split()).replace('/opt/netbox/netbox/manage.py', 'manage.py')


def test_links_between_pages_lead_somewhere() -> None:
    for path in (ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')):
        for target in re.findall(r'\]\((?!https?:)([^)#]+)', path.read_text()):
            assert (path.parent / target).exists(), f'{path.name}: {target}'


def test_pictures_are_shown_and_load_quickly() -> None:
    shown = ''.join(path.read_text() for path in (ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')))
    for picture in (ROOT / 'docs' / 'pictures').iterdir():
        assert f'pictures/{picture.name})' in shown
        assert picture.stat().st_size < 150_000, picture.name


def test_readmes_deployment_is_the_pages_commands_and_no_others() -> None:
    commands = """\
make env
docker-compose up -d
docker-compose ps
docker-compose exec netbox python manage.py hedgehog_sync bootstrap
docker-compose exec netbox python manage.py hedgehog_sync status
"""
    section = (ROOT / 'README.md').read_text().split('\n## Deploy\n')[1].split('\n## ')[0]
    assert re.findall(r'^```\n(.*?)^```$', section, re.M | re.S) == [commands]
    assert blocks('deployment.md', '')[0] == commands


def test_readme_is_short() -> None:
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 150


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / 'docs' / 'index.md').read_text()
    assert {path.name for path in (ROOT / 'docs').glob('*.md')} - {'index.md'} == set(re.findall(r'\]\((\w[\w-]*\.md)\)', index))


def test_every_command_is_told() -> None:
    parser = hedgehog_sync.Command().create_parser('manage.py', 'hedgehog_sync')
    (actions,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    table = set(re.findall(r'^\| `([a-z]+)', page('commands.md'), re.M))
    assert table == set(actions.choices)


def test_every_endpoint_is_told() -> None:
    told = page('api.md')
    for path in ('health/', *(f'{prefix}/' for prefix, _, _ in router.registry)):
        assert f'| `{path}` |' in told, path
    actions = {action.url_path for _, view, _ in router.registry for action in view.get_extra_actions()}
    # A path that a user may not see from the table is one that nobody finds.
    assert [action for action in sorted(actions) if action.rpartition('/')[2] not in told] == []


def test_every_state_is_told() -> None:
    assert re.findall(r'^\| (\w[\w ]+) \|', page('states.md'), re.M)[1:] == [
        str(title) for _, title in SyncStateChoices
    ]


def test_what_becomes_of_every_kind_is_told() -> None:
    text = page('inventory.md')
    assert [kind.name for kind in KINDS if not re.search(rf'\b{kind.name}\b', text)] == []


def test_every_model_that_objects_are_created_of_is_told() -> None:
    table = page('inventory.md').split('## Mapping')[1].split('## Managed fields')[0].lower()
    mappers = ''.join(path.read_text() for path in (ROOT / 'netbox_hedgehog' / 'inventory' / 'mapping').glob('*.py'))
    models = set(re.findall(r"\badd\(\s*(?:#[^\n]*\n\s*)?'\w+\.(\w+)'", mappers)) | {'device', 'interface', 'vrf'}
    assert len(models) > 15
    # In the table it is what its L2VPN is.
    words = {'l2vpntermination': 'terminated'}
    assert [model for model in sorted(models) if words.get(model, model) not in table] == []


def test_every_variable_is_told() -> None:
    """What configuration.py asks for is on the page; what docker-compose.yml passes on is something it asks for."""
    source = (ROOT / 'configuration' / 'configuration.py').read_text()
    asked = set(re.findall(r"(?:text|secret|optional_secret|number|flag|words)\('([A-Z_]+)'", source))
    asked |= {f'{prefix}_{name}' for prefix in ('REDIS', 'REDIS_CACHE') for name in re.findall(r"\{prefix\}_([A-Z_]+)'", source)}
    told = page('deployment.md')
    missing = {
        name for name in asked - {'MEDIA_ROOT', 'REPORTS_ROOT', 'SCRIPTS_ROOT', 'DB_CONN_MAX_AGE'}
        if name.replace('REDIS_CACHE_', 'REDIS_') not in told and name not in told
    }
    assert missing == set()
    passed = set(compose('docker-compose.yml')['services']['netbox']['environment'])
    elsewhere = {
        'LOG_LEVEL', 'WEB_LOG_LEVEL', 'WEB_WORKERS', 'WEB_THREADS', 'SUPERUSER_NAME', 'SUPERUSER_PASSWORD',
        'SUPERUSER_EMAIL',
    }
    assert passed - asked == elsewhere
    assert all(f'`{name}`' in told for name in passed - {'DB_HOST', 'REDIS_HOST', 'REDIS_CACHE_HOST', *SECRETS}), passed
    images = set(re.findall(r'\$\{([A-Z_]+):-', (ROOT / 'docker-compose.yml').read_text()))
    assert all(f'`{name}`' in told for name in images), images


def test_one_image_for_all_of_netbox() -> None:
    services = compose('docker-compose.yml')['services']
    ours = {name: service for name, service in services.items() if name.startswith('netbox')}
    assert {service['image'] for service in ours.values()} == {'${NETBOX_IMAGE:-netbox-hedgehog:latest}'}
    assert [name for name, service in ours.items() if 'build' in service] == ['netbox']


def test_servers_of_ones_own_are_told_to_all_of_netbox() -> None:
    services = compose('docker-compose.yml')['services']
    override = yaml.safe_load(blocks('deployment.md', 'yaml')[0])
    assert override['services'].keys() == {name for name in services if name.startswith('netbox')}
    asked = (ROOT / 'configuration' / 'configuration.py').read_text()
    for service in override['services'].values():
        assert service.keys() == {'environment'}
        assert all(name in asked or name.startswith('REDIS_') for name in service['environment'])


def test_an_image_with_more_plugins_is_made_of_this_one() -> None:
    """Static files are collected as the image's own are, for the plugins that the running containers have, too."""
    (recipe,) = blocks('deployment.md', 'dockerfile')
    ours = (ROOT / 'docker' / 'Dockerfile').read_text()
    for line in re.findall(r'SECRET_KEY=\S+ DB_PASSWORD=\S+|python manage.py collectstatic .*|^USER 999:0$', ours, re.M):
        assert line.rstrip(' \\') in recipe, line
    namespace: dict[str, Any] = {}
    exec(blocks('deployment.md', 'python')[0], namespace)
    assert f'echo "PLUGINS = {namespace["PLUGINS"]}" >/etc/netbox/config/extra.py' in recipe
    assert namespace['PLUGINS_CONFIG'].keys() == set(namespace['PLUGINS'])
    service = compose('docker-compose.yml')['services']['netbox']
    default = re.fullmatch(r'\$\{NETBOX_IMAGE:-(.*)\}', service['image'])
    assert default
    assert f'FROM {default[1]}\n' in recipe
    assert f'NETBOX_IMAGE={default[1]} docker-compose build netbox\n' in page('deployment.md')


def test_every_service_that_uses_the_database_is_stopped_for_an_upgrade() -> None:
    services = {name for name in compose('docker-compose.yml')['services'] if name.startswith('netbox')}
    upgrade, restore = (
        set(line.split(' stop ')[1].split()) for line in page('upgrade.md').splitlines()
        if line.startswith('docker-compose --profile watch stop')
    )
    assert upgrade == services - {'netbox'}
    assert restore == services


def test_netbox_dockers_override_has_the_three_services() -> None:
    override = yaml.safe_load(blocks('netbox-docker.md', 'yaml')[0])
    services = override['services']
    assert services.keys() == {
        'netbox', 'netbox-worker', 'netbox-rq-worker-hedgehog', 'netbox-rq-scheduler', 'netbox-hedgehog-watcher',
    }
    assert services['netbox-hedgehog-watcher']['profiles'] == ['watch']
    assert {service['image'] for service in services.values()} == {'netbox:with-hedgehog'}
    for name, work in (
        ('netbox-rq-worker-hedgehog', WORK), ('netbox-rq-scheduler', SCHEDULE), ('netbox-hedgehog-watcher', FOLLOW),
    ):
        service = services[name]
        assert words(service['command']) == f'{PYTHON} manage.py {WAIT} {work}'
        assert service['depends_on'] == {'netbox': {'condition': 'service_healthy'}}
        assert service['healthcheck']['test'] == LIFE_SIGN_CHECK
        assert service['environment'] == {'HEDGEHOG_LIFE_SIGN': '/tmp/hedgehog-life-sign'}


def test_the_charts_values_make_two_deployments() -> None:
    values = yaml.safe_load(blocks('kubernetes.md', 'yaml')[0])
    assert values['plugins'] == ['netbox_hedgehog']
    # As Helm would: what stands in braces becomes some text.
    made = [yaml.safe_load(re.sub(r'\{\{.*?\}\}', 'x', text)) for text in values['extraDeploy']]
    assert [one['kind'] for one in made] == ['Deployment', 'Deployment']
    for one, work in zip(made, (WORK, SCHEDULE), strict=True):
        spec = one['spec']['template']['spec']
        assert one['spec']['selector']['matchLabels'] == one['spec']['template']['metadata']['labels']
        container = spec['containers'][0]
        assert words(container['command']) == f'cd /opt/netbox/netbox && {PYTHON} manage.py {WAIT} {work}'
        # Compose writes a dollar as two.
        assert container['livenessProbe']['exec']['command'] == ['sh', '-c', LIFE_SIGN_CHECK[1].replace('$$', '$')]
        assert container['env'] == [{'name': 'HEDGEHOG_LIFE_SIGN', 'value': '/tmp/hedgehog-life-sign'}]
        assert {mount['name'] for mount in container['volumeMounts']} <= {volume['name'] for volume in spec['volumes']}


def test_the_cluster_role_on_the_page_is_the_one_of_the_kinds() -> None:
    command = next(line for text in blocks('kubernetes.md', '') for line in text.splitlines() if 'onboard' in line)
    words = shlex.split(command.split('|')[0])
    assert words[2:] == ['onboard', '--account', 'netbox', '--account-namespace', 'netbox', '--account-exists']
    assert blocks('kubernetes.md', 'yaml')[1] == manifests(
        'default', 'netbox', account_namespace='netbox', make_account=False,
    )


@pytest.mark.parametrize('name', ['netbox-docker.md', 'bare-metal.md'])
def test_the_plugin_is_switched_on_as_written(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(blocks(name, 'python')[0], namespace)
    assert namespace['PLUGINS'] == ['netbox_hedgehog']
