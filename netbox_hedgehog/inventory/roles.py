"""Device roles that a fabric's settings name, and that cannot be found: told by every run, never guessed."""

from collections.abc import Iterator

from ..models import Fabric
from ..roles import AMBIGUOUS, UNKNOWN, roles_by_slug
from .mapping.types import DEVICES, Issue, Options, Source

__all__ = ('role_problems',)


def role_problems(fabric: Fabric, options: Options) -> Iterator[Issue]:
    """One for each role of the settings that is not among those of the options: its slug is nobody's, or several's."""
    missing = {name: slug for name, slug in (fabric.inventory_roles or {}).items() if name not in options.roles}
    if not missing or DEVICES not in options.subjects:
        return
    found = roles_by_slug(missing.values())
    for name, slug in missing.items():
        why = (AMBIGUOUS if slug in found else UNKNOWN) % {'slugs': slug}
        yield Issue(
            Source('', name), DEVICES,
            f'The fabric’s settings name a device role for {name} that cannot be told. {why} Until then new devices '
            'get the role that is called as Hedgehog calls theirs.',
        )
