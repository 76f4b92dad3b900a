"""All benchmarks of syncing, scheduling, watching and pages: python -m benchmarks [--short] [NAME …].

Each compares with its own baseline in the same run, turn by turn. Writes benchmarks/RESULTS.md, where it leaves alone
what was not measured; unless --short: that only makes sure that everything still does what it says, on a small fabric,
and judges no time.
"""

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from .world import ROOT, Result, kind_of_cluster, netbox

RESULTS = Path(__file__).with_name('RESULTS.md')


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('--short', action='store_true', help='small, for correctness; writes nothing')
    names = 'syncing, unchanged, memory, overhead, scheduling, watching, finding, pages'
    parser.add_argument('names', nargs='*', metavar='NAME', help=names)
    options = parser.parse_args()
    with netbox():
        from . import finding, memory, overhead, pages, scheduling, syncing, unchanged, watching

        short = options.short
        subjects: dict[str, tuple[str, Callable[[], list[Result]]]] = {
            'syncing': ('What a sync costs', lambda: syncing.results(*((300, 1) if short else (20_000, 9)))),
            'unchanged': ('An inventory with nothing new', lambda: unchanged.results(
                *((6, 20, 3, 1) if short else (200, 4000, 300, 9)),
            )),
            'memory': ('Memory', lambda: memory.results(1000 if short else 100_000)),
            'overhead': ('A run’s fixed cost', lambda: overhead.results(2 if short else 20)),
            'scheduling': ('Many fabrics', lambda: scheduling.results(
                *(((40, 100), 1, False) if short else ((1000, 10_000), 5, True)),
            )),
            'watching': ('Near real time', lambda: watching.results(
                *((100, 3, 2) if short else (2000, 100, 20)),
            )),
            'finding': ('Find', lambda: finding.results(*((600, 40, 1) if short else (100_000, 20_000, 5)))),
            'pages': ('Pages', lambda: pages.results(*((3, 600, 1) if short else (200, 100_000, 3)))),
        }
        chosen = options.names or list(subjects)
        measured, missed = {}, 0
        for name in chosen:
            title, run = subjects[name]
            started = time.monotonic()
            lines = run()
            if short:  # times of so little are none to judge
                lines = [Result(line.what, line.figure) for line in lines]
            measured[title] = _table(title, lines)
            print(measured[title], f'({time.monotonic() - started:.0f} s)\n', flush=True)
            missed += sum(line.met is False for line in lines)
        if not short:
            sections = {**_sections(RESULTS.read_text()), **measured}
            text = [sections[title] for title, _ in subjects.values() if title in sections]
            RESULTS.write_text(f'{_head()}\n' + '\n'.join(text))
            print(f'Written: {RESULTS.relative_to(ROOT)}')
    return 1 if missed else 0


def _table(title: str, lines: list[Result]) -> str:
    words = {True: 'yes', False: '**no**', None: ''}
    rows = [f'| {line.what} | {line.figure} | {line.goal} | {words[line.met]} |' for line in lines]
    commit = subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], cwd=ROOT, capture_output=True, text=True)
    load = f'load average {os.getloadavg()[1]:.1f} (5 minutes)'
    when = f'{datetime.now(UTC):%Y-%m-%d}, commit {commit.stdout.strip()}, {load}'
    return '\n'.join([f'## {title}', '', when, '', '| what | figure | goal | met |', '|---|---|---|---|', *rows, ''])


def _sections(text: str) -> dict[str, str]:
    """The tables of earlier results, by their titles."""
    return {part.partition('\n')[0]: f'## {part.rstrip()}\n' for part in text.split('\n## ')[1:]}


def _head() -> str:
    from django.db import connection

    from netbox_hedgehog.jobs.queue import connection as redis

    with connection.cursor() as cursor:
        cursor.execute('SHOW server_version')
        postgres = cursor.fetchone()[0].split()[0]
    info = redis().info()
    models = [line for line in Path('/proc/cpuinfo').read_text().splitlines() if line.startswith('model name')]
    processor = models[0].split(': ')[1] if models else platform.machine()
    versions = {
        'NetBox': metadata.version('netbox'), 'Python': platform.python_version(), 'PostgreSQL': postgres,
        'Valkey': info.get('valkey_version') or info['redis_version'],
    }
    return '\n'.join([
        '# Results of the benchmarks',
        '',
        'Written by `make bench`. Ratios count: they compare what took turns in the same run. Seconds depend on the '
        'machine, and on what else it did.',
        '',
        f'- {os.cpu_count()} cores of {processor}',
        '- ' + ', '.join(f'{name} {version}' for name, version in versions.items()),
        f'- the cluster: {kind_of_cluster()}; for memory the demo’s API server in a process of its own',
        '',
    ])


if __name__ == '__main__':
    raise SystemExit(main())
