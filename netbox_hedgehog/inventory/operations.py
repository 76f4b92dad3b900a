"""What a person decides about discrepancies. None of these writes NetBox's own objects but take_fabric."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..models import Discrepancy, Fabric, InventoryLink
from .applying.permissions import check_before
from .applying.writer import Writer, delete_links
from .discrepancies import remove
from .mapping.types import Desired
from .planning.current import Known, load, read, wanted_values
from .planning.fields import BadValue, kind_of, model_of
from .planning.plan import UPDATE, Plan
from .planning.planner import make_plan
from .reconcile import Picture, carry_out, options_of, rules_of, wants_of

__all__ = ('forget', 'ignore', 'keep_netbox', 'recreate', 'reopen', 'take_fabric')

FIELD, DELETED = DiscrepancyTypeChoices.FIELD, DiscrepancyTypeChoices.DELETED

# What no field holds.
_UNKNOWN = object()


@dataclass(slots=True)
class _Taking:
    """What taking the fabric's values of one fabric starts from. `why_not` has what the plan says by key."""

    fabric: Fabric
    rows: list[Discrepancy]
    picture: Picture
    why_not: dict[str, str]


def take_fabric(
    discrepancies: Iterable[Discrepancy], user: Any = None, refusals: list[str] | None = None,
    event_failures: list[str] | None = None,
) -> int:
    """Write the fabric's values: FIELD discrepancies only, the others are left alone.

    Takes discrepancies of any fabrics, and who decides; None for the plugin's own user. What the mirror says now is
    written, which may be newer than what the discrepancy shows. Returns how many were settled: those whose value was
    written, or was right already. The others stay, and `refusals` gets a sentence on each;
    `event_failures` gets one on each event rule that failed. Raises NotPermitted where
    the person may not change one of the objects: then none is.
    """
    now = timezone.now()
    found = [_plan_of(fabric, rows, now) for fabric, rows in _by_fabric(discrepancies, FIELD).items()]
    for taking in found:
        if user is not None:
            check_before(user, taking.picture.plan.actions)
    refusals = [] if refusals is None else refusals
    event_failures = [] if event_failures is None else event_failures
    return sum(_take(taking, user, now, refusals, event_failures) for taking in found)


def _plan_of(fabric: Fabric, rows: list[Discrepancy], now: datetime) -> _Taking:
    places = {(row.key, row.field) for row in rows}
    wants = wants_of(fabric, options_of(fabric))
    present = read(fabric, wants)
    whole = make_plan(wants, present, replace(rules_of(fabric, now), forced=frozenset(places)))
    why_not = {finding.key: finding.sentence for finding in whole.findings if finding.type != FIELD}
    return _Taking(fabric, rows, Picture(wants, present, _only(whole, places)), why_not)


def _take(
    taking: _Taking, user: Any, now: datetime, refusals: list[str], event_failures: list[str],
) -> int:
    def conclude(writer: Writer) -> None:
        why_not = {**taking.why_not, **{finding.key: finding.sentence for finding in writer.findings}}
        settled.extend(_settled(taking))
        _change_kept(taking.fabric, {(row.key, row.field) for row in settled}, keep=False)
        pks = {row.pk for row in settled}
        remove(Discrepancy.objects.filter(pk__in=pks))
        refusals.extend(_why(row, taking, why_not) for row in taking.rows if row.pk not in pks)

    settled: list[Discrepancy] = []
    event_failures += carry_out(taking.fabric, taking.picture, user, now, conclude).event_failures
    return len(settled)


def is_field(label: str, name: str) -> bool:
    """Return whether a model has this field: a discrepancy may be of an older release."""
    try:
        kind_of(label, name)
    except BadValue:
        return False
    return True


def _settled(taking: _Taking) -> list[Discrepancy]:
    """The discrepancies whose field has another value than before, or had the fabric's value already."""
    wants, held = taking.picture.desired.objects, taking.picture.present.held
    fields: dict[str, set[str]] = defaultdict(set)
    pks: dict[str, set[int]] = defaultdict(set)
    for row in taking.rows:
        if row.key in held and is_field(held[row.key].model, row.field):
            fields[held[row.key].model].add(row.field)
            pks[held[row.key].model].add(held[row.key].object_id)
    now = {
        label: load(label, model_of(label)._default_manager.filter(pk__in=pks[label]), sorted(names))
        for label, names in fields.items()
    }
    known = Known(taking.picture.desired, held)
    found = []
    for row in taking.rows:
        link = held.get(row.key)
        if link is None or link.values is None or row.key not in wants or not is_field(link.model, row.field):
            continue
        value = now[link.model].get(link.object_id, {}).get(row.field)
        if value != link.values.get(row.field) or value == wanted_values(wants[row.key], known, [row.field]).get(
                row.field, _UNKNOWN):
            found.append(row)
    return found


def _why(row: Discrepancy, taking: _Taking, why_not: dict[str, str]) -> str:
    """Why the fabric's value was not written."""
    link = taking.picture.present.held.get(row.key)
    if row.key not in taking.picture.desired.objects:
        return f'{row.kind} {row.name} does not have this object any more.'
    if link is None or link.values is None:
        return f'{row.kind} {row.name}: the object is not in NetBox any more.'
    return why_not.get(row.key) or f'{row.kind} {row.name}: {row.field} cannot be written now.'


def _only(plan: Plan, places: set[tuple[str, str]]) -> Plan:
    """Of a plan, only the changes of these fields of these objects that stand."""
    actions = []
    for action in plan.actions:
        changes = tuple(change for change in action.changes if (action.key, change.field) in places)
        if changes and action.pk is not None:
            actions.append(replace(action, verb=UPDATE, changes=changes))
    return Plan(actions=actions)


def keep_netbox(discrepancies: Iterable[Discrepancy]) -> int:
    """Keep NetBox's values: the fields are not owned any more (FIELD), a deleted object is not made again (DELETED).

    Returns how many were settled; they stand with the state `kept`, until reopen(). Others are left alone.
    """
    discrepancies = list(discrepancies)
    kept = [row for row in discrepancies if row.type in (FIELD, DELETED)]
    with transaction.atomic():
        for fabric, rows in _by_fabric(kept, FIELD).items():
            _change_kept(fabric, {(row.key, row.field) for row in rows}, keep=True)
        return _set_state(kept, DiscrepancyStateChoices.KEPT)


def ignore(discrepancies: Iterable[Discrepancy]) -> int:
    """Nobody is to be told of these again: the state `ignored`, for as long as they are found. Returns how many."""
    return _set_state(discrepancies, DiscrepancyStateChoices.IGNORED)


def reopen(discrepancies: Iterable[Discrepancy]) -> int:
    """Take back keep_netbox() and ignore(): fields are owned again. Returns how many."""
    discrepancies = list(discrepancies)
    with transaction.atomic():
        for fabric, rows in _by_fabric(discrepancies, FIELD).items():
            _change_kept(fabric, {(row.key, row.field) for row in rows}, keep=False)
        return _set_state(discrepancies, DiscrepancyStateChoices.OPEN)


def recreate(discrepancies: Iterable[Discrepancy]) -> int:
    """Objects that somebody deleted in NetBox (DELETED) are made again by the next run, with all that was on them.

    Returns how many. Others are left alone.
    """
    count = 0
    with transaction.atomic():
        for fabric, rows in _by_fabric(discrepancies, DELETED).items():
            wants = wants_of(fabric, options_of(fabric))
            held = read(fabric, wants).held
            again = _hanging_on({row.key for row in rows}, wants)
            delete_links([link.pk for key, link in held.items() if key in again and link.values is None])
            remove(Discrepancy.objects.filter(pk__in=[row.pk for row in rows]))
            count += len(rows)
    return count


def forget(discrepancies: Iterable[Discrepancy]) -> int:
    """Objects that somebody deleted in NetBox (DELETED) stay deleted: the state `kept`. Returns how many."""
    return _set_state((row for row in discrepancies if row.type == DELETED), DiscrepancyStateChoices.KEPT)


def _hanging_on(keys: set[str], wants: Desired) -> set[str]:
    """These keys and those of all that refers to them, near or far."""
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
    """Note at the links in which fields somebody has decided for NetBox's value."""
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
