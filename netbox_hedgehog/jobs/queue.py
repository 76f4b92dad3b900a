"""The queue that fabric runs wait in."""

import django_rq
from core.models import Job
from django.conf import settings
from django_rq.queues import DjangoRQ
from netbox.plugins.utils import get_plugin_config
from redis import Redis

__all__ = ('PLUGIN_QUEUE', 'connection', 'put_in_queue', 'queue', 'queue_name')

# NetBox prefixes the queues of a plugin with its name.
PLUGIN_QUEUE = 'netbox_hedgehog.hedgehog_sync'

RUN_REQUESTED = 'netbox_hedgehog.jobs.fabric_sync.execute_requested_run'


def queue_name() -> str:
    """The plugin's queue, or the one that NetBox's QUEUE_MAPPINGS gives for the model `fabric`."""
    # Not through NetBox's get_config(): that asks Redis first, and this must be known while Redis is away.
    return settings.QUEUE_MAPPINGS.get('fabric', PLUGIN_QUEUE)


def queue() -> DjangoRQ:
    return django_rq.get_queue(queue_name())


def connection() -> Redis:
    return django_rq.get_connection(queue_name())


def put_in_queue(job: Job) -> None:
    """Let a worker execute this NetBox job, a run that somebody asked for. Raises what Redis raises."""
    queue().enqueue(
        RUN_REQUESTED, job.pk, job_id=str(job.job_id),
        description=f'{job.name} {job.object_id} (asked for)',
        job_timeout=get_plugin_config('netbox_hedgehog', 'job_timeout'),
    )
