"""The systemd units of docs/bare-metal.md: their lines are run, as systemd would."""

import re
import shlex

from demo.kubernetes_api import KubernetesAPI

from .stack import OWN_SETTINGS, PATIENCE, ROOT, Stack

SETTINGS = OWN_SETTINGS

PROGRAM = '/opt/netbox/venv/bin/netbox'
UNITS = re.findall(r'^```ini\n(.*?)^```$', (ROOT / 'docs' / 'bare-metal.md').read_text(), re.M | re.S)


def lines(unit: str, key: str) -> list[list[str]]:
    """The commands of a unit's lines of this key, without the program, which is NetBox's."""
    commands = [shlex.split(line) for line in re.findall(rf'^{key}=(.*)$', unit, re.M)]
    assert all(command[0] == PROGRAM for command in commands), commands
    return [command[1:] for command in commands]


def test_the_lines_make_a_worker_a_scheduler_and_a_watcher_of_a_fabric(stack: Stack, api: KubernetesAPI) -> None:
    assert len(UNITS) == 3
    for unit in UNITS:
        for command in lines(unit, 'ExecStartPre'):
            done = stack.run(*command)
            assert (done.returncode, done.stdout) == (0, 'The database has all migrations of this release.\n')
    fabric = stack.fabric('units', api, watch_enabled=True)
    for unit in UNITS:
        (command,) = lines(unit, 'ExecStart')
        stack.process(command[0], *command)

    stack.runs(fabric, 1, PATIENCE)
    watched = f'netbox_hedgehog:watch:{fabric}'
    stack.wait_until(lambda: stack.redis.exists(watched), PATIENCE, 'the fabric is watched')
    code, said = stack.status()
    assert (code, len(said['workers']), len(said['schedulers']), len(said['watchers'])) == (0, 1, 1, 1)
    stop, start = (next(
        line for line in (ROOT / 'docs' / 'bare-metal.md').read_text().splitlines() if line.startswith(f'systemctl {verb} ')
        and 'hedgehog' in line
    ) for verb in ('stop', 'start'))
    assert len(shlex.split(stop)) == len(shlex.split(start)) == 2 + len(UNITS)
