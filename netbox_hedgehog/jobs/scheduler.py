"""Run rq-scheduler with a heartbeat that repairs schedules, and without queuing a fabric twice."""

import logging
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
from .life_sign import remove_life_sign, touch_life_sign
from .migration_check import database_is_newer
from .queue import queue_name
from .records import name_once, read_jobs, text
from .recovery import recover
from .schedules import SCHEDULED_JOBS, fabric_of, is_schedule, next_due, reconcile

__all__ = ('HedgehogScheduler',)

logger = logging.getLogger(__name__)

# How many due fabrics are queued in one round trip to Redis.
BATCH = 500

# Seconds for which a scheduler counts as alive after a heartbeat, and for which it holds rq-scheduler's lock. Both
# are renewed between the steps of a heartbeat.
ALIVE_FOR = 15
LOCKED_FOR = 10

# What Redis returns as time to live of a key that never expires.
NO_EXPIRY = -1

# Seconds after which a heartbeat leaves the remaining notifications to the next round: syncs become due meanwhile.
RAISING_EVENTS = 3.0

# Seconds between two syncs if a schedule does not say it, until the next heartbeat corrects that.
DEFAULT_INTERVAL = 300

# Renew or release rq-scheduler's lock, if this scheduler still has it.
RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end return 0"
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# Claim fabrics that are due: another scheduler may have done so since they were read. Each gets its next due time, and
# is queued unless it is running, is queued already or has a record that no worker can read. Keys: the schedules, RQ's
# queues, the queue, its registry of failed jobs. Arguments: the time now; the same in RQ's format; and per fabric the
# schedule's id, the key of its record, its next due time, and 1 while it is being synced.
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
    """Return the members of the schedules whose names are valid text."""
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
    """rq-scheduler's Scheduler, with five differences.

    It checks for due jobs every second, so that a sync starts on time. It keeps the schedules of fabrics as the
    database says. It never queues a fabric that is queued or running, however many schedulers there are. It survives an
    outage of Redis or the database, and unreadable records in Redis. It ignores the fabrics of another NetBox.
    Schedules of other applications are handled as rq-scheduler does.
    """

    def __init__(self, *args: Any, interval: int = 60, **kwargs: Any) -> None:
        interval = min(interval, get_plugin_config('netbox_hedgehog', 'scheduler_interval'))
        super().__init__(*args, interval=interval, **kwargs)
        self._next_heartbeat = 0.0
        self._last_error = ''
        self._failing: set[str] = set()
        self._last_suffix = ''

    def run(self, burst: bool = False) -> None:
        """Check for due jobs until stopped, without the life sign of an earlier process."""
        remove_life_sign()
        super().run(burst)

    def register_birth(self) -> None:
        """Register this scheduler in Redis, for as long as it counts as alive."""
        super().register_birth()
        self.connection.expire(self.key, self._alive_for)

    def heartbeat(self) -> None:
        """Renew the registration; register again if Redis was emptied."""
        with self._outliving('Redis'):
            if not self.connection.expire(self.key, self._alive_for):
                self.register_birth()  # the key is gone: Redis was emptied
            touch_life_sign()

    @property
    def _alive_for(self) -> int:
        return max(ALIVE_FOR, int(self._interval) + 10)

    def register_death(self) -> None:
        """Record the end of this scheduler in Redis, if that can be reached."""
        # Also called on SIGTERM, at any moment: it must not keep this process from ending.
        with suppress(RedisError, OSError):
            super().register_death()

    @property
    def _locked_for(self) -> int:
        return int(self._interval) + LOCKED_FOR

    def acquire_lock(self) -> bool:
        """Acquire rq-scheduler's lock under this scheduler's name: one that lost it must not remove another's."""
        with self._outliving('Redis'):
            lock = self.scheduler_lock_key
            self._lock_acquired = bool(self.connection.set(lock, self.name, ex=self._locked_for, nx=True))
            if not self._lock_acquired and self.connection.ttl(lock) == NO_EXPIRY:
                # Written by no live holder: without an expiry it would block every scheduler for good.
                self.connection.expire(lock, self._locked_for)
            return self._lock_acquired
        return False

    def remove_lock(self) -> None:
        """Release rq-scheduler's lock, if this scheduler still has it."""
        with self._outliving('Redis'):
            if self._lock_acquired:
                self._lock_acquired = False
                self.connection.eval(RELEASE, 1, self.scheduler_lock_key, self.name)

    def _renew(self) -> bool:
        """Renew the registration and the lock, within a heartbeat. Return whether this scheduler still has the lock."""
        self.heartbeat()
        return bool(self.connection.eval(RENEW, 1, self.scheduler_lock_key, self.name, self._locked_for))

    def enqueue_jobs(self) -> list[RQJob]:
        """Run the heartbeat if it is due, then queue what is due. Called under rq-scheduler's lock."""
        close_old_connections()
        if time.monotonic() >= self._next_heartbeat:
            self._next_heartbeat = time.monotonic() + get_plugin_config('netbox_hedgehog', 'heartbeat_interval')
            self.heartbeat_tick()
        with self._outliving('Redis'):
            return self._enqueue_due(time.time())
        return []

    def heartbeat_tick(self) -> None:
        """Bring the schedules in line with the database, record killed syncs, and send notifications.

        Raises SystemExit if the database was migrated for a newer release: the supervisor of this process restarts it
        with what is installed now.
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
            self._raise_events()

    def _raise_events(self) -> None:
        """Send notifications on fabrics, a few at a time; what takes too long continues in the next round."""
        until = time.monotonic() + RAISING_EVENTS
        for raise_some in (partial(raise_state_events, limit=AT_ONCE), partial(dispatch, AT_ONCE)):
            self._renew()
            while raise_some():
                self._renew()
                if time.monotonic() > until:
                    self._next_heartbeat = 0.0
                    return

    def _enqueue_due(self, now: float) -> list[RQJob]:
        # Not from 0, as in rq-scheduler: a schedule with an odd time would stay for ever.
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
                continue  # the heartbeat recreates it if it is ours
            if fabric_id is None and is_schedule(name):
                continue  # another NetBox's, or one that the heartbeat removes
            if name not in found:
                self.cancel(name)  # the heartbeat recreates it if it is needed
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
        """Return the suffix of this NetBox's schedule ids; the previous one if the database cannot be reached."""
        with suppress(DatabaseError):
            self._last_suffix = suffix(self.connection)
        return self._last_suffix

    def _enqueue_fabrics(self, due: list[tuple[int, RQJob]], now: float) -> None:
        """Queue due fabrics that are neither queued nor running, and set the next due time of all of them.

        One sync makes up for all that were missed. A few hundred fabrics per round trip: one each would take longer
        than a round may with thousands of fabrics. Each batch is one atomic step in Redis: another scheduler that does
        the same finds them due later, or not yet.
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
        """Queue a job of another application. One that cannot be read must not block the fabrics'."""
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
            return set()  # the sync itself checks

    @contextmanager
    def _outliving(self, what: str) -> Iterator[None]:
        """Continue without a service that cannot be reached. Log that once, and once when it is back."""
        try:
            yield
            if self._last_error and what != 'Redis':
                logger.info('The scheduler has recovered.')
                self._last_error = ''
        except (RedisError, DatabaseError, OSError) as error:
            summary = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
            if summary != self._last_error:
                logger.error('The scheduler cannot reach %s; retrying: %s', what, summary)
                self._last_error = summary
        except Exception as error:
            # An unexpected error must not stop the syncs of fabrics.
            summary = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
            if summary != self._last_error:
                logger.exception('The scheduler failed; retrying: %s', summary)
                self._last_error = summary
