"""Find device roles that a fabric's settings name and that do not exist. Every sync reports them."""

from collections.abc import Iterator

from ..issue_codes import Code
from ..models import Fabric
from ..roles import roles_by_slug
from .mapping.types import DEVICES, Issue, Options, Source

__all__ = ('role_problems',)


def role_problems(fabric: Fabric, options: Options) -> Iterator[Issue]:
    """Return an issue for each role of the settings whose slug matches no role, or several."""
    missing = {name: slug for name, slug in (fabric.inventory_roles or {}).items() if name not in options.roles}
    if not missing or DEVICES not in options.scopes:
        return
    found = roles_by_slug(missing.values())
    for name, slug in missing.items():
        code = Code.ROLE_AMBIGUOUS if slug in found else Code.ROLE_UNKNOWN
        yield Issue(Source('', name), DEVICES, code, (('role', name), ('slug', slug)))
