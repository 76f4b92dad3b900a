"""What operators look up is there: each sentence of an error, each setting."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from netbox_hedgehog import HedgehogPluginConfig

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / 'netbox_hedgehog'
SPEAKING = [
    *sorted((PLUGIN / 'cluster').glob('*.py')), PLUGIN / 'kubeconfig.py', PLUGIN / 'destinations.py',
    *sorted((PLUGIN / 'jobs').glob('*.py')), PLUGIN / 'sync' / 'report.py', *sorted((PLUGIN / 'inventory').glob('*.py')),
]


def sentences(path: Path) -> Iterator[str]:
    """The sentences in a module's code, with … for what is filled in; docstrings are none, nor are log messages."""
    tree = ast.parse(path.read_text())
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(id(value) for value in node.values)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith('logger.'):
            skipped.update(id(argument) for argument in node.args)
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            text = ''.join(str(value.value) if isinstance(value, ast.Constant) else '…' for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.sub(r'\{\w+\}', '…', node.value)
        else:
            continue
        text = text.strip()
        if len(text) > 20 and ' ' in text and text[-1] in '.?' and (text[0].isupper() or text[0] == '…'):
            yield text


@pytest.mark.parametrize('path', SPEAKING, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_every_sentence_has_an_entry(path: Path) -> None:
    told = set(re.findall(r'^\| (.+?) \|', (ROOT / 'docs' / 'errors.md').read_text(), re.M))
    assert [text for text in sentences(path) if text not in told] == []


def test_every_setting_is_in_the_table() -> None:
    section = (ROOT / 'README.md').read_text().split('\n## Settings\n')[1].split('\n## ')[0]
    rows = re.findall(r'^\| (`[^|]+) \|', section, re.M)
    assert {name for row in rows for name in re.findall(r'`(\w+)`', row)} == set(HedgehogPluginConfig.default_settings)
