"""Store inventory links: which objects the fabric manages, and what was last written to them."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from ...choices import InventoryOriginChoices
from ...models import Discrepancy, InventoryLink, release
from .. import discrepancies
from ..mapping.types import DesiredObject
from ..planning.fields import model_of
from ..planning.model_specs import spec_of
from ..planning.plan import ADOPT, MARK_STALE, SHARE, UNMARK_STALE, UPDATE, Action, Record
from .context import ApplyContext
from .side_effects import BATCH
from .values import empty_value

__all__ = ('Links', 'delete_links')


class Links:
    """The links of one attempt to apply a plan: collected while objects are written, and saved at the end."""

    def __init__(self, context: ApplyContext) -> None:
        self._context = context
        # By key.
        self._new: dict[str, InventoryLink] = {}
        # What changes about stored links, by the key that they are stored under.
        self._changes: dict[str, dict[str, Any]] = defaultdict(dict)

    # What the plan notes about links without touching their objects

    def apply_records(self) -> None:
        """Apply the plan's changes of links alone, and delete links that are no longer needed."""
        records = self._context.plan.records
        for record in records:
            if not record.drop:
                self._apply_record(record)
        managed = self._context.current.managed
        delete_links([managed[record.key].pk for record in records if record.drop], keep_last=True)

    def _apply_record(self, record: Record) -> None:
        if record.new:
            obj = self._context.desired.objects[record.key]
            self._context.pks[record.key] = record.pk
            self._new[record.key] = self._new_link(obj, record.pk, InventoryOriginChoices.FOUND, True, {})
        elif record.written:
            self.note_values(record.key, dict(record.written))
        if record.renamed:
            obj = self._context.desired.objects[record.key]
            self._changes[record.key].update(
                kind=obj.source.kind, name=obj.source.name, scope=obj.scope,
            )
        if record.previous_key:
            self._rename(record.previous_key, record.key)

    def _rename(self, previous_key: str, key: str) -> None:
        """Record that an object continues under another key, as the object of that key."""
        obj = self._context.desired.objects.get(key)
        if obj is not None:
            kind, name, scope = obj.source.kind, obj.source.name, obj.scope
        else:
            link = self._context.current.managed[key]
            kind, name, scope = link.kind, link.name, link.scope
        self._changes[previous_key].update(key=key, kind=kind, name=name, scope=scope)

    # What is written to objects

    def add_created(self, action: Action, pk: int, values: dict[str, Any]) -> None:
        """Record that this object was created with these values. The fabric manages it from now on."""
        obj = self._context.desired.objects[action.key]
        deferred = spec_of(action.model).deferred
        # All managed fields are stored, including empty ones.
        written = {
            name: values.get(name, empty_value(action.model, name))
            for name in obj.managed_fields if name not in deferred
        }
        self._add(action, pk, InventoryOriginChoices.CREATED, written)

    def add_found(self, action: Action, pk: int) -> None:
        """Record that the fabric uses this shared object, which somebody else has created."""
        self._add(action, pk, InventoryOriginChoices.FOUND, {})

    def add_shared(self, action: Action, pk: int) -> None:
        """Record that the fabric shares this device, which another fabric manages."""
        self._context.pks[action.key] = pk
        self._context.shared.add(action.key)
        self._new[action.key] = self._new_link(action, pk, InventoryOriginChoices.FOUND, True, {})
        self._context.mark_done(replace(action, type=SHARE, pk=pk, changes=()))

    def note_updated(self, action: Action, values: dict[str, Any]) -> None:
        """Record that an action on an existing object is done; an update without values wrote nothing."""
        if values or action.type != UPDATE:
            self._context.mark_done(action)
        if action.type == MARK_STALE:
            self._note_stale(action, values)
            return
        obj = self._context.desired.objects.get(action.key)
        # A stale object that made room gets its place back if it is desired again: the plugin wrote that value.
        managed_fields = obj.managed_fields if obj is not None else values
        given_by_rules = {name for name in values if obj is not None and name in obj.rule_fields}
        values = {name: value for name, value in values.items() if name in managed_fields}
        if action.type == ADOPT:
            assert action.pk is not None
            agreed = dict(self._context.plan.agreed.get(action.key, ()))
            self._add(action, action.pk, InventoryOriginChoices.ADOPTED, {**agreed, **values})
            return
        if values:
            self.note_values(action.key, values)
        if given_by_rules:
            self._forget_values(action.key, given_by_rules)
        if action.type == UNMARK_STALE:
            self._change(action.key, stale_since=None, stale_syncs=0, before_stale={})

    def _note_stale(self, action: Action, values: dict[str, Any]) -> None:
        status = next((change for change in action.changes if change.field == 'status'), None)
        before = {'status': status.old, 'marked': status.new} if status and 'status' in values else {}
        self._change(action.key, stale_since=self._context.now, before_stale=before)

    def note_values(self, key: str, values: dict[str, Any]) -> None:
        """Record what was written to the object of this key."""
        link = self._context.link_of(key)
        if link is None:
            self._new[key].written.update(values)
        else:
            self._changes[link.key].setdefault('written', dict(link.written)).update(values)

    def _forget_values(self, key: str, names: set[str]) -> None:
        """Record that the object of this key no longer has what the fabric wrote in these fields."""
        link = self._context.link_of(key)
        assert link is not None
        written = self._changes[link.key].setdefault('written', dict(link.written))
        for name in names:
            written.pop(name, None)

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
            scope=item.scope, object_type=ContentType.objects.get_for_model(model_of(item.model)), object_id=pk,
            origin=origin, shared=shared, written=written,
        )

    # The end

    def save(self) -> None:
        """Write all collected changes."""
        managed = self._context.current.managed
        # Two links may swap their keys.
        renamed = [managed[key].pk for key, changes in self._changes.items() if 'key' in changes]
        InventoryLink.objects.filter(pk__in=renamed).update(key=Concat(Value('~'), Cast('pk', CharField())))
        InventoryLink.objects.bulk_create(self._new.values(), batch_size=BATCH)
        changed = [self._changed_link(key, changes) for key, changes in self._changes.items()]
        if changed:
            names = sorted({name for changes in self._changes.values() for name in changes})
            InventoryLink.objects.bulk_update(changed, [*names, 'last_updated'], batch_size=BATCH)

    def _changed_link(self, key: str, changes: dict[str, Any]) -> InventoryLink:
        stored = self._context.current.managed[key]
        link = InventoryLink(
            pk=stored.pk, fabric=self._context.fabric, key=stored.key, kind=stored.kind, name=stored.name,
            scope=stored.scope, written=stored.written, stale_since=stored.stale_since,
            stale_syncs=stored.stale_syncs, before_stale=stored.before_stale, last_updated=self._context.now,
        )
        for name, value in changes.items():
            setattr(link, name, value)
        return link


def delete_links(pks: list[int], keep_last: bool = False) -> None:
    """Delete links and their discrepancies. What another fabric shares is managed by that one from then on.

    With `keep_last`, the link of a device that no other fabric shares any more stays. See models.link.release().
    """
    if pks:
        discrepancies.remove(Discrepancy.objects.filter(link__in=pks))
        release(InventoryLink.objects.filter(pk__in=pks), keep_last)
