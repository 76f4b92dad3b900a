"""Delete objects: in bulk where a fabric has thousands of a model, otherwise by NetBox's own delete()."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched, groupby
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, RestrictedError

from ..planning.current import ManagedObject, Place
from ..planning.dependents import connected_groups, find_deletable, order_of_deletion
from ..planning.fields import model_of
from ..planning.machines import may_be_shared
from ..planning.model_specs import DEVICE, INTERFACE, PREFIX
from ..planning.plan import Action, Finding
from . import bulk_delete
from .context import ApplyContext
from .links import delete_links
from .machines import shared_with_others
from .savepoints import attempt
from .side_effects import BATCH
from .validation import REFUSALS, sentence_of

__all__ = ('Deletion',)

Links = list[ManagedObject]


class DeletionRefused(Exception):
    """NetBox refuses to delete some objects; `reasons` says why, by model and ID."""

    def __init__(self, reasons: Mapping[Place, str]) -> None:
        super().__init__('; '.join(reasons.values()))
        self.reasons = reasons


class Deletion:
    """Delete the objects of one attempt to apply a plan, with their links."""

    def __init__(self, context: ApplyContext) -> None:
        self._context = context
        self._shared: dict[Place, str] = {}

    def delete(self, actions: Iterable[Action]) -> None:
        """Delete the objects of these actions that NetBox allows to delete."""
        links: Links = []
        action_of: dict[int, Action] = {}
        for action in actions:
            link = self._context.link_of(action.key)
            assert link is not None
            links.append(link)
            action_of[link.pk] = action
        if not links:
            return
        self._shared = self._read_shared(links)
        deleted = self._delete_groups(connected_groups(links, self._context.current))
        for link in deleted:
            action = action_of[link.pk]
            self._context.pks.pop(action.key, None)
            self._context.deleted.add(link.place)
            self._context.mark_done(action)
        delete_links([link.pk for link in deleted])

    def _delete_groups(self, groups: list[Links]) -> Links:
        """Delete groups of objects that do not refer to each other, and return the links of what was deleted.

        All in one savepoint: NetBox queues a job of its search index for each. A group that NetBox refuses is deleted
        in one of its own, so that its objects cost no other group another attempt.
        """
        refused_groups: list[tuple[Links, dict[Place, str]]] = []
        remaining = groups
        deleted: Links = []
        while remaining:
            found = [self._deletable(group, {}) for group in remaining]
            try:
                self._delete_all(link for going, _ in found for link in going)
            except DeletionRefused as refused:
                refused_groups += _with_reasons(remaining, refused.reasons)
                remaining = [group for group in remaining if not _with_reasons([group], refused.reasons)]
                continue
            for group, (going, findings) in zip(remaining, found, strict=True):
                self._note(group, going, findings)
                deleted += going
            break
        for group, refusals in refused_groups:
            deleted += self._delete_group(group, refusals)
        return deleted

    def _delete_group(self, links: Links, refusals: dict[Place, str]) -> Links:
        """Delete objects that refer to each other, and return the links of those that were deleted.

        Where NetBox refuses one of them, start again without it and without all that stays with it: it keeps what
        belongs to it.
        """
        while True:
            going, findings = self._deletable(links, refusals)
            try:
                self._delete_all(going)
            except DeletionRefused as refused:
                refusals = {**refusals, **refused.reasons}
                continue
            self._note(links, going, findings)
            return going

    def _deletable(self, links: Links, refusals: Mapping[Place, str]) -> tuple[Links, list[Finding]]:
        return find_deletable(
            links, self._context.current, changes=self._context.plan.actions,
            refusals={**self._shared, **refusals},
        )

    def _note(self, links: Links, going: Links, findings: list[Finding]) -> None:
        """Note which objects of a group stay, and why."""
        self._context.findings += findings
        finding_of = {finding.key: finding for finding in findings}
        staying = {link.key for link in links}.difference(link.key for link in going)
        self._context.undeleted |= {key: finding_of.get(key, findings[0]) for key in staying}

    def _delete_all(self, links: Iterable[ManagedObject]) -> None:
        """Delete all of these, or none of them and raise DeletionRefused."""
        vrfs = set(self._context.changed_vrfs)
        try:
            with attempt():
                for label, members in groupby(sorted(links, key=order_of_deletion), key=lambda link: link.model):
                    self._delete_model(label, list(members))
        except DeletionRefused:
            self._context.changed_vrfs = vrfs
            raise

    def _delete_model(self, label: str, links: Links) -> None:
        """Delete objects of one model, in this order. Raises DeletionRefused with all that NetBox refuses of them."""
        reasons: dict[Place, str] = {}
        is_in_bulk = bulk_delete.deletes_in_bulk(label)
        for batch in batched(links, BATCH):
            apart = bulk_delete.set_apart(label, [link.object_id for link in batch]) if is_in_bulk else None
            for part in _parts(batch, apart):
                reasons |= self._delete_part(label, part)
        if reasons:
            raise DeletionRefused(reasons)

    def _delete_part(self, label: str, links: Sequence[ManagedObject]) -> dict[Place, str]:
        """Delete objects of one model, together if possible. Return why NetBox refuses some of them."""
        if len(links) == 1:
            return _delete_object(links[0])
        try:
            deleted = bulk_delete.delete_objects(
                label, [link.object_id for link in links], self._context.side_effects,
            )
        except (bulk_delete.NotInBulk, ProtectedError, RestrictedError):
            # In halves, until the one is found that more hangs on.
            middle = len(links) // 2
            return self._delete_part(label, links[:middle]) | self._delete_part(label, links[middle:])
        if label == PREFIX:
            self._context.changed_vrfs.update(prefix.vrf_id for prefix in deleted)
        return {}

    def _read_shared(self, links: Iterable[ManagedObject]) -> dict[Place, str]:
        """Return why objects stay that other fabrics have begun to share since the plan was made."""
        pks: dict[str, set[int]] = {DEVICE: set(), INTERFACE: set()}
        for link in links:
            if may_be_shared(link):
                pks[link.model].add(link.object_id)
        return {
            (label, pk): 'another fabric shares it' for label, found in pks.items() if found
            for pk in shared_with_others(label, found, self._context.fabric)
        }


def _with_reasons(groups: Iterable[Links], reasons: Mapping[Place, str]) -> list[tuple[Links, dict[Place, str]]]:
    """Return the groups that NetBox refuses an object of, each with the reasons."""
    found = []
    for group in groups:
        own = {link.place: reasons[link.place] for link in group if link.place in reasons}
        if own:
            found.append((group, own))
    return found


def _parts(links: Sequence[ManagedObject], apart: set[int] | None) -> Iterator[Sequence[ManagedObject]]:
    """Yield these objects in parts to be deleted together, in the same order.

    Those that are set apart are alone; so is each if `apart` is None.
    """
    for is_apart, members in groupby(links, key=lambda link: apart is None or link.object_id in apart):
        part = list(members)
        if is_apart:
            yield from ([link] for link in part)
        else:
            yield part


def _delete_object(link: ManagedObject) -> dict[Place, str]:
    """Delete the object of a link as NetBox does, if it is still there. Return why NetBox does not allow it.

    What was written until it refused is taken back by the caller's savepoint.
    """
    instance = model_of(link.model)._default_manager.filter(pk=link.object_id).first()
    if instance is None:
        return {}
    try:
        if hasattr(instance, 'snapshot'):
            instance.snapshot()
        instance.delete()
    except (ProtectedError, RestrictedError) as error:
        objects: Any = getattr(error, 'protected_objects', None) or getattr(error, 'restricted_objects', ())
        names = ', '.join(sorted({f'{item._meta.verbose_name} {item}' for item in objects})[:3])
        reason = f'{names} depends on it'
    except REFUSALS as error:
        reason = sentence_of(error).rstrip('.')
    else:
        return {}
    # An error on the way out of delete() breaks the transaction for Django, but it is none of the database: the other
    # objects that NetBox refuses are found in the same attempt.
    transaction.set_rollback(False)
    return {link.place: reason}
