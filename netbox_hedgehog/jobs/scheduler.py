"""The process that `rqscheduler` runs: rq-scheduler's, with a beat that heals and a queue that cannot flood."""

import logging
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import batched
from typing import Any

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone
from django_rq.queues import DjangoScheduler
from netbox.plugins.utils import get_plugin_config
from redis.exceptions import ConnectionError as RedisDown
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from rq.job import Job as RQJob
from rq.utils import utcformat

from ..events import AT_ONCE, dispatch, raise_state_events
from ..locks import locked_fabrics
from .deployment import suffix
from .migration_check import database_is_newer
from .queue import queue_name
from .records import name_once, read_jobs, text
from .recovery import recover
from .schedules import SCHEDULED_JOBS, fabric_of, is_schedule, next_due, reconcile
from .worker import PID_NAMESPACE, pid_namespace

__all__ = ('HedgehogScheduler',)

logger = logging.getLogger(__name__)

# How many due fabrics are put into the queue in one round trip to Redis.
BATCH = 500

# Seconds for which a scheduler counts as alive after it has shown its sign of life, and holds rq-scheduler's lock. Both
# are renewed between the steps of a beat.
ALIVE_FOR = 15
LOCKED_FOR = 10

# What Redis says of the time to live of a key that stays for ever.
NO_EXPIRY = -1

# Seconds after which a beat leaves what is still to be told to the next look: runs fall due meanwhile.
TELLING = 3.0

# Seconds between two runs where a schedule does not say it: until the next beat has mended that.
DEFAULT_INTERVAL = 300

# Renew or release rq-scheduler's lock, if it is still ours.
RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end return 0"
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# Take the turn of fabrics that are due: another scheduler may have done so since they were read. Each is due anew, and
# is put into the queue where it is not being read, does not wait there yet and has a record that a worker can read.
# Keys: the schedules, RQ's queues, the queue, its registry of failed jobs. Arguments: the time now; the same as RQ
# writes it; and for each fabric its schedule's id, the key of its record, when it is due next, and 1 while it is read.
ENQUEUE = """
local waiting = {}
for _, entry in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do waiting[entry] = true end
for at = 3, #ARGV, 4 do
  local id, record = ARGV[at], ARGV[at + 1]
  local due = redis.call('ZSCORE', KEYS[1], id)
  if due and (tonumber(due) or 0) <= tonumber(ARGV[1]) then
    redis.call('ZADD', KEYS[1], ARGV[at + 2], id)
    local free = ARGV[at + 3] ~= '1' and not waiting[id]
    if free and redis.call('TYPE', record).ok == 'hash' and redis.call('HEXISTS', record, 'data') == 1 then
      redis.call('HSET', record, 'status', 'queued', 'enqueued_at', ARGV[2])
      redis.call('PERSIST', record)
      redis.call('SADD', KEYS[2], KEYS[3])
      redis.call('RPUSH', KEYS[3], id)
      redis.call('ZREM', KEYS[4], id)
      waiting[id] = true
    end
  end
end
"""


def _names(members: Iterable[bytes]) -> list[str]:
    """Those of these members of the schedules that are names."""
    names = []
    for raw in members:
        name = text(raw)
        if name.encode() == raw:
            names.append(name)
        else:
            name_once(f'The schedule {name}', 'its name is not text')
    return names


def _interval_of(job: RQJob) -> float:
    interval = job.meta.get('interval') if isinstance(job.meta, dict) else None
    return interval if isinstance(interval, int) and interval > 0 else DEFAULT_INTERVAL


class HedgehogScheduler(DjangoScheduler):
    """rq-scheduler's Scheduler, but for five things.

    It looks for due jobs every second: a run is not late because nobody looked. It keeps fabrics' schedules as the
    database wants them. It never puts a fabric into the queue that is waiting there or being read, however many
    schedulers there are. It outlives a Redis or database that is away for a while, and whatever stands in Redis. And it
    leaves the fabrics of another NetBox to that one. Schedules of others are treated as rq-scheduler would.
    """

    def __init__(self, *args: Any, interval: int = 60, **kwargs: Any) -> None:
        interval = min(interval, get_plugin_config('netbox_hedgehog', 'scheduler_interval'))
        super().__init__(*args, interval=interval, **kwargs)
        self._next_beat = 0.0
        self._complaint = ''
        self._failing: set[str] = set()
        self._last_suffix = ''

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

    @property
    def _locked_for(self) -> int:
        return int(self._interval) + LOCKED_FOR

    def acquire_lock(self) -> bool:
        """rq-scheduler's lock, held under this scheduler's name: who loses it must not remove another one's."""
        with self._outliving('Redis'):
            lock = self.scheduler_lock_key
            self._lock_acquired = bool(self.connection.set(lock, self.name, ex=self._locked_for, nx=True))
            if not self._lock_acquired and self.connection.ttl(lock) == NO_EXPIRY:
                # Nobody who holds this lock writes it so: it would keep every scheduler away for good.
                self.connection.expire(lock, self._locked_for)
            return self._lock_acquired
        return False

    def remove_lock(self) -> None:
        with self._outliving('Redis'):
            if self._lock_acquired:
                self._lock_acquired = False
                self.connection.eval(RELEASE, 1, self.scheduler_lock_key, self.name)

    def _renew(self) -> bool:
        """Show the sign of life and keep the lock, within a beat. Returns whether the lock is still ours."""
        self.heartbeat()
        return bool(self.connection.eval(RENEW, 1, self.scheduler_lock_key, self.name, self._locked_for))

    def enqueue_jobs(self) -> list[RQJob]:
        """One look: the beat, when it is time for it, and then all that is due. Called under rq-scheduler's lock."""
        close_old_connections()
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + get_plugin_config('netbox_hedgehog', 'beat_interval')
            self.heartbeat_tick()
        with self._outliving('Redis'):
            return self._enqueue_due(time.time())
        return []

    def heartbeat_tick(self) -> None:
        """Bring the schedules in line with the database, record killed runs, and tell what became of fabrics.

        Raises SystemExit where the database was migrated for a newer release: what supervises this process starts it
        anew, from what is installed now.
        """
        if sentence := database_is_newer():
            logger.error('The scheduler stops: %s', sentence)
            raise SystemExit(1)
        with self._outliving('the database or Redis'):
            counts = reconcile()
            self._renew()
            counts |= recover()
            if any(counts[name] for name in counts if name != 'unchanged'):
                logger.info('Schedules corrected: %s', ', '.join(f'{count} {name}' for name, count in counts.items()))
            self._tell()

    def _tell(self) -> None:
        """Tell what became of fabrics, a few at a time; what takes too long goes on at the next look."""
        until = time.monotonic() + TELLING
        for tell_some in (partial(raise_state_events, limit=AT_ONCE), partial(dispatch, AT_ONCE)):
            self._renew()
            while tell_some():
                self._renew()
                if time.monotonic() > until:
                    self._next_beat = 0.0
                    return

    def _enqueue_due(self, now: float) -> list[RQJob]:
        # Not from 0, as rq-scheduler: a schedule of an odd time must not stand for ever.
        due = _names(self.connection.zrangebyscore(SCHEDULED_JOBS, '-inf', now))
        if not due:
            return []
        end = self._suffix()
        found, unreadable = read_jobs(self.connection, due)
        jobs, ours = [], []
        for name in due:
            fabric_id = fabric_of(name, end)
            if name in unreadable:
                if not is_schedule(name):
                    name_once(f'The schedule {name} of another application', unreadable[name])
                continue  # the beat makes it anew where it is ours
            if fabric_id is None and is_schedule(name):
                continue  # another NetBox's, or one that the beat removes
            if name not in found:
                self.cancel(name)  # the beat makes it anew where it is wanted
                continue
            jobs.append(found[name])
            if fabric_id is None:
                self._enqueue_foreign(found[name])
            else:
                ours.append((fabric_id, found[name]))
        if ours:
            self._enqueue_fabrics(ours, now)
        return jobs

    def _suffix(self) -> str:
        """What ends the ids of this NetBox's schedules; while the database is away, what it was before."""
        with suppress(DatabaseError):
            self._last_suffix = suffix(self.connection)
        return self._last_suffix

    def _enqueue_fabrics(self, due: list[tuple[int, RQJob]], now: float) -> None:
        """Put fabrics into the queue that are neither waiting there nor being read; all are due anew.

        Whatever was missed meanwhile is made up for by this one run. A few hundred at a round trip: with thousands of
        fabrics one each would take longer than a look may. Each batch is one step of Redis: another scheduler that does
        the same at the same time finds them due later, or not yet.
        """
        running, queue = self._running(), queue_name()
        keys = (SCHEDULED_JOBS, self.queue_class.redis_queues_keys, f'rq:queue:{queue}', f'rq:failed:{queue}')
        for batch in batched(due, BATCH):
            arguments: list[str | float] = [now, utcformat(timezone.now())]
            for fabric_id, job in batch:
                following = next_due(fabric_id, _interval_of(job), now)
                arguments += [job.id, RQJob.key_for(job.id), following, int(fabric_id in running)]
            self.connection.eval(ENQUEUE, len(keys), *keys, *arguments)

    def _enqueue_foreign(self, job: RQJob) -> None:
        """A schedule of somebody else. One that cannot be read must not keep the fabrics' from running."""
        if self._lock_acquired and not self._renew():
            return  # another scheduler has taken over, and does it
        try:
            self.enqueue_job(job)
        except (RedisDown, RedisTimeout, OSError):
            raise
        except Exception:
            if job.id not in self._failing:
                self._failing.add(job.id)
                logger.exception('The schedule %s of another application cannot be queued.', job.id)

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
                logger.info('The scheduler has recovered.')
                self._complaint = ''
        except (RedisError, DatabaseError, OSError) as error:
            complaint = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
            if complaint != self._complaint:
                logger.error('The scheduler cannot reach %s; retrying: %s', what, complaint)
                self._complaint = complaint
        except Exception as error:
            # Nobody knows of this one, and still the fabrics must be read.
            complaint = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
            if complaint != self._complaint:
                logger.exception('The scheduler failed; retrying: %s', complaint)
                self._complaint = complaint
