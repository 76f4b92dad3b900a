"""Keep rq-scheduler's schedules as the database says; Redis only holds them.

What should be scheduled follows from the Fabric rows. reconcile() makes rq-scheduler agree with it, and is called by
everything that may have to correct something: start-up, a saved or deleted fabric, the bootstrap command, the
scheduler's heartbeat.
"""

import logging
import re
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netbox.plugins.utils import get_plugin_config
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError
from rq.job import Job as RQJob
from rq.job import JobStatus
from rq.results import Result
from rq_scheduler import Scheduler

from ..models import Fabric
from .deployment import Deployments, deployment_id, several, suffix
from .queue import REGISTRIES, connection, queue_name, usable_queue
from .records import execute, log_once, name_once, of_the_record, read_jobs, remove_wrong_types, text

__all__ = (
    'RUN_FABRIC', 'FabricSyncScheduler', 'Schedule', 'due_times', 'fabric_of', 'is_schedule', 'next_due',
    'own_schedule_id', 'reconcile', 'schedule_id',
)

logger = logging.getLogger(__name__)

RUN_FABRIC = 'netbox_hedgehog.jobs.fabric_sync.execute_fabric_sync'
PREFIX = 'netbox_hedgehog-fabric-'
SCHEDULED_JOBS = Scheduler.scheduled_jobs_key

# A schedule's id: the fabric, and the deployment unless that is the primary.
ID = re.compile(r'netbox_hedgehog-fabric-(0|[1-9][0-9]{0,18})(?:-([0-9a-f]{12}))?', re.ASCII)

# Seconds by which the clocks of two machines may differ.
SKEW = 60

# The last second of the year 9999: Python has no later time.
END_OF_TIME = 253402300799


def schedule_id(fabric_id: int, deployment: str = '') -> str:
    """Return the fixed id of a fabric's schedule in rq-scheduler, which is also the id of its one queue entry.

    Takes the fabric's id and the suffix of this NetBox's schedule ids: see deployment.suffix().
    """
    return f'{PREFIX}{fabric_id}-{deployment}' if deployment else f'{PREFIX}{fabric_id}'


def fabric_of(schedule: str, deployment: str = '') -> int | None:
    """Return the fabric's id of a schedule, or None for a schedule of somebody else."""
    found = ID.fullmatch(schedule)
    return int(found[1]) if found and (found[2] or '') == deployment else None


def own_schedule_id(fabric_id: int) -> str:
    """Return the current schedule_id() of a fabric.

    One round trip to Redis; raises what Redis and the database raise.
    """
    return schedule_id(fabric_id, suffix(connection()))


def is_schedule(schedule: str) -> bool:
    """Return whether a schedule is of this plugin, in whichever NetBox."""
    return ID.fullmatch(schedule) is not None


@dataclass(frozen=True, slots=True)
class Schedule:
    """The schedule that rq-scheduler should have for a fabric. Times in seconds; `due` as seconds since 1970."""

    fabric_id: int
    interval: int
    timeout: int
    queue: str
    due: float
    deployment: str

    @property
    def meta(self) -> dict[str, Any]:
        """Return the metadata of the schedule's job in RQ."""
        return {'interval': self.interval, 'deployment': self.deployment}

    def as_job(self, name: str, redis: Redis) -> RQJob:
        """Return an RQ job with this id, not saved yet."""
        return RQJob.create(
            RUN_FABRIC, args=(self.fabric_id,), id=name, connection=redis, origin=self.queue,
            timeout=self.timeout, result_ttl=-1, status=JobStatus.SCHEDULED, meta=self.meta,
            description=f'Sync Hedgehog fabric {self.fabric_id} every {self.interval} s',
        )

    def matches(self, job: RQJob) -> bool:
        """Return whether an RQ job is as the schedule says, apart from its due time."""
        try:
            return (
                job.meta == self.meta and job.origin == self.queue
                and job.timeout == self.timeout and job.func_name == RUN_FABRIC
                and tuple(job.args) == (self.fabric_id,)
            )
        except Exception:
            return False  # the record can contain anything


def next_due(fabric_id: int, interval: float, now: float) -> float:
    """Return when a fabric that is synced now is due next: at its own offset in the interval, derived from its id.

    Fabrics that were created, or came back, at the same moment are thus spread out: else they would wait for each other
    at every interval, and the same short outage would hit all of them. Takes and returns seconds since 1970. The next
    sync is at least half an interval ahead and at most one; the offset is reached to the second from any time.
    """
    ahead = _to_place(fabric_id, interval, now)
    return now + (ahead if ahead >= interval / 2 else (ahead + interval) / 2)


def _to_place(fabric_id: int, interval: float, now: float) -> float:
    """Return the seconds until a fabric's offset in its interval: more than 0, and at most one interval."""
    phase = zlib.crc32(fabric_id.to_bytes(8)) / 2**32
    return interval - (now - phase * interval) % interval


def desired_schedules(now: float, deployment: str = '') -> dict[int, Schedule]:
    """Return what should be scheduled, by fabric: one SQL statement.

    A fabric is due as next_due() says of its last attempt, and never later than an interval from now, whatever a wrong
    clock has written. Overdue fabrics start at most one per second, in the order of their offsets; if there are more
    than an interval has seconds, at their offsets. This avoids a thundering herd after an outage.
    """
    dues = [
        (pk, interval, now if last is None else next_due(pk, interval, min(last.timestamp(), now)))
        for pk, interval, last in Fabric.objects.scheduled().values_list('pk', 'sync_interval', 'last_attempt')
    ]
    overdue = sum(1 for _, _, due in dues if due <= now)
    queue, timeout = queue_name(), get_plugin_config('netbox_hedgehog', 'job_timeout')
    schedules = {}
    for pk, interval, due in dues:
        at = due if due > now else now + _to_place(pk, interval, now) * min(1, (overdue - 1) / interval)
        schedules[pk] = Schedule(pk, interval, timeout, queue, at, deployment)
    return schedules


def reconcile() -> dict[str, int]:
    """Create, correct and remove schedules until rq-scheduler has exactly the desired ones.

    Returns how many were created, updated, removed and unchanged. One SQL statement and five round trips to Redis,
    however many fabrics there are. The schedules of other NetBox installations are kept while those are alive. Raises
    what Redis and the database raise if they cannot be reached, and nothing for what is in Redis.
    """
    redis, now = connection(), time.time()
    remove_wrong_types(redis, {SCHEDULED_JOBS: 'zset'})
    usable_queue()
    me = deployment_id()
    desired_of = desired_schedules(now, me)
    with redis.pipeline() as pipe:
        Deployments.join(pipe, me)
        pipe.zrange(SCHEDULED_JOBS, 0, -1, withscores=True)
        answer, scores = pipe.execute()
    deployments = Deployments.of(me, answer)
    if sentence := several(deployments.alive):
        log_once(sentence)
    desired = {schedule_id(pk, deployments.suffix): schedule for pk, schedule in desired_of.items()}
    present = {name: score for raw, score in scores if _is_ours(name := text(raw), deployments)}
    jobs, unreadable = read_jobs(redis, sorted(desired.keys() | present.keys()))
    counts = dict.fromkeys(('created', 'updated', 'removed', 'unchanged'), 0)
    with redis.pipeline() as pipe:
        for name, schedule in desired.items():
            job = jobs.get(name)
            # A due time later than possible was written with a wrong clock.
            in_time = name in present and present[name] <= now + schedule.interval + SKEW
            if in_time and job is not None and schedule.matches(job):
                counts['unchanged'] += 1
                continue
            counts['updated' if name in present else 'created'] += 1
            if name in unreadable:
                pipe.delete(RQJob.key_for(name))
            schedule.as_job(name, redis).save(pipeline=pipe)
            pipe.persist(RQJob.key_for(name))
            pipe.zadd(SCHEDULED_JOBS, {name: schedule.due})
        for name in present.keys() - desired.keys():
            counts['removed'] += 1
            pipe.zrem(SCHEDULED_JOBS, name)
            _forget(pipe, name, jobs[name].origin if name in jobs else queue_name())
        execute(pipe)
    return counts


def _is_ours(name: str, deployments: Deployments) -> bool:
    """Return whether to decide on a schedule here: it is this NetBox's, or that of one that is no longer alive."""
    found = ID.fullmatch(name)
    if found is None:
        return False
    owner = found[2] or deployments.primary
    return owner == deployments.me or owner not in deployments.alive


def _forget(pipe: Pipeline, name: str, queue: str) -> None:
    """Remove a schedule's job from RQ: its queue entry and its results."""
    pipe.lrem(f'rq:queue:{queue}', 0, name)
    for registry in REGISTRIES:
        pipe.zrem(f'rq:{registry}:{queue}', name)
    pipe.delete(RQJob.key_for(name), Result.get_key(name))  # type: ignore[no-untyped-call]  # RQ's


def due_times(fabric_ids: Iterable[int]) -> dict[int, float]:
    """Return when each of these fabrics is due next, in seconds since 1970; without those that have no schedule."""
    ids = list(fabric_ids)
    if not ids:
        return {}
    redis = connection()
    end = suffix(redis)
    try:
        scores = redis.zmscore(SCHEDULED_JOBS, [schedule_id(pk, end) for pk in ids])
    except ResponseError as error:
        name_once(SCHEDULED_JOBS, of_the_record(error))
        return {}
    return {pk: score for pk, score in zip(ids, scores, strict=True) if score is not None and 0 <= score < END_OF_TIME}


class FabricSyncScheduler:
    """Start and inspect the schedules of all fabrics."""

    def bootstrap_all_fabric_schedules(self) -> dict[str, Any]:
        """Bring rq-scheduler in line with the database.

        Returns the counts of reconcile(), and `fabrics`, the number of schedules there are now. Raises what Redis and
        the database raise: a failed bootstrap must not look like a successful one.
        """
        counts = reconcile()
        return {'fabrics': counts['created'] + counts['updated'] + counts['unchanged'], **counts}
