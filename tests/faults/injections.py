"""The faults: each breaks something, and heals what does not heal by being started again.

What is killed is killed with kill -9. inject() and heal() are called by the thread that drives the rig; heal() returns
when what was broken is there again, as far as that is not NetBox's own part.
"""

import random
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
import redis.exceptions

from demo.kubernetes_api import KubernetesAPI
from tests.e2e.stack import children

from .rig import Rig, kill
from .servers import CONNECTIONS

__all__ = ('FAULTS', 'Fault')

# Seconds that a server gets to be there again.
PATIENCE = 120


class Fault:
    """One thing that goes wrong. The first line of its docstring is how it is called in the results."""

    # Whether requests of a run may still come when another one has begun: a run that has lost its lock with its session
    # asks for the next pages before it notices that it may not write any more; and of one that fails the requests that
    # it sent ahead are repeated until its process ends.
    leaves_requests = False

    @property
    def name(self) -> str:
        return (self.__doc__ or type(self).__name__).split('\n')[0].rstrip('.')

    def why_not(self, rig: Rig) -> str:
        """Why it cannot be had on this machine, or ''."""
        return ''

    def inject(self, rig: Rig, chance: random.Random) -> None:
        raise NotImplementedError

    def during(self, rig: Rig) -> list[str]:
        """What must hold while it is broken, after some time: sentences where it does not."""
        return []

    def heal(self, rig: Rig) -> None:
        """What is started again by its supervisor needs nothing here."""


class WorkerKilled(Fault):
    """worker killed, its work horse goes on as an orphan"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        kill(chance.choice(rig.of('worker')).pid)


class Extinction(Fault):
    """Processes of a kind are killed, one or all; where all are, NetBox says so before the first is there again."""

    kind, sentence = '', ''

    def inject(self, rig: Rig, chance: random.Random) -> None:
        victims = rig.of(self.kind)
        self._all = chance.random() < 0.5
        if self._all:
            rig.held |= {victim.name for victim in victims}
        else:
            victims = [chance.choice(victims)]
        pids = [victim.pid for victim in victims if victim.pid]
        kill(*pids, *(child for pid in pids for child in children(pid)))

    def during(self, rig: Rig) -> list[str]:
        if not self._all or rig.until(lambda: self._said(rig), 60):
            return []
        return [f'all are dead for a minute, and health does not say: {self.sentence}']

    def _said(self, rig: Rig) -> bool:
        try:
            health = rig.call('GET', 'plugins/hedgehog/health/')[1]
        except OSError:
            return False
        return health['state'] == 'broken' and any(self.sentence in problem for problem in health['problems'])

    def heal(self, rig: Rig) -> None:
        rig.held.clear()


class WorkersKilled(Extinction):
    """workers killed with their work horses: one or all"""

    kind, sentence = 'worker', 'No worker serves the queue'


class SchedulersKilled(Extinction):
    """schedulers killed: one or all"""

    kind, sentence = 'scheduler', 'No scheduler is running'


class HorseKilledWriting(Fault):
    """work horse killed in the middle of a transaction"""

    # What holds the lock of a run is its session, which ends some time after its process.
    _keeps: psycopg.Connection | None = None

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.hurry()
        # New resources are written first, and then made known to the search, which has to wait for us.
        self._keeps = psycopg.connect(rig.database)
        self._keeps.execute('LOCK TABLE extras_cachedvalue IN SHARE ROW EXCLUSIVE MODE')
        for fabric in rig.enabled:
            fabric.grow()
            rig.let_interval_pass(fabric)
        waits = "SELECT 1 FROM pg_locks WHERE relation = 'extras_cachedvalue'::regclass AND NOT granted"
        rig.until(lambda: rig.work_horses() and rig.rows(waits), 30)
        kill(*rig.work_horses())

    def heal(self, rig: Rig) -> None:
        if self._keeps is not None:
            self._keeps.close()


class HorseKilled(Fault):
    """work horse killed during a sync"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.linger(0.1)
        horses = rig.until(rig.work_horses, 20)
        rig.pause(chance.uniform(0, 1))
        kill(*(rig.work_horses() or horses))


class WebKilled(Fault):
    """web server killed"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        kill(*(web.pid for web in rig.of('web')))


class WatcherKilled(Fault):
    """watcher killed"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        kill(*(watcher.pid for watcher in rig.of('watcher')))


class PostgresKilled(Fault):
    """PostgreSQL killed"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.held.add('postgres')
        rig.services.postgres.kill()

    def heal(self, rig: Rig) -> None:
        rig.held.discard('postgres')
        await_postgres(rig)


class BackendKilled(Fault):
    """a PostgreSQL backend killed, all sessions end"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rows = rig.rows(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        if rows:
            kill(chance.choice(rows)['pid'])

    def heal(self, rig: Rig) -> None:
        await_postgres(rig)


class SessionsCut(Fault):
    """sessions of PostgreSQL cut, as by a failover, in a sync that waits for its API server"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.hurry()
        # One run waits long, so that a worker is free to begin another one of the same fabric.
        slow = chance.choice([fabric for fabric in rig.enabled if isinstance(fabric.api, KubernetesAPI)])
        slow.api.faults.delay(4.5, times=1, match=r'^(?!.*watch=)', after=chance.randrange(10))
        for fabric in rig.enabled:
            rig.let_interval_pass(fabric)
        rig.pause(chance.uniform(1, 3))
        rig.rows(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
            "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        rig.let_interval_pass(slow)


class ConnectionsUsedUp(Fault):
    """connection limit of PostgreSQL reached"""

    def __init__(self) -> None:
        self._taken: list[psycopg.Connection] = []

    def inject(self, rig: Rig, chance: random.Random) -> None:
        self._keep = lambda: self._take(rig)
        self._keep()
        rig.observers.append(self._keep)

    def _take(self, rig: Rig) -> None:
        """Whatever becomes free is taken at once."""
        with suppress(psycopg.OperationalError):
            while len(self._taken) < CONNECTIONS:
                self._taken.append(psycopg.connect(rig.database))

    def heal(self, rig: Rig) -> None:
        rig.observers.remove(self._keep)
        for connection in self._taken:
            connection.close()
        self._taken.clear()
        await_postgres(rig)


class DiskFull(Fault):
    """disk of PostgreSQL full"""

    leaves_requests = True

    def why_not(self, rig: Rig) -> str:
        return rig.services.disk.why_not

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.services.disk.fill()
        # Whatever is to be written now needs more room than there is.
        for fabric in rig.enabled:
            for _ in range(5):
                fabric.change(chance)

    def heal(self, rig: Rig) -> None:
        rig.services.disk.free()
        await_postgres(rig)


class RedisKilled(Fault):
    """Redis killed, its data kept"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.held.add('valkey')
        rig.valkey.kill()

    def heal(self, rig: Rig) -> None:
        rig.held.discard('valkey')
        await_redis(rig)


class RedisLost(RedisKilled):
    """Redis killed, its data lost"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        super().inject(rig, chance)
        rig.valkey.forget()


class RedisFlushed(Fault):
    """Redis emptied while it runs"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.redis.flushall()


class RedisFull(Fault):
    """Redis out of memory"""

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.redis.config_set('maxmemory-policy', 'noeviction')
        rig.redis.config_set('maxmemory', '1')

    def heal(self, rig: Rig) -> None:
        rig.redis.config_set('maxmemory', '0')


class ServersKilled(Fault):
    """API servers killed"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.hurry()
        for fabric in rig.enabled:
            fabric.go_away()
        self._gone = datetime.now(UTC)

    def during(self, rig: Rig) -> list[str]:
        """A run fails, says so and names whom it could not reach; what was known stays, and stays as old as it is."""
        for fabric in rig.enabled:
            rig.let_interval_pass(fabric)

        def failed() -> bool:
            rows = rig.rows(
                'SELECT id FROM netbox_hedgehog_fabric WHERE last_attempt > %s AND sync_status = %s', self._gone, 'failed',
            )
            return len(rows or []) == len(rig.enabled)

        if not rig.until(failed, 60):
            return ['runs of fabrics whose API server is away do not fail within a minute']
        found = []
        for fabric in rig.enabled:
            row = rig.row(fabric.id)
            if fabric.api.url not in row['sync_error'] or row['connection_status'] != 'failed':
                found.append(f'{fabric.name}: does not say that {fabric.api.url} is away: {row["sync_error"]}')
            if row['last_sync'] > self._gone:
                found.append(f'{fabric.name}: a success at {row["last_sync"]}, though nobody has answered')
        gone = rig.sql('SELECT count(*) AS rows FROM netbox_hedgehog_fabricresource WHERE missing_since > %s', self._gone)
        if gone[0]['rows']:
            found.append(f'{gone[0]["rows"]} resources are said to be missing, though nobody could be asked')
        return found

    def heal(self, rig: Rig) -> None:
        for fabric in rig.enabled:
            fabric.come_back()


class ServersUnsteady(Fault):
    """API servers close connections in the middle of a response, return 429, 503"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        for api in rig.demo_servers:
            api.faults.answer(429, times=chance.randrange(1, 30), retry_after=1, after=chance.randrange(20))
            api.faults.cut(times=chance.randrange(1, 30), after=chance.randrange(40))
            api.faults.answer(503, times=None, after=chance.randrange(20))
            api.close_watches()

    def heal(self, rig: Rig) -> None:
        rig.hurry()


class ServersSlow(Fault):
    """API servers slower than time-outs allow"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        for api in rig.demo_servers:
            api.faults.delay(8, times=None, after=chance.randrange(20))

    def heal(self, rig: Rig) -> None:
        rig.hurry()


class EverythingKilled(Fault):
    """everything killed at once, as when the power fails"""

    leaves_requests = True

    def inject(self, rig: Rig, chance: random.Random) -> None:
        rig.held |= {'postgres', 'valkey'}
        rig.services.postgres.kill()
        rig.valkey.kill()
        for process in rig.processes:
            kill(process.pid, *children(process.pid or 0))
        for fabric in rig.enabled:
            fabric.go_away()

    def heal(self, rig: Rig) -> None:
        for fabric in rig.enabled:
            fabric.come_back()
        rig.held -= {'postgres', 'valkey'}
        await_postgres(rig)
        await_redis(rig)


FAULTS: tuple[type[Fault], ...] = (
    WorkerKilled, WorkersKilled, HorseKilled, HorseKilledWriting, SchedulersKilled, WebKilled, WatcherKilled,
    PostgresKilled, BackendKilled, SessionsCut, ConnectionsUsedUp, DiskFull,
    RedisKilled, RedisLost, RedisFlushed, RedisFull,
    ServersKilled, ServersUnsteady, ServersSlow, EverythingKilled,
)


def await_postgres(rig: Rig) -> None:
    rig.await_true(lambda: rig.rows('SELECT 1') is not None, PATIENCE, 'PostgreSQL answers again')


def await_redis(rig: Rig) -> None:
    def answers() -> bool:
        try:
            return bool(rig.redis.ping())
        except redis.exceptions.RedisError:
            return False

    rig.await_true(answers, PATIENCE, 'Redis answers again')


