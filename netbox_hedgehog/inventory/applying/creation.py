"""Create objects: in bulk where a fabric has thousands of a model, otherwise by NetBox's own save()."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Model
from extras.models import CustomField

from ..planning.fields import model_of
from ..planning.machines import is_shareable
from ..planning.model_specs import PREFIX, spec_of
from ..planning.plan import Action
from . import bulk_save
from .context import ApplyContext, ObjectWrite
from .links import Links
from .machines import find_managed
from .savepoints import write_in_halves
from .side_effects import nothing_related
from .validation import REFUSALS, UniqueFields, check, sentence_of
from .values import find_same

__all__ = ('Creation',)


class Creation:
    """Create the objects of one attempt to apply a plan."""

    def __init__(self, context: ApplyContext, links: Links) -> None:
        self._context, self._links = context, links

    def create(self, label: str, actions: Iterable[Action]) -> None:
        """Create objects of one model, and their links."""
        resolved = []
        for action in actions:
            values = self._context.resolve(action)
            if values is not None:
                resolved.append((action, values))
        self._context.load_related(label, [values for _, values in resolved])
        writes = self._prepare(label, resolved)
        if not spec_of(label).save_individually:
            for write in writes:
                bulk_save.prepare_insert(write.instance)
            writes = self._insert(model_of(label), writes)
            bulk_save.insert_related(label, writes)
            self._context.side_effects.created([write.instance for write in writes])
        for write in writes:
            self._note_created(label, write)

    def _prepare(self, label: str, resolved: list[tuple[Action, dict[str, Any]]]) -> list[ObjectWrite]:
        """Return new instances that NetBox accepts; those of a model with few objects are saved already."""
        model = model_of(label)
        defaults = CustomField.objects.get_defaults_for_model(model)
        populated = bulk_save.populated_ranges(label, [values for _, values in resolved])
        unique = UniqueFields(model)
        writes = []
        for action, values in resolved:
            try:
                instance = self._new_instance(label, values)
                if defaults and hasattr(instance, 'custom_field_data'):
                    instance.custom_field_data = dict(defaults)
                bulk_save.check_populated_ranges(instance, populated)
                if spec_of(label).save_individually:
                    _save(instance)
                    bulk_save.set_tags(instance, values)
                else:
                    check(instance)
                    unique.take(instance)
            except REFUSALS as error:
                self._use_existing_or_skip(action, values, error)
            else:
                writes.append(ObjectWrite(action, values, instance))
        return writes

    def _new_instance(self, label: str, values: dict[str, Any]) -> Any:
        # Not in the constructor: NetBox treats values given there as those stored before.
        instance = model_of(label)()
        for name, value in values.items():
            self._context.assign(instance, label, name, value)
        nothing_related(instance)
        return instance

    def _insert(self, model: type[Model], writes: list[ObjectWrite]) -> list[ObjectWrite]:
        written, refused = write_in_halves(
            writes, write=lambda part: bulk_save.insert(model, part), undo=bulk_save.undo_insert,
        )
        for write, error in refused:
            self._use_existing_or_skip(write.action, write.values, error)
        return written

    def _note_created(self, label: str, write: ObjectWrite) -> None:
        instance = write.instance
        self._context.pks[write.action.key] = instance.pk
        self._context.objects[label, instance.pk] = instance
        if label == PREFIX:
            self._context.changed_vrfs.add(instance.vrf_id)
        self._links.add_created(write.action, instance.pk, write.values)
        self._context.mark_done(write.action)

    def _use_existing_or_skip(self, action: Action, values: dict[str, Any], error: Exception) -> None:
        """Use what somebody else has created meanwhile, if it may be shared, or else skip the action."""
        obj = self._context.desired.objects[action.key]
        if obj.shared and (pk := find_same(action.model, values)):
            self._context.pks[action.key] = pk
            self._links.add_found(action, pk)
        elif is_shareable(obj) and (pk := find_managed(self._context.fabric, obj, values)):
            self._links.add_shared(action, pk)
        else:
            self._context.skip(action, sentence_of(error))


def _save(instance: Any) -> None:
    """Save a new object as NetBox does, its signals included. Raises one of REFUSALS."""
    try:
        with transaction.atomic():
            instance.full_clean()
            instance.save()
    except OperationalError:
        raise
    except DatabaseError as error:
        raise ValidationError(sentence_of(error)) from None
