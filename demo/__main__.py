"""Run make demo: a NetBox that syncs a fabric every minute, on this machine alone, until Ctrl-C."""

import itertools
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from demo.machine import MachineError
from demo.processes import ProcessEnded
from demo.schema import SchemaError
from demo.stack import CACHE, Stack, StackError
from demo.valkey import ValkeyError

# Seconds between two syncs of the demo's fabric.
INTERVAL = 60

# A NetBox job, as the REST API returns it.
Job = dict[str, Any]

ERRORS = (StackError, ProcessEnded, MachineError, ValkeyError, SchemaError)


def main() -> int:
    """Run the demo until it is interrupted. Return 1 if it cannot run."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    started = time.monotonic()
    try:
        with Stack(CACHE / 'demo', interval=INTERVAL) as stack:
            _welcome(stack, time.monotonic() - started)
            for run in runs(stack):
                print(sentence(run), flush=True)
    except KeyboardInterrupt:
        print('\nThe demo has ended. Its data is kept in .cache/demo for the next make demo.')
        return 0
    except ERRORS as error:
        print(f'The demo failed: {error}', file=sys.stderr)
        return 1
    return 0


def _welcome(stack: Stack, seconds: float) -> None:
    print(f'''
NetBox is ready after {seconds:.0f} s.

  address    {stack.url}/plugins/hedgehog/fabrics/{stack.fabric_id}/
  user       admin
  password   {stack.password}

The fabric is synced every {stack.interval} seconds. Each line below is a sync. Ctrl-C ends everything.
''', flush=True)


def runs(stack: Stack) -> Iterator[Job]:
    """Yield the NetBox job of each future sync when it has finished, for ever."""
    while True:
        stack.check()
        yield from ended_runs(stack)
        time.sleep(1)


def ended_runs(stack: Stack) -> list[Job]:
    """Return the NetBox jobs of the syncs that have finished since the last call, oldest first."""
    found = stack.get(f'core/jobs/?name=Fabric+sync&id__gt={stack.newest_job}&ordering=id&limit=50')['results']
    ended = list(itertools.takewhile(lambda job: job['completed'], found))
    if ended:
        stack.newest_job = ended[-1]['id']
    return ended


def sentence(job: Job) -> str:
    """Return one line on a sync."""
    data = job['data'] or {}
    moment = job['completed'][11:19]
    if 'read' not in data:
        return f'{moment}  job {job["id"]}: {job["status"]["label"]}. {data.get("error") or job["error"]}'
    counts = ', '.join(f'{data[name]} {name}' for name in ('created', 'updated', 'missing') if data[name])
    return (
        f'{moment}  job {job["id"]}: {data["outcome"]}: {data["read"]} resources, {counts or "no change"}, '
        f'{data["seconds"]:.1f} s. {data["error"]}'
    ).rstrip()


if __name__ == '__main__':
    sys.exit(main())
