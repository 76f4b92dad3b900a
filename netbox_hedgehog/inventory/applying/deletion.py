"""Delete objects one by one, as NetBox does, with all that it deletes along with them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import ProtectedError, RestrictedError

from ..planning.current import ManagedObject, Place
from ..planning.dependents import connected_groups, find_deletable
from ..planning.fields import model_of
from ..planning.machines import may_be_shared
from ..planning.model_specs import DEVICE, INTERFACE
from ..planning.plan import Action
from .context import ApplyContext
from .links import delete_links
from .machines import shared_with_others
from .savepoints import attempt
from .validation import REFUSALS, sentence_of

__all__ = ('Deletion',)


class DeletionRefused(Exception):
    """NetBox refuses to delete the object of this link; the text says why."""

    def __init__(self, link: ManagedObject, reason: str) -> None:
        super().__init__(reason)
        self.link = link


class Deletion:
    """Delete the objects of one attempt to apply a plan, with their links."""

    def __init__(self, context: ApplyContext) -> None:
        self._context = context

    def delete(self, actions: Iterable[Action]) -> None:
        """Delete the objects of these actions that NetBox allows to delete."""
        links: list[ManagedObject] = []
        action_of: dict[int, Action] = {}
        for action in actions:
            link = self._context.link_of(action.key)
            assert link is not None
            links.append(link)
            action_of[link.pk] = action
        if not links:
            return
        deleted: list[ManagedObject] = []
        for group in connected_groups(links, self._context.current):
            deleted += self._delete_group(group)
        for link in deleted:
            action = action_of[link.pk]
            self._context.pks.pop(action.key, None)
            self._context.deleted.add(link.place)
            self._context.mark_done(action)
        delete_links([link.pk for link in deleted])

    def _delete_group(self, links: list[ManagedObject]) -> list[ManagedObject]:
        """Delete objects that refer to each other, and return the links of those that were deleted.

        Where NetBox refuses one of them, start again without it and without all that stays with it: it keeps what
        belongs to it.
        """
        refusals = self._shared(links)
        while True:
            going, findings = find_deletable(
                links, self._context.current, changes=self._context.plan.actions, refusals=refusals,
            )
            try:
                with attempt():
                    for link in going:
                        _delete_object(link)
            except DeletionRefused as refused:
                refusals[refused.link.place] = str(refused)
                continue
            self._context.findings += findings
            finding_of = {finding.key: finding for finding in findings}
            staying = {link.key for link in links}.difference(link.key for link in going)
            self._context.undeleted |= {key: finding_of.get(key, findings[0]) for key in staying}
            return going

    def _shared(self, links: Iterable[ManagedObject]) -> dict[Place, str]:
        """Return why objects stay that other fabrics have begun to share since the plan was made."""
        pks: dict[str, set[int]] = {DEVICE: set(), INTERFACE: set()}
        for link in links:
            if may_be_shared(link):
                pks[link.model].add(link.object_id)
        return {
            (label, pk): 'another fabric shares it' for label, found in pks.items() if found
            for pk in shared_with_others(label, found, self._context.fabric)
        }


def _delete_object(link: ManagedObject) -> None:
    """Delete the object of a link, if it is still there. Raise DeletionRefused where NetBox does not allow it."""
    instance = model_of(link.model)._default_manager.filter(pk=link.object_id).first()
    if instance is None:
        return
    try:
        if hasattr(instance, 'snapshot'):
            instance.snapshot()
        instance.delete()
    except (ProtectedError, RestrictedError) as error:
        objects: Any = getattr(error, 'protected_objects', None) or getattr(error, 'restricted_objects', ())
        names = ', '.join(sorted({f'{item._meta.verbose_name} {item}' for item in objects})[:3])
        raise DeletionRefused(link, f'{names} depends on it') from None
    except REFUSALS as error:
        raise DeletionRefused(link, sentence_of(error).rstrip('.')) from None
