"""Find which objects can be deleted, and which stay because of what depends on them. Pure, like the planner."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from .current import CHANGES, GOES, PROTECTS, CurrentState, Dependent, ManagedObject, Place
from .model_specs import CABLE, RANK, spec_of
from .places import ends_of, hashable_end
from .plan import Action, Finding

__all__ = ('connected_groups', 'find_deletable', 'order_of_deletion')

# Why an object cannot be deleted: a code of issues.REASONS, and its parameters.
Reason = dict[str, Any]


def find_deletable(
    links: Iterable[ManagedObject], current: CurrentState, waiting: Iterable[ManagedObject] = (),
    changes: Iterable[Action] = (), refusals: Mapping[Place, str] | None = None,
) -> tuple[list[ManagedObject], list[Finding]]:
    """Return which of these objects can be deleted, dependents first, and findings on what prevents the others.

    An object stays where NetBox refuses its deletion (`refusals`, besides those that are known from planning), and
    where the deletion would remove or change an object that stays. What belongs to an object that stays, stays too;
    so does what belongs to `waiting` ones, without a finding. `changes` are what the same plan writes: a reference that
    it replaces prevents nothing.
    """
    graph = _Graph(sorted(links, key=order_of_deletion), waiting, current, changes)
    refusals = {**current.refusals, **(refusals or {})}
    staying = graph.spread(graph.waiting)
    reported = set(staying)
    findings = []
    for place, link in graph.going.items():
        refused = [{'code': 'refused', 'text': refusals[place]}] if place in refusals else []
        reasons = [*refused, *_moved(link), *graph.reasons_outside(place)]
        if reasons:
            with_it = graph.spread({place}) - staying - {place}
            staying |= with_it | {place}
            reported |= graph.parts & with_it | {place}
            findings.append(_finding(link, reasons, len(with_it)))
    for place, link in graph.going.items():
        if place in staying - reported:
            findings.append(_finding(link, graph.reasons_among(place, staying)))
    return [link for place, link in graph.going.items() if place not in staying], findings


def connected_groups(links: Iterable[ManagedObject], current: CurrentState) -> list[list[ManagedObject]]:
    """Return these objects in groups, so that no object of one refers to one of another group."""
    graph = _Graph(links, (), current, ())
    found: list[list[ManagedObject]] = []
    grouped: set[Place] = set()
    for place in graph.going:
        if place in grouped:
            continue
        members = graph.connected(place)
        grouped |= members
        found.append([link for place, link in graph.going.items() if place in members])
    return found


def order_of_deletion(link: ManagedObject) -> tuple[int, bool, str]:
    """Return what to sort objects by that are deleted: those that refer to others come first."""
    # A subinterface is deleted before its port.
    return -RANK.get(link.model, len(RANK)), link.written.get('parent') is None, link.key


class _Graph:
    """Find which objects of a deletion stay because another one stays."""

    def __init__(
        self, links: Iterable[ManagedObject], waiting: Iterable[ManagedObject], current: CurrentState,
        changes: Iterable[Action],
    ) -> None:
        self.going = {link.place: link for link in links}
        self.waiting = {link.place for link in waiting}
        self.dependents = current.dependents
        self.replaced = {
            (action.model, action.pk, change.field): change.new for action in changes for change in action.changes
        }
        # Which objects stay where this one stays, and which of all belong to another one.
        self.keeps: dict[Place, list[Place]] = defaultdict(list)
        self.parts: set[Place] = set()
        for place in (*self.going, *self.waiting):
            self._join(place)

    def _join(self, place: Place) -> None:
        for other in self.dependents.get(place, ()):
            referrer = other.place
            if referrer == place or self._is_replaced(place, other):
                continue
            if referrer in self.going and other.part:
                self.keeps[place].append(referrer)
                self.parts.add(referrer)
            if place in self.going and (referrer in self.going or referrer in self.waiting):
                self.keeps[referrer].append(place)

    def _is_replaced(self, place: Place, other: Dependent) -> bool:
        """Return whether the same plan lets a dependent refer to another object."""
        if other.effect != CHANGES:
            return False
        new = self.replaced.get((other.model, other.pk, other.field), place[1])
        return place[1] not in (new if isinstance(new, list) else [new])

    def spread(self, start: set[Place]) -> set[Place]:
        """Return these objects, and all that stay with them."""
        return _reachable(start, self.keeps)

    def connected(self, start: Place) -> set[Place]:
        """Return all objects that refer to this one or that it refers to, directly or indirectly."""
        return _reachable({start}, self._neighbors)

    @cached_property
    def _neighbors(self) -> dict[Place, list[Place]]:
        found: dict[Place, list[Place]] = defaultdict(list)
        for place in self.going:
            for other in self.dependents.get(place, ()):
                if other.place in self.going:
                    found[place].append(other.place)
                    found[other.place].append(place)
        return found

    def reasons_outside(self, place: Place) -> list[Reason]:
        """Return the reasons outside of the deletion that prevent deleting this object."""
        found: list[Reason] = []
        for other in self.dependents.get(place, ()):
            is_removed = other.place in self.going or other.place in self.waiting
            if not is_removed and not self._is_replaced(place, other):
                found.append(_reason(other))
        return _unique(found)

    def reasons_among(self, place: Place, staying: set[Place]) -> list[Reason]:
        """Return the reasons among objects that stay that prevent deleting this object."""
        return _unique(
            {'code': 'not-deletable', 'name': other.name} for other in self.dependents.get(place, ())
            if other.place in staying
        )


def _reachable(start: set[Place], edges: Mapping[Place, list[Place]]) -> set[Place]:
    """Return these objects, and all that edges lead to from them."""
    found, pending = set(start), list(start)
    while pending:
        for place in edges.get(pending.pop(), ()):
            if place not in found:
                found.add(place)
                pending.append(place)
    return found


# Reasons and findings


def _unique(reasons: Iterable[Reason]) -> list[Reason]:
    found: list[Reason] = []
    for reason in reasons:
        if reason not in found:
            found.append(reason)
    return found


def _reason(other: Dependent) -> Reason:
    if other.effect == GOES:
        return {'code': 'deleted-with-it', 'name': other.name}
    if other.effect == PROTECTS:
        return {'code': 'depends-on-it', 'name': other.name}
    return {'code': 'refers-to-it', 'name': other.name, 'title': other.title}


def _moved(link: ManagedObject) -> list[Reason]:
    """Return the reason that somebody connected a cable, or moved a part, elsewhere than the fabric did."""
    if link.values is None:
        return []
    if part_of := spec_of(link.model).part_of:
        owner, ours = link.values.get(part_of), link.written.get(part_of)
        return [{'code': 'moved'}] if owner and owner != ours else []
    if link.model != CABLE:
        return []
    now, written = ({hashable_end(end) for end in ends_of(values)} for values in (link.values, link.written))
    return [{'code': 'rewired'}] if written and now - written else []


def _finding(link: ManagedObject, reasons: list[Reason], with_it: int = 0) -> Finding:
    """Return the finding on an object that is not deleted, with reasons and the number of objects that stay too."""
    return Finding(
        DiscrepancyTypeChoices.PROTECTED, link.key, link.scope, link.source, Code.OBJECT_NOT_DELETABLE,
        {'model': link.model, 'name': link.title, 'reasons': reasons, 'kept': with_it},
        model=link.model, pk=link.object_id,
    )
