"""NetBox's own permissions hold for what a person asks of an inventory, with their conditions on objects."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from utilities.permissions import get_permission_for_model

from ..errors import NotPermitted
from ..planning.fields import model_of
from ..planning.plan import ADOPT, CREATE, DELETE, MARK, RESTORE, UPDATE, Action

__all__ = ('check_after', 'check_before')

NEEDED = {CREATE: 'add', UPDATE: 'change', ADOPT: 'change', RESTORE: 'change', MARK: 'change', DELETE: 'delete'}


def check_before(user: Any, actions: Iterable[Action]) -> None:
    """Check that this person may do all of these: the permission for each model, and for each existing object.

    Raises NotPermitted, which names what is missing.
    """
    existing: dict[tuple[str, str], set[int]] = defaultdict(set)
    for action in actions:
        needed = NEEDED[action.verb]
        if action.verb == MARK and not action.changes:
            continue
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


def check_after(user: Any, done: Iterable[Action], pks: dict[str, int]) -> None:
    """Check that all that was written meets the conditions of this person's permissions, as NetBox's own views do.

    To be called inside of the transaction. Raises NotPermitted: then nothing may stay written.
    """
    written: dict[tuple[str, str], set[int]] = defaultdict(set)
    for action in done:
        if action.verb == DELETE or (action.verb == MARK and not action.changes):
            continue
        written[action.model, NEEDED[action.verb]].add(pks[action.key] if action.pk is None else action.pk)
    for (label, needed), found in sorted(written.items()):
        model = model_of(label)
        allowed = model._default_manager.restrict(user, needed).filter(pk__in=found).count()
        if allowed < len(found):
            raise NotPermitted(
                f'{user} has the permission {get_permission_for_model(model, needed)} with conditions, and '
                f'{len(found) - allowed} of the {len(found)} {model._meta.verbose_name_plural} would not meet them '
                'afterwards.'
            )
