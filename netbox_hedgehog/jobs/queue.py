"""The queue that fabric runs wait in."""

import django_rq
from django_rq.queues import DjangoRQ
from netbox.constants import RQ_QUEUE_DEFAULT
from redis import Redis
from utilities.rqworker import get_queue_for_model

__all__ = ('PLUGIN_QUEUE', 'connection', 'queue', 'queue_name')

# NetBox prefixes the queues of a plugin with its name.
PLUGIN_QUEUE = 'netbox_hedgehog.hedgehog_sync'


def queue_name() -> str:
    """The plugin's queue, or the one that NetBox's QUEUE_MAPPINGS gives for the model `fabric`."""
    mapped = get_queue_for_model('fabric')
    return PLUGIN_QUEUE if mapped == RQ_QUEUE_DEFAULT else mapped


def queue() -> DjangoRQ:
    return django_rq.get_queue(queue_name())


def connection() -> Redis:
    return django_rq.get_connection(queue_name())
