"""What a person decides about discrepancies. Only accept_fabric_value() writes NetBox's own objects."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..models import Discrepancy, Fabric, InventoryLink
from .applying.links import delete_links
from .applying.permissions import check_before
from .applying.transaction import apply_transaction
from .discrepancies import remove
from .mapping.types import Desired
from .options import options_of, rules_of
from .planning.context import PlanContext
from .planning.current import Known, load, read, wanted_values
from .planning.fields import BadValue, kind_of, model_of
from .planning.plan import UPDATE, Finding, Plan
from .planning.planner import make_plan
from .reconcile import desired_of

__all__ = ('Acceptance', 'accept_fabric_value', 'forget', 'ignore', 'keep_netbox_value', 'recreate', 'reopen')

FIELD, DELETED = DiscrepancyTypeChoices.FIELD, DiscrepancyTypeChoices.DELETED

# What no field holds.
_UNKNOWN = object()


@dataclass(slots=True)
class Acceptance:
    """What became of a decision for the fabric's values.

    `settled` is how many discrepancies are settled; `refusals` says why each of the others is not, and `event_failures`
    which event rules failed.
    """

    settled: int = 0
    refusals: list[str] = field(default_factory=list)
    event_failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _FabricRows:
    """Discrepancies of one fabric, and the plan that writes the fabric's values. `why_not` has what it says by key."""

    rows: list[Discrepancy]
    context: PlanContext
    why_not: dict[str, str]


def accept_fabric_value(discrepancies: Iterable[Discrepancy], user: Any = None) -> Acceptance:
    """Write the fabric's values: FIELD discrepancies only, the others are left alone.

    Takes discrepancies of any fabrics, and who decides; None for the plugin's own user. What the mirror says now is
    written, which may be newer than what the discrepancy shows. A discrepancy is settled when its value was written, or
    was right already; the others stay. Raises NotPermitted where the person may not change one of the objects: then
    none is.
    """
    now = timezone.now()
    planned = [_build_plan(fabric, rows, now) for fabric, rows in _by_fabric(discrepancies, FIELD).items()]
    for of_fabric in planned:
        if user is not None:
            check_before(user, of_fabric.context.plan.actions)
    acceptance = Acceptance()
    for of_fabric in planned:
        with apply_transaction(of_fabric.context, user) as applying:
            applied = applying.apply_plan()
            _record(of_fabric, applied.findings, acceptance)
        acceptance.event_failures += applying.event_failures
    return acceptance


def _build_plan(fabric: Fabric, rows: list[Discrepancy], now: datetime) -> _FabricRows:
    """Plan to write the fabric's values of these discrepancies, and nothing else."""
    places = {(row.key, row.field) for row in rows}
    wants = desired_of(fabric, options_of(fabric))
    present = read(fabric, wants)
    whole = make_plan(wants, present, replace(rules_of(fabric, now), forced=frozenset(places)))
    why_not = {finding.key: finding.sentence for finding in whole.findings if finding.type != FIELD}
    return _FabricRows(rows, PlanContext(fabric, now, wants, present, _only(whole, places)), why_not)


def _record(of_fabric: _FabricRows, findings: Iterable[Finding], acceptance: Acceptance) -> None:
    """Remove the discrepancies that are settled, and note why the others are not."""
    settled = _settled(of_fabric)
    _change_kept(of_fabric.context.fabric, {(row.key, row.field) for row in settled}, keep=False)
    pks = {row.pk for row in settled}
    remove(Discrepancy.objects.filter(pk__in=pks))
    why_not = {**of_fabric.why_not, **{finding.key: finding.sentence for finding in findings}}
    acceptance.refusals += [_why(row, of_fabric, why_not) for row in of_fabric.rows if row.pk not in pks]
    acceptance.settled += len(settled)


def is_field(label: str, name: str) -> bool:
    """Return whether a model has this field: a discrepancy may be of an older release."""
    try:
        kind_of(label, name)
    except BadValue:
        return False
    return True


def _settled(of_fabric: _FabricRows) -> list[Discrepancy]:
    """Return the discrepancies whose field has another value than before, or had the fabric's value already."""
    wants, held = of_fabric.context.desired.objects, of_fabric.context.present.held
    fields: dict[str, set[str]] = defaultdict(set)
    pks: dict[str, set[int]] = defaultdict(set)
    for row in of_fabric.rows:
        if row.key in held and is_field(held[row.key].model, row.field):
            fields[held[row.key].model].add(row.field)
            pks[held[row.key].model].add(held[row.key].object_id)
    now = {
        label: load(label, model_of(label)._default_manager.filter(pk__in=pks[label]), sorted(names))
        for label, names in fields.items()
    }
    known = Known(of_fabric.context.desired, held)
    found = []
    for row in of_fabric.rows:
        link = held.get(row.key)
        if link is None or link.values is None or row.key not in wants or not is_field(link.model, row.field):
            continue
        value = now[link.model].get(link.object_id, {}).get(row.field)
        if value != link.values.get(row.field) or value == wanted_values(wants[row.key], known, [row.field]).get(
                row.field, _UNKNOWN):
            found.append(row)
    return found


def _why(row: Discrepancy, of_fabric: _FabricRows, why_not: dict[str, str]) -> str:
    """Return why the fabric's value was not written."""
    link = of_fabric.context.present.held.get(row.key)
    if row.key not in of_fabric.context.desired.objects:
        return f'{row.kind} {row.name} does not have this object any more.'
    if link is None or link.values is None:
        return f'{row.kind} {row.name}: the object is not in NetBox any more.'
    return why_not.get(row.key) or f'{row.kind} {row.name}: {row.field} cannot be written now.'


def _only(plan: Plan, places: set[tuple[str, str]]) -> Plan:
    """Return what of a plan changes these fields of existing objects."""
    actions = []
    for action in plan.actions:
        changes = tuple(change for change in action.changes if (action.key, change.field) in places)
        if changes and action.pk is not None:
            actions.append(replace(action, verb=UPDATE, changes=changes))
    return Plan(actions=actions)


def keep_netbox_value(discrepancies: Iterable[Discrepancy]) -> int:
    """Keep NetBox's values: the fields are managed no longer (FIELD), a deleted object stays deleted (DELETED).

    Returns how many were settled; they get the state `kept`, until reopen(). Others are left alone.
    """
    discrepancies = list(discrepancies)
    kept = [row for row in discrepancies if row.type in (FIELD, DELETED)]
    with transaction.atomic():
        for fabric, rows in _by_fabric(kept, FIELD).items():
            _change_kept(fabric, {(row.key, row.field) for row in rows}, keep=True)
        return _set_state(kept, DiscrepancyStateChoices.KEPT)


def ignore(discrepancies: Iterable[Discrepancy]) -> int:
    """Report these to nobody again: the state `ignored`, for as long as they are found. Return how many."""
    return _set_state(discrepancies, DiscrepancyStateChoices.IGNORED)


def reopen(discrepancies: Iterable[Discrepancy]) -> int:
    """Take back keep_netbox_value() and ignore(): fields are managed again. Return how many."""
    discrepancies = list(discrepancies)
    with transaction.atomic():
        for fabric, rows in _by_fabric(discrepancies, FIELD).items():
            _change_kept(fabric, {(row.key, row.field) for row in rows}, keep=False)
        return _set_state(discrepancies, DiscrepancyStateChoices.OPEN)


def recreate(discrepancies: Iterable[Discrepancy]) -> int:
    """Let the next sync create objects again that somebody deleted in NetBox (DELETED), with all that was on them.

    Returns how many. Others are left alone.
    """
    count = 0
    with transaction.atomic():
        for fabric, rows in _by_fabric(discrepancies, DELETED).items():
            wants = desired_of(fabric, options_of(fabric))
            held = read(fabric, wants).held
            again = _with_referrers({row.key for row in rows}, wants)
            delete_links([link.pk for key, link in held.items() if key in again and link.values is None])
            remove(Discrepancy.objects.filter(pk__in=[row.pk for row in rows]))
            count += len(rows)
    return count


def forget(discrepancies: Iterable[Discrepancy]) -> int:
    """Let objects that somebody deleted in NetBox (DELETED) stay deleted: the state `kept`. Return how many."""
    return _set_state((row for row in discrepancies if row.type == DELETED), DiscrepancyStateChoices.KEPT)


def _with_referrers(keys: set[str], wants: Desired) -> set[str]:
    """Return these keys and those of all objects that refer to them, near or far."""
    found = set(keys)
    users: dict[str, set[str]] = defaultdict(set)
    for want in wants.objects.values():
        for ref in want.refs():
            users[ref.key].add(want.key)
    pending = list(keys)
    while pending:
        for key in users[pending.pop()] - found:
            found.add(key)
            pending.append(key)
    return found


def _by_fabric(discrepancies: Iterable[Discrepancy], type_: str) -> dict[Fabric, list[Discrepancy]]:
    found: dict[Fabric, list[Discrepancy]] = defaultdict(list)
    for row in sorted(discrepancies, key=lambda row: (row.fabric_id, row.pk)):
        if row.type == type_:
            found[row.fabric].append(row)
    return found


def _change_kept(fabric: Fabric, places: set[tuple[str, str]], keep: bool) -> None:
    """Note at the links in which fields somebody has decided for NetBox's value, or (not `keep`) decides no longer."""
    changed = []
    links = InventoryLink.objects.select_for_update().filter(fabric=fabric, key__in={key for key, _ in places})
    for link in links.order_by('pk'):
        fields = {name for key, name in places if key == link.key}
        kept = set(link.kept) | fields if keep else set(link.kept) - fields
        if kept != set(link.kept):
            link.kept, link.last_updated = sorted(kept), timezone.now()
            changed.append(link)
    InventoryLink.objects.bulk_update(changed, ['kept', 'last_updated'], batch_size=1000)


def _set_state(discrepancies: Iterable[Discrepancy], state: str) -> int:
    rows = list(discrepancies)
    count = Discrepancy.objects.filter(pk__in=[row.pk for row in rows]).update(state=state)
    for row in rows:
        row.state = state
    return count
