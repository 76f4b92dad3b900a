"""Set up the schedules when a NetBox process starts to serve pages."""

import logging
import sys
import threading
import time
from collections.abc import Container, Sequence

from django.apps import apps
from django.db import connections

__all__ = ('bootstrap_if_serving', 'serves')

logger = logging.getLogger(__name__)

# Seconds between two tries if Redis or the database is not ready, and the number of tries: by then the scheduler's
# heartbeat has done it, or `hedgehog_sync status` says what is wrong.
RETRY_EVERY = 15
TRIES = 40

# The module by which every WSGI server loads NetBox.
WSGI = 'netbox.wsgi'


def serves(argv: Sequence[str], modules: Container[str]) -> bool:
    """Return whether a process with these arguments and loaded modules serves NetBox's pages.

    A WSGI server loads NetBox by its WSGI module; of the management commands only `runserver` serves pages.
    """
    return WSGI in modules or list(argv[1:2]) == ['runserver']


def bootstrap_if_serving() -> threading.Thread | None:
    """Start the bootstrap in the background if this process serves pages. Return its thread, or None."""
    if not serves(sys.argv, sys.modules):
        return None
    thread = threading.Thread(target=_bootstrap, name='hedgehog-bootstrap', daemon=True)
    thread.start()
    return thread


def _bootstrap() -> None:
    # Django forbids queries before every app is ready, and others follow this one.
    apps.ready_event.wait()
    from .schedules import FabricSyncScheduler

    said = False
    try:
        for _ in range(TRIES):
            try:
                counts = FabricSyncScheduler().bootstrap_all_fabric_schedules()
            except Exception as error:
                if not said:
                    reason = (str(error).splitlines() or [''])[0]
                    logger.warning('The schedules of the fabrics cannot be set up yet; retrying: %s', reason)
                    said = True
                connections.close_all()
                time.sleep(RETRY_EVERY)
            else:
                logger.info('Schedules of %d fabrics are in place (%d new).', counts['fabrics'], counts['created'])
                return
    finally:
        connections.close_all()
