"""A plan is carried out: in bulk, inside of the caller's transaction, links together with their objects."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, connection, models, transaction
from django.db.models import ProtectedError, RestrictedError, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from extras.models import CustomField

from ...choices import DiscrepancyTypeChoices, InventoryOriginChoices
from ...issue_codes import Code
from ...models import Discrepancy, Fabric, InventoryLink
from .. import discrepancies
from ..mapping.types import Desired
from ..planning.current import CABLE, Held, Present, levels
from ..planning.fields import ENDS, FK, GENERIC, MANY, decode, encode, kind_of, model_of, related_label, shape
from ..planning.plan import ADOPT, CREATE, DELETE, MARK, RESTORE, UPDATE, Action, FieldChange, Finding, Plan
from ..planning.pruning import pieces, place_of, what_goes
from .cables import Cabling
from .parking import Parking
from .side_effects import BATCH, Trail, attempt, loaded, nothing_related, prefetched
from .validation import OBJECT_DELETED, REFERENCE_DELETED, REFUSALS, UniqueFields, check, sentence_of

__all__ = ('Writer', 'delete_links')

# Verbs of actions on objects that stand, and stay.
STANDING = (UPDATE, RESTORE, ADOPT, MARK)


class Left(Exception):
    """An object cannot be written, for this reason."""


class Refused(Exception):
    """NetBox refuses to delete the object of this link, for this reason."""

    def __init__(self, link: Held, why: str) -> None:
        super().__init__(why)
        self.link = link


class _Stuck(Exception):
    """An object that had left its place was refused: all is to be done without it."""


class Writer:
    """Carries out one plan. `done` are the actions that were, `findings` what stood in the way of the others."""

    def __init__(
        self, fabric: Fabric, plan: Plan, desired: Desired, present: Present, request: Any, now: datetime,
    ) -> None:
        self.fabric, self.plan, self.desired, self.present = fabric, plan, desired, present
        self.request, self.now = request, now
        self.heirs = plan.heirs
        self.level_of = levels(desired)
        # What was refused in an attempt before, by key: it keeps its place.
        self.refused: dict[str, tuple[str, list[Finding]]] = {}
        self._begin()

    def _begin(self) -> None:
        """Begin an attempt: nothing is written yet."""
        self.trail = Trail(self.request)
        self.parking = Parking()
        self.stuck: dict[str, list[Finding]] = {}
        self.done: list[Action] = []
        self.done_keys: set[tuple[str, str]] = set()
        self.event_failures: list[str] = []
        # Why objects that were to be deleted stay, by key.
        self.staying: dict[str, Finding] = {}
        self.findings: list[Finding] = [finding for _, findings in self.refused.values() for finding in findings]
        self.failed: dict[str, str] = {key: why for key, (why, _) in self.refused.items()}
        held = self.present.held
        self.pks = {key: link.object_id for key, link in held.items() if link.values is not None}
        self.pks.update({key: held[was].object_id for key, was in self.heirs.items() if held[was].values is not None})
        self.objects: dict[tuple[str, int], Any] = {}
        # What was deleted in this attempt, by model and ID.
        self.deleted: set[tuple[str, int]] = set()
        # What is said of objects that somebody else has deleted, by model and ID.
        self.missing: dict[tuple[str, int], str] = {}
        # New links, and what changes about those that stand, by key.
        self.new_links: dict[str, InventoryLink] = {}
        self.link_changes: dict[str, dict[str, Any]] = defaultdict(dict)
        self.vrfs: set[int | None] = set()

    def write(self) -> None:
        """Write everything. Raises what the database raises for reasons of its own.

        An object that has left its place for another, and is then refused, must have its place back: all is taken
        back, and done without it.
        """
        while not self._written():
            self.refused.update({key: (self.failed[key], findings) for key, findings in self.stuck.items()})
            self._begin()
        self.trail.finish()

    def _written(self) -> bool:
        """Try to write everything. Return False, and take all back, where one that had left its place was refused."""
        try:
            with attempt():
                self._write()
                if self.stuck:
                    raise _Stuck
        except _Stuck:
            return False
        return True

    def _write(self) -> None:
        self._delete([action for action in self.plan.actions if action.verb == DELETE])
        self._found()
        for action in self.plan.actions:
            if action.verb == ADOPT and action.pk is not None:
                self.pks[action.key] = action.pk
        cabling = Cabling(self)
        actions = [action for action in self.plan.actions if action.key not in self.failed]
        standing = [action for action in actions if action.verb in STANDING]
        # What is not wanted any more makes room first, and what changes places leaves the one that it has.
        unwanted = [action for action in standing if not self._is_wanted(action)]
        self._update([action for action in unwanted if action.verb == UPDATE], late=False)
        self._update([action for action in unwanted if action.verb == MARK], late=False)
        self.parking.park(action for action in actions if self._is_wanted(action))
        # Then each level, what stands first: what it refers to is there, and as it is to be.
        by_level: dict[int, list[Action]] = defaultdict(list)
        for action in actions:
            if self._is_wanted(action) and action.model != CABLE and action.verb in (*STANDING, CREATE):
                by_level[self.level_of.get(action.key, 0)].append(action)
        for _, members in sorted(by_level.items()):
            self._update([action for action in members if action.verb != CREATE], late=False)
            created: dict[str, list[Action]] = defaultdict(list)
            for action in members:
                if action.verb == CREATE:
                    created[action.model].append(action)
            for label, news in sorted(created.items()):
                self._create(label, news)
        # Cables that move give up their ports before new ones are laid.
        cables = [action for action in actions if action.model == CABLE]
        cabling.move([action for action in cables if action.verb in STANDING and action.changes])
        cabling.lay([action for action in cables if action.verb == CREATE])
        self._settle_unchanged(CABLE, [
            action for action in cables if action.verb in STANDING and not action.changes
        ])
        self._update(actions, late=True)
        if self.stuck:
            return
        self.parking.restore()
        self._count_prefixes()
        self._write_links()

    def _is_wanted(self, action: Action) -> bool:
        return action.key in self.desired.objects

    # Creation

    def _create(self, label: str, actions: list[Action]) -> None:
        model = model_of(label)
        resolved = [(action, values) for action in actions if (values := self.resolve(action)) is not None]
        self.load_related(label, [values for _, values in resolved])
        defaults = CustomField.objects.get_defaults_for_model(model)
        populated = self._populated_ranges(label, resolved)
        unique = UniqueFields(model)
        ready: list[tuple[Action, dict[str, Any], Any]] = []
        for action, values in resolved:
            try:
                instance = self._instance(label, values)
                if defaults and hasattr(instance, 'custom_field_data'):
                    instance.custom_field_data = dict(defaults)
                if populated and any(start <= instance.address.ip <= end for start, end in populated.get(
                        instance.vrf_id, ())):
                    raise ValidationError(f'{instance.address.ip} lies in a populated range.')
                if shape(label).few:
                    self._save_one(instance)
                else:
                    check(instance)
                    unique.take(instance)
                ready.append((action, values, instance))
            except REFUSALS as error:
                if self.desired.objects[action.key].shared and (pk := _same(model, label, values)):
                    self._take(action, pk)
                else:
                    self.refuse(action, sentence_of(error))
        if shape(label).few:
            self._created(label, ready)
            return
        for _, _, instance in ready:
            self._before_insert(label, instance)
        made = self._insert(model, ready)
        self._many_to_many(label, made)
        self.trail.created([instance for _, _, instance in made])
        self._created(label, made)

    def _save_one(self, instance: Any) -> None:
        """Save as NetBox does, its signals included: for models of which a fabric has a handful."""
        label = type(instance)._meta.label_lower
        if label == 'ipam.vlangroup' and not instance.vid_ranges:
            instance.vid_ranges = []
        try:
            with transaction.atomic():
                instance.full_clean()
                instance.save()
        except OperationalError:
            raise
        except DatabaseError as error:
            raise ValidationError(sentence_of(error)) from None

    def _created(self, label: str, made: list[tuple[Action, dict[str, Any], Any]]) -> None:
        for action, values, instance in made:
            self.pks[action.key] = instance.pk
            self.objects[label, instance.pk] = instance
            if label == 'ipam.prefix':
                self.vrfs.add(instance.vrf_id)
            self.link(action, instance.pk, InventoryOriginChoices.CREATED, self.written(action, values))
            self.mark_done(action)

    def _take(self, action: Action, pk: int) -> None:
        """Somebody else made the shared object meanwhile: it is found instead."""
        self.pks[action.key] = pk
        self.link(action, pk, InventoryOriginChoices.FOUND, {})

    def _instance(self, label: str, values: dict[str, Any]) -> Any:
        # Not through the constructor: NetBox takes what it is given there for what stood there before.
        instance = model_of(label)()
        for name, value in values.items():
            self.assign(instance, label, name, value)
        nothing_related(instance)
        return instance

    def assign(self, instance: Any, label: str, name: str, value: Any) -> None:
        """Set a field. Raises ValidationError where somebody has deleted what it is to refer to."""
        related = _references(label, name, value)
        for one in related:
            if one not in self.objects:
                raise ValidationError(self.missing.get(one, REFERENCE_DELETED))
        if related and kind_of(label, name) != MANY:
            setattr(instance, name, self.objects[related[0]])
        else:
            for attribute, content in decode(label, name, value).items():
                setattr(instance, attribute, content)

    def load_related(self, label: str, rows: Iterable[dict[str, Any]]) -> None:
        """Have all objects at hand that these refer to: a statement a model."""
        wanted: dict[str, set[int]] = defaultdict(set)
        for values in rows:
            for name, value in values.items():
                for related, pk in _references(label, name, value):
                    wanted[related].add(pk)
        for related, pks in wanted.items():
            missing = [pk for pk in pks if (related, pk) not in self.objects]
            if missing:
                queryset = model_of(related)._default_manager.filter(pk__in=missing)
                for instance in _with_related(queryset, related):
                    self.objects[related, instance.pk] = instance

    def _populated_ranges(self, label: str, resolved: list[tuple[Action, dict[str, Any]]]) -> dict[Any, list[Any]]:
        if label != 'ipam.ipaddress':
            return {}
        found: dict[Any, list[Any]] = defaultdict(list)
        vrfs = {values.get('vrf') for _, values in resolved}
        query = models.Q(vrf__in=vrfs - {None})
        if None in vrfs:
            query |= models.Q(vrf=None)
        for vrf, start, end in model_of('ipam.iprange')._default_manager.filter(
            query, mark_populated=True,
        ).order_by().values_list('vrf', 'start_address', 'end_address'):
            found[vrf].append((start.ip, end.ip))
        return found

    def _before_insert(self, label: str, instance: Any) -> None:
        """What the model's own save() would do first."""
        if label == 'dcim.device':
            kind = instance.device_type
            instance.airflow = instance.airflow or kind.airflow
            instance.cooling_method = instance.cooling_method or kind.cooling_method
            if not instance.platform_id:
                instance.platform = kind.default_platform
        elif label == 'dcim.interface':
            device = instance.device
            instance._site, instance._location, instance._rack = device.site, device.location, device.rack
            if not instance.mode:
                instance.untagged_vlan = None
        elif label == 'ipam.prefix':
            instance.prefix = instance.prefix.cidr
            instance.cache_related_objects()
        elif label == 'ipam.iprange':
            instance.size = int(instance.end_address.ip - instance.start_address.ip) + 1
        elif label == 'ipam.ipaddress':
            instance.dns_name = instance.dns_name.lower()

    def _insert(self, model: type[models.Model], ready: list[Any]) -> list[Any]:
        """Insert in bulk; where the database refuses, halve until the object that it means stands alone."""
        if not ready:
            return []
        try:
            with transaction.atomic():
                model._default_manager.bulk_create([instance for _, _, instance in ready], batch_size=BATCH)
            return ready
        except OperationalError:
            raise
        except DatabaseError as error:
            for _, _, instance in ready:
                instance.pk, instance._state.adding = None, True
            if len(ready) > 1:
                middle = len(ready) // 2
                return [*self._insert(model, ready[:middle]), *self._insert(model, ready[middle:])]
            action, values, instance = ready[0]
            if self.desired.objects[action.key].shared and (pk := _same(model, action.model, values)):
                self._take(action, pk)
            else:
                self.refuse(action, sentence_of(error))
            return []

    def _many_to_many(self, label: str, made: list[tuple[Action, dict[str, Any], Any]]) -> None:
        model = model_of(label)
        names = {name for _, values, _ in made for name in values if kind_of(label, name) == MANY}
        for name in names:
            field: Any = model._meta.get_field(name)
            through = getattr(model, name).through
            near, far = f'{field.m2m_field_name()}_id', f'{field.m2m_reverse_field_name()}_id'
            rows = []
            for _, values, instance in made:
                pks = values.get(name) or []
                rows += [through(**{near: instance.pk, far: pk}) for pk in pks]
                prefetched(instance)[name] = loaded(field.related_model, pks)
            through._default_manager.bulk_create(rows, batch_size=BATCH)

    # Change

    def _update(self, actions: Iterable[Action], late: bool) -> None:
        """Change what stands. First what can be said at once; then (`late`) what refers to objects that were made in
        between, and to an object's own parts (Shape.deferred).
        """
        by_label: dict[str, list[tuple[Action, dict[str, Any]]]] = defaultdict(list)
        for action in actions:
            # An object that could not make room is marked all the same: its resource has gone.
            is_skipped = action.key in self.failed and action.verb != MARK
            if is_skipped or action.model == CABLE or action.verb == DELETE:
                continue
            changes = tuple(change for change in action.changes if self._is_late(action, change) == late)
            if late and not changes:
                continue
            part = replace(action, changes=changes)
            values = self.resolve(part, deferred=True)
            if values is not None:
                by_label[action.model].append((part, values))
        for label, parts in by_label.items():
            written: list[tuple[Action, dict[str, Any]]] = []
            empty: list[tuple[Action, dict[str, Any]]] = []
            for action, values in parts:
                is_written = values or self.parking.is_parked(label, action.pk)
                (written if is_written else empty).append((action, values))
            self._change(label, written, late)
            if not late:
                self._settle_unchanged(label, [action for action, _ in empty])

    def _settle_unchanged(self, label: str, actions: list[Action]) -> None:
        """Settle actions that write nothing to their objects; one that somebody has deleted is not adopted."""
        adopted = [action.pk for action in actions if action.verb == ADOPT]
        there: set[int | None] = set()
        if adopted:
            found = model_of(label)._default_manager.filter(pk__in=adopted).order_by('pk')
            there.update(found.select_for_update(no_key=True).values_list('pk', flat=True))
        for action in actions:
            if action.verb == ADOPT and action.pk not in there:
                self._refuse_deleted(action)
            else:
                self.settled(action, {})

    def _is_late(self, action: Action, change: FieldChange) -> bool:
        """Whether a field is written last: it refers to the object's own parts, or to what is created after it."""
        if not self._is_wanted(action):
            return False
        if change.field in shape(action.model).deferred:
            return True
        if action.verb == CREATE:
            return False
        level = self.level_of[action.key]
        items = change.new if isinstance(change.new, list) else [change.new]
        return any(isinstance(item, dict) and self.level_of.get(item['key'], 0) >= level for item in items)

    def _change(self, label: str, parts: list[tuple[Action, dict[str, Any]]], late: bool) -> None:
        if not parts:
            return
        model = model_of(label)
        self.load_related(label, [values for _, values in parts])
        self.load_related(label, [
            {name: change.old for change in action.changes if (name := change.field) not in shape(label).deferred}
            for action, _ in parts if self.parking.is_parked(label, action.pk)
        ])
        pks = [self.pks[action.key] if action.pk is None else action.pk for action, _ in parts]
        many = [field.name for field in model._meta.many_to_many]
        if hasattr(model, 'tags') and 'tags' not in many:
            many.append('tags')
        queryset = model._default_manager.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',), no_key=True)
        defaults = CustomField.objects.get_defaults_for_model(model)
        instances = {
            instance.pk: instance
            for instance in _with_related(queryset, label).prefetch_related(*many)
        }
        ready: list[tuple[Action, dict[str, Any], Any]] = []
        for (action, values), pk in zip(parts, pks, strict=True):
            instance = instances.get(pk)
            if instance is None:
                if self._is_wanted(action):
                    self._refuse_deleted(action)
                continue
            self._unpark(label, instance)
            old = {change.field: change.old for change in action.changes}
            # Somebody was faster: what they wrote is not overwritten, and the next run says so.
            values = {
                name: value for name, value in values.items()
                if self._is_unchanged(label, name, instance, old.get(name))
            }
            if not values:
                if not late:
                    self.settled(action, {})
                continue
            instance.snapshot()
            instance._stored_custom_fields = dict(getattr(instance, 'custom_field_data', {}))
            before = prefetched(instance).copy()
            try:
                for name, value in values.items():
                    self.assign(instance, label, name, value)
                if label == 'ipam.prefix':
                    self.vrfs.update((instance._vrf_id, instance.vrf_id))
                self._before_update(label, instance, values)
                if action.verb != CREATE:
                    check(instance)
                    _fill_custom_fields(instance, defaults)
            except REFUSALS as error:
                instance._prefetched_objects_cache = before
                self.refuse(action, sentence_of(error))
                if action.verb == MARK:
                    self.settled(action, {})  # its resource is gone all the same
                continue
            ready.append((action, values, instance))
        written = self._save_each(ready) if shape(label).few else self._save_all(label, ready, late)
        for action, values, instance in written:
            self.objects[label, instance.pk] = instance
            if late:
                owned = self.desired.objects[action.key].managed_fields
                self._note_written(action.key, {name: value for name, value in values.items() if name in owned})
                self.mark_done(action)
            else:
                self.settled(action, values)

    def _is_unchanged(self, label: str, name: str, instance: Any, old: Any) -> bool:
        """Return whether a field holds what it held when the plan was made, or what this run's deletions left of it."""
        before = _empty(label, name) if old is None else old
        return _current(label, name, instance) in (before, self._without_deleted(label, name, before))

    def _without_deleted(self, label: str, name: str, value: Any) -> Any:
        """Return what NetBox leaves of a reference when it deletes the objects that this run has deleted."""
        kind = kind_of(label, name)
        if kind == MANY:
            related = related_label(label, name)
            return [pk for pk in value if (related, pk) not in self.deleted]
        if kind == FK and (related_label(label, name), value) in self.deleted:
            return None
        return value

    def _refuse_deleted(self, action: Action) -> None:
        """Refuse an action on an object that somebody has deleted. What refers to it falls under the same finding."""
        self.refuse(action, OBJECT_DELETED)
        if action.pk is not None:
            self.missing[action.model, action.pk] = self.failed[action.key]

    def _unpark(self, label: str, instance: Any) -> None:
        """Let an object that is on its way hold what it really holds."""
        for column, value in self.parking.held(label, instance.pk).items():
            setattr(instance, column, value)
        group = self.objects.get(('ipam.vlangroup', instance.group_id)) if label == 'ipam.vlan' else None
        if group is not None:
            instance.group = group

    def _before_update(self, label: str, instance: Any, values: dict[str, Any]) -> None:
        """Do what the model's own save() would do first."""
        if label == 'ipam.prefix':
            instance.prefix = instance.prefix.cidr
        elif label == 'ipam.iprange':
            instance.size = int(instance.end_address.ip - instance.start_address.ip) + 1
        elif label == 'dcim.interface':
            _follow_mode(instance, values)

    def _save_each(self, ready: list[Any]) -> list[Any]:
        """Save one by one as NetBox does, its signals included: for models of which a fabric has a handful."""
        saved = []
        for part in ready:
            try:
                self._save_one(part[2])
            except REFUSALS as error:
                self.refuse(part[0], sentence_of(error))
                continue
            label = part[0].model
            self.parking.written(label, part[2].pk, [*self.parking.held(label, part[2].pk)])
            saved.append(part)
        return saved

    def _save_all(self, label: str, ready: list[Any], late: bool) -> list[Any]:
        """Save many at once, with what NetBox's signals do."""
        model = model_of(label)
        written: list[tuple[Action, dict[str, Any], Any]] = self._save_changes(model, ready, late)
        self._change_many(label, written)
        fields = {name for _, values, _ in written for name in values}
        self.trail.updated([instance for _, _, instance in written], fields)
        return written

    def _save_changes(self, model: type[models.Model], ready: list[Any], late: bool) -> list[Any]:
        """Update in bulk, halving where the database refuses."""
        if not ready:
            return []
        label = model._meta.label_lower
        names = {
            name for _, values, _ in ready for name in values if kind_of(label, name) not in (MANY, ENDS)
        }
        columns: set[str] = set()
        for name in names:
            if kind_of(label, name) == GENERIC:
                generic: Any = model._meta.get_field(name)
                columns.update((generic.ct_field, generic.fk_field))
            else:
                columns.add(name)
        if label == 'dcim.interface':
            columns.add('untagged_vlan')
        if label == 'ipam.iprange':
            columns.add('size')
        own_parts = {model._meta.get_field(name).attname for name in shape(label).deferred}
        if any(getattr(instance, 'custom_field_data', None) != _stored(instance) for _, _, instance in ready):
            columns.add('custom_field_data')
        for _, _, instance in ready:
            # What is set aside goes back with the rest; an object's own parts come last.
            columns.update(
                model._meta.get_field(column).name for column in self.parking.held(label, instance.pk)
                if late or column not in own_parts
            )
            instance.last_updated = timezone.now()
            for field in model._meta.concrete_fields:
                if getattr(field, 'target_field', None) in columns and hasattr(field, 'naturalize_function'):
                    field.pre_save(instance, False)
                    columns.add(field.name)
        try:
            with transaction.atomic():
                model._default_manager.bulk_update(
                    [instance for _, _, instance in ready], [*sorted(columns), 'last_updated'], batch_size=BATCH,
                )
            attributes = [model._meta.get_field(name).attname for name in columns]
            for _, _, instance in ready:
                self.parking.written(label, instance.pk, attributes)
            return ready
        except OperationalError:
            raise
        except DatabaseError as error:
            if len(ready) > 1:
                middle = len(ready) // 2
                return [
                    *self._save_changes(model, ready[:middle], late), *self._save_changes(model, ready[middle:], late),
                ]
            self.refuse(ready[0][0], sentence_of(error))
            return []

    def _change_many(self, label: str, written: list[tuple[Action, dict[str, Any], Any]]) -> None:
        model = model_of(label)
        for name in {name for _, values, _ in written for name in values if kind_of(label, name) == MANY}:
            field: Any = model._meta.get_field(name)
            through = getattr(model, name).through
            near, far = f'{field.m2m_field_name()}_id', f'{field.m2m_reverse_field_name()}_id'
            rows, gone = [], models.Q(pk__in=[])
            for _, values, instance in written:
                if name not in values:
                    continue
                before = {item.pk for item in prefetched(instance)[name]}
                after = set(values[name])
                rows += [through(**{near: instance.pk, far: pk}) for pk in sorted(after - before)]
                if before - after:
                    gone |= models.Q(**{near: instance.pk, f'{far}__in': sorted(before - after)})
                prefetched(instance)[name] = loaded(field.related_model, values[name])
            if gone:
                through._default_manager.filter(gone).delete()
            through._default_manager.bulk_create(rows, batch_size=BATCH)

    # Removal

    def _delete(self, actions: list[Action]) -> None:
        """Delete one by one, as NetBox does, with all that it does along with it."""
        if not actions:
            return
        links: list[Held] = []
        action_of: dict[int, Action] = {}
        for action in actions:
            link = self._held(action.key)
            assert link is not None
            links.append(link)
            action_of[link.pk] = action
        gone: list[Held] = []
        for piece in pieces(links, self.present):
            gone += self._delete_piece(piece)
        for link in gone:
            action = action_of[link.pk]
            self.pks.pop(action.key, None)
            self.deleted.add(place_of(link))
            self.mark_done(action)
        delete_links([link.pk for link in gone])

    def _delete_piece(self, links: list[Held]) -> list[Held]:
        """Delete objects that refer to each other. Where NetBox refuses one of them, start again without it and without
        all that stays with it: it keeps what belongs to it. Return those that were deleted.
        """
        refusals: dict[tuple[str, int], str] = {}
        while True:
            going, findings = what_goes(links, self.present, changes=self.plan.actions, refusals=refusals)
            try:
                with attempt():
                    for link in going:
                        _delete_object(link)
            except Refused as refused:
                refusals[place_of(refused.link)] = str(refused)
                continue
            self.findings += findings
            finding_of = {finding.key: finding for finding in findings}
            stay = {link.key for link in links}.difference(link.key for link in going)
            self.staying |= {key: finding_of.get(key, findings[0]) for key in stay}
            return going

    # References

    def resolve(self, action: Action, deferred: bool = False) -> dict[str, Any] | None:
        """The values of an action with every reference an ID; None where one of them could not be made."""
        values = {}
        soft = shape(action.model).soft
        for change in action.changes:
            if not deferred and change.field in shape(action.model).deferred:
                continue
            try:
                values[change.field] = self._resolve_value(action.model, change)
            except Left as left:
                if change.field in soft:
                    if isinstance(change.new, list):
                        values[change.field] = sorted(
                            pk for item in change.new if (pk := self._pk_or_none(item)) is not None
                        )
                    continue
                self.refuse(action, str(left))
                return None
        return values

    def _resolve_value(self, model: str, change: FieldChange) -> Any:
        value = change.new
        if isinstance(value, dict):
            pk = self._pk(value['key'])
            if kind_of(model, change.field) == GENERIC:
                return [self.desired.objects[value['key']].model, pk]
            return pk
        if isinstance(value, list) and kind_of(model, change.field) in (MANY, ENDS):
            return sorted(self._pk(item['key']) if isinstance(item, dict) else item for item in value)
        return value

    def _pk(self, key: str) -> int:
        if key not in self.pks or key in self.failed:
            raise Left(self.failed.get(key) or f'{key} is not there.')
        return self.pks[key]

    def _pk_or_none(self, item: Any) -> int | None:
        if not isinstance(item, dict):
            return item
        return None if item['key'] in self.failed else self.pks.get(item['key'])

    def refuse(self, action: Action, why: str) -> None:
        """This action is not done. What refers to it is left out with it, under the same finding."""
        finding = next((item for item in self.findings if item.sentence == why), None)
        if finding is None:
            finding = Finding(
                DiscrepancyTypeChoices.CONFLICT, action.key, action.subject, action.source, Code.OBJECT_REFUSED,
                {'model': action.model, 'name': action.name, 'reason': why}, model=action.model, pk=action.pk,
            )
            self.findings.append(finding)
        self.failed[action.key] = finding.sentence
        if self.parking.is_parked(action.model, action.pk):
            self.stuck[action.key] = [finding for finding in self.findings if finding.key == action.key]

    def refused_actions(self) -> Iterator[tuple[Action, Finding]]:
        """The actions that NetBox has refused, as the next plan has them, each with the finding that says why."""
        finding_of = {finding.sentence: finding for finding in self.findings}
        for action in self.plan.actions:
            if action.verb == DELETE:
                finding = self.staying.get(action.key)
            else:
                finding = finding_of.get(self.failed.get(action.key, ''))
            if finding is not None:
                changes = tuple(self._with_ids(action.model, change) for change in action.changes)
                yield replace(action, changes=changes), finding

    def _with_ids(self, model: str, change: FieldChange) -> FieldChange:
        """Return a change that refers by its ID to what this run has created."""
        try:
            return replace(change, new=self._resolve_value(model, change))
        except Left:
            return change

    # Links

    def _found(self) -> None:
        """Links of shared objects that stand, notes on links, and links that nobody needs any more."""
        for record in self.plan.records:
            if record.drop:
                continue
            if record.new:
                want = self.desired.objects[record.key]
                self.pks[record.key] = record.pk
                found = InventoryOriginChoices.FOUND
                self.new_links[record.key] = self._link(
                    record.key, want.source, want.subject, want.model, record.pk, found, True, {},
                )
            elif record.written:
                self._note_written(record.key, dict(record.written))
            if record.renamed:
                want = self.desired.objects[record.key]
                self.link_changes[record.key].update(
                    kind=want.source.kind, name=want.source.name, subject=want.subject,
                )
            if record.was:
                self._inherit(record.key, record.was)
        delete_links([self.present.held[record.key].pk for record in self.plan.records if record.drop])

    def _inherit(self, key: str, was: str) -> None:
        """An object goes on under another key: the link is renamed."""
        want = self.desired.objects.get(key)
        if want is not None:
            kind, name, subject = want.source.kind, want.source.name, want.subject
        else:
            link = self.present.held[key]
            kind, name, subject = link.kind, link.name, link.subject
        self.link_changes[was].update(key=key, kind=kind, name=name, subject=subject)

    def _link(
        self, key: str, source: Any, subject: str, label: str, pk: int, origin: str, shared: bool,
        written: dict[str, Any],
    ) -> InventoryLink:
        return InventoryLink(
            fabric=self.fabric, key=key, kind=source.kind, name=source.name, subject=subject,
            object_type=ContentType.objects.get_for_model(model_of(label)), object_id=pk, origin=origin, shared=shared,
            written=written,
        )

    def link(self, action: Action, pk: int, origin: str, written: dict[str, Any]) -> None:
        """Note that this object is the fabric's from here on."""
        shared = self.desired.objects[action.key].shared
        self.new_links[action.key] = self._link(
            action.key, action.source, action.subject, action.model, pk, origin, shared, {} if shared else written,
        )

    def written(self, action: Action, values: dict[str, Any]) -> dict[str, Any]:
        """What a new object's link remembers: all owned fields, those that are empty too."""
        want = self.desired.objects[action.key]
        deferred = shape(action.model).deferred
        return {
            name: values.get(name, _empty(action.model, name))
            for name in want.managed_fields if name not in deferred
        }

    def _note_written(self, key: str, values: dict[str, Any]) -> None:
        link = self._held(key)
        if link is None:
            self.new_links[key].written.update(values)
            return
        self.link_changes[link.key].setdefault('written', dict(link.written)).update(values)

    def _held(self, key: str) -> Held | None:
        return self.present.held.get(self.heirs.get(key, key))

    def settled(self, action: Action, values: dict[str, Any]) -> None:
        """Note on the link that an action on an object that stands is done; an update without values wrote nothing."""
        if values or action.verb != UPDATE:
            self.mark_done(action)
        status = {change.field: change for change in action.changes}.get('status')
        if action.verb == MARK:
            link = self._held(action.key)
            assert link is not None
            self.link_changes[link.key].update(
                stale_since=self.now,
                before_stale={'status': status.old, 'marked': status.new} if status and 'status' in values else {},
            )
            return
        want = self.desired.objects.get(action.key)
        # A stale object that has made room gets its place back where it is wanted again: the value is ours.
        owned = want.managed_fields if want is not None else values
        values = {name: value for name, value in values.items() if name in owned}
        if action.verb == ADOPT:
            assert action.pk is not None
            agreed = dict(self.plan.agreed.get(action.key, ()))
            self.link(action, action.pk, InventoryOriginChoices.ADOPTED, {**agreed, **values})
            return
        if values:
            self._note_written(action.key, values)
        if action.verb == RESTORE:
            link = self._held(action.key)
            assert link is not None
            self.link_changes[link.key].update(stale_since=None, stale_runs=0, before_stale={})

    def mark_done(self, action: Action) -> None:
        """Count an object once, however many steps it was written in."""
        if (action.key, action.verb) not in self.done_keys:
            self.done_keys.add((action.key, action.verb))
            self.done.append(action)

    def _write_links(self) -> None:
        # Two links may swap their keys.
        renamed = [self.present.held[key].pk for key, changes in self.link_changes.items() if 'key' in changes]
        InventoryLink.objects.filter(pk__in=renamed).update(key=Concat(Value('~'), Cast('pk', models.CharField())))
        InventoryLink.objects.bulk_create(self.new_links.values(), batch_size=BATCH)
        changed = []
        names: set[str] = set()
        for key, changes in self.link_changes.items():
            held = self.present.held[key]
            link = InventoryLink(
                pk=held.pk, fabric=self.fabric, key=held.key, kind=held.kind, name=held.name, subject=held.subject,
                written=held.written, stale_since=held.stale_since, stale_runs=held.stale_runs,
                before_stale=held.before_stale, last_updated=self.now,
            )
            for name, value in changes.items():
                setattr(link, name, value)
            names.update(changes)
            changed.append(link)
        if changed:
            InventoryLink.objects.bulk_update(changed, [*sorted(names), 'last_updated'], batch_size=BATCH)

    # Prefixes

    def _count_prefixes(self) -> None:
        """Depth and number of children of all prefixes in the VRFs that were written to: two numbers, one statement.

        What ipam/signals.py does for one prefix after the other; unlike there, only rows that differ are written.
        """
        if not self.vrfs:
            return
        with connection.cursor() as cursor:
            cursor.execute(COUNT_PREFIXES, [[vrf or 0 for vrf in self.vrfs]])


COUNT_PREFIXES = """
UPDATE ipam_prefix SET _depth = counted.depth, _children = counted.children
FROM (
    SELECT p.id,
           (SELECT COUNT(DISTINCT u.prefix) FROM ipam_prefix u
             WHERE u.prefix >> p.prefix AND COALESCE(u.vrf_id, 0) = COALESCE(p.vrf_id, 0)) AS depth,
           (SELECT COUNT(u.prefix) FROM ipam_prefix u
             WHERE u.prefix << p.prefix AND COALESCE(u.vrf_id, 0) = COALESCE(p.vrf_id, 0)) AS children
    FROM ipam_prefix p WHERE COALESCE(p.vrf_id, 0) = ANY(%s)
) counted
WHERE counted.id = ipam_prefix.id AND (_depth, _children) IS DISTINCT FROM (counted.depth, counted.children)
"""

# What clean(), str() and the denormalised columns look at.
RELATED: dict[str, tuple[str, ...]] = {
    'dcim.device': ('site', 'location', 'rack', 'device_type__manufacturer', 'virtual_chassis', 'platform', 'cluster'),
    'dcim.devicetype': ('manufacturer', 'default_platform'),
    'dcim.interface': ('device__site', 'device__location', 'device__rack', 'device__virtual_chassis'),
    'dcim.site': ('region', 'group'),
    'dcim.location': ('site',),
    'ipam.vlan': ('site', 'group'),
    'ipam.prefix': ('vrf',),
    'ipam.ipaddress': ('vrf',),
}


def _with_related(queryset: Any, label: str) -> Any:
    return queryset.select_related(*RELATED[label]) if label in RELATED else queryset


def _references(label: str, name: str, value: Any) -> list[tuple[str, int]]:
    """Return the model and the ID of each object that a value refers to."""
    kind = kind_of(label, name)
    if value is None or kind not in (FK, GENERIC, MANY):
        return []
    if kind == GENERIC:
        return [(value[0], value[1])]
    related = related_label(label, name)
    return [(related, pk) for pk in (value if kind == MANY else [value])]


def _empty(label: str, name: str) -> Any:
    return [] if kind_of(label, name) in (MANY, ENDS) else None


def _current(label: str, name: str, instance: Any) -> Any:
    """What a field of an instance holds, as JSON."""
    kind = kind_of(label, name)
    field: Any = type(instance)._meta.get_field(name)
    if kind == FK:
        return getattr(instance, field.attname)
    if kind == GENERIC:
        pk = getattr(instance, field.fk_field)
        if pk is None:
            return None
        content_type = ContentType.objects.get_for_id(getattr(instance, f'{field.ct_field}_id'))
        return [f'{content_type.app_label}.{content_type.model}', pk]
    if kind == MANY:
        return sorted(item.pk for item in getattr(instance, name).all())
    return encode(label, name, getattr(instance, name))


def _stored(instance: Any) -> Any:
    """Return the custom fields that an instance had when it was loaded."""
    return getattr(instance, '_stored_custom_fields', None)


def _fill_custom_fields(instance: Any, defaults: dict[str, Any]) -> None:
    """Give an object the defaults of custom fields that it lacks, as NetBox's save() does."""
    if hasattr(instance, 'custom_field_data'):
        instance.custom_field_data = {**defaults, **instance.custom_field_data}


def _follow_mode(interface: Any, values: dict[str, Any]) -> None:
    """Take away the VLANs that an interface of this mode cannot have, as NetBox's save() does."""
    if not interface.mode:
        interface.untagged_vlan = None
    if interface.mode != 'tagged' and prefetched(interface)['tagged_vlans']:
        values['tagged_vlans'] = []


def _same(model: type[models.Model], label: str, values: dict[str, Any]) -> int | None:
    """The object that has one of these natural keys, made by somebody else a moment ago."""
    for names in shape(label).naturals:
        if all(name in values for name in names):
            pk = model._default_manager.filter(**{name: values[name] for name in names}).values_list(
                'pk', flat=True,
            ).first()
            if pk:
                return pk
    return None


def _delete_object(link: Held) -> None:
    """Delete the object of a link, if it is still there. Raise Refused where NetBox does not allow it."""
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
        raise Refused(link, f'{names} depends on it') from None
    except REFUSALS as error:
        raise Refused(link, sentence_of(error).rstrip('.')) from None


def delete_links(pks: list[int]) -> None:
    """Delete links and what is said about them, without loading them."""
    if pks:
        discrepancies.remove(Discrepancy.objects.filter(link__in=pks))
        InventoryLink.objects.filter(pk__in=pks)._raw_delete(InventoryLink.objects.db)
