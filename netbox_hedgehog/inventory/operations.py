"""Carry out decisions on discrepancies. Only accept_fabric_value() writes NetBox's own objects."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..accounts import AnyUser
from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..labels import field_label
from ..models import Discrepancy, Fabric, InventoryLink
from .applying.links import delete_links
from .applying.permissions import check_before
from .applying.transaction import apply_transaction
from .discrepancies import remove
from .loading.state import load_current_state
from .loading.values import load_values
from .mapping.types import Desired
from .options import options_of, policy_of
from .planning.context import PlanContext
from .planning.current import Known
from .planning.fields import desired_values, has_field, model_of
from .planning.model_specs import yields
from .planning.plan import UPDATE, Finding, Plan
from .planning.planner import make_plan
from .reconcile import desired_of

__all__ = ('Acceptance', 'accept_fabric_value', 'ignore', 'keep_netbox_value', 'recreate', 'reopen')

FIELD, DELETED = DiscrepancyTypeChoices.FIELD, DiscrepancyTypeChoices.DELETED

# A value that no field can have.
_UNKNOWN = object()


@dataclass(slots=True)
class Acceptance:
    """The outcome of accepting the fabric's values.

    `resolved` is how many discrepancies are resolved; `refusals` says why each of the others is not, and
    `event_failures` which event rules failed.
    """

    resolved: int = 0
    refusals: list[str] = field(default_factory=list)
    event_failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _FabricRows:
    """Discrepancies of one fabric, and the plan that writes the fabric's values. `reasons` has what it says by key."""

    rows: list[Discrepancy]
    context: PlanContext
    reasons: dict[str, str]


def accept_fabric_value(discrepancies: Iterable[Discrepancy], user: AnyUser | None = None) -> Acceptance:
    """Write the fabric's values of FIELD discrepancies; others are ignored.

    Takes discrepancies of any fabrics, and the user; None for the plugin's own user. The current value of the mirror is
    written, which may be newer than what the discrepancy shows. A discrepancy is resolved if its value was written,
    or was correct already; the others stay. Raises NotPermitted if the user may not change one of the objects: then
    nothing is written.
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
    desired = desired_of(fabric, options_of(fabric))
    current = load_current_state(fabric, desired)
    whole = make_plan(desired, current, replace(policy_of(fabric, now), forced=frozenset(places)))
    reasons = {finding.key: finding.sentence for finding in whole.findings if finding.type != FIELD}
    return _FabricRows(rows, PlanContext(fabric, now, desired, current, _only(whole, places)), reasons)


def _record(of_fabric: _FabricRows, findings: Iterable[Finding], acceptance: Acceptance) -> None:
    """Remove the resolved discrepancies, and record why the others are not resolved."""
    resolved = _resolved(of_fabric)
    _change_kept(of_fabric.context.fabric, {(row.key, row.field) for row in resolved}, keep=False)
    pks = {row.pk for row in resolved}
    remove(Discrepancy.objects.filter(pk__in=pks))
    reasons = {**of_fabric.reasons, **{finding.key: finding.sentence for finding in findings}}
    acceptance.refusals += [_why(row, of_fabric, reasons) for row in of_fabric.rows if row.pk not in pks]
    acceptance.resolved += len(resolved)


def _resolved(of_fabric: _FabricRows) -> list[Discrepancy]:
    """Return the discrepancies whose field was changed, or had the fabric's value already."""
    desired, managed = of_fabric.context.desired.objects, of_fabric.context.current.managed
    fields: dict[str, set[str]] = defaultdict(set)
    pks: dict[str, set[int]] = defaultdict(set)
    for row in of_fabric.rows:
        if row.key in managed and has_field(managed[row.key].model, row.field):
            fields[managed[row.key].model].add(row.field)
            pks[managed[row.key].model].add(managed[row.key].object_id)
    now = {
        label: load_values(label, model_of(label)._default_manager.filter(pk__in=pks[label]), sorted(names))
        for label, names in fields.items()
    }
    known = Known(of_fabric.context.desired, managed)
    found = []
    for row in of_fabric.rows:
        link = managed.get(row.key)
        if link is None or link.values is None or row.key not in desired or not has_field(link.model, row.field):
            continue
        value = now[link.model].get(link.object_id, {}).get(row.field)
        if value != link.values.get(row.field) or value == desired_values(desired[row.key], known, [row.field]).get(
                row.field, _UNKNOWN):
            found.append(row)
    return found


def _why(row: Discrepancy, of_fabric: _FabricRows, reasons: dict[str, str]) -> str:
    """Return why the fabric's value was not written."""
    link = of_fabric.context.current.managed.get(row.key)
    if row.key not in of_fabric.context.desired.objects:
        return f'{row.kind} {row.name} no longer has this object.'
    if link is None or link.values is None:
        return f'{row.kind} {row.name}: the object no longer exists in NetBox.'
    obj = of_fabric.context.desired.objects[row.key]
    if row.field not in obj.fields or yields(obj, row.field):
        return _('%(kind)s %(name)s has no value for %(field)s now: the NetBox value is kept.') % {
            'kind': row.kind, 'name': row.name, 'field': field_label(link.model, row.field),
        }
    return reasons.get(row.key) or f'{row.kind} {row.name}: {row.field} cannot be written now.'


def _only(plan: Plan, places: set[tuple[str, str]]) -> Plan:
    """Return the part of a plan that changes these fields of existing objects."""
    actions = []
    for action in plan.actions:
        changes = tuple(change for change in action.changes if (action.key, change.field) in places)
        if changes and action.pk is not None:
            actions.append(replace(action, type=UPDATE, changes=changes))
    return Plan(actions=actions)


def keep_netbox_value(discrepancies: Iterable[Discrepancy]) -> int:
    """Keep NetBox's values: the fields are no longer managed (FIELD), a deleted object stays deleted (DELETED).

    Returns how many were resolved; they get the state `kept`, until reopen(). Others are not changed.
    """
    discrepancies = list(discrepancies)
    kept = [row for row in discrepancies if row.type in (FIELD, DELETED)]
    with transaction.atomic():
        for fabric, rows in _by_fabric(kept, FIELD).items():
            _change_kept(fabric, {(row.key, row.field) for row in rows}, keep=True)
        return _set_state(kept, DiscrepancyStateChoices.KEPT)


def ignore(discrepancies: Iterable[Discrepancy]) -> int:
    """Stop notifying of these: their state is `ignored` for as long as they are found. Return how many."""
    return _set_state(discrepancies, DiscrepancyStateChoices.IGNORED)


def reopen(discrepancies: Iterable[Discrepancy]) -> int:
    """Undo keep_netbox_value() and ignore(): fields are managed again. Return how many."""
    discrepancies = list(discrepancies)
    with transaction.atomic():
        for fabric, rows in _by_fabric(discrepancies, FIELD).items():
            _change_kept(fabric, {(row.key, row.field) for row in rows}, keep=False)
        return _set_state(discrepancies, DiscrepancyStateChoices.OPEN)


def recreate(discrepancies: Iterable[Discrepancy]) -> int:
    """Let the next sync recreate objects that were deleted in NetBox (DELETED), with everything that belonged to them.

    Returns how many. Others are not changed.
    """
    count = 0
    with transaction.atomic():
        for fabric, rows in _by_fabric(discrepancies, DELETED).items():
            desired = desired_of(fabric, options_of(fabric))
            managed = load_current_state(fabric, desired).managed
            again = _with_referrers({row.key for row in rows}, desired)
            delete_links([link.pk for key, link in managed.items() if key in again and link.values is None])
            remove(Discrepancy.objects.filter(pk__in=[row.pk for row in rows]))
            count += len(rows)
    return count


def _with_referrers(keys: set[str], desired: Desired) -> set[str]:
    """Return these keys and those of all objects that refer to them, directly or indirectly."""
    found = set(keys)
    users: dict[str, set[str]] = defaultdict(set)
    for obj in desired.objects.values():
        for ref in obj.refs():
            users[ref.key].add(obj.key)
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
    """Record on the links for which fields NetBox's value is kept, or (not `keep`) no longer kept."""
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
