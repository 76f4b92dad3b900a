"""A plan is applied, inside of the caller's transaction: in which order what is written, and what happens then."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..planning.context import PlanContext
from ..planning.current import CABLE, levels
from ..planning.plan import ADOPT, CREATE, DELETE, MARK, RESTORE, UPDATE, Action
from .bulk_save import count_prefixes
from .cables import Cables
from .context import ApplyContext, Skip
from .creation import Creation
from .deletion import Deletion
from .links import Links
from .side_effects import attempt
from .updates import Updates

__all__ = ('write_plan',)

# Types of actions on objects that exist, and stay.
ON_EXISTING = (UPDATE, RESTORE, ADOPT, MARK)


class ParkedObjectSkipped(Exception):
    """An object that had left its place for another one was skipped: everything is to be done without it."""


def write_plan(source: PlanContext, request: Any) -> ApplyContext:
    """Write everything that a plan says, and return what came of it.

    Takes the request that changes are logged under. Raises what the database raises for reasons of its own.

    An object that has left its place for another, and is then skipped, must have its place back: all is taken back,
    and done without it.
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
    """Makes one attempt to apply a plan."""

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
        self._deletion.delete(action for action in context.plan.actions if action.verb == DELETE)
        self._links.apply_records()
        for action in context.plan.actions:
            if action.verb == ADOPT and action.pk is not None:
                context.pks[action.key] = action.pk
        actions = [action for action in context.plan.actions if action.key not in context.skipped]
        self._make_room(actions)
        context.parking.park(action for action in actions if context.is_wanted(action))
        self._write_levels(actions)
        self._write_cables([action for action in actions if action.model == CABLE])
        self._updates.update(actions, late=True)
        if context.skips_of_parked():
            raise ParkedObjectSkipped
        context.parking.restore()
        count_prefixes(context.changed_vrfs)
        self._links.save()

    def _make_room(self, actions: Iterable[Action]) -> None:
        """Write what is not wanted any more: it makes room for what is."""
        unwanted = [
            action for action in actions if action.verb in ON_EXISTING and not self._context.is_wanted(action)
        ]
        self._updates.update([action for action in unwanted if action.verb == UPDATE], late=False)
        self._updates.update([action for action in unwanted if action.verb == MARK], late=False)

    def _write_levels(self, actions: Iterable[Action]) -> None:
        """Write level by level, existing objects first: what an object refers to is there, and as it is to be."""
        by_level: dict[int, list[Action]] = defaultdict(list)
        for action in actions:
            if self._context.is_wanted(action) and action.model != CABLE and action.verb in (*ON_EXISTING, CREATE):
                by_level[self._level_of.get(action.key, 0)].append(action)
        for _, members in sorted(by_level.items()):
            self._updates.update([action for action in members if action.verb != CREATE], late=False)
            created: dict[str, list[Action]] = defaultdict(list)
            for action in members:
                if action.verb == CREATE:
                    created[action.model].append(action)
            for label, new in sorted(created.items()):
                self._creation.create(label, new)

    def _write_cables(self, actions: Iterable[Action]) -> None:
        """Write cables: those that move give up their interfaces before new ones are created."""
        existing = [action for action in actions if action.verb in ON_EXISTING]
        self._cables.move([action for action in existing if action.changes])
        self._cables.create([action for action in actions if action.verb == CREATE])
        self._updates.note_unchanged(CABLE, [action for action in existing if not action.changes])
