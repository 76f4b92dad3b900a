"""What a person decides about discrepancies. None of these writes NetBox's own objects but take_fabric."""

from collections.abc import Iterable
from typing import Any

from ..models import Discrepancy

__all__ = ('forget', 'ignore', 'keep_netbox', 'recreate', 'reopen', 'take_fabric')


def take_fabric(discrepancies: Iterable[Discrepancy], user: Any = None) -> int:
    """Write the fabric's values: FIELD discrepancies only, the others are left alone.

    Takes discrepancies of any fabrics, and who decides. Returns how many were settled. Raises NotPermitted where the
    person may not change one of the objects: then none is.
    """
    raise NotImplementedError


def keep_netbox(discrepancies: Iterable[Discrepancy]) -> int:
    """Keep NetBox's values: the fields are not owned any more (FIELD), a deleted object is not made again (DELETED).

    Returns how many were settled; they stand with the state `kept`, until reopen().
    """
    raise NotImplementedError


def ignore(discrepancies: Iterable[Discrepancy]) -> int:
    """Nobody is to be told of these again: the state `ignored`, for as long as they are found. Returns how many."""
    raise NotImplementedError


def reopen(discrepancies: Iterable[Discrepancy]) -> int:
    """Take back keep_netbox() and ignore(): fields are owned again. Returns how many."""
    raise NotImplementedError


def recreate(discrepancies: Iterable[Discrepancy]) -> int:
    """Objects that somebody deleted in NetBox (DELETED) are made again by the next run, with all that was on them.

    Returns how many.
    """
    raise NotImplementedError


def forget(discrepancies: Iterable[Discrepancy]) -> int:
    """Objects that somebody deleted in NetBox (DELETED) stay deleted: the state `kept`. Returns how many."""
    raise NotImplementedError
