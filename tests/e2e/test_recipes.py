"""docs/recipes.md as a reader runs it: every line, in its order, against a NetBox with a fabric."""

import os
import re
import subprocess
import sys
from pathlib import Path

from demo.kubernetes_api import KubernetesAPI

from .stack import OWN_SETTINGS, ROOT, Stack

SETTINGS = OWN_SETTINGS

PAGE = (ROOT / 'docs' / 'recipes.md').read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE, re.M | re.S)


def synced_fabric(stack: Stack, api: KubernetesAPI) -> dict[str, str]:
    """A fabric that has been read into a site; what a reader has in the environment."""
    status, site = stack.call('POST', 'dcim/sites/', {'name': 'DC 1', 'slug': 'dc-1'})
    assert status == 201 or 'already exists' in str(site), site
    _, found = stack.call('GET', 'dcim/sites/?slug=dc-1')
    fabric = stack.fabric(
        'dc-1', api, scheduler_enabled=False, inventory_enabled=True, inventory_auto_apply=True,
        inventory_site=found['results'][0]['id'],
    )
    stack.worker()
    assert stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')[0] == 202
    stack.runs(fabric, 1, 60)
    return {**os.environ, 'NETBOX': stack.url, 'TOKEN': stack.header, 'no_proxy': '*'}


def test_curl(stack: Stack, api: KubernetesAPI, tmp_path: Path) -> None:
    environment = synced_fabric(stack, api)
    script = tmp_path / 'recipes.sh'
    script.write_text('set -euo pipefail\n' + ''.join(f'{block}\necho\n' for block in blocks('bash')))
    done = subprocess.run(['bash', script], env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, f'{done.stdout[-3000:]}\n{done.stderr}'
    out = done.stdout
    for told in (
        '"workers":[', '"has_token":true', '"state":"in_sync"', '"connected":true', '"name":"vpc-01"',
        '"name":"spine-', '"object_type":"dcim.device"', '"switch_health":', '"name":"Fabric inventory"',
    ):
        assert told in out.replace('": ', '":'), (told, out[-3000:])
    stack.fabrics += [row['id'] for row in stack.sql("SELECT id FROM netbox_hedgehog_fabric WHERE name = 'dc-2'")]


def test_pynetbox(stack: Stack, api: KubernetesAPI, tmp_path: Path) -> None:
    environment = synced_fabric(stack, api)
    script = tmp_path / 'recipes.py'
    script.write_text('\n'.join(blocks('python')))
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, f'{done.stdout[-3000:]}\n{done.stderr}'
    assert ' in_sync ' in done.stdout
    assert re.search(r'^leaf-01 172\.\S+ (OK|Warning|Critical)', done.stdout, re.M), done.stdout
