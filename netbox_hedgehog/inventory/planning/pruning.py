"""Plan what happens to objects that the fabric no longer needs: mark stale, report, and finally delete them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_interface
from typing import Any

from ...choices import DiscrepancyTypeChoices, InventoryOriginChoices, InventoryRemovalChoices
from ...issue_codes import Code
from ..mapping.types import DEVICES, FABRIC, Desired, Source
from .confirmation import add_removals
from .current import CurrentState, ManagedObject, Place
from .dependents import find_deletable
from .model_specs import (
    ADDRESS,
    DEVICE,
    INTERFACE,
    MAC_ADDRESS,
    MODULE,
    MODULE_BAY,
    PREFIX,
    RANK,
    spec_of,
)
from .plan import DELETE, MARK_STALE, Action, FieldChange, Finding, Plan, Record
from .policy import Policy

__all__ = ('as_done', 'due', 'next_due', 'plan_absence', 'plan_deletion', 'removable', 'replaceable', 'undesired')

# Models that are part of a device or end on one.
ON_DEVICES = (DEVICE, INTERFACE, 'dcim.cable', MODULE_BAY, MODULE, MAC_ADDRESS)

# Models whose objects go with their owner, by the model of that: what an agent reported is not needed without it. A bay
# comes before the module in it.
GO_WITH_OWNER = ((MODULE_BAY, DEVICE), (MODULE, MODULE_BAY), (MAC_ADDRESS, INTERFACE))
GO_WITH_OWNER_ONLY = (MODULE_BAY, MAC_ADDRESS)


# Which objects


def undesired(desired: Desired, current: CurrentState, scopes: Iterable[str]) -> list[ManagedObject]:
    """Return the links whose objects the fabric no longer needs.

    Not among them: what belongs to a disabled scope, what a rule excludes, what comes from a kind that was never read,
    and what comes from a resource with an issue, or an undetermined one. Nor is a prefix or VRF of the fabric itself
    while an address in it stays for one of these reasons. Nor is a MAC address or a bay while its port or device is
    needed: these have them, whether somebody reports it or not. What goes with its owner is among them whatever its own
    resource says.
    """
    unclear = desired.undetermined.union(issue.source for issue in desired.issues)
    found = [
        link for link in replaceable(desired, current, scopes)
        if link.source not in unclear and (link.model not in GO_WITH_OWNER_ONLY or link.values is None)
    ]
    found += _going_with_owners(found, desired, current)
    if not any(link.kind == FABRIC for link in found):
        return found
    # Of an address that is desired the prefix and the VRF are desired, too: where it is now does not matter.
    in_use = _spaces_of_addresses(current, desired.objects.keys() | {link.key for link in found})
    return [link for link in found if link.kind != FABRIC or _space(link) not in in_use]


def _going_with_owners(
    links: Iterable[ManagedObject], desired: Desired, current: CurrentState,
) -> list[ManagedObject]:
    """Return what goes with the objects of these links, except themselves."""
    going = {link.place for link in links}
    found: list[ManagedObject] = []
    for model, owner_model in GO_WITH_OWNER:
        for link in current.managed.values():
            is_candidate = link.model == model and link.key not in desired.objects and link.place not in going
            if is_candidate and link.values is not None and _owner(link, owner_model) in going:
                found.append(link)
                going.add(link.place)
    return found


def _owner(link: ManagedObject, model: str) -> Place | None:
    """Return the object that a link's object is a part of, if it is of this model."""
    owner = (link.values or {}).get(spec_of(link.model).part_of)
    if isinstance(owner, list):
        return (owner[0], owner[1]) if owner[0] == model else None
    return (model, owner) if isinstance(owner, int) else None


def replaceable(desired: Desired, current: CurrentState, scopes: Iterable[str]) -> list[ManagedObject]:
    """Return the links whose objects are not desired now: undesired(), and those of unclear resources.

    The latter are not changed, except that they lose a place that the fabric gives to another resource.
    """
    enabled = set(scopes)
    return [
        link for link in current.managed.values()
        if link.key not in desired.objects and link.key not in desired.kept and link.source not in desired.excluded
        and _disabled_scope(link, enabled) is None
        and (link.kind == FABRIC or link.kind in current.kinds)
    ]


def _spaces_of_addresses(current: CurrentState, but: Collection[str]) -> set[tuple[Any, str]]:
    """Return the VRFs of addresses but of these keys, and their networks in these. '' is the whole of a VRF."""
    found: set[tuple[Any, str]] = set()
    for link in current.managed.values():
        if link.model == ADDRESS and link.values is not None and link.key not in but:
            vrf = link.values.get('vrf')
            found |= {(vrf, ''), (vrf, str(ip_interface(link.values['address']).network))}
    return found


def _space(link: ManagedObject) -> tuple[Any, str]:
    """Return the VRF and network of a prefix, or a VRF as a whole."""
    values = link.values or {}
    return (values.get('vrf'), values.get('prefix', '')) if link.model == PREFIX else (link.object_id, '')


def _disabled_scope(link: ManagedObject, scopes: Collection[str]) -> str | None:
    """Return the disabled scope on which the need for a link's object depends; None if all are enabled.

    Cables and addresses end on interfaces, and what the fabric itself needs is for such addresses: without devices none
    is desired, and none is known to be removed.
    """
    if link.scope not in scopes:
        return link.scope
    on_interface = link.model == ADDRESS and link.written.get('assigned_object') is not None
    on_device = link.model in ON_DEVICES or link.kind == FABRIC or on_interface
    return DEVICES if on_device and DEVICES not in scopes else None


def due(links: Iterable[ManagedObject], policy: Policy) -> list[ManagedObject]:
    """Return those of these undesired links whose objects may be deleted now, as far as grace and origin say."""
    if policy.removal != InventoryRemovalChoices.DELETE:
        return []
    return [
        link for link in removable(links)
        if link.stale_since is not None and _grace_is_over(link.stale_since, link.stale_syncs, policy)
        and link.key not in policy.kept_for_others
    ]


def next_due(links: Iterable[ManagedObject], policy: Policy) -> datetime | None:
    """Return when the next of these undesired links is due by time alone; None if none is. Those due already are not.

    It is now, for links whose grace still counts syncs: each sync brings them closer.
    """
    if policy.removal != InventoryRemovalChoices.DELETE:
        return None
    times = []
    for link in removable(links):
        if link.stale_since is None or _grace_is_over(link.stale_since, link.stale_syncs, policy):
            continue
        counts_syncs = link.stale_syncs < policy.grace_syncs
        times.append(policy.now if counts_syncs else link.stale_since + policy.grace)
    return min(times, default=None)


def removable(links: Iterable[ManagedObject]) -> list[ManagedObject]:
    """Return those of these links whose objects the plugin created for this fabric alone, and that still exist."""
    return [
        link for link in links
        if link.origin == InventoryOriginChoices.CREATED and link.values is not None
        and not link.shared and not link.used_by_others
    ]


def _grace_is_over(since: datetime, syncs: int, policy: Policy) -> bool:
    return syncs >= policy.grace_syncs and policy.now - since >= policy.grace


# Actions


def plan_absence(plan: Plan, desired: Desired, current: CurrentState, policy: Policy, taken_over: set[str]) -> None:
    """Plan what happens to undesired objects, except those that another desired object takes over."""
    _report_disabled_scopes(plan, desired, current, policy)
    _report_excluded(plan, desired, current)
    remaining: list[ManagedObject] = []
    for link in undesired(desired, current, policy.scopes):
        if link.key in taken_over:
            continue
        if link.values is None and not link.shared and link.source in policy.outside:
            plan.remembered.append(link.key)
        elif link.shared or link.used_by_others or link.values is None:
            # Others use it, or it was deleted already: only the link is removed. See models.link.release().
            plan.records.append(Record(link.key, link.model, link.object_id, drop=True))
        else:
            remaining.append(link)
    plan.stale = [link.key for link in remaining]
    _report_missing_status(plan, remaining, policy)
    deletable = due(remaining, policy)
    places = {link.place for link in deletable}
    waiting = [link for link in removable(remaining) if link.place not in places]
    deletions = plan_deletion(plan, deletable, current, waiting)
    add_removals(plan, _plan_marks(remaining, policy), deletions, current, policy)
    deleted = {action.key for action in deletions}
    _report_removed(plan, [link for link in remaining if link.key not in deleted], desired, policy)


def plan_deletion(
    plan: Plan, links: Iterable[ManagedObject], current: CurrentState, waiting: Iterable[ManagedObject] = (),
) -> list[Action]:
    """Return the actions that delete these objects, dependents first. Add a finding for each that prevents some of it.

    `waiting` are stale objects that are not due for deletion yet: what belongs to them, or is referred to by them,
    waits with them, without a finding.
    """
    going, findings = find_deletable(links, current, waiting=waiting, changes=plan.actions)
    plan.findings += findings
    return [_action(DELETE, link) for link in going]


def _plan_marks(links: Iterable[ManagedObject], policy: Policy) -> list[Action]:
    """Return the actions that mark objects stale that are not yet."""
    if policy.removal == InventoryRemovalChoices.IGNORE:
        return []
    return [_mark(link, policy) for link in links if link.stale_since is None]


def _mark(link: ManagedObject, policy: Policy) -> Action:
    changes: tuple[FieldChange, ...] = ()
    status = (link.values or {}).get('status')
    if link.model == DEVICE and status != policy.stale_status and policy.offers(policy.stale_status):
        changes = (FieldChange('status', status, policy.stale_status),)
    return _action(MARK_STALE, link, changes)


def _action(type_: str, link: ManagedObject, changes: tuple[FieldChange, ...] = ()) -> Action:
    return Action(type_, link.model, link.key, link.scope, link.source, link.title, link.object_id, changes)


# Findings


def _report_missing_status(plan: Plan, links: Iterable[ManagedObject], policy: Policy) -> None:
    """Add a finding if NetBox does not offer the status for stale devices."""
    marked = policy.removal != InventoryRemovalChoices.IGNORE and any(link.model == DEVICE for link in links)
    if marked and not policy.offers(policy.stale_status):
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.UNMATCHED, 'settings/inventory_stale_status', DEVICES,
            Source('', 'inventory_stale_status'), Code.STALE_STATUS_NOT_OFFERED, {'status': policy.stale_status},
        ))


def _report_disabled_scopes(plan: Plan, desired: Desired, current: CurrentState, policy: Policy) -> None:
    """Add one finding for each disabled scope that managed objects belong to."""
    counts: Counter[str] = Counter()
    for link in current.managed.values():
        scope = _disabled_scope(link, policy.scopes)
        if scope and link.key not in desired.objects and not link.shared:
            counts[scope] += 1
    for scope, count in sorted(counts.items()):
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.ORPHAN, '', scope, Source('', scope), Code.SCOPE_DISABLED,
            {'scope': scope, 'count': count},
        ))


def _report_excluded(plan: Plan, desired: Desired, current: CurrentState) -> None:
    """Add one finding for each rule that excludes resources with objects: these are kept, and not updated."""
    scopes: dict[str, list[str]] = defaultdict(list)
    for link in current.managed.values():
        rule = desired.excluded.get(link.source)
        if rule is not None and link.values is not None and not link.shared:
            scopes[rule].append(link.scope)
    for rule, of_objects in sorted(scopes.items()):
        plan.findings.append(Finding(
            # The scope is that of most of them: it only says where the finding is listed.
            DiscrepancyTypeChoices.ORPHAN, '', Counter(of_objects).most_common(1)[0][0], Source('', rule),
            Code.RULE_EXCLUDES, {'rule': rule, 'count': len(of_objects)},
        ))


def _report_removed(plan: Plan, links: list[ManagedObject], desired: Desired, policy: Policy) -> None:
    """Add one finding for each resource that no longer needs these objects, on the first of them."""
    found: dict[Source, list[ManagedObject]] = defaultdict(list)
    for link in links:
        found[link.source].append(link)
    for source, members in found.items():
        first = min(members, key=lambda link: (RANK.get(link.model, len(RANK)), link.key))
        code = Code.RESOURCE_CHANGED if source in desired.sources else Code.RESOURCE_REMOVED
        fate = _fate(members, plan, policy)
        planned = {'to_mark': fate['marked'], 'marked': 0} if 'marked' in fate else None
        plan.findings.append(Finding(
            DiscrepancyTypeChoices.ORPHAN, first.key, first.scope, source, code,
            {'kind': source.kind, 'resource': source.name, 'name': first.title, **fate},
            model=first.model, pk=first.object_id, planned=planned,
        ))


def _fate(links: list[ManagedObject], plan: Plan, policy: Policy) -> dict[str, int]:
    """Return how many of the kept objects are stale already, and what happens to the others."""
    new = sum(link.stale_since is None for link in links)
    found = {'stale': len(links) - new} if len(links) > new else {}
    if not new:
        return found
    if policy.removal == InventoryRemovalChoices.IGNORE:
        return {**found, 'unchanged': new}
    return {**found, 'waiting' if plan.requires_confirmation else 'marked': new}


def as_done(finding: Finding) -> Finding:
    """Return the finding on a removed resource as it is after the removal was confirmed."""
    if finding.type != DiscrepancyTypeChoices.ORPHAN:
        return finding
    parameters = dict(finding.parameters)
    if 'waiting' in parameters:
        parameters['marked'] = parameters.pop('waiting')
    return replace(finding, parameters=parameters, planned=None)
