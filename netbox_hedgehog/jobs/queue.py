"""Access the queue of fabric syncs."""

import django_rq
from core.models import Job
from django.conf import settings
from django_rq.queues import DjangoRQ
from netbox.plugins.utils import get_plugin_config
from redis import Redis
from rq.job import Job as RQJob

from .deployment import deployment_id
from .records import remove_wrong_types

__all__ = (
    'PLUGIN_QUEUE', 'REGISTRIES', 'connection', 'hand_over', 'put_in_queue', 'queue', 'queue_name', 'usable_queue',
)

# NetBox prefixes the queues of a plugin with its name.
PLUGIN_QUEUE = 'netbox_hedgehog.hedgehog_sync'

# How often an entry of another NetBox in the same Redis database is returned to the queue, and the seconds after which
# the count starts over.
HANDED_OVER = 'netbox_hedgehog:handed-over:'
HANDED_OVER_FOR = 30
MOST_HANDED_OVER = 5

# RQ's registries for the plugin's finished jobs.
REGISTRIES = ('finished', 'failed')

REQUESTED_SYNC = 'netbox_hedgehog.jobs.fabric_sync.execute_requested_run'


def queue_name() -> str:
    """Return the plugin's queue, or the one that NetBox's QUEUE_MAPPINGS has for the model `fabric`."""
    # Not through NetBox's get_config(), which asks Redis first: this must be known while Redis cannot be reached.
    return settings.QUEUE_MAPPINGS.get('fabric', PLUGIN_QUEUE)


def queue() -> DjangoRQ:
    """Return the plugin's queue."""
    return django_rq.get_queue(queue_name())  # type: ignore[return-value]  # its own class


def usable_queue() -> DjangoRQ:
    """Return the queue, after moving keys of a wrong type out of the way. Raises what Redis raises."""
    name = queue_name()
    remove_wrong_types(connection(), {
        'rq:queues': 'set', f'rq:queue:{name}': 'list', **{f'rq:{registry}:{name}': 'zset' for registry in REGISTRIES},
    })
    return queue()


def connection() -> Redis:
    """Return a connection to the Redis of the plugin's queue."""
    return django_rq.get_connection(queue_name())


def put_in_queue(job: Job) -> None:
    """Queue this NetBox job, a sync or an inventory change on request. Raises what Redis raises."""
    usable_queue().enqueue(
        REQUESTED_SYNC, job.pk, job_id=str(job.job_id),
        description=f'{job.name} {job.object_id} (requested)',
        job_timeout=get_plugin_config('netbox_hedgehog', 'job_timeout'),
        meta={'deployment': deployment_id(), 'fabric': job.object_id},
    )


def hand_over(entry: RQJob | None) -> bool:
    """Return whether an entry that our worker has taken is another NetBox's; if so, queue it again.

    Only MOST_HANDED_OVER times: if the other NetBox has no worker, ours would do nothing else. Raises what the database
    and Redis raise.
    """
    owner = entry.meta.get('deployment') if entry is not None and isinstance(entry.meta, dict) else None
    if entry is None or owner in (None, deployment_id()):
        return False
    redis, count = connection(), f'{HANDED_OVER}{entry.id}'
    with redis.pipeline() as pipe:
        pipe.incr(count)
        pipe.expire(count, HANDED_OVER_FOR)
        times, _ = pipe.execute()
    if times <= MOST_HANDED_OVER:
        redis.rpush(queue().key, entry.id)
    return True
