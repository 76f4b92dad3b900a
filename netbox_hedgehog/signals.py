"""Reschedule a fabric that is saved or deleted, after the commit; delete its mirror and links with it."""

import logging
from functools import partial
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver
from redis.exceptions import RedisError
from utilities.exceptions import AbortRequest

from .branching import NOT_IN_A_BRANCH, in_branch
from .jobs.cancel import stop_deleted
from .jobs.schedules import reconcile
from .models import (
    Discrepancy,
    Fabric,
    FabricCondition,
    FabricEvent,
    FabricResource,
    InventoryCheckpoint,
    InventoryLink,
    InventoryRule,
    KindSync,
    release,
)
from .sync.search import leave_index

logger = logging.getLogger(__name__)


# Before the other handlers of a save or deletion: scripts may run in a branch too.
@receiver((pre_save, pre_delete), sender=Fabric)
@receiver((pre_save, pre_delete), sender=InventoryRule)
def refuse_in_branch(sender: type[Fabric | InventoryRule], **kwargs: Any) -> None:
    """Raise AbortRequest if a branch is active."""
    if in_branch():
        raise AbortRequest(NOT_IN_A_BRANCH)


@receiver(pre_delete, sender=Fabric)
def delete_mirror(sender: type[Fabric], instance: Fabric, using: str, **kwargs: Any) -> None:
    """Delete everything that is stored in bulk for a fabric, before the fabric itself."""
    # From here on a running sync writes no rows: it waits, and then finds its fabric deleted.
    Fabric.objects.using(using).select_for_update().filter(pk=instance.pk).first()
    leave_index(instance, using)
    for model in (FabricResource, KindSync, FabricCondition, FabricEvent, Discrepancy, InventoryCheckpoint):
        model._base_manager.using(using).filter(fabric=instance)._raw_delete(using)
    release(InventoryLink.objects.using(using).filter(fabric=instance))


@receiver((post_save, post_delete), sender=Fabric)
def reschedule(sender: type[Fabric], **kwargs: Any) -> None:
    """Bring the schedules in line after the commit."""
    # Once per transaction is enough, however many fabrics a bulk edit saves.
    if not any(entry[1] is _reconcile for entry in connection.run_on_commit):
        transaction.on_commit(_reconcile)


@receiver(post_delete, sender=Fabric)
def stop_sync(sender: type[Fabric], instance: Fabric, **kwargs: Any) -> None:
    """Stop the sync of a deleted fabric after the commit."""
    # After the schedule was removed, so that the worker removes the sync from Redis.
    transaction.on_commit(partial(_stop, instance.pk))


def _stop(fabric_id: int) -> None:
    try:
        stop_deleted(fabric_id)
    except Exception:
        # The sync ends by itself as soon as it writes something.
        logger.exception('The sync of the deleted fabric %d could not be stopped.', fabric_id)


def _reconcile() -> None:
    try:
        reconcile()
    except (RedisError, DatabaseError, OSError) as error:
        # The fabric is saved, and the scheduler's heartbeat repeats this within seconds.
        logger.warning('The schedule could not be updated; the scheduler will do it: %s', error)
    except Exception:
        # Likewise: saving the fabric must not appear to have failed.
        logger.exception('The schedule could not be updated; the scheduler will do it.')
