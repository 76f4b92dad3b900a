"""What a sync costs that reads nothing: fork, imports, connections, NetBox's job, report. Goal 7."""

import os
import statistics
import subprocess
import sys
import time

from .world import ROOT, Result


def results(forks: int) -> list[Result]:
    cold, warm, bookkeeping, statements = (_child(way, forks) for way in ('cold', 'warm', 'here', 'statements'))
    return [
        Result('a run that reads nothing, forked off a worker that has loaded nothing for it', f'{cold:.0f} ms'),
        Result('the same, forked off a worker that has (HedgehogWorker)', f'{warm:.0f} ms', 'less', warm < cold),
        Result('of which its NetBox job, fabric and report',
               f'{bookkeeping:.0f} ms in {statements:.0f} SQL statements'),
    ]


def _child(way: str, forks: int) -> float:
    done = subprocess.run(
        [sys.executable, '-m', 'benchmarks.overhead', way, str(forks)], cwd=ROOT, check=True, capture_output=True,
        text=True, env=os.environ,
    )
    return float(done.stdout.split()[-1])


def child(way: str, forks: int) -> None:
    """Prints the median milliseconds of a fork, or of a run in this process, or how many statements it takes."""
    import django

    django.setup()
    import django_rq
    from django.db import connections

    from netbox_hedgehog.jobs.queue import queue_name
    from netbox_hedgehog.models import Fabric

    fabric, _ = Fabric.objects.get_or_create(name='overhead', defaults={'scheduler_enabled': False})
    if way != 'cold':
        from netbox_hedgehog.jobs.worker import HedgehogWorker

        HedgehogWorker([django_rq.get_queue(queue_name())], connection=django_rq.get_connection(queue_name()))
    if way in ('here', 'statements'):
        _run(fabric.pk)
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connections['default']) as statements:
            _run(fabric.pk)
        if way == 'statements':
            print(len(statements))
            return
    times = []
    for _ in range(forks):
        connections.close_all()
        if way == 'here':
            connections['default'].ensure_connection()
        start = time.perf_counter()
        if way == 'here':
            _run(fabric.pk)
        else:
            pid = os.fork()
            if not pid:
                _run(fabric.pk)
                os._exit(0)
            os.waitpid(pid, 0)
        times.append(1000 * (time.perf_counter() - start))
    print(statistics.median(times))


def _run(fabric_id: int) -> None:
    """As a worker does it, but without a cluster: the fabric has no connection, which its report says."""
    from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync

    execute_fabric_sync(fabric_id)


if __name__ == '__main__':
    child(sys.argv[1], int(sys.argv[2]))
