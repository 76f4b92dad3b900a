"""Cables are laid with their terminations and traced paths, many at a time; they are moved as NetBox moves them."""

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from dcim.exceptions import UnsupportedCablePath
from dcim.models import Cable, CablePath, CableTermination, Interface
from dcim.utils import object_to_path_node
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, transaction
from django.utils import timezone
from extras.models import CustomField

from ...choices import InventoryOriginChoices
from ..planning.fields import ENDS_OF_CABLE
from ..planning.plan import Action
from .side_effects import BATCH, attempt, nothing_related, quicken, state
from .validation import OBJECT_DELETED, REFUSALS, UniqueFields, check, check_end, sentence_of

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ('Cabling',)

A, B = 'A', 'B'


class Cabling:
    """The cables of one run."""

    def __init__(self, writer: 'Writer') -> None:
        self.writer = writer

    # New cables

    def lay(self, actions: list[Action]) -> None:
        """Make cables between interfaces that have none.

        An interface that a person has split into channels is left to NetBox's own save(), which mirrors the cable
        onto each of them.
        """
        resolved = [
            (action, values) for action in actions if (values := self.writer.resolve(action)) is not None
        ]
        interfaces = self._interfaces({pk for _, values in resolved for pk in _ends(values)})
        defaults = CustomField.objects.get_defaults_for_model(Cable)
        self.writer.load_related('dcim.cable', [_without_ends(values) for _, values in resolved])
        unique = UniqueFields(Cable)
        taken: set[int] = set()
        ready: list[tuple[Action, dict[str, Any], Any]] = []
        for action, values in resolved:
            ends = _ends(values)
            try:
                if not values.get('a') or not values.get('b'):
                    raise ValidationError('A cable has two ends.')
                _check_ends(ends, interfaces)
                for pk in ends:
                    if pk in taken:
                        raise ValidationError(f'{interfaces[pk].device} {interfaces[pk]} has another cable already.')
                    if why := check_end(interfaces[pk]):
                        raise ValidationError(why)
                cable = Cable()
                for name, value in _without_ends(values).items():
                    self.writer.assign(cable, 'dcim.cable', name, value)
                cable.custom_field_data = dict(defaults)
                nothing_related(cable)
                check(cable)
                unique.take(cable)
            except REFUSALS as error:
                self.writer.refuse(action, sentence_of(error))
                continue
            taken.update(ends)
            ready.append((action, values, cable))
        channelled = [entry for entry in ready if any(interfaces[pk].channels for pk in _ends(entry[1]))]
        plain = [entry for entry in ready if entry not in channelled]
        made = self._insert(plain, interfaces)
        for action, values, cable in channelled:
            if self._save(action, cable, values, interfaces):
                made.append((action, values, cable))
        for action, values, cable in made:
            self.writer.pks[action.key] = cable.pk
            self.writer.link(
                action, cable.pk, InventoryOriginChoices.CREATED, self.writer.written(action, values),
            )
            self.writer.mark_done(action)

    def _interfaces(self, pks: set[int]) -> dict[int, Any]:
        queryset = Interface.objects.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',), no_key=True)
        return {interface.pk: interface for interface in queryset.select_related(
            'device__site', 'device__location', 'device__rack', 'device__virtual_chassis',
        ).prefetch_related('tags', *(field.name for field in Interface._meta.many_to_many if field.name != 'tags'))}

    def _insert(self, ready: list[Any], interfaces: dict[int, Any]) -> list[Any]:
        if not ready:
            return []
        try:
            with transaction.atomic():
                self._insert_all(ready, interfaces)
            return ready
        except OperationalError:
            raise
        except DatabaseError as error:
            for _, values, cable in ready:
                cable.pk, cable._state.adding = None, True
                for pk in _ends(values):
                    interface = interfaces[pk]
                    interface.cable = interface.cable_end = interface._path = None
            if len(ready) > 1:
                middle = len(ready) // 2
                return [*self._insert(ready[:middle], interfaces), *self._insert(ready[middle:], interfaces)]
            self.writer.refuse(ready[0][0], sentence_of(error))
            return []

    def _insert_all(self, ready: list[Any], interfaces: dict[int, Any]) -> None:
        Cable.objects.bulk_create([cable for _, _, cable in ready], batch_size=BATCH)
        interface_type = ContentType.objects.get_for_model(Interface)
        terminations, paths, ends = [], [], []
        for _, values, cable in ready:
            cable._pk = cable.pk
            for end, name in ((A, 'a'), (B, 'b')):
                for pk in values[name]:
                    device = interfaces[pk].device
                    terminations.append(CableTermination(
                        cable=cable, cable_end=end, termination_type=interface_type, termination_id=pk,
                        _device=device, _rack=device.rack, _location=device.location, _site=device.site,
                    ))
                    terminations[-1]._termination = interfaces[pk]
        for termination in terminations:
            # The generic relation's cache: to_objectchange() asks for the object.
            termination.termination = termination._termination
        CableTermination.objects.bulk_create(terminations, batch_size=BATCH)
        by_cable: dict[int, dict[str, list[int]]] = {cable.pk: {A: [], B: []} for _, _, cable in ready}
        for termination in terminations:
            by_cable[termination.cable_id][termination.cable_end].append(termination.pk)
        for _, values, cable in ready:
            cable.serialize_object = partial(_cable_state, cable, by_cable[cable.pk])
            sides = [[object_to_path_node(interfaces[pk]) for pk in values[name]] for name in ENDS_OF_CABLE]
            for near, far, name in ((sides[0], sides[1], 'a'), (sides[1], sides[0], 'b')):
                path = [near, [object_to_path_node(cable)], far]
                paths.append(CablePath(
                    path=path, is_complete=True, is_active=cable.status == 'connected', is_split=False,
                    _nodes=list(chain.from_iterable(path)),
                ))
                ends.append([interfaces[pk] for pk in values[name]])
        CablePath.objects.bulk_create(paths, batch_size=BATCH)
        self.writer.trail.created([cable for _, _, cable in ready])
        self.writer.trail.created(terminations)
        touched = []
        for termination in terminations:
            interface = termination.termination
            quicken(interface)
            interface.snapshot()
            interface.cable, interface.cable_end = termination.cable, termination.cable_end
            interface.last_updated = timezone.now()
            touched.append(interface)
        self.writer.trail.updated(touched)
        for path, members in zip(paths, ends, strict=True):
            for interface in members:
                interface._path = path
        Interface.objects.bulk_update(
            touched, ['cable', 'cable_end', '_path', 'last_updated'], batch_size=BATCH,
        )

    def _save(self, action: Action, cable: Any, values: dict[str, Any], interfaces: dict[int, Any]) -> bool:
        try:
            with attempt():
                cable.a_terminations = [interfaces[pk] for pk in values['a']]
                cable.b_terminations = [interfaces[pk] for pk in values['b']]
                cable.full_clean()
                cable.save()
        except OperationalError:
            raise
        except (*REFUSALS, DatabaseError) as error:
            self.writer.refuse(action, sentence_of(error))
            return False
        return True

    # Cables that stand

    def release(self, actions: list[Action]) -> None:
        """Take cables off the interfaces that they leave, all of them before any is put elsewhere: two may swap."""
        for action in actions:
            try:
                self._release(action)
            except UnsupportedCablePath as error:
                raise _Refused(action, sentence_of(error)) from None

    @staticmethod
    def _release(action: Action) -> None:
        leaving: set[int] = set()
        for change in action.changes:
            if change.field in ENDS_OF_CABLE:
                staying = {item for item in change.new if isinstance(item, int)}
                leaving.update(pk for pk in change.old or () if isinstance(pk, int) and pk not in staying)
        for termination in CableTermination.objects.filter(
            cable=action.pk, termination_type=ContentType.objects.get_for_model(Interface), termination_id__in=leaving,
        ):
            termination.delete()

    def move(self, actions: list[Action]) -> None:
        """Change cables as NetBox does, paths and change log included: those that can be, or else each as it was."""
        while actions:
            try:
                with attempt():
                    cables = self._standing(actions)
                    self.release(actions)
                    done = [(action, self._move(action, cables.get(action.pk))) for action in actions]
                break
            except _Refused as refused:
                self.writer.refuse(refused.action, refused.why)
                actions = [action for action in actions if action is not refused.action]
        else:
            done = []
        for action, values in done:
            self.writer.settled(action, values)

    @staticmethod
    def _standing(actions: list[Action]) -> dict[int | None, Any]:
        """Return the cables as they are, before any of them is taken off an interface: for the change log."""
        cables = Cable.objects.filter(pk__in=[action.pk for action in actions]).order_by('pk')
        for cable in cables:
            cable.snapshot()
        return {cable.pk: cable for cable in cables}

    def _move(self, action: Action, cable: Any) -> dict[str, Any]:
        values = self.writer.resolve(action)
        if values is None or cable is None:
            raise _Refused(action, self.writer.failed.get(action.key, OBJECT_DELETED))
        self.writer.load_related('dcim.cable', [_without_ends(values)])
        interfaces = self._interfaces(set(_ends(values)))
        try:
            with transaction.atomic():
                _check_ends(_ends(values), interfaces)
                for name, value in _without_ends(values).items():
                    self.writer.assign(cable, 'dcim.cable', name, value)
                if 'a' in values:
                    cable.a_terminations = [interfaces[pk] for pk in values['a']]
                if 'b' in values:
                    cable.b_terminations = [interfaces[pk] for pk in values['b']]
                cable.full_clean()
                cable.save()
        except OperationalError:
            raise
        except (*REFUSALS, DatabaseError) as error:
            raise _Refused(action, sentence_of(error)) from None
        return values


class _Refused(Exception):
    """A cable cannot be moved, for this reason."""

    def __init__(self, action: Action, why: str) -> None:
        super().__init__(why)
        self.action, self.why = action, why


def _cable_state(cable: Any, terminations: dict[str, list[int]], exclude: Any = None) -> dict[str, Any]:
    return state(cable, a_terminations=sorted(terminations[A]), b_terminations=sorted(terminations[B]))


def _check_ends(pks: list[int], interfaces: dict[int, Any]) -> None:
    if any(pk not in interfaces for pk in pks):
        raise ValidationError('One of its interfaces has been deleted.')


def _ends(values: dict[str, Any]) -> list[int]:
    return [pk for name in ENDS_OF_CABLE for pk in values.get(name) or ()]


def _without_ends(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ENDS_OF_CABLE}
