"""Apply a plan inside of the caller's transaction: decide the order of writes, and start again if one is skipped."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..planning.context import PlanContext
from ..planning.levels import levels
from ..planning.machines import is_shareable
from ..planning.model_specs import CABLE, RANK
from ..planning.plan import ADOPT, CREATE, DELETE, MARK_STALE, SHARE, UNMARK_STALE, UPDATE, Action
from .bulk_save import count_prefixes
from .cables import Cables
from .context import ApplyContext, Skip
from .creation import Creation
from .deletion import Deletion
from .links import Links
from .machines import lock_devices_of, lock_managed
from .savepoints import attempt
from .updates import Updates
from .validation import OBJECT_CHANGED

__all__ = ('write_plan',)

# Types of actions on existing objects that are not deleted.
ON_EXISTING = (UPDATE, UNMARK_STALE, ADOPT, MARK_STALE)


class ParkedObjectSkipped(Exception):
    """A parked object was skipped: everything has to be done again without it."""


def write_plan(source: PlanContext, request: Any) -> ApplyContext:
    """Write a plan, and return the result.

    Takes the request that changes are logged under. Raises what the database raises for reasons of its own.

    A parked object that is skipped must get its place back: everything is rolled back, and done again without it.
    """
    skips: dict[str, Skip] = {}
    while True:
        context = ApplyContext(source, request, skips)
        try:
            with attempt():
                Writer(context).write()
        except ParkedObjectSkipped:
            skips |= context.skips_of_parked()
            continue
        context.side_effects.finish()
        return context


class Writer:
    """Make one attempt to apply a plan."""

    def __init__(self, context: ApplyContext) -> None:
        self._context = context
        self._level_of = levels(context.desired)
        self._links = Links(context)
        self._creation = Creation(context, self._links)
        self._updates = Updates(context, self._links, self._level_of)
        self._cables = Cables(context, self._links)
        self._deletion = Deletion(context)

    def write(self) -> None:
        """Write everything. Raises ParkedObjectSkipped."""
        context = self._context
        lock_devices_of(context)
        self._deletion.delete(action for action in context.plan.actions if action.type == DELETE)
        self._links.apply_records()
        for action in context.plan.actions:
            if action.type == ADOPT and action.pk is not None:
                context.pks[action.key] = action.pk
        self._take([action for action in context.plan.actions if action.type in (SHARE, ADOPT)])
        left = context.skipped.keys() | context.shared
        actions = [action for action in context.plan.actions if action.key not in left]
        self._make_room(actions)
        context.parking.park(action for action in actions if context.is_desired(action))
        self._write_levels(actions)
        self._write_cables([action for action in actions if action.model == CABLE])
        self._updates.update(actions, late=True)
        if context.skips_of_parked():
            raise ParkedObjectSkipped
        context.parking.restore()
        count_prefixes(context.changed_vrfs)
        self._links.save()

    def _take(self, actions: Iterable[Action]) -> None:
        """Lock what is shared or adopted: none is deleted, released or adopted before this fabric's links are stored.

        What another fabric has adopted meanwhile is shared. What is not as it was is skipped.
        """
        by_label: dict[str, list[Action]] = defaultdict(list)
        for action in actions:
            by_label[action.model].append(action)
        for label, members in sorted(by_label.items(), key=lambda item: RANK[item[0]]):
            kinds = lock_managed(label, {action.pk for action in members if action.pk is not None})
            for action in members:
                kind = kinds.get(action.pk or 0)
                same = kind == action.source.kind and is_shareable(self._context.desired.objects[action.key])
                if same and action.pk is not None:
                    self._links.add_shared(action, action.pk)
                elif kind is not None or action.type == SHARE:
                    self._context.skip(action, OBJECT_CHANGED)

    def _make_room(self, actions: Iterable[Action]) -> None:
        """Write the actions on objects that are no longer desired: they make room for desired ones."""
        unwanted = [
            action for action in actions if action.type in ON_EXISTING and not self._context.is_desired(action)
        ]
        self._updates.update([action for action in unwanted if action.type == UPDATE], late=False)
        self._updates.update([action for action in unwanted if action.type == MARK_STALE], late=False)

    def _write_levels(self, actions: Iterable[Action]) -> None:
        """Write level by level, existing objects first: what an object refers to has its final values."""
        by_level: dict[int, list[Action]] = defaultdict(list)
        for action in actions:
            if self._context.is_desired(action) and action.model != CABLE and action.type in (*ON_EXISTING, CREATE):
                by_level[self._level_of.get(action.key, 0)].append(action)
        for _, members in sorted(by_level.items()):
            self._updates.update([action for action in members if action.type != CREATE], late=False)
            created: dict[str, list[Action]] = defaultdict(list)
            for action in members:
                if action.type == CREATE:
                    created[action.model].append(action)
            for label, new in sorted(created.items()):
                self._creation.create(label, new)

    def _write_cables(self, actions: Iterable[Action]) -> None:
        """Write cables: those that move release their interfaces before new ones are created."""
        existing = [action for action in actions if action.type in ON_EXISTING]
        self._cables.move([action for action in existing if action.changes])
        self._cables.create([action for action in actions if action.type == CREATE])
        self._updates.note_unchanged(CABLE, [action for action in existing if not action.changes])
