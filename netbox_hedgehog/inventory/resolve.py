"""What a person decides about discrepancies. None of these writes NetBox's own objects but take_fabric."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..models import Discrepancy, Fabric, InventoryLink
from .permissions import check_before
from .plan import UPDATE, Plan
from .planner import make_plan
from .present import read
from .settle import Picture, carry_out, options_of, rules_of, wants_of
from .wants import Desired
from .writing import Writer, delete_links

__all__ = ('forget', 'ignore', 'keep_netbox', 'recreate', 'reopen', 'take_fabric')

FIELD, DELETED = DiscrepancyTypeChoices.FIELD, DiscrepancyTypeChoices.DELETED


def take_fabric(discrepancies: Iterable[Discrepancy], user: Any = None) -> int:
    """Write the fabric's values: FIELD discrepancies only, the others are left alone.

    Takes discrepancies of any fabrics, and who decides; None for the plugin's own user. What the mirror says now is
    written, which may be newer than what the discrepancy shows. Returns how many were settled. Raises NotPermitted
    where the person may not change one of the objects: then none is.
    """
    now = timezone.now()
    pictures = []
    for fabric, rows in _by_fabric(discrepancies, FIELD).items():
        places = {(row.key, row.field) for row in rows}
        wants = wants_of(fabric, options_of(fabric))
        present = read(fabric, wants)
        plan = _only(make_plan(wants, present, replace(rules_of(fabric, now), forced=frozenset(places))), places)
        if user is not None:
            check_before(user, plan.actions)
        pictures.append((fabric, rows, places, Picture(wants, present, plan)))
    return sum(_take(*picture, user, now) for picture in pictures)


def _take(
    fabric: Fabric, rows: list[Discrepancy], places: set[tuple[str, str]], picture: Picture, user: Any, now: datetime,
) -> int:
    def conclude(writer: Writer) -> None:
        _change_kept(fabric, places, keep=False)
        failed = {finding.key for finding in writer.findings}
        over.extend(row.pk for row in rows if row.key not in failed)
        Discrepancy.objects.filter(pk__in=over)._raw_delete(Discrepancy.objects.db)

    over: list[int] = []
    carry_out(fabric, picture, user, now, conclude)
    return len(over)


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
            Discrepancy.objects.filter(pk__in=[row.pk for row in rows])._raw_delete(Discrepancy.objects.db)
            count += len(rows)
    return count


def forget(discrepancies: Iterable[Discrepancy]) -> int:
    """Objects that somebody deleted in NetBox (DELETED) stay deleted: the state `kept`. Returns how many."""
    return _set_state((row for row in discrepancies if row.type == DELETED), DiscrepancyStateChoices.KEPT)


def _hanging_on(keys: set[str], wants: Desired) -> set[str]:
    """These keys and those of all that refers to them, near or far."""
    found = set(keys)
    users: dict[str, set[str]] = defaultdict(set)
    for want in wants.wants.values():
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
