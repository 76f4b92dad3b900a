"""The process that `rqscheduler` runs: rq-scheduler's, with a beat that heals and a queue that cannot flood."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import batched
from typing import Any

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django_rq.queues import DjangoScheduler
from netbox.plugins.utils import get_plugin_config
from redis.exceptions import RedisError
from rq.job import Job as RQJob

from ..events import dispatch, watch
from .locks import locked_fabrics
from .recovery import recover
from .schedules import SCHEDULED_JOBS, fabric_of, next_due, reconcile
from .schema import outdated
from .worker import PID_NAMESPACE, pid_namespace

__all__ = ('HedgehogScheduler',)

logger = logging.getLogger(__name__)

# How many due fabrics are put into the queue in one round trip to Redis.
BATCH = 500

# Seconds after a look for which a scheduler counts as alive: a look with a beat may take a while.
ALIVE_FOR = 15


class HedgehogScheduler(DjangoScheduler):
    """rq-scheduler's Scheduler, but for four things.

    It looks for due jobs every second: a run is not late because nobody looked. It keeps fabrics' schedules as the
    database wants them. It never puts a fabric into the queue that is waiting there or being read. And it outlives a
    Redis or database that is away for a while. Schedules of others are treated as rq-scheduler would.
    """

    def __init__(self, *args: Any, interval: int = 60, **kwargs: Any) -> None:
        interval = min(interval, get_plugin_config('netbox_hedgehog', 'scheduler_interval'))
        super().__init__(*args, interval=interval, **kwargs)
        self._next_beat = 0.0
        self._complaint = ''
        self._failing: set[str] = set()

    def register_birth(self) -> None:
        super().register_birth()
        # Whose process this is: a probe looks for the one that lives where it does.
        self.connection.hset(self.key, mapping={'hostname': socket.gethostname(), PID_NAMESPACE: pid_namespace()})
        self.connection.expire(self.key, self._alive_for)

    def heartbeat(self) -> None:
        with self._outliving('Redis'):
            if not self.connection.expire(self.key, self._alive_for):
                self.register_birth()  # the key is gone: Redis was emptied

    @property
    def _alive_for(self) -> int:
        return max(ALIVE_FOR, int(self._interval) + 10)

    def register_death(self) -> None:
        # Also called by SIGTERM, in the middle of anything: it must not keep this process from ending.
        with suppress(RedisError, OSError):
            super().register_death()

    def acquire_lock(self) -> bool:
        with self._outliving('Redis'):
            return bool(super().acquire_lock())
        return False

    def remove_lock(self) -> None:
        with self._outliving('Redis'):
            super().remove_lock()

    def enqueue_jobs(self) -> list[RQJob]:
        """One look: the beat, when it is time for it, and then all that is due. Called under rq-scheduler's lock."""
        close_old_connections()
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + get_plugin_config('netbox_hedgehog', 'beat_interval')
            self.beat()
        with self._outliving('Redis'):
            return self._enqueue_due(time.time())
        return []

    def beat(self) -> None:
        """Bring the schedules in line with the database, record killed runs, and tell what became of fabrics.

        Raises SystemExit where the database was migrated for a newer release: what supervises this process starts it
        anew, from what is installed now.
        """
        if sentence := outdated():
            logger.error('The scheduler ends: %s', sentence)
            raise SystemExit(1)
        with self._outliving('the database or Redis'):
            counts = {**reconcile(), **recover()}
            if any(counts[name] for name in counts if name != 'unchanged'):
                logger.info('Schedules mended: %s', ', '.join(f'{count} {name}' for name, count in counts.items()))
            watch()
            dispatch()

    def _enqueue_due(self, now: float) -> list[RQJob]:
        due = [raw.decode() for raw in self.connection.zrangebyscore(SCHEDULED_JOBS, 0, now)]
        if not due:
            return []
        jobs, ours = [], []
        for name, job in zip(due, RQJob.fetch_many(due, connection=self.connection), strict=True):
            if job is None:
                self.cancel(name)  # the beat makes it anew where it is wanted
                continue
            jobs.append(job)
            fabric_id = fabric_of(name)
            if fabric_id is None:
                self._enqueue_foreign(job)
            else:
                ours.append((fabric_id, job))
        if ours:
            self._enqueue_fabrics(ours, now)
        return jobs

    def _enqueue_fabrics(self, due: list[tuple[int, RQJob]], now: float) -> None:
        """Put fabrics into the queue that are neither waiting there nor being read; all are due anew.

        Whatever was missed meanwhile is made up for by this one run. A few hundred at a round trip: with thousands of
        fabrics one each would take longer than a look may.
        """
        running = self._running()
        queues = {job.origin: self.get_queue_for_job(job) for _, job in due}
        waiting = {origin: set(self.connection.lrange(queue.key, 0, -1)) for origin, queue in queues.items()}
        for batch in batched(due, BATCH):
            with self.connection.pipeline() as pipe:
                for fabric_id, job in batch:
                    if fabric_id not in running and job.id.encode() not in waiting[job.origin]:
                        queue = queues[job.origin]
                        pipe.sadd(queue.redis_queues_keys, queue.key)
                        # enqueue_job() would look for dependencies, and cannot do that for a second job in a pipeline.
                        queue._enqueue_job(job, pipeline=pipe)
                        # RQ's word about an earlier run of this id, which a worker did not survive.
                        queue.failed_job_registry.remove(job, pipeline=pipe)
                    # xx: a fabric that was deleted meanwhile stays deleted.
                    interval = job.meta.get('interval', 300)
                    pipe.zadd(SCHEDULED_JOBS, {job.id: next_due(fabric_id, interval, now)}, xx=True)
                pipe.execute()

    def _enqueue_foreign(self, job: RQJob) -> None:
        """A schedule of somebody else. One that cannot be read must not keep the fabrics' from running."""
        try:
            self.enqueue_job(job)
        except (RedisError, OSError):
            raise
        except Exception:
            if job.id not in self._failing:
                self._failing.add(job.id)
                logger.exception('The schedule %s, which is not of this plugin, cannot be queued.', job.id)

    def _running(self) -> set[int]:
        try:
            return locked_fabrics()
        except DatabaseError:
            return set()  # the run itself finds out

    @contextmanager
    def _outliving(self, what: str) -> Iterator[None]:
        """Go on without what is away, and say so once, and once when it is back."""
        try:
            yield
            if self._complaint and what != 'Redis':
                logger.info('The scheduler works again.')
                self._complaint = ''
        except (RedisError, DatabaseError, OSError) as error:
            complaint = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
            if complaint != self._complaint:
                logger.error('The scheduler cannot reach %s and tries again: %s', what, complaint)
                self._complaint = complaint
