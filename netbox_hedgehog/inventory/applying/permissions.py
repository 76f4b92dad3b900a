"""Check NetBox's own permissions, with their conditions on objects, for what a user requests."""

from collections import defaultdict
from collections.abc import Iterable

from utilities.permissions import get_permission_for_model

from ...accounts import AnyUser
from ..errors import NotPermitted
from ..planning.fields import model_of
from ..planning.plan import ADOPT, CREATE, DELETE, MARK_STALE, SHARE, UNMARK_STALE, UPDATE, Action

__all__ = ('check_after', 'check_before')

NEEDED = {
    CREATE: 'add', UPDATE: 'change', ADOPT: 'change', UNMARK_STALE: 'change', MARK_STALE: 'change', DELETE: 'delete',
}


def check_before(user: AnyUser, actions: Iterable[Action]) -> None:
    """Check that this user has the permission for each model, and for each existing object.

    Raises NotPermitted, which names the missing permission.
    """
    existing: dict[tuple[str, str], set[int]] = defaultdict(set)
    for action in actions:
        if _changes_nothing(action):
            continue
        needed = NEEDED[action.type]
        existing[action.model, needed].update([action.pk] if action.pk is not None else [])
    for (label, needed), pks in sorted(existing.items()):
        model = model_of(label)
        permission = get_permission_for_model(model, needed)
        if not user.has_perm(permission):
            raise NotPermitted(
                f'Changing {model._meta.verbose_name_plural} requires the permission {permission}, '
                f'which {user} does not have.'
            )
        if pks and (needed != 'add'):
            allowed = model._default_manager.restrict(user, needed).filter(pk__in=pks).count()
            if allowed < len(pks):
                raise NotPermitted(
                    f'{user} has the permission {permission} with conditions, and {len(pks) - allowed} of the '
                    f'{len(pks)} {model._meta.verbose_name_plural} that this changes do not meet them.'
                )


def _changes_nothing(action: Action) -> bool:
    """Return whether only the plugin's own record of an object changes."""
    return action.type == SHARE or (action.type == MARK_STALE and not action.changes)


def check_after(user: AnyUser, done: Iterable[Action], pks: dict[str, int]) -> None:
    """Check that what was written meets the conditions of this user's permissions, as NetBox's own views do.

    To be called inside of the transaction. Raises NotPermitted: then nothing may stay written.
    """
    written: dict[tuple[str, str], set[int]] = defaultdict(set)
    for action in done:
        if action.type == DELETE or _changes_nothing(action):
            continue
        written[action.model, NEEDED[action.type]].add(pks[action.key] if action.pk is None else action.pk)
    for (label, needed), found in sorted(written.items()):
        model = model_of(label)
        allowed = model._default_manager.restrict(user, needed).filter(pk__in=found).count()
        if allowed < len(found):
            raise NotPermitted(
                f'{user} has the permission {get_permission_for_model(model, needed)} with conditions, and '
                f'{len(found) - allowed} of the {len(found)} {model._meta.verbose_name_plural} would not meet them '
                'afterwards.'
            )
