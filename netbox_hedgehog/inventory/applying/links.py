"""Inventory links: which objects are the fabric's, and what was last written to them."""

from collections import defaultdict
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from ...choices import InventoryOriginChoices
from ...models import Discrepancy, InventoryLink
from .. import discrepancies
from ..mapping.types import DesiredObject
from ..planning.fields import model_of, shape
from ..planning.plan import ADOPT, MARK, RESTORE, UPDATE, Action, Record
from .context import ApplyContext
from .side_effects import BATCH
from .values import empty_value

__all__ = ('Links', 'delete_links')


class Links:
    """The links of one attempt to apply a plan: noted as objects are written, and saved at the end."""

    def __init__(self, context: ApplyContext) -> None:
        self._context = context
        # By key.
        self._new: dict[str, InventoryLink] = {}
        # What changes about stored links, by the key that they are stored under.
        self._changes: dict[str, dict[str, Any]] = defaultdict(dict)

    # What the plan notes about links without touching their objects

    def apply_records(self) -> None:
        """Note what the plan has for links alone, and delete links that nobody needs any more."""
        records = self._context.plan.records
        for record in records:
            if not record.drop:
                self._apply_record(record)
        held = self._context.present.held
        delete_links([held[record.key].pk for record in records if record.drop])

    def _apply_record(self, record: Record) -> None:
        if record.new:
            want = self._context.desired.objects[record.key]
            self._context.pks[record.key] = record.pk
            self._new[record.key] = self._new_link(want, record.pk, InventoryOriginChoices.FOUND, True, {})
        elif record.written:
            self.note_values(record.key, dict(record.written))
        if record.renamed:
            want = self._context.desired.objects[record.key]
            self._changes[record.key].update(
                kind=want.source.kind, name=want.source.name, subject=want.subject,
            )
        if record.was:
            self._rename(record.was, record.key)

    def _rename(self, previous_key: str, key: str) -> None:
        """Note that an object goes on under another key, as what that key names."""
        want = self._context.desired.objects.get(key)
        if want is not None:
            kind, name, subject = want.source.kind, want.source.name, want.subject
        else:
            link = self._context.present.held[key]
            kind, name, subject = link.kind, link.name, link.subject
        self._changes[previous_key].update(key=key, kind=kind, name=name, subject=subject)

    # What is written to objects

    def add_created(self, action: Action, pk: int, values: dict[str, Any]) -> None:
        """Note that this object was created with these values, and is the fabric's from here on."""
        want = self._context.desired.objects[action.key]
        deferred = shape(action.model).deferred
        # All managed fields are remembered, those that are empty too.
        written = {
            name: values.get(name, empty_value(action.model, name))
            for name in want.managed_fields if name not in deferred
        }
        self._add(action, pk, InventoryOriginChoices.CREATED, written)

    def add_found(self, action: Action, pk: int) -> None:
        """Note that the fabric uses this shared object, which somebody else has created."""
        self._add(action, pk, InventoryOriginChoices.FOUND, {})

    def note_updated(self, action: Action, values: dict[str, Any]) -> None:
        """Note that an action on an existing object is done; an update without values wrote nothing."""
        if values or action.verb != UPDATE:
            self._context.mark_done(action)
        if action.verb == MARK:
            self._note_stale(action, values)
            return
        want = self._context.desired.objects.get(action.key)
        # A stale object that has made room gets its place back where it is wanted again: the value is ours.
        owned = want.managed_fields if want is not None else values
        values = {name: value for name, value in values.items() if name in owned}
        if action.verb == ADOPT:
            assert action.pk is not None
            agreed = dict(self._context.plan.agreed.get(action.key, ()))
            self._add(action, action.pk, InventoryOriginChoices.ADOPTED, {**agreed, **values})
            return
        if values:
            self.note_values(action.key, values)
        if action.verb == RESTORE:
            self._change(action.key, stale_since=None, stale_runs=0, before_stale={})

    def _note_stale(self, action: Action, values: dict[str, Any]) -> None:
        status = next((change for change in action.changes if change.field == 'status'), None)
        before = {'status': status.old, 'marked': status.new} if status and 'status' in values else {}
        self._change(action.key, stale_since=self._context.now, before_stale=before)

    def note_values(self, key: str, values: dict[str, Any]) -> None:
        """Note what was written to the object of this key."""
        link = self._context.link_of(key)
        if link is None:
            self._new[key].written.update(values)
        else:
            self._changes[link.key].setdefault('written', dict(link.written)).update(values)

    def _change(self, key: str, **changes: Any) -> None:
        link = self._context.link_of(key)
        assert link is not None
        self._changes[link.key].update(changes)

    def _add(self, action: Action, pk: int, origin: str, written: dict[str, Any]) -> None:
        shared = self._context.desired.objects[action.key].shared
        self._new[action.key] = self._new_link(action, pk, origin, shared, {} if shared else written)

    def _new_link(
        self, item: DesiredObject | Action, pk: int, origin: str, shared: bool, written: dict[str, Any],
    ) -> InventoryLink:
        return InventoryLink(
            fabric=self._context.fabric, key=item.key, kind=item.source.kind, name=item.source.name,
            subject=item.subject, object_type=ContentType.objects.get_for_model(model_of(item.model)), object_id=pk,
            origin=origin, shared=shared, written=written,
        )

    # The end

    def save(self) -> None:
        """Write everything that was noted."""
        held = self._context.present.held
        # Two links may swap their keys.
        renamed = [held[key].pk for key, changes in self._changes.items() if 'key' in changes]
        InventoryLink.objects.filter(pk__in=renamed).update(key=Concat(Value('~'), Cast('pk', CharField())))
        InventoryLink.objects.bulk_create(self._new.values(), batch_size=BATCH)
        changed = [self._changed_link(key, changes) for key, changes in self._changes.items()]
        if changed:
            names = sorted({name for changes in self._changes.values() for name in changes})
            InventoryLink.objects.bulk_update(changed, [*names, 'last_updated'], batch_size=BATCH)

    def _changed_link(self, key: str, changes: dict[str, Any]) -> InventoryLink:
        held = self._context.present.held[key]
        link = InventoryLink(
            pk=held.pk, fabric=self._context.fabric, key=held.key, kind=held.kind, name=held.name,
            subject=held.subject, written=held.written, stale_since=held.stale_since, stale_runs=held.stale_runs,
            before_stale=held.before_stale, last_updated=self._context.now,
        )
        for name, value in changes.items():
            setattr(link, name, value)
        return link


def delete_links(pks: list[int]) -> None:
    """Delete links and what is said about them, without loading them."""
    if pks:
        discrepancies.remove(Discrepancy.objects.filter(link__in=pks))
        InventoryLink.objects.filter(pk__in=pks)._raw_delete(InventoryLink.objects.db)
