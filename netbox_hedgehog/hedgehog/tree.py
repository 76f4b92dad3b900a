"""Access to manifests of unknown shape: whatever stands there, nothing is raised."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

__all__ = ('items', 'mapping', 'moment', 'number', 'objects', 'text')

# The years of what happens in a cluster.
FIRST_YEAR, LAST_YEAR = 1970, 9998


def mapping(value: Any) -> dict[str, Any]:
    """The value where it is a dictionary, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys of a dictionary with their values, as far as these are dictionaries themselves."""
    for key, item in mapping(value).items():
        if isinstance(item, dict):
            yield key, item


def objects(value: Any) -> list[dict[str, Any]]:
    """The dictionaries in a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value where it is a text, else an empty one."""
    return value if isinstance(value, str) else ''


def number(value: Any) -> float | None:
    """The value where it is a number other than true and false, else None."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """A timestamp as Kubernetes writes it; None where it is none, bears no time zone, or is at an end of the calendar.

    Go writes the first of January of the year 1 for a time that was never set; and what is at either end can be a time
    in one time zone that is none in another, of which a page would have to show it.
    """
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo and FIRST_YEAR <= found.year <= LAST_YEAR else None
