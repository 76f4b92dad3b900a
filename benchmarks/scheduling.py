"""Many fabrics: what the schedules cost, and how late runs are. Goal 6.

The simulation runs the real scheduler (HedgehogScheduler, reconcile) on a real Redis and database, with a clock that
is moved on and workers that only take time. It is checked against real processes on a small case.
"""

import heapq
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from demo.processes import stop_all

from .world import Result, cluster, fabric_of, percentile, process

# Seconds between two looks of the scheduler, by default; and how late a run may be at the 99th percentile.
LOOK = 1.0
LATE = 10.0
SERVER = 'https://control-1.example.com:6443'


@dataclass(slots=True)
class Outcome:
    """What a simulation saw. Lateness in seconds: how long after its time a run began."""

    runs: int
    lateness: list[float]
    busiest_look: int
    busy: float

    def late(self, share: float) -> float:
        return percentile(self.lateness, share)


def results(sizes: tuple[int, int], minutes: int, measure: bool) -> list[Result]:
    small, large = sizes
    lines = [_bootstrap(small)]
    with fabrics(small, 60):
        outcome = simulate(24, minutes, lambda _: 1.0)
        lines.append(_lateness(f'{small} fabrics every 60 s, 1 s each, 24 workers', outcome))
        rates = {workers: simulate(workers, minutes, lambda _: 4.0).runs / minutes for workers in (8, 16, 32, 64)}
        growth = (rates[16] / rates[8], rates[32] / rates[16])
        lines.append(Result(
            f'{small} fabrics every 60 s, 4 s each, more than there is capacity for: runs a minute',
            ', '.join(f'{rate:.0f} with {workers} workers' for workers, rate in rates.items()),
            'grows with the workers', min(growth) > 1.9,
        ))
        sick = simulate(32, minutes, lambda pk: 60.0 if pk % 100 == 0 else 1.0, only=lambda pk: pk % 100 != 0)
        lines.append(_lateness(f'{small} fabrics, 1 in 100 unreachable for 60 s a run, 32 workers: the others', sick))
    with fabrics(large, 300):
        outcome = simulate(100, 2 * minutes, lambda _: 2.0)
        lines.append(_lateness(f'{large} fabrics every 300 s, 2 s each, 100 workers', outcome))
        lines.append(Result('the same: fabrics queued in the busiest look of a second, after the first minutes',
                            f'{outcome.busiest_look} of {large}', 'at most twice the mean',
                            outcome.busiest_look <= 2 * large * LOOK / 300))
    if measure:
        lines += _against_processes()
    return lines


def _lateness(what: str, outcome: Outcome) -> Result:
    late = outcome.late(0.99)
    return Result(
        what, f'{outcome.runs} runs; lateness median {outcome.late(0.5):.1f} s, 99th percentile {late:.1f} s; '
              f'workers {100 * outcome.busy:.0f} % busy',
        f'99th percentile at most {LATE:g} s', late <= LATE,
    )


def _bootstrap(count: int) -> Result:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from netbox_hedgehog.jobs.schedules import reconcile
    from tests.support.jobs import round_trips

    with fabrics(count, 60), CaptureQueriesContext(connection) as statements, round_trips() as sent:
        start = time.perf_counter()
        counts = reconcile()
        seconds = time.perf_counter() - start
    assert counts['created'] == count
    return Result(
        f'bootstrap of {count} schedules', f'{len(sent)} round trips to Redis, {len(statements)} SQL statements, '
        f'{seconds:.2f} s', 'at most 10 and 5', len(sent) <= 10 and len(statements) <= 5,
    )


@contextmanager
def fabrics(count: int, interval: int) -> Iterator[None]:
    """So many fabrics that Redis knows nothing of."""
    from netbox_hedgehog.jobs.queue import connection
    from netbox_hedgehog.models import Fabric

    Fabric.objects.bulk_create(
        Fabric(name=f'many-{number:05}', kubernetes_server=SERVER, sync_interval=interval) for number in range(count)
    )
    connection().flushdb()
    try:
        yield
    finally:
        Fabric.objects.filter(name__startswith='many-')._raw_delete('default')
        connection().flushdb()


def simulate(workers: int, minutes: int, service: Any, only: Any = lambda pk: True) -> Outcome:
    """Let time pass. `service` gives the seconds of a fabric's run; the lateness is of those that `only` chooses.

    What is measured begins after the first two intervals of a minute, when the first runs have been.
    """
    from django_rq import get_scheduler

    from netbox_hedgehog.jobs import schedules
    from netbox_hedgehog.jobs.queue import connection, queue
    from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, fabric_of, reconcile

    redis, waiting = connection(), queue().key
    redis.flushdb()
    chance = random.Random(1)
    begin = now = 2_000_000_000.0
    warm, end = begin + 120, begin + 120 + 60 * minutes
    free = [begin] * workers
    ends: dict[int, float] = {}
    due: dict[str, float] = {}
    outcome = Outcome(0, [], 0, 0.0)
    with patch.object(schedules, 'time', SimpleNamespace(time=lambda: now)):
        reconcile()
    scheduler = get_scheduler(interval=int(LOOK))
    while now < end:
        ends = {pk: moment for pk, moment in ends.items() if moment > now}
        fresh = {
            raw.decode(): score for raw, score in redis.zrangebyscore(SCHEDULED_JOBS, 0, now, withscores=True)
        }
        with patch.object(scheduler, '_running', ends.copy().keys):
            scheduler._enqueue_due(now)
        for name in fresh:
            due.setdefault(name, fresh[name])
        if now >= warm:
            outcome.busiest_look = max(outcome.busiest_look, len(fresh))
        # Until the next look workers take what waits, each as soon as it is free.
        names = [raw.decode() for raw in redis.lrange(waiting, 0, -1)]
        taken = 0
        while taken < len(names) and free[0] < now + LOOK:
            start = max(heapq.heappop(free), now)
            pk = fabric_of(names[taken])
            assert pk is not None
            seconds = service(pk) * chance.uniform(0.75, 1.25)
            heapq.heappush(free, start + seconds)
            ends[pk] = start + seconds
            late = start - due.pop(names[taken], start)
            if warm <= start < end and only(pk):
                outcome.runs += 1
                outcome.lateness.append(late)
            if warm <= start < end:
                outcome.busy += seconds / (60 * minutes * workers)
            taken += 1
        if taken:
            redis.lpop(waiting, taken)
        now += LOOK
    return outcome


def _against_processes() -> list[Result]:
    """Twelve fabrics every 30 s, one worker, a scheduler: for three minutes, and in the simulation."""
    from core.models import Job

    from netbox_hedgehog.jobs.queue import connection
    from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, schedule_id
    from netbox_hedgehog.models import Fabric

    count, seconds = 12, 180
    connection().flushdb()
    with cluster(100) as api:
        made = [
            fabric_of(api, f'real-{number:02}', sync_interval=30, scheduler_enabled=True) for number in range(count)
        ]
        dues: dict[int, set[float]] = {fabric.pk: set() for fabric in made}
        with processes(workers=1, schedulers=1):
            end = time.time() + seconds
            warm = cost = None
            while time.time() < end:
                scores = connection().zmscore(SCHEDULED_JOBS, [schedule_id(pk) for pk in dues])
                for pk, score in zip(dues, scores, strict=True):
                    if score:
                        dues[pk].add(score)
                time.sleep(1)
                if warm is None and time.time() > end - seconds + 60:
                    warm = _spent()
            assert warm is not None
            cost = [after - before for before, after in zip(warm, _spent(), strict=True)]
        lateness, service = [], []
        for job in Job.objects.filter(object_id__in=dues, completed__isnull=False, started__isnull=False):
            before = [score for score in dues[job.object_id] if score <= job.started.timestamp()]
            if before and job.started.timestamp() > end - seconds + 60:
                lateness.append(job.started.timestamp() - max(before))
                service.append((job.completed - job.started).total_seconds())
        mean = sum(service) / len(service) + 0.3
        drained = {workers: _drained(made, workers) for workers in (1, 2)}
    for fabric in made:
        fabric.delete()
    with fabrics(count, 30):
        told = simulate(1, 10, lambda _: mean)
    assert not Fabric.objects.filter(name__startswith='real-').exists()
    real, simulated = percentile(lateness, 0.95), told.late(0.95)
    runs, commands, wal, transactions = cost
    return [
        Result(
            f'{count} fabrics every 30 s, one worker, {mean:.1f} s each: real processes against the simulation',
            f'{len(lateness)} runs; lateness 95th percentile {real:.1f} s, simulated {simulated:.1f} s',
            'within 5 s', abs(real - simulated) <= 5,
        ),
        Result(
            'the same, all that worker and scheduler do for one run with nothing new',
            f'{commands / runs:.0f} commands of Redis, {transactions / runs:.0f} transactions and '
            f'{wal / runs / 1000:.0f} KB of WAL of PostgreSQL',
        ),
        Result(
            f'{len(made)} fabrics that wait, on {os.cpu_count()} cores that Redis, PostgreSQL and the API server share',
            f'{drained[1]:.1f} runs a second with 1 worker, {drained[2]:.1f} with 2', 'grows with the workers',
            drained[2] > 1.2 * drained[1] if (os.cpu_count() or 1) > 1 else None,
        ),
    ]


@contextmanager
def processes(workers: int, schedulers: int) -> Iterator[None]:
    """Real ones, as rqworker and rqscheduler are started; none of them is left behind."""
    from netbox_hedgehog.jobs.queue import queue_name

    started = [process('worker', 'rqworker', queue_name()) for _ in range(workers)]
    started += [process('scheduler', 'rqscheduler') for _ in range(schedulers)]
    try:
        yield
    finally:
        stop_all(started)


def _spent() -> tuple[int, int, int, int]:
    """Runs that have ended, and what all of them have cost so far: commands of Redis, bytes of WAL, transactions."""
    from core.models import Job
    from django.db import connection as database

    from netbox_hedgehog.jobs.queue import connection

    stats = connection().info('commandstats')
    # zmscore and info are the benchmark's own.
    commands = sum(
        entry['calls'] for name, entry in stats.items() if name not in ('cmdstat_zmscore', 'cmdstat_info')
    )
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_wal_insert_lsn() - '0/0', xact_commit FROM pg_stat_database "
            'WHERE datname = current_database()'
        )
        wal, transactions = cursor.fetchone()
    return Job.objects.filter(completed__isnull=False).count(), commands, int(wal), transactions


def _drained(made: list[Any], workers: int) -> float:
    """Runs a second by so many workers that find all of these waiting."""
    from core.models import Job

    from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
    from netbox_hedgehog.jobs.queue import queue

    rounds, rates = 3, []
    with processes(workers, 0):
        for number in range(rounds + 1):
            jobs = [FabricSyncJob.request(fabric).pk for fabric in made]
            deadline = time.monotonic() + 120
            while Job.objects.filter(pk__in=jobs, completed__isnull=True).exists() or queue().count:
                if time.monotonic() > deadline:
                    raise RuntimeError('the workers do not end what waits')
                time.sleep(0.2)
            done = list(Job.objects.filter(pk__in=jobs).values_list('started', 'completed'))
            if number:  # in the first round workers are still starting
                begun, ended = min(row[0] for row in done), max(row[1] for row in done)
                rates.append(len(jobs) / (ended - begun).total_seconds())
    return sum(rates) / len(rates)
