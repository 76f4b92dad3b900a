"""The queue that fabric runs wait in."""

import django_rq
from django.conf import settings
from django_rq.queues import DjangoRQ
from redis import Redis

__all__ = ('PLUGIN_QUEUE', 'connection', 'queue', 'queue_name')

# NetBox prefixes the queues of a plugin with its name.
PLUGIN_QUEUE = 'netbox_hedgehog.hedgehog_sync'


def queue_name() -> str:
    """The plugin's queue, or the one that NetBox's QUEUE_MAPPINGS gives for the model `fabric`."""
    # Not through NetBox's get_config(): that asks Redis first, and this must be known while Redis is away.
    return settings.QUEUE_MAPPINGS.get('fabric', PLUGIN_QUEUE)


def queue() -> DjangoRQ:
    return django_rq.get_queue(queue_name())


def connection() -> Redis:
    return django_rq.get_connection(queue_name())
