"""ExistingRef objects: compared with what the plan was made from, and updated as many at a time as NetBox allows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Model
from extras.models import CustomField

from ..planning.current import CABLE
from ..planning.fields import FK, MANY, kind_of, model_of, related_label, shape
from ..planning.plan import ADOPT, CREATE, DELETE, MARK, Action, FieldChange
from . import bulk_save
from .context import ApplyContext, ObjectWrite
from .links import Links
from .side_effects import prefetched
from .validation import REFUSALS, check, sentence_of
from .values import current_value, empty_value, with_related

__all__ = ('Updates',)


class Updates:
    """Updates the objects of one attempt to apply a plan. `level_of` says after how many others an object comes."""

    def __init__(self, context: ApplyContext, links: Links, level_of: Mapping[str, int]) -> None:
        self._context, self._links, self._level_of = context, links, level_of
        self._parking = context.parking

    def update(self, actions: Iterable[Action], late: bool) -> None:
        """Update what these actions change of existing objects.

        First what can be written at once; then (`late`) what refers to objects that were created in between, and to an
        object's own parts (Shape.deferred).
        """
        by_label: dict[str, list[tuple[Action, dict[str, Any]]]] = defaultdict(list)
        for action in actions:
            # An object that could not make room is marked all the same: its resource has gone.
            is_skipped = action.key in self._context.skipped and action.verb != MARK
            if is_skipped or action.model == CABLE or action.verb == DELETE:
                continue
            changes = tuple(change for change in action.changes if self._is_late(action, change) == late)
            if late and not changes:
                continue
            part = replace(action, changes=changes)
            values = self._context.resolve(part, deferred=True)
            if values is not None:
                by_label[action.model].append((part, values))
        for label, parts in by_label.items():
            written: list[tuple[Action, dict[str, Any]]] = []
            empty: list[Action] = []
            for action, values in parts:
                if values or self._parking.is_parked(label, action.pk):
                    written.append((action, values))
                else:
                    empty.append(action)
            self._update(label, written, late)
            if not late:
                self.note_unchanged(label, empty)

    def note_unchanged(self, label: str, actions: Sequence[Action]) -> None:
        """Note actions that write nothing to their objects; an object that somebody has deleted is not adopted."""
        adopted = [action.pk for action in actions if action.verb == ADOPT]
        existing: set[int | None] = set()
        if adopted:
            found = model_of(label)._default_manager.filter(pk__in=adopted).order_by('pk')
            existing.update(found.select_for_update(no_key=True).values_list('pk', flat=True))
        for action in actions:
            if action.verb == ADOPT and action.pk not in existing:
                self._context.skip_deleted(action)
            else:
                self._links.note_updated(action, {})

    def _is_late(self, action: Action, change: FieldChange) -> bool:
        """Return whether a field is written last: it refers to the object's own parts, or to a later object."""
        if not self._context.is_wanted(action):
            return False
        if change.field in shape(action.model).deferred:
            return True
        if action.verb == CREATE:
            return False
        level = self._level_of[action.key]
        items = change.new if isinstance(change.new, list) else [change.new]
        return any(isinstance(item, dict) and self._level_of.get(item['key'], 0) >= level for item in items)

    def _update(self, label: str, parts: list[tuple[Action, dict[str, Any]]], late: bool) -> None:
        """Update objects of one model, and note it at their links."""
        if not parts:
            return
        self._load_related(label, parts)
        defaults = CustomField.objects.get_defaults_for_model(model_of(label))
        pks = [self._context.pks[action.key] if action.pk is None else action.pk for action, _ in parts]
        instances = self._lock_instances(label, pks)
        writes = []
        for (action, values), pk in zip(parts, pks, strict=True):
            instance = instances.get(pk)
            if instance is None:
                if self._context.is_wanted(action):
                    self._context.skip_deleted(action)
                continue
            self._unpark(label, instance)
            values = self._without_conflicts(action, values, instance)
            if values:
                write = ObjectWrite(action, values, instance)
                if self._prepare(write, defaults):
                    writes.append(write)
            elif not late:
                self._links.note_updated(action, {})
        written = self._save_individually(writes) if shape(label).few else self._save_in_bulk(label, writes, late)
        for write in written:
            self._note_written(label, write, late)

    def _load_related(self, label: str, parts: list[tuple[Action, dict[str, Any]]]) -> None:
        """Load what new values refer to, and what parked objects really refer to."""
        self._context.load_related(label, [values for _, values in parts])
        deferred = shape(label).deferred
        real_values = []
        for action, _ in parts:
            if self._parking.is_parked(label, action.pk):
                real_values.append({
                    change.field: change.old for change in action.changes if change.field not in deferred
                })
        self._context.load_related(label, real_values)

    @staticmethod
    def _lock_instances(label: str, pks: list[int]) -> dict[int, Any]:
        """Load objects with what is related to them, by ID, and lock them until the transaction ends."""
        model = model_of(label)
        many = [field.name for field in model._meta.many_to_many]
        if hasattr(model, 'tags') and 'tags' not in many:
            many.append('tags')
        queryset = model._default_manager.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',), no_key=True)
        return {instance.pk: instance for instance in with_related(queryset, label).prefetch_related(*many)}

    def _unpark(self, label: str, instance: Any) -> None:
        """Let an instance hold what its object held before it left its place."""
        for column, value in self._parking.parked_values(label, instance.pk).items():
            setattr(instance, column, value)
        group = self._context.objects.get(('ipam.vlangroup', instance.group_id)) if label == 'ipam.vlan' else None
        if group is not None:
            instance.group = group

    def _without_conflicts(self, action: Action, values: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Return the values of fields that nobody has changed since the plan was made.

        What somebody else wrote meanwhile is not overwritten; the next sync says so.
        """
        old = {change.field: change.old for change in action.changes}
        return {
            name: value for name, value in values.items()
            if self._is_unchanged(action.model, name, instance, old.get(name))
        }

    def _is_unchanged(self, label: str, name: str, instance: Any, old: Any) -> bool:
        """Return whether a field holds what it held when the plan was made, or what this run's deletions left of it."""
        before = empty_value(label, name) if old is None else old
        return current_value(label, name, instance) in (before, self._without_deleted(label, name, before))

    def _without_deleted(self, label: str, name: str, value: Any) -> Any:
        """Return what NetBox leaves of a reference when it deletes the objects that this run has deleted."""
        kind = kind_of(label, name)
        if kind == MANY:
            related = related_label(label, name)
            return [pk for pk in value if (related, pk) not in self._context.deleted]
        if kind == FK and (related_label(label, name), value) in self._context.deleted:
            return None
        return value

    def _prepare(self, write: ObjectWrite, custom_field_defaults: dict[str, Any]) -> bool:
        """Set the values on the instance. Return False where NetBox would not take them: the action is skipped."""
        action, values, instance = write.action, write.values, write.instance
        instance.snapshot()
        instance._stored_custom_fields = dict(getattr(instance, 'custom_field_data', {}))
        prefetched_before = prefetched(instance).copy()
        try:
            for name, value in values.items():
                self._context.assign(instance, action.model, name, value)
            if action.model == 'ipam.prefix':
                self._context.changed_vrfs.update((instance._vrf_id, instance.vrf_id))
            bulk_save.prepare_update(instance, values)
            if action.verb != CREATE:
                check(instance)
                bulk_save.fill_custom_fields(instance, custom_field_defaults)
        except REFUSALS as error:
            instance._prefetched_objects_cache = prefetched_before
            self._context.skip(action, sentence_of(error))
            if action.verb == MARK:
                self._links.note_updated(action, {})  # its resource is gone all the same
            return False
        return True

    def _save_individually(self, writes: Iterable[ObjectWrite]) -> list[ObjectWrite]:
        """Save one after the other as NetBox does, for models with few objects. Return what was saved."""
        saved = []
        for write in writes:
            try:
                bulk_save.save_individually(write.instance)
            except REFUSALS as error:
                self._context.skip(write.action, sentence_of(error))
                continue
            label, pk = write.action.model, write.instance.pk
            self._parking.note_written(label, pk, [*self._parking.parked_values(label, pk)])
            saved.append(write)
        return saved

    def _save_in_bulk(self, label: str, writes: list[ObjectWrite], late: bool) -> list[ObjectWrite]:
        """Save many at once, with what NetBox's signals do. Return what was saved."""
        written, refused = bulk_save.write_in_halves(
            writes, write=lambda part: self._save_columns(label, part, late), undo=lambda part: None,
        )
        for write, error in refused:
            self._context.skip(write.action, sentence_of(error))
        bulk_save.update_related(label, written)
        fields = {name for write in written for name in write.values}
        self._context.side_effects.updated([write.instance for write in written], fields)
        return written

    def _save_columns(self, label: str, writes: Sequence[ObjectWrite], late: bool) -> None:
        model = model_of(label)
        columns = bulk_save.changed_columns(label, writes) | self._parked_columns(model, writes, late)
        bulk_save.update_naturalized(model, writes, columns)
        bulk_save.update(model, writes, columns)
        attributes = [model._meta.get_field(name).attname for name in columns]
        for write in writes:
            self._parking.note_written(label, write.instance.pk, attributes)

    def _parked_columns(self, model: type[Model], writes: Sequence[ObjectWrite], late: bool) -> set[str]:
        """Return the parked columns of these objects, which get their values back with the rest.

        What refers to an object's own parts comes last.
        """
        label = model._meta.label_lower
        own_parts = {model._meta.get_field(name).attname for name in shape(label).deferred}
        parked = {
            column for write in writes for column in self._parking.parked_values(label, write.instance.pk)
            if late or column not in own_parts
        }
        return {model._meta.get_field(column).name for column in parked}

    def _note_written(self, label: str, write: ObjectWrite, late: bool) -> None:
        action = write.action
        self._context.objects[label, write.instance.pk] = write.instance
        if not late:
            self._links.note_updated(action, write.values)
            return
        owned = self._context.desired.objects[action.key].managed_fields
        values = {name: value for name, value in write.values.items() if name in owned}
        self._links.note_values(action.key, values)
        self._context.mark_done(action)
