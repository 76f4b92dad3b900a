"""What a fabric does not want any more: marked, brought to a person, and at last deleted. Pure, as the planner is."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from ...choices import DiscrepancyTypeChoices, InventoryOriginChoices, InventoryRemovalChoices
from ...issue_codes import Code
from ...labels import model_title
from ..mapping.names import key
from ..mapping.types import DEVICES, Desired, Source
from .current import CABLE, CHANGES, GOES, PROTECTS, Attachment, Held, Present
from .fields import RANK
from .places import BELONGS, ends_of, hashable_end
from .plan import DELETE, MARK, Action, FieldChange, Finding, Plan, Record
from .policy import Rules

__all__ = (
    'as_done', 'due', 'held_name', 'pieces', 'place_of', 'plan_absence', 'plan_deletion', 'removable', 'replaceable',
    'unwanted', 'what_goes',
)

# Why an object cannot be deleted: a code of issues.REASONS, and its parameters.
Reason = dict[str, Any]

# The model and the ID of an object.
Place = tuple[str, int]

# What is part of a device or ends on one; and the VRF that there is for the addresses of devices alone.
ON_DEVICES = ('dcim.device', 'dcim.interface', 'dcim.cable', 'dcim.macaddress')
UNDERLAY = key('vrf', 'underlay')


def unwanted(desired: Desired, present: Present, subjects: Iterable[str]) -> list[Held]:
    """The links whose objects the fabric has been read not to want any more.

    Not among them: what belongs to a subject that is switched off, what comes from a kind that was never read, and
    what comes from a resource that cannot be carried just now.
    """
    troubled = {problem.source for problem in desired.issues}
    return [link for link in replaceable(desired, present, subjects) if Source(link.kind, link.name) not in troubled]


def replaceable(desired: Desired, present: Present, subjects: Iterable[str]) -> list[Held]:
    """The links whose objects are not wanted now: unwanted() and what comes from a resource that cannot be carried.

    That is left as it is, but for the place of it: where the fabric gives that to another resource, it is needed there.
    """
    carried = set(subjects)
    return [
        link for key, link in present.held.items()
        if key not in desired.objects and _switched_off(link, carried) is None and link.kind in present.kinds
    ]


def _switched_off(link: Held, subjects: Collection[str]) -> str | None:
    """The subject that would have to be switched on for anybody to say whether a link's object is wanted.

    Cables and addresses end on interfaces: without devices none is wanted, and none is known to have gone.
    """
    if link.subject not in subjects:
        return link.subject
    on_a_device = link.model in ON_DEVICES or link.key == UNDERLAY or (
        link.model == 'ipam.ipaddress' and link.written.get('assigned_object') is not None
    )
    return DEVICES if on_a_device and DEVICES not in subjects else None


def due(links: Iterable[Held], rules: Rules) -> list[Held]:
    """Those of these unwanted links whose objects may be deleted now, as far as grace and origin say."""
    if rules.removal != InventoryRemovalChoices.DELETE:
        return []
    return [
        link for link in removable(links)
        if link.stale_since is not None and _grace_is_over(link.stale_since, link.stale_runs, rules)
    ]


def removable(links: Iterable[Held]) -> list[Held]:
    """Those of these links whose objects the plugin has created for this fabric alone, and that are still there."""
    return [
        link for link in links
        if link.origin == InventoryOriginChoices.CREATED and not link.shared and link.values is not None
    ]


def _grace_is_over(since: datetime, runs: int, rules: Rules) -> bool:
    return runs >= rules.grace_runs and rules.now - since >= rules.grace


def plan_absence(plan: Plan, desired: Desired, present: Present, rules: Rules, inherited: set[str]) -> None:
    """Add to a plan what becomes of objects that are not wanted any more, unless another want goes on with them."""
    links = [link for link in unwanted(desired, present, rules.subjects) if link.key not in inherited]
    _say_what_is_switched_off(plan, desired, present, rules)
    remaining: list[Held] = []
    for link in links:
        if link.shared or link.values is None:
            # Others use it, or it has gone already: only the link is left to go.
            plan.records.append(Record(link.key, link.model, link.object_id, drop=True))
        else:
            remaining.append(link)
    plan.stale = [link.key for link in remaining]
    _say_which_status_is_missing(plan, remaining, rules)
    deletable = due(remaining, rules)
    places = {place_of(link) for link in deletable}
    waiting = [link for link in removable(remaining) if place_of(link) not in places]
    deletions = plan_deletion(plan, deletable, present, waiting)
    gone = {action.key for action in deletions}
    marks = [_mark(link, rules) for link in remaining if link.stale_since is None] if (
        rules.removal != InventoryRemovalChoices.IGNORE
    ) else []
    _guard(plan, marks, deletions, present, rules)
    _orphans(plan, [link for link in remaining if link.key not in gone], desired, rules)


def _mark(link: Held, rules: Rules) -> Action:
    changes: tuple[FieldChange, ...] = ()
    status = (link.values or {}).get('status')
    if link.model == 'dcim.device' and status != rules.stale_status and rules.offers(rules.stale_status):
        changes = (FieldChange('status', status, rules.stale_status),)
    return _action(MARK, link, changes)


def _say_which_status_is_missing(plan: Plan, links: Iterable[Held], rules: Rules) -> None:
    """Add one finding where NetBox does not offer the status that stale devices are to get."""
    marked = rules.removal != InventoryRemovalChoices.IGNORE and any(link.model == 'dcim.device' for link in links)
    if marked and not rules.offers(rules.stale_status):
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.UNMATCHED, 'settings/inventory_stale_status', DEVICES,
            Source('', 'inventory_stale_status'), Code.STALE_STATUS_NOT_OFFERED, {'status': rules.stale_status},
        ))


def _action(verb: str, link: Held, changes: tuple[FieldChange, ...] = ()) -> Action:
    source = Source(link.kind, link.name)
    return Action(verb, link.model, link.key, link.subject, source, held_name(link), link.object_id, changes)


def held_name(link: Held) -> str:
    values = link.values or {}
    for name in ('name', 'model', 'prefix', 'address', 'start_address', 'asn'):
        if value := values.get(name) or link.written.get(name):
            return str(value)
    return link.key


def plan_deletion(
    plan: Plan, links: Iterable[Held], present: Present, waiting: Iterable[Held] = (),
) -> list[Action]:
    """Return the actions that delete these objects, dependents first. Add a finding for each that prevents some of it.

    `waiting` are stale objects that are not due for deletion yet: what belongs to them, or is referred to by them,
    waits with them, without a finding.
    """
    going, findings = what_goes(links, present, waiting=waiting, changes=plan.actions)
    plan.findings += findings
    return [_action(DELETE, link) for link in going]


def what_goes(
    links: Iterable[Held], present: Present, waiting: Iterable[Held] = (), changes: Iterable[Action] = (),
    refusals: Mapping[Place, str] | None = None,
) -> tuple[list[Held], list[Finding]]:
    """Return which of these objects can be deleted, dependents first, and findings on what prevents the others.

    An object stays where NetBox refuses its deletion (`refusals`, besides those that are known from planning), and
    where the deletion would remove or change an object that stays. What belongs to an object that stays, stays too.
    `changes` are what the same plan writes: a reference that it replaces prevents nothing.
    """
    ordered = sorted(links, key=_order_of_deletion)
    graph = _Graph({place_of(link): link for link in ordered}, {place_of(link) for link in waiting}, present, changes)
    refusals = {**present.refusals, **(refusals or {})}
    staying = graph.spread(graph.waiting)
    said = set(staying)
    findings = []
    for place, link in graph.going.items():
        refused = [{'code': 'refused', 'text': refusals[place]}] if place in refusals else []
        reasons = [*refused, *_rewired(link), *graph.outside(place)]
        if reasons:
            with_it = graph.spread({place}) - staying - {place}
            staying |= with_it | {place}
            said |= graph.parts & with_it | {place}
            findings.append(_protected(link, reasons, len(with_it)))
    for place, link in graph.going.items():
        if place in staying - said:
            findings.append(_protected(link, graph.among(place, staying)))
    return [link for place, link in graph.going.items() if place not in staying], findings


def pieces(links: Iterable[Held], present: Present) -> list[list[Held]]:
    """Return these objects in groups, so that no object of one refers to one of another group."""
    ordered = list(links)
    graph = _Graph({place_of(link): link for link in ordered}, set(), present, ())
    found: list[list[Held]] = []
    grouped: set[Place] = set()
    for place in graph.going:
        if place in grouped:
            continue
        members = graph.connected(place)
        grouped |= members
        found.append([link for place, link in graph.going.items() if place in members])
    return found


class _Graph:
    """Which of the objects that are to be deleted stay because another one stays."""

    def __init__(
        self, going: dict[Place, Held], waiting: set[Place], present: Present, changes: Iterable[Action],
    ) -> None:
        self.going, self.waiting, self.attached = going, waiting, present.attached
        self.replaced = {
            (action.model, action.pk, change.field): change.new for action in changes for change in action.changes
        }
        # Which objects stay where this one stays, and which of all belong to another one.
        self.keeps: dict[Place, list[Place]] = defaultdict(list)
        self.parts: set[Place] = set()
        for place in (*going, *waiting):
            self._join(place)

    def _join(self, place: Place) -> None:
        for other in self.attached.get(place, ()):
            referrer = (other.model, other.pk)
            if referrer == place or self._is_replaced(place, other):
                continue
            if referrer in self.going and other.part:
                self.keeps[place].append(referrer)
                self.parts.add(referrer)
            if place in self.going and (referrer in self.going or referrer in self.waiting):
                self.keeps[referrer].append(place)

    def _is_replaced(self, place: Place, other: Attachment) -> bool:
        """Whether the same plan lets this object refer to another one."""
        if other.effect != CHANGES:
            return False
        new = self.replaced.get((other.model, other.pk, other.field), place[1])
        return place[1] not in (new if isinstance(new, list) else [new])

    def spread(self, start: set[Place]) -> set[Place]:
        """These objects, and all that stay with them."""
        found, pending = set(start), list(start)
        while pending:
            for place in self.keeps[pending.pop()]:
                if place not in found:
                    found.add(place)
                    pending.append(place)
        return found

    def connected(self, start: Place) -> set[Place]:
        """All objects that refer to this one or that it refers to, near or far."""
        found, pending = {start}, [start]
        while pending:
            for place in self._neighbors[pending.pop()]:
                if place not in found:
                    found.add(place)
                    pending.append(place)
        return found

    @cached_property
    def _neighbors(self) -> dict[Place, set[Place]]:
        found: dict[Place, set[Place]] = defaultdict(set)
        for place in self.going:
            for other in self.attached.get(place, ()):
                referrer = (other.model, other.pk)
                if referrer in self.going:
                    found[place].add(referrer)
                    found[referrer].add(place)
        return found

    def outside(self, place: Place) -> list[Reason]:
        """Return what of other objects prevents the deletion of this one."""
        found: list[Reason] = []
        for other in self.attached.get(place, ()):
            referrer = (other.model, other.pk)
            if referrer in self.going or referrer in self.waiting or self._is_replaced(place, other):
                continue
            found.append(_reason(other))
        return _unique(found)

    def among(self, place: Place, staying: set[Place]) -> list[Reason]:
        """Return what of the objects that stay prevents the deletion of this one."""
        return _unique(
            {'code': 'not-deletable', 'name': other.name} for other in self.attached.get(place, ())
            if (other.model, other.pk) in staying
        )


def _unique(reasons: Iterable[Reason]) -> list[Reason]:
    found: list[Reason] = []
    for reason in reasons:
        if reason not in found:
            found.append(reason)
    return found


def _reason(other: Attachment) -> Reason:
    if other.effect == GOES:
        return {'code': 'deleted-with-it', 'name': other.name}
    if other.effect == PROTECTS:
        return {'code': 'depends-on-it', 'name': other.name}
    return {'code': 'refers-to-it', 'name': other.name, 'title': other.title}


def _rewired(link: Held) -> list[Reason]:
    """That somebody has connected a cable, or moved a part, to something else than the fabric did."""
    if link.values is None:
        return []
    if belongs := BELONGS.get(link.model):
        owner, ours = link.values.get(belongs), link.written.get(belongs)
        return [{'code': 'moved'}] if owner and ours and owner != ours else []
    if link.model != CABLE:
        return []
    now, written = ({hashable_end(end) for end in ends_of(values)} for values in (link.values, link.written))
    return [{'code': 'rewired'}] if written and now - written else []


def _protected(link: Held, reasons: list[Reason], with_it: int = 0) -> Finding:
    """The finding on an object that is not deleted, for these reasons. So many other objects stay with it."""
    return Finding(
        DiscrepancyTypeChoices.PROTECTED, link.key, link.subject, Source(link.kind, link.name),
        Code.OBJECT_NOT_DELETABLE,
        {'model': link.model, 'name': held_name(link), 'reasons': reasons, 'kept': with_it},
        model=link.model, pk=link.object_id,
    )


def place_of(link: Held) -> Place:
    return link.model, link.object_id


def _order_of_deletion(link: Held) -> tuple[int, bool, str]:
    # A subinterface goes before the port that it belongs to.
    return -RANK.get(link.model, len(RANK)), link.written.get('parent') is None, link.key


def _orphans(plan: Plan, links: list[Held], desired: Desired, rules: Rules) -> None:
    """One finding a resource, on the first of its objects."""
    found: dict[Source, list[Held]] = defaultdict(list)
    for link in links:
        found[Source(link.kind, link.name)].append(link)
    for source, members in found.items():
        first = min(members, key=lambda link: (RANK.get(link.model, len(RANK)), link.key))
        code = Code.RESOURCE_CHANGED if source in desired.sources else Code.RESOURCE_REMOVED
        fate = _fate(members, plan, rules)
        planned = {'to_mark': fate['marked'], 'marked': 0} if 'marked' in fate else None
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.ORPHAN, first.key, first.subject, source, code,
            {'kind': source.kind, 'resource': source.name, 'name': held_name(first), **fate},
            model=first.model, pk=first.object_id, planned=planned,
        ))


def as_done(finding: Finding) -> Finding:
    """Return what is said of a resource that has gone once a person has confirmed what was waiting."""
    if finding.type != DiscrepancyTypeChoices.ORPHAN:
        return finding
    parameters = dict(finding.parameters)
    if 'waiting' in parameters:
        parameters['marked'] = parameters.pop('waiting')
    return replace(finding, parameters=parameters, planned=None)


def _fate(links: list[Held], plan: Plan, rules: Rules) -> dict[str, int]:
    """Return how many objects that are not deleted are stale already, and what becomes of the others."""
    new = sum(link.stale_since is None for link in links)
    found = {'stale': len(links) - new} if len(links) > new else {}
    if not new:
        return found
    if rules.removal == InventoryRemovalChoices.IGNORE:
        return {**found, 'unchanged': new}
    return {**found, 'waiting' if plan.held else 'marked': new}


def _objects(count: int) -> str:
    return '1 NetBox object' if count == 1 else f'{count} NetBox objects'


def _say_what_is_switched_off(plan: Plan, desired: Desired, present: Present, rules: Rules) -> None:
    off = Counter(
        subject for key, link in present.held.items()
        if key not in desired.objects and not link.shared and (subject := _switched_off(link, rules.subjects))
    )
    for subject, count in sorted(off.items()):
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.ORPHAN, '', subject, Source('', subject), Code.SCOPE_DISABLED,
            {'scope': subject, 'count': count},
        ))


def _guard(plan: Plan, marks: list[Action], deletions: list[Action], present: Present, rules: Rules) -> None:
    """Keep a run's removals for confirmation where there are too many of one model.

    What waits goes on waiting, although the fabric has more objects by now: a run that holds removals back may create
    the objects of a renamed switch, of all of which the removals of the old one are a smaller part.
    """
    total = Counter(link.model for link in present.held.values() if not link.shared and link.values is not None)
    total.update({label: min(rules.held_totals[label], total[label]) - total[label] for label in rules.held_totals})
    if not any(_over_limit(actions, total, rules) for actions in (marks, deletions)):
        plan.actions += [*marks, *deletions]
        return
    # All of them wait, those of other models too: a device is not removed without its interfaces.
    plan.held_actions = [*marks, *deletions]
    plan.held_totals = dict(sorted(total.items()))
    for actions, what in ((marks, 'marked stale'), (deletions, 'deleted')):
        if actions:
            plan.held.append(_waiting(actions, what, total, rules))


def _over_limit(actions: list[Action], total: Counter[str], rules: Rules) -> list[tuple[str, int]]:
    """The models of which too many objects would go at once, and how many those are."""
    counts = sorted(Counter(action.model for action in actions).items())
    return [
        (label, count) for label, count in counts
        if count >= rules.guard_least and count * 100 > total[label] * rules.guard_percent
    ]


def _waiting(actions: list[Action], what: str, total: Counter[str], rules: Rules) -> str:
    counts = sorted(Counter(action.model for action in actions).items(), key=lambda item: RANK.get(item[0], len(RANK)))
    types = ', '.join(f'{count} {model_title(label, count)}' for label, count in counts)
    over = ', '.join(
        f'{count} of {total[label]} {model_title(label)}' for label, count in _over_limit(actions, total, rules)
    )
    limit = f' More than the limit of {rules.guard_percent}%: {over}.' if over else ''
    return f'{_objects(len(actions))} would be {what}: waiting for confirmation ({types}).{limit}'
