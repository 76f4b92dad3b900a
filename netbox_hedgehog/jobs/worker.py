"""The process that `rqworker` runs."""

import gc
import os
from importlib import import_module
from typing import Any

from django.db import connections
from redis.client import Pipeline
from rq.job import Job
from rq.queue import Queue
from utilities.rqworker import NetBoxRQWorker

from .migration_check import database_is_newer
from .queue import queue_name

__all__ = ('PID_NAMESPACE', 'HedgehogWorker', 'pid_namespace', 'warm_up')

# Seconds. RQ's 420 would let a killed worker look alive for eight minutes, and keep one whose registration was lost
# (an emptied Redis) from noticing for seven: it looks between two waits for work, 15 s shorter than this.
WORKER_TTL = 45


# The field of RQ's record of a worker that says in which namespace its process id counts.
PID_NAMESPACE = 'pid_namespace'


def pid_namespace() -> str:
    """The name of this process's PID namespace: two containers may share a host name, and yet not see each other."""
    try:
        return os.readlink('/proc/self/ns/pid')
    except OSError:
        return ''


class HedgehogWorker(NetBoxRQWorker):
    """NetBox's worker; where it serves fabrics it shows its life sign more often. Other queues' workers are as ever."""

    # Seconds. Without Redis a worker waits longer and longer between its tries: not a minute, as RQ would have it.
    max_connection_wait_time = 15.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if queue_name() in self.queue_names():
            self.worker_ttl: int = min(self.worker_ttl, WORKER_TTL)
            warm_up()

    def execute_job(self, job: Job, queue: Queue) -> None:
        super().execute_job(job, queue)
        if self._database_is_newer():
            self._stop_requested = True

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        """As RQ's; and says that the job is over where RQ does not: of a job whose record is gone, as it is once its
        fabric was deleted or disabled.
        """
        super().monitor_work_horse(job, queue)
        if self.get_current_job_id() is not None:
            with self.connection.pipeline() as pipe:
                self.cleanup_execution(job, pipeline=pipe)
                pipe.execute()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None,
    ) -> tuple[Job, Queue] | None:
        """The next job; None ends the worker: also where it has nothing to do and the database has outgrown it.

        Nobody would give it a job to notice that by: the scheduler has noticed first.
        """
        if timeout is None or max_idle_time is not None:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        while True:
            # RQ comes back from an idle wait only where one is limited.
            found = super().dequeue_job_and_maintain_ttl(timeout, timeout)
            if found is not None or self._database_is_newer():
                return found

    def _database_is_newer(self) -> bool:
        sentence = database_is_newer()
        # Runs are forked off this process, and must not inherit its connection.
        connections.close_all()
        if sentence:
            self.log.error('Worker %s stops: %s', self.name, sentence)
        return bool(sentence)

    def serialize(self) -> dict[str, Any]:
        """What stands in RQ's record of this worker: who and where it is."""
        return {**super().serialize(), PID_NAMESPACE: pid_namespace()}

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """As NetBox's, which joins the workers again where Redis was emptied; and tells again who this is.

        Where RQ wrote something into the record before that, NetBox leaves the rest out. A worker of which nobody knows
        where it runs counts as alive until RQ forgets it, however dead it is.
        """
        super().heartbeat(timeout, pipeline)
        if not self.connection.hexists(self.key, 'hostname'):
            self.connection.hset(self.key, mapping=self.serialize())


def warm_up() -> None:
    """Load now what a run needs: each is forked off this process, and would load it anew.

    That took 0.2 s of every run, ten times as long as its bookkeeping; the Kubernetes client is most of it. Frozen, the
    pages of memory that hold it stay shared with the forks, whose garbage collector leaves them alone.
    """
    import_module('netbox_hedgehog.jobs.fabric_sync')
    gc.collect()
    gc.freeze()
