"""Name the kinds of a fabric that the plugin does not support, as they are stored on the fabric."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.utils.translation import ngettext

from ..hedgehog.kinds import KIND_BY_NAME
from ..naming import first_names

__all__ = ('shown_kinds', 'unsupported_sentence')

# How many kinds a sentence names.
SHOWN = 10


def shown_kinds(kinds: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return how to display each kind, such as VPCInterconnect (2 objects), by its name with its group.

    The group is displayed only where the name alone could mean another kind.
    """
    names = Counter(kind['kind'] for kind in kinds)
    shown = {}
    for kind in kinds:
        name, count = kind['kind'], kind['count']
        key = f'{name}.{kind["group"]}'
        title = key if names[name] > 1 or name in KIND_BY_NAME else name
        objects = '' if count is None else ngettext(' (%d object)', ' (%d objects)', count) % count
        shown[key] = title + objects
    return shown


def unsupported_sentence(kinds: Sequence[dict[str, Any]] | None) -> str:
    """Return the sentence that names these kinds; '' if there are none, or if it is not known."""
    if not kinds:
        return ''
    names = first_names(list(shown_kinds(kinds).values()), SHOWN)
    return ngettext(
        '%(names)s is not supported by this version of the plugin. Check whether a newer version supports it.',
        '%(names)s are not supported by this version of the plugin. Check whether a newer version supports them.',
        len(kinds),
    ) % {'names': names}
