"""A fabric of somebody who wants a browser, a spreadsheet or a log to do what they say, and who sprinkles secrets."""

import copy
import json
from typing import Any

from demo.kubernetes_api import KubernetesAPI, load_objects

from ..support.fake_cluster import DATA, NEWER

__all__ = ('CANARY', 'FORMULA', 'MARKUP', 'TOKEN', 'hostile_api')

TOKEN = 'CANARY-token-1f7c'
CANARY = 'CANARY'

# What must never be in a page as it stands here. Without a slash, at which names of ports are split.
MARKUP = '<img src=x onerror=alert(1)>'
SCRIPT = f'\'"><script>alert(1)</script>{MARKUP}{{{{ 70001 * 70003 }}}}{{% now %}}'
LINK = 'javascript:alert(1)'
FORMULA = '=HYPERLINK("https://evil.example.com","x")'

# Names that people gave, and what they are here: wherever they stand, so that all that refers to them still does.
NAMES = {
    'leaf-01': f'l"\'>{MARKUP}', 'spine-01': f's{MARKUP}', 'server-01': f'h&amp;{MARKUP}', 'vpc-01': f'v{MARKUP}',
    'ext-01': f'e{MARKUP}', 'leaf-02': FORMULA, 'server-02': '@SUM(1+1)*cmd',
}
TEXTS = ('description', 'displayName', 'message', 'hostname', 'softwareVersion', 'hwskuVersion', 'model', 'serial')


def hostile_api() -> KubernetesAPI:
    """The demo's fabric with such names and texts, served to TOKEN."""
    return KubernetesAPI(
        [_hostile(item) for item in [*load_objects(DATA), *NEWER]], tokens={TOKEN: 'viewer'},
    )


def _hostile(item: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(item)
    for name, other in NAMES.items():
        text = text.replace(name, json.dumps(other)[1:-1])
    item = _with_texts(json.loads(text))
    metadata = item['metadata']
    metadata['labels'] = {**metadata.get('labels', {}), f'l{SCRIPT}': SCRIPT, 'link': LINK}
    metadata['annotations'] = {**metadata.get('annotations', {}), f'a{SCRIPT}': SCRIPT, 'formula': FORMULA}
    return item


def _with_texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts(item) for item in value]
    if not isinstance(value, dict):
        return copy.copy(value)
    return {
        key: f'{SCRIPT} {LINK}' if key in TEXTS and isinstance(item, str) else _with_texts(item)
        for key, item in value.items()
    }
