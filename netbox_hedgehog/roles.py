"""NetBox's device roles by slug, as the inventory settings reference them.

A slug is unique only among the children of one role: it may match several roles, and then none of them is used.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

__all__ = ('AMBIGUOUS', 'UNKNOWN', 'roles_by_slug')

UNKNOWN = _('No device role has the slug %(slugs)s. Create it first.')
AMBIGUOUS = _(
    'Several device roles have the slug %(slugs)s. Give the intended role a unique slug, or select another role.'
)


def roles_by_slug(slugs: Iterable[str]) -> dict[str, list[int]]:
    """Return the IDs of the device roles with each of these slugs; slugs without a role are omitted."""
    from dcim.models import DeviceRole  # the plugin's models are loaded before those of dcim

    found: dict[str, list[int]] = {}
    for slug, pk in DeviceRole.objects.filter(slug__in=list(slugs)).values_list('slug', 'pk'):
        found.setdefault(slug, []).append(pk)
    return found
