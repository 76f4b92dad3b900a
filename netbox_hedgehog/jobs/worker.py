"""The process that `rqworker` runs."""

from typing import Any

from utilities.rqworker import NetBoxRQWorker

from .queue import queue_name

__all__ = ('HedgehogWorker',)

# Seconds. RQ's 420 would let a killed worker look alive for eight minutes, and keep one whose registration was lost
# (an emptied Redis) from noticing for seven: it looks between two waits for work, 15 s shorter than this.
WORKER_TTL = 45


class HedgehogWorker(NetBoxRQWorker):
    """NetBox's worker; where it serves fabrics it shows its life sign more often. Other queues' workers are as ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if queue_name() in self.queue_names():
            self.worker_ttl = min(self.worker_ttl, WORKER_TTL)
