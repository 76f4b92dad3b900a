"""What operators look up is there: each sentence of an error, each setting."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from trove_classifiers import classifiers

from netbox_hedgehog import HedgehogPluginConfig
from netbox_hedgehog.compatibility import NEWEST_TESTED

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / 'netbox_hedgehog'
# What these say is about a command's arguments, a decision that was just made, or a metric: each has it beside it.
SILENT = {PLUGIN / 'cluster' / 'rbac.py', PLUGIN / 'inventory' / 'decisions.py', PLUGIN / 'monitoring' / 'metrics.py'}
ROOMS = ('cluster', 'watch', 'inventory', 'jobs', 'monitoring')
SPEAKING = sorted({
    PLUGIN / 'branching.py', PLUGIN / 'sync' / 'report.py', PLUGIN / 'hedgehog' / 'switch_ports.py', *(path for room in ROOMS for path in (PLUGIN / room).rglob('*.py')),
} - SILENT)


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


def test_the_example_of_an_event_says_what_the_code_says() -> None:
    page = (ROOT / 'docs' / 'events.md').read_text()
    (data,) = (json.loads(text)['data'] for text in re.findall(r'^```json\n(.*?)^```$', page, re.M | re.S) if '"data"' in text)
    assert data['sync_error'] in set(sentences(PLUGIN / 'cluster' / 'messages.py'))
    assert data['event']['message'] == f'{data["name"]}: {data["sync_error"]}'


def test_every_setting_is_in_the_table() -> None:
    section = (ROOT / 'docs' / 'settings.md').read_text()
    rows = re.findall(r'^\| (`[^|]+) \|', section, re.M)
    assert {name for row in rows for name in re.findall(r'`(\w+)`', row)} == set(HedgehogPluginConfig.default_settings)


def test_each_sentence_has_an_advice() -> None:
    rows = re.findall(r'^\| (.+?) \| (.+) \|$', (ROOT / 'docs' / 'errors.md').read_text(), re.M)
    assert len(rows) > 150
    assert [row for row in rows if len(row[1]) < 15 and row[0] not in ('message', '---')] == []
    assert [row for row in rows if row[1] == 'as it says'] == []


def test_the_defaults_are_told_as_they_are() -> None:
    section = (ROOT / 'docs' / 'settings.md').read_text()
    told: dict[str, str] = {}
    for names, defaults in re.findall(r'^\| (`[^|]+) \| ([^|]+) \|', section, re.M):
        settings = re.findall(r'`(\w+)`', names)
        values = [defaults] if len(settings) == 1 else defaults.split(', ')
        told |= dict(zip(settings, values, strict=True))
    spelled = {name: value for name, value in told.items() if name != 'denied_destinations'}
    assert {name: ast.literal_eval(value.strip('`')) for name, value in spelled.items()} == {
        name: value for name, value in HedgehogPluginConfig.default_settings.items() if name in spelled
    }


def test_what_contributing_names_is_there() -> None:
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    targets = set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.M))
    assert set(re.findall(r'`make ([a-z-]+)', text)) <= targets
    for path in re.findall(r'`((?:tests|docs|netbox_hedgehog|\.ci)/[\w./]+)`', text):
        assert (ROOT / path).exists(), path
    for link in re.findall(r'\]\((?!https?:)([^)#]+)', text):
        assert (ROOT / link).exists(), link
    steps = re.findall(r'step [a-z-]+ make ([a-z-]+)', (ROOT / '.ci' / 'run').read_text())
    (row,) = re.findall(r'^\| `\.ci/run` \| (.*?);', text, re.M)
    assert sorted(re.findall(r'`([a-z-]+)`', row)) == sorted(steps)
    folders = {path.name for path in (ROOT / 'tests').iterdir() if path.is_dir() and path.name[0] not in '_.'}
    assert folders == set(re.findall(r'`tests/(\w+)[^|`]*`[^|]*\|', text.split('\n## Test it\n')[1]))


def test_metadata_is_what_netbox_and_package_indexes_ask_for() -> None:
    """One version, one range of NetBox, one licence, said alike wherever they are said."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    assert project['license'] == 'Apache-2.0'
    assert 'Apache License' in (ROOT / 'LICENSE').read_text()[:300]
    assert set(project['classifiers']) <= set(classifiers)
    pythons = {word.rsplit(' ', 1)[1] for word in project['classifiers'] if re.search(r'Python :: 3\.\d+$', word)}
    (row,) = yaml.safe_load((ROOT / 'netbox-plugin.yaml').read_text())['compatibility']
    config = HedgehogPluginConfig
    # Lists of plugins show what was tested; on what is newer it loads with a warning.
    assert (row['release'], row['netbox_min'], row['netbox_max']) == (
        config.version, config.min_version, f'{NEWEST_TESTED}.99',
    )
    table = (ROOT / 'README.md').read_text().split('\n## Compatibility\n')[1].split('\n## ')[0]
    tested = dict(re.findall(r'^\| (\w+) \| (.+) \|$', table, re.M))
    assert set(re.findall(r'3\.\d+', tested['Python'])) == pythons
    assert metadata.version('netbox') in tested['NetBox']
    assert tested['NetBox'].startswith(config.min_version.rsplit('.', 1)[0])
    for name in ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'LICENSE', '.ci/run'):
        assert (ROOT / name).stat().st_size > 300, name
