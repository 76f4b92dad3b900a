"""What a run takes of memory beyond a worker that waits. Goal 4."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo.processes import Process

from .world import ROOT, Result, fabric_of, generated, memory, write_jsonl

GOAL = 150


class Served:
    """The demo's API server in a process of its own."""

    ca_pem = ''

    def __init__(self, folder: Path) -> None:
        kubeconfig = folder / 'viewer.kubeconfig'
        command = [
            sys.executable, '-m', 'demo.kubernetes_api', '--data', str(folder / 'objects.jsonl'), '--port', '0',
            '--state', str(folder), '--heartbeat', '0',
        ]
        self.process = Process('kubernetes', command, {}, folder / 'kubernetes.log').start()
        while not kubeconfig.exists():
            self.process.check()
            time.sleep(0.2)
        self.url = kubeconfig.read_text().split('server: ')[1].split()[0]
        self.ca_pem = (folder / 'ca.crt').read_text()
        self.token = (folder / 'token').read_text().strip()


def results(objects: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total = write_jsonl(folder / 'objects.jsonl', generated(objects))
        api = Served(folder)
        try:
            fabric = fabric_of(api, 'memory')
            fabric.kubernetes_token = api.token
            fabric.save()
            done = subprocess.run(
                [sys.executable, '-m', 'benchmarks.memory', str(fabric.pk)], cwd=ROOT, check=True, capture_output=True,
                text=True, env=os.environ,
            )
        finally:
            api.process.stop()
    idle, first, again, read = (float(word) for word in done.stdout.split()[-4:])
    assert read == total, (read, total)
    return [
        Result('idle worker', f'{idle:.0f} MB'),
        Result(f'first run of {total} objects, at most more than idle', f'{first - idle:.0f} MB', f'at most {GOAL} MB',
               first - idle <= GOAL),
        Result('the run after it, with nothing new', f'{again - idle:.0f} MB', f'at most {GOAL} MB',
               again - idle <= GOAL),
    ]


def child(fabric_id: int) -> None:
    """Reads the fabric twice as a worker's fork does; prints MB when idle and at most, and the objects read."""
    import django

    django.setup()
    from netbox_hedgehog.models import Fabric
    from netbox_hedgehog.sync.run import sync_fabric

    fabric = Fabric.objects.get(pk=fabric_id)
    figures = [memory()]
    for _ in range(2):
        Path('/proc/self/clear_refs').write_text('5')  # the most it had begins anew
        report = sync_fabric(fabric)
        assert report.outcome == 'in_sync', report.error
        figures.append(memory(field='VmHWM'))
    print(*figures, report.total('read'))


if __name__ == '__main__':
    child(int(sys.argv[1]))
