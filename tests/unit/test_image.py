"""The image and the environment are made of what constraints.txt pins, and of nothing else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = set(re.findall(r'^([\w.-]+)==', (ROOT / 'constraints.txt').read_text(), re.M))


def pip_commands(path: str) -> list[str]:
    """The commands of a file that call pip, each on one line."""
    text = (ROOT / path).read_text().replace('\\\n', ' ')
    commands = re.split(r'&&|\n', '\n'.join(line for line in text.splitlines() if not line.startswith('#')))
    return [command for command in commands if re.search(r'^[^=]*\bpip (?:install|wheel)|^ *\$pip ', command)]


@pytest.mark.parametrize('path', ['docker/Dockerfile', 'demo/python.sh'])
def test_nothing_is_built_with_what_pip_fetches(path: str) -> None:
    """pip fetches the newest setuptools to build a package from source, unless it is told not to."""
    commands = pip_commands(path)
    assert len(commands) >= 3
    for command in commands:
        only_wheels = '--only-binary :all:' in command and '--no-binary' not in command
        assert only_wheels or '--no-build-isolation' in command or 'wheels/*.whl' in command, command


def test_what_builds_the_image_is_pinned() -> None:
    (names,) = re.findall(r"grep -E '\^\(([\w|-]+)\)==' constraints\.txt", (ROOT / 'docker' / 'Dockerfile').read_text())
    assert {'hatchling', 'setuptools'} <= set(names.split('|')) <= PINNED
