"""What a fabric does not want any more: marked, brought to a person, and at last deleted. Pure, as the planner is."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from ..choices import DiscrepancyTypeChoices, InventoryOriginChoices, InventoryRemovalChoices
from ..values import model_title
from .names import key
from .plan import DELETE, MARK, Action, FieldChange, Finding, Plan, Record
from .present import Held, Present
from .rules import Rules
from .shapes import RANK
from .wants import DEVICES, Desired, Source

__all__ = ('due', 'plan_absence', 'plan_deletion', 'unwanted')

# What is part of a device or ends on one; and the VRF that there is for the addresses of devices alone.
ON_DEVICES = ('dcim.device', 'dcim.interface', 'dcim.cable', 'dcim.macaddress')
UNDERLAY = key('vrf', 'underlay')


def unwanted(desired: Desired, present: Present, subjects: Iterable[str]) -> list[Held]:
    """The links whose objects the fabric has been read not to want any more.

    Not among them: what belongs to a subject that is switched off, what comes from a kind that was never read, and
    what comes from a resource that cannot be carried just now.
    """
    troubled = {problem.source for problem in desired.problems}
    carried = set(subjects)
    return [
        link for key, link in present.held.items()
        if key not in desired.wants and _switched_off(link, carried) is None and link.kind in present.kinds
        and Source(link.kind, link.name) not in troubled
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
        link for link in links
        if link.origin == InventoryOriginChoices.CREATED and not link.shared and link.values is not None
        and link.stale_since is not None and _grace_is_over(link.stale_since, link.stale_runs, rules)
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
    deletions = plan_deletion(plan, due(remaining, rules), present)
    gone = {action.key for action in deletions}
    marks = [_mark(link, rules) for link in remaining if link.stale_since is None] if (
        rules.removal != InventoryRemovalChoices.IGNORE
    ) else []
    _orphans(plan, [link for link in remaining if link.key not in gone], rules)
    _guard(plan, marks, deletions, present, rules)


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
            Source('', 'inventory_stale_status'),
            f'The fabric’s setting “Status of stale devices” is {rules.stale_status}, which NetBox does not offer. '
            'Stale devices keep their status: choose another one.',
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


def plan_deletion(plan: Plan, links: list[Held], present: Present) -> list[Action]:
    """Actions that delete these objects, each before what it hangs on; findings for those that must stay."""
    going = {(link.model, link.object_id): link for link in links}
    kept: dict[tuple[str, int], str] = {}
    while True:
        # What stays because of something that hangs on it may itself keep others from going.
        found = {}
        for place in going:
            for other in present.attached.get(place, ()):
                if (other.model, other.pk) not in going:
                    found[place] = (
                        f'{other.name} would be deleted with it' if other.goes else f'{other.name} protects it'
                    )
                    break
        if not found:
            break
        for place, why in found.items():
            link = going.pop(place)
            kept[place] = why
            plan.findings.append(Finding(
                DiscrepancyTypeChoices.PROTECTED, link.key, link.subject, Source(link.kind, link.name),
                f'{model_title(link.model, 1)} {held_name(link)} is gone from the fabric and cannot be deleted: {why}.',
                model=link.model, pk=link.object_id,
            ))
    # A subinterface goes before the port that it stands on.
    order = sorted(going.values(), key=lambda link: (
        -RANK.get(link.model, len(RANK)), link.written.get('parent') is None, link.key,
    ))
    return [_action(DELETE, link) for link in order]


def _orphans(plan: Plan, links: list[Held], rules: Rules) -> None:
    """One finding a resource, on the first of its objects."""
    found: dict[Source, list[Held]] = defaultdict(list)
    for link in links:
        found[Source(link.kind, link.name)].append(link)
    what = 'left as they are' if rules.removal == InventoryRemovalChoices.IGNORE else 'marked as stale'
    for source, members in found.items():
        first = min(members, key=lambda link: (RANK.get(link.model, len(RANK)), link.key))
        objects = f'{len(members)} objects are' if len(members) > 1 else 'Its object is'
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.ORPHAN, first.key, first.subject, source,
            f'{source.kind} {source.name} does not want {held_name(first)} any more. {objects} '
            f'{what if len(members) > 1 else what.replace("they are", "it is")}.',
            model=first.model, pk=first.object_id,
        ))


def _say_what_is_switched_off(plan: Plan, desired: Desired, present: Present, rules: Rules) -> None:
    off = Counter(
        subject for key, link in present.held.items()
        if key not in desired.wants and not link.shared and (subject := _switched_off(link, rules.subjects))
    )
    for subject, count in sorted(off.items()):
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.ORPHAN, '', subject, Source('', subject),
            f'The subject {subject} is switched off in the fabric’s settings: its objects stay as they are, and nobody '
            f'keeps them true. There are {count}.',
        ))


def _guard(plan: Plan, marks: list[Action], deletions: list[Action], present: Present, rules: Rules) -> None:
    """Hold a run's removals back where there are too many of one model: a person has to say that they are meant."""
    total = Counter(link.model for link in present.held.values() if not link.shared and link.values is not None)
    for actions, words in ((marks, 'mark as stale'), (deletions, 'delete')):
        for label, count in sorted(Counter(action.model for action in actions).items()):
            if count >= rules.guard_least and count * 100 > total[label] * rules.guard_percent:
                plan.held.append(
                    f'This run would {words} {count} of {total[label]} objects of {label}: more than '
                    f'{rules.guard_percent} percent. Confirm it on the fabric’s page if that is meant.'
                )
    if plan.held:
        plan.held_actions = [*marks, *deletions]
    else:
        plan.actions += [*marks, *deletions]
