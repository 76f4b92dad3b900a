"""Run RQ's worker for fabrics: the process behind `rqworker`."""

import gc
import os
from importlib import import_module
from typing import Any

from django.db import connections
from redis.client import Pipeline
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from utilities.rqworker import NetBoxRQWorker

from .life_sign import remove_life_sign, touch_life_sign
from .migration_check import database_is_newer
from .queue import queue_name

__all__ = ('PID_NAMESPACE', 'HedgehogWorker', 'pid_namespace', 'warm_up')

# Seconds. With RQ's 420 a killed worker would look alive for eight minutes, and a worker whose registration was lost
# (an emptied Redis) would not notice for seven: it checks between two waits for work, 15 s shorter than this.
WORKER_TTL = 45


# The field of RQ's worker record that names the PID namespace of its process.
PID_NAMESPACE = 'pid_namespace'


def pid_namespace() -> str:
    """Return the name of this process's PID namespace: two containers may share a host name, but not see each other."""
    try:
        return os.readlink('/proc/self/ns/pid')
    except OSError:
        return ''


class HedgehogWorker(NetBoxRQWorker):
    """NetBox's worker, with a life sign for health checks, and with more frequent heartbeats if it serves fabrics."""

    # Seconds. Without Redis a worker waits longer and longer between its tries: RQ's limit is a minute.
    max_connection_wait_time = 15.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if queue_name() in self.queue_names():
            self.worker_ttl: int = min(self.worker_ttl, WORKER_TTL)
            warm_up()

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Start as NetBox's worker does, without the life sign of an earlier process."""
        remove_life_sign()
        super().bootstrap(*args, **kwargs)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Execute a job, and stop afterwards if the database is newer than this code."""
        super().execute_job(job, queue)
        if self._database_is_newer():
            self._stop_requested = True

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        """Monitor the process of a job as RQ does, and record its end where RQ does not.

        RQ does not if the job's record is gone, as it is once its fabric was deleted or disabled.
        """
        super().monitor_work_horse(job, queue)
        if self.get_current_job_id() is not None:
            with self.connection.pipeline() as pipe:
                self.cleanup_execution(job, pipeline=pipe)
                pipe.execute()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None,
    ) -> tuple[Job, Queue] | None:
        """Return the next job, or None to end the worker: also if it is idle and the database is newer than this code.

        Without jobs it would not notice otherwise: the scheduler has noticed first, and queues none.
        """
        if timeout is None or max_idle_time is not None:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        while True:
            # RQ returns from an idle wait only if the wait has a limit.
            found = super().dequeue_job_and_maintain_ttl(timeout, timeout)
            if found is not None or self._database_is_newer():
                return found

    def _database_is_newer(self) -> bool:
        sentence = database_is_newer()
        # Jobs are forked off this process, and must not inherit its connection.
        connections.close_all()
        if sentence:
            self.log.error('Worker %s stops: %s', self.name, sentence)
        return bool(sentence)

    def serialize(self) -> dict[str, Any]:
        """Return RQ's record of this worker, with where it runs."""
        return {**super().serialize(), PID_NAMESPACE: pid_namespace()}

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Send NetBox's heartbeat, which registers the worker again if Redis was emptied, and identify it again.

        If RQ wrote to the record before that, NetBox omits the other fields. A dead worker whose host is unknown would
        count as alive until RQ's own time-out.
        """
        super().heartbeat(timeout, pipeline)
        if not self.connection.hexists(self.key, 'hostname'):
            self.connection.hset(self.key, mapping=self.serialize())
        if pipeline is None:
            touch_life_sign()  # a pipeline is executed later, or not at all

    def maintain_heartbeats(self, job: Job, *execution: Execution) -> None:
        """Send the heartbeats during a job, in one pipeline. RQ 3 gives the execution, RQ 2 keeps it in the worker."""
        super().maintain_heartbeats(job, *execution)
        touch_life_sign()


def warm_up() -> None:
    """Load what a sync needs before workers fork: each fork would load it again.

    That took 0.2 s of every sync, ten times as long as its bookkeeping, mostly for the Kubernetes client. With
    gc.freeze() the memory pages stay shared with the forks, because their garbage collector does not touch them.
    """
    import_module('netbox_hedgehog.jobs.fabric_sync')
    gc.collect()
    gc.freeze()
