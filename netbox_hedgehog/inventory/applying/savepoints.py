"""Write in savepoints, so that only an object that NetBox or the database refuses is skipped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from core.signals import _signals_received
from django.db import DatabaseError, OperationalError, transaction
from netbox.context import events_queue

from .context import ObjectWrite
from .validation import REFUSALS

__all__ = ('attempt', 'write_in_halves')


@contextmanager
def attempt() -> Iterator[None]:
    """Open a savepoint whose rollback also undoes what NetBox's signals have stored in memory.

    Otherwise there are events of objects that were not written, and an object whose deletion was taken back has no
    change-log entry when it is deleted later.
    """
    noted = set(getattr(_signals_received, 'pre_delete', ()))
    queue = {key: _copy_of(event) for key, event in events_queue.get().items()}
    try:
        with transaction.atomic():
            yield
    except BaseException:
        _signals_received.pre_delete = noted
        events_queue.set(queue)
        raise


def _copy_of(event: Any) -> Any:
    """Return a copy of an event that stays as it is when NetBox merges another change of the object into the event."""
    copied = copy(event)
    copied['snapshots'] = {**event['snapshots']}
    return copied


def write_in_halves(
    writes: Sequence[ObjectWrite], write: Callable[[Sequence[ObjectWrite]], None],
    undo: Callable[[Sequence[ObjectWrite]], None],
) -> tuple[list[ObjectWrite], list[tuple[ObjectWrite, Exception]]]:
    """Write all in one savepoint; if one is refused, split into halves until it is alone.

    `write` runs inside of the savepoint; `undo` resets what it has changed on the instances. Returns what was written,
    and what was refused with the error.

    A savepoint for each object would be simpler, but NetBox queues a job of its search index for each savepoint.
    """
    if not writes:
        return [], []
    try:
        with attempt():
            write(writes)
        return list(writes), []
    except OperationalError:
        raise
    except (*REFUSALS, DatabaseError) as error:
        undo(writes)
        if len(writes) == 1:
            return [], [(writes[0], error)]
    middle = len(writes) // 2
    written, refused = write_in_halves(writes[:middle], write, undo)
    more_written, more_refused = write_in_halves(writes[middle:], write, undo)
    return [*written, *more_written], [*refused, *more_refused]
