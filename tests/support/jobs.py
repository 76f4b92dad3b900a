"""What the tests of schedules, runs and healing share."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import psycopg
from core.models import Job
from django.db import connection as database
from django.utils import timezone
from redis import Redis
from redis.client import Pipeline

from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.jobs.queue import connection, queue
from netbox_hedgehog.jobs.schedules import SCHEDULED_JOBS, schedule_id
from netbox_hedgehog.locks import LOCK_SPACE
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.sync.report import READ, KindReport, Report

SERVER = 'https://control-1.example.com:6443'


def make_fabric(name: str = 'a', **values: Any) -> Fabric:
    return Fabric.objects.create(name=name, kubernetes_server=SERVER, **values)


def make_fabrics(count: int, name_prefix: str = 'fabric', **values: Any) -> list[Fabric]:
    """Many fabrics in one statement, as if nobody had told Redis of them."""
    return Fabric.objects.bulk_create(
        Fabric(**{'name': f'{name_prefix}-{number:04}', 'kubernetes_server': SERVER, **values}) for number in range(count)
    )


def make_job(fabric: Fabric, status: str, *, age: float = 60, **values: Any) -> Job:
    """A NetBox job of a fabric's run, as old as `age` seconds."""
    job = FabricSyncJob.record(fabric)
    Job.objects.filter(pk=job.pk).update(status=status, created=ago(seconds=age), **values)
    job.refresh_from_db()
    return job


def ago(**delta: float) -> datetime:
    return timezone.now() - timedelta(**delta)


def due(fabric: Fabric) -> float | None:
    score = connection().zscore(SCHEDULED_JOBS, schedule_id(fabric.pk))
    return None if score is None else float(score)


def make_due(fabric: Fabric, at: float) -> None:
    connection().zadd(SCHEDULED_JOBS, {schedule_id(fabric.pk): at}, xx=True)


def waiting() -> list[str]:
    return [raw.decode() for raw in connection().lrange(queue().key, 0, -1)]


def report(fabric: Fabric, *, error: str = '') -> Report:
    """What a run of a small fabric reports."""
    made = Report(fabric=fabric.name, started=timezone.now())
    if not error:
        made.kinds.append(KindReport('Switch', outcome=READ, read=2))
    made.conclude(timezone.now(), error)
    return made


@contextmanager
def sync_answer(answer: Any = None) -> Iterator[None]:
    """Runs get a report without any cluster; `answer` is raised, or called with the fabric."""
    def read(fabric: Fabric, *told: Any) -> Report:
        if isinstance(answer, BaseException):
            raise answer
        return answer(fabric) if answer else report(fabric)

    with patch('netbox_hedgehog.jobs.fabric_sync.sync_fabric', read):
        yield


@contextmanager
def locked(*fabrics: Fabric) -> Iterator[None]:
    """Another process reads these fabrics at this moment."""
    with psycopg.connect(**database.get_connection_params() | {'cursor_factory': psycopg.Cursor}) as other:
        for fabric in fabrics:
            other.execute('SELECT pg_advisory_lock(%s, %s)', [LOCK_SPACE, fabric.pk])
        yield


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """Collects what is sent to Redis, one entry a round trip."""
    sent: list[str] = []
    command, execute = Redis.execute_command, Pipeline.execute

    def one(self: Redis, *args: Any, **options: Any) -> Any:
        if not isinstance(self, Pipeline):
            sent.append(str(args[0]))
        return command(self, *args, **options)

    def many(self: Pipeline, *args: Any, **options: Any) -> Any:
        if self.command_stack:
            sent.append(f'pipeline of {len(self.command_stack)}')
        return execute(self, *args, **options)

    with patch.object(Redis, 'execute_command', one), patch.object(Pipeline, 'execute', many):
        yield sent
