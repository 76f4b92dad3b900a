"""Looks for bytes that break a promise: python -m tests.fuzz [--seconds 120] [TARGET …]. Ends with 1 where it finds some.

With atheris, which is fetched from PyPI into .cache/fuzz, what reaches new code is kept there and is where the next
search begins. Where it has no wheel for this machine, hypothesis does the same blindly. Either prints how often each
target was called, and the bytes of what it found.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from demo.machine import ROOT

CACHE = ROOT / '.cache' / 'fuzz'
ATHERIS = 'atheris==3.1.0'

# Neither is called: Django wants to know where they would be.
ENVIRONMENT = {
    'NETBOX_CONFIGURATION': 'demo.configuration', 'DJANGO_SETTINGS_MODULE': 'netbox.settings',
    'HEDGEHOG_DATABASE_URL': 'postgresql://nobody@127.0.0.1:1/none', 'HEDGEHOG_REDIS_URL': 'redis://127.0.0.1:1',
}

# Bytes that a target is given at most, and seconds that one call may take.
LONGEST = {'listing': 20_000, 'kubeconfig': 4_000, 'destinations': 500}
PATIENCE = 60


def fetched() -> Path | None:
    """Return the directory that has atheris; None where PyPI has none for this machine or cannot be reached."""
    target = CACHE / 'atheris'
    if not (target / 'atheris').exists():
        pip = [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--only-binary', ':all:', '--target', str(target)]
        print(f'Fetching {ATHERIS} from PyPI …', flush=True)
        if subprocess.run([*pip, ATHERIS], capture_output=True).returncode:
            return None
    return target


def search(name: str, seconds: float, atheris: Path | None) -> bool:
    """Search one target in a process of its own, and say whether nothing was found."""
    corpus = CACHE / name
    corpus.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, (str(ROOT), str(atheris or ''))))
    command = [sys.executable, '-m', 'tests.fuzz.search', name, 'atheris' if atheris else 'hypothesis', str(seconds)]
    if atheris:
        command += [
            str(corpus), f'-max_total_time={seconds:.0f}', f'-max_len={LONGEST.get(name, 400)}', f'-timeout={PATIENCE}',
            '-rss_limit_mb=2048', f'-artifact_prefix={CACHE}/{name}-', '-print_final_stats=1', '-verbosity=0',
        ]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **ENVIRONMENT, 'PYTHONPATH': path}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace',
    )
    calls = re.findall(r'number_of_executed_units: (\d+)', done.stdout)
    how = 'nothing found' if done.returncode == 0 else 'BROKEN'
    print(f'{name}: {calls[-1] if calls else "?"} calls in {time.monotonic() - began:.0f} s: {how}', flush=True)
    if done.returncode:
        print('\n'.join(done.stdout.splitlines()[-60:]), flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog='make fuzz ARGS=…', description='Looks for bytes that break a promise.')
    parser.add_argument('targets', nargs='*', help='all of them, if none is named')
    parser.add_argument('--seconds', type=float, default=120, help='of all targets together (120)')
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    names = options.targets or ['listing', 'objects', 'mapping', 'shown', 'kubeconfig', 'destinations']
    atheris = fetched()
    if atheris is None:
        print('atheris cannot be fetched for this machine: hypothesis searches, without looking at what is reached.')
    found = [name for name in names if not search(name, options.seconds / len(names), atheris)]
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
