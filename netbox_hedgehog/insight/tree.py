"""Access to manifests of unknown shape: whatever stands there, nothing is raised."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

__all__ = ('items', 'mapping', 'moment', 'number', 'objects', 'text')


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
    """A timestamp as Kubernetes writes it; None where it is none, or bears no time zone."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo else None
