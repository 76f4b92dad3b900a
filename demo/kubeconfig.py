"""Read DEMO_KUBECONFIG: the cluster of the user who runs the demo.

The plugin accepts kubeconfigs with everything embedded, because it must not read files as NetBox's user. The demo runs
as the user whose files they are, so it embeds them.
"""

import base64
from pathlib import Path
from typing import Any

import yaml

__all__ = ('flatten',)

_FILES = {
    'cluster': {'certificate-authority': 'certificate-authority-data'},
    'user': {'client-certificate': 'client-certificate-data', 'client-key': 'client-key-data'},
}


def flatten(path: Path) -> str:
    """Return the current context of a kubeconfig, with the files that it names embedded, as YAML.

    Raises OSError if a file cannot be read, and ValueError with a sentence if this is not a kubeconfig.
    """
    config = yaml.safe_load(path.read_text())
    if not isinstance(config, dict) or not config.get('current-context'):
        raise ValueError(f'{path} is not a kubeconfig with a current-context.')
    context = _entry(config, 'contexts', config['current-context'])
    cluster = _entry(config, 'clusters', context['context']['cluster'])
    user = _entry(config, 'users', context['context']['user'])
    for key, entry in (('cluster', cluster), ('user', user)):
        for file_key, data_key in _FILES[key].items():
            if name := entry[key].pop(file_key, None):
                entry[key][data_key] = base64.b64encode((path.parent / name).read_bytes()).decode()
    if name := user['user'].pop('tokenFile', None):
        user['user']['token'] = (path.parent / name).read_text().strip()
    return yaml.safe_dump({
        'apiVersion': 'v1', 'kind': 'Config', 'current-context': config['current-context'],
        'contexts': [context], 'clusters': [cluster], 'users': [user],
    })


def _entry(config: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    for entry in config.get(section) or []:
        if entry.get('name') == name:
            return dict(entry)
    raise ValueError(f'The kubeconfig has no {name!r} under {section}.')
