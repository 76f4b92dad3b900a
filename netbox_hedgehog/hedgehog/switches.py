"""Find the group of a switch or gateway."""

from typing import Any

from .manifest import items, mapping, text

__all__ = ('group', 'redundancy_group')


def redundancy_group(spec: Any) -> str:
    """Return the redundancy group of a switch, or an empty string."""
    return text(mapping(mapping(spec).get('redundancy')).get('group'))


def group(spec: Any) -> str:
    """Return the group that a switch or gateway is shown in: its redundancy group, else the first of its groups."""
    # A switch names its groups; a gateway has an object for each.
    named = [text(item) or text(mapping(item).get('name')) for item in items(mapping(spec).get('groups'))]
    return redundancy_group(spec) or next(filter(None, named), '')
