"""Create cables with their terminations and traced paths, many at a time; move them with NetBox's own save()."""

from collections.abc import Iterable, Sequence
from typing import Any

from dcim.exceptions import UnsupportedCablePath
from dcim.models import Cable, CableTermination, Interface
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, transaction
from extras.models import CustomField

from ..planning.model_specs import CABLE, ENDS_OF_CABLE
from ..planning.plan import Action
from . import bulk_save
from .context import ApplyContext, ObjectWrite
from .links import Links
from .savepoints import attempt, write_in_halves
from .side_effects import nothing_related
from .validation import OBJECT_DELETED, REFUSALS, UniqueFields, check, check_end, sentence_of

__all__ = ('Cables',)


class CableRefused(Exception):
    """A cable cannot be moved; the text says why."""

    def __init__(self, action: Action, reason: str) -> None:
        super().__init__(reason)
        self.action = action


class Cables:
    """Create and move the cables of one attempt to apply a plan."""

    def __init__(self, context: ApplyContext, links: Links) -> None:
        self._context, self._links = context, links

    # New cables

    def create(self, actions: Iterable[Action]) -> None:
        """Create cables between interfaces that have none.

        An interface that a person has split into channels is left to NetBox's own save(), which mirrors the cable
        onto each of them.
        """
        resolved = []
        for action in actions:
            values = self._context.resolve(action)
            if values is not None:
                resolved.append((action, values))
        interfaces = self._lock_interfaces({pk for _, values in resolved for pk in _ends(values)})
        defaults = CustomField.objects.get_defaults_for_model(Cable)
        self._context.load_related(CABLE, [_without_ends(values) for _, values in resolved])
        writes = self._prepare(resolved, interfaces, defaults)
        simple: list[ObjectWrite] = []
        channelled: list[ObjectWrite] = []
        for write in writes:
            has_channels = any(interfaces[pk].channels for pk in _ends(write.values))
            (channelled if has_channels else simple).append(write)
        created = self._insert(simple, interfaces)
        created += [write for write in channelled if self._save(write, interfaces)]
        for write in created:
            self._context.pks[write.action.key] = write.instance.pk
            self._links.add_created(write.action, write.instance.pk, write.values)
            self._context.mark_done(write.action)

    @staticmethod
    def _lock_interfaces(pks: set[int]) -> dict[int, Any]:
        """Load interfaces with what is related to them, by ID, and lock them until the transaction ends."""
        queryset = Interface.objects.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',), no_key=True)
        many = [field.name for field in Interface._meta.many_to_many if field.name != 'tags']
        return {interface.pk: interface for interface in queryset.select_related(
            'device__site', 'device__location', 'device__rack', 'device__virtual_chassis',
        ).prefetch_related('tags', *many)}

    def _prepare(
        self, resolved: Iterable[tuple[Action, dict[str, Any]]], interfaces: dict[int, Any], defaults: dict[str, Any],
    ) -> list[ObjectWrite]:
        """Return new cables that NetBox accepts; the others are skipped."""
        unique = UniqueFields(Cable)
        occupied: set[int] = set()
        writes = []
        for action, values in resolved:
            try:
                _check_free(values, interfaces, occupied)
                cable = self._new_cable(values, defaults)
                unique.take(cable)
            except REFUSALS as error:
                self._context.skip(action, sentence_of(error))
                continue
            occupied.update(_ends(values))
            writes.append(ObjectWrite(action, values, cable))
        return writes

    def _new_cable(self, values: dict[str, Any], defaults: dict[str, Any]) -> Any:
        cable = Cable()
        for name, value in _without_ends(values).items():
            self._context.assign(cable, CABLE, name, value)
        cable.custom_field_data = dict(defaults)
        nothing_related(cable)
        check(cable)
        return cable

    def _insert(self, writes: Sequence[ObjectWrite], interfaces: dict[int, Any]) -> list[ObjectWrite]:
        """Insert cables in bulk. Return those that the database has accepted; the others are skipped."""
        written, refused = write_in_halves(
            writes,
            write=lambda part: bulk_save.insert_cables(part, interfaces, self._context.side_effects),
            undo=lambda part: bulk_save.undo_insert_of_cables(part, interfaces),
        )
        for write, error in refused:
            self._context.skip(write.action, sentence_of(error))
        return written

    def _save(self, write: ObjectWrite, interfaces: dict[int, Any]) -> bool:
        """Save one new cable as NetBox does. Return False where NetBox refuses it: it is skipped."""
        cable = write.instance
        try:
            with attempt():
                cable.a_terminations = [interfaces[pk] for pk in write.values['a']]
                cable.b_terminations = [interfaces[pk] for pk in write.values['b']]
                cable.full_clean()
                cable.save()
                bulk_save.set_tags(cable, write.values)
        except OperationalError:
            raise
        except (*REFUSALS, DatabaseError) as error:
            self._context.skip(write.action, sentence_of(error))
            return False
        return True

    # Existing cables

    def move(self, actions: Iterable[Action]) -> None:
        """Change cables as NetBox does, with paths and change log. A cable that cannot be changed stays as it is."""
        remaining = list(actions)
        while remaining:
            try:
                with attempt():
                    moved = self._move_all(remaining)
            except CableRefused as refused:
                self._context.skip(refused.action, str(refused))
                remaining = [action for action in remaining if action is not refused.action]
                continue
            for action, values in moved:
                self._links.note_updated(action, values)
            return

    def _move_all(self, actions: Sequence[Action]) -> list[tuple[Action, dict[str, Any]]]:
        """Move cables, and return what was written. Raise CableRefused for the first one that cannot be moved."""
        cables = self._load(actions)
        # All cables leave their interfaces before any is connected again: two may swap.
        for action in actions:
            self._release(action)
        return [(action, self._move(action, cables.get(action.pk))) for action in actions]

    @staticmethod
    def _load(actions: Iterable[Action]) -> dict[int | None, Any]:
        """Return the cables as they are before any is disconnected, for the change log."""
        cables = Cable.objects.filter(pk__in=[action.pk for action in actions]).order_by('pk')
        for cable in cables:
            cable.snapshot()
        return {cable.pk: cable for cable in cables}

    @staticmethod
    def _release(action: Action) -> None:
        """Disconnect a cable from the interfaces that it leaves."""
        leaving: set[int] = set()
        for change in action.changes:
            if change.field in ENDS_OF_CABLE:
                staying = {item for item in change.new if isinstance(item, int)}
                leaving.update(pk for pk in change.old or () if isinstance(pk, int) and pk not in staying)
        terminations = CableTermination.objects.filter(
            cable=action.pk, termination_type=ContentType.objects.get_for_model(Interface), termination_id__in=leaving,
        )
        try:
            for termination in terminations:
                termination.delete()
        except UnsupportedCablePath as error:
            raise CableRefused(action, sentence_of(error)) from None

    def _move(self, action: Action, cable: Any) -> dict[str, Any]:
        """Move one cable, and return the values that were written."""
        values = self._context.resolve(action)
        if values is None or cable is None:
            raise CableRefused(action, self._context.skipped.get(action.key, OBJECT_DELETED))
        self._context.load_related(CABLE, [_without_ends(values)])
        interfaces = self._lock_interfaces(set(_ends(values)))
        try:
            with transaction.atomic():
                _check_existing(_ends(values), interfaces)
                for name, value in _without_ends(values).items():
                    self._context.assign(cable, CABLE, name, value)
                if 'a' in values:
                    cable.a_terminations = [interfaces[pk] for pk in values['a']]
                if 'b' in values:
                    cable.b_terminations = [interfaces[pk] for pk in values['b']]
                cable.full_clean()
                cable.save()
                bulk_save.set_tags(cable, values)
        except OperationalError:
            raise
        except (*REFUSALS, DatabaseError) as error:
            raise CableRefused(action, sentence_of(error)) from None
        return values


def _check_free(values: dict[str, Any], interfaces: dict[int, Any], occupied: set[int]) -> None:
    """Raise ValidationError where no cable can be put between these ends. `occupied` have a new cable already."""
    if not values.get('a') or not values.get('b'):
        raise ValidationError('A cable has two ends.')
    _check_existing(_ends(values), interfaces)
    for pk in _ends(values):
        if pk in occupied:
            raise ValidationError(f'{interfaces[pk].device} {interfaces[pk]} already has another cable.')
        if why := check_end(interfaces[pk]):
            raise ValidationError(why)


def _check_existing(pks: Iterable[int], interfaces: dict[int, Any]) -> None:
    if any(pk not in interfaces for pk in pks):
        raise ValidationError('One of its interfaces has been deleted.')


def _ends(values: dict[str, Any]) -> list[int]:
    return [pk for name in ENDS_OF_CABLE for pk in values.get(name) or ()]


def _without_ends(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ENDS_OF_CABLE}
