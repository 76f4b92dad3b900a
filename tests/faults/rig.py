"""The whole system on this machine, of which every part may die: what supervises it starts it again.

A rig is driven by whoever waits: every wait supervises the processes and lets the fabrics change. So all of it happens
in one thread, in an order that the seed decides as far as processes let it.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import redis.exceptions

from demo.kubernetes_api import KubernetesAPI, load_objects
from demo.processes import Process, tail
from demo.valkey import ValkeyError
from tests.e2e.stack import DATA, QUICK, Row, Stack, children, schedule_id
from tests.support.real_cluster import EXTERNAL, why_not

from .fabrics import Fabric, generated
from .servers import ForgetfulValkey, KillableServices

__all__ = ('INTERVAL', 'SETTINGS', 'Rig', 'a_few_fabrics')

# Seconds: the shortest interval there is.
INTERVAL = 30

# Looks and beats come quicker than by default, and a worker does not wait long for an API server that is away: rounds
# are then short. Every status is read in every run, so that a mirror can equal its cluster.
SETTINGS = {**QUICK, 'status_interval': 0, 'retries': 1, 'connect_timeout': 2, 'read_timeout': 5}

# Seconds between a process's end and its next start, as a supervisor waits (restart: always).
RESTART_AFTER = 0.5

# Seconds between two changes of some fabric's objects.
CHANGE_EVERY = 0.25

# Seconds that everything gets to come up.
PATIENCE = 180

AWAY = (psycopg.Error, redis.exceptions.RedisError, OSError)


def a_few_fabrics() -> list[Fabric]:
    """Fabrics of different size; one on a real API server where there is one, two that are watched, one switched off."""
    fabrics = [
        Fabric('sample', load_objects(DATA), watched=True),
        Fabric('small', generated(20)),
        Fabric('middle', generated(250), watched=True),
        Fabric('large', generated(1200)),
        Fabric('off', generated(20), enabled=False),
    ]
    if not why_not() and not EXTERNAL:  # nobody else's is killed
        fabrics.insert(1, Fabric('real', load_objects(DATA), real=True))
    return fabrics


class Rig(Stack):
    """NetBox's web server, workers, schedulers and watchers on servers of their own, and fabrics that change.

    `seed` decides what changes. After `with`, everything runs and every fabric has been read once.
    """

    services: KillableServices
    valkey: ForgetfulValkey

    def __init__(
        self, services: KillableServices, folder: Path, fabrics: list[Fabric], seed: int, *, workers: int = 2,
        schedulers: int = 2, watchers: int = 1, **settings: Any,
    ) -> None:
        super().__init__(services, 'faults', folder, **{**SETTINGS, **settings})
        self.valkey = ForgetfulValkey()
        self.mirrored = fabrics
        self.chance = random.Random(f'{seed} changes')
        self.counts = {'worker': workers, 'scheduler': schedulers, 'watcher': watchers}
        self.boot_seconds = 0.0
        # Names of processes, 'postgres' and 'valkey', that are not started again for now.
        self.held: set[str] = set()
        self.changing = False
        self.restarts = 0
        # Called at every look; given nothing.
        self.observers: list[Callable[[], None]] = []
        self._ended: dict[str, float] = {}
        self._next_change = 0.0

    # Running

    def start(self, *, web: bool = True) -> Self:
        for fabric in self.mirrored:
            fabric.start()
        began = time.monotonic()
        super().start(web=web)
        self.boot_seconds = time.monotonic() - began
        for _ in range(self.counts['worker']):
            self.process('worker', 'rqworker', self.queue)
        for _ in range(self.counts['scheduler']):
            self.process('scheduler', 'rqscheduler')
        for _ in range(self.counts['watcher']):
            self.process('watcher', 'hedgehog_sync', 'watch')
        for fabric in self.mirrored:
            fabric.id = self.fabric(
                fabric.name, fabric.api, kubernetes_token=fabric.token, sync_interval=fabric.interval,
                watch_enabled=fabric.watched and fabric.enabled, sync_enabled=fabric.enabled,
            )
        self.await_true(lambda: self.complete, PATIENCE, 'all processes are at work')
        return self

    def stop(self) -> None:
        for fabric in self.mirrored:
            with suppress(Exception):
                fabric.stop()
        self.services.disk.free()
        self.services.postgres.restart()
        super().stop()

    def supervise(self) -> None:
        """Starts what has ended, as `restart: always` would."""
        now = time.monotonic()
        for name, runs, start in (
            ('postgres', self.services.postgres.runs, self.services.postgres.restart),
            ('valkey', self.valkey.runs, self._start_valkey),
        ):
            self._start_again(name, runs, start, now)
        for process in self.processes:
            self._start_again(process.name, not process.ended, process.start, now)

    def _start_again(self, name: str, runs: bool, start: Callable[[], object], now: float) -> None:
        if runs:
            self._ended.pop(name, None)
        elif name not in self.held and now - self._ended.setdefault(name, now) >= RESTART_AFTER:
            self.restarts += 1
            del self._ended[name]
            start()

    def _start_valkey(self) -> None:
        with suppress(ValkeyError):
            self.valkey.start()

    # Looking

    @property
    def enabled(self) -> list[Fabric]:
        return [fabric for fabric in self.mirrored if fabric.enabled]

    @property
    def demo_servers(self) -> list[KubernetesAPI]:
        """The API servers that can be made to fail by a word."""
        return [fabric.api for fabric in self.mirrored if isinstance(fabric.api, KubernetesAPI)]

    @property
    def complete(self) -> bool:
        """Whether every process that should be there says so, and NetBox's own word on it is that all is well."""
        try:
            code, health = self.call('GET', 'plugins/hedgehog/health/')
        except (OSError, ValueError):
            return False
        return code == 200 and isinstance(health, dict) and health['state'] == 'healthy' and all(
            len(health[f'{kind}s']) >= count for kind, count in self.counts.items()
        )

    def of(self, kind: str) -> list[Process]:
        """The processes of a kind that live: worker, scheduler, watcher or web."""
        return [process for process in self.processes if process.name.startswith(kind) and not process.ended]

    def work_horses(self) -> list[int]:
        """The processes that execute a run at this moment. A worker has another child: RQ's own scheduler."""
        found = [pid for worker in self.of('worker') if worker.pid for pid in children(worker.pid)]
        return [pid for pid in found if leads_its_group(pid)]

    def rows(self, query: str, *values: Any) -> list[Row] | None:
        """What the database says, or None while it is away."""
        try:
            return self.sql(query, *values)
        except psycopg.Error:
            return None

    def tails(self, lines: int = 25) -> str:
        """The last words of all processes and servers."""
        logs = [(process.name, process.log) for process in self.processes]
        logs.append(('postgres', self.services.postgres.directory / 'log'))
        return '\n'.join(f'--- {name}\n{tail(log, lines)}' for name, log in logs)

    # Waiting

    def tick(self) -> None:
        """One look: what has ended is started, something changes in some fabric, and the observers look."""
        self.supervise()
        if self.changing and time.monotonic() >= self._next_change:
            self._next_change = time.monotonic() + CHANGE_EVERY
            self.chance.choice(self.enabled).change(self.chance)
        for observer in self.observers:
            observer()

    def pause(self, seconds: float) -> None:
        """Lets time pass."""
        deadline = time.monotonic() + seconds
        while True:
            self.tick()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(0.1, left))

    def until(self, condition: Callable[[], Any], seconds: float) -> Any:
        """What `condition` returns, once that is true; what it returned last when it takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            self.tick()
            found = condition()
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def await_true(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        """Fails with all logs when a condition does not come true."""
        if not self.until(condition, seconds):
            raise AssertionError(f'Waited {seconds:.0f} s in vain until {what}.\n{self.describe()}\n{self.tails()}')

    def busy(self, fabric: Fabric) -> bool:
        """Whether a run of the fabric waits or is at work; true where nobody can tell."""
        try:
            return bool(
                self.waiting(fabric.id)
                or self.sql('SELECT 1 FROM pg_locks WHERE classid = 470220 AND objid = %s AND granted', fabric.id)
            )
        except AWAY:
            return True

    # Doing

    def linger(self, seconds: float) -> None:
        """Every request to the demo's API servers takes so much longer, until hurry(): runs are met in the middle."""
        for api in self.demo_servers:
            api.faults.delay(seconds, times=None, match=r'^(?!.*watch=)')

    def hurry(self) -> None:
        """Ends whatever was made to go wrong at the API servers."""
        for api in self.demo_servers:
            api.faults.clear()
        for fabric in self.mirrored:
            fabric.come_back()

    def ask_for_a_run(self, fabric: Fabric) -> list[str]:
        """Somebody asks for a run of a fabric now. Where one waits or is at work already, that is what they get.

        Returns a sentence where they get something else; nothing where the web server has too much to do.
        """
        try:
            code, answer = self.call('POST', f'plugins/hedgehog/fabrics/{fabric.id}/sync/')
        except OSError:
            return []
        return [] if code in (202, 409) else [f'{fabric.name} could not be asked for: {code} {str(answer)[:300]}']

    def let_interval_pass(self, fabric: Fabric) -> bool:
        """The fabric's next run is due now, as if the rest of its interval had passed. False where none is scheduled."""
        try:
            return bool(self.redis.zadd('rq:scheduler:scheduled_jobs', {schedule_id(fabric.id): time.time()}, xx=True, ch=True))
        except redis.exceptions.RedisError:
            return False


def leads_its_group(pid: int) -> bool:
    """As a work horse does."""
    with suppress(ProcessLookupError):
        return os.getpgid(pid) == pid
    return False


def kill(*pids: int | None) -> None:
    """kill -9."""
    for pid in pids:
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
