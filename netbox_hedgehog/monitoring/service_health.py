"""Check whether workers, schedulers and watchers run, for pages, API and commands."""

import os
import socket
from dataclasses import asdict, dataclass, field
from typing import Any

from core.choices import JobStatusChoices
from core.models import Job
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q, QuerySet, Value
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rq import Worker
from rq_scheduler import Scheduler

from ..choices import SyncStatusChoices
from ..events import raise_state_events_safely
from ..jobs.deployment import live_deployments, several, suffix
from ..jobs.queue import connection, queue, queue_name
from ..jobs.records import execute, name_once, of_the_record, read_workers, text
from ..jobs.recovery import exclusive_jobs, failed_syncs, sync_jobs
from ..jobs.schedules import schedule_id
from ..jobs.worker import PID_NAMESPACE, pid_namespace
from ..locks import locked_fabrics
from ..models import Fabric
from ..models.fabric_state import FabricQuerySet
from ..watch.leases import live_watchers, watch_errors, watched_fabrics
from .shared_clusters import fabrics_by_cluster, same_cluster_sentence

__all__ = ('BROKEN', 'DEGRADED', 'HEALTHY', 'ServiceHealth', 'check_worker_health', 'worker_health')

HEALTHY, DEGRADED, BROKEN = 'healthy', 'degraded', 'broken'

# How many failing fabrics, and how many unwatched ones, are named.
SHOWN = 5


@dataclass(slots=True)
class ServiceHealth:
    """The services, and what is wrong. `problems` are sentences, the most severe first.

    `watched` counts the fabrics with watch enabled, `unwatched` those among them that no watcher follows now.
    """

    queue: str
    state: str = HEALTHY
    redis: bool = True
    workers: list[str] = field(default_factory=list)
    schedulers: list[str] = field(default_factory=list)
    watchers: list[str] = field(default_factory=list)
    waiting: int = 0
    running: int = 0
    failed: int = 0
    fabrics: int = 0
    overdue: int = 0
    watched: int = 0
    unwatched: int = 0
    oldest_overdue: dict[str, Any] | None = None
    # The names of fabrics that sync the same cluster, a list for each such cluster.
    same_cluster: list[list[str]] = field(default_factory=list)
    # Hints that need no alert.
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # The problem that another NetBox uses the same Redis database; '' if none does.
    shared_redis: str = ''
    # The problems that keep every sync from running: the pages' banner.
    outages: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary, for API and commands."""
        return asdict(self)


def check_worker_health() -> dict[str, Any]:
    """Return the health of the services as a dictionary.

    It has the workers on the queue, the schedulers, the syncs that are queued, running, and failed in the last day, and
    the overdue fabrics. `state` is healthy, degraded (something is late or fails) or broken (no sync can run). If Redis
    cannot be reached the result says so; no error is raised.
    """
    return worker_health().as_dict()


def worker_health(fabrics: FabricQuerySet | None = None) -> ServiceHealth:
    """Return the health of the services as a ServiceHealth.

    `fabrics` limits the fabrics that are named: pass those that the user may view. Also notifies of fabrics that have
    become stale, in case no scheduler runs to do it.
    """
    health = ServiceHealth(queue=queue_name())
    _check_redis(health, fabrics)
    raise_state_events_safely(redis=health.redis)
    syncs = sync_jobs() if fabrics is None else sync_jobs().filter(object_id__in=fabrics.values('pk'))
    fabrics = Fabric.objects.all() if fabrics is None else fabrics
    _check_database(health, fabrics, syncs)
    _check_watchers(health, fabrics)
    _check_clusters(health, fabrics)
    health.problems = health.outages + health.problems
    if health.outages:
        health.state = BROKEN
    elif health.problems:
        health.state = DEGRADED
    return health


def _check_redis(health: ServiceHealth, fabrics: FabricQuerySet | None) -> None:
    try:
        redis = connection()
        health.waiting = _waiting(fabrics)
        health.workers = live_workers()
        health.schedulers = live_schedulers(redis)
        health.shared_redis = several(live_deployments(redis))
    except (RedisError, OSError):
        health.redis = False
        health.outages.append('Cannot reach Redis; no fabric is synced. Check the Redis of NetBox’s tasks.')
        return
    if health.shared_redis:
        health.problems.append(health.shared_redis)
    if not health.workers:
        waits = f' {health.waiting} syncs are queued.' if health.waiting > 1 else ''
        if health.waiting == 1:
            waits = ' 1 sync is queued.'
        health.outages.append(
            f'No worker serves the queue {health.queue}; no fabric is synced.{waits} Start one: rqworker {health.queue}'
        )
    if not health.schedulers:
        health.outages.append('No scheduler is running; no fabric is synced on schedule. Start one: rqscheduler')


def _check_database(health: ServiceHealth, fabrics: FabricQuerySet, syncs: QuerySet[Job]) -> None:
    running = set(syncs.filter(status=JobStatusChoices.STATUS_RUNNING).values_list('object_id', flat=True))
    health.failed = (syncs & failed_syncs()).count()
    asked = fabrics.aggregate(
        scheduled=Count('pk', filter=Fabric.is_scheduled, distinct=True),
        watched=Count('pk', filter=Fabric.is_watched, distinct=True),
        syncing=ArrayAgg('pk', filter=Q(sync_status=SyncStatusChoices.SYNCING), distinct=True, default=Value([])),
    )
    health.fabrics, health.watched = asked['scheduled'], asked['watched']
    # Syncs whose job was deleted in the meantime run all the same.
    without = set(asked['syncing']) - running
    health.running = len(running) + len(without & locked_fabrics() if without else ())
    late = list(fabrics.overdue().order_by('overdue_at').values_list('name', 'overdue_at'))
    if late:
        name, since = late[0]
        health.overdue = len(late)
        health.oldest_overdue = {'fabric': name, 'since': since.isoformat()}
        more = f', and {len(late) - 1} more' if len(late) > 1 else ''
        health.problems.append(f'{name} has been overdue since {since:%Y-%m-%d %H:%M:%S} UTC{more}.')
    failing = fabrics.readable().failing()
    for fabric in failing[:SHOWN]:
        whose = 'Last sync: ' if fabric.sync_status in SyncStatusChoices.UNDER_WAY else ''
        health.problems.append(f'{fabric.name}: {fabric.get_sync_status_display()}. {whose}{fabric.sync_error}')
    if (more_failing := failing.count() - SHOWN) > 0:
        fabrics_were = 'fabric failed or was' if more_failing == 1 else 'fabrics failed or were'
        health.problems.append(f'{more_failing} more {fabrics_were} only partially synced.')


def _check_watchers(health: ServiceHealth, fabrics: FabricQuerySet) -> None:
    """Check the watchers. Fabrics without one still have their scheduled syncs: late, not lost."""
    if not health.watched or not health.redis:
        return
    watched = dict(fabrics.watched().values_list('pk', 'name'))
    try:
        health.watchers = live_watchers()
        unwatched = watched.keys() - watched_fabrics(watched)
        errors = watch_errors(watched)
    except (RedisError, OSError):
        return  # reported already
    health.unwatched = len(unwatched)
    if not health.watchers:
        fabrics_have = '1 fabric has' if len(watched) == 1 else f'{len(watched)} fabrics have'
        health.problems.append(
            f'No watcher is running, but {fabrics_have} "Watch enabled" set. Changes are seen at the next scheduled '
            'sync. Start one: hedgehog_sync watch'
        )
    elif unwatched:
        name = min(watched[pk] for pk in unwatched)
        more = f', and {len(unwatched) - 1} more' if len(unwatched) > 1 else ''
        health.problems.append(f'{name} is not watched yet{more}. A watcher takes over within seconds.')
    failing = sorted((watched[pk], error) for pk, error in errors.items() if pk not in unwatched)
    health.problems += [f'Watching {name} fails: {error}' for name, error in failing[:SHOWN]]
    if (more_failing := len(failing) - SHOWN) > 0:
        health.problems.append(f'Watching fails for {counted(more_failing, "more fabric")}.')


def _check_clusters(health: ServiceHealth, fabrics: FabricQuerySet) -> None:
    health.same_cluster = fabrics_by_cluster(fabrics)
    health.notices = [same_cluster_sentence(names) for names in health.same_cluster[:SHOWN]]


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, which has a regular plural: "1 worker", "2 workers"."""
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'


def live_workers() -> list[str]:
    """Return the names of the workers that serve the queue.

    RQ drops a worker that has stopped sending heartbeats; a worker of this machine without a process is not counted
    even before that.
    """
    return [worker.name for worker in read_workers(queue()) if not _known_dead(worker)]


def _waiting(fabrics: FabricQuerySet | None) -> int:
    """Return how many syncs of these fabrics are queued, scheduled and requested ones."""
    try:
        if fabrics is None:
            return queue().count
        redis = connection()
        waiting = {text(job_id) for job_id in redis.lrange(queue().key, 0, -1)}
    except ResponseError as error:
        name_once(f'The queue {queue_name()}', of_the_record(error))
        return 0  # the scheduler's heartbeat repairs it
    if not waiting:
        return 0
    end = suffix(redis)
    seen = {schedule_id(pk, end) for pk in fabrics.values_list('pk', flat=True)}
    asked_for = exclusive_jobs().filter(status=JobStatusChoices.STATUS_PENDING, object_id__in=fabrics.values('pk'))
    seen |= {str(job_id) for job_id in asked_for.values_list('job_id', flat=True)}
    return len(seen & waiting)


def _known_dead(worker: Worker) -> bool:
    if worker.hostname != socket.gethostname() or worker.pid is None or _alive(worker.pid):
        return False
    namespace = worker.connection.hget(worker.key, PID_NAMESPACE)
    return namespace is not None and text(namespace) == pid_namespace()


def live_schedulers(redis: Redis) -> list[str]:
    """Return the names of the rq-scheduler processes whose key exists and has no date of death."""
    prefix = Scheduler.redis_scheduler_namespace_prefix
    keys = sorted(set(redis.scan_iter(match=f'{prefix}*', count=5000)))
    with redis.pipeline() as pipe:
        for key in keys:
            pipe.hexists(key, 'death')
        # For a key that is not a hash the response is an error, which counts as dead.
        dead = execute(pipe)
    return [text(key).removeprefix(prefix) for key, gone in zip(keys, dead, strict=True) if not gone]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
